"""What is wrong with one file of a data folder, as a sentence that is translated when it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import StudioError
from ..i18n import tr

__all__ = ["Check", "Problem", "Progress", "nobody_asks", "nobody_looks", "readable"]

Check = Callable[[], None]
"""Called often; raises Cancelled when the person does not want the result any more."""

Progress = Callable[[int, int, str], None]
"""(done, total, stage): total 0 while it is not known, stage marked with N_()."""


def nobody_asks() -> None:
    """A `Check` for work that is never cancelled."""


def nobody_looks(done: int, total: int, stage: str) -> None:
    """A `Progress` that nobody sees."""


def readable(name: str) -> str:
    """A file name that any program can show and store: Linux lets names be bytes that are no text."""
    return name.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class Problem:
    """One file that cannot be used, or not as it is. file: relative to the folder. code: a stable word for programs.

    source: the English sentence, params: what fills its fields.
    """

    file: str
    code: str
    source: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The sentence in the current language."""
        return tr(self.source, **self.params)

    @classmethod
    def of(cls, file: str, error: StudioError) -> Problem:
        """What an error says about a file."""
        params = {key: readable(value) if isinstance(value, str) else value for key, value in error.params.items()}
        return cls(readable(file), error.code, error.source, params)

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"file": self.file, "code": self.code, "source": self.source, "params": dict(self.params)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Problem:
        """The inverse of `to_json`."""
        return cls(data["file"], data["code"], data["source"], data["params"])

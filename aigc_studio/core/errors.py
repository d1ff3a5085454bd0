"""Errors that are shown to people, and the one that means "the user cancelled"."""

from __future__ import annotations

from .i18n import N_, tr

__all__ = ["OUR_NAMES", "RUN_FAILED", "Cancelled", "StudioError", "describe"]


OUR_NAMES = ("family", "language", "param", "task")
"""Fields that hold a marked text: the title of a family, a language, a parameter or a task."""

RUN_FAILED = frozenset({"model-nan", "model-run"})
"""Codes of models that failed while they worked: unlike those of the other codes that begin so, they are there."""


class StudioError(Exception):
    """Something a person can act on: one clear sentence that says what happened and what to do next.

    `source` is the English sentence, marked with `N_()` where it is written so that a test can see it; `params` fill
    its `{named}` fields. It is translated when it is shown, not when it is raised, so it crosses processes and
    follows a language switch. `code` is a stable word for programs (command line, tests); `detail` is for the log.
    """

    def __init__(self, source: str, *, code: str = "error", detail: str = "", **params: object) -> None:
        super().__init__(source)
        self.source = source
        self.code = code
        self.detail = detail
        self.params = params

    def __str__(self) -> str:
        """The sentence in the current language, with the names of ours that it mentions."""
        shown = {key: tr(str(value)) if key in OUR_NAMES else value for key, value in self.params.items()}
        return tr(self.source, **shown)

    def to_json(self) -> dict[str, object]:
        """A plain dict for the database and the pipe between processes."""
        return {
            "source": self.source,
            "code": self.code,
            "detail": self.detail,
            "params": {key: _plain(value) for key, value in self.params.items()},
        }

    @classmethod
    def from_json(cls, data: dict) -> StudioError:
        """The inverse of `to_json`."""
        return cls(
            data["source"], code=data.get("code", "error"), detail=data.get("detail", ""), **data.get("params", {})
        )


class Cancelled(BaseException):
    """The user cancelled. A BaseException so that no library's `except Exception` swallows it; never an error."""


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def describe(error: BaseException) -> StudioError:
    """Any exception as something that can be shown: a StudioError itself, or a sentence about an unexpected one."""
    if isinstance(error, StudioError):
        return error
    if isinstance(error, MemoryError):
        return StudioError(
            N_("There is not enough memory for this; choose a smaller size and try again."),
            code="memory",
            detail=repr(error),
        )
    if isinstance(error, OSError) and error.errno == 28:
        return StudioError(N_("The disk is full; free some space and try again."), code="disk-full", detail=repr(error))
    return StudioError(
        N_("Something unexpected happened ({reason}); try again, and send us the log if it repeats."),
        code="unexpected",
        detail=repr(error),
        reason=f"{type(error).__name__}: {error}"[:300],
    )

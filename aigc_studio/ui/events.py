"""The values that Studio's signals carry: plain frozen data, made once, read by any panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtGui import QImage

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import tr

__all__ = ["AssetsChange", "Notice", "Progress", "ProjectInfo"]


@dataclass(frozen=True)
class ProjectInfo:
    """The open project. read_only: another window has it open, or its folder cannot be written.

    holder: the computer that has it open when that is why. warning: what to tell a person about its folder.
    """

    name: str
    folder: Path
    read_only: bool
    holder: str = ""
    warning: StudioError | None = None


@dataclass(frozen=True)
class Progress:
    """Where a running job is.

    index of count: the result being made (index from 0). done of total: steps of this result; total 0 when unknown.
    stage: what is happening, English, marked with N_() where it was written: show it with tr(). eta_s: seconds to the
    end of the whole job, None while unknown. preview: the picture so far, at most 512 px a side; None when unchanged.
    """

    index: int
    count: int
    done: int
    total: int
    stage: str = ""
    eta_s: float | None = None
    preview: QImage | None = None

    @property
    def fraction(self) -> float:
        """0..1 of the whole job, for a progress bar."""
        step = self.done / self.total if self.total else 0.0
        return min(1.0, (self.index + step) / self.count) if self.count else 0.0


_LONGEST = 1 << 20
"""Characters that the fields of a notice may come to."""


@dataclass(frozen=True)
class Notice:
    """Something to know about a job that is no error: English, marked with N_() where it was written."""

    source: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return tr(self.source, **self.params)

    @classmethod
    def of_recipe(cls, recipe: Mapping[str, Any] | None) -> list[Notice]:
        """What was said while an asset was made, from its recipe; nothing for one that is damaged there."""
        kept = ((recipe or {}).get("info") or {}).get("notices")
        pairs = kept if isinstance(kept, list) else []
        return [
            cls(pair[0], pair[1])
            for pair in pairs
            if isinstance(pair, list | tuple)
            and len(pair) == 2
            and isinstance(pair[0], str)
            and isinstance(pair[1], dict)
        ]

    def words(self) -> str:
        """Like `str`, but never fails nor grows: a recipe may be from another version, damaged, or made to do harm."""
        longest = max((len(value) for value in self.params.values() if isinstance(value, str)), default=0)
        if self.source.count("{") * longest > _LONGEST:
            return self.source
        try:
            return str(self)
        except (KeyError, IndexError, ValueError, TypeError):  # TypeError: a field that tr() itself has
            return self.source


@dataclass(frozen=True)
class AssetsChange:
    """Which assets came, went (trashed or deleted) or changed (title, star, board); ids."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

"""The captions of a folder while they are worked on: what each picture says, what is saved of it, what was done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from aigc_studio.core.datasets.caption_files import Change
from aigc_studio.core.datasets.seen import ImageFile

__all__ = ["ALL", "CHANGED", "FILTERS", "LACKING", "NAMED", "CaptionTexts", "Entry", "Texts"]

Texts = tuple[str, ...]
"""The captions of one picture, alternatives of each other."""

_PAUSE_S = 1.2
"""Whoever stops typing for so long begins something new, which is undone by itself."""


@dataclass(slots=True)
class Entry:
    """One picture. texts: what it says now. read: what was read of it. before: what the text beside said, () for
    nothing. source: where it was read, see `ImageFile`."""

    file: str
    texts: Texts
    read: Texts
    before: Texts
    source: str

    @classmethod
    def of(cls, file: ImageFile) -> Entry:
        """As a look at the folder has it."""
        beside = file.captions if file.source == "text" else ()
        return cls(file.file, file.captions, file.captions, beside, file.source)

    @property
    def changed(self) -> bool:
        """Whether there is something to save."""
        return self.texts != self.read


ALL, LACKING, NAMED, CHANGED = "all", "lacking", "named", "changed"
FILTERS: Mapping[str, Callable[[Entry], bool]] = {
    ALL: lambda _entry: True,
    LACKING: lambda entry: not entry.texts,
    NAMED: lambda entry: entry.source == "name" and not entry.changed,
    CHANGED: lambda entry: entry.changed,
}
"""Which pictures are listed."""


class CaptionTexts(QObject):
    """All pictures of one folder in order, with undo and redo."""

    loaded = Signal()
    """Other pictures."""
    changed = Signal(object)
    """Rows (list of int) whose captions, or what is known of them, are others."""
    undone = Signal(object)
    """Rows that were changed by undo or redo."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []
        self.undo = QUndoStack(self)
        self._rows: dict[str, int] = {}

    def load(self, entries: Sequence[Entry]) -> None:
        """Begin with these."""
        self.undo.clear()
        self.entries = list(entries)
        self._rows = {entry.file: row for row, entry in enumerate(self.entries)}
        self.loaded.emit()

    def row(self, file: str) -> int:
        """Where a picture stands, -1 for none."""
        return self._rows.get(file, -1)

    def count(self, which: str) -> int:
        """How many pictures a filter lists."""
        wanted = FILTERS[which]
        return sum(map(wanted, self.entries))

    def rows(self, which: str, search: str = "") -> list[int]:
        """The pictures that a filter lists, with every word of `search` in their name or captions."""
        wanted, words = FILTERS[which], search.casefold().split()
        found = (row for row, entry in enumerate(self.entries) if wanted(entry))
        if not words:
            return list(found)
        return [row for row in found if all(word in _plain(self.entries[row]) for word in words)]

    def unsaved(self) -> dict[str, Change]:
        """What is to be written."""
        return {entry.file: Change(entry.before, entry.texts) for entry in self.entries if entry.changed}

    def drafts_of(self, rows: Iterable[int]) -> dict[str, Change | None]:
        """What is to be remembered of some rows; None for what is as it was read."""
        return {
            entry.file: Change(entry.before, entry.texts) if entry.changed else None
            for entry in map(self.entries.__getitem__, rows)
        }

    # -- what a person does
    def type(self, row: int, texts: Texts) -> None:
        """Somebody types; what is typed in one go is undone in one go."""
        if self.entries[row].texts != texts:
            self.undo.push(_Edit(self, {row: texts}, typed=time.monotonic()))

    def change(self, texts: Mapping[int, Texts]) -> int:
        """Change several at once, undone at once; how many there were."""
        texts = {row: new for row, new in texts.items() if self.entries[row].texts != new}
        if texts:
            self.undo.push(_Edit(self, texts))
        return len(texts)

    def put(self, texts: Mapping[int, Texts]) -> None:
        """For the undo stack."""
        for row, new in texts.items():
            self.entries[row].texts = new
        self.changed.emit(list(texts))

    # -- what comes from the disk
    def restore(self, drafts: Mapping[str, Change]) -> int:
        """Take up what was not saved the last time; how many captions that are. `before` stays what it was then: what
        another program wrote since is seen when it is saved."""
        rows: list[int] = []
        for file, change in drafts.items():
            row = self.row(file)
            if row >= 0 and self.entries[row].texts != change.after:
                self.entries[row].texts, self.entries[row].before = change.after, change.before
                rows.append(row)
        if rows:
            self.changed.emit(rows)
        return len(rows)

    def known(self, texts: Mapping[str, Texts]) -> None:
        """What the texts beside these pictures say now: saved here, or written by another program. What is written
        here stays, and is saved over it the next time."""
        rows: list[int] = []
        for file, said in texts.items():
            if (row := self.row(file)) >= 0:
                entry = self.entries[row]
                entry.before = entry.read = said
                entry.source = "text" if said else ""
                rows.append(row)
        if rows:
            self.changed.emit(rows)


class _Edit(QUndoCommand):
    """Other captions for some pictures. typed: when it was typed (seconds), 0 for what was done at once."""

    def __init__(self, captions: CaptionTexts, after: Mapping[int, Texts], typed: float = 0.0) -> None:
        super().__init__()
        self._captions, self._after, self._typed = captions, dict(after), typed
        self._before = {row: captions.entries[row].texts for row in after}
        self._first = True

    def id(self) -> int:
        """Qt asks commands of one kind whether they are one."""
        return 1 if self._typed else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Typing goes on."""
        if not isinstance(other, _Edit) or other._after.keys() != self._after.keys():
            return False
        if other._typed - self._typed > _PAUSE_S:
            return False
        self._after, self._typed = other._after, other._typed
        self.setObsolete(self._after == self._before)
        return True

    def redo(self) -> None:
        """Do it; the first time somebody has just done it, later it is shown where."""
        self._captions.put(self._after)
        if not self._first:
            self._captions.undone.emit(list(self._after))
        self._first = False

    def undo(self) -> None:
        """Take it back."""
        self._captions.put(self._before)
        self._captions.undone.emit(list(self._before))


def _plain(entry: Entry) -> str:
    return f"{entry.file} {' '.join(entry.texts)}".casefold()

"""Reading captions, remembering what is typed, and saving it: off the UI thread, in order."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from aigc_studio.core.datasets import caption_files, images
from aigc_studio.core.datasets.caption_drafts import Drafts
from aigc_studio.core.datasets.caption_files import Change, Saved
from aigc_studio.core.errors import StudioError
from aigc_studio.core.project import Project
from aigc_studio.ui.background import Background, Check, Tell
from aigc_studio.ui.studio import Studio

from .texts import CHANGED, CaptionTexts, Entry

__all__ = ["CaptionDesk"]

_KEEP_MS = 300
_TELL_S = 0.1


class CaptionDesk(QObject):
    """The captions of one folder, with the disk behind them.

    told: done, total, stage in English. opened: how many captions from the last time are not saved yet. failed:
    StudioError when the folder cannot be read, None where it was cancelled. saved: the `Saved` of an attempt.
    unkept: StudioError when what is typed cannot be remembered.
    """

    told = Signal(int, int, str)
    opened = Signal(int)
    failed = Signal(object)
    saved = Signal(object)
    unkept = Signal(object)

    def __init__(self, studio: Studio, folder: Path, texts: CaptionTexts, parent: QObject) -> None:
        super().__init__(parent)
        self._studio, self.folder, self.texts = studio, folder, texts
        info = studio.info
        self.remembers = info is not None and not info.read_only
        """Whether what is not saved outlives the program."""
        self._drafts = Drafts(info.folder, folder) if info is not None and self.remembers else None
        self._elsewhere = False
        """Whether drafts are remembered of pictures that are not there now."""
        self._dirty: set[int] = set()
        self._work: Background | None = None
        self.saving = False
        self._timer = QTimer(self, singleShot=True, interval=_KEEP_MS)
        self._timer.timeout.connect(self.keep)
        texts.changed.connect(self._changed)

    @property
    def busy(self) -> bool:
        """Whether the folder is being read or written."""
        return self._work is not None

    def open(self) -> None:
        """Read the folder and what was typed the last time."""
        folder, drafts = self.folder, self._drafts

        def work(check: Check, _tell: Tell) -> tuple[list[Entry], Mapping[str, Change]]:
            report = images.scan(folder, check, self._telling())
            return [Entry.of(file) for file in report.files], drafts.read() if drafts is not None else {}

        self._work = self._studio.models.run("captions", work, self._read, self._not_read)

    def save(self) -> None:
        """Write what is changed; `saved` follows."""
        changes = self.texts.unsaved()
        if self.busy or not changes:
            return
        self.keep()
        self.saving = True
        folder, pictures = self.folder, [entry.file for entry in self.texts.entries]

        def work(check: Check, _tell: Tell) -> tuple[Saved, Mapping[str, Change]]:
            return caption_files.save(folder, changes, pictures, check, self._telling()), changes

        self._work = self._studio.models.run("captions", work, self._written, self._not_written)

    def cancel(self) -> None:
        """Read or write no further."""
        if self._work is not None:
            self._work.cancel()

    def keep(self) -> None:
        """Remember what was typed, now."""
        self._timer.stop()
        rows, self._dirty = self._dirty, set()
        if rows and self._drafts is not None:
            self._remember(self.texts.drafts_of(sorted(rows)))

    def forget(self) -> None:
        """What is not saved is not wanted."""
        self._timer.stop()
        self._dirty.clear()
        if (drafts := self._drafts) is not None:
            self._studio.store(lambda _project: drafts.clear(), fail=self.unkept.emit)

    # -- inside
    def _telling(self) -> images.Progress:
        last = 0.0

        def progress(done: int, total: int, stage: str) -> None:
            nonlocal last
            if (now := time.monotonic()) - last >= _TELL_S:
                last = now
                with contextlib.suppress(RuntimeError):  # the window closed meanwhile and took the receiver with it
                    self.told.emit(done, total, stage)

        return progress

    def _changed(self, rows: Sequence[int]) -> None:
        self._dirty.update(rows)
        self._timer.start()

    def _remember(self, changes: Mapping[str, Change | None]) -> None:
        drafts, empty = self._drafts, not self._elsewhere and not self.texts.count(CHANGED)
        if drafts is None:
            return

        def work(_project: Project) -> None:
            if empty:
                drafts.clear()
            else:
                drafts.keep(changes)

        self._studio.store(work, fail=self.unkept.emit)

    def _read(self, answer: tuple[list[Entry], Mapping[str, Change]]) -> None:
        self._work = None
        entries, drafts = answer
        self.texts.load(entries)
        self._elsewhere = any(self.texts.row(file) < 0 for file in drafts)
        restored = self.texts.restore(drafts)
        unsaved = self.texts.unsaved()
        if done := {file: None for file in drafts if self.texts.row(file) >= 0 and file not in unsaved}:
            self._remember(done)  # saved by one that was killed before it could forget them
        self.opened.emit(restored)

    def _not_read(self, error: StudioError | None) -> None:
        self._work = None
        self.failed.emit(error)

    def _written(self, answer: tuple[Saved, Mapping[str, Change]]) -> None:
        self._work, self.saving = None, False
        saved, changes = answer
        self.texts.known({file: changes[file].after for file in saved.written} | saved.foreign)
        self.keep()
        self.saved.emit(saved)

    def _not_written(self, error: StudioError | None) -> None:
        self._work, self.saving = None, False
        self.saved.emit(Saved(error=error))

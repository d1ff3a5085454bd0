"""Reading a run's folder while it grows: off the UI thread, a little at a time, only what is new."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from aigc_studio.core.errors import StudioError
from aigc_studio.core.runs import RunFolder
from aigc_studio.ui.background import Background, Check, Tell
from aigc_studio.ui.studio import Studio

from .record import Record, pieces_of

__all__ = ["RunReader"]

_SLICE = 1 << 16
"""Bytes parsed at once: a few milliseconds in which the window's thread has to wait for the interpreter."""
_BREATH_S = 0.0005
"""Rest between two slices, in which it gets it."""
_TELL_S = 0.2


class RunReader(QObject):
    """One run. `poll` reads what is new and answers by signals in the UI thread.

    record: what the log says. info: run.json as it was read last.
    """

    grown = Signal()
    """The record has more."""
    told = Signal()
    """run.json is another one, or the run was asked to finish."""
    idle = Signal()
    """All that there was is read."""

    _read = Signal(object, object, object)
    """From the other thread: pieces, offset, last step."""

    def __init__(self, studio: Studio, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = RunFolder(folder)
        self.record = Record()
        self.info: dict[str, Any] = {}
        self.touched = 0.0
        """When something was last written into the log, seconds since 1970; 0 for never."""
        self.finishing = False
        """Whether the run was asked to end at its next step."""
        self.complete = False
        """Whether the log was read to its end once."""
        self._studio = studio
        self._offset, self._last = 0, 0
        self._work: Background | None = None
        self._again = self._closed = False
        self._read.connect(self._take)

    @property
    def title(self) -> str:
        """What the run is called."""
        return str(self.info.get("title") or self.folder.path.name)

    @property
    def state(self) -> dict[str, Any]:
        """run.json's state: {"name", "step", "steps", "seconds", "unit"}, {} while there is none."""
        state = self.info.get("state")
        return state if isinstance(state, dict) else {}

    def poll(self) -> None:
        """Read what is new, soon."""
        if self._closed:
            return
        if self._work is not None:
            self._again = True
            return
        self._again = False
        offset, last, folder = self._offset, self._last, self.folder

        def work(check: Check, _tell: Tell) -> tuple[dict[str, Any], float, bool]:
            _read_log(folder, offset, last, check, self._read.emit)
            try:
                touched = (folder.path / "log.jsonl").stat().st_mtime
            except OSError:
                touched = 0.0
            return folder.info(), touched, folder.finish_asked

        self._work = self._studio.models.run("run log", work, self._done, self._failed)

    def close(self) -> None:
        """Read no more, and go as soon as the reading has ended."""
        self._closed = True
        if self._work is None:
            self.deleteLater()
        else:
            self._work.cancel()

    def _take(self, pieces: list[Any], offset: int, last: int) -> None:
        if self._closed:
            return
        self._offset, self._last = offset, last
        for piece in pieces:
            self.record.take(piece)
        if pieces:
            self.grown.emit()

    def _done(self, answer: tuple[dict[str, Any], float, bool]) -> None:
        self._work = None
        info, self.touched, finishing = answer
        if self._closed:
            self.deleteLater()
            return
        self.complete = True
        if info != self.info or finishing != self.finishing:
            self.info, self.finishing = info, finishing
            self.told.emit()
        self.idle.emit()
        if self._again:
            self.poll()

    def _failed(self, _error: StudioError | None) -> None:
        self._work = None
        if self._closed:
            self.deleteLater()


def _read_log(folder: RunFolder, offset: int, last: int, check: Check, tell: Any) -> None:
    """Read from `offset` to the end; tell(pieces, offset, last step) a few times a second."""
    ready: list[Any] = []
    since = time.monotonic()
    while True:
        check()
        lines, end = folder.read(offset, _SLICE)
        if end == offset:
            break
        pieces, last = pieces_of(lines, last)
        ready += pieces
        offset = end
        if (now := time.monotonic()) - since >= _TELL_S:
            tell(ready, offset, last)
            ready, since = [], now
        time.sleep(_BREATH_S)
    if ready:
        tell(ready, offset, last)

"""Keeps the catalogue in step with the disk: looks at it on a thread, when there is a reason to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QFileSystemWatcher, QObject, QThread, QTimer, Signal
from shiboken6 import isValid

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.ui.background import PATIENCE_S, Background, Check, Tell

__all__ = ["ModelScan"]

SETTLE_MS = 1500
"""A folder that is being copied changes many times: the look waits until it has been quiet for so long."""

STALE_S = 30.0
"""The window coming to the front is a reason to look when the last look is older."""

_MOST_WATCHED = 200
_TELL_S = 0.1


class ModelScan(QObject):
    """One per studio, UI thread. Nothing is looked at before `begin`.

    changed: what `catalogue.models` and `parts` answer is another now. busy: whether a look is under way. failed:
    StudioError. managerWanted, folderWanted: a picker asks for the Models page, or for "Add model folder…".
    partOffered: LorasField, Path: a file that no list has yet was dropped on a form. modelWanted: Entry to be chosen in
    the panel that works with it.
    """

    changed = Signal()
    busyChanged = Signal(bool)
    progressed = Signal(int, str)
    """How many models were found so far, and the name of the one being read; at most ten times a second."""
    failed = Signal(object)
    managerWanted = Signal()
    folderWanted = Signal()
    partOffered = Signal(object, object)
    modelWanted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work: Background | None = None
        self._others: set[Background] = set()
        self._again = False
        self._then: list[Callable[[], object]] = []
        self._now: list[Callable[[], object]] = []
        self._looked_at = 0.0
        self._closed = False
        self.left: list[Background] = []
        """What did not end within the patience of `close`."""
        self._watcher: QFileSystemWatcher | None = None
        self._wanted: frozenset[str] = frozenset()
        self._settle = QTimer(self, interval=SETTLE_MS, singleShot=True)
        self._settle.timeout.connect(self.rescan)

    @property
    def busy(self) -> bool:
        """Whether a look is under way."""
        return self._work is not None

    def begin(self, window: QObject | None = None) -> None:
        """Look for the first time, watch the folders from now on, and look again when `window` comes to the front."""
        if self._watcher is None:
            self._watcher = QFileSystemWatcher(self)
            self._watcher.directoryChanged.connect(lambda _path: self._settle.start())
            if window is not None:
                window.installEventFilter(self)
        self.rescan()

    def rescan(self, then: Callable[[], object] | None = None) -> None:
        """Look now; once more afterwards when a look is under way, as it may have passed what changed.

        then: called when this look is over, however it ended.
        """
        if self._closed:
            return
        if then is not None:
            self._then.append(then)
        if self._work is not None:
            self._again = True
            return
        self._now, self._then = self._then, []
        work = self._work = Background("models", lambda check, _tell: self._look(check), self)
        work.done.connect(self._done)
        work.failed.connect(self._failed)
        work.start(QThread.Priority.LowPriority)
        self.busyChanged.emit(True)

    def cancel(self) -> None:
        """Stop the look that is under way; what was known stays known."""
        self._again = False
        if self._work is not None:
            self._work.cancel()

    def run(
        self,
        name: str,
        work: Callable[[Check, Tell], Any],
        then: Callable[[Any], object],
        fail: Callable[[StudioError | None], object],
    ) -> Background:
        """Other slow work about models (inspecting, copying): `then(answer)` or `fail(error or None)` follows.

        Where that is a method of a widget that is gone meanwhile, it is not called.
        """
        background = Background(name, work, self)
        self._others.add(background)
        background.done.connect(lambda answer: self._answer(background, then, answer))
        background.failed.connect(lambda error: self._answer(background, fail, error))
        background.start(QThread.Priority.LowPriority)
        return background

    def _answer(self, background: Background, call: Callable[[Any], object], value: Any) -> None:
        self._others.discard(background)
        owner = getattr(call, "__self__", None)
        if not isinstance(owner, QObject) or isValid(owner):
            call(value)

    def inspect(
        self, path: Path, then: Callable[[Any], object], fail: Callable[[StudioError | None], object]
    ) -> Background:
        """What a folder or file is: `then(list of entries)`, or why it is nothing usable."""
        return self.run("inspect model", lambda _check, _tell: catalogue.inspect(path), then, fail)

    def close(self) -> None:
        """Stop, and wait for a moment: the last call."""
        self._closed = True
        self._settle.stop()
        self.cancel()
        under_way = [*self._others, *([self._work] if self._work is not None else [])]
        for background in under_way:
            background.cancel()
        until = time.monotonic() + PATIENCE_S  # for all of them
        self.left = [each for each in under_way if not each.stop(until - time.monotonic())]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The window came to the front: the person may have copied something meanwhile."""
        if event.type() == QEvent.Type.WindowActivate and time.monotonic() - self._looked_at > STALE_S:
            self.rescan()
        return False

    def _look(self, check: Check) -> bool:
        """In the thread."""
        told = 0.0

        def tell(count: int, name: str) -> None:
            nonlocal told
            if (now := time.monotonic()) - told >= _TELL_S and not self._closed:
                told = now
                self.progressed.emit(count, name)

        changed = catalogue.rescan(check, tell)
        self._wanted = _watched_folders()
        return changed

    def _done(self, changed: bool) -> None:
        self._over()
        if changed:
            self.changed.emit()
        self._next()

    def _failed(self, error: StudioError | None) -> None:
        self._over()
        if error is not None:
            self.failed.emit(error)
        self._next()

    def _over(self) -> None:
        self._work = None
        self._looked_at = time.monotonic()
        self._watch()
        self.busyChanged.emit(False)

    def _next(self) -> None:
        """After what is new was told: who waited for this look, and the next one."""
        waited, self._now = self._now, []
        for call in waited:
            call()
        if (self._again or self._then) and self._work is None:
            self._again = False
            self.rescan()

    def _watch(self) -> None:
        """Watch what the look said is there."""
        if self._watcher is None or self._closed:
            return
        watched = set(self._watcher.directories())
        if gone := watched - self._wanted:
            self._watcher.removePaths(sorted(gone))
        if new := self._wanted - watched:
            self._watcher.addPaths(sorted(new))


def _watched_folders() -> frozenset[str]:
    """The roots, and what is incomplete: a copy may still be going on in it. Looks at the disk."""
    roots = {str(path) for path in catalogue.folders() if path.is_dir()}
    unfinished = {str(entry.folder) for entry in catalogue.models() if entry.problem and entry.folder is not None}
    return frozenset(sorted(roots | {path for path in unfinished if Path(path).is_dir()})[:_MOST_WATCHED])

"""One piece of slow work on a thread of its own, with progress, cancel and one answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from aigc_studio.core.errors import Cancelled, StudioError, describe

__all__ = ["PATIENCE_S", "Background", "Check", "Tell"]

log = logging.getLogger(__name__)

PATIENCE_S = 1.5
"""How long closing waits for work that is not wanted any more: a folder on a dead network drive answers never."""
_STEP_S = 0.1

Check = Callable[[], None]
"""Raises Cancelled when the work is not wanted any more."""
Tell = Callable[[int, int], None]
"""done, total."""


class Background(QThread):
    """Calls `work(check, tell)` in its thread. Exactly one of `done` and `failed` follows, in the owner's thread.

    progressed: 0..1, at most ten times a second. done: what the work returned. failed: StudioError, None when it was
    cancelled. Deletes itself; its parent waits for it with `stop`.
    """

    progressed = Signal(float)
    done = Signal(object)
    failed = Signal(object)

    def __init__(self, name: str, work: Callable[[Check, Tell], Any], parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._work = work
        self._told = 0.0
        self._cancelled = threading.Event()
        self.finished.connect(self.deleteLater)

    def cancel(self) -> None:
        """Ask it to end; `failed(None)` follows unless it was done already."""
        self._cancelled.set()

    def stop(self, patience: float = PATIENCE_S) -> bool:
        """Cancel and wait for so many seconds at most; whether it has ended.

        What has not tells nothing any more and belongs to nobody: it must be kept until the process ends, and the
        process has to end without taking its objects apart, as Qt gives up a program that drops a running thread.
        """
        self.cancel()
        if self.wait(max(0, round(1000 * patience))):
            return True
        log.warning("%s does not end and is left behind", self.objectName())
        self.blockSignals(True)
        self.setParent(None)
        return False

    def run(self) -> None:
        """Qt's call in the new thread."""
        try:
            answer = self._work(self._check, self._tell)
        except Cancelled:
            self.failed.emit(None)
        except StudioError as error:
            self.failed.emit(error)
        except Exception as error:
            log.info("%s failed", self.objectName(), exc_info=True)
            self.failed.emit(describe(error))
        else:
            self.done.emit(answer)

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

    def _tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if total and now - self._told >= _STEP_S:
            self._told = now
            self.progressed.emit(min(1.0, done / total))

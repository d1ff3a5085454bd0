"""Python's garbage collector, run by a timer in the UI thread only.

Automatic collection runs in whichever thread allocates; on a worker's it may destroy Qt objects that belong to the UI
thread, which crashes. So it is switched off in this process, and a timer collects young objects often, all seldom.

A full collection over the window's 70,000 objects takes 40-60 ms, which a person sees; so what has survived one is
frozen, and only looked at again when a project is closed and nobody waits.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

__all__ = ["GarbageCollector"]

INTERVAL_MS = 500
_FIRST_FREEZE = 10
_FULL_EVERY = 120


class GarbageCollector(QObject):
    """Switches automatic collection off while it lives; `close()` switches it on again."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._was_enabled = gc.isenabled()
        self._thresholds = gc.get_threshold()
        gc.disable()
        self._ticks = 0
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.tick)
        self._timer.start()

    def tick(self) -> None:
        """Collect as far as Python itself would have by now; everything that is not frozen about once a minute."""
        self._ticks += 1
        young, middle, _ = gc.get_count()
        if self._ticks % _FULL_EVERY == 0:
            gc.collect()
            gc.freeze()
        elif self._ticks == _FIRST_FREEZE:
            gc.freeze()  # what the start has made stays; not looking at it costs nothing
        elif middle > self._thresholds[1]:
            gc.collect(1)
        elif young > self._thresholds[0]:
            gc.collect(0)

    def sweep(self) -> None:
        """Collect everything, frozen or not: at a moment when 60 ms are not seen."""
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    def close(self) -> None:
        """Give collection back to Python."""
        self._timer.stop()
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()

"""Thumbnails for views: read off the UI thread, kept while they are likely to be shown again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QThreadPool, QTimer, Signal, Slot
from PySide6.QtGui import QImage, QImageReader, QPixmap
from shiboken6 import isValid

__all__ = ["ThumbnailLoader"]


class _Signals(QObject):
    read = Signal(str, object)  # asset id, QImage (null when the file is not there or broken)


class _Read(QRunnable):
    """Reads one small picture file in the pool; QImageReader.read releases the interpreter's lock."""

    def __init__(self, id: str, path: Path, signals: _Signals) -> None:
        super().__init__()
        self._id = id
        self._path = path
        self._signals = signals

    def run(self) -> None:
        """Read and report."""
        image = QImageReader(str(self._path)).read() if self._path.is_file() else QImage()
        try:
            self._signals.read.emit(self._id, image)
        except RuntimeError:  # the window closed meanwhile and took the receiver with it
            return


class ThumbnailLoader(QObject):
    """Gives a pixmap at once or later.

    `locate(id)` names the thumbnail file; `make(id, then)` asks for it to be made when it is missing and calls
    `then(path or None)`. At most `kept` pixmaps stay in memory (256 px RGBA: 256 KiB each).
    """

    ready = Signal(str)
    """Asset id whose pixmap can be had now."""

    def __init__(
        self,
        locate: Callable[[str], Path | None],
        make: Callable[[str, Callable[[Path | None], None]], None],
        parent: QObject | None = None,
        *,
        kept: int = 400,
    ) -> None:
        super().__init__(parent)
        self._locate = locate
        self._make = make
        self._kept = kept
        self._pixmaps: OrderedDict[str, QPixmap] = OrderedDict()
        self._waiting: set[str] = set()
        self._asked: set[str] = set()
        self._wanted: OrderedDict[str, None] = OrderedDict()
        self._running = 0
        self._signals = _Signals(self)
        self._signals.read.connect(self._read)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(2)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._start)

    def pixmap(self, id: str) -> QPixmap | None:
        """The thumbnail when it is at hand; else None, and `ready` follows if it can be had. Null: it cannot be had."""
        pixmap = self._pixmaps.get(id)
        if pixmap is not None:
            self._pixmaps.move_to_end(id)
            return pixmap
        if id not in self._waiting:
            self._wanted[id] = None
            self._wanted.move_to_end(id)
            if not self._timer.isActive():
                self._timer.start()
        return None

    def forget(self, *ids: str) -> None:
        """Drop what is known of some assets (their files changed), or of all."""
        for id in ids or tuple(self._pixmaps):
            self._pixmaps.pop(id, None)
            self._asked.discard(id)
        if not ids:
            self._asked.clear()
            self._wanted.clear()

    def wait(self) -> None:
        """Wait for the reads under way, before the project's files are moved or the window goes."""
        self._wanted.clear()
        self._pool.clear()
        self._pool.waitForDone()
        self._running = 0
        self._waiting.clear()

    def _start(self) -> None:
        # Newest wish first and at most four under way: what was scrolled past is dropped, not read.
        while self._wanted and self._running < 4:
            id, _ = self._wanted.popitem()
            path = self._locate(id)
            if path is None:
                continue
            self._waiting.add(id)
            self._running += 1
            self._pool.start(_Read(id, path, self._signals))
        while len(self._wanted) > 128:
            self._wanted.popitem(last=False)

    @Slot(str, object)
    def _read(self, id: str, image: QImage) -> None:
        self._running = max(0, self._running - 1)
        self._waiting.discard(id)
        if image.isNull() and id not in self._asked:
            self._asked.add(id)
            self._waiting.add(id)
            self._make(id, lambda path, id=id: self._made(id, path))
        else:
            self._keep(id, QPixmap.fromImage(image))
        if self._wanted:
            self._timer.start()

    def _made(self, id: str, path: Path | None) -> None:
        if not isValid(self):  # the answer came after the window had gone
            return
        self._waiting.discard(id)
        if path is None:
            self._keep(id, QPixmap())
        else:
            self._wanted[id] = None
            self._timer.start()

    def _keep(self, id: str, pixmap: QPixmap) -> None:
        self._pixmaps[id] = pixmap
        while len(self._pixmaps) > self._kept:
            self._pixmaps.popitem(last=False)
        self.ready.emit(id)

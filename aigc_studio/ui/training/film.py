"""Small pictures read off the UI thread, and the strip of them below the large one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QRect, QRectF, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageReader, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from aigc_studio.ui.theme import theme_of

__all__ = ["Film", "SmallPictures"]

_KEPT = 500
_CELL, _GAP = 64, 6


class _Done(QObject):
    ready = Signal(str, QImage)


class _Task(QRunnable):
    def __init__(self, path: str, side: int, done: _Done, otherwise: Callable[[Path], QImage] | None) -> None:
        super().__init__()
        self.path, self.side, self.done, self.otherwise = path, side, done, otherwise

    def run(self) -> None:
        reader = QImageReader(self.path)
        reader.setAutoTransform(True)
        size = reader.size()
        if size.isValid() and max(size.width(), size.height()) > 2 * self.side:
            reader.setScaledSize(size.scaled(2 * self.side, 2 * self.side, Qt.AspectRatioMode.KeepAspectRatio))
        image = reader.read()
        if image.isNull() and self.otherwise is not None:
            image = self.otherwise(Path(self.path))
        if max(image.width(), image.height()) > self.side:
            image = image.scaled(
                QSize(self.side, self.side),
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        self.done.ready.emit(self.path, image)


class SmallPictures(QObject):
    """Pictures of files at `side` pixels at most; what was asked for last is read first.

    otherwise: reads, in the other thread, what Qt cannot; a null image when it cannot either.
    ready: a path, when its picture can be had from `image`.
    """

    ready = Signal(str)
    _MOST_WAITING = 80

    def __init__(
        self, side: int, parent: QObject, *, otherwise: Callable[[Path], QImage] | None = None, kept: int = _KEPT
    ) -> None:
        super().__init__(parent)
        self._side, self._otherwise, self._kept = side, otherwise, kept
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._done = _Done(self)
        self._done.ready.connect(self._keep)
        self._images: OrderedDict[str, QImage] = OrderedDict()
        self._wanted: list[str] = []
        self._running = ""

    def image(self, path: Path) -> QImage | None:
        """The picture, or None: then it is read, and `ready` follows. A null one cannot be read."""
        key = str(path)
        found = self._images.get(key)
        if found is not None:
            self._images.move_to_end(key)
            return found
        if key != self._running and (not self._wanted or self._wanted[-1] != key):
            if key in self._wanted:
                self._wanted.remove(key)
            self._wanted = [*self._wanted, key][-self._MOST_WAITING :]
            self._next()
        return None

    def forget(self) -> None:
        """Drop all of it."""
        self._wanted.clear()
        self._images.clear()

    def wait(self) -> None:
        """Let the reading end."""
        self._wanted.clear()
        self._pool.waitForDone()

    def _next(self) -> None:
        if not self._running and self._wanted:
            self._running = self._wanted.pop()
            self._pool.start(_Task(self._running, self._side, self._done, self._otherwise))

    def _keep(self, key: str, image: QImage) -> None:
        self._running = ""
        self._images[key] = image
        while len(self._images) > self._kept:
            self._images.popitem(last=False)
        self._next()
        self.ready.emit(key)


class Film(QWidget):
    """Small pictures in a row, the chosen one always in sight. The slider beside it is for the keyboard."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.small = SmallPictures(2 * _CELL, self)
        self.small.ready.connect(lambda _key: self.update())
        self._paths: Sequence[Path | None] = ()
        self._tips: Sequence[str] = ()
        self._current = 0
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme_of(self).changed.connect(self.update)

    def show_paths(self, paths: Sequence[Path | None], tips: Sequence[str], current: int) -> None:
        """Other pictures; None for what is no picture."""
        self._paths, self._tips, self._current = paths, tips, current
        self.update()

    def set_current(self, place: int) -> None:
        """Another one is chosen."""
        if place != self._current:
            self._current = place
            self.update()

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(8 * (_CELL + _GAP), _CELL + 8)

    def minimumSizeHint(self) -> QSize:
        """As narrow as one likes."""
        return QSize(_CELL, _CELL + 8)

    def cell(self, place: int) -> QRect:
        """Where a picture is."""
        return QRect(place * (_CELL + _GAP) - self._offset(), 4, _CELL, _CELL)

    def _offset(self) -> int:
        """Pixels that are out of sight on the left: the chosen one is in the middle, but for the ends."""
        whole = len(self._paths) * (_CELL + _GAP) - _GAP
        wished = self._current * (_CELL + _GAP) + _CELL // 2 - self.width() // 2
        return max(0, min(wished, whole - self.width()))

    def _at(self, point: QPoint) -> int:
        place = (point.x() + self._offset()) // (_CELL + _GAP)
        return place if 0 <= place < len(self._paths) and self.cell(place).contains(point) else -1

    def paintEvent(self, event: QPaintEvent) -> None:
        """Those in sight; the ones nearest to the chosen one are asked for last, so that they are read first."""
        theme, painter = theme_of(self), QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        first = max(0, self._offset() // (_CELL + _GAP))
        seen = range(first, min(len(self._paths), first + self.width() // (_CELL + _GAP) + 2))
        for place in sorted(seen, key=lambda place: -abs(place - self._current)):
            rect, path = self.cell(place), self._paths[place]
            outline = QPainterPath()
            outline.addRoundedRect(QRectF(rect), 4, 4)
            painter.fillPath(outline, theme.color("sunken"))
            image = self.small.image(path) if path is not None else None
            if image is not None and not image.isNull():
                painter.save()
                painter.setClipPath(outline)
                size = image.size().scaled(rect.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
                target = QRect(QPoint(0, 0), size)
                target.moveCenter(rect.center())
                painter.drawImage(target, image)
                painter.restore()
            if place == self._current:
                painter.setPen(QPen(theme.color("accent"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(rect).adjusted(-1, -1, 1, 1), 5, 5)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose one."""
        place = self._at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place >= 0:
            self.chosen.emit(place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say which one it is; with the button down, go through them."""
        place = self._at(event.position().toPoint())
        self.setToolTip(self._tips[place] if 0 <= place < len(self._tips) else "")

    def wheelEvent(self, event: QWheelEvent) -> None:
        """To the neighbours."""
        turned = event.angleDelta().y() or -event.angleDelta().x()
        if turned and self._paths:
            place = self._current + (-1 if turned > 0 else 1)
            self.chosen.emit(min(max(place, 0), len(self._paths) - 1))
        event.accept()

"""A picture prepared for painting: halved again and again, each level cut into tiles. Made off the UI thread.

Painting at any zoom then touches only the tiles in sight of the level just above the screen's resolution, so a frame
costs what the view shows and not what the picture holds.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QPointF, QRect, QRectF, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QColorSpace, QImage, QImageReader, QPainter

from aigc_studio.core.errors import StudioError, describe
from aigc_studio.core.imaging import open_image

__all__ = ["PictureLoader", "Pyramid", "build", "read_image"]

TILE = 512
"""Side of a tile in pixels of its level."""

_APRON = 2
"""Pixels of its neighbours that each tile also holds: smooth scaling samples across the seam."""

_SMALLEST = 256
"""No level is made whose longer side would be shorter than this."""

_ALLOCATION_MB = 1200
"""What one decoded picture may take; Qt's own limit refuses 8192 x 8192 with transparency."""

CACHE_BYTES = 400 << 20
"""Pictures kept ready besides those shown: flipping through candidates must not decode again."""


@dataclass(frozen=True)
class _Level:
    size: QSize
    columns: int
    rows: int
    tiles: tuple[QImage, ...]


class Pyramid:
    """One picture, ready to paint. Immutable; safe to hand between threads.

    size: of the picture in pixels. transparent: whether it has transparent pixels to see through.
    """

    def __init__(self, size: QSize, levels: tuple[_Level, ...], transparent: bool) -> None:
        self.size = size
        self.transparent = transparent
        self._levels = levels

    @property
    def bytes(self) -> int:
        """Memory held."""
        return sum(tile.sizeInBytes() for level in self._levels for tile in level.tiles)

    def paint(self, painter: QPainter, target: QRectF, clip: QRect) -> None:
        """Paint the picture into `target`, only where it meets `clip`; both in the painter's own (device) pixels."""
        scale = target.width() / self.size.width()
        index = 0 if scale >= 1 else min(len(self._levels) - 1, int(math.floor(-math.log2(scale) + 1e-6)))
        level = self._levels[index]
        sx, sy = target.width() / level.size.width(), target.height() / level.size.height()
        visible = QRectF(clip).intersected(target)
        if visible.isEmpty():
            return
        # Up to twice its size a picture looks better smooth; beyond, one wants to see its pixels.
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 2)
        first_column = max(0, int((visible.left() - target.left()) / (TILE * sx)))
        last_column = min(level.columns - 1, int((visible.right() - target.left()) / (TILE * sx)))
        first_row = max(0, int((visible.top() - target.top()) / (TILE * sy)))
        last_row = min(level.rows - 1, int((visible.bottom() - target.top()) / (TILE * sy)))
        for row in range(first_row, last_row + 1):
            top, bottom = row * TILE, min((row + 1) * TILE, level.size.height())
            for column in range(first_column, last_column + 1):
                left, right = column * TILE, min((column + 1) * TILE, level.size.width())
                # Seams fall on whole screen pixels, and the source is moved to match: no tile's edge is ever blended.
                x0, x1 = round(target.left() + left * sx), round(target.left() + right * sx)
                y0, y1 = round(target.top() + top * sy), round(target.top() + bottom * sy)
                if x1 <= x0 or y1 <= y0:
                    continue
                origin_x, origin_y = max(0, left - _APRON), max(0, top - _APRON)
                source = QRectF(
                    (x0 - target.left()) / sx - origin_x,
                    (y0 - target.top()) / sy - origin_y,
                    (x1 - x0) / sx,
                    (y1 - y0) / sy,
                )
                painter.drawImage(QRectF(x0, y0, x1 - x0, y1 - y0), level.tiles[row * level.columns + column], source)

    def color_at(self, point: QPointF) -> int | None:
        """The ARGB value of the picture pixel under `point` (picture pixels), None outside."""
        x, y = math.floor(point.x()), math.floor(point.y())
        if not (0 <= x < self.size.width() and 0 <= y < self.size.height()):
            return None
        level = self._levels[0]
        column, row = x // TILE, y // TILE
        tile = level.tiles[row * level.columns + column]
        return tile.pixel(x - max(0, column * TILE - _APRON), y - max(0, row * TILE - _APRON))

    def region(self, rect: QRect) -> QImage:
        """A copy of part of the picture at full resolution."""
        image = QImage(rect.size(), QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        level = self._levels[0]
        for row in range(max(0, rect.top() // TILE), min(level.rows - 1, rect.bottom() // TILE) + 1):
            for column in range(max(0, rect.left() // TILE), min(level.columns - 1, rect.right() // TILE) + 1):
                origin = QPointF(max(0, column * TILE - _APRON), max(0, row * TILE - _APRON))
                painter.drawImage(origin - rect.topLeft(), level.tiles[row * level.columns + column])
        painter.end()
        return image


def read_image(path: Path) -> QImage:
    """The picture in a file, turned the way it is meant to be seen; StudioError when it cannot be read."""
    QImageReader.setAllocationLimit(_ALLOCATION_MB)
    reader = QImageReader(str(path))
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    image = reader.read()
    if not image.isNull():
        return image
    picture = open_image(path)  # what Qt does not know; answers what nobody knows with a sentence
    data = picture.convert("RGBA").tobytes()
    width, height = picture.size
    return QImage(data, width, height, width * 4, QImage.Format.Format_RGBA8888).copy()


def build(image: QImage) -> Pyramid:
    """Levels and tiles of a picture. Slow (0.1 s for 2048 x 2048); call it off the UI thread.

    Every step that holds Python's interpreter lock works on one tile, so that the window never waits longer than
    about a millisecond for it.
    """
    srgb = QColorSpace(QColorSpace.NamedColorSpace.SRgb)
    foreign = image.colorSpace().isValid() and image.colorSpace() != srgb
    transparent = image.hasAlphaChannel()
    target = QImage.Format.Format_ARGB32_Premultiplied if transparent else QImage.Format.Format_RGB32
    levels: list[_Level] = []
    current = image
    while True:
        width, height = current.width(), current.height()
        columns, rows = -(-width // TILE), -(-height // TILE)
        tiles = []
        for row in range(rows):
            for column in range(columns):
                left, top = max(0, column * TILE - _APRON), max(0, row * TILE - _APRON)
                right = min(width, (column + 1) * TILE + _APRON)
                bottom = min(height, (row + 1) * TILE + _APRON)
                tile = current.copy(left, top, right - left, bottom - top)
                if foreign:
                    tile.convertToColorSpace(srgb)
                if tile.format() != target:
                    tile.convertTo(target)
                tiles.append(tile)
        levels.append(_Level(QSize(width, height), columns, rows, tuple(tiles)))
        if max(width, height) // 2 < _SMALLEST:
            return Pyramid(QSize(image.width(), image.height()), tuple(levels), transparent)
        current = _halved(levels[-1], target)
        foreign = False


def _halved(level: _Level, form: QImage.Format) -> QImage:
    """A level at half its width and height, tile by tile: QImage.scaled holds the lock for all that it scales."""
    half = QImage((level.size.width() + 1) // 2, (level.size.height() + 1) // 2, form)
    painter = QPainter(half)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
    for number, tile in enumerate(level.tiles):
        row, column = divmod(number, level.columns)
        left, top = min(_APRON, column * TILE), min(_APRON, row * TILE)
        width = min(TILE, level.size.width() - column * TILE)
        height = min(TILE, level.size.height() - row * TILE)
        size = QSize((width + 1) // 2, (height + 1) // 2)
        core = tile.copy(left, top, width, height)
        small = core.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
        painter.drawImage(column * (TILE // 2), row * (TILE // 2), small)
    painter.end()
    return half


class _Done(QObject):
    loaded = Signal(str, object)
    failed = Signal(str, object)


class _Task(QRunnable):
    def __init__(self, key: str, path: Path, done: _Done) -> None:
        super().__init__()
        self.key, self.path, self.done = key, path, done

    def run(self) -> None:
        try:
            self.done.loaded.emit(self.key, build(read_image(self.path)))
        except Exception as error:  # noqa: BLE001  shown to the person by whoever asked; a worker must not die silently
            self.done.failed.emit(self.key, describe(error))


class PictureLoader(QObject):
    """Reads pictures on a thread of its own and keeps the last ones ready.

    `load(key, path)` is followed by `loaded(key, Pyramid)` or `failed(key, StudioError)`, always later, never within
    the call. Asked twice for the same key it reads once.
    """

    loaded = Signal(str, object)
    failed = Signal(str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._done = _Done(self)
        self._done.loaded.connect(self._keep)
        self._done.failed.connect(self._report)
        self._ready: OrderedDict[str, Pyramid] = OrderedDict()
        self._running: set[str] = set()

    def cached(self, key: str) -> Pyramid | None:
        """The picture, when it is ready now."""
        if key in self._ready:
            self._ready.move_to_end(key)
        return self._ready.get(key)

    def load(self, key: str, path: Path) -> None:
        """Ask for a picture; newer wishes come first."""
        if key in self._running or key in self._ready:
            return
        self._running.add(key)
        self._pool.start(_Task(key, path, self._done), len(self._running))

    def forget(self) -> None:
        """Drop everything that is kept (the project was closed)."""
        self._pool.clear()
        self._ready.clear()
        self._running.clear()

    def wait(self) -> None:
        """Let the running reading end; before the program does."""
        self._pool.clear()
        self._pool.waitForDone()

    def _keep(self, key: str, pyramid: Pyramid) -> None:
        if key not in self._running:
            return  # forgotten meanwhile
        self._running.discard(key)
        self._ready[key] = pyramid
        while len(self._ready) > 2 and sum(item.bytes for item in self._ready.values()) > CACHE_BYTES:
            self._ready.popitem(last=False)
        self.loaded.emit(key, pyramid)

    def _report(self, key: str, error: StudioError) -> None:
        if key not in self._running:
            return
        self._running.discard(key)
        self.failed.emit(key, error)

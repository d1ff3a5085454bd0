"""The mask over a picture: its pixels, its edits with undo, and its tinted tiles for painting."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image
from PySide6.QtCore import QObject, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QUndoCommand, QUndoStack

from aigc_studio.core.brush import EMPTY, Box, Patch, join_boxes
from aigc_studio.core.i18n import tr

__all__ = ["MaskLayer"]

_TILE = 256
"""Side of a tile on the screen, before scaling."""

_KEPT_TILES = 512


class _MaskEdit(QUndoCommand):
    """One edit of a mask. The edit has already happened when it is pushed."""

    def __init__(self, layer: MaskLayer, patch: Patch, text: str) -> None:
        super().__init__(text)
        self._layer, self._patch = layer, patch
        self._fresh = True

    def redo(self) -> None:
        if self._fresh:
            self._fresh = False
            return
        self._layer.apply(self._patch)

    def undo(self) -> None:
        self._layer.apply(self._patch)


class MaskLayer(QObject):
    """A mask the size of the picture.

    Tools change `pixels` in place between `begin()` and `commit(text)` and report each piece with `touched(box)`;
    the commit becomes one undo step. `changed` carries the box (left, top, right, bottom) to repaint, and
    `emptied(bool)` says when the mask becomes empty or stops being so.
    """

    changed = Signal(object)
    emptied = Signal(bool)

    def __init__(self, undo_stack: QUndoStack, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pixels = np.zeros((1, 1), np.uint8)
        self._undo = undo_stack
        self._committed = np.zeros((1, 1), np.uint8)
        # The mask as of the last commit, always kept: copying a large mask when a stroke starts would make it late.
        self._editing = False
        self._box: Box = EMPTY
        self._tiles: dict[tuple[int, int, int], QImage | None] = {}
        self._lut = np.zeros(256, np.uint32)
        self._empty = True
        self.set_tint(QColor(Qt.GlobalColor.red))  # until the view gives it the theme's

    # -- what it holds
    @property
    def size(self) -> QSize:
        """Width and height in picture pixels."""
        return QSize(self.pixels.shape[1], self.pixels.shape[0])

    @property
    def empty(self) -> bool:
        """Whether nothing is selected."""
        return self._empty

    def image(self) -> Image.Image:
        """A copy as an 8-bit grey picture, to be stored."""
        return Image.fromarray(self.pixels.copy(), "L")

    def reset(self, size: QSize, pixels: np.ndarray | None = None) -> None:
        """Start over for another picture; this cannot be undone."""
        shape = (max(1, size.height()), max(1, size.width()))
        self.pixels = np.zeros(shape, np.uint8) if pixels is None else pixels.astype(np.uint8, copy=True)
        if self.pixels.shape != shape:
            raise ValueError(f"mask of {self.pixels.shape} for a picture of {shape}")
        self._committed = np.zeros(shape, np.uint8) if pixels is None else self.pixels.copy()
        self._editing = False
        self._box = EMPTY
        self._tiles.clear()
        self._look()
        self.changed.emit((0, 0, shape[1], shape[0]))

    # -- edits
    def begin(self) -> None:
        """Start an edit: from here on the tools may change `pixels`."""
        self._editing = True
        self._box = EMPTY

    @property
    def editing(self) -> bool:
        """Whether an edit is under way."""
        return self._editing

    def touched(self, box: Box) -> None:
        """A tool changed pixels within `box`."""
        self._box = join_boxes(self._box, box)
        self._drop(box)
        self.changed.emit(box)

    def commit(self, text: str) -> None:
        """End the edit; `text` names the undo step. An edit that changed nothing leaves no step."""
        if not self._editing:
            return
        self._editing = False
        left, top, right, bottom = self._box
        cut = np.s_[top:bottom, left:right]
        patch = Patch.between(self._committed[cut], self.pixels[cut], (left, top))
        self._committed[cut] = self.pixels[cut]
        self._look(self._box)
        if patch:
            self._undo.push(_MaskEdit(self, patch, text))

    def abandon(self) -> None:
        """End the edit and take it back (Esc in the middle of a stroke)."""
        if not self._editing:
            return
        self._editing = False
        left, top, right, bottom = self._box
        self.pixels[top:bottom, left:right] = self._committed[top:bottom, left:right]
        self._drop(self._box)
        self.changed.emit(self._box)

    def apply(self, patch: Patch) -> None:
        """Undo or redo a committed edit."""
        self.abandon()
        box = patch.apply(self.pixels)
        left, top, right, bottom = box
        self._committed[top:bottom, left:right] = self.pixels[top:bottom, left:right]
        self._drop(box)
        self._look(box)
        self.changed.emit(box)

    def _whole(self, text: str, pixels: np.ndarray) -> None:
        self.begin()
        self.pixels[...] = pixels
        self.touched((0, 0, self.pixels.shape[1], self.pixels.shape[0]))
        self.commit(text)

    def clear(self) -> None:
        """Select nothing."""
        if not self._empty:
            self._whole(tr("Clear selection"), np.zeros_like(self.pixels))

    def select_all(self) -> None:
        """Select everything."""
        self._whole(tr("Select all"), np.full_like(self.pixels, 255))

    def invert(self) -> None:
        """Select what was not, and the other way round."""
        self._whole(tr("Invert selection"), 255 - self.pixels)

    # -- painting
    def set_tint(self, color: QColor, opacity: float = 0.5) -> None:
        """The colour selected pixels are shown in."""
        alpha = np.arange(256, dtype=np.float32) * np.float32(opacity)
        channel = [
            np.rint(alpha * (value / 255)).astype(np.uint32) for value in (color.red(), color.green(), color.blue())
        ]
        self._lut = (np.rint(alpha).astype(np.uint32) << 24) | (channel[0] << 16) | (channel[1] << 8) | channel[2]
        self._tiles.clear()

    def paint(self, painter: QPainter, target: QRectF, clip: QRect) -> None:
        """Paint the tint into `target` (the picture's rectangle) where it meets `clip`, in device pixels."""
        if self._empty and not self._editing:
            return
        height, width = self.pixels.shape
        scale = target.width() / width
        level = 0 if scale >= 1 else min(8, int(math.floor(-math.log2(scale) + 1e-6)))
        side = _TILE << level
        visible = QRectF(clip).intersected(target)
        if visible.isEmpty():
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
        first = (visible.topLeft() - target.topLeft()) / scale
        last = (visible.bottomRight() - target.topLeft()) / scale
        for row in range(max(0, int(first.y() // side)), min((height - 1) // side, int(last.y() // side)) + 1):
            for column in range(max(0, int(first.x() // side)), min((width - 1) // side, int(last.x() // side)) + 1):
                tile = self._tile(level, column, row)
                if tile is None:
                    continue
                left, top = column * side, row * side
                right, bottom = min(width, left + side), min(height, top + side)
                x0, x1 = round(target.left() + left * scale), round(target.left() + right * scale)
                y0, y1 = round(target.top() + top * scale), round(target.top() + bottom * scale)
                painter.drawImage(QRectF(x0, y0, x1 - x0, y1 - y0), tile)

    def _tile(self, level: int, column: int, row: int) -> QImage | None:
        key = (level, column, row)
        if key not in self._tiles:
            if len(self._tiles) > _KEPT_TILES:
                self._tiles.clear()
            side, step = _TILE << level, 1 << level
            part = self.pixels[row * side : (row + 1) * side : step, column * side : (column + 1) * side : step]
            # One row and column more all round: the outline needs to see across the tile's edge.
            left, top = max(0, column * side - step), max(0, row * side - step)
            around = self.pixels[top : (row + 1) * side + step : step, left : (column + 1) * side + step : step] >= 128
            if part.any() or around.any():
                colours = np.ascontiguousarray(self._lut[part])
                rows, columns = colours.shape
                _outline(colours, around, int(row > 0), int(column > 0))
                image = QImage(
                    colours.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32_Premultiplied
                ).copy()
                self._tiles[key] = image
            else:
                self._tiles[key] = None
        return self._tiles[key]

    def _drop(self, box: Box) -> None:
        left, top, right, bottom = box
        for key in list(self._tiles):
            side, step = _TILE << key[0], 1 << key[0]
            x, y = key[1] * side, key[2] * side
            if x - step < right and x + side + step > left and y - step < bottom and y + side + step > top:
                del self._tiles[key]

    def _look(self, box: Box = EMPTY) -> None:
        """Find out whether the mask is empty: first where it was just changed, then, only if need be, everywhere."""
        left, top, right, bottom = box
        empty = int(self.pixels[top:bottom, left:right].max(initial=0)) == 0
        if empty and not (self._empty and box != EMPTY):
            empty = int(self.pixels.max()) == 0  # ten times as fast as any()
        if empty != self._empty:
            self._empty = empty
            self.emptied.emit(empty)


_LIGHT, _DARK = 0xE6E6E6E6, 0x8C000000
"""Premultiplied colours of the outline inside and outside the selection: one of them is seen on any picture."""


def _outline(colours: np.ndarray, solid: np.ndarray, row: int, column: int) -> None:
    """Draw the edge of the selection into a tile's `colours`; `solid` is wider, the tile begins at (row, column)."""
    grown, shrunk = solid.copy(), solid.copy()
    grown[1:] |= solid[:-1]
    grown[:-1] |= solid[1:]
    grown[:, 1:] |= solid[:, :-1]
    grown[:, :-1] |= solid[:, 1:]
    shrunk[1:] &= solid[:-1]
    shrunk[:-1] &= solid[1:]
    shrunk[:, 1:] &= solid[:, :-1]
    shrunk[:, :-1] &= solid[:, 1:]
    cut = np.s_[row : row + colours.shape[0], column : column + colours.shape[1]]
    colours[(solid & ~shrunk)[cut]] = _LIGHT
    colours[(grown & ~solid)[cut]] = _DARK

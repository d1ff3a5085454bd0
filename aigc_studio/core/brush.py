"""Drawing into a mask: strokes, rectangles, polygons, and the patches that take them back.

A mask is a uint8 array (height, width): 0 is untouched, 255 is fully selected. Coordinates are in picture pixels,
float, with pixel (x, y) covering [x, x+1) x [y, y+1), so its centre is (x + 0.5, y + 0.5). A box is
(left, top, right, bottom), half-open, in whole pixels; `EMPTY` means "nothing changed".
Everything here works in place on the pixels of a box, never on the whole mask, so that a stroke on an 8192 x 8192
picture costs what the brush covers.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

__all__ = [
    "EMPTY",
    "MAX_DIAMETER",
    "Box",
    "Patch",
    "clip_box",
    "fill_polygon",
    "fill_rectangle",
    "join_boxes",
    "stroke",
]

Box = tuple[int, int, int, int]

EMPTY: Box = (0, 0, 0, 0)

MAX_DIAMETER = 1000
"""Largest brush, in picture pixels: one dab of it stays below a frame's time."""

_TILE = 256
"""Side of the tiles in which a patch is kept."""


def join_boxes(a: Box, b: Box) -> Box:
    """The smallest box around both; an empty one counts for nothing."""
    if is_empty(a):
        return b
    if is_empty(b):
        return a
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


def is_empty(box: Box) -> bool:
    """Whether the box holds no pixel."""
    return box[2] <= box[0] or box[3] <= box[1]


def clip_box(left: float, top: float, right: float, bottom: float, shape: tuple[int, ...]) -> Box:
    """The whole pixels that [left, right) x [top, bottom) touches, inside a mask of `shape` (height, width)."""
    height, width = shape[:2]
    box = (
        max(0, int(np.floor(left))),
        max(0, int(np.floor(top))),
        min(width, int(np.ceil(right))),
        min(height, int(np.ceil(bottom))),
    )
    return EMPTY if is_empty(box) else box


def stroke(
    mask: np.ndarray,
    start: tuple[float, float],
    end: tuple[float, float],
    diameter: float,
    hardness: float = 1.0,
    *,
    erase: bool = False,
) -> Box:
    """Draw one straight piece of a stroke with a round brush; return the box it may have changed.

    hardness 1 has an edge one pixel soft, 0 falls off from the centre. No pixel whose centre is farther than
    `diameter / 2 + 0.5` from the piece changes. Pieces join by maximum (drawing) or minimum (erasing), so a stroke
    is the same in however many pieces it arrives and never builds up where it crosses itself.
    """
    radius = max(0.5, diameter / 2)
    reach = radius + 0.5
    (ax, ay), (bx, by) = start, end
    box = clip_box(min(ax, bx) - reach, min(ay, by) - reach, max(ax, bx) + reach, max(ay, by) + reach, mask.shape)
    if is_empty(box):
        return EMPTY
    left, top, right, bottom = box
    x = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - ax)
    y = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5 - ay))[:, None]
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    if length2 > 1e-12:  # shorter than a millionth of a pixel is a dab
        along = x * np.float32(dx / length2) + y * np.float32(dy / length2)
        np.clip(along, 0, 1, out=along)
        across = x - along * np.float32(dx)
        across *= across
        along *= np.float32(-dy)
        along += y
        along *= along
        across += along
        distance = np.sqrt(across, out=across)
    else:
        distance = np.sqrt(x * x + y * y)
    soft = max(1.0, (1.0 - hardness) * radius)
    # 255 * clip((reach - distance) / soft, 0, 1), rounded
    distance *= np.float32(-255.0 / soft)
    distance += np.float32(255.0 * reach / soft + 0.5)
    np.clip(distance, 0, 255, out=distance)
    coverage = distance.astype(np.uint8)
    part = mask[top:bottom, left:right]
    if erase:
        np.minimum(part, 255 - coverage, out=part)
    else:
        np.maximum(part, coverage, out=part)
    return box


def fill_rectangle(
    mask: np.ndarray, corner: tuple[float, float], opposite: tuple[float, float], *, erase: bool = False
) -> Box:
    """Select (or free) the pixels whose area the rectangle touches by more than half; return its box."""
    left, right = sorted((corner[0], opposite[0]))
    top, bottom = sorted((corner[1], opposite[1]))
    height, width = mask.shape
    box = (
        max(0, min(width, round(left))),
        max(0, min(height, round(top))),
        max(0, min(width, round(right))),
        max(0, min(height, round(bottom))),
    )
    if is_empty(box):
        return EMPTY
    mask[box[1] : box[3], box[0] : box[2]] = 0 if erase else 255
    return box


def fill_polygon(mask: np.ndarray, points: list[tuple[float, float]], *, erase: bool = False) -> Box:
    """Select (or free) the inside of a closed outline; fewer than three points change nothing. Returns its box."""
    if len(points) < 3:
        return EMPTY
    xs, ys = zip(*points, strict=True)
    box = clip_box(min(xs), min(ys), max(xs) + 1, max(ys) + 1, mask.shape)
    if is_empty(box):
        return EMPTY
    left, top, right, bottom = box
    shape = Image.new("1", (right - left, bottom - top))
    # Pillow draws through pixel centres: pixel (0, 0) of the drawing has its centre at (0, 0), ours at (0.5, 0.5).
    ImageDraw.Draw(shape).polygon([(px - left - 0.5, py - top - 0.5) for px, py in points], fill=1)
    mask[top:bottom, left:right][np.asarray(shape)] = 0 if erase else 255
    return box


@dataclass(frozen=True)
class Patch:
    """What an edit changed, as compressed tiles of before XOR after: applying it undoes the edit, again redoes it.

    tiles: (left, top, width, height, data); data is zlib, or one byte when all pixels changed alike.
    Masks compress a hundredfold, so a hundred edits of a large picture take a few megabytes.
    """

    tiles: tuple[tuple[int, int, int, int, bytes], ...]

    @classmethod
    def between(cls, before: np.ndarray, after: np.ndarray, origin: tuple[int, int] = (0, 0)) -> Patch:
        """The patch between two arrays of one shape whose top left pixel lies at `origin` (x, y) of the mask."""
        tiles = []
        height, width = before.shape
        for top in range(0, height, _TILE):
            for left in range(0, width, _TILE):
                cut = np.s_[top : top + _TILE, left : left + _TILE]
                delta = before[cut] ^ after[cut]
                if (most := int(delta.max())) > 0:
                    rows, columns = delta.shape
                    # Inverting or clearing changes whole tiles alike: one byte says it.
                    data = bytes([most]) if int(delta.min()) == most else zlib.compress(delta.tobytes(), 1)
                    tiles.append((left + origin[0], top + origin[1], columns, rows, data))
        return cls(tuple(tiles))

    def apply(self, mask: np.ndarray) -> Box:
        """Undo or redo the edit in place; returns the box that changed."""
        box = EMPTY
        for left, top, width, height, data in self.tiles:
            if len(data) == 1:
                mask[top : top + height, left : left + width] ^= data[0]
            else:
                delta = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, width)
                mask[top : top + height, left : left + width] ^= delta
            box = join_boxes(box, (left, top, left + width, top + height))
        return box

    @property
    def size(self) -> int:
        """Bytes held."""
        return sum(len(tile[4]) for tile in self.tiles)

    def __bool__(self) -> bool:
        return bool(self.tiles)

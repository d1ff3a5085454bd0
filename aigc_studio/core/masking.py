"""Which pixels of a picture may change, and how a painted part is laid over the untouched one.

A mask is uint8 (height, width): 255 where the picture changes, 0 where it stays. `feather` makes an opacity of it that
is 1 inside, falls to 0 within the given distance outside and is *exactly* 0 beyond it; `composite` copies the original
wherever the opacity is 0, so that pixels outside mask + feather are bit-identical whatever was painted.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from .errors import StudioError
from .i18n import N_

__all__ = [
    "Box",
    "bounds",
    "composite",
    "distance_outside",
    "feather",
    "feathered_part",
    "grow",
    "mask_from_image",
    "part_around",
]

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

SOLID = 128
"""Mask values from here on count as inside when distances are measured; weaker ones only keep their own opacity."""

MAX_FEATHER = 512
"""Widest feather in pixels: wider ones look the same and cost a pass over the area for each pixel."""

_TILE = 512


def mask_from_image(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """The mask in `image`, uint8 (height, width): its alpha where it has one that varies, else its brightness.

    `size` is the (width, height) of the picture the mask belongs to; another size is an error, because a mask that was
    stretched would touch pixels that nobody marked.
    """
    if image.size != tuple(size):
        raise StudioError(
            N_(
                "The mask is {mask_width} x {mask_height} pixels but the picture is {width} x {height}; "
                "draw the mask again on this picture."
            ),
            code="mask-size",
            mask_width=image.size[0],
            mask_height=image.size[1],
            width=size[0],
            height=size[1],
        )
    if "A" in image.getbands():
        alpha = np.asarray(image.getchannel("A"), dtype=np.uint8)
        if alpha.min(initial=255) < 255:
            return alpha.copy()
    return np.asarray(image.convert("L"), dtype=np.uint8).copy()


def bounds(area: np.ndarray) -> tuple[int, int, int, int] | None:
    """The smallest (left, top, right, bottom) that holds everything above 0; None where there is nothing."""
    rows = np.flatnonzero(area.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(area.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def part_around(box: Box, size: tuple[int, int], context: float, *, least: int, step: int = 1) -> Box:
    """`box` with its surroundings, within a picture of `size` (width, height): what a model looks at to change the box.

    context: added in all, as a share of the box's longer side. least: the smallest side of the result, and `step` what
    its sides are a multiple of, both where the picture is large enough. The longer side is at most twice the shorter
    one where the picture allows: models know no strips.
    """
    wide, high = box[2] - box[0], box[3] - box[1]
    more = 2 * math.ceil(max(wide, high) * context / 2)
    sides = [wide + more, high + more]
    longer = max(sides)
    spans = []
    for side, one, two, room in zip(sides, box[:2], box[2:], size, strict=True):
        wanted = -(-max(side, least, -(-longer // 2)) // step) * step
        wanted = min(wanted, room)
        start = min(max(0, (one + two - wanted) // 2), room - wanted)
        spans.append((start, start + wanted))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def distance_outside(inside: np.ndarray, limit: int) -> np.ndarray:
    """Euclidean distance in pixels, float32, from each pixel to the nearest one of the bool array `inside`.

    Exact up to `limit`, infinite beyond. Separable (Felzenszwalb & Huttenlocher 2012, the lower envelope found by
    trying every offset up to `limit`, which numpy does faster than Python walks the envelope).
    """
    height, width = inside.shape
    result = np.full((height, width), np.inf, dtype=np.float32)
    box = bounds(inside)
    if box is None:
        return result
    left, top = max(0, box[0] - limit), max(0, box[1] - limit)
    right, bottom = min(width, box[2] + limit), min(height, box[3] + limit)
    area = inside[top:bottom, left:right]
    far = np.float32(4 * (limit + 1))
    vertical = np.where(area, np.float32(0), far)
    for row in range(1, area.shape[0]):
        np.minimum(vertical[row], vertical[row - 1] + 1, out=vertical[row])
    for row in range(area.shape[0] - 2, -1, -1):
        np.minimum(vertical[row], vertical[row + 1] + 1, out=vertical[row])
    squared = vertical * vertical
    nearest = squared.copy()
    for offset in range(1, min(limit, area.shape[1] - 1) + 1):
        step = np.float32(offset * offset)
        np.minimum(nearest[:, offset:], squared[:, :-offset] + step, out=nearest[:, offset:])
        np.minimum(nearest[:, :-offset], squared[:, offset:] + step, out=nearest[:, :-offset])
    distance = np.sqrt(nearest)
    distance[nearest > limit * limit] = np.inf
    result[top:bottom, left:right] = distance
    return result


def grow(mask: np.ndarray, px: int) -> np.ndarray:
    """`mask` with its solid part grown by `px` pixels all round, or shrunk where `px` is negative."""
    if px == 0:
        return mask.copy()
    solid = mask >= SOLID
    if px > 0:
        return np.where(distance_outside(solid, px) <= px, np.uint8(255), mask)
    return np.where(distance_outside(~solid, -px) <= -px, np.uint8(0), mask)


def feather(mask: np.ndarray, px: float) -> np.ndarray:
    """Opacity in [0, 1], float32 (height, width), of `mask` with an edge that fades outwards over `px` pixels.

    The mask itself keeps its own values (1 where it is solid); outside it the opacity falls along a smoothstep and is
    exactly 0 where every pixel of the mask's solid part is more than `px` away.
    """
    own = mask.astype(np.float32) / np.float32(255)
    px = min(float(px), MAX_FEATHER)
    if px < 1:
        return own
    return np.maximum(own, _fade(mask, px))


def _fade(mask: np.ndarray, px: float) -> np.ndarray:
    distance = distance_outside(mask >= SOLID, int(px))
    fade = np.clip(1 - distance / np.float32(px + 1), 0, 1)
    return fade * fade * (3 - 2 * fade)


def feathered_part(
    mask: np.ndarray, px: float, check: Callable[[], None] | None = None
) -> tuple[tuple[int, int, int, int], np.ndarray] | None:
    """Where `feather` is above 0, as (left, top, right, bottom), and its values there; None where nothing is marked.

    Works in tiles, of which those without an edge cost nothing: the memory is that of the result. `check` is called
    for each tile and may raise.
    """
    box = bounds(mask)
    if box is None:
        return None
    px = min(float(px), MAX_FEATHER)
    reach = int(px)
    solid = bounds(mask[box[1] : box[3], box[0] : box[2]] >= SOLID) if reach >= 1 else None
    if solid is not None:
        height, width = mask.shape
        left, top = box[0] + solid[0] - reach, box[1] + solid[1] - reach
        right, bottom = box[0] + solid[2] + reach, box[1] + solid[3] + reach
        box = max(0, min(box[0], left)), max(0, min(box[1], top)), max(box[2], right), max(box[3], bottom)
        box = box[0], box[1], min(width, box[2]), min(height, box[3])
    left, top, right, bottom = box
    opacity = np.empty((bottom - top, right - left), np.float32)
    for y in range(top, bottom, _TILE):
        for x in range(left, right, _TILE):
            if check is not None:
                check()
            y2, x2 = min(bottom, y + _TILE), min(right, x + _TILE)
            own = opacity[y - top : y2 - top, x - left : x2 - left]
            np.divide(mask[y:y2, x:x2], np.float32(255), out=own, dtype=np.float32)
            if solid is None or mask[y:y2, x:x2].min() == 255:
                continue
            above, before = max(0, y - reach), max(0, x - reach)
            around = mask[above : y2 + reach, before : x2 + reach]
            if around.max() >= SOLID:
                fade = _fade(around, px)[y - above :, x - before :]
                np.maximum(own, fade[: y2 - y, : x2 - x], out=own)
    return box, opacity


def composite(original: np.ndarray, painted: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """`painted` over `original`, both uint8 (height, width, channels) of one shape, by `opacity` float (height, width).

    Where the opacity is 0 the bytes are those of `original`, where it is 1 those of `painted`.
    """
    if original.shape != painted.shape or original.shape[:2] != opacity.shape:
        raise ValueError(f"shapes differ: {original.shape}, {painted.shape}, {opacity.shape}")
    result = original.copy()
    box = bounds(opacity > 0)
    if box is None:
        return result
    part = np.s_[box[1] : box[3], box[0] : box[2]]
    weight = opacity[part].astype(np.float32)[..., None]
    below = original[part].astype(np.float32)
    mixed = np.rint(below + (painted[part].astype(np.float32) - below) * weight)
    mixed = np.clip(mixed, 0, 255).astype(np.uint8)
    mixed = np.where(weight <= 0, original[part], np.where(weight >= 1, painted[part], mixed))
    result[part] = mixed
    return result

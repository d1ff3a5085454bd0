"""Sizes to learn at: buckets of similar proportions and equal area, and the crop of a picture that fills one.

A picture is scaled until it covers its bucket and what hangs over is cut: never stretched, and no more cut than needed.
Aspect buckets as in NovelAI's "improvements on Stable Diffusion" (2022).
"""

from __future__ import annotations

import math
from functools import lru_cache

from PIL import Image

__all__ = ["assign", "buckets", "crop_box", "fit", "pad"]

Size = tuple[int, int]


@lru_cache(maxsize=64)
def buckets(side: int, multiple: int = 64, ratio: float = 2.0) -> tuple[Size, ...]:
    """Every (width, height) of at most side x side pixels whose sides are multiples of `multiple`, tallest first.

    For each width the largest height that fits, and the other way round. ratio: of the longer to the shorter side, at
    most. The square comes always; a side that is no multiple is rounded down, to one multiple at least.
    """
    if side < 1 or multiple < 1 or ratio < 1:
        raise ValueError(f"no buckets of {side} px in steps of {multiple} up to {ratio}:1")
    square = max(multiple, side // multiple * multiple)
    area = square * square
    found = {(square, square)}
    width = multiple
    while width <= square:
        height = area // width // multiple * multiple
        if height <= width * ratio:
            found |= {(width, height), (height, width)}
        width += multiple
    return tuple(sorted(found))


def assign(width: int, height: int, side: int, multiple: int = 64, ratio: float = 2.0) -> Size:
    """The bucket whose proportions are nearest to those of a picture; of two equally near ones the larger."""
    wanted = math.log(width / height)
    return min(
        buckets(side, multiple, ratio), key=lambda size: (abs(math.log(size[0] / size[1]) - wanted), -size[0] * size[1])
    )


def crop_box(width: int, height: int, size: Size, at: tuple[float, float] = (0.5, 0.5)) -> tuple[int, int, int, int]:
    """(left, top, right, bottom): the largest part of a picture that has the proportions of `size`, within it.

    at: where it lies of where it could, 0 to 1 from left to right and from top to bottom.
    """
    if width * size[1] > height * size[0]:  # wider than wanted
        cut = (min(width, max(1, round(height * size[0] / size[1]))), height)
    else:
        cut = (width, min(height, max(1, round(width * size[1] / size[0]))))
    left = round((width - cut[0]) * min(1.0, max(0.0, at[0])))
    top = round((height - cut[1]) * min(1.0, max(0.0, at[1])))
    return left, top, left + cut[0], top + cut[1]


def fit(image: Image.Image, size: Size, at: tuple[float, float] = (0.5, 0.5)) -> Image.Image:
    """The picture cropped and scaled to exactly `size`. Transparent edges keep their colour."""
    box = crop_box(*image.size, size, at)
    if image.size == size:
        return image
    return _scaled(image, size, box)


def pad(image: Image.Image, size: Size, background: str = "white") -> Image.Image:
    """The whole picture scaled into `size`, in the middle of a background; of "RGBA" and "LA" around nothing."""
    scale = min(size[0] / image.width, size[1] / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    inner = (min(inner[0], size[0]), min(inner[1], size[1]))
    small = image if image.size == inner else _scaled(image, inner, (0, 0, *image.size))
    if inner == size:
        return small
    transparent = image.mode in ("RGBA", "LA")
    whole = Image.new(image.mode, size, (0,) * len(image.getbands()) if transparent else background)
    whole.paste(small, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return whole


def _scaled(image: Image.Image, size: Size, box: tuple[int, int, int, int]) -> Image.Image:
    """Lanczos over premultiplied colours (what Pillow does of itself for "RGBA" and "LA")."""
    return image.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=3.0)

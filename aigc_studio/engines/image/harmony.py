"""Making a painted part fit the picture around it: colours taken from there, and edges that meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PIL import Image

from .palette import from_picture

__all__ = ["matched", "matched_bands", "surroundings", "texture_scale"]

_SMALL = 192
"""Longer side at which colour differences are spread: they are smooth, so nothing is lost."""


def surroundings(pixels: np.ndarray) -> np.ndarray:
    """Six colours (linear light, darkest first) of uint8 sRGB pixels (n, 3)."""
    return from_picture(pixels, 6)


def texture_scale(picture: Image.Image) -> float:
    """The `Style.scale` at which a painting is about as busy as the picture: 0.3 fine to 2 broad.

    Busy is the mean slope of the brightness over its deviation, per shorter side; a painting of scale 1 has about 9.
    """
    shrink = 160 / min(picture.size)
    size = (max(2, round(picture.width * shrink)), max(2, round(picture.height * shrink)))
    grey = np.asarray(picture.convert("L").resize(size, Image.Resampling.BOX), dtype=np.float32)
    deviation = float(grey.std())
    if deviation < 2:  # one flat colour tells nothing
        return 1.0
    slope = (np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) / 2
    return float(np.clip(9.0 / max(0.5, slope / deviation * 160), 0.3, 2.0))


Rows = Callable[[int, int], np.ndarray]
"""Rows `first` to `last` of a picture, uint8 (rows, w, 3)."""

_BAND = 256
"""Rows of full size that are held as float32 at once."""


def matched(painted: np.ndarray, original: np.ndarray, opacity: np.ndarray, amount: float) -> np.ndarray:
    """`painted` with its colours bent to meet `original` along the edge of the part, both uint8 (h, w, 3).

    The difference between the two is known where the opacity fades out; from there it is spread smoothly over the
    inside (push-pull interpolation, Gortler et al. 1996) and `amount` of it added: the membrane of Poisson editing
    (Perez et al. 2003) without its solver.
    """
    bands = [band for _, band in matched_bands(painted, lambda one, two: original[one:two], opacity, amount)]
    return np.concatenate(bands)


def matched_bands(
    painted: np.ndarray, original: Rows, opacity: np.ndarray, amount: float
) -> Iterator[tuple[int, np.ndarray]]:
    """`matched` as (first row, rows), one band after the other: little memory for parts of any size."""
    height, width = opacity.shape
    spans = [(top, min(height, top + _BAND)) for top in range(0, height, _BAND)]
    spread = _spread_difference(painted, original, opacity, spans) if amount > 0 else None
    for top, bottom in spans:
        if spread is None:
            yield top, painted[top:bottom]
            continue
        small_width, small_height = spread[0].size
        part = (0, top * small_height / height, small_width, bottom * small_height / height)
        smooth = [
            np.asarray(field.resize((width, bottom - top), Image.Resampling.BILINEAR, box=part), dtype=np.float32)
            for field in spread
        ]
        bent = painted[top:bottom] + np.stack(smooth, axis=-1) * np.float32(amount)
        yield top, np.clip(np.rint(bent), 0, 255).astype(np.uint8)


def _spread_difference(
    painted: np.ndarray, original: Rows, opacity: np.ndarray, spans: Sequence[tuple[int, int]]
) -> list[Image.Image] | None:
    """For each channel the difference where it is known and its continuation, small; None where none is known."""
    height, width = opacity.shape
    shrink = min(1.0, _SMALL / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    # A box filter may be applied to one direction after the other: the rows are made narrow band by band.
    narrow = np.empty((4, height, size[0]), np.float32)
    for top, bottom in spans:
        known = (opacity[top:bottom] < 0.5).astype(np.float32)
        difference = (original(top, bottom).astype(np.float32) - painted[top:bottom]) * known[..., None]
        for row, channel in enumerate((known, *np.moveaxis(difference, -1, 0))):
            image = Image.fromarray(np.ascontiguousarray(channel))
            narrow[row, top:bottom] = np.asarray(image.resize((size[0], bottom - top), Image.Resampling.BOX))
    if not narrow[0].any():
        return None
    weight, *channels = (np.asarray(Image.fromarray(rows).resize(size, Image.Resampling.BOX)) for rows in narrow)
    return [Image.fromarray(_push_pull(channel, weight)) for channel in channels]


def _push_pull(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`values` (premultiplied by `weight` in [0, 1]) where known, and a smooth continuation where not."""
    if min(values.shape) <= 1 and max(values.shape) <= 2:
        total = weight.sum()
        return np.full_like(values, values.sum() / total if total > 0 else 0)
    height, width = values.shape
    padded = ((0, height % 2), (0, width % 2))
    v, w = np.pad(values, padded), np.pad(weight, padded)

    def halve(a: np.ndarray) -> np.ndarray:
        return a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2]

    w2, v2 = halve(w), halve(v)
    limit = np.maximum(w2, 1)  # the weight of a coarser pixel saturates at 1
    coarse = _push_pull(v2 / limit, w2 / limit)
    up = np.asarray(
        Image.fromarray(coarse).resize((w.shape[1], w.shape[0]), Image.Resampling.BILINEAR), dtype=np.float32
    )
    return (v + up * (1 - w))[:height, :width]

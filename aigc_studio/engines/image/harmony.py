"""Making a painted part fit the picture around it: colours taken from there, and edges that meet."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .palette import from_picture

__all__ = ["matched", "surroundings", "texture_scale"]

_SMALL = 192
"""Longer side at which colour differences are spread: they are smooth, so nothing is lost."""


def surroundings(pixels: np.ndarray) -> np.ndarray:
    """Six colours (linear light, darkest first) of uint8 sRGB pixels (n, 3)."""
    return from_picture(pixels, 6)


def texture_scale(pixels: np.ndarray) -> float:
    """The `Style.scale` at which a painting is about as busy as the uint8 picture (h, w, 3): 0.3 fine to 2 broad.

    Busy is the mean slope of the brightness over its deviation, per shorter side; a painting of scale 1 has about 9.
    """
    height, width = pixels.shape[:2]
    shrink = 160 / min(height, width)
    size = (max(2, round(width * shrink)), max(2, round(height * shrink)))
    grey = np.asarray(Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.BOX), dtype=np.float32)
    deviation = float(grey.std())
    if deviation < 2:  # one flat colour tells nothing
        return 1.0
    slope = (np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) / 2
    return float(np.clip(9.0 / max(0.5, slope / deviation * 160), 0.3, 2.0))


def matched(painted: np.ndarray, original: np.ndarray, opacity: np.ndarray, amount: float) -> np.ndarray:
    """`painted` with its colours bent to meet `original` along the edge of the part, both uint8 (h, w, 3).

    The difference between the two is known where the opacity fades out; from there it is spread smoothly over the
    inside (push-pull interpolation, Gortler et al. 1996) and `amount` of it added: the membrane of Poisson editing
    (Perez et al. 2003) without its solver.
    """
    height, width = opacity.shape
    known = (opacity < 0.5).astype(np.float32)
    if amount <= 0 or not known.any():
        return painted
    difference = (original.astype(np.float32) - painted) * known[..., None]
    shrink = min(1.0, _SMALL / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))

    def small(channel: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(channel).resize(size, Image.Resampling.BOX), dtype=np.float32)

    weight = small(known)
    spread = [_push_pull(small(np.ascontiguousarray(difference[..., c])), weight) for c in range(3)]
    smooth = [
        np.asarray(Image.fromarray(channel).resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)
        for channel in spread
    ]
    bent = painted + np.stack(smooth, axis=-1) * np.float32(amount)
    return np.clip(np.rint(bent), 0, 255).astype(np.uint8)


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

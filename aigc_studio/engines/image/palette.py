"""Colours: sRGB, linear light and OKLab; building and bending palettes; drawing one from a picture.

Arrays are float64 (n, 3) unless said otherwise. OKLab after Björn Ottosson, "A perceptual color space for image
processing" (2020): its lightness and hue stay put when chroma changes, which HSL's do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = [
    "from_hex",
    "from_linear",
    "from_oklab",
    "from_oklch",
    "from_picture",
    "hue_distance",
    "to_hex",
    "to_linear",
    "to_oklab",
    "to_oklch",
]

_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_LMS_BACK = np.linalg.inv(_LMS)
_LAB_BACK = np.linalg.inv(_LAB)


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] to linear light (IEC 61966-2-1)."""
    srgb = np.asarray(srgb, dtype=np.float64)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0) + 0.055) / 1.055) ** 2.4)


def from_linear(linear: np.ndarray) -> np.ndarray:
    """Linear light to sRGB, clipped to [0, 1]."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def to_oklab(linear: np.ndarray) -> np.ndarray:
    """Linear light to OKLab (L, a, b)."""
    return np.cbrt(np.asarray(linear, dtype=np.float64) @ _LMS.T) @ _LAB.T


def from_oklab(lab: np.ndarray) -> np.ndarray:
    """OKLab to linear light, not clipped."""
    return (np.asarray(lab, dtype=np.float64) @ _LAB_BACK.T) ** 3 @ _LMS_BACK.T


def to_oklch(linear: np.ndarray) -> np.ndarray:
    """Linear light to (lightness, chroma, hue in radians)."""
    lab = to_oklab(linear)
    return np.stack([lab[..., 0], np.hypot(lab[..., 1], lab[..., 2]), np.arctan2(lab[..., 2], lab[..., 1])], axis=-1)


def from_oklch(lch: np.ndarray) -> np.ndarray:
    """(lightness, chroma, hue in radians) to linear light in [0, 1].

    A colour that the screen cannot show keeps its lightness and hue and loses chroma until it can.
    """
    lch = np.array(lch, dtype=np.float64)
    lch[..., 0] = np.clip(lch[..., 0], 0, 1)
    low, high = np.zeros(lch.shape[:-1]), np.ones(lch.shape[:-1])

    def linear(share: np.ndarray) -> np.ndarray:
        chroma = lch[..., 1] * share
        return from_oklab(np.stack([lch[..., 0], chroma * np.cos(lch[..., 2]), chroma * np.sin(lch[..., 2])], axis=-1))

    def shown(colour: np.ndarray) -> np.ndarray:
        return np.asarray(((colour >= -1e-7) & (colour <= 1 + 1e-7)).all(axis=-1))

    low = np.where(shown(linear(high)), high, low)
    for _ in range(14):
        middle = (low + high) / 2
        fits = shown(linear(middle))
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return np.clip(linear(low), 0, 1)


def hue_distance(one: np.ndarray | float, other: np.ndarray | float) -> np.ndarray:
    """Angle between two hues in radians, 0 to pi."""
    return np.abs((np.asarray(one) - np.asarray(other) + np.pi) % (2 * np.pi) - np.pi)


def from_hex(colours: Iterable[str]) -> np.ndarray:
    """["#d7263d", ...] to linear light (n, 3)."""
    triples = [[int(text.lstrip("#")[i : i + 2], 16) for i in (0, 2, 4)] for text in colours]
    return to_linear(np.array(triples, dtype=np.float64).reshape(-1, 3) / 255)


def to_hex(linear: np.ndarray) -> list[str]:
    """Linear light (n, 3) to ["#d7263d", ...]."""
    bytes_ = np.rint(from_linear(np.asarray(linear)) * 255).astype(int)
    return ["#" + "".join(f"{part:02x}" for part in colour) for colour in bytes_]


def from_picture(pixels: np.ndarray, count: int = 6, weights: np.ndarray | None = None) -> np.ndarray:
    """The `count` colours (linear light, darkest first) that tell most about uint8 sRGB `pixels` (n, 3).

    k-means in OKLab on at most 4,096 evenly taken pixels; the first centre is the mean, each next the pixel farthest
    from those chosen so far (weighted), so that a small bright accent is found and equal input gives equal colours.
    """
    if len(pixels) == 0:
        raise ValueError("a palette needs at least one pixel")
    take = np.linspace(0, len(pixels) - 1, min(len(pixels), 4096)).astype(int)
    lab = to_oklab(to_linear(pixels[take].astype(np.float64) / 255))
    weight = np.ones(len(lab)) if weights is None else np.maximum(weights[take].astype(np.float64), 1e-6)
    centres = [np.average(lab, axis=0, weights=weight)]
    nearest = ((lab - centres[0]) ** 2).sum(axis=1)
    for _ in range(count - 1):
        centres.append(lab[int(np.argmax(nearest * weight))])
        nearest = np.minimum(nearest, ((lab - centres[-1]) ** 2).sum(axis=1))
    found = np.array(centres)
    for _ in range(12):
        owner = ((lab[:, None, :] - found) ** 2).sum(axis=-1).argmin(axis=1)
        for index in range(count):
            mine = owner == index
            if mine.any():
                found[index] = np.average(lab[mine], axis=0, weights=weight[mine])
    found = found[np.argsort(found[:, 0], kind="stable")]
    return np.clip(from_oklab(found), 0, 1)


def spread(colours: Sequence[np.ndarray] | np.ndarray) -> float:
    """How far apart the colours are: the largest OKLab distance between two of them."""
    lab = to_oklab(np.asarray(colours))
    return float(np.sqrt(((lab[:, None] - lab[None]) ** 2).sum(-1)).max())

"""Curves of any length as a few points: what a screen can show, and the calm line through the noise."""

from __future__ import annotations

import numpy as np

__all__ = ["reduced", "smoothed", "visible"]


def visible(x: np.ndarray, low: float, high: float) -> slice:
    """The points between two places, with one more on either side, so that lines leave the picture. x rises."""
    first = int(np.searchsorted(x, low, "left")) - 1
    last = int(np.searchsorted(x, high, "right")) + 1
    return slice(max(0, first), min(len(x), last))


def smoothed(x: np.ndarray, y: np.ndarray, part: slice, window: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of `window` neighbours on either side (fewer at the ends), at no more than `points` places of `part`."""
    count = part.stop - part.start
    if window <= 0 or count < 3:
        return reduced(x[part], y[part], points)
    places = np.arange(part.start, part.stop)
    if count > points:
        places = np.unique(np.linspace(part.start, part.stop - 1, points).astype(np.intp))
        window = max(window, count // points)  # or what lies between two places would not count at all
    first, last = max(0, part.start - window), min(len(y), part.stop + window)
    total = np.concatenate([[0.0], np.cumsum(y[first:last])])
    low = np.maximum(places - window, 0) - first
    high = np.minimum(places + window + 1, len(y)) - first
    return x[places], (total[high] - total[low]) / (high - low)


def reduced(x: np.ndarray, y: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """At most about `points` points that look the same: of each stretch the least and the greatest value."""
    count = len(x)
    stretches = points // 2
    if count <= points or stretches < 1:
        return x, y
    starts = np.linspace(0, count, stretches, endpoint=False).astype(np.intp)
    low, high = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    ends = np.append(starts[1:], count) - 1
    rising = y[starts] <= y[ends]
    thin = np.empty(2 * stretches)
    thin[0::2] = np.where(rising, low, high)
    thin[1::2] = np.where(rising, high, low)
    places = np.empty(2 * stretches)
    places[0::2], places[1::2] = x[starts], x[ends]
    return places, thin

"""How far things lie apart on average: a generator that has collapsed makes the same again and again."""

from __future__ import annotations

import numpy as np

__all__ = ["mean_distance", "mean_pixel_difference"]


def mean_distance(features: np.ndarray) -> float:
    """Mean Euclidean distance over all pairs of (n, d); 0.0 for fewer than 2."""
    if len(features) < 2:
        return 0.0
    features = features.astype(np.float64)
    features = features - features.mean(0)  # distances stay, and squares lose less
    squares = np.square(features).sum(1)
    apart = squares[:, None] + squares[None] - 2 * features @ features.T
    return float(np.sqrt(np.maximum(apart, 0.0))[np.triu_indices(len(features), 1)].mean())


def mean_pixel_difference(pixels: np.ndarray) -> float:
    """Mean absolute difference over all pairs of uint8 (n, h, w, c), as a share of the range; 0.0 for fewer than 2."""
    count = len(pixels)
    if count < 2:
        return 0.0
    # Over sorted values the sum of all absolute differences is a weighted sum, so no pair is ever formed.
    ordered = np.sort(pixels.reshape(count, -1), axis=0).astype(np.float64)
    weights = 2.0 * np.arange(count) - (count - 1)
    return float((weights @ ordered).mean() * 2 / (count * (count - 1)) / 255)

"""Whether pictures are new or copies: how near each lies to a learned one, against how near others usually lie.

A distance alone says nothing: some folders hold pictures that all look alike. So held-out pictures, or learned ones
with themselves left out, are the measure of what is usual; the test is that of Meehan et al. 2020 (arXiv:2004.05675).
"""

from __future__ import annotations

import numpy as np

__all__ = ["copying", "nearest", "nearest_others", "shares"]

_ROWS, _BLOCK = 512, 8192


def nearest(features: np.ndarray, learned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of (n, d) the index of the nearest of (m, d), m at least 1, and its Euclidean distance."""
    return nearest_others(features, learned, np.full(len(features), -1))


def nearest_others(features: np.ndarray, learned: np.ndarray, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same where the nearest of the i-th must not be number `apart[i]`, itself; -1 for none.

    Candidates are found by products of matrices, which lose the last digits; the distances are those of differences.
    Numbers of any type are compared as float64, block by block: thumbnails may stay uint8.
    """
    if len(learned) < 1 + bool((apart >= 0).any()):
        raise ValueError("there is nothing to be near to")
    features = features.astype(np.float64)
    middle = np.asarray(learned[:_BLOCK], np.float64).mean(0)
    best, found = np.full(len(features), np.inf), np.zeros(len(features), np.int64)
    for start in range(0, len(learned), _BLOCK):
        block = np.asarray(learned[start : start + _BLOCK], np.float64) - middle
        squares = np.square(block).sum(1)
        for at in range(0, len(features), _ROWS):
            rows = slice(at, at + _ROWS)
            far = squares[None] - 2 * (features[rows] - middle) @ block.T
            own = np.flatnonzero((apart[rows] >= start) & (apart[rows] < start + len(block)))
            far[own, apart[rows][own] - start] = np.inf
            places = far.argmin(1)
            values = far[np.arange(len(far)), places]
            nearer = values < best[rows]
            best[rows] = np.where(nearer, values, best[rows])
            found[rows] = np.where(nearer, places + start, found[rows])
    return found, np.sqrt(np.square(features - np.asarray(learned[found], np.float64)).sum(1))


def shares(distances: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """For each distance the share of the usual ones that are as small or smaller: 0 is nearer than any."""
    return np.searchsorted(np.sort(usual), distances, side="right") / max(1, len(usual))


def copying(distances: np.ndarray, usual: np.ndarray) -> float:
    """How probable it is that a usual distance is the greater one of a pair: 0.5 for as near as usual, 1 for copies.

    This is the Mann-Whitney statistic over all pairs, equal ones counted half.
    """
    if not len(distances) or not len(usual):
        raise ValueError("no distances")
    ordered = np.sort(usual)
    greater = len(usual) - np.searchsorted(ordered, distances, side="right")
    equal = np.searchsorted(ordered, distances, side="right") - np.searchsorted(ordered, distances, side="left")
    return float((greater + equal / 2).mean() / len(usual))

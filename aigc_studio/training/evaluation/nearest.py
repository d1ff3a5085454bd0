"""Whether pictures are new or copies: how near each lies to a learned one, against how near others usually lie.

A distance alone says nothing: blurred pictures are near to everything, and some folders hold pictures that all look
alike. So a distance is taken relative to those of the next neighbours (Carlini et al. 2023, arXiv:2301.13188), and
held-out pictures, or learned ones with themselves left out, are the measure of what is usual, by the test of Meehan et
al. 2020 (arXiv:2004.05675).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Near", "copying", "nearest", "shares"]

_ROWS, _BLOCK = 512, 8192
_NEIGHBOURS = 20


@dataclass(frozen=True)
class Near:
    """Of n things: int64 indices of the nearest learned ones, their Euclidean distances, and those relative to the mean
    distance of the next 20 (1 where there is no other): near 0 for a copy, near 1 for what lies between many."""

    indices: np.ndarray
    distances: np.ndarray
    relative: np.ndarray


def nearest(
    features: np.ndarray, learned: np.ndarray, *, also: np.ndarray | None = None, apart: np.ndarray | None = None
) -> Near:
    """For each of (n, d) the nearest of (m, d), m at least 1.

    also: (n, d), the same things in another way (mirrored): the nearer way counts. apart: (n,), numbers of learned ones
    that are the thing itself and do not count, -1 for none. Candidates are found by products of matrices, which lose
    the last digits; the distances are those of differences. Numbers of any type are compared as float64, block by
    block: thumbnails may stay uint8.
    """
    apart = np.full(len(features), -1) if apart is None else apart
    if len(learned) < 1 + bool((apart >= 0).any()):
        raise ValueError("there is nothing to be near to")
    ways = [each.astype(np.float64) for each in (features, also) if each is not None]
    middle = np.asarray(learned[:_BLOCK], np.float64).mean(0)
    best = np.full((len(features), _NEIGHBOURS + 1), np.inf)
    found = np.zeros(best.shape, np.int64)
    for start in range(0, len(learned), _BLOCK):
        block = np.asarray(learned[start : start + _BLOCK], np.float64) - middle
        squares = np.square(block).sum(1)
        for at in range(0, len(features), _ROWS):
            rows = slice(at, at + _ROWS)
            far = np.min([_squared(way[rows] - middle, block, squares) for way in ways], axis=0)
            own = np.flatnonzero((apart[rows] >= start) & (apart[rows] < start + len(block)))
            far[own, apart[rows][own] - start] = np.inf
            both = np.concatenate([best[rows], far], axis=1)
            order = np.argsort(both, axis=1, kind="stable")[:, : best.shape[1]]
            numbers = np.broadcast_to(np.arange(start, start + len(block)), far.shape)
            found[rows] = np.take_along_axis(np.concatenate([found[rows], numbers], axis=1), order, axis=1)
            best[rows] = np.take_along_axis(both, order, axis=1)
    indices = found[:, 0]
    kept = np.asarray(learned[indices], np.float64)
    distances = np.min([np.sqrt(np.square(way - kept).sum(1)) for way in ways], axis=0)
    others = np.sqrt(np.maximum(best[:, 1:], 0.0))
    there = np.isfinite(others)
    means = np.where(there, others, 0.0).sum(1) / np.maximum(1, there.sum(1))
    relative = np.where(means > 0, distances / np.where(means > 0, means, 1.0), (distances > 0) | ~there.any(1))
    return Near(indices, distances, relative.astype(np.float64))


def _squared(one: np.ndarray, other: np.ndarray, squares: np.ndarray) -> np.ndarray:
    return np.maximum(np.square(one).sum(1)[:, None] + squares[None] - 2 * one @ other.T, 0.0)


def shares(distances: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """For each (relative) distance the share of the usual ones that are as small or smaller: 0 is nearer than any."""
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

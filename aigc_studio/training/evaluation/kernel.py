"""The kernel distance between two clouds of features: unbiased, so it tells something of few pictures already.

Bińkowski et al. 2018 (arXiv:1801.01401): the squared maximum mean discrepancy with the kernel (x·y/d + 1)³, in means
over subsets. It is called KID only with the Inception network of 2015. Of equal distributions it is 0 on average, so it
may be slightly negative.
"""

from __future__ import annotations

import numpy as np

__all__ = ["kernel_distance"]


def kernel_distance(
    one: np.ndarray, other: np.ndarray, *, subsets: int = 50, size: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """(mean, standard deviation of the subsets) between features (n, d) and (m, d), n and m at least 2.

    size: of a subset, at most half of the smaller cloud, so that subsets differ; of clouds of less than 8 all is used
    at once and the deviation is 0.
    """
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1] or min(len(one), len(other)) < 2:
        raise ValueError(f"no clouds to compare: {one.shape} and {other.shape}")
    one, other = one.astype(np.float64), other.astype(np.float64)
    fewest = min(len(one), len(other))
    if fewest < 8:
        return squared_discrepancy(one, other), 0.0
    size = min(size, fewest // 2)
    rng = np.random.default_rng(seed)
    found = [
        squared_discrepancy(
            one[rng.choice(len(one), size, replace=False)], other[rng.choice(len(other), size, replace=False)]
        )
        for _ in range(subsets)
    ]
    return float(np.mean(found)), float(np.std(found))


def squared_discrepancy(one: np.ndarray, other: np.ndarray) -> float:
    """The unbiased estimate: pairs of different pictures within each cloud, all pairs between."""
    return _within(_kernel(one, one)) + _within(_kernel(other, other)) - 2 * float(_kernel(one, other).mean())


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one @ other.T / one.shape[1] + 1.0) ** 3


def _within(kernel: np.ndarray) -> float:
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))

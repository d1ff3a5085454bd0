"""The Fréchet distance between two clouds of features, each taken for a Gaussian.

Heusel et al. 2017 (arXiv:1706.08500): |m - m'|² + tr(C + C' - 2 (C C')^½). It is called FID only with the Inception
network of 2015. It falls with the number of pictures; only figures from as many are compared.
"""

from __future__ import annotations

import numpy as np

__all__ = ["frechet"]


def frechet(one: np.ndarray, other: np.ndarray) -> float:
    """Between features (n, d) and (m, d), n and m at least 2.

    No root of a matrix is taken: with C = AᵀA and C' = BᵀB, tr((C C')^½) is the sum of the singular values of ABᵀ,
    which is exact for covariances of any rank, also of fewer pictures than features.
    """
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1] or min(len(one), len(other)) < 2:
        raise ValueError(f"no clouds to compare: {one.shape} and {other.shape}")
    one, other = one.astype(np.float64), other.astype(np.float64)
    a, b = _factor(one), _factor(other)
    apart = float(np.square(one.mean(0) - other.mean(0)).sum())
    between = float(np.linalg.svd(a @ b.T, compute_uv=False).sum())
    return max(0.0, apart + float(np.square(a).sum()) + float(np.square(b).sum()) - 2 * between)


def _factor(features: np.ndarray) -> np.ndarray:
    """A with AᵀA = covariance (unbiased), with no more rows than are needed."""
    centred = (features - features.mean(0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(centred) > centred.shape[1] else centred

"""The Inception Score: how sure a classifier is of each picture, and how different its answers are over all.

Salimans et al. 2016 (arXiv:1606.03498): exp of the mean divergence of p(class | picture) from p(class), in means over
splits. Only of the Inception network of 2015 is it worth its name; it looks at no real picture at all.
"""

from __future__ import annotations

import numpy as np

__all__ = ["inception_score"]


def inception_score(logits: np.ndarray, splits: int = 10) -> tuple[float, float]:
    """(mean, standard deviation of the splits) of logits (n, classes); splits have at least 2 pictures each."""
    if logits.ndim != 2 or len(logits) < 2:
        raise ValueError(f"no logits: {logits.shape}")
    logits = logits.astype(np.float64)
    logs = logits - logits.max(1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(1, keepdims=True))
    found = []
    for part in np.array_split(logs, max(1, min(splits, len(logs) // 2))):
        chances = np.exp(part)
        whole = np.log(np.maximum(chances.mean(0), 1e-300))
        found.append(np.exp((chances * (part - whole)).sum(1).mean()))
    return float(np.mean(found)), float(np.std(found))

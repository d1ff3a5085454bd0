"""A convolutional network of fixed random weights: features of pictures where no trained network is at hand.

Random convolutions keep colours, edges and textures apart well enough to see a generator collapse or drift (He et al.
2016, arXiv:1606.04801, draw pictures from them), but they know nothing of what is in a picture. The weights come from
numpy's generator and one seed, so that the numbers mean the same on every machine.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["WIDTH", "RandomFeatures"]

SEED = 20_170_626
_CHANNELS = (3, 16, 24, 40, 48)
WIDTH = sum(_CHANNELS[1:])
_SIDE = 64
_SCALE = 10.0
"""Makes the distances numbers of a size that is read easily."""


class RandomFeatures(nn.Module):
    """Four convolutions, each at half the size of the one before; features are the means over each one's places."""

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(SEED)
        for number, (inputs, outputs) in enumerate(pairwise(_CHANNELS)):
            weights = rng.standard_normal((outputs, inputs, 3, 3)) * np.sqrt(2.0 / (9 * inputs))
            weights -= weights.mean((1, 2, 3), keepdims=True) * (number > 0)
            self.register_buffer(f"weights_{number}", torch.from_numpy(weights.astype(np.float32)))
            shifts = rng.uniform(-0.3, 0.3, outputs)
            self.register_buffer(f"shifts_{number}", torch.from_numpy(shifts.astype(np.float32)))

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) in [-1, 1], any size, to (n, `WIDTH`)."""
        x = functional.interpolate(images, (_SIDE, _SIDE), mode="bilinear", antialias=True)
        found = []
        for number in range(len(_CHANNELS) - 1):
            x = functional.conv2d(
                x, self.get_buffer(f"weights_{number}"), self.get_buffer(f"shifts_{number}"), 2, padding=1
            )
            x = functional.leaky_relu(x, 0.1)
            found.append(x.mean((2, 3)))
        return torch.cat(found, 1) * _SCALE

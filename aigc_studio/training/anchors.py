"""Every picture of the data pulls what a generator makes nearest to it: so a small set is covered, not a few of it.

Implicit maximum likelihood estimation (Li & Malik 2018, arXiv:1809.09087; for few pictures Aghabozorgi et al. 2023),
beside a critic: every so many steps pictures are made of fresh latents, each picture of the data chooses another one
near to it, and for the next steps the latents of the chosen ones are taught to become those pictures. What has not been
chosen is free, and the critic makes it look real.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Anchors", "difference", "matched", "strength"]

_STEPS = 25
"""Steps between two choices."""
_MADE = 512
"""Pictures to choose from; more, where more choose."""
_BLUR = 0.1
"""Standard deviation of what is added to a chosen latent, so that its neighbourhood learns, too."""
_AT_ONCE = 64
_SMALL, _LARGE = 1_000, 10_000
"""Pictures up to which all of it helps, and from which on none does."""


class Anchors:
    """Which latents are to become which pictures, until the next choice.

    latents: (k, latent). pictures: int64 (k,), indices of the data. used: how many of them were taken already.
    """

    def __init__(self) -> None:
        self.latents: Tensor | None = None
        self.pictures: Tensor | None = None
        self.used = 0

    def due(self, count: int) -> bool:
        """Whether there are no `count` pairs left."""
        return self.pictures is None or self.used + count > len(self.pictures)

    def choose(
        self,
        members: np.ndarray,
        pixels: Callable[[np.ndarray], Tensor],
        make: Callable[[Tensor], Tensor],
        length: int,
        count: int,
    ) -> None:
        """Match some of the data, in a new order, with fresh pictures; randomness from torch's global generator.

        members: indices of the data. pixels: (k,) of them to pictures (k, c, h, w) in [-1, 1]. make: latents
        (n, length) to pictures on any device. count: pictures that a step will take.
        """
        import torch

        some = members[torch.randperm(len(members)).numpy()[: _STEPS * count]]
        some = np.resize(some, max(count, len(some)))  # of very few pictures each one chooses several
        drawn = torch.randn(max(_MADE, 2 * len(some)), length)
        with torch.no_grad():
            made = torch.cat([_seen(make(part)) for part in drawn.split(_AT_ONCE)])
            real = torch.cat([_seen(pixels(some[at : at + _AT_ONCE])) for at in range(0, len(some), _AT_ONCE)])
        self.latents = drawn[matched(torch.cdist(real, made))]
        self.pictures = torch.from_numpy(some)
        self.used = 0

    def take(self, count: int) -> tuple[Tensor, np.ndarray]:
        """The next latents (count, latent), a little blurred, and the indices of what they are to become."""
        import torch

        if self.latents is None or self.pictures is None:
            raise ValueError("nothing was chosen yet")
        found = slice(self.used, self.used + count)
        self.used += count
        latents = self.latents[found]
        return latents + _BLUR * torch.randn(latents.shape), self.pictures[found].numpy()

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep; tensors in it are never changed later."""
        if self.latents is None:
            return {}
        return {"latents": self.latents, "pictures": self.pictures, "used": self.used}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.latents, self.pictures = state.get("latents"), state.get("pictures")
        self.used = int(state.get("used", 0))


def strength(count: int) -> float:
    """How much a set of `count` pictures should pull, 1 to 0, falling with its logarithm between 1,000 and 10,000: of
    many pictures the nearest among a few hundred made ones is not near, and being pulled there only blurs."""
    return min(1.0, max(0.0, math.log(_LARGE / max(1, count)) / math.log(_LARGE / _SMALL)))


def matched(distances: Tensor) -> Tensor:
    """(n, m), m >= n, to int64 (n,): a column of its own for each row, given out from the shortest distance on."""
    import torch

    rows, columns = distances.shape
    found = torch.full((rows,), -1, dtype=torch.int64)
    taken = np.zeros(columns, dtype=bool)
    left = rows
    for place in distances.flatten().argsort(stable=True).tolist():
        row, column = divmod(place, columns)
        if found[row] < 0 and not taken[column]:
            found[row], taken[column] = column, True
            left -= 1
            if not left:
                break
    return found


def difference(made: Tensor, wanted: Tensor) -> Tensor:
    """How far pictures (n, c, h, w) lie apart: mean absolute difference, once of pixels and once of means of 4 x 4, for
    colours and places count before outlines do."""
    from torch.nn import functional

    apart = made.float() - wanted
    return apart.abs().mean() + functional.avg_pool2d(apart, 4).abs().mean()


def _seen(images: Tensor) -> Tensor:
    """Pictures as they are compared, on the CPU: (n, c, h, w) to (n, numbers), of 16 x 16 and of 4 x 4 places."""
    import torch
    from torch.nn import functional

    images = images.float()
    side = min(16, images.shape[-1])
    fine, coarse = (functional.interpolate(images, (each, each), mode="area").flatten(1) for each in (side, 4))
    return torch.cat([fine, 2 * coarse], 1).cpu()

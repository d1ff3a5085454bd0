"""Adaptive discriminator augmentation: what lets a GAN learn from two hundred pictures instead of fifty thousand.

Karras et al., "Training Generative Adversarial Networks with Limited Data", 2020 (arXiv 2006.06676). The discriminator
sees real and made pictures only through random changes, each with probability p. As long as p stays well under 1 the
unchanged picture is the commonest, so that the generator does not learn the changes. p follows a sign of overfitting:
the share of real pictures that the discriminator is sure of. Everything is differentiable with respect to the pictures.

Left out of the paper's list: quarter turns, filters of bands and cutout (which it found to help little or, for
pictures with an up and a down, to leak first), and the wavelet filter before the resampling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LIMIT", "Adaptive", "augment", "colour_matrices", "recolour", "warp", "warp_matrices"]

LIMIT = 0.8
"""Above this probability the paper saw the changes leak into what is made."""

_GREY = 1 / math.sqrt(3)
"""Each part of the unit vector along which colours have no hue."""


@dataclass
class Adaptive:
    """The probability of a change, steered so that `target` of the real pictures, less the others, are judged real.

    probability: in [0, `LIMIT`]. target: of the mean of sign(D(real)); 0.6 in the paper. span: pictures seen while the
    probability goes from 0 to 1. every: steps that are judged together.
    """

    span: int
    probability: float = 0.0
    target: float = 0.6
    every: int = 4
    signs: float | Tensor = 0.0
    judged: int = 0
    steps: int = 0

    @classmethod
    def for_set(cls, pictures: int) -> Adaptive:
        """For a set of this size: the fewer pictures, the sooner it is known by heart."""
        return cls(span=min(500_000, max(10_000, 50 * pictures)))

    @property
    def sureness(self) -> float:
        """Mean of sign(D(real)) since the last adjustment, in [-1, 1]; near 1 the real pictures are known by heart."""
        return float(self.signs) / self.judged if self.judged else 0.0

    def observe(self, logits: Tensor) -> None:
        """Take note of what the discriminator said of real pictures; any shape. Nothing waits for the card here."""
        self.signs = self.signs + logits.detach().float().sign().sum()
        self.judged += logits.numel()

    def adjust(self, seen: int) -> None:
        """After a step on `seen` real pictures: every few steps, go up or down by what was observed."""
        self.steps += 1
        if self.steps < self.every or not self.judged:
            return
        way = math.copysign(1.0, self.sureness - self.target)
        self.probability = min(LIMIT, max(0.0, self.probability + way * seen * self.steps / self.span))
        self.signs, self.judged, self.steps = 0.0, 0, 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep."""
        return {name: getattr(self, name) for name in ("probability", "signs", "judged", "steps")}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        for name, value in state.items():
            setattr(self, name, value)


def augment(images: Tensor, probability: float) -> Tensor:
    """(n, c, h, w) in [-1, 1], each picture changed at random on its own; randomness from torch's global generator."""
    if probability <= 0:
        return images
    count = len(images)
    moved = warp(images, warp_matrices(count, probability).to(images))
    return recolour(moved, colour_matrices(count, probability).to(images))


def warp_matrices(count: int, probability: float) -> Tensor:
    """(count, 2, 3) float32: flip, scale, turn, stretch and shift, each with `probability`.

    They map a place in the result to one in the source, in coordinates of [-1, 1], as `affine_grid` takes them.
    """
    import torch

    matrix = torch.eye(3).repeat(count, 1, 1)
    # Two turns with the stretch between them; together they happen with `probability`, as the paper has it.
    turning = 1 - math.sqrt(1 - probability)
    flip = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    matrix = matrix @ _scaled(_where(probability, flip, 1.0), torch.ones(count))
    scale = _where(probability, torch.exp2(torch.randn(count) * 0.2), 1.0)
    matrix = matrix @ _scaled(scale, scale)
    matrix = matrix @ _turned(_where(turning, (torch.rand(count) * 2 - 1) * math.pi, 0.0))
    stretch = _where(probability, torch.exp2(torch.randn(count) * 0.2), 1.0)
    matrix = matrix @ _scaled(stretch, 1 / stretch)
    matrix = matrix @ _turned(_where(turning, (torch.rand(count) * 2 - 1) * math.pi, 0.0))
    shift = torch.eye(3).repeat(count, 1, 1)
    happens = torch.rand(count, 1) < probability
    shift[:, :2, 2] = torch.where(happens, (torch.rand(count, 2) * 2 - 1) * 0.25, 0.0)  # an eighth of the side
    return (matrix @ shift)[:, :2]


def warp(images: Tensor, matrices: Tensor) -> Tensor:
    """(n, c, h, w) resampled through (n, 2, 3); beyond the edge the picture is mirrored."""
    from torch.nn import functional

    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def colour_matrices(count: int, probability: float) -> Tensor:
    """(count, 3, 4) float32: brightness, contrast, hue and saturation, each with `probability`; they act on [-1, 1]."""
    import torch

    matrix = torch.eye(4).repeat(count, 1, 1)
    grey = torch.tensor([_GREY, _GREY, _GREY, 0.0])
    brightness = torch.eye(4).repeat(count, 1, 1)
    brightness[:, :3, 3] = _where(probability, torch.randn(count) * 0.2, 0.0)[:, None]
    matrix = brightness @ matrix
    contrast = _where(probability, torch.exp2(torch.randn(count) * 0.5), 1.0)
    matrix = torch.diag_embed(torch.stack([contrast] * 3 + [torch.ones(count)], dim=1)) @ matrix
    matrix = _hue(_where(probability, (torch.rand(count) * 2 - 1) * math.pi, 0.0)) @ matrix
    saturation = _where(probability, torch.exp2(torch.randn(count)), 1.0)[:, None, None]
    along = torch.outer(grey, grey)
    keep = torch.diag(torch.tensor([0.0, 0.0, 0.0, 1.0]))
    across = torch.eye(4) - along - keep
    return ((along + keep + across * saturation) @ matrix)[:, :3]


def recolour(images: Tensor, matrices: Tensor) -> Tensor:
    """(n, c, h, w) through (n, 3, 4), in [-1, 1] and beyond; one channel takes the mean row, a fourth is left alone."""
    import torch

    count, channels, height, width = images.shape
    if channels == 1:
        row = matrices.mean(dim=1, keepdim=True)  # (n, 1, 4)
        return images * row[:, :, :3].sum(dim=2)[:, :, None, None] + row[:, :, 3][:, :, None, None]
    flat = images[:, :3].reshape(count, 3, height * width)
    mixed = (matrices[:, :, :3] @ flat + matrices[:, :, 3:]).reshape(count, 3, height, width)
    return torch.cat([mixed, images[:, 3:]], dim=1) if channels > 3 else mixed


def _where(probability: float, values: Tensor, otherwise: float) -> Tensor:
    """Each value with `probability`, else `otherwise`."""
    import torch

    return torch.where(torch.rand(len(values)) < probability, values, torch.full_like(values, otherwise))


def _scaled(x: Tensor, y: Tensor) -> Tensor:
    """(n, 3, 3) that scale about the middle."""
    import torch

    return torch.diag_embed(torch.stack([x, y, torch.ones_like(x)], dim=1))


def _turned(angle: Tensor) -> Tensor:
    """(n, 3, 3) that turn about the middle."""
    import torch

    matrix = torch.eye(3).repeat(len(angle), 1, 1)
    matrix[:, 0, 0] = matrix[:, 1, 1] = angle.cos()
    matrix[:, 0, 1], matrix[:, 1, 0] = -angle.sin(), angle.sin()
    return matrix


def _hue(angle: Tensor) -> Tensor:
    """(n, 4, 4) that turn colours about the line of greys (Rodrigues' formula)."""
    import torch

    axis = torch.tensor([_GREY, _GREY, _GREY])
    cross = torch.tensor([[0, -_GREY, _GREY], [_GREY, 0, -_GREY], [-_GREY, _GREY, 0]])
    sine, cosine = angle.sin()[:, None, None], angle.cos()[:, None, None]
    matrix = torch.eye(4).repeat(len(angle), 1, 1)
    matrix[:, :3, :3] = cosine * torch.eye(3) + sine * cross + (1 - cosine) * torch.outer(axis, axis)
    return matrix

"""A convolutional variational autoencoder (Kingma & Welling 2013, arXiv:1312.6114) with one vector per picture.

Residual blocks with group norm; the side is halved down to four pixels, where a linear layer makes the latent. A weight
on the divergence (beta-VAE, Higgins et al. 2017) is the training's business.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from .bounds import doublings, widths
from .network import Network

__all__ = ["VAE", "divergence"]

_START = 4
"""Side in pixels at which pictures become vectors."""

_LOW, _HIGH = -20.0, 10.0
"""Bounds of the logarithm of a variance: beyond, its exponential is of no use."""


class Residual(nn.Module):
    """Two convolutions past which the input goes on unchanged; also of the VQ-VAE."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.norm_one = nn.GroupNorm(_groups(inside), inside)
        self.one = nn.Conv2d(inside, outside, 3, padding=1)
        self.norm_two = nn.GroupNorm(_groups(outside), outside)
        self.two = nn.Conv2d(outside, outside, 3, padding=1)
        nn.init.zeros_(self.two.weight)
        nn.init.zeros_(self.two.bias)  # pyright: ignore[reportArgumentType]
        self.past = nn.Identity() if inside == outside else nn.Conv2d(inside, outside, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inside, h, w) -> (n, outside, h, w)."""
        y = self.one(functional.silu(self.norm_one(x)))
        return self.past(x) + self.two(functional.silu(self.norm_two(y)))


def _groups(channels: int) -> int:
    return next(groups for groups in (8, 4, 2, 1) if channels % groups == 0)


class Down(nn.Module):
    """Half the side."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inside, h, w) -> (n, outside, h / 2, w / 2)."""
        return self.conv(x)


class Up(nn.Module):
    """Twice the side: repeated pixels and a convolution, without the checkerboard of transposed ones."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inside, h, w) -> (n, outside, 2 h, 2 w)."""
        return self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


def encoder(channels: int, sizes: list[int], outside: int) -> nn.Sequential:
    """Layers from pictures to `outside` channels; sizes: channels at the full size and after each halving."""
    layers: list[nn.Module] = [nn.Conv2d(channels, sizes[0], 3, padding=1)]
    for inside, wider in itertools.pairwise(sizes):
        layers += [Residual(inside, inside), Down(inside, wider)]
    layers += [Residual(sizes[-1], sizes[-1]), nn.GroupNorm(_groups(sizes[-1]), sizes[-1]), nn.SiLU()]
    return nn.Sequential(*layers, nn.Conv2d(sizes[-1], outside, 3, padding=1))


def decoder(inside: int, sizes: list[int], channels: int) -> nn.Sequential:
    """The way back; sizes as for `encoder`."""
    layers: list[nn.Module] = [nn.Conv2d(inside, sizes[-1], 3, padding=1), Residual(sizes[-1], sizes[-1])]
    for wider, narrow in zip(sizes[::-1], sizes[-2::-1], strict=False):
        layers += [Up(wider, narrow), Residual(narrow, narrow)]
    layers += [nn.GroupNorm(_groups(sizes[0]), sizes[0]), nn.SiLU()]
    return nn.Sequential(*layers, nn.Conv2d(sizes[0], channels, 3, padding=1))


class VAE(Network):
    """Picture <-> vector.

    size: side in pixels, a power of two. latent: length of the vector. width: channels at the full size, doubled at
    every halving up to `widest`. channels: 1 grey, 3 colours, 4 with alpha. patch: so many pixels a side, 1, 2 or 4,
    are one place with as many channels, as in `pixel_shuffle` (Shi et al. 2016, arXiv:1609.05158): layers at the full
    size cost the most and see the least. ValueError for what lies outside `BOUNDS`.
    """

    BOUNDS = {
        "size": (8, 512),
        "latent": (2, 1024),
        "width": (4, 512),
        "widest": (4, 1024),
        "channels": (1, 4),
        "patch": (1, 4),
    }
    BEFORE = {"patch": 1}

    def __init__(
        self, size: int = 64, latent: int = 64, width: int = 32, widest: int = 256, channels: int = 3, patch: int = 1
    ) -> None:
        super().__init__(size=size, latent=latent, width=width, widest=widest, channels=channels, patch=patch)
        doublings(size, _START)
        sizes = widths(width, widest, doublings(size // patch, _START))
        self.latent = latent
        self.patch = patch
        self.inner = sizes[-1]
        self.encoder = encoder(channels * patch**2, sizes, sizes[-1])
        self.statistics = nn.Linear(sizes[-1] * _START**2, 2 * latent)
        self.entry = nn.Linear(latent, sizes[-1] * _START**2)
        self.decoder = decoder(sizes[-1], sizes, channels * patch**2)
        if patch > 1:  # the pixels of a place begin alike, or a grid stays for long (Aitken et al. 2017)
            last: nn.Conv2d = self.decoder[-1]  # pyright: ignore[reportAssignmentType]
            with torch.no_grad():
                for value in (last.weight, last.bias):
                    if value is not None:
                        value.copy_(value[:: patch**2].repeat_interleave(patch**2, 0))

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(n, channels, size, size) in [-1, 1] -> mean and logarithm of the variance, each (n, latent)."""
        places = functional.pixel_unshuffle(image, self.patch)
        mean, logvar = self.statistics(self.encoder(places).flatten(1)).chunk(2, 1)
        return mean, logvar.clamp(_LOW, _HIGH)

    def decode(self, z: Tensor) -> Tensor:
        """(n, latent) -> pictures (n, channels, size, size), about [-1, 1], not clamped."""
        places = self.decoder(self.entry(z).reshape(len(z), self.inner, _START, _START))
        return functional.pixel_shuffle(places, self.patch)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The picture through a latent drawn from torch's global generator, with mean and logvar."""
        mean, logvar = self.encode(image)
        return self.decode(mean + torch.randn_like(mean) * (logvar / 2).exp()), mean, logvar


def divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """How far each latent lies from a standard normal: Kullback-Leibler divergence in nats, (n, latent)."""
    return (mean.square() + logvar.exp() - 1 - logvar) / 2

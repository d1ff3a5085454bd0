"""A small generative adversarial network: a generator that one vector moulds at every size, and its critic.

The generator is as large as that of DCGAN (Radford et al. 2015, arXiv:1511.06434): one convolution per doubling. Each
is modulated by a vector `w` that a small network makes of the latent `z`, as in StyleGAN2 (Karras et al. 2020,
arXiv:1912.04958, section 2.2), whose demodulation takes the place of batch norm: a picture depends on its own latent
alone, never on what else is made with it. Truncation and directions are taken in the space of `w`.

The critic is that of SNGAN (Miyato et al. 2018, arXiv:1802.05957): spectral norm on every layer, and a channel with
the standard deviation over the batch (Karras et al. 2018, arXiv:1710.10196) against mode collapse. A third network
draws from what the critic sees what it was shown (Liu et al. 2021, arXiv:2101.04775), so that it looks at all of it.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from .bounds import doublings, widths
from .network import Network

__all__ = ["Discriminator", "Generator", "Redraw"]

_START = 4
"""Side in pixels at which the generator begins and the critic ends."""


class _Modulated(nn.Module):
    """A convolution whose inputs are weighted by a style; demodulate: its outputs have unit variance again."""

    def __init__(self, inside: int, outside: int, style: int, kernel: int, *, demodulate: bool) -> None:
        super().__init__()
        gain = 1.0 if demodulate else 0.3  # colours of all sizes are added up
        self.weight = nn.Parameter(gain * torch.randn(outside, inside, kernel, kernel) / math.sqrt(inside * kernel**2))
        self.bias = nn.Parameter(torch.zeros(outside))
        self.affine = nn.Linear(style, inside)
        nn.init.normal_(self.affine.weight, std=1 / math.sqrt(style))
        nn.init.ones_(self.affine.bias)
        self.demodulate = demodulate

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x (n, inside, h, w), w (n, style) -> (n, outside, h, w). The same as one kernel per picture, at the price
        of one for all: inputs are scaled before and outputs after."""
        style = self.affine(w)
        x = functional.conv2d(x * style[:, :, None, None], self.weight, padding=self.weight.shape[-1] // 2)
        if self.demodulate:
            power = style.square() @ self.weight.square().sum((2, 3)).T
            x = x * torch.rsqrt(power + 1e-8)[:, :, None, None]
        return x + self.bias[:, None, None]


class Generator(Network):
    """Latent -> picture.

    size: side in pixels, a power of two. latent: length of z and of w. width: channels at the full size, doubled at
    every halving up to `widest`. channels: 1 grey, 3 colours, 4 with alpha. mapping: layers between z and w. smooth: 1
    doubles sides between pixels, 0 by repeating them, which leaves a grid in even colours for a long time. ValueError
    for what lies outside `BOUNDS`.
    """

    BOUNDS = {
        "size": (8, 512),
        "latent": (2, 1024),
        "width": (4, 512),
        "widest": (4, 1024),
        "channels": (1, 4),
        "mapping": (1, 8),
        "smooth": (0, 1),
    }
    BEFORE = {"smooth": 0}

    def __init__(
        self,
        size: int = 64,
        latent: int = 128,
        width: int = 32,
        widest: int = 256,
        channels: int = 3,
        mapping: int = 2,
        smooth: int = 1,
    ) -> None:
        super().__init__(
            size=size, latent=latent, width=width, widest=widest, channels=channels, mapping=mapping, smooth=smooth
        )
        ups = doublings(size, _START)
        sizes = widths(width, widest, ups)[::-1]  # of the smallest side first
        self.latent = latent
        self._double = _between if smooth else _repeated
        layers = [nn.Linear(latent, latent) for _ in range(mapping)]
        for layer in layers:
            nn.init.normal_(layer.weight, std=math.sqrt(2 / latent))
            nn.init.zeros_(layer.bias)
        self.mapping = nn.ModuleList(layers)
        self.start = nn.Parameter(torch.randn(sizes[0], _START, _START))
        self.first = _Modulated(sizes[0], sizes[0], latent, 3, demodulate=True)
        self.layers = nn.ModuleList(
            _Modulated(inside, outside, latent, 3, demodulate=True) for inside, outside in itertools.pairwise(sizes)
        )
        self.colours = nn.ModuleList(_Modulated(count, channels, latent, 1, demodulate=False) for count in sizes)

    def map(self, z: Tensor) -> Tensor:
        """z (n, latent), normal -> w (n, latent)."""
        w = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.mapping:
            w = functional.leaky_relu(layer(w), 0.2)
        return w

    def paint(self, w: Tensor) -> Tensor:
        """w (n, latent) -> pictures (n, channels, size, size), about [-1, 1], not clamped."""
        x = self.start.expand(len(w), -1, -1, -1)
        x = _active(self.first(x, w))
        image = self.colours[0](x, w)
        for layer, colour in zip(self.layers, self.colours[1:], strict=True):  # pyright: ignore[reportArgumentType]
            x = _active(layer(self._double(x), w))
            image = _smooth_double(image) + colour(x, w)
        return image

    def forward(self, z: Tensor) -> Tensor:
        """z (n, latent), normal -> pictures (n, channels, size, size), about [-1, 1], not clamped."""
        return self.paint(self.map(z))


def _active(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, 0.2) * math.sqrt(2)


def _repeated(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def _between(x: Tensor) -> Tensor:
    """Twice the side, bilinear; on a card of steps whose gradients are the same every time, which torch's are not."""
    if x.device.type == "cpu":
        return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    for dim in (2, 3):
        rest = x.shape[dim] - 1
        before = torch.cat((x.narrow(dim, 0, 1), x.narrow(dim, 0, rest)), dim)
        after = torch.cat((x.narrow(dim, 1, rest), x.narrow(dim, rest, 1)), dim)
        x = torch.stack((torch.lerp(x, before, 0.25), torch.lerp(x, after, 0.25)), dim + 1).flatten(dim, dim + 1)
    return x


def _smooth_double(image: Tensor) -> Tensor:
    """Twice the side, nearly bilinear; made of steps whose gradients are the same every time, on GPUs as well."""
    doubled = functional.interpolate(image, scale_factor=2.0, mode="nearest")
    return functional.avg_pool2d(doubled, 3, 1, padding=1, count_include_pad=False)


def _loud(x: Tensor) -> Tensor:
    """Spectral norm bounds what a layer can do to any input; what it does to a usual one is several times less. Without
    a gain the scores of a deep critic stay near nought, and it learns nothing for hundreds of steps (measured)."""
    return functional.leaky_relu(x, 0.2) * 2


class _Down(nn.Module):
    """A residual block of the critic that halves the side."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.one = spectral_norm(nn.Conv2d(inside, inside, 3, padding=1))
        self.two = spectral_norm(nn.Conv2d(inside, outside, 3, padding=1))
        self.past = spectral_norm(nn.Conv2d(inside, outside, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inside, h, w) -> (n, outside, h / 2, w / 2)."""
        y = self.one(_loud(x))
        y = self.two(_loud(functional.avg_pool2d(y, 2)))
        return (y + self.past(functional.avg_pool2d(x, 2))) * math.sqrt(2)


class Discriminator(Network):
    """Picture -> how real it looks, one number without bounds. Sizes as for `Generator`; needed for training alone."""

    BOUNDS = {"size": (8, 512), "width": (4, 512), "widest": (4, 1024), "channels": (1, 4)}

    def __init__(self, size: int = 64, width: int = 32, widest: int = 256, channels: int = 3) -> None:
        super().__init__(size=size, width=width, widest=widest, channels=channels)
        sizes = widths(width, widest, doublings(size, _START))
        self.entry = spectral_norm(nn.Conv2d(channels, sizes[0], 3, padding=1))
        self.layers = nn.ModuleList(_Down(inside, outside) for inside, outside in itertools.pairwise(sizes))
        self.last = spectral_norm(nn.Conv2d(sizes[-1] + 1, sizes[-1], 3, padding=1))
        self.score = spectral_norm(nn.Linear(sizes[-1] * _START**2, 1))

    def forward(self, image: Tensor) -> Tensor:
        """(n, channels, size, size) in [-1, 1] -> (n,)."""
        return self.look(image)[0]

    def look(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and what it saw of each picture alone: (n, c, 4, 4)."""
        x = self.entry(image)
        for layer in self.layers:
            x = layer(x)
        last = _loud(self.last(torch.cat((x, _spread(x)), 1)))
        return self.score(last.flatten(1)).squeeze(1), x


class Redraw(Network):
    """What a `Discriminator` of the same sizes saw -> the picture. Needed for training alone."""

    BOUNDS = Discriminator.BOUNDS

    def __init__(self, size: int = 64, width: int = 32, widest: int = 256, channels: int = 3) -> None:
        super().__init__(size=size, width=width, widest=widest, channels=channels)
        seen = widths(width, widest, doublings(size, _START))[-1]
        sizes = [max(8, seen >> step) for step in range(doublings(size, _START) + 1)]
        sizes[0] = seen
        self.layers = nn.ModuleList(
            nn.Conv2d(inside, outside, 3, padding=1) for inside, outside in itertools.pairwise(sizes)
        )
        self.colours = nn.Conv2d(sizes[-1], channels, 1)

    def forward(self, seen: Tensor) -> Tensor:
        """(n, c, 4, 4) -> (n, channels, size, size), about [-1, 1]."""
        for layer in self.layers:
            seen = functional.leaky_relu(layer(_repeated(seen)), 0.2)
        return self.colours(seen)


def _spread(x: Tensor) -> Tensor:
    """(n, c, h, w) -> (n, 1, h, w): the mean standard deviation within groups of four pictures, or of all."""
    count = len(x)
    group = 4 if count % 4 == 0 else count
    groups = x.float().reshape(group, count // group, *x.shape[1:])
    deviation = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    return deviation.repeat(group).to(x.dtype)[:, None, None, None].expand(-1, 1, *x.shape[2:])

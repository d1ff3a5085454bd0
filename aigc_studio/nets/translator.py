"""CycleGAN (Zhu et al. 2017, arXiv:1703.10593): two generators between two kinds of pictures, and their critics.

The generator is the residual one of Johnson et al. 2016 (arXiv:1603.08155) with instance norm, the critic a 70 px
PatchGAN (Isola et al. 2017, arXiv:1611.07004), as in the authors' own program; upsampling is by repeated pixels and a
convolution, which leaves no checkerboard (Odena et al. 2016, doi:10.23915/distill.00003).

Instance norm looks at all of a picture, so a picture in tiles would come out in patches.
`Translation.statistics_of` measures it once on a small copy and gives it to every tile (Chen et al. 2022, "Towards
Ultra-Resolution Neural Style Transfer via Thumbnail Instance Normalization").
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from .bounds import widths
from .network import Network

__all__ = ["Patches", "Translation", "Translator"]

STEP = 4
"""Sides of pictures must be multiples of it."""


class Norm(nn.Module):
    """Instance norm without weights, over the picture or with kept statistics. Computed in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.mode = ""
        """ "" for the picture's own statistics, "measure" to keep these as well, "kept" to use those."""
        self.kept: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> the same shape."""
        wide = x.float()
        if self.mode == "kept" and self.kept is not None:
            mean, variance = self.kept
        else:
            mean, variance = wide.mean((2, 3), keepdim=True), wide.var((2, 3), unbiased=False, keepdim=True)
            if self.mode == "measure":
                self.kept = mean.detach(), variance.detach()
        return ((wide - mean) * torch.rsqrt(variance + 1e-5)).to(x.dtype)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(width, width, 3)
        self.norm_one = Norm()
        self.two = nn.Conv2d(width, width, 3)
        self.norm_two = Norm()

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, h, w) -> the same shape."""
        y = functional.relu(self.norm_one(self.one(_mirror(x, 1))))
        return x + self.norm_two(self.two(_mirror(y, 1)))


def _mirror(x: Tensor, by: int) -> Tensor:
    """Mirrored borders; repeated ones where a picture is too small for that."""
    return functional.pad(x, (by, by, by, by), "reflect" if min(x.shape[2:]) > by else "replicate")


class Translation(nn.Module):
    """One direction: pictures of one kind -> the same pictures as the other kind. Sizes as for `Translator`."""

    def __init__(self, width: int, blocks: int, channels: int) -> None:
        super().__init__()
        self.entry = nn.Conv2d(channels, width, 7)
        self.down = nn.ModuleList((nn.Conv2d(width, 2 * width, 3, 2, 1), nn.Conv2d(2 * width, 4 * width, 3, 2, 1)))
        self.blocks = nn.ModuleList(_Residual(4 * width) for _ in range(blocks))
        self.up = nn.ModuleList((nn.Conv2d(4 * width, 2 * width, 3), nn.Conv2d(2 * width, width, 3)))
        self.last = nn.Conv2d(width, channels, 7)
        self.norms = nn.ModuleList(Norm() for _ in range(5))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, image: Tensor) -> Tensor:
        """(n, channels, h, w) in [-1, 1], h and w multiples of 4 -> the same shape, within [-1, 1]."""
        x = functional.relu(self.norms[0](self.entry(_mirror(image, 3))))
        for layer, norm in zip(self.down, self.norms[1:3], strict=True):  # pyright: ignore[reportArgumentType]
            x = functional.relu(norm(layer(x)))
        for block in self.blocks:
            x = block(x)
        for layer, norm in zip(self.up, self.norms[3:5], strict=True):  # pyright: ignore[reportArgumentType]
            x = functional.relu(norm(layer(_mirror(functional.interpolate(x, scale_factor=2.0, mode="nearest"), 1))))
        return torch.tanh(self.last(_mirror(x, 3)))

    @contextmanager
    def statistics_of(self, thumbnail: Tensor) -> Iterator[None]:
        """Within it, every picture is seen with the statistics of one small copy (1, channels, h, w)."""
        norms = [module for module in self.modules() if isinstance(module, Norm)]
        try:
            for norm in norms:
                norm.mode = "measure"
            self(thumbnail)
            for norm in norms:
                norm.mode = "kept"
            yield
        finally:
            for norm in norms:
                norm.mode, norm.kept = "", None


class Translator(Network):
    """Both directions: `there` from the first kind of pictures to the second, `back` from the second to the first.

    size: side in pixels it was trained at (it takes others). width: channels at the full size. blocks: residual blocks
    in the middle (the authors: 6 for 128 px, 9 for 256). channels: 1 grey, 3 colours. ValueError for what lies outside
    `BOUNDS`.
    """

    BOUNDS = {"size": (8, 1024), "width": (4, 256), "blocks": (1, 24), "channels": (1, 4)}

    def __init__(self, size: int = 128, width: int = 64, blocks: int = 6, channels: int = 3) -> None:
        super().__init__(size=size, width=width, blocks=blocks, channels=channels)
        if size % STEP:
            raise ValueError(f"size is {size}, not a multiple of {STEP}")
        self.there = Translation(width, blocks, channels)
        self.back = Translation(width, blocks, channels)


class Patches(Network):
    """The critic: picture -> how real each patch looks. Needed for training alone.

    width: channels of the first layer. layers: halvings; 3 look at patches of 70 px.
    """

    BOUNDS = {"width": (4, 256), "layers": (1, 5), "channels": (1, 4)}

    def __init__(self, width: int = 64, layers: int = 3, channels: int = 3) -> None:
        super().__init__(width=width, layers=layers, channels=channels)
        sizes = widths(width, 8 * width, layers)
        made: list[nn.Module] = [nn.Conv2d(channels, sizes[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for number, (inside, outside) in enumerate(itertools.pairwise(sizes)):
            stride = 2 if number < layers - 1 else 1
            made += [nn.Conv2d(inside, outside, 4, stride, 1), Norm(), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*made, nn.Conv2d(sizes[-1], 1, 4, 1, 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, image: Tensor) -> Tensor:
        """(n, channels, h, w) in [-1, 1] -> (n, 1, h', w'), without bounds (least squares loss)."""
        return self.layers(image)

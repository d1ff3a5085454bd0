"""The Inception network of 2015 that FID, KID and the Inception Score are defined by.

Szegedy et al., "Rethinking the Inception Architecture", 2015 (arXiv:1512.00567), with the three peculiarities of the
weights published on 5 December 2015: 1008 classes, means at the edges that count only what is there, and a maximum in
the last block where the paper has a mean. Names of modules are those of the ported weights file, which is recognised by
the SHA-256 of its bytes and by nothing else.
"""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FILE", "SHA256", "Inception", "is_the_published_one", "load"]

FILE = "pt_inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"

CLASSES = 1008
FEATURES = 2048
_SIDE = 299

Layer = tuple[str, int, int | tuple[int, int], int, int | tuple[int, int]]
"""(name, channels, kernel, stride, padding)"""


class Convolution(nn.Module):
    """Convolution, normalisation, no negative values."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, images: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, ...)."""
        return functional.relu(self.bn(self.conv(images)))


class Mixed(nn.Module):
    """Several ways side by side, each a row of convolutions; the last two of a way in parallel where `forked` says.

    pool: "mean", "max" (both with a convolution `branch_pool` of `pooled` channels) or "halve" (the maximum alone, at
    half the size).
    """

    def __init__(self, inputs: int, ways: tuple[tuple[Layer, ...], ...], pool: str, pooled: int = 0) -> None:
        super().__init__()
        self.ways: list[tuple[list[str], bool]] = []
        self.pool = pool
        for way in ways:
            width = inputs
            forked = way[-1][0].endswith("b") and len(way) > 1
            for number, (name, channels, kernel, stride, padding) in enumerate(way):
                self.add_module(name, Convolution(width, channels, kernel, stride, padding))
                if not (forked and number == len(way) - 2):
                    width = channels
            self.ways.append(([layer[0] for layer in way], forked))
        if pooled:
            self.branch_pool = Convolution(inputs, pooled, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(n, inputs, h, w) to all ways' channels, one after the other."""
        found = []
        for names, forked in self.ways:
            x = images
            for name in names[:-2] if forked else names:
                x = self.get_submodule(name)(x)
            if forked:
                x = torch.cat([self.get_submodule(name)(x) for name in names[-2:]], 1)
            found.append(x)
        if self.pool == "mean":
            found.append(self.branch_pool(functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)))
        elif self.pool == "max":
            found.append(self.branch_pool(functional.max_pool2d(images, 3, 1, 1)))
        else:
            found.append(functional.max_pool2d(images, 3, 2))
        return torch.cat(found, 1)


def _fine(inputs: int, pooled: int) -> Mixed:
    return Mixed(
        inputs,
        (
            (("branch1x1", 64, 1, 1, 0),),
            (("branch5x5_1", 48, 1, 1, 0), ("branch5x5_2", 64, 5, 1, 2)),
            (("branch3x3dbl_1", 64, 1, 1, 0), ("branch3x3dbl_2", 96, 3, 1, 1), ("branch3x3dbl_3", 96, 3, 1, 1)),
        ),
        "mean",
        pooled,
    )


def _middle(width: int) -> Mixed:
    across, down = (1, 7), (7, 1)
    beside, above = (0, 3), (3, 0)
    return Mixed(
        768,
        (
            (("branch1x1", 192, 1, 1, 0),),
            (
                ("branch7x7_1", width, 1, 1, 0),
                ("branch7x7_2", width, across, 1, beside),
                ("branch7x7_3", 192, down, 1, above),
            ),
            (
                ("branch7x7dbl_1", width, 1, 1, 0),
                ("branch7x7dbl_2", width, down, 1, above),
                ("branch7x7dbl_3", width, across, 1, beside),
                ("branch7x7dbl_4", width, down, 1, above),
                ("branch7x7dbl_5", 192, across, 1, beside),
            ),
        ),
        "mean",
        192,
    )


def _coarse(inputs: int, pool: str) -> Mixed:
    across, down = (1, 3), (3, 1)
    beside, above = (0, 1), (1, 0)
    return Mixed(
        inputs,
        (
            (("branch1x1", 320, 1, 1, 0),),
            (
                ("branch3x3_1", 384, 1, 1, 0),
                ("branch3x3_2a", 384, across, 1, beside),
                ("branch3x3_2b", 384, down, 1, above),
            ),
            (
                ("branch3x3dbl_1", 448, 1, 1, 0),
                ("branch3x3dbl_2", 384, 3, 1, 1),
                ("branch3x3dbl_3a", 384, across, 1, beside),
                ("branch3x3dbl_3b", 384, down, 1, above),
            ),
        ),
        pool,
        192,
    )


class Inception(nn.Module):
    """Pictures to 2048 features and 1008 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, 2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, 1, 1)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.Mixed_5b = _fine(192, 32)
        self.Mixed_5c = _fine(256, 64)
        self.Mixed_5d = _fine(288, 64)
        self.Mixed_6a = Mixed(
            288,
            (
                (("branch3x3", 384, 3, 2, 0),),
                (("branch3x3dbl_1", 64, 1, 1, 0), ("branch3x3dbl_2", 96, 3, 1, 1), ("branch3x3dbl_3", 96, 3, 2, 0)),
            ),
            "halve",
        )
        self.Mixed_6b = _middle(128)
        self.Mixed_6c = _middle(160)
        self.Mixed_6d = _middle(160)
        self.Mixed_6e = _middle(192)
        self.Mixed_7a = Mixed(
            768,
            (
                (("branch3x3_1", 192, 1, 1, 0), ("branch3x3_2", 320, 3, 2, 0)),
                (
                    ("branch7x7x3_1", 192, 1, 1, 0),
                    ("branch7x7x3_2", 192, (1, 7), 1, (0, 3)),
                    ("branch7x7x3_3", 192, (7, 1), 1, (3, 0)),
                    ("branch7x7x3_4", 192, 3, 2, 0),
                ),
            ),
            "halve",
        )
        self.Mixed_7b = _coarse(1280, "mean")
        self.Mixed_7c = _coarse(2048, "max")
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, h, w) in [-1, 1], any size: (features (n, 2048), logits (n, 1008) without the biases).

        The Inception Score is counted without the biases in the program that it was published with.
        """
        x = functional.interpolate(images, (_SIDE, _SIDE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = functional.max_pool2d(x, 3, 2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        x = functional.max_pool2d(x, 3, 2)
        for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"):
            x = self.get_submodule(f"Mixed_{name}")(x)
        features = x.mean((2, 3))
        return features, functional.linear(features, self.fc.weight)


def is_the_published_one(path: Path) -> bool:
    """Whether a file is the published weights, byte for byte. OSError when it cannot be read."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == SHA256


def load(path: Path) -> Inception:
    """The network with the published weights. ValueError for any other file; OSError."""
    if not is_the_published_one(path):
        raise ValueError(f"{path.name} is not the published file")
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    return built(weights)


def built(weights: dict[str, Tensor]) -> Inception:
    """The network with these weights, in evaluation mode. ValueError when they are those of another network."""
    net = Inception()
    try:
        missing, unknown = net.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise ValueError(str(error)[:500]) from error
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unknown:
        raise ValueError(f"{len(missing)} weights are missing, {len(unknown)} are unknown")
    return net.requires_grad_(False).eval()

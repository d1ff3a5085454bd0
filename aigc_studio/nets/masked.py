"""A small vision transformer that learns pictures without labels, by filling in what was hidden from it.

He et al., "Masked Autoencoders Are Scalable Vision Learners", 2021 (arXiv 2111.06377): most patches are taken away, the
encoder sees only those that are left (which makes it cheap), a narrower decoder puts the pixels of the others back. The
same two networks learn to remove noise when nothing is hidden and noise is added instead (denoising autoencoder,
Vincent et al. 2008). Afterwards the encoder's features tell pictures apart by what is in them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .network import Network

__all__ = ["Block", "Encoder", "positions"]


class Block(nn.Module):
    """A transformer block with normalisation before attention and before the two-layer network."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, length, width) to the same."""
        count, length, width = tokens.shape
        query, key, value = (
            self.attend(self.before_attention(tokens))
            .reshape(count, length, 3, self.heads, width // self.heads)
            .permute(2, 0, 3, 1, 4)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(count, length, width)
        tokens = tokens + self.attended(mixed)
        return tokens + self.mlp(self.before_mlp(tokens))


class Encoder(Network):
    """The encoder with the decoder that taught it.

    size: side of the pictures in pixels, a multiple of `patch`; at most 32 patches a side. channels: of the pictures.
    width, layers, heads: of the encoder, whose features have `width` numbers. decoder_width, decoder_layers: of the
    decoder. ValueError for what lies outside `BOUNDS` or does not divide.
    """

    BOUNDS = {
        "size": (8, 512),
        "patch": (2, 64),
        "channels": (1, 4),
        "width": (8, 2048),
        "layers": (1, 48),
        "heads": (1, 32),
        "decoder_width": (8, 2048),
        "decoder_layers": (1, 48),
    }

    def __init__(
        self,
        size: int = 64,
        patch: int = 8,
        channels: int = 3,
        width: int = 192,
        layers: int = 6,
        heads: int = 6,
        decoder_width: int = 96,
        decoder_layers: int = 2,
    ) -> None:
        super().__init__(
            size=size,
            patch=patch,
            channels=channels,
            width=width,
            layers=layers,
            heads=heads,
            decoder_width=decoder_width,
            decoder_layers=decoder_layers,
        )
        if size % patch or size // patch > 32 or width % heads or decoder_width % heads:
            raise ValueError(f"size {size} is no few patches of {patch}, or widths cannot be shared by {heads} heads")
        self.size, self.patch, self.channels = size, patch, channels
        side = size // patch
        self.embed = nn.Linear(channels * patch * patch, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.narrow = nn.Linear(width, decoder_width)
        self.hidden = nn.Parameter(torch.zeros(1, 1, decoder_width))
        self.decoder = nn.ModuleList(Block(decoder_width, heads) for _ in range(decoder_layers))
        self.pixels = nn.Sequential(nn.LayerNorm(decoder_width), nn.Linear(decoder_width, channels * patch * patch))
        self.register_buffer("places", positions(side, width))
        self.register_buffer("decoder_places", positions(side, decoder_width))
        nn.init.normal_(self.hidden, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    @property
    def tokens(self) -> int:
        """Patches of a picture."""
        return (self.size // self.patch) ** 2

    def cut(self, images: Tensor) -> Tensor:
        """(n, channels, size, size) to patches (n, tokens, channels * patch * patch), row by row."""
        return functional.unfold(images, self.patch, stride=self.patch).transpose(1, 2)

    def join(self, patches: Tensor) -> Tensor:
        """The inverse of `cut`."""
        return functional.fold(patches.transpose(1, 2), self.size, self.patch, stride=self.patch)

    def encode(self, patches: Tensor, seen: Tensor | None = None) -> Tensor:
        """(n, tokens, ...) to (n, seen, width). seen: (n, k) indices of the patches that are shown, None for all."""
        tokens = self.embed(patches) + self.get_buffer("places")
        if seen is not None:
            tokens = tokens.gather(1, seen[:, :, None].expand(-1, -1, tokens.shape[2]))
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)

    def restore(self, encoded: Tensor, seen: Tensor | None = None) -> Tensor:
        """What `encode` gave for the same `seen`, to pixels: (n, tokens, channels * patch * patch)."""
        tokens = self.narrow(encoded)
        if seen is not None:
            whole = self.hidden.to(tokens.dtype).expand(len(tokens), self.tokens, -1)
            tokens = whole.scatter(1, seen[:, :, None].expand(-1, -1, tokens.shape[2]), tokens)
        tokens = tokens + self.get_buffer("decoder_places")
        for block in self.decoder:
            tokens = block(tokens)
        return self.pixels(tokens)

    def forward(self, images: Tensor, seen: Tensor | None = None) -> Tensor:
        """(n, channels, size, size) in [-1, 1] with all but `seen` hidden, to the picture it takes that for."""
        return self.join(self.restore(self.encode(self.cut(images), seen), seen))

    def fit(self, images: Tensor) -> Tensor:
        """Pictures of any size and of one or three channels as this network takes them."""
        if images.shape[1] != self.channels:
            images = images.mean(1, keepdim=True).expand(-1, self.channels, -1, -1)
        if images.shape[2:] != (self.size, self.size):
            images = functional.interpolate(images, (self.size, self.size), mode="bilinear", antialias=True)
        return images

    def features(self, images: Tensor) -> Tensor:
        """(n, c, h, w) in [-1, 1], any size, to (n, width): the mean over the patches, for comparing pictures."""
        return self.encode(self.cut(self.fit(images))).mean(1)

    def distance(self, images: Tensor, others: Tensor) -> Tensor:
        """(n,): how differently two batches look to it, from the patches' features after every second block.

        As LPIPS (Zhang et al. 2018), unweighted: each feature vector is brought to length 1 first. Differentiable.
        """
        both = self.embed(self.cut(self.fit(torch.cat([images, others])))) + self.get_buffer("places")
        parts = []
        for number, block in enumerate(self.blocks, start=1):
            both = block(both)
            if number % 2 == 0 or number == len(self.blocks):
                one, other = functional.normalize(both, dim=2).chunk(2)
                parts.append((one - other).square().sum(2).mean(1))
        return torch.stack(parts).mean(0)


def positions(side: int, width: int) -> Tensor:
    """(1, side * side, width): sine and cosine of the row in one half, of the column in the other."""
    if width % 4:
        raise ValueError(f"a width of {width} cannot hold two sines and two cosines")
    rates = torch.exp(torch.arange(width // 4) * (-math.log(10_000.0) / (width // 4)))
    angles = torch.arange(side, dtype=torch.float32)[:, None] * rates
    line = torch.cat([angles.sin(), angles.cos()], dim=1)  # (side, width / 2)
    rows, columns = line[:, None].expand(-1, side, -1), line[None].expand(side, -1, -1)
    return torch.cat([rows, columns], dim=2).reshape(1, side * side, width)

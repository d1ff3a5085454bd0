"""A vector-quantised autoencoder and a small transformer that writes its codes: two stages, one model.

Autoencoder and quantiser after van den Oord et al. 2017 (arXiv:1711.00937), the codebook as a moving average (its
appendix A.1), codes that die restarted at vectors of the batch (Dhariwal et al. 2020, arXiv:2005.00341). The prior is a
GPT over the codes in reading order (Esser et al. 2021, arXiv:2012.09841), with the sum of a row's and a column's
vector as position.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from .bounds import widths
from .network import Network
from .vae import decoder, encoder

__all__ = ["VQVAE", "Prior", "Quantiser"]


class Quantiser(nn.Module):
    """Vectors to the nearest of `codes` entries of a codebook that follows them as a moving average."""

    codebook: Tensor
    uses: Tensor
    sums: Tensor

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.register_buffer("codebook", torch.randn(codes, width))
        self.register_buffer("uses", torch.zeros(codes))
        self.register_buffer("sums", torch.zeros(codes, width))

    def nearest(self, vectors: Tensor) -> Tensor:
        """(..., width) -> int64 indices (...)."""
        flat = vectors.detach().float().flatten(0, -2)
        # |v|^2 is the same for all codes and left out.
        distances = self.codebook.square().sum(1) - 2 * flat @ self.codebook.T
        return distances.argmin(1).reshape(vectors.shape[:-1])

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(..., width) -> (quantised, gradients straight through; indices; commitment loss, a mean). Changes nothing:
        `learn` does, once a step."""
        indices = self.nearest(vectors)
        chosen = functional.embedding(indices, self.codebook).to(vectors.dtype)
        loss = functional.mse_loss(vectors.float(), chosen.detach().float())
        return vectors + (chosen - vectors).detach(), indices, loss

    @torch.no_grad()
    def learn(self, vectors: Tensor, indices: Tensor, *, decay: float = 0.99, dead: float = 0.02) -> int:
        """Move the codebook towards what it stood for; codes used less than `dead` times the mean begin anew.

        vectors (..., width) and indices (...) of the whole batch. Draws from torch's global generator. Returns how
        many codes began anew.
        """
        flat, index = vectors.detach().float().flatten(0, -2), indices.flatten()
        counts = torch.bincount(index, minlength=len(self.uses)).to(flat.dtype)
        sums = torch.zeros_like(self.sums).index_add_(0, index, flat)
        if not self.uses.any():  # the first batch: every code begins at one of its vectors
            self.uses.fill_(len(flat) / len(self.uses))
            self._restart(torch.ones_like(self.uses, dtype=torch.bool), flat)
            return len(self.uses)
        self.uses.lerp_(counts, 1 - decay)
        self.sums.lerp_(sums, 1 - decay)
        # Laplace smoothing keeps codes that are hardly used from flying away.
        total = self.uses.sum()
        smooth = (self.uses + 1e-5) / (total + len(self.uses) * 1e-5) * total
        self.codebook.copy_(self.sums / smooth[:, None])
        idle = self.uses < dead * total / len(self.uses)
        if idle.any():
            self._restart(idle, flat)
        return int(idle.sum())

    def _restart(self, which: Tensor, vectors: Tensor) -> None:
        count = int(which.sum())
        drawn = torch.randint(len(vectors), (count,), device="cpu").to(vectors.device)
        noise = torch.randn(count, vectors.shape[1], device="cpu").to(vectors.device)
        begun = vectors[drawn] + noise * vectors.std() * 1e-2
        fair = self.uses.sum() / len(self.uses)
        self.codebook[which] = begun
        self.uses[which] = fair
        self.sums[which] = begun * fair


class _Block(nn.Module):
    """Attention to what came before and a wide layer, both with the input going past."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_one = nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_two = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, past: list[Tensor] | None = None) -> Tensor:
        """x (n, t, width). past: keys and values of what was read before, grown in place; then t must be 1."""
        n, t, width = x.shape
        q, k, v = (
            part.reshape(n, t, self.heads, width // self.heads).transpose(1, 2)
            for part in self.attention(self.norm_one(x)).chunk(3, 2)
        )
        if past is not None:
            if past:
                k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
            past[:] = [k, v]
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=past is None)
        x = x + self.out(y.transpose(1, 2).reshape(n, t, width))
        return x + self.narrow(functional.gelu(self.wide(self.norm_two(x))))


class Prior(nn.Module):
    """Which code comes next, given those before it in reading order. side: of the square of codes."""

    def __init__(self, codes: int, side: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"prior_width is {width}, which {heads} heads cannot share")
        self.codes, self.side = codes, side
        self.words = nn.Embedding(codes + 1, width)  # the last stands before the first code
        self.rows = nn.Embedding(side, width)
        self.columns = nn.Embedding(side, width)
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, codes, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def _read(self, words: Tensor, first: int, pasts: list[list[Tensor]] | None = None) -> Tensor:
        """Logits (n, t, codes) after each of the words (n, t), the first of which stands before place `first`."""
        places = torch.arange(first, first + words.shape[1], device=words.device)
        x = self.words(words) + self.rows(places // self.side) + self.columns(places % self.side)
        for number, block in enumerate(self.blocks):
            x = block(x, None if pasts is None else pasts[number])
        return self.head(self.norm(x))

    def forward(self, indices: Tensor) -> Tensor:
        """int64 (n, side * side) -> logits (n, side * side, codes) for each of them, from those before it."""
        start = torch.full_like(indices[:, :1], self.codes)
        return self._read(torch.cat((start, indices[:, :-1]), 1), 0)

    @torch.no_grad()
    def draw(
        self, draws: torch.Generator, *, temperature: float = 1.0, top: int = 0, given: Tensor | None = None
    ) -> Iterator[Tensor]:
        """Write the codes of one picture. Yields int64 (side * side,) on the CPU after every code, -1 where none is
        yet; always the same tensor.

        draws: a generator of the CPU, so that the same seed draws the same codes on every device. temperature: 0 takes
        the likeliest. top: of so many only, 0 for all. given: int64 (side * side,), codes that stand already, -1
        where they do not.
        """
        device = self.head.weight.device
        done = torch.full((self.side**2,), -1, dtype=torch.int64)
        pasts: list[list[Tensor]] = [[] for _ in self.blocks]
        word = self.codes
        for place in range(len(done)):
            logits = self._read(torch.full((1, 1), word, device=device), place, pasts)[0, 0].float().cpu()
            word = -1 if given is None else int(given[place])
            if word < 0:
                word = _pick(logits, draws, temperature, top)
            done[place] = word
            yield done


def _pick(logits: Tensor, draws: torch.Generator, temperature: float, top: int) -> int:
    if temperature <= 0:
        return int(logits.argmax())
    if 0 < top < len(logits):
        logits = logits.masked_fill(logits < logits.topk(top).values[-1], -torch.inf)
    chances = torch.softmax(logits.double() / temperature, 0)
    if not torch.isfinite(chances).all():
        raise ValueError("not a number")
    return int(torch.multinomial(chances, 1, generator=draws))


class VQVAE(Network):
    """Picture <-> square of codes, and the prior that writes new ones.

    size: side in pixels. halvings: how often it is halved until there are codes (64 px and 3 make 8 x 8 codes; at most
    32 x 32). width: channels at the full size, doubled at every halving up to four times. codes, code_width: of the
    codebook. channels: 1 grey, 3 colours, 4 with alpha. prior_width, layers, heads: of the prior. ValueError for what
    lies outside `BOUNDS`.
    """

    BOUNDS = {
        "size": (8, 512),
        "width": (4, 512),
        "codes": (2, 16384),
        "code_width": (2, 512),
        "halvings": (1, 6),
        "channels": (1, 4),
        "prior_width": (8, 2048),
        "layers": (1, 48),
        "heads": (1, 32),
    }

    def __init__(
        self,
        size: int = 64,
        width: int = 32,
        codes: int = 512,
        code_width: int = 32,
        halvings: int = 3,
        channels: int = 3,
        prior_width: int = 192,
        layers: int = 6,
        heads: int = 6,
    ) -> None:
        super().__init__(
            size=size,
            width=width,
            codes=codes,
            code_width=code_width,
            halvings=halvings,
            channels=channels,
            prior_width=prior_width,
            layers=layers,
            heads=heads,
        )
        side = size >> halvings
        if side << halvings != size or not 1 <= side <= 32:
            raise ValueError(f"size is {size}, which cannot be halved {halvings} times into at most 32 codes")
        sizes = widths(width, 4 * width, halvings)
        self.side = side
        self.encoder = encoder(channels, sizes, code_width)
        self.quantiser = Quantiser(codes, code_width)
        self.decoder = decoder(code_width, sizes, channels)
        self.prior = Prior(codes, side, prior_width, layers, heads)

    def vectors(self, image: Tensor) -> Tensor:
        """(n, channels, size, size) in [-1, 1] -> what is quantised, (n, side, side, code_width)."""
        return self.encoder(image).permute(0, 2, 3, 1)

    def encode(self, image: Tensor) -> Tensor:
        """(n, channels, size, size) in [-1, 1] -> int64 codes (n, side * side), in reading order."""
        return self.quantiser.nearest(self.vectors(image)).flatten(1)

    def decode(self, indices: Tensor) -> Tensor:
        """int64 codes (n, side * side) -> pictures (n, channels, size, size), about [-1, 1], not clamped."""
        chosen = functional.embedding(indices, self.quantiser.codebook)
        return self.decoder(chosen.reshape(len(indices), self.side, self.side, -1).permute(0, 3, 1, 2))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(picture, vectors (n, side, side, code_width), codes (n, side, side), commitment loss): the first stage."""
        vectors = self.vectors(image)
        quantised, indices, loss = self.quantiser(vectors)
        return self.decoder(quantised.permute(0, 3, 1, 2)), vectors, indices, loss

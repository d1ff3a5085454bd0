"""A variational autoencoder of a folder of pictures: every picture becomes a few numbers, and numbers become pictures.

Kingma & Welling 2013 (arXiv:1312.6114); the weight on the divergence is beta-VAE's (Higgins et al. 2017). The error is
counted over all pixels of a picture, as the likelihood says, so that the weight means the same at every size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Choice, Context, Model, Param
from aigc_studio.engines.image.vae import FAMILY as PANEL

from .common import augmentations, care, family, images_data, length, rounds
from .learner import Batch, Made, step_seed
from .pictures import grid, to_picture
from .session import Session
from .trainer import Trainer

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from .images import PreparedImages

__all__ = ["FAMILY", "VAELearner", "load", "run"]

SIZES = tuple(Choice(str(side), f"{side} px") for side in (32, 64, 128, 256))

FAMILY = family(
    "train-vae",
    N_("Sliders from pictures (VAE)"),
    N_("Learns what varies in a folder of pictures and makes new ones from sliders; soft, never surprising."),
    (
        *images_data(),
        Param.choice("size", N_("Side of a picture"), "64", SIZES),
        Param.int(
            "latent",
            N_("Numbers per picture"),
            32,
            2,
            512,
            help=N_("How many numbers describe one picture: more keep details, fewer make clearer sliders."),
        ),
        *length(8000, 16, 1e-3),
        Param.float(
            "beta",
            N_("Regularity (beta)"),
            0.5,
            0.0,
            50.0,
            0.1,
            help=N_("Low keeps pictures sharp; high makes sliders independent and new pictures likelier."),
        ),
        Param.int("width", N_("Width of the network"), 24, 4, 256, advanced=True),
        *augmentations(),
        *care(ema=0.995),
        *rounds(),
    ),
)
_SHOWN = 32
"""Pictures in the sheet of a look: half of them held out, in pairs with what comes back."""
_JUDGED = 512
"""Held-out pictures that a look takes at most, so that it stays short."""
_PATCH = 2
"""Pixels a side that are one place to the network: in 90 seconds of a processor core the error on 18 held-out drawings
of 64 px fell to 0.19 instead of 0.24 (width 24 and batches of 16 instead of width 16 at all pixels and of 32)."""


def load(model: Model, ctx: Context) -> None:
    """Nothing: a recipe begins with its data."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Train, or go on, and deliver the model."""
    import torch

    from aigc_studio.nets.vae import VAE

    session = Session(ctx, request, FAMILY)
    values = session.values
    side = int(values["size"])
    data = session.images(side)
    torch.manual_seed(step_seed(request.seed, 1 << 41))
    net = VAE(size=side, latent=values["latent"], width=values["width"], widest=8 * values["width"], patch=_PATCH)
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # a fifth faster
    learner = VAELearner(net, data, values, request.seed)
    session.begin_from(learner)
    trainer = session.train(learner, session.settings(warmup=50, fall=0.3))
    session.deliver(learner, trainer, like=data, more=learner.draw)


class VAELearner:
    """Reconstruct, and keep the latents near a standard normal."""

    unit = "images"
    averaged = ("vae",)

    def __init__(self, net: Any, data: PreparedImages, values: Mapping[str, Any], seed: int) -> None:
        import torch

        self.modules = {"vae": net}
        self.optimisers = {"vae": torch.optim.AdamW(net.parameters(), lr=values["rate"], weight_decay=1e-4)}
        self._net, self._data, self._values, self._seed = net, data, values, seed
        self._found: dict[str, Any] | None = None
        self._augment = Augment(**{name: values[name] for name in ("flip", "rotate", "zoom", "shift", "colour")})
        fixed = np.random.default_rng((seed, 1 << 20))
        self._latents = torch.from_numpy(fixed.standard_normal((_SHOWN // 2, net.latent)).astype(np.float32))

    def batch(self, step: int) -> Batch:
        """Pictures (n, 3, side, side) in [-1, 1]."""
        indices = self._data.choose(step, int(self._values["batch"]), self._seed)
        rng = np.random.default_rng((self._seed, step, 2))
        return {"image": self._data.batch(indices, rng, self._augment)}

    def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        """One step; the losses are in nats per value."""
        told: dict[str, Any] = {}
        for part in parts:
            with trainer.autocast():
                losses = self._losses(self._net, part["image"])
            trainer.backward(losses["loss"] * trainer.share(part))
            for name, value in losses.items():
                told[name] = told.get(name, 0.0) + value.detach() * trainer.share(part)
        trainer.apply("vae")
        return told

    def _losses(self, net: Any, image: Any) -> dict[str, Any]:
        """Mean absolute error (a Laplace likelihood: sharper than squares) and divergence, both per value."""
        from aigc_studio.nets.vae import divergence

        back, mean, logvar = net(image)
        error = (back.float() - image).abs().mean()
        nats = divergence(mean.float(), logvar.float()).sum(1).mean() / image[0].numel()
        return {"loss": error + float(self._values["beta"]) * nats, "error": error, "divergence": nats}

    def validate(self, trainer: Trainer) -> Mapping[str, float]:
        """The same losses on what was held out, or some of it, from the averaged weights."""
        indices = self._data.held_out(_JUDGED)
        if not len(indices):
            return {}
        sums: dict[str, float] = {}
        for at in range(0, len(indices), 64):
            trainer.check()
            some = indices[at : at + 64]
            image = self._data.batch(some).to(trainer.settings.device)
            for name, value in self._losses(trainer.average["vae"], image).items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(some)
        return {name: value / len(indices) for name, value in sums.items()}

    def sample(self, trainer: Trainer, step: int) -> Image:
        """Above: pictures and what comes back of them, held-out ones first. Below: new ones, from the same latents."""
        import torch

        net = trainer.average["vae"]
        indices = np.concatenate([self._data.validation, self._data.train])[: _SHOWN // 4]
        image = self._data.batch(indices).to(trainer.settings.device)
        mean, _ = net.encode(image)
        pairs = torch.stack([image, net.decode(mean)], 1).flatten(0, 1)
        new = net.decode(self._latents.to(image.device))
        return grid(torch.cat([pairs, new]), columns=8)

    def state(self) -> Mapping[str, Any]:
        """Nothing but the weights."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing but the weights."""

    def final(self, trainer: Trainer, count: int) -> Iterable[Made]:
        """New pictures, from where the pictures' latents lie: those that the Picture panel makes of the same seeds with
        its defaults."""
        import torch

        from aigc_studio.nets import latents

        net = trainer.average["vae"]
        extra = self._extra(trainer)
        for index in range(count):
            seed = (self._seed + index) % 2**32
            noise = torch.randn(1, net.latent, generator=torch.Generator().manual_seed(seed))
            z = latents.placed(extra, _usual(noise))
            yield Made(to_picture(net.decode(z.to(trainer.settings.device))[0]), seed=seed)

    def draw(self, trainer: Trainer, count: int) -> Iterable[torch.Tensor]:
        """Further pictures like the final ones, in batches."""
        import torch

        from aigc_studio.nets import latents

        net, extra = trainer.average["vae"], self._extra(trainer)
        draws = torch.Generator().manual_seed(step_seed(self._seed, 1 << 42))
        for at in range(0, count, 32):
            noise = torch.randn(min(32, count - at), net.latent, generator=draws)
            yield net.decode(latents.placed(extra, _usual(noise)).to(trainer.settings.device))

    def measure(self, trainer: Trainer, made: list[Made]) -> Mapping[str, Any]:
        """Errors on what was held out."""
        return {f"held_out_{name}": value for name, value in self.validate(trainer).items()}

    def export(self, folder: Path, trainer: Trainer) -> None:
        """The averaged network, with where its latents lie."""
        from aigc_studio.nets import files

        files.save(folder, trainer.average["vae"], extra=self._extra(trainer))

    def _extra(self, trainer: Trainer) -> dict[str, Any]:
        """Where the latents of the pictures lie, of the finished network: measured once."""
        from aigc_studio.nets import latents

        if self._found is None:
            indices = self._data.train[:4096]
            batches = (self._data.batch(indices[at : at + 64]) for at in range(0, len(indices), 64))
            self._found = latents.of_vae(trainer.average["vae"], batches)
        return self._found


def _usual(noise: torch.Tensor) -> torch.Tensor:
    """What was drawn, as far from the usual as the Picture panel goes by default."""
    return noise * float(PANEL.values("generate", {})["truncation"])

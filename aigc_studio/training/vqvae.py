"""A vector-quantised autoencoder of a folder of pictures, and then the prior that writes its codes: one run.

van den Oord et al. 2017 (arXiv:1711.00937). First the autoencoder learns to put pictures together of a few hundred
learned pieces; the codebook follows by moving averages, the encoder is kept near it by the commitment loss. For the
rest of the run the autoencoder stands still, and a transformer learns which piece comes next (Esser et al. 2021,
arXiv:2012.09841).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Choice, Context, Model, Param
from aigc_studio.engines.image.vqvae import FAMILY as PANEL

from .common import augmentations, care, family, images_data, length, rounds
from .learner import Batch, Made, step_seed
from .perception import ENCODER, Perception
from .pictures import grid, to_picture
from .session import Session
from .trainer import Trainer

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from .images import PreparedImages

__all__ = ["FAMILY", "VQVAELearner", "halvings", "load", "run"]

SIZES = tuple(Choice(str(side), f"{side} px") for side in (32, 64, 128, 256))

FAMILY = family(
    "train-vqvae",
    N_("Pictures from pieces (VQ-VAE)"),
    N_("Learns the pieces your pictures consist of, then how they go together; also goes on where a picture ends."),
    (
        *images_data(),
        Param.choice("size", N_("Side of a picture"), "64", SIZES),
        *length(12_000, 32, 1e-3),
        Param.int(
            "codes",
            N_("Pieces"),
            256,
            2,
            8192,
            help=N_("How many different pieces there are: more for thousands of pictures, fewer for dozens."),
        ),
        Param.float(
            "share",
            N_("Share for the pieces"),
            0.5,
            0.05,
            0.95,
            0.05,
            advanced=True,
            help=N_("The part of the run in which the pieces are learned; in the rest, how they go together."),
        ),
        Param.float("commitment", N_("Commitment"), 0.25, 0.01, 5.0, 0.05, advanced=True),
        ENCODER,
        Param.int("width", N_("Width of the network"), 32, 4, 256, advanced=True),
        Param.int("prior", N_("Width of the writer"), 192, 24, 1536, 24, advanced=True),
        *augmentations(),
        *care(ema=0.995),
        *rounds(),
    ),
)
_SHOWN = 8
"""Pictures in each row of the sheet of a look."""
_JUDGED = 1024
"""Held-out pictures that are looked at, of however many."""
_WRITTEN = 4
"""New ones among them: a piece after the other takes its time."""


def load(model: Model, ctx: Context) -> None:
    """Nothing: a recipe begins with its data."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Train, or go on, and deliver the model."""
    import torch

    from aigc_studio.nets.vqvae import VQVAE

    session = Session(ctx, request, FAMILY)
    values = session.values
    side = int(values["size"])
    data = session.images(side)
    perception = Perception.chosen(values, ctx, session.device)
    torch.manual_seed(step_seed(request.seed, 1 << 41))
    net = VQVAE(
        size=side,
        width=values["width"],
        codes=values["codes"],
        halvings=halvings(side),
        prior_width=values["prior"] // 24 * 24,
    )
    learner = VQVAELearner(net, data, values, request.seed, perception)
    session.begin_from(learner)
    trainer = session.train(learner, session.settings(warmup=50, fall=0.3))
    if not learner.state()["writing"]:
        ctx.notice(N_("The run ended before it learned how the pieces go together: only reconstructions make sense."))
    session.deliver(learner, trainer, like=data)


def halvings(side: int) -> int:
    """How often the side is halved: 8 x 8 codes up to 64 px, 16 x 16 above."""
    return max(1, (side // (8 if side <= 64 else 16)).bit_length() - 1)


class VQVAELearner:
    """First the pieces, then how they go together."""

    unit = "images"
    averaged = ("vqvae",)

    def __init__(
        self,
        net: Any,
        data: PreparedImages,
        values: Mapping[str, Any],
        seed: int,
        perception: Perception | None = None,
    ) -> None:
        import torch

        rate = float(values["rate"])
        self.modules = {"vqvae": net}
        autoencoder = [*net.encoder.parameters(), *net.decoder.parameters()]
        self.optimisers = {
            "autoencoder": torch.optim.AdamW(autoencoder, lr=rate, betas=(0.9, 0.99), weight_decay=1e-4),
            "prior": torch.optim.AdamW(net.prior.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.05),
        }
        self._net, self._data, self._values, self._seed, self._perception = net, data, values, seed, perception
        self._writing = False
        self._augment = Augment(**{name: values[name] for name in ("flip", "rotate", "zoom", "shift", "colour")})

    def batch(self, step: int) -> Batch:
        """Pictures (n, 3, side, side) in [-1, 1]."""
        indices = self._data.choose(step, int(self._values["batch"]), self._seed)
        rng = np.random.default_rng((self._seed, step, 2))
        return {"image": self._data.batch(indices, rng, self._augment)}

    def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        """One step of the autoencoder, or later of the prior."""
        if not self._writing and trainer.fraction >= float(self._values["share"]):
            self._settle(trainer)
        told: dict[str, Any] = {}
        (self._learn_writing if self._writing else self._learn_pieces)(parts, trainer, told)
        return told

    def _settle(self, trainer: Trainer) -> None:
        """The autoencoder becomes its own average and moves no more, so that its codes keep their meaning."""
        average = trainer.average["vqvae"]
        for part in ("encoder", "decoder", "quantiser"):
            getattr(self._net, part).load_state_dict(getattr(average, part).state_dict())
        self._writing = True

    def _learn_pieces(self, parts: Sequence[Batch], trainer: Trainer, told: dict[str, Any]) -> None:
        import torch

        seen: list[tuple[Tensor, Tensor]] = []
        for part in parts:
            image, share = part["image"], trainer.share(part)
            with trainer.autocast():
                back, vectors, indices, commitment = self._net(image)
            losses = self._losses(back.float(), image) | {"commitment": commitment.float()}
            loss = losses["loss"] + float(self._values["commitment"]) * losses["commitment"]
            trainer.backward(loss * share)
            for name, value in losses.items():
                told[name] = told.get(name, 0.0) + value.detach() * share
            seen.append((vectors.detach(), indices))
        trainer.apply("autoencoder")
        vectors, indices = (torch.cat(each) for each in zip(*seen, strict=True))
        self._net.quantiser.learn(vectors, indices)
        told["pieces_used"] = len(indices.unique()) / int(self._values["codes"])

    def _losses(self, back: Tensor, image: Tensor) -> dict[str, Tensor]:
        """ "loss" to be lowered, "error": the mean absolute one; what an encoder sees of it, where one is chosen."""
        error = (back - image).abs().mean()
        if self._perception is None:
            return {"loss": error, "error": error}
        seen = self._perception.distance(back, image)
        return {"loss": error + seen, "error": error, "seen_error": seen}

    def _learn_writing(self, parts: Sequence[Batch], trainer: Trainer, told: dict[str, Any]) -> None:
        import torch

        for part in parts:
            share = trainer.share(part)
            with torch.no_grad():
                codes = self._net.encode(part["image"])
            with trainer.autocast():
                logits = self._net.prior(codes)
            surprise = _surprise(logits, codes)
            trainer.backward(surprise * share)
            told["writing"] = told.get("writing", 0.0) + surprise.detach() * share
        trainer.apply("prior")

    def validate(self, trainer: Trainer) -> Mapping[str, float]:
        """On what was held out: the error of the pieces; when these are settled, how surprising the codes are, in nats
        per piece, and this alone decides about an early stop."""
        indices = self._data.held_out(_JUDGED)
        if not len(indices):
            return {}
        net = trainer.average["vqvae"]
        error = surprise = 0.0
        for at in range(0, len(indices), 64):
            trainer.check()
            some = indices[at : at + 64]
            image = self._data.batch(some).to(trainer.settings.device)
            codes = net.encode(image)
            error += float((net.decode(codes) - image).abs().mean()) * len(some)
            if self._writing:
                surprise += float(_surprise(net.prior(codes), codes)) * len(some)
        found = {"error": error / len(indices)}
        return found | {"loss": surprise / len(indices)} if self._writing else found

    def sample(self, trainer: Trainer, step: int) -> Image:
        """Pictures, held-out ones first; what comes back of them; and, once it writes, new ones of the same seeds."""
        import torch

        net = trainer.average["vqvae"]
        device = trainer.settings.device
        indices = np.concatenate([self._data.validation, self._data.train])[:_SHOWN]
        image = self._data.batch(indices).to(device)
        rows = [image, net.decode(net.encode(image))]
        if self._writing:
            made = [self._written(trainer, (self._seed + index) % 2**32) for index in range(_WRITTEN)]
            rows.append(torch.cat(made))
        return grid(torch.cat(rows), columns=len(indices))

    def _written(self, trainer: Trainer, seed: int) -> Tensor:
        """(1, 3, side, side): what the Picture panel makes of a seed with its defaults."""
        import torch

        net = trainer.average["vqvae"]
        given = PANEL.values("generate", {})
        codes = torch.empty(0)
        draws = torch.Generator().manual_seed(seed)
        for so_far in net.prior.draw(draws, temperature=given["temperature"], top=given["top"]):
            trainer.check()
            codes = so_far
        return net.decode(codes[None].to(trainer.settings.device))

    def state(self) -> Mapping[str, Any]:
        """Whether the pieces are settled."""
        return {"writing": self._writing}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self._writing = bool(state["writing"])

    def final(self, trainer: Trainer, count: int) -> Iterable[Made]:
        """New pictures, those that the Picture panel makes of the same seeds with its defaults."""
        for index in range(count):
            seed = (self._seed + index) % 2**32
            yield Made(to_picture(self._written(trainer, seed)[0]), seed=seed)

    def measure(self, trainer: Trainer, made: list[Made]) -> Mapping[str, Any]:
        """Errors on what was held out, and how many of the pieces are used for the data."""
        indices = self._data.train[:_JUDGED]
        net = trainer.average["vqvae"]
        used: set[int] = set()
        for at in range(0, len(indices), 64):
            trainer.check()
            image = self._data.batch(indices[at : at + 64]).to(trainer.settings.device)
            used.update(net.encode(image).flatten().tolist())
        names = {"error": "held_out_error", "loss": "held_out_nats_per_piece"}
        return {"pieces_used": len(used)} | {names[name]: value for name, value in self.validate(trainer).items()}

    def export(self, folder: Any, trainer: Trainer) -> None:
        """The averaged network, prior included."""
        from aigc_studio.nets import files

        files.save(folder, trainer.average["vqvae"])


def _surprise(logits: Tensor, codes: Tensor) -> Tensor:
    """Cross entropy in nats per piece: logits (n, t, codes), codes int64 (n, t)."""
    from torch.nn import functional

    return functional.cross_entropy(logits.float().flatten(0, 1), codes.flatten())

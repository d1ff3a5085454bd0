"""A small encoder that learns pictures without labels: parts are hidden, or noise is added, and it restores them.

He et al. 2021 (arXiv:2111.06377), or denoising (Vincent et al. 2008). The finished encoder is no model that makes
pictures: it tells the evaluation and other trainings how alike pictures are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Choice, Context, Model, Param

from .common import augmentations, care, family, images_data, length, rounds
from .learner import Batch, Made, step_seed
from .pictures import grid, to_picture
from .session import Session
from .trainer import Trainer

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from .images import PreparedImages

__all__ = ["FAMILY", "MaskedLearner", "load", "run"]

SIZES = tuple(Choice(str(side), f"{side} px") for side in (32, 64, 128))

FAMILY = family(
    "train-masked",
    N_("An eye for pictures (encoder)"),
    N_("Learns to see without labels; the result judges likeness in evaluations and in other trainings."),
    (
        *images_data(),
        Param.choice("size", N_("Side of a picture"), "64", SIZES),
        Param.choice(
            "exercise",
            N_("Exercise"),
            "masked",
            (Choice("masked", N_("Fill in hidden parts")), Choice("denoise", N_("Remove noise"))),
        ),
        *length(10_000, 64, 1e-3),
        Param.float(
            "hidden", N_("Hidden share"), 0.7, 0.1, 0.95, 0.05, advanced=True, help=N_("Of the parts of a picture.")
        ),
        Param.float("noise", N_("Noise"), 0.5, 0.05, 2.0, 0.05, advanced=True),
        Param.int("width", N_("Width of the network"), 192, 24, 1536, 24, advanced=True),
        Param.int("layers", N_("Layers"), 6, 1, 24, advanced=True),
        *augmentations(),
        *care(ema=0.99),
        *rounds(),
    ),
)
_SIDE = 8
"""Patches along a side of a picture."""
_HEADS = 6
_SHOWN = 16
"""Pictures in the sheet of a look, each with what was seen of it and what was made of that."""
_JUDGED = 1024
"""Held-out pictures that are looked at, of however many."""
_VIEWS = Augment(flip=True, zoom=0.2, shift=0.1, colour=0.3)
"""How a picture is changed to be found again."""


def load(model: Model, ctx: Context) -> None:
    """Nothing: a recipe begins with its data."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Train, or go on, and deliver the model."""
    import torch

    from aigc_studio.nets.masked import Encoder

    session = Session(ctx, request, FAMILY)
    values = session.values
    side, width = int(values["size"]), values["width"] // 24 * 24
    data = session.images(side, kept=False)
    torch.manual_seed(step_seed(request.seed, 1 << 41))
    net = Encoder(
        size=side,
        patch=side // _SIDE,
        width=width,
        layers=values["layers"],
        heads=_HEADS,
        decoder_width=max(24, width // 2 // 12 * 12),
    )
    learner = MaskedLearner(net, data, values, request.seed)
    session.begin_from(learner)
    trainer = session.train(learner, session.settings(warmup=100, fall=0.9))
    session.deliver(learner, trainer)


class MaskedLearner:
    """Restore what was taken from pictures."""

    unit = "images"
    averaged = ("encoder",)

    def __init__(self, net: Any, data: PreparedImages, values: Mapping[str, Any], seed: int) -> None:
        import torch

        self.modules = {"encoder": net}
        self.optimisers = {
            "encoder": torch.optim.AdamW(net.parameters(), lr=values["rate"], betas=(0.9, 0.95), weight_decay=0.05)
        }
        self._net, self._data, self._values, self._seed = net, data, values, seed
        self._augment = Augment(**{name: values[name] for name in ("flip", "rotate", "zoom", "shift", "colour")})

    def batch(self, step: int) -> Batch:
        """Pictures (n, 3, side, side) in [-1, 1]."""
        indices = self._data.choose(step, int(self._values["batch"]), self._seed)
        rng = np.random.default_rng((self._seed, step, 2))
        return {"image": self._data.batch(indices, rng, self._augment)}

    def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        """One step; the loss is the mean squared error of what was hidden, or of everything where noise was added."""
        total: Any = 0.0
        for part in parts:
            share = trainer.share(part)
            with trainer.autocast():
                loss = self._loss(self._net, part["image"])
            trainer.backward(loss * share)
            total = total + loss.detach() * share
        trainer.apply("encoder")
        return {"loss": total}

    def _loss(self, net: Any, image: Tensor) -> Tensor:
        import torch

        if self._values["exercise"] == "denoise":
            noisy = image + torch.randn(image.shape).to(image) * float(self._values["noise"])
            return (net(noisy).float() - image).square().mean()
        seen, hidden = self._hide(net, len(image))
        seen, hidden = seen.to(image.device), hidden.to(image.device)
        patches = net.cut(image)
        restored = net.restore(net.encode(patches, seen), seen)
        place = hidden[:, :, None].expand(-1, -1, patches.shape[2])
        return (restored.gather(1, place).float() - patches.gather(1, place)).square().mean()

    def _hide(self, net: Any, count: int) -> tuple[Tensor, Tensor]:
        """Which patches are seen and which hidden, int64 (count, k) each; from torch's global generator, on the CPU."""
        import torch

        keep = min(net.tokens - 1, max(1, round(net.tokens * (1 - float(self._values["hidden"])))))
        order = torch.rand(count, net.tokens).argsort(1)
        return order[:, :keep], order[:, keep:]

    def validate(self, trainer: Trainer) -> Mapping[str, float]:
        """The same loss on what was held out, with the same parts hidden each time."""
        indices = self._data.held_out(_JUDGED)
        total = 0.0
        for at in range(0, len(indices), 64):
            trainer.check()
            some = indices[at : at + 64]
            image = self._data.batch(some).to(trainer.settings.device)
            total += float(self._loss(trainer.average["encoder"], image)) * len(some)
        return {"loss": total / len(indices)} if len(indices) else {}

    def sample(self, trainer: Trainer, step: int) -> Image:
        """Pictures, held-out ones first, each beside what was seen of it and what was made of that."""
        indices = np.concatenate([self._data.validation, self._data.train])[:_SHOWN]
        return grid(self._restored(indices, trainer).flatten(0, 1), columns=6)

    def _restored(self, indices: np.ndarray, trainer: Trainer) -> Tensor:
        """(n, 3, c, side, side): the pictures, what is seen of them, and them restored."""
        import torch

        net = trainer.average["encoder"]
        image = self._data.batch(indices).to(trainer.settings.device)
        if self._values["exercise"] == "denoise":
            noisy = image + torch.randn(image.shape).to(image) * float(self._values["noise"])
            return torch.stack([image, noisy, net(noisy)], 1)
        seen, hidden = (each.to(image.device) for each in self._hide(net, len(image)))
        patches = net.cut(image)
        place = hidden[:, :, None].expand(-1, -1, patches.shape[2])
        made = net.restore(net.encode(patches, seen), seen)
        shown = patches.scatter(1, place, 0.0)
        filled = patches.scatter(1, place, made.gather(1, place))
        return torch.stack([image, net.join(shown), net.join(filled)], 1)

    def state(self) -> Mapping[str, Any]:
        """Nothing but the weights."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing but the weights."""

    def final(self, trainer: Trainer, count: int) -> Iterable[Made]:
        """Pictures it restored, held-out ones first: the picture, what was seen, what was made of it."""
        import torch

        indices = np.concatenate([self._data.validation, self._data.train])[:count]
        for number in range(len(indices)):
            torch.manual_seed(step_seed(self._seed, number))
            row = self._restored(indices[number : number + 1], trainer)[0]
            yield Made(to_picture(torch.cat(list(row), dim=2)), seed=self._seed)

    def measure(self, trainer: Trainer, made: list[Made]) -> Mapping[str, Any]:
        """The held-out loss, and what the features are worth: how often a picture that was mirrored, moved and
        recoloured is nearest to itself among the others; beside it the same with plain pixels."""
        import torch

        indices = self._data.validation if len(self._data.validation) >= 8 else self._data.train
        indices = indices[:256]
        net = trainer.average["encoder"]
        device = trainer.settings.device
        image = self._data.batch(indices).to(device)
        view = self._data.batch(indices, np.random.default_rng((self._seed, 1 << 21)), _VIEWS).to(device)
        torch.manual_seed(self._seed)
        figures: dict[str, Any] = {f"held_out_{name}": value for name, value in self.validate(trainer).items()}
        for name, see in (("features", net.features), ("pixels", lambda x: x.flatten(1))):
            one, other = (
                torch.cat([see(part) for part in pictures.split(32)]).float().cpu() for pictures in (image, view)
            )
            middle = one.mean(0)
            near = torch.nn.functional.cosine_similarity((other - middle)[:, None], (one - middle)[None], dim=2)
            figures[f"found_again_by_{name}"] = round(
                float((near.argmax(1) == torch.arange(len(indices))).float().mean()), 3
            )
        return figures

    def export(self, folder: Any, trainer: Trainer) -> None:
        """The averaged encoder with its decoder."""
        from aigc_studio.nets import files

        files.save(folder, trainer.average["encoder"])

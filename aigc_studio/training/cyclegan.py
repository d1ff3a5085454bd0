"""A translator between two folders of pictures that need not match: CycleGAN.

Zhu et al. 2017 (arXiv:1703.10593). Each direction must fool a critic of the other kind of pictures (least squares, Mao
et al. 2016), a picture that goes there and back must be itself again, and one that is of the wanted kind already must
stay as it is. The critics also see pictures made earlier (Shrivastava et al. 2017), which keeps them from forgetting.
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

from .common import augmentations, care, family, images_data, length, rounds
from .evaluation.features import network
from .evaluation.pictures import compare
from .learner import Batch, Made, step_seed
from .pictures import grid, to_picture
from .session import Session
from .trainer import Trainer

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from .images import PreparedImages

__all__ = ["FAMILY", "CycleLearner", "Pool", "load", "run"]

_WIDE = N_("Small for a processor; 32 to 64 for a graphics card, where it is much better.")

SIZES = tuple(Choice(str(side), f"{side} px") for side in (64, 128, 256))

FAMILY = family(
    "train-cyclegan",
    N_("Restyle between two folders (CycleGAN)"),
    N_("Learns to redraw pictures of one folder as if they came from the other, and back; no pairs are needed."),
    (
        *images_data(N_("Pictures of the first kind")),
        Param.folder(
            "data_b",
            N_("Pictures of the second kind"),
            of=("images",),
            help=N_("They need not show the same things, only the other style."),
        ),
        Param.choice("size", N_("Side of a picture"), "64", SIZES),
        *length(20_000, 1, 2e-4),
        Param.float(
            "cycle",
            N_("Keep the content"),
            10.0,
            0.0,
            100.0,
            0.5,
            help=N_("High: the picture stays recognisable. Low: it may change more."),
        ),
        Param.float(
            "identity",
            N_("Keep the colours"),
            5.0,
            0.0,
            100.0,
            0.5,
            advanced=True,
            help=N_("How much a picture of the wanted kind must stay as it is. 0: colours may change freely."),
        ),
        Param.int("width", N_("Width of the network"), 16, 4, 128, advanced=True, help=_WIDE),
        Param.int("blocks", N_("Blocks in the middle"), 4, 1, 12, advanced=True),
        *augmentations(),
        *care(ema=0.995, validation=0.0, patience=None),
        *rounds(),
    ),
)
_SHOWN = 6
"""Pictures of each kind in the sheet of a look."""
_JUDGED = 64
"""Held-out pictures of each kind that are looked at, of however many."""
_POOL = 50
"""Made pictures that are kept for each critic."""


def load(model: Model, ctx: Context) -> None:
    """Nothing: a recipe begins with its data."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Train, or go on, and deliver the model."""
    import torch

    from aigc_studio.nets.translator import Patches, Translator

    session = Session(ctx, request, FAMILY)
    values = session.values
    side, width = int(values["size"]), values["width"]
    data = session.images(side, kept=False), session.images(side, "data_b")
    torch.manual_seed(step_seed(request.seed, 1 << 41))
    translator = Translator(size=side, width=width, blocks=values["blocks"])
    layers = 3 if side >= 128 else 2  # patches of 70 px would be all of a small picture
    critics = Patches(width=width, layers=layers), Patches(width=width, layers=layers)
    learner = CycleLearner(translator, critics, data, values, request.seed)
    session.begin_from(learner)
    trainer = session.train(learner, session.settings(clip=0.0, fall=0.5))
    session.deliver(learner, trainer)


class Pool:
    """The last pictures that were made. Never changed in place: a checkpoint may hold `pictures`."""

    def __init__(self, size: int = _POOL) -> None:
        self.size = size
        self.pictures: tuple[Tensor, ...] = ()

    def exchange(self, made: Tensor) -> Tensor:
        """(n, c, h, w) to the same, of which about half are older ones; randomness from torch's global generator."""
        import torch

        kept = list(self.pictures)
        given = []
        for picture in made.detach():
            if len(kept) < self.size:
                kept.append(picture.cpu().clone())
                given.append(picture)
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                given.append(kept[place].to(picture))
                kept[place] = picture.cpu().clone()
            else:
                given.append(picture)
        self.pictures = tuple(kept)
        return torch.stack(given)


class CycleLearner:
    """Both directions, then both critics. The first kind is called a, the second b."""

    unit = "images"
    averaged = ("translator",)

    def __init__(
        self,
        translator: Any,
        critics: tuple[Any, Any],
        data: tuple[PreparedImages, PreparedImages],
        values: Mapping[str, Any],
        seed: int,
    ) -> None:
        import torch

        of_a, of_b = critics
        rate = float(values["rate"])
        self.modules = {"translator": translator, "critic_a": of_a, "critic_b": of_b}
        self.optimisers = {
            "translator": torch.optim.Adam(translator.parameters(), lr=rate, betas=(0.5, 0.999)),
            "critics": torch.optim.Adam([*of_a.parameters(), *of_b.parameters()], lr=rate, betas=(0.5, 0.999)),
        }
        self._net, self._of_a, self._of_b = translator, of_a, of_b
        self._data, self._values, self._seed = data, values, seed
        self._pools = Pool(), Pool()
        self._augment = Augment(**{name: values[name] for name in ("flip", "rotate", "zoom", "shift", "colour")})

    def batch(self, step: int) -> Batch:
        """ "a" and "b": pictures (n, 3, side, side) in [-1, 1], which have nothing to do with each other."""
        found = {}
        for number, (name, data) in enumerate(zip("ab", self._data, strict=True)):
            indices = data.choose(step, int(self._values["batch"]), step_seed(self._seed, number) % 2**32)
            rng = np.random.default_rng((self._seed, step, number))
            found[name] = data.batch(indices, rng, self._augment)
        return found

    def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        """One step of both directions and one of both critics; a stop anywhere before the end leaves nothing half
        done."""
        told: dict[str, Any] = {}
        made: list[tuple[Tensor, Tensor]] = []
        for critic in (self._of_a, self._of_b):
            critic.requires_grad_(False)
        try:
            for part in parts:
                with trainer.autocast():
                    losses, there, back = self._directions(part["a"], part["b"])
                trainer.backward(losses["loss"] * trainer.share(part))
                _add(told, losses, trainer.share(part))
                made.append((there.detach().float(), back.detach().float()))
        finally:
            for critic in (self._of_a, self._of_b):
                critic.requires_grad_(True)
        for part, (there, back) in zip(parts, made, strict=True):
            older_a, older_b = self._pools[0].exchange(back), self._pools[1].exchange(there)
            with trainer.autocast():
                losses = {
                    "critic_a": self._judged(self._of_a, part["a"], older_a),
                    "critic_b": self._judged(self._of_b, part["b"], older_b),
                }
            trainer.backward((losses["critic_a"] + losses["critic_b"]) * trainer.share(part))
            _add(told, losses, trainer.share(part))
        trainer.apply("translator")
        trainer.apply("critics")
        return told

    def _directions(self, a: Tensor, b: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Losses by name with their sum, and the made pictures: a as b, b as a."""
        net, values = self._net, self._values
        there, back = net.there(a), net.back(b)
        fooled = _least_squares(self._of_b(there), 1.0) + _least_squares(self._of_a(back), 1.0)
        cycle = (net.back(there).float() - a).abs().mean() + (net.there(back).float() - b).abs().mean()
        loss = fooled + float(values["cycle"]) * cycle
        found = {"fooled": fooled, "cycle": cycle}
        if values["identity"]:
            same = (net.there(b).float() - b).abs().mean() + (net.back(a).float() - a).abs().mean()
            loss = loss + float(values["identity"]) * same
            found["identity"] = same
        return {"loss": loss, **found}, there, back

    def _judged(self, critic: Any, real: Tensor, made: Tensor) -> Tensor:
        return (_least_squares(critic(real), 1.0) + _least_squares(critic(made), 0.0)) / 2

    def validate(self, trainer: Trainer) -> Mapping[str, float]:
        """How much of held-out pictures is lost on the way there and back: mean absolute differences."""
        net = trainer.average["translator"]
        found: dict[str, float] = {}
        for name, data, way in (
            ("a", self._data[0], (net.there, net.back)),
            ("b", self._data[1], (net.back, net.there)),
        ):
            indices = data.held_out(_JUDGED)
            total = 0.0
            for at in range(0, len(indices), 16):
                trainer.check()
                image = data.batch(indices[at : at + 16]).to(trainer.settings.device)
                total += float((way[1](way[0](image)) - image).abs().mean()) * len(image)
            if len(indices):
                found[f"cycle_{name}"] = total / len(indices)
        return found

    def sample(self, trainer: Trainer, step: int) -> Image:
        """Rows: pictures of the first kind, these as the second, pictures of the second kind, these as the first.
        Held-out ones come first."""
        import torch

        net = trainer.average["translator"]
        rows = []
        for data, way in zip(self._data, (net.there, net.back), strict=True):
            indices = np.concatenate([data.validation, data.train])
            image = data.batch(np.resize(indices, _SHOWN)).to(trainer.settings.device)
            rows += [image, way(image)]
        return grid(torch.cat(rows), columns=_SHOWN)

    def state(self) -> Mapping[str, Any]:
        """The pictures that the critics are reminded of."""
        return {"pools": tuple(pool.pictures for pool in self._pools)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        for pool, pictures in zip(self._pools, state["pools"], strict=True):
            pool.pictures = tuple(pictures)

    def final(self, trainer: Trainer, count: int) -> Iterable[Made]:
        """Pictures of either kind in turn, held-out ones first, each beside what is made of it."""
        import torch

        net = trainer.average["translator"]
        kinds = [
            (data, np.concatenate([data.validation, data.train]), way)
            for data, way in zip(self._data, (net.there, net.back), strict=True)
        ]
        for number in range(count):
            data, indices, way = kinds[number % 2]
            at = number // 2 % len(indices)
            image = data.batch(indices[at : at + 1]).to(trainer.settings.device)
            yield Made(to_picture(torch.cat([image[0], way(image)[0]], dim=2)), seed=self._seed)

    def measure(self, trainer: Trainer, made: list[Made]) -> Mapping[str, Any]:
        """What is lost on the way there and back, and how much a direction changes at all: one that copies its input
        loses nothing. And how far what becomes of one kind lies from the other kind, by the distances of
        `evaluation.pictures`."""
        net = trainer.average["translator"]
        figures: dict[str, Any] = {f"held_out_{name}": value for name, value in self.validate(trainer).items()}
        for name, data, way in (("a", self._data[0], net.there), ("b", self._data[1], net.back)):
            image = data.batch(data.train[:16]).to(trainer.settings.device)
            figures[f"changed_{name}"] = round(float((way(image) - image).abs().mean()) / 2, 4)
        device = trainer.settings.device
        looks = network(device)
        for name, source, target, way in (("b", *self._data, net.there), ("a", *reversed(self._data), net.back)):
            indices = np.concatenate([source.validation, source.train])[: 256 if device.startswith("cuda") else 32]
            drawn = (way(source.batch(indices[at : at + 4]).to(device)) for at in range(0, len(indices), 4))
            found = compare(drawn, target, device=device, check=trainer.check, net=looks)
            figures["network"] = found.pop("network")
            figures |= {f"{each}_{name}": value for each, value in found.items()}
        return figures

    def export(self, folder: Any, trainer: Trainer) -> None:
        """Both averaged directions, with the names of the folders."""
        from aigc_studio.nets import files

        labels = [Path(str(self._values[name])).name[:40] or name for name in ("data", "data_b")]
        files.save(folder, trainer.average["translator"], labels=labels)


def _least_squares(scores: Tensor, wanted: float) -> Tensor:
    return (scores.float() - wanted).square().mean()


def _add(told: dict[str, Any], losses: Mapping[str, Tensor], share: float) -> None:
    for name, value in losses.items():
        told[name] = told.get(name, 0.0) + value.detach() * share

"""A generative adversarial network of a folder of pictures: a generator learns to make what a critic takes for real.

Goodfellow et al. 2014 (arXiv:1406.2661). Hinge loss (Lim & Ye 2017, arXiv:1705.02894) on a critic with spectral norm;
R1 (Mescheder et al. 2018, arXiv:1801.04406) flattens the critic where pictures are real, every few steps with as much
more weight (Karras et al. 2020); adaptive augmentation (`ada`) lets it live on small sets. The critic must also redraw
what it is shown (Liu et al. 2021, arXiv:2101.04775), and every picture of the data pulls what is made nearest to it
(`anchors`). What is kept is the moving average of the generator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Choice, Context, Model, Param
from aigc_studio.engines.image.gan import FAMILY as PANEL

from .ada import Adaptive, augment
from .anchors import Anchors, difference, strength
from .common import augmentations, care, family, images_data, length, rounds
from .learner import Batch, Made, step_seed
from .pictures import grid, to_picture
from .session import Session
from .trainer import Trainer

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from .images import PreparedImages

__all__ = ["FAMILY", "GANLearner", "hinge_critic", "hinge_generator", "load", "penalty", "run"]

_WIDE = N_("Small for a processor; 32 to 64 for a graphics card, where it is much better.")

SIZES = tuple(Choice(str(side), f"{side} px") for side in (32, 64, 128, 256))

FAMILY = family(
    "train-gan",
    N_("New pictures from pictures (GAN)"),
    N_("Two networks compete until one makes pictures like yours: crisp and surprising, fast to make."),
    (
        *images_data(),
        Param.choice("size", N_("Side of a picture"), "32", SIZES),
        *length(30_000, 16, 2e-3),
        Param.bool(
            "adaptive",
            N_("Adaptive augmentation"),
            True,
            help=N_("Shows pictures turned, moved and recoloured as soon as they are known by heart: for small sets."),
        ),
        Param.float(
            "r1",
            N_("Calm critic (R1)"),
            0.3,
            0.0,
            100.0,
            0.1,
            advanced=True,
            help=N_("Raise it when the samples flicker or fall apart, lower it when they stay blurred."),
        ),
        Param.float(
            "redraw",
            N_("The critic redraws"),
            2.0,
            0.0,
            20.0,
            0.5,
            advanced=True,
            help=N_("It must draw again what it was shown, so that it looks at all of it: for small sets. 0: not."),
        ),
        Param.float(
            "pull",
            N_("Every picture counts"),
            3.0,
            0.0,
            20.0,
            0.5,
            advanced=True,
            help=N_(
                "Each picture pulls what is made nearest to it: clearer and more varied results from small sets, and "
                "nearer to them. Fades from 1,000 pictures on and is off from 10,000. 0: not at all."
            ),
        ),
        Param.int("latent", N_("Numbers per picture"), 64, 2, 512, advanced=True),
        Param.int("width", N_("Width of the network"), 12, 4, 256, advanced=True, help=_WIDE),
        *augmentations(flip=False),  # the adaptive augmentation mirrors when it must
        *care(ema=0.998, validation=0.0, patience=None),
        *rounds(),
    ),
)
_SHOWN = 32
"""Pictures in the sheet of a look."""
_LAZY = 8
"""Every how many steps R1 is counted, with as much more weight: as good, and much cheaper."""
_REJECTED = 8
_MAPPING = 0.1
"""The mapping network's share of the learning rate, without which it runs away (Karras et al. 2019)."""


def load(model: Model, ctx: Context) -> None:
    """Nothing: a recipe begins with its data."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Train, or go on, and deliver the model."""
    import torch

    from aigc_studio.nets.gan import Discriminator, Generator

    session = Session(ctx, request, FAMILY)
    values = session.values
    side, width = int(values["size"]), int(values["width"])
    data = session.images(side)
    torch.manual_seed(step_seed(request.seed, 1 << 41))
    generator = Generator(size=side, latent=values["latent"], width=width, widest=8 * width)
    critic = Discriminator(size=side, width=width, widest=8 * width)
    for net in (generator, critic):
        net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # a third faster
    learner = GANLearner(generator, critic, data, values, request.seed, session.rejected_pixels(side))
    session.begin_from(learner)
    trainer = session.train(learner, session.settings(clip=0.0, fall=0.2))
    session.deliver(learner, trainer, like=data, more=learner.draw)


class GANLearner:
    """The critic learns to tell real from made, then the generator to be taken for real.

    rejected: uint8 (n, side, side, 3), what a person did not want of former rounds: the critic sees some of it among
    what is made, so that the generator keeps away from it.
    """

    unit = "images"
    averaged = ("generator",)

    def __init__(
        self,
        generator: Any,
        critic: Any,
        data: PreparedImages,
        values: Mapping[str, Any],
        seed: int,
        rejected: np.ndarray | None = None,
    ) -> None:
        import torch

        from aigc_studio.nets.gan import Redraw

        rate = float(values["rate"])
        slow = list(generator.mapping.parameters())
        others = [weight for weight in generator.parameters() if not any(weight is each for each in slow)]
        self.modules = {"generator": generator, "critic": critic}
        self.optimisers = {
            "critic": torch.optim.Adam(critic.parameters(), lr=rate, betas=(0.0, 0.99)),
            "generator": torch.optim.Adam(
                [{"params": others}, {"params": slow, "lr": rate * _MAPPING}], lr=rate, betas=(0.0, 0.99)
            ),
        }
        self._generator, self._critic = generator, critic
        self._redraw = None
        if values["redraw"]:
            self._redraw = Redraw(**critic.config()).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            self.modules["redraw"] = self._redraw
            self.optimisers["critic"].add_param_group({"params": list(self._redraw.parameters())})
        self._anchors = Anchors()
        self._pull = float(values["pull"]) * strength(len(data.train))
        self._data, self._values, self._seed = data, values, seed
        self._adaptive = Adaptive.for_set(len(data.train))
        self._augment = Augment(**{name: values[name] for name in ("flip", "rotate", "zoom", "shift", "colour")})
        fixed = np.random.default_rng((seed, 1 << 20))
        self._rejected = torch.from_numpy(rejected) if rejected is not None and len(rejected) else None
        self._latents = torch.from_numpy(fixed.standard_normal((_SHOWN, generator.latent)).astype(np.float32))

    def batch(self, step: int) -> Batch:
        """Pictures (n, 3, side, side) in [-1, 1]."""
        indices = self._data.choose(step, int(self._values["batch"]), self._seed)
        rng = np.random.default_rng((self._seed, step, 2))
        return {"image": self._data.batch(indices, rng, self._augment)}

    def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        """One step of the critic, then one of the generator against the critic as it is now: both at once, which would
        be simpler, made fuzzy balls where this made shapes.

        "critic" is 2 while the critic can tell nothing and 0 when it can tell all; "generator" is what the critic
        thinks of what is made, with the sign turned.
        """
        told: dict[str, Any] = {}
        for part in parts:
            self._teach_critic(part["image"], trainer, trainer.share(part), told)
        trainer.apply("critic", more=True)
        for part in parts:
            self._teach_generator(len(part["image"]), trainer, trainer.share(part), told)
        trainer.apply("generator")
        if self._values["adaptive"]:
            self._adaptive.adjust(sum(len(part["image"]) for part in parts))
            told["augmentation"] = self._adaptive.probability
        return told

    def _teach_critic(self, real: Tensor, trainer: Trainer, share: float, told: dict[str, Any]) -> None:
        import torch

        with trainer.autocast(), torch.no_grad():
            made = self._with_rejected(self._made(len(real)))
        real = augment(real, self._adaptive.probability).requires_grad_(trainer.step % _LAZY == 0)
        with trainer.autocast():
            says_real, seen = self._critic.look(real)
            says_made = self._critic(augment(made.float(), self._adaptive.probability))
        loss = hinge_critic(says_real.float(), says_made.float())
        _add(told, "critic", loss, share)
        if real.requires_grad and self._values["r1"]:
            steep = penalty(says_real, real)
            _add(told, "r1", steep, share)
            loss = loss + steep * (float(self._values["r1"]) / 2 * _LAZY)
        if self._redraw is not None:
            with trainer.autocast():
                drawn = self._redraw(seen)
            apart = (drawn.float() - real.detach()).abs().mean()
            _add(told, "redrawn", apart, share)
            loss = loss + apart * float(self._values["redraw"])
        trainer.backward(loss * share)
        self._adaptive.observe(says_real)

    def _teach_generator(self, count: int, trainer: Trainer, share: float, told: dict[str, Any]) -> None:
        """Half of what is made is also to become pictures of the data, when they pull."""
        pulled = count // 2 if self._pull else 0
        latents, wanted = self._pulled(pulled) if pulled else (None, None)
        self._critic.requires_grad_(False)  # its gradients are not wanted here
        try:
            with trainer.autocast():
                made = self._made(count - pulled, latents)
                says = self._critic(augment(made.float(), self._adaptive.probability))
            loss = hinge_generator(says.float())
            _add(told, "generator", loss, share)
            if wanted is not None:
                apart = difference(made[:pulled], wanted.to(made.device))
                _add(told, "pulled", apart, share)
                loss = loss + apart * self._pull
            trainer.backward(loss * share)
        finally:
            self._critic.requires_grad_(True)

    def _pulled(self, count: int) -> tuple[Tensor, Tensor]:
        """Latents (count, latent) and the pictures that they are to become, chosen anew every so often."""
        if self._anchors.due(count):
            device = next(self._generator.parameters()).device
            self._anchors.choose(
                self._data.train,
                self._data.batch,
                lambda z: self._generator(z.to(device)),
                self._generator.latent,
                count,
            )
        latents, pictures = self._anchors.take(count)
        return latents, self._data.batch(pictures)

    def _with_rejected(self, made: Tensor) -> Tensor:
        """A batch of made pictures with rejected ones in the place of an eighth of it, of one at least."""
        import torch

        if self._rejected is None:
            return made
        count = max(1, len(made) // _REJECTED)
        chosen = self._rejected[torch.randint(len(self._rejected), (count,))].permute(0, 3, 1, 2)
        return torch.cat([made[: len(made) - count], (chosen.to(made.device).to(made.dtype) / 127.5 - 1)])

    def _made(self, count: int, first: Tensor | None = None) -> Tensor:
        """Pictures from latents drawn from torch's global generator, on the CPU so that devices agree; after those of
        the `first` latents."""
        import torch

        z = torch.randn(count, self._generator.latent)
        z = z if first is None else torch.cat([first, z])
        return self._generator(z.to(next(self._generator.parameters()).device))

    def validate(self, trainer: Trainer) -> Mapping[str, float]:
        """What the critic says of pictures it learned from and of held-out ones: when the two part, it knows the
        first by heart."""
        if not len(self._data.validation):
            return {}
        held_out, learned = self._data.validation[:256], self._data.train[:256]
        return {"critic_of_held_out": self._said(held_out, trainer), "critic_of_learned": self._said(learned, trainer)}

    def _said(self, indices: np.ndarray, trainer: Trainer) -> float:
        total = 0.0
        for at in range(0, len(indices), 64):
            trainer.check()
            total += float(self._critic(self._data.batch(indices[at : at + 64]).to(trainer.settings.device)).sum())
        return total / len(indices)

    def sample(self, trainer: Trainer, step: int) -> Image:
        """Pictures from the same latents each time, by the averaged generator."""
        made = trainer.average["generator"](self._latents.to(trainer.settings.device))
        return grid(made, columns=8)

    def state(self) -> Mapping[str, Any]:
        """How much is augmented at present, and what pulls at what."""
        return {"adaptive": self._adaptive.state(), "anchors": self._anchors.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self._adaptive.restore(state["adaptive"])
        self._anchors.restore(state.get("anchors", {}))

    def final(self, trainer: Trainer, count: int) -> Iterable[Made]:
        """New pictures from a seed each, those that the Picture panel makes of the same seeds with its defaults."""
        import torch

        from aigc_studio.nets import latents

        generator = trainer.average["generator"]
        mean = latents.of_gan(generator)["mean"].to(trainer.settings.device)
        for index in range(count):
            seed = (self._seed + index) % 2**32
            z = torch.randn(1, generator.latent, generator=torch.Generator().manual_seed(seed))
            w = torch.lerp(mean, generator.map(z.to(mean.device)), float(PANEL.values("generate", {})["truncation"]))
            yield Made(to_picture(generator.paint(w)[0]), seed=seed)

    def draw(self, trainer: Trainer, count: int) -> Iterable[Tensor]:
        """Further pictures like the final ones, in batches."""
        import torch

        from aigc_studio.nets import latents

        generator = trainer.average["generator"]
        mean = latents.of_gan(generator)["mean"].to(trainer.settings.device)
        truncation = float(PANEL.values("generate", {})["truncation"])
        draws = torch.Generator().manual_seed(step_seed(self._seed, 1 << 42))
        for at in range(0, count, 32):
            z = torch.randn(min(32, count - at), generator.latent, generator=draws)
            yield generator.paint(torch.lerp(mean, generator.map(z.to(mean.device)), truncation))

    def measure(self, trainer: Trainer, made: list[Made]) -> Mapping[str, Any]:
        """How far the pictures lie apart, beside the real ones: a collapsed generator makes the same again and again.
        Mean absolute differences of pixels between pairs, as a share of the range."""
        import torch

        generator = trainer.average["generator"]
        device = trainer.settings.device
        count = min(64, len(self._data.train))
        draws = torch.Generator().manual_seed(self._seed)
        new = generator(torch.randn(64, generator.latent, generator=draws).to(device)).clamp(-1, 1).cpu()
        figures = {"variety": _variety(new), "augmentation": round(self._adaptive.probability, 3)}
        if count > 1:
            figures["variety_of_the_data"] = _variety(self._data.batch(self._data.train[:count]))
        return figures

    def export(self, folder: Any, trainer: Trainer) -> None:
        """The averaged generator with its mean latent and the directions in which its pictures vary most."""
        from aigc_studio.nets import files, latents

        generator = trainer.average["generator"]
        files.save(folder, generator, extra=latents.of_gan(generator))


def hinge_critic(real: Tensor, made: Tensor) -> Tensor:
    """Scores (n,) of real and made pictures: nothing to gain beyond 1 and below -1."""
    return (1 - real).relu().mean() + (1 + made).relu().mean()


def hinge_generator(made: Tensor) -> Tensor:
    """Scores (n,) of made pictures, to be raised."""
    return -made.mean()


def penalty(scores: Tensor, images: Tensor) -> Tensor:
    """R1: the mean squared length of the gradient of the scores (n,) at the images (n, c, h, w)."""
    import torch

    (gradient,) = torch.autograd.grad(scores.float().sum(), images, create_graph=True)
    return gradient.float().square().sum((1, 2, 3)).mean()


def _variety(images: Tensor) -> float:
    """Mean absolute difference over all pairs of (n, c, h, w) in [-1, 1]; half of it, so that 1 is black to white."""
    import torch

    flat = images.float().flatten(1)
    return round(float(torch.pdist(flat, p=1).mean()) / flat.shape[1] / 2, 4)


def _add(told: dict[str, Any], name: str, value: Tensor, share: float) -> None:
    told[name] = told.get(name, 0.0) + value.detach() * share

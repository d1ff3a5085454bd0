"""Latent diffusion from scratch: a picture model that listens to words, from a folder of pictures with captions.

The result is an ordinary StableDiffusionPipeline folder: it makes, varies and changes pictures in this program and in
every other that runs one. The networks and losses stand in `nets/diffusion.py`, one step of them in `latent_learner`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Choice, Context, Model, Param
from aigc_studio.engines.image.diffusion.pipeline import warm

from . import checkpoint
from .bookkeeping import on_a_full_disk
from .caption_tokens import load_tokenizer, save_tokenizer, token_ids, train_tokenizer
from .captioning import captioned, captioner
from .common import care, family, images_data, length, rounds
from .latent_learner import Encode, LatentLearner, Plan, paint
from .learner import Made, step_seed
from .session import Session
from .trainer import Trainer

if TYPE_CHECKING:
    from torch import Tensor

    from .images import PreparedImages

__all__ = ["FAMILY", "FolderSource", "PictureMaker", "load", "networks", "run", "save_pipeline"]

SIZES = tuple(Choice(str(side), f"{side} px") for side in (32, 64, 128, 256))

NETWORKS = (
    Choice("tiny", N_("Tiny: to try it out")),
    Choice("small", N_("Small: 15 million weights, for a processor")),
    Choice("medium", N_("Medium: 77 million weights, for a graphics card")),
    Choice("large", N_("Large: 180 million weights, for a large graphics card")),
)

FAMILY = family(
    "train-diffusion",
    N_("Pictures from words (latent diffusion)"),
    N_(
        "Learns from pictures with captions to make new ones from words. Takes the longest and gives the most; "
        "without a graphics card only small pictures of few subjects."
    ),
    (
        *images_data(N_("Pictures with captions")),
        Param.choice("size", N_("Side of a picture"), "64", SIZES),
        Param.choice("network", N_("Networks"), "small", NETWORKS),
        *length(20000, 16, 3e-4),
        Param.lines(
            "prompts",
            N_("Prompts of the samples"),
            help=N_("One a line: what is painted at each look and at the end. Empty: captions of the pictures."),
        ),
        Param.float(
            "autoencoder",
            N_("Share of the autoencoder"),
            0.3,
            0.05,
            0.9,
            0.05,
            advanced=True,
            help=N_("Part of the run in which pictures are learned to be packed, before words are learned at all."),
        ),
        Param.choice(
            "prediction",
            N_("What is predicted"),
            "v_prediction",
            (Choice("v_prediction", N_("Velocity, down to pure noise")), Choice("epsilon", N_("The noise"))),
            advanced=True,
            help=N_("Velocity gets plain backgrounds right; with the noise alone they drift towards grey."),
        ),
        Param.float(
            "drop",
            N_("Captions left out"),
            0.1,
            0.0,
            0.9,
            0.05,
            advanced=True,
            help=N_("So many pictures are learned without words: guidance needs to know both."),
        ),
        Param.float("guidance", N_("Guidance"), 3.0, 1.0, 20.0, 0.5, advanced=True),
        Param.bool("flip", N_("Mirror"), False, advanced=True, help=N_("Half of the pictures are seen mirrored.")),
        captioner(),
        *care(ema=0.999, sample_every=500),
        *rounds(),
    ),
)

STEPS = 20
"""Steps with which samples are made, and with which the model's form begins."""


def load(model: Model, ctx: Context) -> None:
    """Nothing: a recipe begins with its data."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Train, or go on, and deliver the model."""
    from aigc_studio.nets.diffusion import SHAPES, make_scheduler

    session = Session(ctx, request, FAMILY)
    values = session.values
    side = int(values["size"])
    data = captioned(session.images(side), str(values["captioner"]), ctx)
    tokenizer = _tokenizer(session, data)
    source = FolderSource(data, tokenizer, session.run.path / "latents", request.seed, bool(values["flip"]), ctx.check)
    card = session.device.startswith("cuda")
    plan = Plan(
        batch=int(values["batch"]),
        autoencoder=float(values["autoencoder"]),
        rate=float(values["rate"]),
        drop=float(values["drop"]),
        prompts=_prompts(str(values["prompts"]), source, int(values["samples"])),
        guidance=float(values["guidance"]),
        steps=STEPS,
        seed=request.seed,
        device=session.device,
        compiled=card,
    )
    shape = SHAPES[str(values["network"])]
    parts = networks(shape, side, tokenizer, request.seed)
    learner = PictureMaker(plan, source, parts, tokenizer, make_scheduler(str(values["prediction"])), ctx.check)
    session.begin_from(learner)
    if session.earlier is not None:
        learner.restore((checkpoint.load_latest(session.earlier.path) or {"learner": learner.state()})["learner"])
    trainer = session.train(learner, session.settings(warmup=50, fall=0.2))
    session.deliver(learner, trainer, like=data, more=learner.draw if card else None)


def networks(shape: Any, side: int, tokenizer: Any, seed: int) -> dict[str, Any]:
    """Fresh networks of a shape (`nets.diffusion.Shape`) from the run's seed."""
    warm()
    import torch

    from aigc_studio.nets.diffusion import make_autoencoder, make_text_encoder, make_unet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(step_seed(seed, 1 << 41))
        return {
            "vae": make_autoencoder(shape, side),
            "unet": make_unet(shape, side),
            "text_encoder": make_text_encoder(shape, tokenizer),
        }


def save_pipeline(pipe: Any, folder: Path, *, steps: int, guidance: float, half: bool = False) -> None:
    """A pipeline as a folder, with what its form should begin with. half: weights as float16."""
    import copy

    import torch

    if half:
        parts = {name: copy.deepcopy(getattr(pipe, name)).to(torch.float16) for name in ("vae", "unet", "text_encoder")}
        pipe = type(pipe)(**{**pipe.components, **parts}, requires_safety_checker=False)
    pipe.save_pretrained(folder, safe_serialization=True)
    save_tokenizer(pipe.tokenizer, folder / "tokenizer")
    (folder / "studio.json").write_text(json.dumps({"steps": steps, "guidance": guidance}) + "\n", encoding="utf-8")


class PictureMaker(LatentLearner):
    """The learner, which can also make its finished model."""

    source: FolderSource

    def final(self, trainer: Trainer, count: int) -> Iterable[Made]:
        """A picture for each prompt in turn."""
        pipe = self.pipeline(trainer)
        prompts = self.plan.prompts
        for index in range(count):
            seed, prompt = (self.plan.seed + index) % 2**32, prompts[index % len(prompts)]
            (image,) = paint(pipe, [prompt], [seed], self.plan.steps, self.plan.guidance, trainer.check)
            yield Made(image, seed=seed, prompt=prompt)

    def draw(self, trainer: Trainer, count: int) -> Iterable[Tensor]:
        """Further pictures of learned captions, (n, 3, side, side) in [-1, 1]: only where they are cheap."""
        import torch

        pipe = self.pipeline(trainer)
        train = self.source.data.train
        for at in range(0, count, 16):
            some = range(at, min(at + 16, count))
            texts = [self.source.captions(int(train[index * len(train) // count]))[0] for index in some]
            seeds = [(self.plan.seed + 1000 + index) % 2**32 for index in some]
            images = paint(pipe, texts, seeds, self.plan.steps, self.plan.guidance, trainer.check)
            yield torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2) / 127.5 - 1

    def measure(self, trainer: Trainer, made: list[Made]) -> Mapping[str, Any]:
        """Errors on what was held out, on fixed levels of noise, and how the latents are scaled."""
        import torch

        vae: Any = self.vae
        with torch.random.fork_rng():
            torch.manual_seed(self.plan.seed)
            held = self.validate(trainer)
        return {
            **{f"held_out_{name}": value for name, value in held.items()},
            "scaling_factor": round(float(vae.config.scaling_factor), 4),
        }

    def export(self, folder: Path, trainer: Trainer) -> None:
        """The averaged networks as a folder of diffusers."""
        save_pipeline(self.pipeline(trainer), folder, steps=self.plan.steps, guidance=self.plan.guidance)


class FolderSource:
    """Pictures of a prepared folder with their captions; in the second phase their latents, encoded once.

    The latents lie in a folder of the run, float16 (pictures, 1 or 2 for mirrored, 2 x channels, height, width), and
    are made again when they are missing: the autoencoder does not change any more.
    """

    def __init__(self, data: PreparedImages, tokenizer: Any, folder: Path, seed: int, flip: bool, check: Any) -> None:
        """folder: for the latents. flip: whether mirrored pictures are learned, too."""
        self.data, self.tokenizer, self._folder, self._seed, self._check = data, tokenizer, folder, seed, check
        self._flip = flip
        self._moments: np.ndarray | None = None
        self._ids: list[Tensor] = []

    def captions(self, index: int) -> tuple[str, ...]:
        """What is said of a picture: at least one text."""
        return self.data.captions[index] or ("",)

    def pictures(self, step: int, count: int) -> Tensor:
        """See `Source`."""
        rng = np.random.default_rng((self._seed, step, 2))
        return self.data.batch(self.data.choose(step, count, self._seed), rng, Augment(flip=self._flip))

    def pairs(self, step: int, count: int, encode: Encode) -> tuple[Tensor, Tensor]:
        """See `Source`."""
        import torch

        if self._moments is None:
            self._moments = self._encoded(encode)
        chosen = self.data.choose(step, count, self._seed)
        rng = np.random.default_rng((self._seed, step, 2))
        sides = rng.integers(0, 2 if self._flip else 1, count)
        rows = np.searchsorted(self.data.train, chosen)
        moments = torch.from_numpy(np.ascontiguousarray(self._moments[rows, sides])).float()
        return moments, self.ids(chosen, rng)

    def ids(self, indices: Sequence[int] | np.ndarray, rng: np.random.Generator | None = None) -> Tensor:
        """Token ids of one caption of each picture: a drawn one, or the first."""
        import torch

        texts = [self.captions(int(index)) for index in indices]
        chosen = [each[int(rng.integers(len(each))) if rng is not None else 0] for each in texts]
        return token_ids(self.tokenizer, chosen) if chosen else torch.zeros(0, 0, dtype=torch.int64)

    def held_out(self, most: int) -> tuple[Tensor, Tensor] | None:
        """See `Source`."""
        indices = self.data.held_out(most)
        return (self.data.batch(indices), self.ids(indices)) if len(indices) else None

    def _encoded(self, encode: Encode) -> np.ndarray:
        path, part = self._folder / "latents.npy", self._folder / "latents.part.npy"
        train = np.asarray(self.data.train)
        if path.exists():
            known = np.load(path, mmap_mode="r")
            first = encode(self.data.batch(train[:1]))[0].float().cpu().numpy()
            if known.shape[2:] == first.shape and np.allclose(known[0, 0], first, rtol=0.02, atol=0.02):
                return known
            del known  # of an autoencoder before this one: a card does not learn the same thing twice
        self._folder.mkdir(parents=True, exist_ok=True)
        out: np.ndarray | None = None
        for at in range(0, len(train), 16):
            self._check()
            pictures = self.data.batch(train[at : at + 16])
            both = [pictures, pictures.flip(3)] if self._flip else [pictures]
            rows = np.stack([encode(each).float().cpu().numpy() for each in both], 1).astype(np.float16)
            if out is None:
                with on_a_full_disk():
                    out = np.lib.format.open_memmap(part, "w+", np.float16, (len(train), *rows.shape[1:]))
            out[at : at + len(rows)] = rows
        assert out is not None
        out.flush()
        del out
        os.replace(part, path)
        return np.load(path, mmap_mode="r")


def _tokenizer(session: Session, data: PreparedImages) -> Any:
    """The run's tokenizer: the earlier run's, or made from the captions at its first start."""
    folder = session.run.path / "tokenizer"
    if not folder.is_dir():
        part = folder.with_name("tokenizer.part")
        shutil.rmtree(part, ignore_errors=True)
        with on_a_full_disk():
            if session.earlier is not None and (session.earlier.path / "tokenizer").is_dir():
                shutil.copytree(session.earlier.path / "tokenizer", part)
            else:
                texts = [text for index in data.train for text in data.captions[int(index)]]
                save_tokenizer(train_tokenizer(texts), part)
            os.replace(part, folder)
    return load_tokenizer(folder)


def _prompts(given: str, source: FolderSource, most: int) -> tuple[str, ...]:
    """What samples are made from: the lines, or captions from all over the data."""
    lines = [line.strip() for line in given.splitlines() if line.strip()]
    if lines:
        return tuple(lines[:16])
    train = source.data.train
    count = max(1, min(most, 16, len(train)))
    return tuple(source.captions(int(train[index * len(train) // count]))[0] for index in range(count))

"""Textual inversion: a new word for Stable Diffusion or SDXL, learned from a few pictures (Gal et al. 2022).

Nothing of the model changes: the text encoders get one or several new entries in their tables of words, and only these
learn. The result is a tiny file; in prompts its word stands for what the pictures show.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Choice, Context, Model, Param

from .base_model import BaseModel, Latents, open_base, paint_with
from .common import care, family, images_data, length, rounds
from .latent_learner import sheet
from .learner import Batch, Made, step_seed
from .lora import prepared
from .session import Session
from .trainer import Trainer

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor

    from .images import PreparedImages

__all__ = ["FAMILY", "InversionLearner", "load", "run"]

FILE = "learned_embeds.safetensors"
KEYS = {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}
"""Names of SDXL's two tables in files, as other programs write them."""

OBJECT = ("a photo of {}", "a picture of {}", "a close-up of {}", "a rendering of {}", "one {}", "{}")
STYLE = ("a picture in the style of {}", "a painting in the style of {}", "{} style", "{}")

FAMILY = family(
    "train-inversion",
    N_("A new word for a picture model (textual inversion)"),
    N_("Finds the word that a picture model would need for what 3 to 20 pictures show; it learns nothing else."),
    (
        *images_data(),
        Param.model("base", N_("Model to teach"), of=("model:stable-diffusion", "model:sdxl")),
        Param.text("token", N_("New word"), "<my-thing>", help=N_("Write it into prompts later, as it stands here.")),
        Param.text(
            "begin",
            N_("Nearest known word"),
            "",
            help=N_("An English word for what the pictures show (cat, painting): where the search begins."),
        ),
        Param.choice(
            "subject",
            N_("What is learned"),
            "object",
            (Choice("object", N_("A thing or a person")), Choice("style", N_("A style"))),
        ),
        Param.int(
            "vectors",
            N_("Length of the word"),
            2,
            1,
            32,
            help=N_("So many tokens of a prompt it takes: more hold more details and leave less room for others."),
        ),
        Param.int(
            "size",
            N_("Size"),
            0,
            0,
            2048,
            8,
            unit="px",
            help=N_("Pictures are learned at about this size, in their own proportions. 0: as the model was made for."),
        ),
        *length(2000, 1, 5e-3, most=200_000),
        Param.bool("flip", N_("Mirror"), False, advanced=True, help=N_("Half of the pictures are seen mirrored.")),
        *(param for param in care(validation=0.0, samples=4) if param.id != "ema"),
        *rounds(),
    ),
)
_JUDGED = 64
"""Held-out pictures that are looked at, of however many."""


def load(model: Model, ctx: Context) -> None:
    """Nothing: a recipe begins with its data."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Train, or go on, and deliver the file."""
    session = Session(ctx, request, FAMILY)
    values = session.values
    if not values["base"]:
        raise StudioError(N_("No model to teach is chosen; choose one."), code="base")
    token = checked_token(str(values["token"]))
    base = open_base(ctx.part(str(values["base"])), ctx, session.device)
    data = prepared(session, base, values)
    learner = InversionLearner(base, data, token, values, request.seed, session.run.path)
    learner.prepare(ctx)
    session.begin_from(learner)
    trainer = session.train(learner, session.settings(warmup=min(50, int(values["steps"]) // 10), fall=0.2))
    session.deliver(learner, trainer, like=data)


def checked_token(token: str) -> str:
    """The word without spaces around; StudioError for one that could not be found again in a prompt."""
    token = token.strip().lower()
    if not re.fullmatch(r"[^\s,.;:()\[\]{}]{2,40}", token):
        raise StudioError(
            N_('"{token}" cannot be a new word; use 2 to 40 letters without spaces and punctuation, as in <my-cat>.'),
            code="token",
            token=token[:60],
        )
    return token


class InversionLearner:
    """Learns `vectors` rows for each text encoder."""

    unit = "images"
    averaged: tuple[str, ...] = ()

    def __init__(
        self, base: BaseModel, data: PreparedImages, token: str, values: Mapping[str, Any], seed: int, folder: Path
    ) -> None:
        """folder: of the run, for latents."""
        import torch

        self.base, self.token, self._data, self._values, self._seed = base, token, data, values, seed
        self._latents = Latents(base, data, folder / "latents")
        rows = torch.nn.ParameterDict()
        count = int(values["vectors"])
        tokens = [token, *(f"{token}_{number}" for number in range(1, count))]
        self._text = " ".join(tokens)
        for name in base.encoders:
            tokenizer = getattr(base.pipe, name.replace("text_encoder", "tokenizer"))
            rows[name] = torch.nn.Parameter(self._begin(name, tokenizer, tokens, step_seed(seed, 1 << 41)))
        self._rows = rows
        holder = torch.nn.Module()
        holder.rows = rows
        self.modules = {"words": holder}
        self.optimisers = {"words": torch.optim.AdamW(rows.parameters(), float(values["rate"]), weight_decay=1e-3)}
        templates = OBJECT if values["subject"] == "object" else STYLE
        self._templates = [template.format(self._text) for template in templates]

    def _begin(self, name: str, tokenizer: Any, tokens: list[str], seed: int) -> Tensor:
        """The rows to begin with, (vectors, width) float32; from then on the encoder takes its new words from here."""
        import torch

        encoder = getattr(self.base.pipe, name)
        table = encoder.get_input_embeddings()
        if set(tokens) & set(tokenizer.get_vocab()):
            raise StudioError(
                N_('The model knows the word "{token}" already; think of another one.'), code="token", token=self.token
            )
        known = tokenizer(str(self._values["begin"]).strip(), add_special_tokens=False).input_ids
        weights = table.weight.detach().float()
        draw = torch.Generator().manual_seed(seed)
        if known:
            start = torch.stack([weights[known[index % len(known)]] for index in range(len(tokens))])
        else:
            start = weights.mean(0).repeat(len(tokens), 1)
        start = start + torch.randn(start.shape, generator=draw) * weights.std() * 0.1
        tokenizer.add_tokens(tokens)
        encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        first = tokenizer.convert_tokens_to_ids(token := tokens[0])
        assert tokenizer.convert_tokens_to_ids(tokens) == list(range(first, first + len(tokens))), token
        encoder.get_input_embeddings().requires_grad_(False)

        def replaced(_module: torch.nn.Module, given: tuple[Any, ...], made: Tensor) -> Tensor:
            ids = given[0]
            new = ids >= first
            rows = self._rows[name].to(made.dtype)[(ids - first).clamp(0, len(tokens) - 1)]
            return torch.where(new[..., None], rows, made)

        encoder.get_input_embeddings().register_forward_hook(replaced)
        return start

    def prepare(self, ctx: Context) -> None:
        """Pack the pictures, and put network and encoders where the words learn."""
        indices = [int(index) for index in (*self._data.train, *self._data.validation)]
        self._latents.prepare(indices, bool(self._values["flip"]), ctx.check, ctx.progress)
        self.base.network.to(self.base.device)
        for name in self.base.encoders:
            getattr(self.base.pipe, name).to(self.base.device)

    def batch(self, step: int) -> Batch:
        """Moments of pictures of one size, and the numbers of sentences."""
        import torch

        count = int(self._values["batch"])
        chosen = self._data.choose(step, count, self._seed)
        rng = np.random.default_rng((self._seed, step, 2))
        turned = rng.random(count) < (0.5 if self._values["flip"] else 0.0)
        moments = self._latents.moments(chosen.tolist(), turned.tolist())
        return {"moments": moments, "text": torch.from_numpy(rng.integers(len(self._templates), size=count))}

    def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        """One step."""
        total: Any = 0.0
        for part in parts:
            weight = trainer.share(part)
            with trainer.autocast():
                loss = self._error(part["moments"], [self._templates[int(each)] for each in part["text"]]).mean()
            trainer.backward(loss * weight)
            total = total + loss.detach() * weight
        trainer.apply("words")
        return {"loss": total}

    def _error(self, moments: Tensor, texts: Sequence[str]) -> Tensor:
        scale = self.base.pipe.vae_scale_factor
        size = (moments.shape[3] * scale, moments.shape[2] * scale)
        return self.base.error(self.base.latents(moments), self.base.read(texts), size, 0.0)

    def validate(self, trainer: Trainer) -> Mapping[str, float]:
        """The loss of held-out pictures, each at four noise levels that stay the same."""
        import torch

        found = []
        for index in self._data.held_out(_JUDGED):
            trainer.check()
            moments = self._latents.moments([int(index)], [False]).to(self.base.device).expand(4, -1, -1, -1)
            with trainer.autocast():
                found.append(self._error(moments, [self._templates[0]] * 4))
        return {"loss": float(torch.cat(found).mean())} if found else {}

    def sample(self, trainer: Trainer, step: int) -> Image:
        """What sentences with the word make, always from the same noise."""
        return sheet([self._paint(trainer, index) for index in range(min(4, len(self._templates)))])

    def _paint(self, trainer: Trainer, index: int) -> Image:
        side = int(self._values["size"]) or self.base.side
        side = max(self.base.step, side // self.base.step * self.base.step)
        with trainer.autocast():
            words = self.base.read([self._templates[index % len(self._templates)]])
            without = self.base.read([""])
            return paint_with(self.base, words, without, (self._seed + index) % 2**32, (side, side), trainer.check)

    def state(self) -> Mapping[str, Any]:
        """Nothing but the words."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing but the words."""

    def final(self, trainer: Trainer, count: int) -> Iterable[Made]:
        """Pictures of sentences with the word, in turn."""
        for index in range(count):
            prompt = self._templates[index % len(self._templates)].replace(self._text, self.token)
            yield Made(self._paint(trainer, index), seed=(self._seed + index) % 2**32, prompt=prompt)

    def measure(self, trainer: Trainer, made: list[Made]) -> Mapping[str, Any]:
        """The loss of what was held out, and for which model it is."""
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(self._seed)
            held = {f"held_out_{name}": value for name, value in self.validate(trainer).items()}
        return {**held, "vectors": int(self._values["vectors"]), "base": self.base.loaded.digest[:16]}

    def export(self, folder: Path, trainer: Trainer) -> None:
        """One file: of Stable Diffusion named as diffusers names it, of SDXL with both tables as other programs do."""
        from safetensors.torch import save_file

        rows = {name: value.detach().float().cpu().contiguous() for name, value in self._rows.items()}
        named = {KEYS[name]: value for name, value in rows.items()} if len(rows) > 1 else {
            self.token: rows["text_encoder"]
        }  # fmt: skip
        told = {
            "format": "pt",
            "modelspec.sai_model_spec": "1.0.0",
            "modelspec.architecture": f"{self.base.architecture}/textual-inversion",
            "modelspec.title": str(self._values.get("name") or self.token),
            "modelspec.trigger_phrase": self.token,
            "ss_base_model_version": self.base.version,
        }
        save_file(named, folder / FILE, told)

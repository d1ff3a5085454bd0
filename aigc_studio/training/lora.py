"""LoRA: a style, a person or a thing taught to Stable Diffusion, SDXL or Flux from a few pictures, as a small file.

Hu et al. 2021 (low-rank adaptation, by peft); captions as in DreamBooth (Ruiz et al. 2022): a trigger word of its own,
alone or before what each picture shows. Pictures keep their proportions (aspect buckets); what autoencoder and text
encoders make of them is made once and kept, so that neither needs memory while the LoRA learns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Choice, Context, Model, Param

from .base_model import BASES, BaseModel, Latents, open_base, paint_with
from .bookkeeping import on_a_full_disk
from .captioning import captioned, captioner
from .common import care, family, images_data, length, rounds
from .latent_learner import sheet
from .learner import Batch, Made, step_seed
from .session import Session
from .trainer import Trainer

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor

    from .images import PreparedImages

__all__ = ["FAMILY", "LoraLearner", "Words", "captions_of", "load", "run", "subject_params"]

FILE = "pytorch_lora_weights.safetensors"
ENCODER_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj")
DROP = 0.05
"""Share of captions that are left out, so that guidance still has something to compare with."""


def subject_params(bases: tuple[str, ...], trigger: str) -> tuple[Param, ...]:
    """What to teach, and to which model. trigger: the word to begin with."""
    return (
        Param.model("base", N_("Model to teach"), of=bases),
        Param.text(
            "trigger",
            N_("Trigger word"),
            trigger,
            help=N_("A word of your own that stands for what is learned. Write it into prompts later."),
        ),
        Param.choice(
            "captions",
            N_("Captions"),
            "both",
            (
                Choice("both", N_("Trigger word and what is said of each picture")),
                Choice("trigger", N_("Trigger word alone")),
                Choice("own", N_("Only what is said of each picture")),
            ),
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
        Param.lines(
            "prompts",
            N_("Prompts of the samples"),
            help=N_("One a line: what is painted at each look and at the end. Empty: captions of the pictures."),
        ),
    )


FAMILY = family(
    "train-lora",
    N_("Your style or subject for a picture model (LoRA)"),
    N_("Teaches a picture model a style, a person or a thing from 5 to 100 pictures; the result is a small file."),
    (
        *images_data(),
        *subject_params(BASES, "mystyle"),
        *length(1500, 1, 1e-4, most=200_000),
        Param.int(
            "rank",
            N_("Rank"),
            16,
            1,
            256,
            help=N_("How much the file can hold: 4 to 16 for a thing or a face, 16 to 64 for a style."),
        ),
        Param.float(
            "alpha",
            N_("Alpha"),
            0.0,
            0.0,
            512.0,
            1.0,
            advanced=True,
            help=N_("Divided by the rank it scales what is learned. 0: as large as the rank."),
        ),
        Param.choice(
            "layers",
            N_("Layers"),
            "attention",
            (Choice("attention", N_("Attention")), Choice("all", N_("Attention and everything between"))),
            advanced=True,
        ),
        Param.bool(
            "text_encoder",
            N_("Teach the text encoder, too"),
            False,
            advanced=True,
            help=N_("Stable Diffusion and SDXL only: learns new words better and forgets old ones sooner."),
        ),
        Param.float(
            "gamma",
            N_("Weight of noise levels (min-SNR)"),
            5.0,
            0.0,
            20.0,
            1.0,
            advanced=True,
            help=N_("Stable Diffusion and SDXL only: evens out what the levels of noise teach. 0: not at all."),
        ),
        Param.bool("flip", N_("Mirror"), False, advanced=True, help=N_("Half of the pictures are seen mirrored.")),
        Param.bool(
            "less_memory",
            N_("Save memory"),
            True,
            advanced=True,
            help=N_("Computes parts of each step twice (gradient checkpointing): a third slower, half the memory."),
        ),
        captioner(),
        *(param for param in care(validation=0.0, samples=4) if param.id != "ema"),
        *(param for param in rounds()),
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
    base = open_base(_base(ctx, values), ctx, session.device)
    data = captioned(prepared(session, base, values), str(values["captioner"]), ctx)
    captions = captions_of(data, str(values["trigger"]), str(values["captions"]))
    learner = LoraLearner(base, data, captions, values, request.seed, session.run.path)
    learner.prepare(ctx)
    session.begin_from(learner)
    trainer = session.train(learner, session.settings(warmup=min(50, int(values["steps"]) // 10), fall=0.2))
    session.deliver(learner, trainer, like=data)


def _base(ctx: Context, values: Mapping[str, Any]) -> Model:
    if not values["base"]:
        raise StudioError(N_("No model to teach is chosen; choose one."), code="base")
    return ctx.part(str(values["base"]))


def prepared(session: Session, base: BaseModel, values: Mapping[str, Any]) -> PreparedImages:
    """The pictures in buckets of the model's size, their sides multiples that it knows."""
    side = int(values["size"]) or min(base.side, 1024)
    multiple = base.step * max(1, 64 // base.step) if side >= 256 else base.step
    return session.images(max(multiple, side // multiple * multiple), buckets=True, multiple=multiple)


def captions_of(data: PreparedImages, trigger: str, kind: str) -> list[tuple[str, ...]]:
    """For each picture what it is learned with: at least one text."""
    word = trigger.strip()
    found: list[tuple[str, ...]] = []
    for texts in data.captions:
        own = tuple(text.strip() for text in texts if text.strip())
        match kind:
            case "trigger":
                found.append((word,))
            case "own":
                found.append(own or (word,))
            case _:
                found.append(tuple(f"{word}, {text}" if word else text for text in own) or (word,))
    return found


class Words:
    """What the text encoders make of texts, made once each and kept in a folder."""

    def __init__(self, base: BaseModel, folder: Path) -> None:
        self._base, self._folder = base, folder
        self._near: dict[str, dict[str, Tensor]] = {}

    def prepare(self, texts: Iterable[str], check: Any, progress: Any) -> None:
        """Read those that are missing."""
        import torch
        from safetensors.torch import save_file

        missing = [text for text in dict.fromkeys(texts) if not self._path(text).exists()]
        if not missing:
            return
        with on_a_full_disk(), self._base.on_device(*self._base.encoders), torch.no_grad():
            self._folder.mkdir(parents=True, exist_ok=True)
            for done, text in enumerate(missing):
                check()
                progress(done, len(missing), N_("Reading the captions"))
                found = {name: value.cpu().contiguous() for name, value in self._base.read([text]).items()}
                part = self._path(text).with_suffix(".part")
                save_file(found, part)
                part.replace(self._path(text))

    def of(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """What texts became, as one batch on the CPU."""
        import torch

        rows = [self._one(text) for text in texts]
        return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}

    def _one(self, text: str) -> dict[str, Tensor]:
        from safetensors.torch import load_file

        if text not in self._near:
            if len(self._near) >= 64:  # those of Flux have 4 MB each
                del self._near[next(iter(self._near))]
            self._near[text] = load_file(self._path(text))
        return self._near[text]

    def _path(self, text: str) -> Path:
        return self._folder / f"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}.safetensors"


class LoraLearner:
    """Learns two thin matrices beside each chosen layer; the model's own weights stay."""

    unit = "images"
    averaged: tuple[str, ...] = ()

    def __init__(
        self,
        base: BaseModel,
        data: PreparedImages,
        captions: Sequence[tuple[str, ...]],
        values: Mapping[str, Any],
        seed: int,
        folder: Path,
    ) -> None:
        """captions: of each picture. folder: of the run, for what is made once."""
        import torch

        self.base, self._data, self._captions, self._values, self._seed = base, data, captions, values, seed
        self._latents = Latents(base, data, folder / "latents")
        self._words = Words(base, folder / "words")
        self._encoders = base.encoders if values["text_encoder"] and base.type != "flux" else ()
        self._adapted = {base.part: base.network} | {name: getattr(base.pipe, name) for name in self._encoders}
        self._scale = (float(values["alpha"]) or float(values["rank"])) / float(values["rank"])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(step_seed(seed, 1 << 41))
            for name, network in self._adapted.items():
                self._add_layers(name, network)
        self.modules = {name: _thin(network) for name, network in self._adapted.items()}
        weights = [weight for module in self.modules.values() for weight in module.parameters()]
        self.optimisers = {"lora": torch.optim.AdamW(weights, float(values["rate"]), weight_decay=1e-2)}
        self._prompts = _lines(str(values["prompts"])) or _some(captions, data.train)
        if values["less_memory"] and hasattr(base.network, "enable_gradient_checkpointing"):
            network_: Any = base.network
            network_.enable_gradient_checkpointing()

    def _add_layers(self, name: str, network: Any) -> None:
        import torch
        from peft import LoraConfig, inject_adapter_in_model

        base, values = self.base, self._values
        layers = ENCODER_LAYERS if name in self._encoders else base.layers
        if name == base.part and values["layers"] == "all":
            layers = (*layers, *base.wide_layers)
        rank = int(values["rank"])
        alpha: Any = self._scale * rank
        config = LoraConfig(r=rank, lora_alpha=alpha, init_lora_weights="gaussian", target_modules=list(layers))
        inject_adapter_in_model(config, network, adapter_name="default")
        for key, weight in network.named_parameters():
            weight.requires_grad_("lora_" in key)
            if "lora_" in key:
                weight.data = weight.data.to(torch.float32)

    def prepare(self, ctx: Context) -> None:
        """Make what is made once, and put the network where it learns."""
        self._latents.prepare(
            [int(index) for index in (*self._data.train, *self._data.validation)],
            bool(self._values["flip"]),
            ctx.check,
            ctx.progress,
        )
        texts = ["", *self._prompts]
        if not self._encoders:
            texts += [text for group in self._captions for text in group]
        self._words.prepare(texts, ctx.check, ctx.progress)
        self.base.network.to(self.base.device)
        for name in self._encoders:
            getattr(self.base.pipe, name).to(self.base.device)

    # -- learning

    def batch(self, step: int) -> Batch:
        """Moments of pictures of one size, and words or the numbers of captions."""
        import torch

        count = int(self._values["batch"])
        chosen = self._data.choose(step, count, self._seed)
        rng = np.random.default_rng((self._seed, step, 2))
        turned = rng.random(count) < (0.5 if self._values["flip"] else 0.0)
        texts = self._texts(chosen, rng)
        batch = {"moments": self._latents.moments(chosen.tolist(), turned.tolist())}
        if self._encoders:
            known = {text: number for number, text in enumerate(self._every())}
            return batch | {"text": torch.tensor([known[text] for text in texts])}
        return batch | self._words.of(texts)

    def _texts(self, chosen: np.ndarray, rng: np.random.Generator) -> list[str]:
        groups = [self._captions[int(index)] for index in chosen]
        texts = [group[int(rng.integers(len(group)))] for group in groups]
        return ["" if rng.random() < DROP else text for text in texts]

    def _every(self) -> list[str]:
        return list(dict.fromkeys(["", *(text for group in self._captions for text in group)]))

    def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        """One step."""
        total: Any = 0.0
        self.base.network.train()
        for part in parts:
            weight = trainer.share(part)
            with trainer.autocast():
                loss = self._error(part).mean()
            trainer.backward(loss * weight)
            total = total + loss.detach() * weight
        trainer.apply("lora")
        return {"loss": total}

    def _error(self, part: Batch) -> Tensor:
        moments = part["moments"]
        words: Mapping[str, Tensor] = {key: value for key, value in part.items() if key not in ("moments", "text")}
        if "text" in part:
            every = self._every()
            words = self.base.read([every[int(number)] for number in part["text"]])
        scale = self.base.pipe.vae_scale_factor
        size = (moments.shape[3] * scale, moments.shape[2] * scale)
        return self.base.error(self.base.latents(moments), words, size, float(self._values["gamma"]))

    def validate(self, trainer: Trainer) -> Mapping[str, float]:
        """The loss of held-out pictures, each at noise levels of its own that stay the same."""
        import torch

        indices = self._data.held_out(_JUDGED)
        if not len(indices):
            return {}
        self.base.network.eval()
        found = []
        for index in indices:
            trainer.check()
            moments = self._latents.moments([int(index)], [False]).to(self.base.device).expand(4, -1, -1, -1)
            text = self._captions[int(index)][0]
            words = self._read([text])
            repeated = {name: value.to(self.base.device).expand(4, *value.shape[1:]) for name, value in words.items()}
            with trainer.autocast():
                found.append(self._error({"moments": moments, **repeated}))
        return {"loss": float(torch.cat(found).mean())}

    def _read(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """What the text encoders make of texts: as they are now, where they learn."""
        return self.base.read(texts) if self._encoders else self._words.of(texts)

    # -- what is seen

    def sample(self, trainer: Trainer, step: int) -> Image:
        """What the prompts make, always from the same noise."""
        return sheet([self._paint(trainer, index, prompt) for index, prompt in enumerate(self._prompts[:4])])

    def _paint(self, trainer: Trainer, index: int, prompt: str) -> Image:
        self.base.network.eval()
        move = self.base.device
        words = {name: value.to(move) for name, value in self._read([prompt]).items()}
        without = {name: value.to(move) for name, value in self._read([""]).items()}
        side = int(self._values["size"]) or self.base.side
        side = max(self.base.step, side // self.base.step * self.base.step)
        with trainer.autocast():
            return paint_with(self.base, words, without, (self._seed + index) % 2**32, (side, side), trainer.check)

    def state(self) -> Mapping[str, Any]:
        """Nothing but the weights."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing but the weights."""

    # -- what comes of it

    def final(self, trainer: Trainer, count: int) -> Iterable[Made]:
        """A picture for each prompt in turn."""
        for index in range(count):
            prompt = self._prompts[index % len(self._prompts)]
            yield Made(self._paint(trainer, index, prompt), seed=(self._seed + index) % 2**32, prompt=prompt)

    def measure(self, trainer: Trainer, made: list[Made]) -> Mapping[str, Any]:
        """How large the change is, and the loss of what was held out."""
        import torch

        weights = [weight for module in self.modules.values() for weight in module.parameters()]
        with torch.random.fork_rng():
            torch.manual_seed(self._seed)
            held = {f"held_out_{name}": value for name, value in self.validate(trainer).items()}
        return {**held, "weights": sum(weight.numel() for weight in weights), "base": self.base.loaded.digest[:16]}

    def export(self, folder: Path, trainer: Trainer) -> None:
        """One file in diffusers' naming, which says for which model it is."""
        from safetensors.torch import save_file

        trigger = str(self._values["trigger"]).strip()
        told = {
            "format": "pt",
            "modelspec.sai_model_spec": "1.0.0",
            "modelspec.architecture": f"{self.base.architecture}/lora",
            "modelspec.title": str(self._values.get("name") or trigger or "LoRA"),
            "modelspec.trigger_phrase": trigger if self._values["captions"] != "own" else "",
            "ss_base_model_version": self.base.version,
            "ss_network_dim": str(self._values["rank"]),
        }
        save_file(self.weights(), folder / FILE, told)

    def weights(self) -> dict[str, Tensor]:
        """The file's tensors, float16: `unet.….lora_A.weight`. Alpha is in them: every program reads them alike."""
        import torch

        found: dict[str, Tensor] = {}
        for name, network in self._adapted.items():
            for key, weight in network.named_parameters():
                if "lora_" not in key:
                    continue
                key = key.replace(".default", "")
                value = weight.detach().float().cpu() * (self._scale if "lora_B" in key else 1.0)
                if name in self._encoders:
                    key = "text_model." + key.removeprefix("text_model.")
                found[f"{name}.{key}"] = value.to(torch.float16).contiguous()
        return found


def _thin(network: torch.nn.Module) -> torch.nn.Module:
    """A module of the learned weights alone, shared with the network: what a checkpoint keeps."""
    import torch

    thin = torch.nn.Module()
    kept = {key.replace(".", "/"): weight for key, weight in network.named_parameters() if weight.requires_grad}
    thin.weights = torch.nn.ParameterDict(kept)
    return thin


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()][:16]


def _some(captions: Sequence[tuple[str, ...]], train: np.ndarray) -> list[str]:
    """A few captions from all over the data."""
    count = min(4, len(train))
    every = [captions[int(train[index * len(train) // count])][0] for index in range(count)]
    return list(dict.fromkeys(every))

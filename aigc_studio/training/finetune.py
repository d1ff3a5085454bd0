"""Fine-tuning a language model of the library (GPT-2, Llama, Qwen ...; the bundled starter writer by default) on a
folder of texts or conversations: all weights, or low-rank adapters (Hu et al. 2021, arXiv:2106.09685) that are merged
at the end. The result is a folder like the one it came from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Choice, Context, Model, Param
from aigc_studio.engines.runner import model_of
from aigc_studio.engines.text.causal_lm import writer_of
from aigc_studio.engines.text.loading import load_pretrained

from .common import care, family, length, rounds
from .framing import PLAIN_TEMPLATE, Framing, Passage
from .learner import step_seed
from .session import Session
from .text_learner import TextLearner, optimisers_for
from .text_recipe import asks_for, form_param, measure_before, optimiser_param, prepared, text_params, texts_data

__all__ = ["FAMILY", "load", "run"]

FAMILY = family(
    "train-finetune",
    N_("Fine-tune a writer"),
    N_("Teaches a language model your tone, your form or your answers; a few pages of text are a beginning."),
    (
        *texts_data(),
        Param.model(
            "base",
            N_("Model to start from"),
            of=("model:causal-lm",),
            help=N_("None: the starter writer that comes with the program."),
        ),
        Param.choice(
            "method",
            N_("What learns"),
            "auto",
            (
                Choice("auto", N_("As the size of the model suggests")),
                Choice("full", N_("All weights")),
                Choice("lora", N_("Adapters (LoRA): little memory, forgets less")),
            ),
        ),
        *text_params(512, 32_768),
        *length(400, 8, 3e-4),
        Param.int(
            "rank",
            N_("Rank of the adapters"),
            16,
            1,
            512,
            advanced=True,
            help=N_("How much adapters can hold. More for much text."),
        ),
        form_param(),
        Param.choice(
            "checkpointing",
            N_("Save memory"),
            "auto",
            (
                Choice("auto", N_("For large models")),
                Choice("on", N_("Yes: slower")),
                Choice("off", N_("No")),
            ),
            advanced=True,
            help=N_("What a layer found is computed again instead of kept (gradient checkpointing)."),
        ),
        optimiser_param("adamw"),
        *care(validation=0.1, sample_every=50, samples=16, patience=3),
        *rounds(),
    ),
)
_STARTER = "starter-writer"
_SMALL = 60_000_000
"""Weights up to which all of them learn."""
_LARGE = 300_000_000
"""Weights from which layers are computed twice."""
_BYTES = 16
"""Of memory for each weight that learns: itself, its gradient and two averages."""


def load(model: Model, ctx: Context) -> None:
    """Nothing: a recipe begins with its data."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Train, or go on, and deliver the model."""
    import torch

    session = Session(ctx, request, FAMILY)
    values = session.values
    base = _base(session)
    network, tokenizer, placement, digest = load_pretrained(base, "AutoModelForCausalLM", ctx)
    context = min(values["context"], writer_of(network, tokenizer, placement, digest).network.limit)

    def framing(passages: Sequence[Passage]) -> Framing:
        _teach_turns(tokenizer, any(passage.turns for passage in passages))
        return Framing(tokenizer, context, values["form"])

    texts = prepared(session, framing)
    _teach_turns(tokenizer, bool(texts.facts["conversations"]))
    dtype = _dtype(base.folder)
    torch.manual_seed(step_seed(request.seed, 1 << 41))
    tuned = _tuned(network, values)
    session.told(
        base={"id": base.id, "title": base.title, "digest": digest, "method": tuned.method, "learning": tuned.learning}
    )
    _writes_valid_settings(network)
    optimisers = optimisers_for(
        network, values["optimiser"] if tuned.method == "full" else "adamw", values["rate"], decay=0.01
    )

    learner = TextLearner(
        network,
        tuned.module,
        tokenizer,
        texts,
        optimisers,
        asks_for(session, texts),
        batch=values["batch"],
        seed=request.seed,
        placement=placement,
        run=session.run,
        merge=tuned.merge,
        dtype=dtype,
    )
    session.begin_from(learner)
    measure_before(session, learner)
    network.train()
    trainer = session.train(learner, session.settings(warmup=min(30, 1 + values["steps"] // 10), fall=0.8))
    session.deliver(learner, trainer)


def _base(session: Session) -> Model:
    """The model that is fine-tuned."""
    chosen = str(session.values["base"])
    if chosen:
        return session.ctx.part(chosen)
    entry = catalogue.find(_STARTER)
    if (problem := entry.problem_now()) is not None:
        raise problem
    return model_of(entry)


def _teach_turns(tokenizer: Any, conversations: bool) -> None:
    """A model that only continued texts learns conversations in a plain template."""
    if conversations and not getattr(tokenizer, "chat_template", None):
        tokenizer.chat_template = PLAIN_TEMPLATE


def _dtype(folder: Path | None) -> str:
    """torch's name of the number format of a model's files: the result comes in the same."""
    try:
        config = json.loads(((folder or Path()) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = {}
    told = str(config.get("dtype") or config.get("torch_dtype") or "float32").removeprefix("torch.")
    return told if told in ("float16", "bfloat16", "float32") else "float32"


@dataclass(frozen=True)
class _Tuned:
    """module: what learns. method: "full" or "lora". learning: weights that learn. merge: see `TextLearner`."""

    module: Any
    method: str
    learning: int
    merge: Callable[[Any], Any]


def _tuned(network: Any, values: Any) -> _Tuned:
    """Make a loaded network ready to learn."""
    weights = sum(weight.numel() for weight in network.parameters())
    method = values["method"] if values["method"] != "auto" else ("full" if weights <= _SMALL else "lora")
    if values["checkpointing"] == "on" or (values["checkpointing"] == "auto" and weights > _LARGE):
        network.gradient_checkpointing_enable({"use_reentrant": False})
    if method == "full":
        _fits(weights, network.device.type)
        network.float().requires_grad_(True)
        return _Tuned(network, method, weights, lambda tuned: tuned)
    import torch
    from peft import LoraConfig, get_peft_model

    if network.dtype == torch.float16:  # its range is too small for gradients
        network.float()
    config = LoraConfig(
        r=values["rank"],
        lora_alpha=2 * values["rank"],
        lora_dropout=0.0,
        bias="none",
        target_modules="all-linear",
        fan_in_fan_out=any(type(layer).__name__ == "Conv1D" for layer in network.modules()),  # GPT-2's layers
        task_type="CAUSAL_LM",
    )
    adapted = get_peft_model(network, config)
    learning = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
    module = torch.nn.ParameterDict({name.replace(".", "/"): weight for name, weight in learning.items()})
    return _Tuned(
        module,
        method,
        sum(weight.numel() for weight in learning.values()),
        lambda tuned: adapted.merge_and_unload(),  # pyright: ignore[reportCallIssue]
    )


def _fits(weights: int, device: str) -> None:
    """StudioError when the memory cannot hold what learning all weights takes."""
    import psutil
    import torch

    free = torch.cuda.mem_get_info()[0] if device == "cuda" else psutil.virtual_memory().available
    need = weights * _BYTES
    if need > free:
        raise StudioError(
            N_("To learn all weights of this model takes about {need} GB of memory, {free} GB are free; use adapters."),
            code="memory",
            need=round(need / 1e9, 1),
            free=round(free / 1e9, 1),
        )


def _writes_valid_settings(network: Any) -> None:
    """Some folders come with settings for sampling that transformers refuses to write again."""
    from transformers import GenerationConfig

    settings = network.generation_config
    try:
        settings.validate(strict=True)
    except ValueError:
        ends = {name: getattr(settings, name, None) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
        network.generation_config = GenerationConfig(**ends)

"""A causal language model from scratch: one plain loop that can be killed at any instant and goes on where it was.

Everything that shapes the result is in `Settings`; the data order is a function of the seed and the step alone, so a
resumed run equals an uninterrupted one. Matrices learn with Muon, embeddings and norms with AdamW, under one schedule:
warm up, hold, fall to zero along a cosine.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

from .tokens import Encoded, Vocabulary, pack

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

__all__ = ["Report", "Settings", "batches", "build", "loss_on", "rate_at", "train"]

Report = Callable[[dict[str, Any]], None]
"""Told about every logged step: step, steps, loss, rate, tokens_per_second, and validation figures when measured."""


@dataclass(frozen=True)
class Settings:
    """One run. Sizes in tokens and units; `rate` is the peak learning rate of both optimisers.

    hold: share of the steps after which the rate begins to fall. repeat: language to how often an epoch holds its
    documents. precision: "bf16" (matrix products in bfloat16, weights in float32) or "fp32".
    """

    vocabulary: int = 6144
    width: int = 256
    layers: int = 5
    heads: int = 4
    hidden: int = 688
    context: int = 256
    batch: int = 16
    steps: int = 3000
    warmup: int = 60
    hold: float = 0.4
    rate: float = 3e-3
    decay: float = 0.1
    clip: float = 1.0
    seed: int = 1
    repeat: Mapping[str, int] = field(default_factory=dict)
    precision: str = "bf16"
    log_every: int = 10
    validate_every: int = 250
    checkpoint_every: int = 100


def build(settings: Settings, vocabulary_size: int, end: int, pad: int) -> LlamaForCausalLM:
    """A freshly initialised Llama-class network with tied embeddings, from the run's seed."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(settings.seed)
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        intermediate_size=settings.hidden,
        max_position_embeddings=settings.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
    )
    return LlamaForCausalLM(config)


def rate_at(step: int, settings: Settings) -> float:
    """The learning rate of a step (from 0): linear warm-up, hold, cosine to zero at the last step."""
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    fall_from = max(settings.warmup, settings.hold * settings.steps)
    if step < fall_from:
        return settings.rate
    done = (step - fall_from) / max(1.0, settings.steps - fall_from)
    return settings.rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


def batches(documents: list[Encoded], vocabulary: Vocabulary, settings: Settings, start: int) -> Iterator[np.ndarray]:
    """Batches from step `start` on, int64 (batch, context + 1), for ever. The same step always gets the same batch."""
    step = 0
    for epoch in count():
        rows = pack(documents, vocabulary, settings.context, settings.seed, epoch, settings.repeat)
        whole = len(rows) // settings.batch
        if not whole:
            raise StudioError(
                N_("There is too little text to learn from; add more, or choose a smaller batch."), code="data"
            )
        for index in range(whole):
            if step >= start:
                yield rows[index * settings.batch : (index + 1) * settings.batch]
            step += 1


def loss_on(
    model: LlamaForCausalLM, pieces: list[list[int]], pad: int, check: Callable[[], None], size: int = 16
) -> tuple[float, int]:
    """(summed negative log-likelihood in nats, tokens predicted) over framed pieces; the first id of each is given.

    Pieces are read one by one, none sees another. float32 throughout.
    """
    import torch
    from torch.nn.functional import cross_entropy

    total, predicted = 0.0, 0
    was_training = model.training
    model.eval()
    order = sorted(pieces, key=len)
    with torch.inference_mode():
        for at in range(0, len(order), size):
            check()
            group = order[at : at + size]
            longest = max(map(len, group))
            ids = torch.full((len(group), longest), pad)
            for row, piece in enumerate(group):
                ids[row, : len(piece)] = torch.tensor(piece)
            target = ids[:, 1:].clone()
            for row, piece in enumerate(group):
                target[row, len(piece) - 1 :] = -100
            ids, target = ids.to(model.device), target.to(model.device)
            logits = model(ids[:, :-1]).logits.float()
            total += float(cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-100, reduction="sum"))
            predicted += int((target != -100).sum())
    model.train(was_training)
    return total, predicted


def train(
    settings: Settings,
    documents: list[Encoded],
    validation: Mapping[str, list[list[int]]],
    vocabulary: Vocabulary,
    folder: Path,
    report: Report = lambda line: None,
    check: Callable[[], None] = lambda: None,
) -> LlamaForCausalLM:
    """Run, or resume from `folder/checkpoint.pt`, up to `settings.steps`; returns the trained network.

    validation: name to framed pieces; measured now and then, never learned. check: called once a step; raise from it
    to stop (the last checkpoint stays; KeyboardInterrupt and Cancelled write a fresh one first). A loss that is not a
    number stops the run with a StudioError and leaves the last good checkpoint.
    """
    import torch
    from torch.nn.functional import cross_entropy

    folder.mkdir(parents=True, exist_ok=True)
    model = build(settings, vocabulary.size, vocabulary.end, vocabulary.pad)
    model.train()
    optimisers = _optimisers(model, settings)
    start, seconds = _resume(folder, settings, model, optimisers)
    began = time.monotonic() - seconds
    since, tokens = time.monotonic(), 0
    done = start
    stream = batches(documents, vocabulary, settings, start)
    try:
        for step in range(start, settings.steps):
            check()
            ids = torch.from_numpy(next(stream)).to(model.device)
            rate = rate_at(step, settings)
            with torch.autocast(model.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
                logits = model(ids[:, :-1]).logits
            loss = cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
            if not torch.isfinite(loss) or not torch.isfinite(norm):
                raise StudioError(
                    N_("Training broke down at step {step} (the loss is not a number); lower the learning rate."),
                    code="training-nan",
                    step=step,
                )
            for optimiser in optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = rate
                optimiser.step()
            done = step + 1  # before the gradients go: see the end of this function
            for optimiser in optimisers:
                optimiser.zero_grad()
            tokens += ids.shape[0] * (ids.shape[1] - 1)
            if (step + 1) % settings.log_every == 0 or step + 1 == settings.steps:
                now = time.monotonic()
                report(
                    {
                        "step": step + 1,
                        "steps": settings.steps,
                        "loss": round(float(loss.detach()), 4),
                        "rate": rate,
                        "tokens_per_second": round(tokens / max(1e-9, now - since)),
                        "seconds": round(now - began),
                    }
                )
                since, tokens = now, 0
            if (step + 1) % settings.validate_every == 0 or step + 1 == settings.steps:
                figures = {}
                for name, pieces in validation.items():
                    nats, predicted = loss_on(model, pieces, vocabulary.pad, check)
                    figures[name] = round(math.exp(nats / max(1, predicted)), 3)
                report({"step": step + 1, "steps": settings.steps, "perplexity": figures})
                since, tokens = time.monotonic(), 0
            if (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps:
                _save(folder, settings, model, optimisers, step + 1, time.monotonic() - began)
    except StudioError:
        raise
    except BaseException:
        # Only between steps: gradients that are still there tell of a step cut short, perhaps with half of the weights
        # changed; it is repeated from the checkpoint before it.
        if done > start and _gradients_are_clear(model):
            _save(folder, settings, model, optimisers, done, time.monotonic() - began)
        raise
    model.eval()
    return model


def _optimisers(model: LlamaForCausalLM, settings: Settings) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the embedding and the norms."""
    import torch

    matrices, others = [], []
    for name, parameter in model.named_parameters():
        (matrices if parameter.ndim == 2 and ".layers." in name else others).append(parameter)
    return [
        torch.optim.Muon(
            matrices, lr=settings.rate, weight_decay=settings.decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=settings.rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def _gradients_are_clear(model: LlamaForCausalLM) -> bool:
    return all(parameter.grad is None for parameter in model.parameters())


def _shape(settings: Settings) -> dict[str, Any]:
    """What must be equal for a checkpoint to fit; the number of steps may be changed between runs."""
    free = ("steps", "hold", "log_every", "validate_every", "checkpoint_every")
    return {key: value for key, value in json.loads(json.dumps(asdict(settings))).items() if key not in free}


def _save(
    folder: Path,
    settings: Settings,
    model: LlamaForCausalLM,
    optimisers: list[torch.optim.Optimizer],
    step: int,
    seconds: float,
) -> None:
    """Write the checkpoint beside the old one and rename it, so that a kill leaves one of the two whole."""
    import torch

    state = {
        "settings": _shape(settings),
        "step": step,
        "seconds": seconds,
        "model": model.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in optimisers],
    }
    beside = folder / "checkpoint.pt.new"
    with beside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / "checkpoint.pt")


def _resume(
    folder: Path, settings: Settings, model: LlamaForCausalLM, optimisers: list[torch.optim.Optimizer]
) -> tuple[int, float]:
    """(next step, seconds already spent) after loading the checkpoint, (0, 0.0) when there is none."""
    import torch

    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, map_location=model.device, weights_only=True)
    if state["settings"] != _shape(settings):
        raise StudioError(
            N_('The run in "{folder}" was started with other settings; choose another folder or delete it.'),
            code="training-settings",
            folder=str(folder),
        )
    model.load_state_dict(state["model"])
    for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    return int(state["step"]), float(state["seconds"])

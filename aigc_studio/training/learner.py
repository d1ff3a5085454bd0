"""What a recipe and the trainer say to each other: a learner knows one step, settings say how many, how carefully."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from .trainer import Trainer

__all__ = ["Batch", "Learner", "Made", "Outcome", "Settings", "Watcher", "step_seed"]

Batch = Mapping[str, "torch.Tensor"]
"""Tensors whose first dimension is the batch."""


class Learner(Protocol):
    """What a recipe gives to the trainer."""

    @property
    def modules(self) -> Mapping[str, Any]:  # pyright: ignore[reportReturnType]
        """Networks (`torch.nn.Module`), all of them kept in checkpoints."""

    @property
    def optimisers(self) -> Mapping[str, Any]:  # pyright: ignore[reportReturnType]
        """Optimisers (`torch.optim.Optimizer`) by the names that `Trainer.apply` takes."""

    @property
    def averaged(self) -> Collection[str]:  # pyright: ignore[reportReturnType]
        """Names of modules of which a moving average is kept (`Trainer.average`)."""

    @property
    def unit(self) -> str:  # pyright: ignore[reportReturnType]
        """What throughput counts: "images" or "tokens"."""

    def batch(self, step: int) -> Batch:  # pyright: ignore[reportReturnType]
        """What step `step` learns from, on the CPU or the device. A function of the seed and the step alone."""

    def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:  # pyright: ignore[reportReturnType]
        """One step; the names of its losses and their values (floats or tensors of one number, not synchronised).

        parts: the batch, in several pieces when memory is short; each weighs as its share (`trainer.share(part)`).
        """

    def validate(self, trainer: Trainer) -> Mapping[str, float]:  # pyright: ignore[reportReturnType]
        """Figures on what was held out; "loss" decides about an early stop. {} when nothing was held out."""

    def sample(self, trainer: Trainer, step: int) -> Image | list[str] | None:
        """What the model makes now, from the same latents or prompts each time."""

    def state(self) -> Mapping[str, Any]:  # pyright: ignore[reportReturnType]
        """Everything else that a step changes, as plain values and tensors; {} for nothing."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""


class Watcher(Protocol):
    """Hears figures and samples as the log does: TensorBoard, Weights & Biases. It must not raise."""

    def values(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of a step."""

    def picture(self, step: int, image: Image) -> None:
        """Samples of a step."""

    def close(self) -> None:
        """The run stops."""


@dataclass(frozen=True)
class Settings:
    """How long and how carefully. steps: at most. minutes: at most, 0 for no limit (then the result follows from the
    seed alone). ema: decay of the averages, 0 for none. clip: of the gradient's norm, 0 for none. warmup: steps until
    the full learning rate. fall: share of the run, at its end, in which the rate falls to zero along a cosine.
    patience: validations without a better one before the run ends, 0 for never. precision: "fp32" or "bf16".
    sample_every, validate_every: steps, 0 for never. log_seconds, checkpoint_seconds: time between two.
    """

    steps: int
    seed: int = 0
    minutes: float = 0.0
    ema: float = 0.0
    clip: float = 1.0
    warmup: int = 0
    fall: float = 0.0
    patience: int = 0
    precision: str = "fp32"
    device: str = "cpu"
    sample_every: int = 200
    validate_every: int = 200
    log_seconds: float = 1.0
    checkpoint_seconds: float = 60.0

    def samples_after(self, step: int) -> bool:
        """Whether samples are made after this step: after every `sample_every`, and sooner at first, where these are
        many, so that whoever waits on a slow machine sees that something comes of it."""
        every = self.sample_every
        if not every:
            return False
        return step % every == 0 or (every >= 8 and step in (every // 8, every // 4, every // 2))


@dataclass(frozen=True)
class Outcome:
    """step: steps learned. reason: "steps", "minutes", "patience" or "asked". seconds: spent learning, in all."""

    step: int
    reason: str
    seconds: float


def step_seed(seed: int, *numbers: int) -> int:
    """A seed for one purpose, far from its neighbours', in [0, 2**63)."""
    return int(np.random.SeedSequence((seed, *numbers)).generate_state(1, np.uint64)[0] >> 1)


@dataclass(frozen=True)
class Made:
    """One thing that a finished model made: a picture or a text, and from what."""

    image: Image | None = None
    text: str = ""
    seed: int = 0
    prompt: str = ""

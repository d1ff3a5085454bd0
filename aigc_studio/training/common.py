"""The parameters that recipes share, so that the same thing has the same name, title and meaning in every form."""

from __future__ import annotations

from typing import Any

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Choice, Family, Param, Task

__all__ = ["CLOCK", "KIND", "PRECISIONS", "TASK", "augmentations", "care", "family", "images_data", "length", "rounds"]

KIND = "training"
TASK = Task("train", N_("Train"))

PRECISIONS = (
    Choice("auto", N_("As the device does best")),
    Choice("fp32", N_("32 bits: exact")),
    Choice("bf16", N_("16 bits (bfloat16): faster on a card")),
)

CLOCK = N_("0: no limit. With a limit, how far a run comes depends on the machine, so it cannot be repeated exactly.")
"""What is said of the time limit."""


def family(id: str, title: str, summary: str, params: tuple[Param, ...]) -> Family:
    """The declaration of a recipe: a family of kind "training" that makes one model."""
    return Family(id, KIND, title, summary, (TASK,), params, needs="torch", max_count=1)


def images_data(title: str = N_("Pictures")) -> tuple[Param, ...]:
    """Where the pictures lie and what may be done with them."""
    return (
        Param.text("name", N_("Name"), help=N_("What the model will be called.")),
        Param.folder("data", title, of=("images",), help=N_("A folder of pictures to learn from.")),
        Param.text(
            "licence",
            N_("Licence of the data"),
            advanced=True,
            help=N_("Written into the model's card: who made the data and what may be done with it."),
        ),
    )


def length(steps: int, batch: int, rate: float, *, minutes: float = 0.0, most: int = 5_000_000) -> tuple[Param, ...]:
    """How long and in what strides. rate: the learning rate."""
    return (
        Param.int("steps", N_("Steps"), steps, 1, most),
        Param.float(
            "minutes",
            N_("Time limit"),
            minutes,
            0.0,
            100_000.0,
            1.0,
            unit=N_("min"),
            least=N_("no limit##time"),
            help=CLOCK,
        ),
        Param.int("batch", N_("Batch"), batch, 1, 4096, help=N_("How many examples are learned from in one step.")),
        Param.float(
            "rate",
            N_("Learning rate"),
            rate,
            1e-7,
            1.0,
            1e-5,
            advanced=True,
            help=N_("How far one step goes. Lower it when the training breaks down."),
        ),
    )


def care(
    *, ema: float = 0.0, validation: float = 0.1, sample_every: int = 200, samples: int = 16, patience: int | None = 0
) -> tuple[Param, ...]:
    """Averages, what is held out, and how often samples are made. patience: None where the recipe's `validate` gives no
    "loss" that could improve."""
    stop = () if patience is None else (_patience(patience),)
    return (
        Param.int("sample_every", N_("Samples every"), sample_every, 1, 1_000_000, unit=N_("steps"), advanced=True),
        Param.int("samples", N_("Samples at the end"), samples, 1, 256, advanced=True),
        Param.float(
            "validation",
            N_("Held out"),
            validation,
            0.0,
            0.5,
            0.01,
            advanced=True,
            help=N_("The share of the data that is never learned and measures the result."),
        ),
        *stop,
        Param.float(
            "ema",
            N_("Averaging"),
            ema,
            0.0,
            0.99999,
            0.001,
            advanced=True,
            help=N_("Weights are averaged over the steps: calmer results. 0: not at all."),
        ),
        Param.choice("precision", N_("Number format"), "auto", PRECISIONS, advanced=True),
    )


def _patience(default: int) -> Param:
    return Param.int(
        "patience",
        N_("Stop when nothing improves"),
        default,
        0,
        1000,
        advanced=True,
        help=N_("After so many looks at what was held out without a better result. 0: never."),
    )


def augmentations(*, flip: bool = True) -> tuple[Param, ...]:
    """What may be changed in a picture without making it another: the fields of `core.datasets.augment.Augment`."""
    return (
        Param.bool("flip", N_("Mirror"), flip, advanced=True, help=N_("Half of the pictures are seen mirrored.")),
        Param.float("rotate", N_("Turn a little"), 0.0, 0.0, 180.0, 1.0, unit="°", advanced=True),
        Param.float("zoom", N_("Zoom a little"), 0.0, 0.0, 0.5, 0.01, advanced=True),
        Param.float("shift", N_("Shift a little"), 0.0, 0.0, 0.5, 0.01, advanced=True),
        Param.float("colour", N_("Change colours a little"), 0.0, 0.0, 1.0, 0.05, advanced=True),
    )


def rounds() -> tuple[Param, ...]:
    """Going on from an earlier run, and telling others how it goes."""
    return (
        Param.text(
            "start",
            N_("Start from the run"),
            advanced=True,
            help=N_("An earlier training of this kind: its weights are the start, and what you kept of it is learned."),
        ),
        Param.bool(
            "wandb",
            N_("Report to Weights & Biases"),
            False,
            advanced=True,
            help=N_("Sends curves, samples and numeric settings to that service, where its package is installed."),
        ),
    )


def precision_of(values: dict[str, Any] | Any, dtype: str) -> str:
    """ "fp32" or "bf16", from the chosen one and what the device does best (`engines.device.Placement.dtype`)."""
    chosen = values.get("precision", "auto")
    return chosen if chosen != "auto" else ("bf16" if dtype == "bfloat16" else "fp32")

"""The parameters that all families of diffusion models share, and how a family's form is fitted to a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Choice, Family, Param, Task

from .schedulers import NOISE, Sampler, choice

__all__ = ["TASKS", "declare", "fit"]

TASKS = (
    Task("generate", N_("New picture")),
    Task("inpaint", N_("Change this part"), ("image", "mask")),
    Task("variation", N_("Variation"), ("image",)),
)

SMALLEST, LARGEST = 16, 4096
"""Sides of a picture in pixels."""

MOST_STEPS = 150


def declare(
    id: str,
    title: str,
    summary: str,
    *,
    side: int,
    steps: int,
    guidance: float,
    types: tuple[str, ...],
    negative: bool = True,
    words: bool = False,
    strength: float = 0.6,
    samplers: tuple[Sampler, ...] = NOISE,
    more: tuple[Param, ...] = (),
) -> Family:
    """A family of pictures with the shared parameters.

    side: native width and height. types: of checkpoints, as the catalogue names them, for the LoRA files that fit.
    negative: whether it takes a negative prompt. words: whether it takes learned
    ones. strength: default for variations. more: parameters of its own.
    """
    params = (
        *((_NEGATIVE,) if negative else ()),
        Param.size("size", N_("Size"), (side, side), SMALLEST, LARGEST, unit="px", tasks=("generate",)),
        Param.int("steps", N_("Steps"), steps, 1, MOST_STEPS, help=N_("More steps take longer and settle details.")),
        Param.float(
            "guidance",
            N_("Guidance"),
            guidance,
            0.0,
            30.0,
            0.5,
            help=N_("How closely the picture follows the prompt. Models made for few steps want 0 or 1."),
        ),
        Param.float(
            "strength",
            N_("Strength"),
            strength,
            0.05,
            1.0,
            help=N_("How far the result may move away from the picture."),
            tasks=("variation",),
        ),
        Param.float(
            "strength",
            N_("Strength"),
            1.0,
            0.05,
            1.0,
            help=N_("How far the new part may move away from what is there."),
            tasks=("inpaint",),
        ),
        Param.int(
            "feather",
            N_("Soft edge"),
            12,
            0,
            256,
            unit="px",
            help=N_("Width of the blend around the mask."),
            tasks=("inpaint",),
        ),
        Param.int(
            "context",
            N_("Surroundings"),
            50,
            0,
            400,
            10,
            unit="%",
            help=N_("How much of the picture around the part the model looks at, measured by the part's size."),
            tasks=("inpaint",),
        ),
        Param.loras("loras", N_("LoRA"), tuple(f"lora:{type}" for type in types)),
        *((_words(types),) if words else ()),
        *more,
        choice(samplers),
        Param.int(
            "batch",
            N_("Pictures at once"),
            1,
            1,
            16,
            advanced=True,
            help=N_("More at once is faster on a large graphics card and needs more of its memory."),
        ),
        Param.choice(
            "memory",
            N_("Memory"),
            "auto",
            (
                Choice("auto", N_("Automatic##memory")),
                Choice("full", N_("All on the graphics card")),
                Choice("low", N_("Low: parts wait in main memory")),
                Choice("lowest", N_("Lowest: slow, layer by layer")),
            ),
            advanced=True,
        ),
    )
    return Family(
        id=id, kind="image", title=title, summary=summary, tasks=TASKS, params=params, needs="torch", languages=("en",)
    )


_PARTS = {"loras": "lora", "embeddings": "embedding"}
"""Parameter to the first word of the types of parts that it takes."""


def _words(types: tuple[str, ...]) -> Param:
    """Files of learned words."""
    return Param.loras(
        "embeddings",
        N_("Learned words"),
        tuple(f"embedding:{type}" for type in types),
        help=N_("Files of textual inversion. Write their words into the prompt."),
    )


_NEGATIVE = Param.lines("negative", N_("Negative prompt"), help=N_("What should not be in the picture."))


def fit(family: Family, facts: Mapping[str, Any]) -> Family:
    """The family as one checkpoint needs it: its native size, steps, guidance, LoRA type and tasks."""
    defaults: dict[str, Any] = {}
    if side := facts.get("size"):
        defaults["size"] = (int(side), int(side))
    if steps := facts.get("steps"):
        defaults["steps"] = int(steps)
    if facts.get("guidance") is not None:
        defaults["guidance"] = float(facts["guidance"])
    params = []
    for param in family.params:
        if param.id == "negative" and facts.get("negative") is False:
            continue
        if param.id in _PARTS and facts.get("type"):
            param = replace(param, of=(f"{_PARTS[param.id]}:{facts['type']}",))
        default = param.default
        if param.id in defaults:
            try:
                default = param.check(defaults[param.id])
            except StudioError:  # a config may say anything
                default = param.default
        params.append(replace(param, default=default))
    return replace(family, params=tuple(params))

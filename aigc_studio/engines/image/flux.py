"""Flux.1: a large transformer with CLIP and T5, taught by flow matching; "dev" takes guidance, "schnell" four steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Context, Family, Model, Param

from .diffusion.params import declare, fit
from .diffusion.pipeline import load_pipeline, warm
from .diffusion.running import generate
from .diffusion.schedulers import FLOW
from .diffusion.spec import Loaded, Spec

if TYPE_CHECKING:
    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "facts", "fitted", "load", "run", "warm"]

FAMILY = declare(
    "flux",
    N_("Flux"),
    N_("Detailed pictures from long descriptions, changed parts and variations; Flux.1."),
    side=1024,
    steps=28,
    guidance=3.5,
    types=("flux",),
    samplers=FLOW,
    strength=0.8,
    more=(
        Param.float(
            "true_guidance",
            N_("Negative guidance"),
            1.0,
            1.0,
            10.0,
            0.5,
            advanced=True,
            help=N_("Above 1 the negative prompt counts, and every step takes twice as long."),
        ),
    ),
)


def _arguments(loaded: Loaded, task: str, values: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {"max_sequence_length": _longest(loaded)}
    if "guidance" in values:
        given["guidance_scale"] = values["guidance"]
    if values.get("true_guidance", 1.0) > 1:
        given |= {"true_cfg_scale": values["true_guidance"], "negative_prompt": values.get("negative", "")}
    return given


def _longest(loaded: Loaded) -> int:
    """Tokens of the prompt that T5 is given: "schnell" was trained with half as many."""
    return 512 if loaded.network.config.guidance_embeds else 256


_GUIDANCE = ("guidance", "true_guidance")

SPEC = Spec(side=1024, samplers=FLOW, arguments=_arguments, long_text=lambda loaded: {"tokenizer_2": _longest(loaded)})


def fitted(facts: Mapping[str, Any]) -> Family:
    """The family for one checkpoint: one made for few steps has no guidance, whatever is asked for."""
    distilled = bool(facts.get("distilled"))
    family = fit(FAMILY, {**facts, "negative": not distilled})
    if not distilled:
        return family
    return replace(family, params=tuple(param for param in family.params if param.id not in _GUIDANCE))


def load(model: Model, ctx: Context) -> Loaded:
    """Read a folder or a single file."""
    return load_pipeline(model, ctx, SPEC)


def run(loaded: Loaded, request: Request, ctx: Context) -> None:
    """Make the results of `request`."""
    generate(loaded, request, ctx)


def facts(loaded: Loaded) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return loaded.recipe()

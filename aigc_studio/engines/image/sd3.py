"""Stable Diffusion 3 and 3.5: a diffusion transformer with two CLIP encoders and T5, taught by flow matching."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Context, Family, Model

from .diffusion.params import declare, fit
from .diffusion.pipeline import load_pipeline, warm
from .diffusion.running import generate
from .diffusion.schedulers import FLOW
from .diffusion.spec import Loaded, Spec, guided

if TYPE_CHECKING:
    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "facts", "fitted", "load", "run", "warm"]

LONGEST = 256
"""Tokens of the prompt that T5 is given: what the model was trained with."""

FAMILY = declare(
    "sd3",
    N_("Stable Diffusion 3"),
    N_("Pictures from long descriptions, changed parts and variations; Stable Diffusion 3 and 3.5."),
    side=1024,
    steps=28,
    guidance=7.0,
    types=("sd3",),
    samplers=FLOW,
)


def _arguments(loaded: Loaded, task: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return guided(loaded, task, values) | {"max_sequence_length": LONGEST}


SPEC = Spec(side=1024, samplers=FLOW, arguments=_arguments, long_text=lambda _: {"tokenizer_3": LONGEST})


def fitted(facts: Mapping[str, Any]) -> Family:
    """The family for one checkpoint."""
    return fit(FAMILY, facts)


def load(model: Model, ctx: Context) -> Loaded:
    """Read a folder or a single file."""
    return load_pipeline(model, ctx, SPEC)


def run(loaded: Loaded, request: Request, ctx: Context) -> None:
    """Make the results of `request`."""
    generate(loaded, request, ctx)


def facts(loaded: Loaded) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return loaded.recipe()

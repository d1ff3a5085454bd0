"""SDXL: a larger UNet that listens to two CLIP encoders and is told sizes, 1024 px; its turbo and lightning kin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Context, Family, Model

from .diffusion.params import declare, fit
from .diffusion.pipeline import load_pipeline, warm
from .diffusion.running import generate
from .diffusion.spec import Loaded, Spec

if TYPE_CHECKING:
    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "facts", "fitted", "load", "run", "warm"]

FAMILY = declare(
    "sdxl",
    N_("Stable Diffusion XL"),
    N_("Large pictures from words, changed parts and variations; SDXL and its kin."),
    side=1024,
    steps=30,
    guidance=5.0,
    types=("sdxl",),
    words=True,
)

SPEC = Spec(side=1024)


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

"""Qwen-Image: a large diffusion transformer that reads prompts with Qwen2.5-VL and writes Chinese and English into
pictures. Its autoencoder is one of videos: a picture is a video of one frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Context, Family, Model

from .diffusion.params import declare, fit
from .diffusion.pipeline import load_pipeline, warm
from .diffusion.running import generate
from .diffusion.schedulers import FLOW
from .diffusion.spec import Loaded, Spec

if TYPE_CHECKING:
    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "facts", "fitted", "load", "run", "warm"]

LONGEST = 512
"""Tokens of the prompt that the picture's part is given: the pipelines' own default."""

FAMILY = replace(
    declare(
        "qwen-image",
        N_("Qwen-Image"),
        N_("Pictures with legible Chinese and English writing, changed parts and variations; Qwen-Image."),
        side=1024,
        steps=40,
        guidance=4.0,
        types=("qwen-image",),
        samplers=FLOW,
    ),
    languages=("zh", "en"),
)


def _arguments(_: Loaded, __: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Guidance counts only beside a negative prompt; a space is the empty one."""
    given: dict[str, Any] = {"true_cfg_scale": values.get("guidance", 1.0), "max_sequence_length": LONGEST}
    if given["true_cfg_scale"] > 1:
        given["negative_prompt"] = values.get("negative", "").strip() or " "
    return given


SPEC = Spec(side=1024, samplers=FLOW, arguments=_arguments, long_text=lambda _: {"tokenizer": LONGEST})


def fitted(facts: Mapping[str, Any]) -> Family:
    """The family for one checkpoint."""
    return fit(FAMILY, facts)


def load(model: Model, ctx: Context) -> Loaded:
    """Read a folder."""
    return load_pipeline(model, ctx, SPEC)


def run(loaded: Loaded, request: Request, ctx: Context) -> None:
    """Make the results of `request`."""
    generate(loaded, request, ctx)


def facts(loaded: Loaded) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return loaded.recipe()

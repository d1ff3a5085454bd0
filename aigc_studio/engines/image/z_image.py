"""Z-Image: a single-stream diffusion transformer that reads prompts, Chinese and English, with a Qwen3 language model.

"Turbo" needs nine steps and no guidance. With any guidance above 0 every step is done twice, once for the negative
prompt.
"""

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
"""Tokens of the prompt in its frame that the pipeline lets the language model read."""

FAMILY = replace(
    declare(
        "z-image",
        N_("Z-Image"),
        N_("Pictures from Chinese or English descriptions, changed parts and variations; Z-Image and its Turbo."),
        side=1024,
        steps=28,
        guidance=4.0,
        types=("z-image",),
        samplers=FLOW,
    ),
    languages=("zh", "en"),
)


def _arguments(_: Loaded, __: str, values: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {"guidance_scale": values.get("guidance", 0.0), "max_sequence_length": LONGEST}
    if given["guidance_scale"] > 0 and values.get("negative", "").strip():
        given["negative_prompt"] = values["negative"]
    return given


def _room(loaded: Loaded) -> dict[str, int]:
    """What is left of `LONGEST` when the chat frame is around the prompt."""
    tokenizer = loaded.pipe.tokenizer
    frame = tokenizer.apply_chat_template(
        [{"role": "user", "content": ""}], tokenize=False, add_generation_prompt=True, enable_thinking=True
    )
    return {"tokenizer": LONGEST - len(tokenizer(frame, add_special_tokens=False)["input_ids"])}


SPEC = Spec(side=1024, samplers=FLOW, arguments=_arguments, long_text=_room)


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

"""Every other picture model that diffusers runs from a folder: what its class can do is looked up in a table, so that
the form can be built without the library; a test compares the table with the library.

What is not in the table is tried with the parameters that nearly all have. Pictures are decoded by the pipeline itself,
but for classes whose latents are known to be plain ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Context, Family, Model

from .diffusion.params import declare, fit
from .diffusion.pipeline import load_pipeline, pipe_for, warm
from .diffusion.running import generate
from .diffusion.schedulers import FLOW, NOISE, Sampler, choice
from .diffusion.seeing import SeeingTokenizer
from .diffusion.spec import Loaded, Spec

if TYPE_CHECKING:
    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "KINDS", "Kind", "facts", "fitted", "load", "run", "warm"]

_GENERATE, _REDRAW, _ALL = ("generate",), ("generate", "variation"), ("generate", "inpaint", "variation")


@dataclass(frozen=True)
class Kind:
    """What a pipeline class of diffusers does.

    tasks: that it or its sister classes do. steps, guidance: to begin with; 0.0 for one without guidance. negative:
    whether it takes a negative prompt. true_guidance: its guidance is called true_cfg_scale. plain: whether its latents
    are decoded here (in tiles where memory is short). strength: whether a variation has one; without, the prompt says
    what to change. samplers: that suit it besides its own. lora: type of LoRA files that fit it, "" for none. step: of
    sizes, where the class wants more than its parts do.
    """

    tasks: tuple[str, ...] = _GENERATE
    steps: int = 30
    guidance: float = 5.0
    negative: bool = True
    true_guidance: bool = False
    plain: bool = False
    strength: bool = True
    samplers: tuple[Sampler, ...] = ()
    lora: str = ""
    step: int = 1


_FLOW: dict[str, Any] = {"plain": True, "samplers": FLOW}
_NOISE: dict[str, Any] = {"plain": True, "samplers": NOISE}
_PAG = Kind(_ALL, 30, 7.5, lora="sd1", **_NOISE)
_PAG_XL = Kind(_ALL, 30, 5.0, lora="sdxl", **_NOISE)
_PAG_3 = Kind(_REDRAW, 28, 7.0, lora="sd3", **_FLOW)
_LCM = Kind(_REDRAW, 4, 8.5, negative=False, plain=True, lora="sd1")
_INSTRUCTED: dict[str, Any] = {"strength": False}

KINDS: dict[str, Kind] = {
    "AuraFlowPipeline": Kind(steps=50, guidance=3.5, **_FLOW),
    "ChromaPipeline": Kind(steps=35, **_FLOW),
    "CogView3PlusPipeline": Kind(steps=50, plain=True),
    "CogView4Pipeline": Kind(steps=50, plain=True),
    "Flux2KleinPipeline": Kind(_REDRAW, 28, 4.0, negative=False, **_INSTRUCTED),
    "Flux2Pipeline": Kind(_REDRAW, 28, 4.0, negative=False, **_INSTRUCTED),
    "FluxKontextPipeline": Kind(_REDRAW, 28, 3.5, negative=False, lora="flux", **_INSTRUCTED),
    "HunyuanDiTPAGPipeline": Kind(steps=50, **_NOISE),
    "HunyuanDiTPipeline": Kind(steps=50, **_NOISE),
    "Kandinsky3Img2ImgPipeline": Kind(_REDRAW, 25, 3.0, step=64),
    "Kandinsky3Pipeline": Kind(_REDRAW, 25, 3.0, step=64),
    "KandinskyV22CombinedPipeline": Kind(_ALL, 50, 4.0, step=64),
    "KandinskyV22Img2ImgCombinedPipeline": Kind(_ALL, 50, 4.0, step=64),
    "KandinskyV22InpaintCombinedPipeline": Kind(_ALL, 50, 4.0, step=64),
    "KolorsImg2ImgPipeline": Kind(_REDRAW, 30, 5.0, **_NOISE),
    "KolorsPAGPipeline": Kind(steps=30, **_NOISE),
    "KolorsPipeline": Kind(_REDRAW, 30, 5.0, **_NOISE),
    "Krea2Pipeline": Kind(steps=28, guidance=4.5),
    "LatentConsistencyModelImg2ImgPipeline": _LCM,
    "LatentConsistencyModelPipeline": _LCM,
    "Lumina2Pipeline": Kind(steps=30, guidance=4.0, **_FLOW),
    "LuminaPipeline": Kind(steps=30, guidance=4.0, **_FLOW),
    "OvisImagePipeline": Kind(steps=50),
    "PRXPipeline": Kind(steps=28, guidance=4.0),
    "PixArtAlphaPipeline": Kind(steps=20, guidance=4.5, **_NOISE),
    "PixArtSigmaPAGPipeline": Kind(steps=20, guidance=4.5, **_NOISE),
    "PixArtSigmaPipeline": Kind(steps=20, guidance=4.5, **_NOISE),
    "QwenImage21Pipeline": Kind(steps=40, guidance=4.0, true_guidance=True),
    "QwenImageEditInpaintPipeline": Kind(("inpaint", "variation"), 40, 4.0, true_guidance=True, **_INSTRUCTED),
    "QwenImageEditPipeline": Kind(("inpaint", "variation"), 40, 4.0, true_guidance=True, **_INSTRUCTED),
    "QwenImageEditPlusPipeline": Kind(("variation",), 40, 4.0, true_guidance=True, **_INSTRUCTED),
    "SanaPAGPipeline": Kind(steps=20, guidance=4.5, plain=True, step=32),
    "SanaPipeline": Kind(steps=20, guidance=4.5, plain=True, step=32),
    "StableDiffusion3PAGImg2ImgPipeline": _PAG_3,
    "StableDiffusion3PAGPipeline": _PAG_3,
    "StableDiffusionPAGImg2ImgPipeline": _PAG,
    "StableDiffusionPAGInpaintPipeline": _PAG,
    "StableDiffusionPAGPipeline": _PAG,
    "StableDiffusionXLPAGImg2ImgPipeline": _PAG_XL,
    "StableDiffusionXLPAGInpaintPipeline": _PAG_XL,
    "StableDiffusionXLPAGPipeline": _PAG_XL,
    "ZImageOmniPipeline": Kind(steps=28, guidance=4.0),
}
"""Class name in model_index.json to what it does."""

_UNKNOWN = Kind()
_FEW = 8
"""Steps of classes that are all made for few."""

FAMILY = declare(
    "diffusion",
    N_("Other picture models"),
    N_("PixArt, Sana, Lumina, AuraFlow, Kolors, HunyuanDiT, CogView, Chroma and others from diffusers folders."),
    side=1024,
    steps=30,
    guidance=5.0,
    types=(),
)


def _kind(facts: Mapping[str, Any]) -> Kind:
    return KINDS.get(str(facts.get("pipeline", "")), _UNKNOWN)


def fitted(facts: Mapping[str, Any]) -> Family:
    """The family for one checkpoint: the tasks, parameters and defaults of its class."""
    kind = _kind(facts)
    few = bool(facts.get("distilled"))
    # One made for few steps knows its own, but where the whole class is.
    known = {} if few and kind.steps > _FEW else {"steps": kind.steps, "guidance": kind.guidance}
    family = fit(FAMILY, {**facts, **known, "type": kind.lora, "negative": kind.negative and not few})
    params = []
    for param in family.params:
        if param.id == "loras":
            if not kind.lora:
                continue
            param = replace(param, of=(f"lora:{kind.lora}",))
        if param.id == "scheduler":
            param = choice(kind.samplers)
        if param.id in ("strength", "batch") and not kind.strength:
            continue  # an edited picture is one picture, and the prompt says how far it changes
        params.append(param)
    tasks = tuple(task for task in family.tasks if task.id in kind.tasks)
    return replace(family, tasks=tasks, params=tuple(params))


def _arguments(loaded: Loaded, task: str, values: Mapping[str, Any]) -> dict[str, Any]:
    kind = _kind({"pipeline": type(loaded.pipe).__name__})
    guidance = values.get("guidance", kind.guidance)
    # Captions are not rewritten and sizes not exchanged for others: what was asked for is what is made.
    given: dict[str, Any] = {
        "true_cfg_scale" if kind.true_guidance else "guidance_scale": guidance,
        "use_resolution_binning": False,
        "clean_caption": False,
        "_auto_resize": False,
    }
    if kind.negative and guidance > 1:
        negative = values.get("negative", "").strip()
        if negative or kind.true_guidance:
            given["negative_prompt"] = negative or " "
    return given


def _long_text(loaded: Loaded) -> dict[str, int]:
    """The pipeline's own limit for the text encoder that reads furthest."""
    taken = inspect.signature(type(loaded.pipe).__call__).parameters
    most = taken["max_sequence_length"].default if "max_sequence_length" in taken else None
    if not isinstance(most, int):
        return {}
    names = sorted(name for name, part in loaded.pipe.components.items() if "tokenizer" in name and part is not None)
    return {names[-1]: most} if names else {}


_READERS = {"Qwen2VLProcessor": SeeingTokenizer, "Qwen2_5_VLProcessor": SeeingTokenizer}

SPEC = Spec(side=1024, samplers=(), arguments=_arguments, long_text=_long_text, readers=_READERS)


def load(model: Model, ctx: Context) -> Loaded:
    """Read a folder."""
    kind = _kind(model.facts)
    loaded = load_pipeline(model, ctx, replace(SPEC, samplers=kind.samplers, plain=kind.plain, step=kind.step))
    pipe_for(loaded, kind.tasks[0])  # a class that does nothing of ours is told now
    return loaded


def run(loaded: Loaded, request: Request, ctx: Context) -> None:
    """Make the results of `request`."""
    generate(loaded, request, ctx)


def facts(loaded: Loaded) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return loaded.recipe()

"""Single safetensors files: whole checkpoints of Stable Diffusion and SDXL, LoRA files and learned words, told by names
of tensors.

Names are those of the original training programs (LDM and SGM: `model.diffusion_model.`, `first_stage_model.`,
`cond_stage_model.` or `conditioner.`); widths of the cross-attention tell 1.x (768), 2.x (1024) and SDXL (2048) apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import StudioError
from ..i18n import N_
from .diffusion import FEW_STEPS, defaults
from .embedding import read_embedding
from .entry import Finding
from .lora import read_lora
from .reading import shown, unsafe
from .weights import Header, identity, read_header

__all__ = ["SUFFIXES", "read_single"]

SUFFIXES = (".safetensors", ".ckpt")
"""Of the files that are looked at."""

_UNET = "model.diffusion_model."
_SHAPES = ("attn2.to_k.weight",)


def read_single(path: Path) -> Finding | None:
    """What a single file is; None for one that holds no model that is known here (a part of a folder)."""
    if path.suffix.lower() == ".ckpt":
        facts = {"type": "other", "single_file": True, "architecture": ""}
        return Finding(path, "image", "stable-diffusion", facts, unsafe())
    try:
        header = read_header(path)
    except StudioError as problem:
        return Finding(path, "other", "", {"single_file": True}, problem)
    found = _checkpoint(path, header) or _other(path, header)
    if found is None and (lora := read_lora(header)) is not None:
        found = Finding(path, "part", "", lora)
    if found is None and (words := read_embedding(header, path)) is not None:
        found = Finding(path, "part", "", words)
    if found is None:
        return None
    found.facts.update({"single_file": True, "digest": identity([path]), "bytes": header.size})
    return found


def _checkpoint(path: Path, header: Header) -> Finding | None:
    """A Stable Diffusion checkpoint, with what its form begins with."""
    names = header.tensors
    if f"{_UNET}input_blocks.0.0.weight" not in names:
        return None
    width = next(
        (
            tensor.shape[1]
            for name, tensor in names.items()
            if name.startswith(_UNET) and name.endswith(_SHAPES) and len(tensor.shape) == 2
        ),
        0,
    )
    sdxl = any(name.startswith("conditioner.embedders.") for name in names)
    open_clip = any(name.startswith("cond_stage_model.model.") for name in names)
    first = any(name.startswith("cond_stage_model.transformer.") for name in names)
    type = {768: "sd1", 1024: "sd2", 2048: "sdxl", 1280: "refiner"}.get(width, "")
    if not type:  # models of another width are told by their text encoders
        type = "sdxl" if sdxl else "sd2" if open_clip else "sd1"
    if type == "refiner":
        return Finding(path, "other", "", {"architecture": "SDXL refiner"}, _no_single("SDXL refiner"))
    few = bool(FEW_STEPS.search(path.stem))
    pipeline = "StableDiffusionXLPipeline" if type == "sdxl" else "StableDiffusionPipeline"
    facts: dict[str, Any] = {"type": type, "pipeline": pipeline, "architecture": pipeline, **defaults(type, few)}
    shape = names[f"{_UNET}input_blocks.0.0.weight"].shape
    facts["inpainting"] = len(shape) == 4 and shape[1] == 9
    prediction = header.metadata.get("modelspec.prediction_type", "")
    if prediction or "v_pred" in names:
        facts["prediction"] = "v_prediction" if "v_pred" in names or prediction.startswith("v") else "epsilon"
    family = "sdxl" if type == "sdxl" else "stable-diffusion"
    lacking = _lacking(names, sdxl or open_clip or first)
    return Finding(path, "image", family, facts, _incomplete(path, lacking) if lacking else None)


def _lacking(names: Mapping[str, Any], text_encoder: bool) -> str:
    """The part that a checkpoint needs and does not have, "" for none."""
    if not text_encoder:
        return N_("text encoder")
    if not any(name.startswith("first_stage_model.decoder.") for name in names):
        return N_("image decoder (VAE)")
    return ""


def _incomplete(path: Path, part: str) -> StudioError:
    return StudioError(
        N_('The file "{file}" has no {param}; get the complete checkpoint.'),
        code="model-incomplete",
        file=shown(Path(path.name)),
        param=part,
    )


_MARKS = {
    "Flux": ("double_blocks.0.img_attn.norm.key_norm.scale", "double_blocks.0.img_attn.qkv.weight"),
    "Stable Diffusion 3": ("joint_blocks.0.context_block.adaLN_modulation.1.bias",),
    "Z-Image": ("layers.0.adaLN_modulation.0.weight",),
    "Qwen-Image": ("transformer_blocks.0.img_mod.1.weight",),
}
"""A tensor that only this model has."""


def _other(path: Path, header: Header) -> Finding | None:
    """A single file of a model that is run from a folder only: it is named, so that nobody wonders why."""
    for title, marks in _MARKS.items():
        for mark in marks:
            if mark in header.tensors or _UNET + mark in header.tensors:
                return Finding(path, "other", "", {"architecture": title}, _no_single(title))
    return None


def _no_single(title: str) -> StudioError:
    return StudioError(
        N_("A single file of {name} cannot be used here; get the model as a folder (diffusers format)."),
        code="model-class",
        name=title,
    )

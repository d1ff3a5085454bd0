"""LoRA files: small changes to a picture model, told from others and by the model they belong to.

Two ways of naming are in use: that of diffusers and peft (`unet.down_blocks...lora_A.weight`) and that of the kohya
trainer (`lora_unet_down_blocks_...lora_down.weight`). The base is read from the metadata when the trainer wrote it,
else from the width of the cross-attention and from names of blocks that only one base has.
"""

from __future__ import annotations

import re
from typing import Any

from .weights import Header

__all__ = ["read_lora", "told_base"]

_DOWN = re.compile(
    r"\.(?:lora_A|lora_down|lora\.down|lora_linear_layer\.down)(?:\.[\w-]+)?\.weight$|_lora\.down\.weight$"
)
"""The first of the two matrices: (rank, input width)."""

_BLOCKS = re.compile(
    r"(?:down|up|input|output|double|single|joint|transformer)_blocks|mid_block|middle_block|text_model"
    r"|(?:noise|context)_refiner|layers[._]\d+[._]attention[._]"
)
"""Parts of picture models; LoRA files of language models have other ones."""

_WIDTHS = {768: "sd1", 1024: "sd2", 2048: "sdxl"}

_BASES = (
    ("sdxl", ("xl",)),
    ("sd3", ("sd3", "stable-diffusion-3", "stable_diffusion_3")),
    ("flux", ("flux",)),
    ("z-image", ("z-image", "zimage", "z_image")),
    ("qwen-image", ("qwen-image", "qwen_image", "qwenimage")),
    ("sd2", ("sd_v2", "stable-diffusion-v2")),
    ("sd1", ("sd_v1", "stable-diffusion-v1")),
)
"""Type to words in what trainers write of the base model."""


def read_lora(header: Header) -> dict[str, Any] | None:
    """Facts about a LoRA file: part ("lora:<base>"), rank, whether it changes text encoders; None when it is none."""
    down = {name: tensor.shape for name, tensor in header.tensors.items() if _DOWN.search(name)}
    if not any(_BLOCKS.search(name) for name in down):
        return None
    ranks = sorted(shape[0] for shape in down.values() if shape)
    base = told_base(header) or _by_blocks(down) or _by_width(down)
    facts: dict[str, Any] = {
        "part": f"lora:{base}",
        "type": base,
        "architecture": "LoRA",
        "rank": ranks[len(ranks) // 2] if ranks else 0,
        "text_encoder": any(name.startswith(("text_encoder", "lora_te")) for name in down),
    }
    if words := header.metadata.get("modelspec.trigger_phrase", "").strip():
        facts["trigger"] = words[:200]
    return facts


def told_base(header: Header) -> str:
    """The base by what the trainer wrote, "" when it wrote nothing that is known."""
    for key in ("modelspec.architecture", "ss_base_model_version"):
        told = header.metadata.get(key, "").lower()
        for base, words in _BASES:
            if any(word in told for word in words):
                return base
    return ""


def _by_blocks(down: dict[str, tuple[int, ...]]) -> str:
    """The base by blocks that only one model has, "" for a model with a U-Net."""
    text = "\n".join(down)
    if re.search(r"(^|[._])(double_blocks|single_blocks|single_transformer_blocks)[._]", text, re.MULTILINE):
        return "flux"
    if re.search(r"joint_blocks", text):
        return "sd3"
    if re.search(r"(noise_refiner|context_refiner)[._]|(^|\.)(layers\.\d+\.attention\.)", text, re.MULTILINE):
        return "z-image"
    if re.search(r"transformer_blocks[._]\d+[._](img_mlp|txt_mlp|img_mod|txt_mod)", text):
        return "qwen-image"
    if found := [re.search(r"^(?:transformer|base_model\.model)\.transformer_blocks\.(\d+)\.", name) for name in down]:
        blocks = [int(match[1]) for match in found if match]
        widths = {shape[1] for name, shape in down.items() if re.search(r"attn\.to_[qkv]\.", name) and len(shape) == 2}
        if blocks and widths == {3072}:  # Flux has 19 such blocks, Qwen-Image 60
            return "flux" if max(blocks) < 19 else "qwen-image"
        if blocks:
            return "sd3"
    return ""


def _by_width(down: dict[str, tuple[int, ...]]) -> str:
    """The base of a U-Net's LoRA: by the width of its cross-attention, else by SDXL's second text encoder."""
    for name, shape in down.items():
        if re.search(r"attn2[._]to_[kv]", name) and len(shape) >= 2 and shape[1] in _WIDTHS:
            return _WIDTHS[shape[1]]
    text = "\n".join(down)
    if re.search(
        r"text_encoder_2|lora_te2|down_blocks[._]\d+[._]attentions[._]\d+[._]transformer_blocks[._][1-9]", text
    ):
        return "sdxl"
    return "sd1"

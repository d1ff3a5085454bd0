"""Tiny random LoRA files in the ways of naming that people have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

_UNET = ("to_q", "to_k", "to_v", "to_out.0")
_TEXT = ("q_proj", "v_proj", "out_proj", "fc1")


def lora_weights(
    components: Mapping[str, Any], style: str = "peft", *, rank: int = 2, size: float = 0.5, text: bool = True
) -> dict[str, torch.Tensor]:
    """Random matrices for the attention of `components` (of a pipeline).

    style: "peft" (lora_A, lora_B), "diffusers" (its early names: lora.down, lora.up) or "kohya" (lora_down, lora_up and
    alpha).
    """
    draw = torch.Generator().manual_seed(11)
    found: dict[str, torch.Tensor] = {}
    for part in ("unet", "transformer", "text_encoder", "text_encoder_2"):
        network = components.get(part)
        if network is None or (part.startswith("text") and not text):
            continue
        for name, module in network.named_modules():
            if not isinstance(module, torch.nn.Linear) or not name.endswith(
                _TEXT if part.startswith("text") else _UNET
            ):
                continue
            down = torch.randn(rank, module.in_features, generator=draw) * size
            up = torch.randn(module.out_features, rank, generator=draw) * size
            if part.startswith("text"):
                name = "text_model." + name.removeprefix("text_model.")
            if style == "kohya":
                place = {"unet": "lora_unet", "text_encoder": "lora_te", "text_encoder_2": "lora_te2"}[part]
                if place == "lora_te" and components.get("text_encoder_2") is not None:
                    place = "lora_te1"
                base = f"{place}_{name.replace('.', '_')}"
                found |= {f"{base}.lora_down.weight": down, f"{base}.lora_up.weight": up}
                found[f"{base}.alpha"] = torch.tensor(float(rank) / 2)
            else:
                layer = "lora_linear_layer" if part.startswith("text") else "lora"
                first, second = ("lora_A", "lora_B") if style == "peft" else (f"{layer}.down", f"{layer}.up")
                found |= {f"{part}.{name}.{first}.weight": down, f"{part}.{name}.{second}.weight": up}
    return found


def make_lora(path: Path, components: Mapping[str, Any], base: str, style: str = "peft", **more: Any) -> Path:
    """A LoRA file for a model of the type `base` ("sd1", "sdxl", ...), as its header says."""
    told = {"sd1": "sd_v1", "sd2": "sd_v2", "sdxl": "sdxl_base_v1-0"}.get(base, base)
    save_file(lora_weights(components, style, **more), path, {"ss_base_model_version": told})
    return path

"""Picture models in their full size with random weights, for machines with a large graphics card: what a real model
costs in time and memory does not depend on what its weights say.

The sizes of SDXL are those of the bundled configurations, those of Flux its classes' own defaults. `changes` makes
them smaller, to try this module itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_studio.core.paths import resources
from tests.tiny.image import clip_tokenizer, t5_tokenizer

__all__ = ["save_flux", "save_sdxl"]

Changes = Mapping[str, Mapping[str, Any]]
"""Component to what is changed in its configuration."""


def _libraries() -> tuple[Any, Any, Any]:
    import diffusers
    import torch
    import transformers

    return diffusers, torch, transformers


def _built(kind: Any, config: Mapping[str, Any], changes: Mapping[str, Any], device: str, *, own: bool = False) -> Any:
    """A component with random weights in bfloat16, made on `device`, moved to the CPU. own: of transformers."""
    _, torch, _ = _libraries()
    given = {**config, **changes}
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            made = kind(kind.config_class(**given)) if own else kind.from_config(given)
    finally:
        torch.set_default_dtype(before)
    return made.to("cpu").eval()


def _config(part: str) -> dict[str, Any]:
    import json

    config = json.loads((resources() / "configs" / "sdxl" / part / "config.json").read_text(encoding="utf-8"))
    return {key: value for key, value in config.items() if not key.startswith("_") and key not in ("dtype",)}


def save_sdxl(folder: Path, device: str = "cuda", changes: Changes | None = None) -> Path:
    """SDXL: 2.6 billion weights in the UNet, 0.8 in the text encoders."""
    diffusers, _, transformers = _libraries()
    changes = changes or {}
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1
    )
    parts = {
        "vae": diffusers.AutoencoderKL,
        "unet": diffusers.UNet2DConditionModel,
        "text_encoder": transformers.CLIPTextModel,
        "text_encoder_2": transformers.CLIPTextModelWithProjection,
    }
    made = {
        name: _built(kind, _config(name), changes.get(name, {}), device, own=name.startswith("text"))
        for name, kind in parts.items()
    }
    tokenizers = {"tokenizer": clip_tokenizer(), "tokenizer_2": clip_tokenizer()}
    pipe = diffusers.StableDiffusionXLPipeline(**made, **tokenizers, scheduler=scheduler, add_watermarker=False)
    pipe.save_pretrained(folder)
    return folder


def save_flux(folder: Path, device: str = "cuda", changes: Changes | None = None) -> Path:
    """Flux "dev": 12 billion weights in the transformer, 4.8 in T5."""
    diffusers, _, transformers = _libraries()
    changes = changes or {}
    clip = {**_config("text_encoder"), "vocab_size": 49408}
    t5 = {
        "vocab_size": 32128,
        "d_model": 4096,
        "d_kv": 64,
        "d_ff": 10240,
        "num_layers": 24,
        "num_heads": 64,
        "feed_forward_proj": "gated-gelu",
    }
    picture = {
        **_config("vae"),
        "latent_channels": 16,
        "scaling_factor": 0.3611,
        "shift_factor": 0.1159,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
    }
    made = {
        "vae": _built(diffusers.AutoencoderKL, picture, changes.get("vae", {}), device),
        "text_encoder": _built(transformers.CLIPTextModel, clip, changes.get("text_encoder", {}), device, own=True),
        "text_encoder_2": _built(transformers.T5EncoderModel, t5, changes.get("text_encoder_2", {}), device, own=True),
        "transformer": _built(
            diffusers.FluxTransformer2DModel,
            {"guidance_embeds": True},
            changes.get("transformer", {}),
            device,
        ),
    }
    pipe = diffusers.FluxPipeline(
        **made,
        tokenizer=clip_tokenizer(),
        tokenizer_2=t5_tokenizer(),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
    )
    pipe.save_pretrained(folder)
    return folder

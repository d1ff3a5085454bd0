"""Model folders and files as tests need them: hand-written configs and weights of a few bytes, no library of models."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]


def safetensors(path: Path, shapes: Shapes, metadata: Mapping[str, str] | None = None) -> Path:
    """A file with float16 zeros of these shapes; large ones are holes in the file and take no room."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, shape in shapes.items():
        end = at + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)
    return path


def put(path: Path, data: Any) -> Path:
    """A JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def transformers(folder: Path, name: str, type: str, *, tokenizer: str = "tokenizer.json", **config: Any) -> Path:
    """A folder of transformers of this class."""
    put(folder / "config.json", {"architectures": [name], "model_type": type, **config})
    if tokenizer:
        put(folder / tokenizer, {})
    safetensors(folder / "model.safetensors", {"weight": (2, 2)})
    return folder


def pipeline(folder: Path, name: str = "StableDiffusionPipeline", variant: str = "", **configs: dict[str, Any]) -> Path:
    """A folder of diffusers with the parts that its class has; configs: of its parts."""
    network = ["unet", "UNet2DConditionModel"] if name.startswith(("StableDiffusion", "Latent")) else None
    if name.startswith("StableDiffusion3"):
        network = None
    network = network or ["transformer", "SomeTransformer2DModel"]
    index: dict[str, Any] = {
        "_class_name": name,
        "_diffusers_version": "0.42.0",
        network[0]: ["diffusers", network[1]],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "image_encoder": [None, None],
        "requires_safety_checker": True,
    }
    put(folder / "model_index.json", index)
    middle = f".{variant}" if variant else ""
    for part, stem in (
        (network[0], "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        put(folder / part / "config.json", configs.get(part, {}))
        safetensors(folder / part / f"{stem}{middle}.safetensors", {"weight": (3, 3)})
    put(folder / "tokenizer" / "vocab.json", {})
    put(folder / "scheduler" / "scheduler_config.json", {"_class_name": "PNDMScheduler"} | configs.get("scheduler", {}))
    return folder


UNET = "model.diffusion_model."
WIDE = {"sd1": 768, "sd2": 1024, "sdxl": 2048}


def checkpoint_shapes(type: str = "sd1", *, width: int = 0, channels: int = 4) -> dict[str, tuple[int, ...]]:
    """The tensors that tell a single-file checkpoint of this type; width: of the cross-attention."""
    encoder = {
        "sd1": "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
        "sd2": "cond_stage_model.model.token_embedding.weight",
        "sdxl": "conditioner.embedders.1.model.token_embedding.weight",
    }[type]
    return {
        f"{UNET}input_blocks.0.0.weight": (8, channels, 3, 3),
        f"{UNET}input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (8, width or WIDE[type]),
        encoder: (4, 4),
        "first_stage_model.decoder.conv_in.weight": (4, 4, 3, 3),
    }

"""Stable Diffusion pipelines as single-file checkpoints, under the names their authors gave the weights.

`original_names` is the way back from what diffusers converts; works on tensors of the meta device, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from aigc_studio.engines.image.diffusion import clip_vocabulary

Weights = dict[str, torch.Tensor]
_library: Any = diffusers
"""Its names are lazy, and annotated narrower than they are."""

_UNET_RESNET = (
    ("norm1.", "in_layers.0."),
    ("conv1.", "in_layers.2."),
    ("norm2.", "out_layers.0."),
    ("conv2.", "out_layers.3."),
    ("time_emb_proj.", "emb_layers.1."),
    ("conv_shortcut.", "skip_connection."),
)
_UNET_REST = (
    ("time_embedding.linear_1.", "time_embed.0."),
    ("time_embedding.linear_2.", "time_embed.2."),
    ("add_embedding.linear_1.", "label_emb.0.0."),
    ("add_embedding.linear_2.", "label_emb.0.2."),
    ("conv_in.", "input_blocks.0.0."),
    ("conv_norm_out.", "out.0."),
    ("conv_out.", "out.2."),
)
_VAE_RENAMED = (
    ("conv_shortcut.", "nin_shortcut."),
    ("group_norm.", "norm."),
    ("to_q.", "q."),
    ("to_k.", "k."),
    ("to_v.", "v."),
    ("to_out.0.", "proj_out."),
    ("conv_norm_out.", "norm_out."),
)


def _unet_name(name: str, layers: int, attending: set[int]) -> str:
    """One weight's name in the original UNet. layers: per block. attending: up blocks that have attention."""
    for ours, theirs in _UNET_REST:
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    side, *rest = name.split(".")
    if side == "mid_block":
        part, index, *tail = rest
        inner = ".".join(tail)
        place = f"middle_block.{1 if part == 'attentions' else 2 * int(index)}."
    else:
        block, part, index, *tail = rest
        inner = ".".join(tail)
        step = layers + 1
        if part == "downsamplers":
            return f"input_blocks.{(int(block) + 1) * step}.0.op." + inner.removeprefix("conv.")
        if part == "upsamplers":
            slot = 2 if int(block) in attending else 1
            return f"output_blocks.{int(block) * step + layers}.{slot}." + inner
        number = int(block) * step + int(index) + (1 if side == "down_blocks" else 0)
        sequence = "input_blocks" if side == "down_blocks" else "output_blocks"
        place = f"{sequence}.{number}.{1 if part == 'attentions' else 0}."
    if part != "attentions":
        for ours, theirs in _UNET_RESNET:
            if inner.startswith(ours):
                return place + theirs + inner.removeprefix(ours)
    return place + inner


def unet_names(unet: Any) -> Weights:
    """A UNet's weights as `model.diffusion_model.*`."""
    layers = unet.config.layers_per_block
    attending = {index for index, kind in enumerate(unet.config.up_block_types) if "Cross" in kind}
    return {
        "model.diffusion_model." + _unet_name(name, layers, attending): weight
        for name, weight in unet.state_dict().items()
    }


def vae_names(vae: Any) -> Weights:
    """A VAE's weights as `first_stage_model.*`; attention as the 1 x 1 convolutions it once was."""
    count = len(vae.config.block_out_channels)
    found: Weights = {}
    for name, weight in vae.state_dict().items():
        parts = name.split(".")
        if parts[1] in ("down_blocks", "up_blocks"):
            index = int(parts[2]) if parts[1] == "down_blocks" else count - 1 - int(parts[2])
            side = "down" if parts[1] == "down_blocks" else "up"
            what = {"resnets": f"block.{parts[4]}", "downsamplers": "downsample", "upsamplers": "upsample"}[parts[3]]
            old = ".".join([parts[0], side, str(index), what, *parts[5:]])
        elif parts[1] == "mid_block":
            what = f"block_{int(parts[3]) + 1}" if parts[2] == "resnets" else "attn_1"
            old = ".".join([parts[0], "mid", what, *parts[4:]])
        else:
            old = name
        for ours, theirs in _VAE_RENAMED:
            old = old.replace("." + ours, "." + theirs)
        if ".attn_1." in old and weight.ndim == 2:
            weight = weight[:, :, None, None]
        found["first_stage_model." + old] = weight
    return found


def clip_names(encoder: Any, prefix: str) -> Weights:
    """A CLIP text encoder's weights in transformers' early names below `prefix`."""
    return {
        prefix + "text_model." + name.removeprefix("text_model."): weight
        for name, weight in encoder.state_dict().items()
    }


def open_clip_names(encoder: Any, prefix: str) -> Weights:
    """A CLIP text encoder's weights in open_clip's names below `prefix`: q, k and v in one."""
    state = {name.removeprefix("text_model."): weight for name, weight in encoder.state_dict().items()}
    found = {
        "positional_embedding": state["embeddings.position_embedding.weight"],
        "token_embedding.weight": state["embeddings.token_embedding.weight"],
        "ln_final.weight": state["final_layer_norm.weight"],
        "ln_final.bias": state["final_layer_norm.bias"],
    }
    if "text_projection.weight" in state:
        found["text_projection"] = state["text_projection.weight"].T.contiguous()
    for layer in range(encoder.config.num_hidden_layers):
        ours, theirs = f"encoder.layers.{layer}.", f"transformer.resblocks.{layer}."
        for kind in ("weight", "bias"):
            found[f"{theirs}attn.in_proj_{kind}"] = torch.cat(
                [state[f"{ours}self_attn.{part}_proj.{kind}"] for part in "qkv"]
            )
            found[f"{theirs}attn.out_proj.{kind}"] = state[f"{ours}self_attn.out_proj.{kind}"]
            for norm in (1, 2):
                found[f"{theirs}ln_{norm}.{kind}"] = state[f"{ours}layer_norm{norm}.{kind}"]
            found[f"{theirs}mlp.c_fc.{kind}"] = state[f"{ours}mlp.fc1.{kind}"]
            found[f"{theirs}mlp.c_proj.{kind}"] = state[f"{ours}mlp.fc2.{kind}"]
    return {prefix + name: weight for name, weight in found.items()}


def original_names(parts: Mapping[str, Any], kind: str) -> Weights:
    """All weights of a pipeline (its `components`) as a checkpoint of the kind "sd1", "sd2" or "sdxl"."""
    found = unet_names(parts["unet"]) | vae_names(parts["vae"])
    if kind == "sd1":
        return found | clip_names(parts["text_encoder"], "cond_stage_model.transformer.")
    if kind == "sd2":
        return found | open_clip_names(parts["text_encoder"], "cond_stage_model.model.")
    found |= clip_names(parts["text_encoder"], "conditioner.embedders.0.transformer.")
    return found | open_clip_names(parts["text_encoder_2"], "conditioner.embedders.1.model.")


def _encoder(kind: type, width: int, act: str = "gelu") -> Any:
    return kind(
        CLIPTextConfig(
            vocab_size=49408,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=77,
            hidden_act=act,
            projection_dim=width,
            bos_token_id=0,
            eos_token_id=2,
            pad_token_id=1,
        )
    ).eval()


def tiny_pipeline(kind: str, *, channels: int = 4, prediction: str = "epsilon", seed: int = 0) -> Any:
    """A random pipeline of the structure of SD 1, SD 2 or SDXL with the real tokenizers, 0.5 to 1.5 M weights."""
    torch.manual_seed(seed)
    wide = {"sd1": 16, "sd2": 16, "sdxl": 40}[kind]
    more: dict[str, Any] = {}
    if kind == "sdxl":
        more = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 24 + 6 * 8,
        }
    unet = _library.UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,
        layers_per_block=2,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        attention_head_dim=2 if kind == "sd1" else (2, 4),
        cross_attention_dim=wide,
        use_linear_projection=kind != "sd1",
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D") if kind == "sdxl" else ("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D") if kind == "sdxl" else ("CrossAttnUpBlock2D",) * 2,
        transformer_layers_per_block=(1, 2) if kind == "sdxl" else 1,
        **more,
    ).eval()
    vae = _library.AutoencoderKL(
        block_out_channels=(4, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
        scaling_factor=0.13025 if kind == "sdxl" else 0.18215,
    ).eval()
    noise = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "prediction_type": prediction}
    parts: dict[str, Any] = {"unet": unet, "vae": vae, "text_encoder": _encoder(CLIPTextModel, 16, "quick_gelu")}
    if kind == "sdxl":
        return _library.StableDiffusionXLPipeline(
            **parts,
            text_encoder_2=_encoder(CLIPTextModelWithProjection, 24),
            tokenizer=clip_vocabulary.tokenizer(),
            tokenizer_2=clip_vocabulary.tokenizer(pad="!"),
            scheduler=_library.EulerDiscreteScheduler(**noise, steps_offset=1, timestep_spacing="leading"),
            add_watermarker=False,
        )
    return _library.StableDiffusionPipeline(
        **parts,
        tokenizer=clip_vocabulary.tokenizer(pad="!" if kind == "sd2" else "<|endoftext|>"),
        scheduler=_library.DDIMScheduler(**noise, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def write_checkpoint(
    folder: Path,
    pipe: Any,
    kind: str,
    *,
    name: str = "",
    metadata: Mapping[str, str] | None = None,
    more: Mapping[str, torch.Tensor] | None = None,
    left_out: str = "",
) -> Path:
    """`pipe` as NAME.safetensors with its configurations beside it. left_out: the beginning of names to leave out."""
    folder.mkdir(parents=True, exist_ok=True)
    name = name or f"tiny-{kind}"
    weights = original_names(pipe.components, kind)
    if left_out:
        weights = {key: weight for key, weight in weights.items() if not key.startswith(left_out)}
    weights |= more or {}
    path = folder / f"{name}.safetensors"
    save_file(
        {key: weight.detach().clone().contiguous() for key, weight in weights.items()}, path, dict(metadata or {})
    )
    configs = folder / f"{name}.configs"
    for part in ("unet", "vae", "text_encoder", "text_encoder_2", "scheduler"):
        value = getattr(pipe, part, None)
        if value is not None:
            save = getattr(value, "save_config", None)
            if save is not None:
                save(configs / part)
            else:
                value.config.save_pretrained(configs / part)
    index = {"_class_name": type(pipe).__name__, "unet": ["diffusers", "UNet2DConditionModel"]}
    (configs / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return path


def make_single_file(folder: Path, kind: str = "sd1") -> Path:
    """A tiny random checkpoint of one kind in one file, as a person may have it."""
    return write_checkpoint(folder, tiny_pipeline(kind), kind)

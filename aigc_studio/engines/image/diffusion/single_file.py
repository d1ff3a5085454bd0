"""A whole Stable Diffusion model in one safetensors file: SD 1.x, SD 2.x and SDXL, without a network.

The file holds weights under their authors' names. What it is is read from its header, what it lacks (configurations,
tokenizer, scheduler) is bundled under `resources/configs`; a folder `NAME.configs` beside `NAME.safetensors` is used
instead where there is one: models that were made smaller bring their own sizes that way. Only safetensors: older
formats can hide programs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.reading import unsafe
from aigc_studio.core.library.weights import read_header
from aigc_studio.core.paths import resources

from . import clip_vocabulary

if TYPE_CHECKING:
    import torch

    from aigc_studio.engines.base import Context

__all__ = ["Checkpoint", "load", "read"]

_MOST_YAML = 1 << 20
"""Characters that are read of a training configuration beside a checkpoint; real ones have some thousand."""

_UNET = "model.diffusion_model."
_FIRST = _UNET + "input_blocks.0.0.weight"
_TYPES = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
"""Width of the text that the picture's layers listen to, to the type."""
_ENCODERS = (
    ("cond_stage_model.transformer.", "sd1"),
    ("cond_stage_model.model.", "sd2"),
    ("conditioner.embedders.1.model.", "sdxl"),
)
_LORA = ("lora_up.", "lora_down.", "lora_A.", "lora_B.", ".hada_", ".lokr_", "lora.up.", "lora.down.")
_OTHERS = (
    ("double_blocks.", "Flux"),
    ("joint_blocks.", "Stable Diffusion 3"),
    ("cap_embedder.", "Z-Image / Lumina"),
    ("txt_norm.", "Qwen-Image"),
    ("patchify_proj.", "LTX-Video"),
    ("cross_attn.q.", "Wan"),
)
"""Part of a weight's name to the name of a family that is read from folders only."""


@dataclass(frozen=True)
class Checkpoint:
    """What the header of a file says. type: "sd1", "sd2" or "sdxl". channels: of the UNet's input, 9 for inpainting.
    prediction: "epsilon", "v_prediction", or "" where nothing tells. zero_snr: trained down to pure noise."""

    path: Path
    type: str
    channels: int
    prediction: str = ""
    zero_snr: bool = False


def read(path: Path) -> Checkpoint:
    """What a file is, by its header alone; StudioError with one sentence for everything that is no such model."""
    if path.suffix.lower() != ".safetensors":
        raise unsafe()
    if not path.is_file():
        raise StudioError(
            N_('The model file "{file}" is not there; choose another model or put the file back.'),
            code="model-missing",
            file=str(path),
        )
    header = read_header(path)
    shapes = {name: tensor.shape for name, tensor in header.tensors.items()}
    if any(sign in name for name in shapes for sign in _LORA):
        raise StudioError(
            N_('"{file}" is a LoRA, not a whole model; choose a model and add it there under "LoRA".'),
            code="model-lora",
            file=path.name,
        )
    if len(shapes.get(_FIRST, ())) != 4:
        raise _unlike(path, shapes)
    kind = _kind(path, shapes)
    channels = shapes[_FIRST][1]
    if channels not in (4, 9):
        raise StudioError(
            N_('"{file}" is a special model whose input has {channels} channels; choose a general or inpainting one.'),
            code="model-class",
            file=path.name,
            channels=channels,
        )
    if not any(name.startswith(("first_stage_model.", "vae.")) for name in shapes):
        raise _lacks(path, N_("image decoder (VAE)"))
    return Checkpoint(path, kind, channels, _prediction(path, header.metadata, shapes), "ztsnr" in shapes)


def _unlike(path: Path, shapes: Mapping[str, Any]) -> StudioError:
    """Why a file without a Stable Diffusion UNet is not loaded."""
    for sign, family in _OTHERS:
        if any(sign in name for name in shapes):
            return StudioError(
                N_(
                    '"{file}" is a {name} model as a single file, which has no tokenizer for its text encoder;'
                    " get the model as a folder (diffusers format)."
                ),
                code="model-class",
                file=path.name,
                name=family,
            )
    return StudioError(
        N_('"{file}" is no Stable Diffusion 1, 2 or XL model; choose another file.'),
        code="model-class",
        detail=", ".join(sorted(shapes)[:5]),
        file=path.name,
    )


def _kind(path: Path, shapes: Mapping[str, Any]) -> str:
    """By the width of the text that the UNet takes, else (sizes of one's own) by the text encoder that is there."""
    held = next((kind for prefix, kind in _ENCODERS if any(name.startswith(prefix) for name in shapes)), "")
    width = next((shape[-1] for name, shape in shapes.items() if name.endswith(".attn2.to_k.weight")), 0)
    if width == 1280 and any(name.startswith("conditioner.embedders.0.model.") for name in shapes):
        raise StudioError(
            N_('"{file}" only refines what SDXL has made; choose the base model.'),
            code="model-class",
            file=path.name,
        )
    if not held:
        raise _lacks(path, N_("text encoder"))
    kind = _TYPES.get(width, held)
    if (kind == "sdxl") != (held == "sdxl"):
        raise _lacks(path, N_("text encoder"))
    return kind


def _lacks(path: Path, part: str) -> StudioError:
    return StudioError(
        N_('The file "{file}" has no {param}; get the complete checkpoint.'),
        code="model-incomplete",
        file=path.name,
        param=part,
    )


def _prediction(path: Path, metadata: Mapping[str, Any], shapes: Mapping[str, Any]) -> str:
    """What the model was trained to predict, from what its makers wrote into the file or beside it."""
    told = str(metadata.get("modelspec.prediction_type", "")).lower()
    if told in ("v", "v_prediction", "epsilon"):
        return "epsilon" if told == "epsilon" else "v_prediction"
    if "v_pred" in shapes or str(metadata.get("ss_v_parameterization", "")).lower() == "true":
        return "v_prediction"
    try:
        with path.with_suffix(".yaml").open(encoding="utf-8", errors="replace") as file:
            beside = file.read(_MOST_YAML)
    except OSError:
        return ""
    return "v_prediction" if 'parameterization: "v"' in beside else ""


def load(path: Path, dtype: torch.dtype, ctx: Context) -> Any:
    """A diffusers pipeline on the CPU in `dtype`: StableDiffusionPipeline or StableDiffusionXLPipeline, its inpainting
    class for a UNet with nine channels.

    ctx.check() is asked between the parts. Raises StudioError.
    """
    checkpoint = read(path)
    own = path.with_name(path.stem + ".configs")
    configs = own if own.is_dir() else resources() / "configs" / checkpoint.type
    try:
        return _build(checkpoint, configs, dtype, ctx)
    except (StudioError, MemoryError):
        raise
    except Exception as error:
        if "out of memory" in str(error).lower():
            raise
        raise _explain(path, error) from error


def _build(checkpoint: Checkpoint, configs: Path, dtype: torch.dtype, ctx: Context) -> Any:
    import diffusers as lazy
    import transformers
    from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm
    from diffusers.utils import logging as library_log
    from safetensors.torch import load_file

    diffusers: Any = lazy
    library_log.set_verbosity_error()
    ctx.progress(0, 0, N_("Loading the model"))
    weights = _usual_names(load_file(checkpoint.path))
    parts: dict[str, Any] = {}
    for name, network in (("vae", diffusers.AutoencoderKL), ("unet", diffusers.UNet2DConditionModel)):
        ctx.check()
        more = {"in_channels": checkpoint.channels} if name == "unet" else {}
        parts[name] = network.from_single_file(
            weights, config=str(configs), subfolder=name, dtype=dtype, local_files_only=True, **more
        )
    classes: dict[str, Any] = {"text_encoder": transformers.CLIPTextModel}
    if checkpoint.type == "sdxl":
        classes["text_encoder_2"] = transformers.CLIPTextModelWithProjection
    for name, network in classes.items():
        ctx.check()
        parts[name] = create_diffusers_clip_model_from_ldm(
            network, weights, subfolder=name, config=str(configs), torch_dtype=dtype, local_files_only=True
        )
    del weights
    for part in parts.values():
        missing = [name for name, weight in part.named_parameters() if weight.is_meta]
        if missing:
            raise NotImplementedError(f"meta tensor: {missing[:5]}")
        part.requires_grad_(False)
    ctx.check()
    end, filler = "<|endoftext|>", "!"
    parts["tokenizer"] = clip_vocabulary.tokenizer(pad=filler if checkpoint.type == "sd2" else end)
    if checkpoint.type == "sdxl":
        parts["tokenizer_2"] = clip_vocabulary.tokenizer(pad=filler)
    prediction = checkpoint.prediction
    if not prediction and checkpoint.type == "sd2" and checkpoint.channels == 4:
        prediction = _probe(parts["unet"])
    if prediction == "v_prediction" and checkpoint.type == "sd2" and configs.parent == resources() / "configs":
        parts["unet"].register_to_config(sample_size=96)  # those that predict v were trained at 768 px
    parts["scheduler"] = _scheduler(configs, prediction, checkpoint.zero_snr)
    inpainting = checkpoint.channels == 9
    if checkpoint.type == "sdxl":
        pipeline = diffusers.StableDiffusionXLInpaintPipeline if inpainting else diffusers.StableDiffusionXLPipeline
        return pipeline(**parts, add_watermarker=False)
    pipeline = diffusers.StableDiffusionInpaintPipeline if inpainting else diffusers.StableDiffusionPipeline
    return pipeline(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False)


def _usual_names(weights: dict[str, Any]) -> dict[str, Any]:
    """The weights that count, under the names that diffusers knows: early merges left "text_model" out."""
    short, usual = "cond_stage_model.transformer.", "cond_stage_model.transformer.text_model."
    found: dict[str, Any] = {}
    for name, weight in weights.items():
        if name.startswith("model_ema.") or name.endswith(".position_ids"):
            continue
        if name.startswith((short + "embeddings.", short + "encoder.", short + "final_layer_norm.")):
            name = usual + name.removeprefix(short)
        found[name] = weight
    return found


def _scheduler(configs: Path, prediction: str, zero_snr: bool) -> Any:
    import diffusers

    config = json.loads((configs / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
    name = config.pop("_class_name")
    if prediction:
        config["prediction_type"] = prediction
    if prediction == "v_prediction" and name == "PNDMScheduler":
        name = "DDIMScheduler"  # as published with SD 2 for 768 px
        config.pop("skip_prk_steps", None)
        config["clip_sample"] = False
    if zero_snr:
        config |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return getattr(diffusers, name).from_config(config)


def _probe(unet: Any) -> str:
    """What an SD 2 model predicts, which its weights' names do not tell: at the last step its input is nearly pure
    noise, so that a model that predicts noise answers with its input, and one that predicts v with far less.

    The threshold is the one by which AUTOMATIC1111's web UI has told them apart since SD 2.0.
    """
    import torch

    weight = next(unet.parameters())
    sample = torch.full((1, 4, 8, 8), 0.5, dtype=weight.dtype, device=weight.device)
    text = torch.full((1, 2, unet.config.cross_attention_dim), 0.5, dtype=weight.dtype, device=weight.device)
    with torch.no_grad():
        answer = unet(sample, 999, encoder_hidden_states=text).sample
    return "v_prediction" if (answer - sample).float().mean().item() < -1 else "epsilon"


def _explain(path: Path, error: Exception) -> StudioError:
    """The sentence for what diffusers says of a file that is not built as its type is."""
    text = f"{type(error).__name__}: {error}"
    if "expected shape" in text or "size mismatch" in text:
        return StudioError(
            N_(
                '"{file}" is built unlike the published models of its type; get it as a folder (diffusers format), or'
                ' put its configurations beside it as "{folder}".'
            ),
            code="model-class",
            detail=text,
            file=path.name,
            folder=path.stem + ".configs",
        )
    if isinstance(error, KeyError) or any(sign in text for sign in ("meta tensor", "valid CLIP model", "be missing")):
        return StudioError(
            N_('"{file}" lacks some of its weights; copy or download it again.'),
            code="model-damaged",
            detail=text,
            file=path.name,
        )
    return StudioError(
        N_('"{file}" could not be loaded ({reason}); choose another model.'),
        code="model-load",
        detail=text,
        file=path.name,
        reason=text.splitlines()[0][:200],
    )

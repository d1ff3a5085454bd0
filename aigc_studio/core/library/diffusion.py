"""Folders of diffusers: which pipeline, whether every part of it is there, and the facts its form is fitted to.

The class stands in model_index.json, sizes in the parts' own config.json. A part that the index names must be there;
the safety checker and what feeds it may be missing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import StudioError
from .entry import Finding
from .known import OTHER_PIPELINES, PIPELINES
from .reading import check_packing, code_of_its_own, first_of, missing, optional_json, read_json, unknown_class
from .weights import identity, whole_files

__all__ = ["FEW_STEPS", "components", "defaults", "read_pipeline", "read_vae"]

_OPTIONAL = ("safety_checker", "feature_extractor", "image_encoder")
_TOKENIZERS = (
    "tokenizer.json",
    "vocab.json",
    "spiece.model",
    "tokenizer.model",
    "vocab.txt",
    "sentencepiece.bpe.model",
)

FEW_STEPS = re.compile(
    r"turbo|lightning|schnell|hyper-?sd|(?<![a-z])lcm(?![a-z])|distill|(?<!\d)[1-8][ _-]?steps?(?![a-z])", re.IGNORECASE
)
"""What a model that was trained to need few steps has in its name."""


def read_pipeline(folder: Path) -> Finding:
    """What a folder with a model_index.json is; problems are in the finding."""
    try:
        index = read_json(folder, "model_index.json")
    except StudioError as problem:
        return Finding(folder, "image", "diffusion", {"type": "other"}, problem)
    name = index.get("_class_name")
    if not isinstance(name, str):
        return Finding(folder, "other", "", {"architecture": str(name)[:80]}, code_of_its_own(str(name)))
    family = PIPELINES.get(name) or ("diffusion" if name in OTHER_PIPELINES else "")
    facts: dict[str, Any] = {"pipeline": name, "architecture": name, "single_file": False}
    if not family:
        return Finding(folder, "other", "", facts, unknown_class(name))
    facts |= _facts(folder, family, index)
    try:
        facts |= _check_components(folder, index)
    except StudioError as problem:
        return Finding(folder, "image", family, facts, problem)
    return Finding(folder, "image", family, facts)


def components(index: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Name to (library, class) of the parts that a model_index.json lists and that are not empty."""
    found = {}
    for name, value in index.items():
        if not name.startswith("_") and isinstance(value, list) and len(value) == 2 and all(value):
            found[name] = (str(value[0]), str(value[1]))
    return found


def _check_components(folder: Path, index: Mapping[str, Any]) -> dict[str, Any]:
    """Digest, bytes and variant of the weights; StudioError for the first part that is missing or damaged."""
    files: list[Path] = []
    variants = set()
    for name, (library, cls) in sorted(components(index).items()):
        if Path(name).name != name or "\\" in name:
            raise missing(folder, name)
        part = folder / name
        if not os.path.isdir(part):  # which answers for names of any length, too
            if name in _OPTIONAL:
                continue
            raise missing(folder, name)
        if cls.endswith(("Tokenizer", "TokenizerFast")) or name.startswith("tokenizer"):
            if not any((part / file).is_file() for file in _TOKENIZERS):
                raise missing(folder, f"{name}/tokenizer.json")
        elif cls.endswith("Scheduler") or name.endswith("scheduler"):
            if not (part / "scheduler_config.json").is_file():
                raise missing(folder, f"{name}/scheduler_config.json")
        elif not cls.endswith(("Processor", "FeatureExtractor", "ProcessorFast")):
            if (part / f"{library}.py").is_file():
                raise code_of_its_own(f"{name}/{library}.py")
            try:
                check_packing(read_json(part, "config.json"))
                variant, weights = whole_files(part, "model" if library == "transformers" else _stem(part))
            except StudioError as problem:
                if name in _OPTIONAL:
                    continue
                raise _within(folder, name, problem) from problem
            variants.add(variant)
            files += weights
    if not files:
        raise missing(folder, "diffusion_pytorch_model.safetensors")
    sizes = sum(path.stat().st_size for path in files)
    variant = next(iter(variants - {""}), "")
    return {"digest": identity(files), "bytes": sizes, "variant": variant}


def _stem(part: Path) -> str:
    """Parts of the pipelines' own modules (old safety checkers) are named as transformers names them."""
    return "model" if any(part.glob("model*.safetensors*")) else "diffusion_pytorch_model"


def _within(folder: Path, name: str, problem: StudioError) -> StudioError:
    """The problem of a part, told of the whole model."""
    if problem.code == "model-incomplete":
        return missing(folder, f"{name}/{problem.params['name']}")
    return problem


def _facts(folder: Path, family: str, index: Mapping[str, Any]) -> dict[str, Any]:
    parts = {name: optional_json(folder / name, "config.json") for name in ("unet", "transformer", "vae")}
    scheduler = optional_json(folder / "scheduler", "scheduler_config.json")
    unet, transformer, vae = parts["unet"], parts["transformer"], parts["vae"]
    channels = unet.get("in_channels") or 4
    if family == "stable-diffusion":
        width = unet.get("cross_attention_dim")
        type = "sd2" if width == 1024 or unet.get("use_linear_projection") is True else "sd1"
    else:
        type = "other" if family == "diffusion" else family
    few = bool(unet.get("time_cond_proj_dim")) or _is_fast(folder, index, scheduler)
    if family == "flux":
        few = not transformer.get("guidance_embeds", False)
    facts: dict[str, Any] = {"type": type, **defaults(type, few)}
    if unet.get("time_cond_proj_dim"):
        facts["guidance"] = 8.0  # distilled with the guidance as an input of its own: it was taught 3 to 15
    scale = _vae_scale(vae)
    side = first_of(unet, ("sample_size",), int, 0) or first_of(transformer, ("sample_size",), int, 0)
    if type in ("flux", "qwen-image", "sd3", "z-image"):
        side = side if type == "sd3" and side else 128
        facts["multiple"] = scale * (first_of(transformer, ("patch_size",), int, 2) if type == "sd3" else 2)
    else:
        facts["multiple"] = max(8, scale) if unet else max(16, scale)
    if side and 0 < side * scale <= 4096:
        facts["size"] = side * scale
    if isinstance(scheduler.get("_class_name"), str):
        facts["scheduler"] = scheduler["_class_name"]
    if isinstance(scheduler.get("prediction_type"), str):
        facts["prediction"] = scheduler["prediction_type"]
    facts["inpainting"] = channels == 9
    return facts | _told(folder, facts)


def _told(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Steps and guidance that a model of our own training is at home with, where they make sense."""
    told = optional_json(folder, "studio.json")
    return {
        name: type(facts[name])(value)
        for name, most in (("steps", 150), ("guidance", 30))
        if isinstance(value := told.get(name), int | float) and not isinstance(value, bool) and 1 <= value <= most
    }


def _is_fast(folder: Path, index: Mapping[str, Any], scheduler: Mapping[str, Any]) -> bool:
    """Whether the model needs few steps: by its name or its scheduler's."""
    if str(scheduler.get("_class_name", "")).startswith(("LCM", "TCD")):
        return True
    told = index.get("_name_or_path")
    return bool(FEW_STEPS.search(folder.name) or (isinstance(told, str) and FEW_STEPS.search(Path(told).name)))


def defaults(type: str, few_steps: bool) -> dict[str, Any]:
    """Size, steps and guidance to begin with, for a type of model; from the libraries' and the authors' examples."""
    size, multiple, steps, guidance, negative = {
        "sd1": (512, 8, 28, 7.5, True),
        "sd2": (768, 8, 28, 7.5, True),
        "sdxl": (1024, 8, 30, 5.0, True),
        "sd3": (1024, 16, 28, 7.0, True),
        "flux": (1024, 16, 28, 3.5, False),
        "z-image": (1024, 16, 28, 4.0, True),
        "qwen-image": (1024, 16, 40, 4.0, True),
    }.get(type, (1024, 16, 30, 5.0, True))
    if few_steps:
        steps, guidance, negative = (4, 0.0, False) if type != "z-image" else (9, 0.0, False)
        if type in ("sd1", "sd2", "sdxl"):
            guidance = 1.0
    return {
        "size": size,
        "multiple": multiple,
        "steps": steps,
        "guidance": guidance,
        "negative": negative,
        "distilled": few_steps,
    }


def _vae_scale(vae: Mapping[str, Any]) -> int:
    """How many pixels one value of the latent picture stands for, on a side."""
    blocks = vae.get("block_out_channels") or vae.get("encoder_block_out_channels")
    if isinstance(blocks, list) and 0 < len(blocks) < 8:
        return 2 ** (len(blocks) - 1)
    steps = vae.get("temperal_downsample")
    return 2 ** len(steps) if isinstance(steps, list) and 0 < len(steps) < 8 else 8


def read_vae(folder: Path, config: Mapping[str, Any]) -> Finding | None:
    """A folder with an AutoencoderKL of its own, that another model can be decoded with; None for another class."""
    if config.get("_class_name") != "AutoencoderKL":
        return None
    scaling = config.get("scaling_factor")
    known = {0.18215: "sd1", 0.13025: "sdxl", 1.5305: "sd3", 0.3611: "flux"}
    base = known.get(scaling, "") if isinstance(scaling, float) else ""
    if not base:
        return None
    facts: dict[str, Any] = {"part": f"vae:{base}", "architecture": "AutoencoderKL"}
    try:
        _, files = whole_files(folder, "diffusion_pytorch_model")
        facts |= {"digest": identity(files), "bytes": sum(path.stat().st_size for path in files)}
    except StudioError as problem:
        return Finding(folder, "part", "", facts, problem)
    return Finding(folder, "part", "", facts)

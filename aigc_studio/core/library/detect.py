"""One question, asked of any folder or file: what model is this? Headers and configs are read, nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from ..errors import StudioError
from .captioners import read_captioner
from .clip import read_clip
from .diffusion import defaults, read_pipeline, read_vae
from .entry import Finding
from .known import FAMILY_KINDS, PARTS
from .language import architecture, read_writer
from .own import read_own
from .reading import code_of_its_own, damaged, optional_json, read_json, unknown_class
from .single import SUFFIXES, read_single
from .speech import read_speaker

__all__ = ["apply_type", "is_model_folder", "read_model", "slug"]


def is_model_folder(folder: Path, names: Collection[str]) -> bool:
    """Whether a folder with files of these names is one model, and not a folder of models.

    Other programs keep a config.json of their own beside their models.
    """
    if "model_index.json" in names:
        return True
    if "config.json" not in names:
        return False
    config = optional_json(folder, "config.json")
    if not config:  # broken
        return any(name.endswith(".safetensors") for name in names)
    return bool({"architectures", "model_type", "_class_name", "auto_map"} & config.keys())


def read_model(path: Path) -> Finding | None:
    """What this folder or file is; None when it is no model at all. Problems are in the finding; nothing is raised."""
    try:
        if path.is_dir():
            return _read_folder(path)
        return read_single(path) if path.suffix.lower() in SUFFIXES and path.is_file() else None
    except StudioError as problem:
        return Finding(path, "other", "", {}, problem)
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        # A config of odd types that no check above foresaw: a sentence, not the end of the whole search.
        return Finding(path, "other", "", {}, damaged(path, repr(error)[:500]))


def _read_folder(folder: Path) -> Finding | None:
    if (folder / "model_index.json").is_file():
        return read_pipeline(folder)
    if not (folder / "config.json").is_file():
        return None
    config = read_json(folder, "config.json")
    found = (
        read_own(folder, config)
        or read_captioner(folder, config)
        or read_writer(folder, config)
        or read_speaker(folder, config)
        or read_clip(folder, config)
        or read_vae(folder, config)
    )
    if found is not None:
        return found
    name = architecture(config) or str(config.get("_class_name") or config.get("model_type") or "")
    problem = code_of_its_own(str(config["auto_map"])) if "auto_map" in config else unknown_class(name)
    return Finding(folder, "other", "", {"architecture": name[:80]}, problem)


_TYPES = {"sdxl": "sdxl", "sd3": "sd3", "flux": "flux", "z-image": "z-image", "qwen-image": "qwen-image"}


def apply_type(finding: Finding, type: str) -> Finding:
    """The finding with the type that a person chose: a family id or a type of part ("lora:sdxl").

    What is missing stays missing; only "this class is not known" is taken back. ValueError for no such type.
    """
    problem = finding.problem
    if problem is not None and problem.code == "model-class":
        problem = None
    if type in PARTS:
        return Finding(
            finding.path, "part", "", {**finding.facts, "part": type, "type": type.partition(":")[2]}, problem
        )
    if type not in FAMILY_KINDS:
        raise ValueError(f"no type {type!r}")
    facts = {key: value for key, value in finding.facts.items() if key != "part"}
    if FAMILY_KINDS[type] == "image" and type != finding.family:
        facts["type"] = _TYPES.get(type, "sd1" if type == "stable-diffusion" else "other")
        facts |= defaults(facts["type"], bool(facts.get("distilled")))
    return Finding(finding.path, FAMILY_KINDS[type], type, facts, problem)


def slug(name: str) -> str:
    """A name as an id: letters of any script, digits, dot, dash and underscore; others become a dash."""
    return re.sub(r"[^\w.\-]+", "-", name).strip("-.") or "model"

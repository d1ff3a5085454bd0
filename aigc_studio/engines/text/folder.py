"""Is this folder a language model that can be loaded? Asked before the libraries are, so that the answer is a sentence
and not a stack of their exceptions. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

__all__ = ["check_model_folder", "check_safetensors", "identity"]

_MAX_HEADER = 100_000_000
"""The format's own limit for its JSON header, in bytes."""


def check_model_folder(folder: Path) -> dict[str, Any]:
    """The folder's config.json, after everything that can be wrong with the folder was looked at.

    Raises StudioError: folder or a file missing, JSON broken, weights only as pickles, weights cut short, a model that
    wants to run program code of its own.
    """
    if not folder.is_dir():
        raise StudioError(
            N_('The model folder "{folder}" is not there; choose another model or put the folder back.'),
            code="model-missing",
            folder=str(folder),
        )
    config = _read_json(folder, "config.json")
    if "auto_map" in config and not _is_known(config):
        raise StudioError(
            N_("This model runs program code of its own, which is not allowed here; choose another model."),
            code="model-code",
            detail=str(config["auto_map"]),
        )
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        _missing(folder, "tokenizer.json")
    for file in _weight_files(folder):
        check_safetensors(file)
    return config


def _is_known(config: dict[str, Any]) -> bool:
    """Whether the library has this model type itself; asked only of folders that also bring code."""
    from transformers import CONFIG_MAPPING

    return config.get("model_type") in CONFIG_MAPPING


def _missing(folder: Path, name: str) -> None:
    raise StudioError(
        N_('The model in "{folder}" has no file {name}; copy the model again.'),
        code="model-incomplete",
        folder=str(folder),
        name=name,
    )


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    if not path.is_file():
        _missing(folder, name)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise ValueError("not an object")
    except (OSError, ValueError) as error:
        raise _damaged(path, repr(error)) from error
    return data


def _damaged(path: Path, detail: str) -> StudioError:
    return StudioError(
        N_('The model file "{file}" is damaged or incomplete; copy or download the model again.'),
        code="model-damaged",
        detail=detail,
        file=path.name,
    )


def _weight_files(folder: Path) -> list[Path]:
    """The safetensors files that make up the model."""
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    if (folder / "model.safetensors.index.json").is_file():
        index = _read_json(folder, "model.safetensors.index.json")
        shards = index.get("weight_map")
        if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
            raise _damaged(folder / "model.safetensors.index.json", "no weight_map")
        files = []
        for name in sorted(set(shards.values())):
            if Path(name).name != name or not (folder / name).is_file():
                _missing(folder, name)
            files.append(folder / name)
        return files
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pth")):
        raise StudioError(
            N_("This model's weights are in a format that can hide programs; get the one with .safetensors files."),
            code="model-unsafe",
        )
    _missing(folder, "model.safetensors")
    raise AssertionError("unreachable")


def check_safetensors(path: Path) -> None:
    """Compare a safetensors file's size with what its header promises; StudioError when it is short or not one.

    A cut file would otherwise be found in the middle of loading, or, mapped into memory, as a crash.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_MAX_HEADER, size):
                raise ValueError(f"header of {length} bytes in a file of {size}")
            header = json.loads(file.read(length))
        end = max(
            (entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"),
            default=0,
        )
        if 8 + length + end != size:
            raise ValueError(f"{size} bytes, {8 + length + end} expected")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise _damaged(path, repr(error)) from error


def identity(folder: Path) -> str:
    """What tells this model from another in a recipe, in no time: SHA-256 over the headers and sizes of its weights."""
    digest = hashlib.sha256()
    for path in _weight_files(folder):
        with path.open("rb") as file:
            length = file.read(8)
            digest.update(length + file.read(struct.unpack("<Q", length)[0]))
        digest.update(path.stat().st_size.to_bytes(8, "little"))
    return digest.hexdigest()

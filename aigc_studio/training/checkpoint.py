"""Checkpoints: a tree of tensors and plain values in one safetensors file, with no code in it.

State dicts of torch's optimisers are nested dicts with numbers as keys; safetensors knows flat names and tensors only.
The tensors are stored under numbers, the tree around them as JSON in the file's metadata.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.store.files import part_of, replace, sync_file, sync_folder

__all__ = ["NAME", "PREVIOUS", "load", "load_latest", "save", "save_latest"]

NAME = "checkpoint.safetensors"
PREVIOUS = "checkpoint.previous.safetensors"
_TREE = "aigc_studio_tree"


def save(path: Path, tree: Mapping[str, Any]) -> None:
    """Write a tree of dicts, lists, tuples, tensors, numbers, strings and None to `path`, whole or not at all.

    StudioError (code "disk") when it cannot be written; then what lies at `path` stays.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors: dict[str, Any] = {}
    text = json.dumps(_encode(tree, tensors, set()), separators=(",", ":"))
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, part, {_TREE: text})
        with open(part, "rb+") as file:
            sync_file(file.fileno())
        replace(part, path)
        sync_folder(path.parent)
    except (OSError, SafetensorError) as error:
        raise StudioError(
            N_(
                "The state of the training could not be written ({reason}); make room on the disk and go on: "
                "the former state is kept."
            ),
            code="disk",
            reason=getattr(error, "strerror", None) or str(error)[:200],
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def load(path: Path) -> Any:
    """The tree in `path`, its tensors on the CPU. ValueError for a file that is damaged or none of ours, OSError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(_TREE, "")
            return _decode(json.loads(text), file)
    except (SafetensorError, RecursionError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"no checkpoint: {error}") from error


def save_latest(folder: Path, tree: Mapping[str, Any]) -> None:
    """Make `tree` the run's checkpoint; the one before it is kept beside. At every instant one of the two is whole."""
    new = folder / f"new.{NAME}"
    save(new, tree)
    try:
        if (folder / NAME).exists():
            replace(folder / NAME, folder / PREVIOUS)
        replace(new, folder / NAME)
        sync_folder(folder)
    except OSError as error:
        raise StudioError(
            N_(
                "The state of the training could not be written ({reason}); make room on the disk and go on: "
                "the former state is kept."
            ),
            code="disk",
            reason=error.strerror or str(error),
        ) from error


def load_latest(folder: Path) -> Any:
    """The newest checkpoint of a run that can be read, None when there is none."""
    for name in (f"new.{NAME}", NAME, PREVIOUS):
        if os.path.exists(folder / name):
            with contextlib.suppress(ValueError, OSError):
                return load(folder / name)
    return None


def _encode(value: Any, tensors: dict[str, Any], places: set[int]) -> Any:
    """The tree for JSON; its tensors go into `tensors`, and where they lie in memory into `places`."""
    import torch

    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        plain = value.detach().to("cpu").contiguous()
        shared = plain.numel() > 0 and plain.data_ptr() in places
        tensors[name] = plain.clone() if shared or plain.untyped_storage().nbytes() != plain.nbytes else plain
        places.add(plain.data_ptr())
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {
            "dict": [[_encode(key, tensors, places), _encode(item, tensors, places)] for key, item in value.items()]
        }
    if isinstance(value, list):
        return [_encode(item, tensors, places) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, tensors, places) for item in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__}")


def _decode(value: Any, file: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item, file) for item in value]
    if isinstance(value, dict):
        ((kind, inner),) = value.items()
        if kind == "tensor":
            return file.get_tensor(inner)
        if kind == "tuple":
            return tuple(_decode(item, file) for item in inner)
        if kind == "dict":
            return {_decode(key, file): _decode(item, file) for key, item in inner}
        raise KeyError(kind)
    return value

"""Folders of our own picture networks, as the Train panel makes them: config.json and model.safetensors.

The weights' header is read, never the weights: what the training measured stands in it as tensors called "extra.*".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import StudioError
from ..i18n import N_
from .entry import Finding
from .reading import damaged, missing, shown
from .weights import Header, identity, read_header

__all__ = ["read_own"]

_CLASSES = {
    "AIGCStudioGAN": "gan",
    "AIGCStudioVAE": "vae",
    "AIGCStudioVQVAE": "vqvae",
    "AIGCStudioTranslator": "translator",
}
"""`_class_name` in config.json to family."""

_PARTS = {"AIGCStudioEncoder": "encoder:pictures"}
"""`_class_name` to type of part, of what makes no pictures itself."""

_LARGEST = {"AIGCStudioTranslator": 1024}
_LARGEST_OTHER = 512
"""Largest side of the pictures, as the networks have it in their bounds."""

_FORMAT = 1
_WEIGHTS = "model.safetensors"


def read_own(folder: Path, config: Mapping[str, Any]) -> Finding | None:
    """What a folder with this config.json is; None when its class is none of ours. Problems are in the finding."""
    name = config.get("_class_name")
    if not isinstance(name, str) or (name not in _CLASSES and name not in _PARTS):
        return None
    family, part = _CLASSES.get(name, ""), _PARTS.get(name, "")
    facts: dict[str, Any] = {"architecture": name, "type": family or part} | ({"part": part} if part else {})
    kind = "image" if family else "part"
    try:
        facts |= _sizes(folder, config)
        if not (folder / _WEIGHTS).is_file():
            raise missing(folder, _WEIGHTS)
        header = read_header(folder / _WEIGHTS)
        facts |= {"directions": _directions(header), "bytes": header.size, "digest": identity([folder / _WEIGHTS])}
    except StudioError as problem:
        return Finding(folder, kind, family, facts, problem)
    return Finding(folder, kind, family, facts)


def _sizes(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    version = config.get("format")
    if type(version) is int and version > _FORMAT:
        raise StudioError(
            N_('The model in "{folder}" was made by a newer version of this program; update the program to use it.'),
            code="model-version",
            folder=shown(folder),
        )
    size, labels = config.get("size"), config.get("labels", [])
    most = _LARGEST.get(str(config.get("_class_name")), _LARGEST_OTHER)
    if version != _FORMAT or type(size) is not int or not 8 <= size <= most:
        raise damaged(folder / "config.json", f"format {version!r:.40}, size {size!r:.40}")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise damaged(folder / "config.json", "labels are no list of names")
    return {"size": size, "labels": [label[:80] for label in labels[:64]]}


def _directions(header: Header) -> int:
    """How many sliders the model's file has values for."""
    counts = [
        header.tensors[name].shape[0]
        for name in ("extra.directions", "extra.dims")
        if name in header.tensors and header.tensors[name].shape
    ]
    return counts[0] if counts and "extra.scales" in header.tensors else 0

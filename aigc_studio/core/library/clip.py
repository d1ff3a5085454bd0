"""Folders of CLIP models of transformers: they judge pictures and words, and make neither."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import StudioError
from .entry import Finding
from .language import architecture
from .reading import first_of, missing
from .weights import identity, whole_files

__all__ = ["PART", "read_clip"]

PART = "clip:pictures"
"""Type of such a model among the parts."""

_CLASSES = {"CLIPModel": ("tokenizer.json", "vocab.json"), "ChineseCLIPModel": ("tokenizer.json", "vocab.txt")}
"""Class to the files one of which holds its words."""


def read_clip(folder: Path, config: Mapping[str, Any]) -> Finding | None:
    """What a folder with this config.json is; None when it is no CLIP model. Problems are in the finding."""
    name = architecture(config)
    if name not in _CLASSES:
        return None
    facts: dict[str, Any] = {
        "architecture": name,
        "model_type": first_of(config, ("model_type",), str, ""),
        "part": PART,
        "type": "pictures",
    }
    try:
        words = _CLASSES[name]
        if not any((folder / file).is_file() for file in words):
            raise missing(folder, words[0])
        files = whole_files(folder)[1]
        facts |= {"digest": identity(files), "bytes": sum(path.stat().st_size for path in files)}
    except StudioError as problem:
        return Finding(folder, "part", "", facts, problem)
    return Finding(folder, "part", "", facts)

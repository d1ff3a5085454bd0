"""Folders of transformers that say in words what a picture shows: a part that training uses where captions lack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import StudioError
from .entry import Finding
from .language import architecture, check_folder
from .reading import first_of, missing
from .weights import identity, whole_files

__all__ = ["CAPTIONER", "read_captioner"]

CAPTIONER = "captioner"
"""The type of part."""

_CLASSES = ("BlipForConditionalGeneration", "VisionEncoderDecoderModel")
_SEEING = ("preprocessor_config.json", "processor_config.json")
"""Files one of which says how pictures are scaled."""


def read_captioner(folder: Path, config: Mapping[str, Any]) -> Finding | None:
    """What a folder with this config.json is; None when its class does not describe pictures.

    A VisionEncoderDecoderModel whose encoder is no network for pictures, or that reads printed text (TrOCR), is none.
    """
    name = architecture(config)
    if name not in _CLASSES or not _sees(config):
        return None
    facts = {"architecture": name, "model_type": first_of(config, ("model_type",), str, ""), "part": CAPTIONER}
    try:
        check_folder(folder)
        if not any((folder / file).is_file() for file in _SEEING):
            raise missing(folder, _SEEING[0])
        files = whole_files(folder)[1]
        facts |= {"digest": identity(files), "bytes": sum(path.stat().st_size for path in files)}
    except StudioError as problem:
        return Finding(folder, "part", "", facts, problem)
    return Finding(folder, "part", "", facts)


def _sees(config: Mapping[str, Any]) -> bool:
    if architecture(config) != "VisionEncoderDecoderModel":
        return True
    decoder, encoder = config.get("decoder"), config.get("encoder")
    if not isinstance(decoder, dict) or not isinstance(encoder, dict):
        return False
    return decoder.get("model_type") != "trocr" and "donut" not in str(encoder.get("model_type"))

"""Folders of transformers that speak, and the parts that they work with."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import StudioError
from .entry import Finding
from .language import architecture
from .reading import first_of, missing, optional_json
from .weights import identity, whole_files

__all__ = ["read_speaker"]

_BARK_LANGUAGES = ["de", "en", "es", "fr", "hi", "it", "ja", "ko", "pl", "pt", "ru", "tr", "zh"]
"""Of the published model; its config does not say."""

_CLASSES = {
    "VitsModel": ("speech", "vits", ""),
    "SpeechT5ForTextToSpeech": ("speech", "speecht5", ""),
    "BarkModel": ("speech", "bark", ""),
    "SpeechT5HifiGan": ("part", "", "vocoder:speecht5"),
    "WavLMForXVector": ("part", "", "speaker-encoder:xvector"),
    "Wav2Vec2ForXVector": ("part", "", "speaker-encoder:xvector"),
    "UniSpeechSatForXVector": ("part", "", "speaker-encoder:xvector"),
}

_WORDS = {
    "VitsModel": ("vocab.json", "tokenizer.json"),
    "SpeechT5ForTextToSpeech": ("spm_char.model", "tokenizer.json"),
    "BarkModel": ("tokenizer.json", "vocab.txt"),
}
"""Files one of which must be there."""


def read_speaker(folder: Path, config: Mapping[str, Any]) -> Finding | None:
    """What a folder with this config.json does with speech; None when its class has nothing to do with it."""
    name = architecture(config)
    if not name and config.get("model_type") == "hifigan":
        name = "SpeechT5HifiGan"
    if name not in _CLASSES:
        return None
    kind, family, part = _CLASSES[name]
    facts: dict[str, Any] = {"architecture": name, "model_type": first_of(config, ("model_type",), str, "")}
    if part:
        facts |= {"part": part, "rate": _rate(folder, config)}
    elif family == "vits":
        facts |= _vits(folder, config)
    elif family == "bark":
        facts |= {
            "rate": _rate(folder, config, "codec_config"),
            "languages": _BARK_LANGUAGES,
            "speakers": _presets(folder),
        }
    else:
        facts |= {
            "rate": _rate(folder, config),
            "speakers": _stems(folder / "speakers", ".npy"),
            "languages": _named_language(folder) or ["en"],
        }
    try:
        words = _WORDS.get(name, ())
        if words and not any((folder / file).is_file() for file in words):
            raise missing(folder, words[0])
        files = whole_files(folder)[1]
        facts |= {"digest": identity(files), "bytes": sum(path.stat().st_size for path in files)}
    except StudioError as problem:
        return Finding(folder, kind, family, facts, problem)
    return Finding(folder, kind, family, facts)


def _rate(folder: Path, config: Mapping[str, Any], inner: str = "") -> int:
    """Samples a second; what the published models of these classes have when nothing says it."""
    nested = config.get(inner)
    sources = (nested if isinstance(nested, dict) else {}, config, optional_json(folder, "preprocessor_config.json"))
    for source in sources:
        if 1000 <= (rate := first_of(source, ("sampling_rate",), int, 0)) <= 192_000:
            return rate
    return 24_000 if inner else 16_000


def _vits(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    told = optional_json(folder, "tokenizer_config.json")
    language = first_of(told, ("language",), str, "")
    return {
        "rate": _rate(folder, config),
        "speakers": max(1, first_of(config, ("num_speakers",), int, 1)),
        "languages": [language] if language else _named_language(folder),
        "uroman": bool(told.get("is_uroman", False)),
    }


def _named_language(folder: Path) -> list[str]:
    """The language in a name like "mms-tts-deu" or "speecht5_tts_de"."""
    for name in (folder.name, folder.parent.parent.name):
        if found := re.search(r"tts[-_]([a-z]{2,3})(?![a-z])", name):
            return [found[1]]
    return []


def _presets(folder: Path) -> list[str]:
    """Names of the voices that come with a Bark folder and whose files are there."""
    listed = optional_json(folder, "speaker_embeddings_path.json")
    names = []
    for name, files in listed.items():
        if isinstance(files, dict) and all(
            isinstance(file, str) and _inside(folder, file) for key, file in files.items() if key != "repo_or_path"
        ):
            names.append(name)
    alone = _stems(folder / "speaker_embeddings", ".npz")
    return sorted({name for name in [*names, *alone] if name != "repo_or_path"})


def _stems(folder: Path, suffix: str) -> list[str]:
    """Names of the voices in a folder that are one file each: arrays of numpy (`suffix`) or safetensors."""
    try:
        found = {path.stem for path in folder.iterdir() if path.suffix in (suffix, ".safetensors") and path.is_file()}
    except OSError:
        return []
    return sorted(found)


def _inside(folder: Path, name: str) -> bool:
    """Whether a file that an index names is in the folder, and not out of it."""
    parts = Path(name).parts
    return bool(parts) and ".." not in parts and not Path(name).is_absolute() and os.path.isfile(folder / name)

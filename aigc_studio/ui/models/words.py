"""What is said of models: sizes, kinds, types of parts, languages."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QLocale

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, current_language, tr
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Family
from aigc_studio.engines.text.languages import choices, id_of

__all__ = [
    "KINDS",
    "add_hint",
    "declared",
    "family_title",
    "kept_params",
    "languages",
    "makes_the_same",
    "model_does",
    "part_title",
    "size_text",
    "subtitle",
    "type_title",
]

KINDS = {
    "image": N_("Pictures"),
    "text": N_("Texts"),
    "speech": N_("Voices"),
    "part": N_("Parts"),
    "other": N_("Cannot be used"),
}
"""Kind of an entry to its shown name."""

_PARTS = {
    "lora": N_("LoRA"),
    "embedding": N_("Learned words"),
    "vocoder": N_("Vocoder"),
    "speaker-encoder": N_("Speaker encoder"),
    "captioner": N_("Caption model"),
    "encoder": N_("Encoder"),
    "clip": N_("CLIP"),
    "vae": N_("VAE"),
    "tokenizer": N_("Tokenizer"),
}

_HINTS = {
    "lora": N_("Add a LoRA file (.safetensors) made for this kind of model to your models folder, or drop one here."),
    "embedding": N_("Train a new word, or add a file of textual inversion (.safetensors) to your models folder."),
    "vocoder": N_("Add a vocoder such as HiFi-GAN to your models folder to use one here."),
    "speaker-encoder": N_("Add a speaker encoder (x-vector) to your models folder to take a voice from a recording."),
    "captioner": N_("Add a model that describes pictures (BLIP, for instance) to your models folder to use one here."),
    "encoder": N_("Train one under “An eye for pictures (encoder)” to use it here."),
    "vae": N_("Add a VAE folder made for this kind of model to your models folder to use it here."),
    "model": N_("Add such a model to your models folder to start from it."),
}

_BASES = {
    "sd1": "SD 1.x",
    "sd2": "SD 2.x",
    "sdxl": "SDXL",
    "sd3": "SD 3",
    "flux": "FLUX",
    "z-image": "Z-Image",
    "qwen-image": "Qwen-Image",
    "speecht5": "SpeechT5",
    "xvector": "x-vector",
    "pictures": "",
}
"""Names of base models and of what speaker encoders make, the same in every language."""


def size_text(count: float) -> str:
    """Bytes as people and shops count them: "820 MB", "6.9 GB"."""
    locale = QLocale(current_language())
    return locale.formattedDataSize(
        round(count), 1 if count >= 1e9 else 0, QLocale.DataSizeFormat.DataSizeSIFormat
    ).replace("kB", "KB")


def part_title(part: str) -> str:
    """ "LoRA · SDXL" for "lora:sdxl", in the current language."""
    what, _, base = part.partition(":")
    title = tr(_PARTS[what]) if what in _PARTS else what
    return " · ".join(piece for piece in (title, _BASES.get(base, base)) if piece)


def add_hint(of: tuple[str, ...]) -> str:
    """What to add where there is no part of these types; English, marked with N_()."""
    what = of[0].partition(":")[0] if of else ""
    return _HINTS.get(what, N_("Nothing that fits is in your models folder yet."))


def declared(entry: Entry) -> Family | None:
    """What the model's family declares for it; None for a family that this version does not have."""
    try:
        return registry.declared(entry.family, entry.facts)
    except StudioError:
        return None


def model_does(request: Request, task: str) -> bool:
    """Whether the model of a former request does this task, too."""
    family = _family_of(request)
    return family is not None and any(known.id == task for known in family.tasks)


def makes_the_same(request: Request) -> bool:
    """Whether the model of a former request makes the same from the same, whatever the seed."""
    family = _family_of(request)
    return family is not None and not family.chance


def kept_params(request: Request, task: str) -> dict[str, Any]:
    """What was chosen for a former request and means the same for another task of its model; no size, which a task
    that starts from a picture takes from that."""
    family = _family_of(request)
    if family is None:
        return {}
    params = {param.id: param for param in family.task_params(task)}
    former = {param.id: param for param in family.task_params(request.task)}
    return {
        name: value
        for name, value in request.params.items()
        if name != "size" and name in params and params[name] == former.get(name)
    }


def _family_of(request: Request) -> Family | None:
    """As it is declared for the model of a former request; None when that is not here any more."""
    entry = catalogue.known(request.model)
    if request.model and entry is None:
        return None
    try:
        return registry.declared(request.family, entry.facts if entry is not None else {})
    except StudioError:
        return None


def type_title(type: str) -> str:
    """The name of a type that a person can choose: a family's title, or a kind of part."""
    try:
        return tr(registry.family(type).title)
    except StudioError:
        return part_title(type) if ":" in type else type


def family_title(entry: Entry) -> str:
    """The type of a model in words: its family's title, or what kind of part it is."""
    if part := entry.facts.get("part"):
        return part_title(str(part))
    family = declared(entry)
    return tr(family.title) if family is not None else str(entry.facts.get("architecture", "") or entry.family)


def subtitle(entry: Entry) -> str:
    """Family and size on disk: "Stable Diffusion XL · 6.9 GB"; what is built in says what it is good for."""
    if entry.path is None and entry.note:
        return entry.note
    count = entry.facts.get("bytes", 0)
    size = size_text(count) if isinstance(count, int | float) and count > 0 else ""
    return " · ".join(part for part in (family_title(entry), size) if part)


def languages(codes: tuple[str, ...], most: int = 6) -> str:
    """Names of languages in the current language; codes that nobody has a name for stay codes."""
    named = [tr(choice.title) for choice in choices([id_of(code) or code for code in codes[:most]])]
    more = len(codes) - len(named)
    return tr(", ##between items").join(named) + (f" +{more}" if more > 0 else "")

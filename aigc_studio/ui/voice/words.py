"""Voices in words: what a take was spoken with, and what will be spoken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.engines import registry

__all__ = ["runs_in_words", "voice_words"]

_LANGUAGES = {"zh": N_("Chinese"), "en": N_("English")}
_SPOKEN = {"chinese": "zh", "english": "en"}
"""Choices of the basic voice that matter only where that language was spoken."""

_SILENT = ("rate", "language")


def voice_words(recipe: Mapping[str, Any] | None) -> str:
    """The voice of a take: "Mandarin, American, Woman 1 · 165 wpm", "mms-tts-eng · Speaker 2 · 1.2 ×"."""
    found = recipe or {}
    request, info, engine = found.get("request", {}), found.get("info", {}), found.get("engine", {})
    id = str(request.get("model", ""))
    title, facts = str(engine.get("model", {}).get("title") or id), {}
    if (entry := catalogue.known(id)) is not None:  # else its speakers are numbers
        facts = entry.facts
    try:
        family = registry.declared(str(request.get("family", "")), facts)
    except StudioError:
        return title
    given, languages = request.get("params", {}), info.get("languages", [])
    words: list[str] = []
    for param in family.params:
        value = given.get(param.id, param.default)
        if param.kind != "choice" or (param.id in _SILENT and value == param.default):
            continue
        language = _SPOKEN.get(param.id)
        if (language and language not in languages) or param.id == "rate":
            continue
        if value != param.default or language or param.id == "speaker":
            words += [tr(choice.title) for choice in param.choices if choice.value == value and choice.value]
    speed = ""
    for param in family.params:
        value = given.get(param.id, param.default)
        if param.id == "speed" and (value != param.default or not family.needs):
            speed = f"{value:g} {tr(param.unit)}"
    if family.needs:
        speaker = ", ".join(words)
        named = tr("Speaker {name}", name=speaker) if speaker.isdigit() else speaker
        return " · ".join(part for part in (title, named, speed) if part)
    return " · ".join(part for part in (", ".join(words), speed) if part)


def runs_in_words(runs: Sequence[str]) -> list[str]:
    """ "zh: 你好", "zh: 再见" as "Chinese “你好 再见”", in the window's language; neighbours join."""
    found: list[tuple[str, list[str]]] = []
    for run in runs:
        language, _, words = run.partition(": ")
        if found and found[-1][0] == language:
            found[-1][1].append(words)
        else:
            found.append((language, [words]))
    return [
        tr("{language} “{words}”", language=tr(_LANGUAGES[language]), words=" ".join(words))
        if language in _LANGUAGES
        else f"“{' '.join(words)}”"
        for language, words in found
    ]

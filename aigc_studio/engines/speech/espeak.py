"""The basic voice: espeak-ng, a small robotic voice in many languages, nothing to download.

A line may mix Chinese and English: each run is spoken by a voice of its language, brought to one level and joined
without clicks. A sentence sounds the same alone and in its text, so that one row of a script can be spoken again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from aigc_studio.core import audio
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.core.spoken import spoken
from aigc_studio.core.textnorm import Run, Sentence, clean, runs, sentences, speakable
from aigc_studio.engines.base import Choice, Context, Family, Model, Param, Task, Understanding

from . import espeak_native as native
from .lines import MOST_CHARACTERS, Heard, assemble, levelled, nothing_to_speak, save

__all__ = ["FAMILY", "load", "run", "understand", "voices"]

AUTO = "auto"
"""Each run of Chinese or English by a voice of its language."""

_SWITCH = 0.06
"""Seconds between two languages in one sentence."""

_ENGLISH = (
    Choice("en-us", N_("American")),
    Choice("en-gb", N_("British")),
    Choice("en-gb-x-rp", N_("British, received pronunciation")),
    Choice("en-gb-scotland", N_("Scottish")),
    Choice("en-gb-x-gbclan", N_("Lancashire")),
    Choice("en-gb-x-gbcwmd", N_("West Midlands")),
    Choice("en-029", N_("Caribbean")),
    Choice("en-us-nyc", N_("New York")),
)

_CHINESE = (
    Choice("cmn", N_("Mandarin")),
    Choice("yue", N_("Cantonese")),
    Choice("hak", N_("Hakka")),
)

_LANGUAGES = (
    Choice(AUTO, N_("Chinese and English")),
    Choice("ar", N_("Arabic")),
    Choice("cs", N_("Czech")),
    Choice("da", N_("Danish")),
    Choice("nl", N_("Dutch")),
    Choice("eo", N_("Esperanto")),
    Choice("fi", N_("Finnish")),
    Choice("fr-fr", N_("French")),
    Choice("de", N_("German")),
    Choice("el", N_("Greek")),
    Choice("he", N_("Hebrew")),
    Choice("hi", N_("Hindi")),
    Choice("hu", N_("Hungarian")),
    Choice("id", N_("Indonesian")),
    Choice("it", N_("Italian")),
    Choice("ja", N_("Japanese")),
    Choice("ko", N_("Korean")),
    Choice("la", N_("Latin")),
    Choice("ms", N_("Malay")),
    Choice("nb", N_("Norwegian")),
    Choice("fa", N_("Persian")),
    Choice("pl", N_("Polish")),
    Choice("pt", N_("Portuguese")),
    Choice("pt-br", N_("Portuguese, Brazil")),
    Choice("ro", N_("Romanian")),
    Choice("ru", N_("Russian")),
    Choice("es", N_("Spanish")),
    Choice("es-419", N_("Spanish, Latin America")),
    Choice("sv", N_("Swedish")),
    Choice("th", N_("Thai")),
    Choice("tr", N_("Turkish")),
    Choice("uk", N_("Ukrainian")),
    Choice("vi", N_("Vietnamese")),
)

_TIMBRES = (
    Choice("", N_("Neutral##voice")),
    Choice("f2", N_("Woman 1")),
    Choice("f3", N_("Woman 2")),
    Choice("f5", N_("Woman 3")),
    Choice("m3", N_("Man 1")),
    Choice("m7", N_("Man 2")),
    Choice("m1", N_("Man, deep")),
    Choice("klatt4", N_("Klatt synthesis")),
    Choice("croak", N_("Croaky")),
    Choice("whisper", N_("Whisper")),
)

FAMILY = Family(
    id="espeak",
    kind="speech",
    title=N_("Basic voice"),
    summary=N_("A small robotic voice in Chinese, English and thirty other languages. Nothing to download."),
    tasks=(Task("speak", N_("Speak")),),
    params=(
        Param.choice("language", N_("Language"), AUTO, _LANGUAGES),
        Param.choice("chinese", N_("Chinese voice"), "cmn", _CHINESE),
        Param.choice("english", N_("English voice"), "en-us", _ENGLISH),
        Param.choice("timbre", N_("Timbre"), "", _TIMBRES),
        Param.int("speed", N_("Speed"), 165, 80, 450, 5, unit=N_("wpm"), help=N_("Words a minute.")),
        Param.int("pitch", N_("Pitch"), 50, 0, 99),
        Param.int("volume", N_("Volume"), 100, 0, 150, 5, unit="%"),
        Param.int("intonation", N_("Intonation"), 50, 0, 99, help=N_("From monotone to lively."), advanced=True),
        Param.float("pause", N_("Pause after a sentence"), 0.35, 0.0, 5.0, unit="s", advanced=True),
        Param.float("paragraph_pause", N_("Pause after a paragraph"), 0.8, 0.0, 10.0, unit="s", advanced=True),
    ),
    languages=("en", "zh"),
    max_count=8,
)


@dataclass(frozen=True)
class Part:
    """One run of a sentence and the voice that speaks it."""

    run: Run
    voice: str


def voices() -> tuple[native.NativeVoice, ...]:
    """Every voice of the library (its own names and language tags); `language` and the voice parameters offer some."""
    return native.voices()


def understand(request: Request) -> Understanding:
    """The language runs as they are said, "zh: ...", shortened, and what cannot be spoken."""
    cleaned = clean(request.prompt[:MOST_CHARACTERS])
    words = spoken if request.params.get("language", AUTO) == AUTO else str
    found: dict[str, None] = {}
    for sentence in sentences(cleaned.text)[:80]:
        for run in runs(words(sentence.text)):
            text = run.text.strip()
            if speakable(text):
                found[f"{run.language}: {text if len(text) <= 24 else text[:23] + '…'}"] = None
        if len(found) >= 40:
            break
    return Understanding(tuple(found), tuple(character for character, _ in cleaned.dropped)[:40])


def load(model: Model, ctx: Context) -> None:
    """Nothing to load: the library is opened for each sentence."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Speak the text once for each result that is still to be made; only timbres that flutter tell them apart."""
    FAMILY.task(request.task)
    values = FAMILY.values(request.task, request.params)
    if len(request.prompt) > MOST_CHARACTERS:
        raise StudioError(
            N_("This text has {count} characters; at most {limit} can be spoken at once. Divide it into parts."),
            code="text-long",
            count=len(request.prompt),
            limit=MOST_CHARACTERS,
        )
    cleaned = clean(request.prompt)
    spoken = [sentence for sentence in sentences(cleaned.text) if speakable(sentence.text)]
    if not spoken:
        raise nothing_to_speak()
    for index in range(ctx.start, request.count):
        if not ctx.wants(index):
            continue
        ctx.check()
        samples, segments = _speak_all(spoken, values, request.item_seed(index), index, ctx)
        save(
            ctx,
            index,
            samples,
            native.RATE,
            segments,
            voice=_voice("zh", values) if _only_chinese(spoken) else _voice("en", values),
            voices=sorted({part["voice"] for segment in segments for part in segment["parts"]}),
            dropped=dict(cleaned.dropped),
            library=f"espeak-ng {native.version()}",
        )


def _speak_all(
    spoken: list[Sentence], values: dict[str, Any], seed: int, index: int, ctx: Context
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """The whole text, and where each sentence lies in it (seconds)."""
    heard: list[Heard] = []
    ctx.progress(0, len(spoken), N_("Speaking"))
    for place, sentence in enumerate(spoken):
        ctx.check()
        samples, detail = _speak_sentence(sentence, values, seed, ctx)
        new_paragraph = place + 1 < len(spoken) and spoken[place + 1].paragraph != sentence.paragraph
        if detail:  # a script its voice does not know may stay silent
            heard.append(Heard(sentence, samples, detail))
        ctx.partial(index, sentence.text + ("\n" if new_paragraph else " "))
        ctx.progress(place + 1, len(spoken), N_("Speaking"))
    if not heard:
        raise nothing_to_speak()
    return assemble(heard, values["pause"], values["paragraph_pause"], native.RATE)


def _speak_sentence(
    sentence: Sentence, values: dict[str, Any], seed: int, ctx: Context
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """One sentence, trimmed, levelled, faded and at its volume, and its parts with their places in it."""
    pieces: list[np.ndarray] = []
    kept: list[Part] = []
    for part in _parts(sentence.text, values):
        raw = native.speak(
            part.run.text.strip(),
            part.voice,
            speed=values["speed"],
            pitch=values["pitch"],
            intonation=values["intonation"],
            seed=seed,
            check=ctx.check,
        )
        samples = audio.trim(audio.from_int16(raw), native.RATE)
        if len(samples):
            samples = levelled(samples, native.RATE)  # the Chinese voices are louder than the English ones
            pieces.append(audio.fade(samples, native.RATE))
            kept.append(part)
    joined, times = audio.join(pieces, [_SWITCH] * len(pieces), native.RATE)
    joined = audio.limit(joined * np.float32(values["volume"] / 100), native.RATE)
    detail = [
        {"text": part.run.text.strip(), "language": part.run.language, "voice": part.voice, "start": start, "end": end}
        for part, (start, end) in zip(kept, times, strict=True)
    ]
    return joined, detail


def _parts(text: str, values: dict[str, Any]) -> list[Part]:
    """The runs of a sentence as it is said, with their voices; those nobody can say are left out."""
    if values["language"] != AUTO:
        # Chinese characters in a Japanese or Korean text belong to it.
        own = values["language"] in ("ja", "ko")
        found = [Run(values["language"], text)] if own else runs(text)
    else:
        found = runs(spoken(text))
    return [Part(run, _voice(run.language, values)) for run in found if speakable(run.text)]


def _voice(language: str, values: dict[str, Any]) -> str:
    """The library's name of the voice for a run."""
    if language == "zh":
        name = values["chinese"]
    elif values["language"] != AUTO:
        name = values["language"]
    else:
        name = values["english"]
    return f"{name}+{values['timbre']}" if values["timbre"] else name


def _only_chinese(spoken: list[Sentence]) -> bool:
    return all(run.language == "zh" for sentence in spoken for run in runs(sentence.text) if speakable(run.text))

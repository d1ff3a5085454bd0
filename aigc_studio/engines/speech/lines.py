"""A text spoken line by line: what every voice shares, whatever makes the sound of one sentence.

The text is cleaned and split into sentences, each into pieces that the model can say at once; every piece is made from
a seed of its own, trimmed, levelled, brought to the wanted rate and faded, and all are joined with set gaps. Where
each sentence lies is kept, so that the window can read along. Nothing here knows a model.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from aigc_studio.core import audio
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.core.textnorm import Sentence, clean, runs, sentences, speakable
from aigc_studio.engines.base import Choice, Context, Param, Understanding

from .spelling import Spelling

__all__ = [
    "MOST_CHARACTERS",
    "SHARED",
    "SPEED",
    "Heard",
    "Script",
    "Speaker",
    "assemble",
    "divide",
    "levelled",
    "nothing_to_speak",
    "prepare",
    "save",
    "say",
    "understood",
]

MOST_CHARACTERS = 15_000
"""Longest text of one request: somewhat more than an hour of Chinese, 400 MB of samples, held about twice."""

LEVEL = -20.0
"""Speech level (dBFS) every sentence is brought to: voices and languages differ."""

_SHOWN = 400
"""Characters of what will be said that are shown before one speaks."""

_BREATH = 0.12
"""Seconds between two pieces of one sentence."""

SPEED = Param.float("speed", N_("Speed"), 1.0, 0.5, 2.0, unit="×")
"""Declared by every voice of this kind; how it is done is the voice's matter."""

SHARED = (
    Param.int("volume", N_("Volume"), 100, 0, 150, 5, unit="%"),
    Param.float("pause", N_("Pause after a sentence"), 0.35, 0.0, 5.0, unit="s", advanced=True),
    Param.float("paragraph_pause", N_("Pause after a paragraph"), 0.8, 0.0, 10.0, unit="s", advanced=True),
    Param.choice(
        "rate",
        N_("Samples a second"),
        "model",
        (Choice("model", N_("As the model makes them")), Choice("44100", "44.1 kHz"), Choice("48000", "48 kHz")),
        advanced=True,
    ),
)
"""What all of these voices let a person choose."""


class Speaker(Protocol):
    """A loaded model with its voice chosen."""

    @property
    def rate(self) -> int:
        """Samples a second of what it renders."""
        ...

    def render(self, text: str, seed: int) -> np.ndarray:
        """One piece: mono float32 samples at `rate`, the same for the same seed; none when the model stays silent."""
        ...


@dataclass(frozen=True)
class Line:
    """A sentence and the pieces that the model is given for it."""

    sentence: Sentence
    pieces: tuple[str, ...]


@dataclass(frozen=True)
class Script:
    """A text ready to be spoken. dropped: signs that no voice says; unknown: characters this one cannot say.
    language: of all of it, "" when each piece tells its own."""

    lines: tuple[Line, ...]
    dropped: Mapping[str, int]
    unknown: Mapping[str, int]
    language: str = ""


@dataclass(frozen=True)
class Heard:
    """One sentence as sound, with the places (seconds from its start) of its parts."""

    sentence: Sentence
    samples: np.ndarray
    parts: list[dict[str, Any]]


def nothing_to_speak() -> StudioError:
    """The text has no word."""
    return StudioError(N_("There is nothing to speak; write a word or a number."), code="text-empty")


def prepare(
    prompt: str,
    spell: Callable[[str], Spelling],
    fits: Callable[[str], bool],
    *,
    keep: str = "",
    most: int = 0,
    language: str = "",
) -> Script:
    """`prompt` as sentences of what the model can say; each piece of them `fits`.

    StudioError for a text that is too long, that says nothing, or of which the model knows no character.
    """
    limit = most or MOST_CHARACTERS
    if len(prompt) > limit:
        raise StudioError(
            N_("This text has {count} characters; at most {limit} can be spoken at once. Divide it into parts."),
            code="text-long",
            count=len(prompt),
            limit=limit,
        )
    cleaned = clean(prompt, keep)
    unknown: Counter[str] = Counter()
    lines: list[Line] = []
    words = False
    for sentence in sentences(cleaned.text):
        if not speakable(sentence.text):
            continue
        words = True
        spelled = spell(sentence.text)
        unknown.update(spelled.unknown)
        if spelled.speakable:
            lines.append(Line(sentence, tuple(divide(spelled.text, fits))))
    if not words:
        raise nothing_to_speak()
    if not lines:
        raise StudioError(
            N_("This voice knows none of these characters ({characters}); choose another voice."),
            code="text-unknown",
            characters=listed(unknown),
        )
    return Script(tuple(lines), dict(cleaned.dropped), dict(unknown), language)


def listed(characters: Mapping[str, int], most: int = 12) -> str:
    """Characters for a sentence that a person reads: the most frequent first."""
    ordered = sorted(characters, key=lambda character: -characters[character])
    return " ".join(ordered[:most]) + (" …" if len(ordered) > most else "")


def divide(text: str, fits: Callable[[str], bool]) -> list[str]:
    """`text` in pieces that fit, cut after a comma near the middle, else at a space, else anywhere. A single character
    is a piece of its own whether it fits or not."""
    text = text.strip()
    if len(text) < 2 or fits(text):
        return [text] if text else []
    cut = _cut(text)
    return divide(text[:cut], fits) + divide(text[cut:], fits)


def _cut(text: str) -> int:
    middle = len(text) / 2
    for signs in (",;:，；：、—", " "):
        places = [place + 1 for place, character in enumerate(text[:-1]) if character in signs]
        near = [place for place in places if 0.2 * len(text) <= place <= 0.8 * len(text)]
        if near:
            return min(near, key=lambda place: abs(place - middle))
    return max(1, len(text) // 2)


def piece_seed(seed: int, text: str) -> int:
    """The seed of one piece: it depends on its own words and the result's seed only, so that a sentence sounds the
    same alone and in its text."""
    return int.from_bytes(hashlib.blake2b(f"{seed}\0{text}".encode(), digest_size=7).digest(), "big")


def say(
    script: Script, cast: Callable[[], Speaker], request: Request, values: Mapping[str, Any], ctx: Context, **info: Any
) -> None:
    """Speak the script once for each result that is still to be made, and store it.

    cast: who speaks a result, asked once for each. info: more for the recipe.
    """
    if script.unknown:
        ctx.notice(N_("This voice cannot say {characters}; they were left out."), characters=listed(script.unknown))
    for index in range(ctx.start, request.count):
        if not ctx.wants(index):
            continue
        speaker = cast()
        rate = speaker.rate if values["rate"] == "model" else int(values["rate"])
        heard: list[Heard] = []
        ctx.progress(0, len(script.lines), N_("Speaking"))
        for place, line in enumerate(script.lines):
            ctx.check()
            sound = _line(line, script.language, speaker, rate, request.item_seed(index), values["volume"], ctx)
            if len(sound.samples):
                heard.append(sound)
            else:
                ctx.notice(
                    N_("The voice stayed silent at “{sentence}”; change its wording or the seed."),
                    sentence=line.sentence.text[:60],
                )
            last = place + 1 == len(script.lines)
            new = not last and script.lines[place + 1].sentence.paragraph != line.sentence.paragraph
            ctx.partial(index, line.sentence.text + ("\n" if new else " "))
            ctx.progress(place + 1, len(script.lines), N_("Speaking"))
        if not heard:
            raise StudioError(
                N_("The voice made no sound; change the wording or the seed, or choose another voice."), code="silent"
            )
        samples, segments = assemble(heard, values["pause"], values["paragraph_pause"], rate)
        save(ctx, index, samples, rate, segments, dropped=script.dropped, unknown=dict(script.unknown), **info)


def _line(line: Line, language: str, speaker: Speaker, rate: int, seed: int, volume: int, ctx: Context) -> Heard:
    """One sentence: its pieces trimmed, levelled, at the wanted rate, faded, joined, and at its volume."""
    made: list[tuple[str, np.ndarray]] = []
    for text in line.pieces:
        ctx.check()
        raw = speaker.render(text, piece_seed(seed, text))
        if not np.isfinite(raw).all():
            raise StudioError(
                N_("The model's sound is not a number; its files may be damaged. Copy or download it again."),
                code="nan",
            )
        samples = audio.trim(raw, speaker.rate)
        if len(samples):
            made.append((text, audio.resample(levelled(samples, speaker.rate), speaker.rate, rate)))
    faded = [audio.fade(samples, rate) for _, samples in made]
    joined, times = audio.join(faded, [_BREATH] * len(faded), rate)
    joined = audio.limit(joined * np.float32(volume / 100), rate)
    parts = [
        {"text": text, "language": language or _language(text), "voice": "", "start": start, "end": end}
        for (text, _), (start, end) in zip(made, times, strict=True)
    ]
    return Heard(line.sentence, joined, parts)


def levelled(samples: np.ndarray, rate: int) -> np.ndarray:
    """`samples` at the level of speech, with no peak above -1 dBFS."""
    return audio.to_speech_level(samples, rate, LEVEL)


def _language(text: str) -> str:
    """The language that most of a piece is in."""
    share: Counter[str] = Counter()
    for run in runs(text):
        share[run.language] += len(run.text)
    return share.most_common(1)[0][0] if share else "en"


def assemble(
    heard: Sequence[Heard], pause: float, paragraph_pause: float, rate: int
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """All sentences with their pauses, and where each lies (seconds): the "segments" of a recipe."""
    # Between what is heard: a silent sentence at the end of a paragraph takes no pause with it.
    gaps = [
        pause if one.sentence.paragraph == two.sentence.paragraph else paragraph_pause for one, two in pairwise(heard)
    ]
    samples, times = audio.join([sound.samples for sound in heard], gaps, rate)
    segments: list[dict[str, Any]] = []
    for sound, (start, end) in zip(heard, times, strict=True):
        parts = [
            {**part, "start": round(part["start"] + start, 6), "end": round(part["end"] + start, 6)}
            for part in sound.parts
        ]
        segments.append(
            {
                "text": sound.sentence.text,
                "start": round(start, 6),
                "end": round(end, 6),
                "paragraph": sound.sentence.paragraph,
                "parts": parts,
            }
        )
    return samples, segments


def save(ctx: Context, index: int, samples: np.ndarray, rate: int, segments: list[dict[str, Any]], **info: Any) -> None:
    """Store a result with its sentences and its levels."""
    level = audio.levels(samples, rate)
    ctx.save_audio(
        index,
        samples,
        rate,
        segments=segments,
        languages=sorted({part["language"] for segment in segments for part in segment["parts"]}),
        seconds=round(level.seconds, 3),
        loudness=round(level.loudness, 1),
        peak=round(level.peak, 1),
        **info,
    )


def understood(prompt: str, spell: Callable[[str], Spelling], *, keep: str = "", language: str = "") -> Understanding:
    """What will be said, "en: hello", sentence by sentence and shortened, and the characters that will not be.

    Quick enough for every pause in typing: sentences are brought into words until the line is long, of the rest only
    the characters are looked at.
    """
    cleaned = clean(prompt[:MOST_CHARACTERS], keep)
    found: dict[str, None] = {}
    unknown: Counter[str] = Counter(dict(cleaned.dropped))
    length = 0
    for sentence in sentences(cleaned.text):
        if length > _SHOWN:
            rest = sorted(set(cleaned.text[sentence.start :]))
            unknown.update(spell(" ".join(sign for sign in rest if not sign.isdigit())).unknown)
            break
        if not speakable(sentence.text):
            continue
        spelled = spell(sentence.text)
        unknown.update(spelled.unknown)
        if spelled.speakable:
            text = spelled.text
            found[f"{language or _language(text)}: {text if len(text) <= 48 else text[:47] + '…'}"] = None
            length += len(text)
    return Understanding(tuple(found), tuple(unknown)[:40])

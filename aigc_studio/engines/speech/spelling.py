"""What a small voice can say: its alphabet, read from the model's folder, and a text brought into it.

Such a model knows a set of characters and leaves out every other, or fails on it. The window asks here what will be
spoken, the engine what to give to the model, so that both say the same. Standard library only.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from aigc_studio.core.english import in_words
from aigc_studio.core.library.reading import damaged, missing
from aigc_studio.core.spoken import spoken
from aigc_studio.core.textnorm import speakable

__all__ = ["Alphabet", "Spelling", "is_english", "speecht5_alphabet", "vits_alphabet"]

_ALIKE = {
    "’": "'",
    "‘": "'",
    "ʼ": "'",
    "`": "'",
    "“": '"',
    "”": '"',
    "«": '"',
    "»": '"',
    "—": ",",
    "–": "-",
    "‐": "-",
    "‑": "-",
    "−": "-",
    "…": ".",
    "。": ".",
    "，": ",",
    "、": ",",
    "；": ";",
    "：": ":",
    "！": "!",
    "？": "?",
    "（": "(",
    "）": ")",
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ı": "i",
    "\n": " ",
    "\t": " ",
}
"""What a character becomes where a model does not know it."""


@dataclass(frozen=True)
class Spelling:
    """A text as the model is given it. unknown: each character it cannot say, how often; marks of punctuation, which
    nobody hears, are left out without being listed."""

    text: str
    unknown: Mapping[str, int] = field(default_factory=dict)

    @property
    def speakable(self) -> bool:
        """Whether anything would be heard."""
        return any(character.isalnum() for character in self.text)


@dataclass(frozen=True)
class Alphabet:
    """known: the characters of a model. ids: their numbers, for those that are numbered here. english: whether digits
    and signs it does not know are said in English words. small: capitals become small letters. phonemes: whether the
    text is turned into sounds first, so that `known` are sounds. uroman: whether only romanised text is understood.
    blank: whether number 0 stands between all. language: of the voice, "" when nothing tells it.
    """

    known: frozenset[str]
    ids: Mapping[str, int] = field(default_factory=dict)
    english: bool = False
    numbers: bool = True
    small: bool = False
    phonemes: bool = False
    uroman: bool = False
    blank: bool = False
    language: str = ""

    def spell(self, text: str) -> Spelling:
        """One sentence, as it is to be said, in characters of this model."""
        known = _is_latin if self.phonemes else self.known.__contains__
        unknown: Counter[str] = Counter()
        if self.english:  # a number beside Chinese words is read in English where the words themselves are not read
            unread = [sign for sign in text if unicodedata.category(sign) == "Lo" and not known(sign)]
            unknown.update(unread)
            text = text.translate(dict.fromkeys(map(ord, unread), " "))
        if self.numbers:
            text = spoken(text)
        if self.english and not self.phonemes:
            text = in_words(text, known)
        said: list[str] = []
        for character in unicodedata.normalize("NFC", text):
            found = self._nearest(character, known)
            if found is None:
                if speakable(character):
                    unknown[character] += 1
                    found = ""
                else:
                    found = " " if " " in self.known and said and said[-1] != " " else ""
            said.append(found)
        joined = " ".join("".join(said).split()) if " " in self.known or self.phonemes else "".join(said)
        return Spelling(joined, dict(unknown))

    def _nearest(self, character: str, known: Callable[[str], bool]) -> str | None:
        """The character itself, its small or large form, one that is said alike; None when there is none."""
        lower = character.lower()
        forms = [lower, character] if self.small else [character, lower, character.upper()]
        if self.small and known(character) and not known(lower):
            forms.reverse()
        forms.append(_ALIKE.get(lower, ""))
        forms.append("".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c)))
        for form in forms:
            if form and all(known(c) or (c == " " and not self.phonemes and " " in self.known) for c in form):
                return form
        return " " if character.isspace() and self.phonemes else None


def _is_latin(character: str) -> bool:
    """What the English phoneme rules read."""
    return character.isascii() or "LATIN" in unicodedata.name(character, "")


def is_english(languages: object) -> bool:
    """Whether a model is for English, or does not say what it is for."""
    if not isinstance(languages, list | tuple):
        return True
    return not languages or any(str(code).lower()[:2] == "en" for code in languages)


def _short(code: str) -> str:
    """The code that texts of this language have in recipes: "en" for "eng", "zh" for "cmn"; others as they are."""
    return "en" if is_english([code]) else "zh" if _is_chinese([code]) else code


def _is_chinese(languages: object) -> bool:
    codes = languages if isinstance(languages, list | tuple) else ()
    return any(str(code).lower().startswith(("zh", "cmn", "yue", "chi", "zho")) for code in codes)


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise missing(path.parent, path.name) from error
    return str(path), stat.st_mtime_ns, stat.st_size


def vits_alphabet(folder: Path) -> Alphabet:
    """The alphabet of a VITS folder: vocab.json and what tokenizer_config.json says of it. StudioError when broken."""
    settings = folder / "tokenizer_config.json"
    return _vits(_stamp(folder / "vocab.json"), _stamp(settings) if settings.is_file() else None)


@lru_cache(maxsize=8)
def _vits(vocabulary: tuple[str, int, int], settings: tuple[str, int, int] | None) -> Alphabet:
    path = Path(vocabulary[0])
    try:
        ids = json.loads(path.read_text(encoding="utf-8"))
        told = json.loads(Path(settings[0]).read_text(encoding="utf-8")) if settings else {}
        if not isinstance(told, dict) or not all(isinstance(id, int) for id in ids.values()):
            raise ValueError("not a table of numbers")
    except (OSError, ValueError, AttributeError) as error:
        raise damaged(path, repr(error)) from error
    language = told.get("language")
    codes = [language] if isinstance(language, str) and language else []
    signs = {character: id for character, id in ids.items() if len(character) == 1}
    return Alphabet(
        frozenset(signs),
        ids=signs,
        english=is_english(codes),
        numbers=is_english(codes) or _is_chinese(codes),
        small=bool(told.get("normalize", True)),
        phonemes=bool(told.get("phonemize", True)),
        uroman=bool(told.get("is_uroman", False)),
        blank=bool(told.get("add_blank", True)),
        language=_short(codes[0]) if codes else "",
    )


def speecht5_alphabet(folder: Path, languages: object = ()) -> Alphabet:
    """The alphabet of a SpeechT5 folder: the characters of its SentencePiece model. StudioError when broken."""
    found = _pieces(_stamp(folder / "spm_char.model"))
    first = str(languages[0]) if isinstance(languages, list | tuple) and languages else "en"
    return Alphabet(
        found,
        english=is_english(languages),
        numbers=is_english(languages) or _is_chinese(languages),
        language=_short(first),
    )


@lru_cache(maxsize=8)
def _pieces(stamp: tuple[str, int, int]) -> frozenset[str]:
    """Characters of a SentencePiece model: field 1 of the message are the pieces, whose field 1 is the text
    (https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto)."""
    path = Path(stamp[0])
    try:
        data = path.read_bytes()
        pieces = [_field(data, begin, end) for number, begin, end in _fields(data, 0, len(data)) if number == 1]
    except (OSError, ValueError, IndexError, UnicodeDecodeError) as error:
        raise damaged(path, repr(error)) from error
    known = {" " if piece == "\u2581" else piece for piece in pieces if len(piece) == 1}
    if not known:
        raise damaged(path, "no characters")
    return frozenset(known)


def _field(data: bytes, begin: int, end: int) -> str:
    return next((data[a:b].decode("utf-8") for number, a, b in _fields(data, begin, end) if number == 1), "")


def _fields(data: bytes, place: int, end: int) -> list[tuple[int, int, int]]:
    """(number, begin, end) of the length-delimited fields of a protobuf message; the others are passed over."""
    found: list[tuple[int, int, int]] = []
    while place < end:
        key, place = _varint(data, place)
        match key & 7:
            case 0:
                _, place = _varint(data, place)
            case 1:
                place += 8
            case 5:
                place += 4
            case 2:
                length, place = _varint(data, place)
                if place + length > end:
                    raise ValueError("cut short")
                found.append((key >> 3, place, place + length))
                place += length
            case kind:
                raise ValueError(f"field of kind {kind}")
    return found


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number without an end")

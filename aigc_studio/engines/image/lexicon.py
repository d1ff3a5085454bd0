"""Which colours and moods a prompt names, in English and Chinese, and which of its words nobody here understands.

The words are data (`resources/presets/painter/*.toml`). English words are found with their inflections and as phrases;
Chinese has no spaces, so the longest entry wins at each place. "no red" and 不要红色 turn what follows into "without".
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from aigc_studio.core.paths import resources

__all__ = ["ColourWord", "Lexicon", "Reading", "Token", "lexicon", "read", "tokens"]

_WORDS_OF_A_PHRASE = 4
_LISTED = 200
"""Words kept for "understood" and "ignored": a prompt of 100,000 characters is no list for a person."""


class Token(NamedTuple):
    """A piece of the prompt as written: `kind` is the file or section its entry stands in, "" for an unknown word."""

    text: str
    start: int
    kind: str = ""
    id: str = ""
    chinese: bool = False

    @property
    def end(self) -> int:
        """The place after its last character."""
        return self.start + len(self.text)


class ColourWord(NamedTuple):
    """A colour that was asked for: its entry and what a word before it does to it ("light blue")."""

    id: str
    light: float = 0.0
    chroma: float = 1.0


@dataclass(frozen=True)
class Reading:
    """What a prompt says to the painter. `understood` and `ignored` are words as written, each once, in order."""

    colours: tuple[ColourWord, ...] = ()
    moods: tuple[str, ...] = ()
    no_colours: tuple[str, ...] = ()
    no_moods: tuple[str, ...] = ()
    understood: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lexicon:
    """The data: entries by id, and words to (kind, id). English phrases are keyed with single spaces, lower case."""

    colours: Mapping[str, Mapping[str, Any]]
    moods: Mapping[str, Mapping[str, Any]]
    palettes: Mapping[str, tuple[str, ...]]
    palette_weights: Mapping[str, tuple[float, ...]]
    free_palettes: tuple[str, ...]
    english: Mapping[str, tuple[str, str]] = field(repr=False)
    chinese: Mapping[str, tuple[str, str]] = field(repr=False)
    folded: _Folded = field(repr=False)
    longest: Mapping[str, tuple[int, ...]] = field(repr=False)
    """Lengths of the Chinese words that begin with a character, longest first."""
    openings: frozenset[str] = field(repr=False)
    """First words of English phrases: after all others, no second word needs to be looked at."""
    beginnings: frozenset[str] = field(repr=False)
    """The first two letters of English words, and of the last words of phrases."""

    def english_entry(self, phrase: str) -> tuple[str, str] | None:
        """(kind, id) of an English word or phrase, its last word in any inflection."""
        head, _, word = phrase.rpartition(" ")
        if word[:2] not in self.beginnings:  # no ending takes these off
            return None
        for form in forms(word):
            if found := self.english.get(f"{head} {form}" if head else form):
                return found
        return None


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lexicon, read once. ValueError when a word stands in two entries."""
    folder = resources() / "presets" / "painter"

    def table(name: str) -> dict[str, Any]:
        return tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))

    colours, moods, words, palettes = table("colours"), table("moods"), table("words"), table("palettes")
    traditional = words.pop("traditional")
    english: dict[str, tuple[str, str]] = {}
    chinese: dict[str, tuple[str, str]] = {}
    entries = [("colour", id, entry) for id, entry in colours.items()]
    entries += [("mood", id, entry) for id, entry in moods.items()]
    entries += [(section, section, entry) for section, entry in words.items()]
    for kind, id, entry in entries:
        for known, written in ((english, entry.get("en", ())), (chinese, entry.get("zh", ()))):
            for word in written:
                key = word.replace("-", " ") if known is english else word
                if known.setdefault(key, (kind, id)) != (kind, id):
                    raise ValueError(f"{word!r} stands in {known[key]} and in {(kind, id)}")
    return Lexicon(
        colours,
        moods,
        {name: tuple(colours_) for name, colours_ in palettes["palettes"].items()},
        {name: tuple(weights) for name, weights in palettes["weights"].items()},
        tuple(palettes["free"]),
        english,
        chinese,
        _Folded({ord(one): two for one, two in zip(traditional["from"], traditional["to"], strict=True)}),
        {
            first: tuple(sorted({len(word) for word in chinese if word[0] == first}, reverse=True))
            for first in {word[0] for word in chinese}
        },
        frozenset(phrase.split(" ")[0] for phrase in english if " " in phrase),
        frozenset(phrase.rpartition(" ")[2][:2] for phrase in english),
    )


@lru_cache(maxsize=20_000)
def _entry(phrase: str) -> tuple[str, str] | None:
    return lexicon().english_entry(phrase)


class _Folded(dict[str, str]):
    """A character in the form words are looked up in, always one character, so that places agree."""

    def __init__(self, traditional: Mapping[int, str]) -> None:
        super().__init__()
        self._traditional = traditional

    def __missing__(self, character: str) -> str:
        plain = unicodedata.normalize("NFKC", character).lower().translate(self._traditional)
        self[character] = folded = (plain if len(plain) == 1 else character).replace("\u2019", "'")
        return folded


def forms(word: str) -> Iterator[str]:
    """`word` and what it may be an inflection of, likeliest first: stripes, reddish, calmly, striped."""
    yield word
    for ending, replacements in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            stem = word[: -len(ending)]
            for replacement in replacements:
                yield stem + replacement
            if len(stem) > 2 and stem[-1] == stem[-2]:
                yield stem[:-1]


_HAVING_NOT = ("没有", "無", "无", "不含", "不带")

_ENDINGS = (
    ("'s", ("",)),
    ("ies", ("y",)),
    ("es", ("", "e")),
    ("s", ("",)),
    ("ish", ("", "e", "y")),
    ("iest", ("y",)),
    ("ier", ("y",)),
    ("est", ("", "e")),
    ("er", ("", "e")),
    ("iness", ("y",)),
    ("ness", ("",)),
    ("ily", ("y",)),
    ("ly", ("", "le")),
    ("ing", ("", "e")),
    ("ied", ("y",)),
    ("ed", ("", "e")),
    ("like", ("",)),
    ("y", ("", "e")),
)

_HAN = "\u3400-\u9fff\U00020000-\U0003ffff\u3007\u3005"
_LETTERS = "a-z0-9\u00df-\u024f"
_WORD = re.compile(rf"[{_LETTERS}]+(?:['\u2019][a-z]+)?")
_GAP_AND_WORD = re.compile(rf"[ \t\n\r-]{{1,3}}({_WORD.pattern})")
# A run of Chinese characters, a word, a run of another script, or a sign that may have an entry of its own: 、
_PIECE = re.compile(rf"([{_HAN}]+)|({_WORD.pattern})|((?:(?![{_HAN}{_LETTERS}])[^\W_])+)|[^\s\w]")
_CLAUSE_END = re.compile(r"[,.;:!?，。；：！？\n]")


def tokens(prompt: str) -> list[Token]:
    """The words of `prompt` in order. Text between them (spaces, punctuation, emoji) belongs to none."""
    words = lexicon()
    text = "".join(map(words.folded.__getitem__, prompt))
    found: list[Token] = []
    place = 0
    while match := _PIECE.search(text, place):
        start, place = match.span()
        if match[1]:
            _chinese(prompt, text, start, place, words, found)
        elif match[2]:
            found.append(token := _english(prompt, text, match[2], start, place, words))
            place = token.end
        elif match[3]:
            found.append(Token(prompt[start:place], start))
        elif entry := words.chinese.get(text[start]):
            found.append(Token(prompt[start], start, *entry, chinese=True))
    return found


def _chinese(prompt: str, text: str, place: int, end: int, words: Lexicon, found: list[Token]) -> None:
    """Add the words of a run of Chinese characters to `found`; what lies between entries is one unknown word."""
    unknown = place
    while place < end:
        for length in words.longest.get(text[place], ()):
            if place + length <= len(text) and (entry := words.chinese.get(text[place : place + length])):
                if unknown < place:
                    found.append(Token(prompt[unknown:place], unknown, chinese=True))
                found.append(Token(prompt[place : place + length], place, entry[0], entry[1], True))
                place += length
                unknown = place
                break
        else:
            place += 1
    if unknown < end:
        found.append(Token(prompt[unknown:end], unknown, chinese=True))


def _english(prompt: str, text: str, word: str, start: int, end: int, words: Lexicon) -> Token:
    """The longest phrase with an entry that starts with `word`; the bare word where there is none."""
    if word in words.openings:
        phrase, phrase_end, longest = word, end, None
        for _ in range(_WORDS_OF_A_PHRASE - 1):
            following = _GAP_AND_WORD.match(text, phrase_end)
            if following is None:
                break
            phrase, phrase_end = f"{phrase} {following[1]}", following.end()
            if entry := _entry(phrase):
                longest = Token(prompt[start:phrase_end], start, *entry)
        if longest is not None:
            return longest
    kind, id = _entry(word) or ("", "")
    return Token(prompt[start:end], start, kind, id)


@lru_cache(maxsize=64)
def read(prompt: str) -> Reading:
    """What `prompt` says to the painter."""
    words = lexicon()
    colours: dict[ColourWord, None] = {}
    moods: dict[str, None] = {}
    no_colours: dict[str, None] = {}
    no_moods: dict[str, None] = {}
    understood: dict[str, None] = {}
    ignored: dict[str, None] = {}
    negation: Token | None = None
    found = tokens(prompt)
    last_end = 0
    for index, token in enumerate(found):
        text, start, kind, id, chinese = token
        if negation and _CLAUSE_END.search(prompt, last_end, start):
            negation = None
        last_end = start + len(text)
        match kind:
            case "negation":
                negation = token
            case "stop":
                # "don't use red", 不要用红色: right after the negation such a word belongs to it.
                if found[index - 1] is not negation:
                    negation = None
            case "neutral":
                # 没有条纹的蓝色 is blue without stripes, 不要蓝色的条纹 wants neither.
                if negation and negation.text in _HAVING_NOT and text == "的":
                    negation = None
            case "colour" | "mood":
                if negation is None:
                    understood[text] = None
                    following = found[index + 1] if index + 1 < len(found) else None
                    if kind == "colour":
                        previous = found[index - 1] if index else None
                        colours[_modified(token, previous, prompt, words)] = None
                    elif not (following and _modifies(token, following, prompt, words)):
                        moods[id] = None
                else:
                    gap = "" if chinese and negation.chinese else " "
                    understood[f"{negation.text}{gap}{text}"] = None
                    (no_colours if kind == "colour" else no_moods)[id] = None
            case _:
                ignored[text] = None
    kept = {id: None for id in moods if id not in no_moods}
    return Reading(
        tuple(colour for colour in colours if colour.id not in no_colours),
        tuple(kept),
        tuple(no_colours),
        tuple(no_moods),
        tuple(understood)[:_LISTED],
        tuple(ignored)[:_LISTED],
    )


def _modifies(token: Token, following: Token, prompt: str, words: Lexicon) -> bool:
    """Whether the mood `token` only changes the colour right after it."""
    return (
        token.kind == "mood"
        and following.kind == "colour"
        and "modifier" in words.moods[token.id]
        and following.start - token.end <= 1
        and prompt[token.end : following.start] in ("", " ", "-")
    )


def _modified(token: Token, previous: Token | None, prompt: str, words: Lexicon) -> ColourWord:
    if previous and _modifies(previous, token, prompt, words):
        change = words.moods[previous.id]["modifier"]
        return ColourWord(token.id, change.get("light", 0.0), change.get("chroma", 1.0))
    return ColourWord(token.id)

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
from typing import Any

from aigc_studio.core.paths import resources

__all__ = ["ColourWord", "Lexicon", "Reading", "Token", "lexicon", "read", "tokens"]

_WORDS_OF_A_PHRASE = 4
_LISTED = 200
"""Words kept for "understood" and "ignored": a prompt of 100,000 characters is no list for a person."""


@dataclass(frozen=True)
class Token:
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


@dataclass(frozen=True)
class ColourWord:
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
    traditional: Mapping[int, str] = field(repr=False)
    longest_chinese: int = 1

    def english_entry(self, phrase: str) -> tuple[str, str] | None:
        """(kind, id) of an English word or phrase, its last word in any inflection."""
        head, _, word = phrase.rpartition(" ")
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
        {ord(one): two for one, two in zip(traditional["from"], traditional["to"], strict=True)},
        max(map(len, chinese)),
    )


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

_WORD = re.compile(r"[a-z0-9\u00df-\u024f]+(?:['\u2019][a-z]+)?")
_GAP = re.compile(r"[ \t\n\r-]{1,3}")
_OTHER = re.compile(r"[^\W_]")
_CLAUSE_END = re.compile(r"[,.;:!?，。；：！？\n]")


def _han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff" or character in "〇々"


def _fold(prompt: str, traditional: Mapping[int, str]) -> str:
    """`prompt` in the form words are looked up in, of the same length, so that places agree."""
    folded = []
    for character in prompt:
        plain = unicodedata.normalize("NFKC", character).lower().translate(traditional)
        folded.append(plain if len(plain) == 1 else character)
    return "".join(folded).replace("\u2019", "'")


def tokens(prompt: str) -> list[Token]:
    """The words of `prompt` in order. Text between them (spaces, punctuation, emoji) belongs to none."""
    words = lexicon()
    text = _fold(prompt, words.traditional)
    found: list[Token] = []
    unknown = -1  # where a run of Chinese characters without an entry began
    place = 0

    def close(end: int) -> None:
        nonlocal unknown
        if unknown >= 0:
            found.append(Token(prompt[unknown:end], unknown, chinese=True))
            unknown = -1

    while place < len(text):
        if _han(text[place]):
            for length in range(min(words.longest_chinese, len(text) - place), 0, -1):
                if entry := words.chinese.get(text[place : place + length]):
                    close(place)
                    found.append(Token(prompt[place : place + length], place, *entry, chinese=True))
                    place += length
                    break
            else:
                unknown = place if unknown < 0 else unknown
                place += 1
            continue
        close(place)
        if match := _WORD.match(text, place):
            token = _english(prompt, text, match, words)
            found.append(token)
            place = token.end
            continue
        if entry := words.chinese.get(text[place]):  # 、
            found.append(Token(prompt[place], place, *entry, chinese=True))
        elif _OTHER.match(text[place]):  # a script that is neither
            end = place + 1
            while end < len(text) and _OTHER.match(text[end]) and not _han(text[end]) and not _WORD.match(text[end]):
                end += 1
            found.append(Token(prompt[place:end], place))
            place = end
            continue
        place += 1
    close(len(text))
    return found


def _english(prompt: str, text: str, first: re.Match[str], words: Lexicon) -> Token:
    """The longest phrase with an entry that starts with the word `first`; the bare word where there is none."""
    phrase, ends = first.group(), first.end()
    phrases = [(phrase, ends)]
    for _ in range(_WORDS_OF_A_PHRASE - 1):
        gap = _GAP.match(text, ends)
        following = _WORD.match(text, gap.end()) if gap else None
        if following is None:
            break
        phrase, ends = f"{phrase} {following.group()}", following.end()
        phrases.append((phrase, ends))
    for phrase, ends in reversed(phrases):
        if entry := words.english_entry(phrase):
            return Token(prompt[first.start() : ends], first.start(), *entry)
    return Token(prompt[first.start() : first.end()], first.start())


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
        if _CLAUSE_END.search(prompt, last_end, token.start):
            negation = None
        last_end = token.end
        match token.kind:
            case "negation":
                negation = token
            case "stop":
                # "don't use red", 不要用红色: right after the negation such a word belongs to it.
                if found[index - 1] is not negation:
                    negation = None
            case "neutral":
                # 没有条纹的蓝色 is blue without stripes, 不要蓝色的条纹 wants neither.
                if negation and negation.text in _HAVING_NOT and token.text == "的":
                    negation = None
            case "colour" | "mood":
                if negation is None:
                    understood[token.text] = None
                    following = found[index + 1] if index + 1 < len(found) else None
                    if token.kind == "colour":
                        previous = found[index - 1] if index else None
                        colours[_modified(token, previous, prompt, words)] = None
                    elif not (following and _modifies(token, following, prompt, words)):
                        moods[token.id] = None
                else:
                    gap = "" if token.chinese and negation.chinese else " "
                    understood[f"{negation.text}{gap}{token.text}"] = None
                    (no_colours if token.kind == "colour" else no_moods)[token.id] = None
            case _:
                ignored[token.text] = None
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
    between = prompt[token.end : following.start]
    return (
        token.kind == "mood"
        and following.kind == "colour"
        and "modifier" in words.moods[token.id]
        and len(between) <= 1
        and between in ("", " ", "-")
    )


def _modified(token: Token, previous: Token | None, prompt: str, words: Lexicon) -> ColourWord:
    if previous and _modifies(previous, token, prompt, words):
        change = words.moods[previous.id]["modifier"]
        return ColourWord(token.id, change.get("light", 0.0), change.get("chroma", 1.0))
    return ColourWord(token.id)

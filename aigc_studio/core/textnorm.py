"""Text on its way to a voice: what cannot be spoken taken out, sentences and paragraphs, runs of one language.

Chinese and English are equal, and may share a line. Nothing here knows a voice.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

__all__ = ["Clean", "Run", "Sentence", "clean", "runs", "sentences", "speakable"]


@dataclass(frozen=True)
class Clean:
    """`text` without what no voice can say; `dropped`: each such character (as a person may see it), how often."""

    text: str
    dropped: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Sentence:
    """One sentence as written, its place in the text, and the number of its paragraph."""

    text: str
    start: int
    paragraph: int

    @property
    def end(self) -> int:
        """The place after its last character."""
        return self.start + len(self.text)


@dataclass(frozen=True)
class Run:
    """A stretch of one language, "zh" or "en" ("en" stands for every script that is not Chinese)."""

    language: str
    text: str


_KEPT_CONTROLS = "\n\t"
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]")


def clean(text: str, keep: str = "") -> Clean:
    """Take out control characters, emoji, pictographs, invisible and private characters, and broken surrogates.

    Line ends become "\\n". Invisible characters go without being listed: nobody put them there on purpose.
    keep: signs that mean something to the voice.
    """
    text = re.sub(r"\r\n?|\u2028|\u2029|\x0b|\x0c|\x85", "\n", text)
    kept: list[str] = []
    dropped: Counter[str] = Counter()
    for character in text:
        if _INVISIBLE.match(character):
            continue
        category = unicodedata.category(character)
        if category in ("So", "Sk", "Cn", "Co", "Cs") and character not in "°©®™№℃℉^`" + keep:
            dropped[character if category == "So" else f"U+{ord(character):04X}"] += 1
        elif category == "Cc" and character not in _KEPT_CONTROLS:
            dropped[f"U+{ord(character):04X}"] += 1
        else:
            # Digits of other scripts are read by every voice in their common form.
            kept.append(str(unicodedata.decimal(character)) if category == "Nd" else character)
            continue
        kept.append(" ")  # a symbol between two words still parts them
    joined = re.sub(r"[ \t\u00a0\u3000]+", " ", "".join(kept))
    return Clean(joined, tuple(dropped.items()))


def speakable(text: str) -> bool:
    """Whether a voice would say anything: there is a letter, a digit or a sign with a name."""
    return any(unicodedata.category(character)[0] in "LN" or character in "%°$€£¥+=&@#" for character in text)


# ---- sentences

_ENDS = "。！？!?…；;.．"
_CLOSERS = "\"'”’」』）)]】》〉"
_ABBREVIATIONS = frozenset(
    """
    mr mrs ms dr prof sr jr st vs etc e.g i.e a.m p.m u.s u.k no vol fig jan feb mar apr jun jul aug sep sept oct nov
    dec inc ltd co corp dept est approx ave blvd rd mt capt col gen lt rev hon pres gov sen rep ph.d b.a m.a d.c cf al
    """.split()  # noqa: SIM905
)
_WORD_BEFORE = re.compile(r"([A-Za-z][A-Za-z.]*)$")
_LONGEST = 300
"""Characters after which a sentence without an end is cut at a comma or a space: a voice needs breath."""


def sentences(text: str) -> list[Sentence]:
    """Split into sentences; each non-empty line begins a paragraph. The places of all sentences together cover every
    speakable character exactly once."""
    found: list[Sentence] = []
    start = 0
    paragraph = 0
    for line in text.split("\n"):
        if line.strip():
            for begin, end in _line_sentences(line):
                piece = line[begin:end]
                lead = len(piece) - len(piece.lstrip())
                piece = piece.strip()
                if piece:
                    found.append(Sentence(piece, start + begin + lead, paragraph))
            paragraph += 1
        start += len(line) + 1
    return found


def _line_sentences(line: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    begin = place = 0
    while place < len(line):
        if line[place] in _ENDS and _is_end(line, place):
            place += 1
            while place < len(line) and line[place] in _ENDS + _CLOSERS:
                place += 1
            spans.append((begin, place))
            begin = place
        else:
            place += 1
            if place - begin >= _LONGEST:
                cut = _breath(line, begin, place)
                spans.append((begin, cut))
                begin = cut
    if begin < len(line):
        spans.append((begin, len(line)))
    return spans


def _is_end(line: str, place: int) -> bool:
    """Whether the sign at `place` ends a sentence: not the point of 3.14, "e.g.", an initial or a web address."""
    sign = line[place]
    if sign not in ".．":
        return True
    following = line[place + 1 : place + 2]
    if following and following not in _ENDS + _CLOSERS and not following.isspace():
        return _is_han(following)
    if following in tuple(_ENDS):
        return True
    match = _WORD_BEFORE.search(line, max(0, place - 24), place)
    if match is None:
        return True
    word = match.group(1)
    rest = line[place + 1 :].lstrip(" " + _CLOSERS)[:1]
    if len(word) == 1 and word.isupper() and rest and word != "I":
        return False  # an initial: J. Smith
    return not (word.lower() in _ABBREVIATIONS and rest and not (word.lower() == "etc" and rest.isupper()))


def _breath(line: str, begin: int, place: int) -> int:
    """The best place to cut between `begin` and `place`: after the last comma, else the last space, else here."""
    for signs in ("，、,:：—", " "):
        cut = max(line.rfind(sign, begin + _LONGEST // 3, place) for sign in signs)
        if cut >= 0:
            return cut + 1
    return place


# ---- languages


def _is_han(character: str) -> bool:
    return (
        "\u3400" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
        or "\U00020000" <= character <= "\U0003ffff"
    )


def _script(character: str) -> str:
    """zh, en, digit or "" (goes with its neighbours)."""
    if _is_han(character) or character in "〇々" or "\u3100" <= character <= "\u312f":
        return "zh"
    category = unicodedata.category(character)
    if category[0] == "N":
        return "digit"
    if category[0] in "LM":
        return "en"
    return ""


def runs(text: str, default: str = "en") -> list[Run]:
    """`text` as stretches of one language; joined they are `text`.

    Digits are read in the language they touch: 2024年 and iPhone 15 need no switch. Other signs stay with what is
    before them, and opening brackets and quotes with what follows. `default`: where nothing tells.
    """
    scripts = [_script(character) for character in text]
    languages: list[str] = []
    current = next((script for script in scripts if script in ("zh", "en")), default)
    for place, script in enumerate(scripts):
        if script == "digit":
            if place == 0 or not _in_number(text, scripts, place):
                current = _digit_language(text, scripts, place, current)
        elif script:
            current = script
        languages.append(current)
    # Opening signs belong to what they open.
    for place in range(len(text) - 2, -1, -1):
        if unicodedata.category(text[place]) in ("Ps", "Pi"):
            languages[place] = languages[place + 1]
    found: list[Run] = []
    begin = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or languages[place] != languages[begin]:
            found.append(Run(languages[begin], text[begin:place]))
            begin = place
    return found


_COUNTED = "年月日号號个個元点點分秒时時次位名条條万萬亿億千百岁歲张張本页頁天周週小度楼樓米公里斤吨噸倍家人件台部"
"""What makes the number before it Chinese even after a Latin word: Hello 2024年, but iPhone 15发布."""


def _digit_language(text: str, scripts: list[str], place: int, current: str) -> str:
    """The language a number is read in: that of the letters it touches (5G, 3D, 15个), else the one before it."""
    end = place
    while end < len(text) and (
        scripts[end] == "digit" or (text[end] in ".,:/-" and scripts[end + 1 : end + 2] == ["digit"])
    ):
        end += 1
    following = scripts[end] if end < len(text) else ""
    before = scripts[place - 1] if place else ""
    if following == "en" and before != "en":
        return "en"
    if following == "zh" and (current == "zh" or text[end] in _COUNTED):
        return "zh"
    return current


def _in_number(text: str, scripts: list[str], place: int) -> bool:
    """Whether the digit at `place` continues a number, whose language is decided already."""
    return scripts[place - 1] == "digit" or (text[place - 1] in ".,:/-" and place > 1 and scripts[place - 2] == "digit")

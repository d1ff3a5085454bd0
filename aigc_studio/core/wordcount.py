"""How long a text is: words for scripts with spaces, 字 for scripts without, the way writers are paid for both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Count", "count", "count_in_slices"]

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’\-.,][^\W_{_CJK}]+)*")
_SPACE = re.compile(r"\s+")
_SLICE = 16_384
_LONGEST_WORD = 256


@dataclass(frozen=True)
class Count:
    """units: each Chinese, Japanese or Korean character and each word of other scripts counts one; marks do not.

    characters: everything but white space. all: everything but line ends.
    """

    units: int = 0
    characters: int = 0
    all: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.units + other.units, self.characters + other.characters, self.all + other.all)


def count(text: str) -> Count:
    """The length of `text`."""
    lines = text.count("\n")
    spaces = sum(len(found) for found in _SPACE.findall(text))
    return Count(sum(1 for _ in _UNIT.finditer(text)), len(text) - spaces, len(text) - lines)


def count_in_slices(text: str, size: int = _SLICE) -> Iterator[Count]:
    """The length of a long text in steps of about a millisecond each: the sum so far, the last one is the whole.

    Slices end at white space where there is any near, so that no word is counted twice.
    """
    total, position = Count(), 0
    while position < len(text):
        end = min(len(text), position + size)
        if space := _SPACE.search(text, end, min(len(text), end + _LONGEST_WORD)):
            end = space.end()
        elif len(text) - end <= _LONGEST_WORD:
            end = len(text)
        total += count(text[position:end])
        position = end
        yield total
    if not text:
        yield total

"""One change of many captions: words before, words after, words in the place of others."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .captions import clean

__all__ = ["AFTER", "BEFORE", "REPLACE", "Bulk"]

BEFORE, AFTER, REPLACE = "before", "after", "replace"
"""Kinds of changes."""

_HAN = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
_ENDS = frozenset(",;:.!?，；：。！？、")


@dataclass(frozen=True, slots=True)
class Bulk:
    """kind: BEFORE or AFTER: `words` are added with a comma between, where they do not stand there yet. REPLACE: `find`
    becomes `words`, everywhere; case: whether capitals count."""

    kind: str
    words: str
    find: str = ""
    case: bool = False

    @property
    def empty(self) -> bool:
        """Whether it changes nothing at all."""
        return not self.find if self.kind == REPLACE else not clean(self.words)

    def apply(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        """The captions of one picture, changed. A picture without one gets the words that are added."""
        if self.empty:
            return texts
        changed = [self._changed(text) for text in texts or ("",)]
        return tuple(dict.fromkeys(text for text in map(clean, changed) if text))

    def _changed(self, text: str) -> str:
        if self.kind == REPLACE:
            flags = 0 if self.case else re.IGNORECASE
            return re.sub(re.escape(self.find), lambda _found: self.words, text, flags=flags)
        words = clean(self.words)
        first, last = (words, text) if self.kind == BEFORE else (text, words)
        there = text.startswith(words) if self.kind == BEFORE else text.endswith(words)
        return text if there else joined(first, last)


def joined(first: str, last: str) -> str:
    """Two texts with what the language puts between; nothing more where there is a mark already."""
    if not first or not last:
        return first or last
    if first[-1] in _ENDS:
        return first + last if _HAN.match(first[-1]) else f"{first} {last}"
    if last[0] in _ENDS:
        return first + last
    return f"{first}，{last}" if _HAN.match(first[-1]) and _HAN.match(last[0]) else f"{first}, {last}"

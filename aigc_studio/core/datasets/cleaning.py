"""Texts as they are learned: composed characters, plain line ends, nothing invisible. In slices: one call over a text
of a hundred megabytes would keep Python's lock for seconds, and with it the window."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from .problem import readable

__all__ = ["clean", "cleaned"]

_SLICE = 1 << 16
_LONGEST = 1 << 20
"""Characters after which a text is cut wherever it may be."""

_BEGINS = (
    "!-~\u00a1-\u02ff\u0386-\u03ce\u0400-\u0481\u05d0-\u05ea\u0620-\u064a\u0904-\u0939\u0e01-\u0e30\u3001-\u3020"
    "\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff\uac00-\ud7a3\uff01-\uff5e\U0001f000-\U0001faff"
)
_FIRST = re.compile(f"[{_BEGINS}]")
"""A character before which a text may be cut: it is seen, and composes with none before it."""

_INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2060\ufeff\ufffe\uffff]")
_ENDS = re.compile(r"(?<![ \t])[ \t]+\n")  # looking back keeps a long run of blanks from being tried at each of them
_BLANK = " \t\n"


def clean(text: str) -> str:
    """Composed characters, line feeds, no control or invisible characters, no blanks at line ends, no line twice empty
    and more."""
    return "".join(cleaned((text,)))


def cleaned(pieces: Iterable[str]) -> Iterator[str]:
    """`clean` of a text that comes in pieces, again in pieces; none is empty."""
    held, begun = "", False
    for part in _parts(pieces):
        plain = unicodedata.normalize("NFC", readable(part)).replace("\r\n", "\n").replace("\r", "\n")
        plain = held + _INVISIBLE.sub("", plain).replace("\u00a0", " ")
        plain = re.sub(r"\n{4,}", "\n\n\n", _ENDS.sub("\n", plain))
        if not begun:
            plain = plain.lstrip(_BLANK)
        body = plain.rstrip(_BLANK)
        held = plain[len(body) :][-_LONGEST:]
        if body:
            begun = True
            yield body


def _parts(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in parts of some 65,000 characters that can be cleaned one by one."""
    waiting = ""
    for piece in pieces:
        for at in range(0, len(piece), _SLICE):
            waiting += piece[at : at + _SLICE]
            if len(waiting) < _SLICE:
                continue
            place = _place(waiting)
            if not place and len(waiting) >= _LONGEST:
                place = len(waiting) - 1
            if place:
                yield waiting[:place]
                waiting = waiting[place:]
    if waiting:
        yield waiting


def _place(text: str) -> int:
    """Where a text may be cut within its last slice; 0 for nowhere."""
    for place in range(len(text) - 1, max(0, len(text) - _SLICE - 1), -1):
        if _FIRST.match(text, place):
            return place
    return 0

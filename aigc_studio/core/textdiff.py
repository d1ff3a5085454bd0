"""What differs between two texts: by words, in Chinese by characters.

Lines are compared first and words only inside the lines that differ, so that a long document costs little. Joined,
the pieces that are not added are the old text, and those that are not removed the new one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

__all__ = ["Piece", "changes", "difference", "words"]

_WORD = re.compile(r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+|\s+|.", re.DOTALL)
_LONGEST = 1200
"""Words of each side that are compared one by one; a longer changed stretch counts as replaced as a whole."""
_ISLAND = 3
"""Fewer unchanged characters than this between two changes are shown as changed: nobody reads confetti."""


@dataclass(frozen=True, slots=True)
class Piece:
    """kind: "same", "removed" or "added"."""

    kind: str
    text: str


def words(text: str) -> list[str]:
    """Words, stretches of white space, single signs; every Chinese, Japanese or Korean character alone."""
    return _WORD.findall(text)


def difference(old: str, new: str) -> list[Piece]:
    """The pieces of both texts in reading order; what was removed stands before what was added for it."""
    found: list[Piece] = []
    lines = (old.splitlines(keepends=True), new.splitlines(keepends=True))
    for kind, before, after in _blocks(*lines):
        if kind == "equal":
            found.append(Piece("same", "".join(before)))
        elif len(before) == len(after):
            for one, other in zip(before, after, strict=True):
                found += _inside(one, other)
        else:
            found += _inside("".join(before), "".join(after))
    return _joined(found)


def changes(pieces: Sequence[Piece]) -> int:
    """How many places differ."""
    return sum(kind for kind, _ in groupby(pieces, lambda piece: piece.kind != "same"))


def _blocks(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, Sequence[str], Sequence[str]]]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(kind, old[a:b], new[c:d]) for kind, a, b, c, d in matcher.get_opcodes()]


def _inside(old: str, new: str) -> list[Piece]:
    before, after = words(old), words(new)
    if max(len(before), len(after)) > _LONGEST:
        return [Piece("removed", old), Piece("added", new)]
    found: list[Piece] = []
    for kind, a, b in _blocks(before, after):
        if kind == "equal":
            found.append(Piece("same", "".join(a)))
        else:
            found += [Piece("removed", "".join(a)), Piece("added", "".join(b))]
    return found


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours of a kind as one; small islands between two changes as part of them."""
    pieces = [piece for piece in pieces if piece.text]
    merged: list[Piece] = []
    removed = added = ""
    for place, piece in enumerate(pieces):
        island = (
            piece.kind == "same"
            and bool(removed or added)
            and place + 1 < len(pieces)
            and len(piece.text.strip()) < _ISLAND
            and not any("\u3040" <= sign <= "\u9fff" for sign in piece.text)
            and "\n" not in piece.text
        )
        if piece.kind == "same" and not island:
            merged += [Piece("removed", removed), Piece("added", added), piece]
            removed = added = ""
            continue
        removed += piece.text if piece.kind != "added" else ""
        added += piece.text if piece.kind != "removed" else ""
    merged += [Piece("removed", removed), Piece("added", added)]
    return [
        Piece(kind, "".join(piece.text for piece in group))
        for kind, group in groupby((piece for piece in merged if piece.text), lambda piece: piece.kind)
    ]

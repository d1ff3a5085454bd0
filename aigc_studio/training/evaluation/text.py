"""What written samples are worth, without a network: variety, copying, form, and likeness to references.

Texts are compared by units: a Chinese character or kana, else a whole word, without case and punctuation. Nothing here
needs torch; sacrebleu is imported where it is used.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aigc_studio.core.forms import FORMS, form_of_verse, keeps_form

__all__ = ["COPIED", "Copied", "Learned", "distinct", "form_kept", "reference_scores", "regular_form", "units"]

COPIED = 5
"""Units in a row that must be equal to count as copied: a clause of the shortest regular verse."""

_CHARACTERS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(rf"[{_CHARACTERS}]|[^\W_{_CHARACTERS}]+(?:[’'][^\W_{_CHARACTERS}]+)*")
_HAN = re.compile(rf"[{_CHARACTERS}]")


def units(text: str) -> list[str]:
    """The characters and words of a text, lower case, without what stands between them."""
    return _UNIT.findall(text.lower())


def distinct(texts: Iterable[str], n: int) -> float:
    """distinct-n (Li et al. 2016, arXiv:1510.03055): different n-grams of units over all of them; 0.0 without any.

    It falls with the amount of text; compare only amounts that are alike.
    """
    total, different = 0, set()
    for text in texts:
        found = units(text)
        grams = [tuple(found[at : at + n]) for at in range(len(found) - n + 1)]
        total += len(grams)
        different.update(grams)
    return len(different) / total if total else 0.0


def regular_form(texts: Sequence[str], least: float = 0.9) -> str:
    """The id of the regular form of verse that at least this share of the texts has, "" for none."""
    forms = Counter(form_of_verse(text) for text in texts)
    if not forms:
        return ""
    form, count = forms.most_common(1)[0]
    return form if FORMS[form].length and count >= least * len(texts) else ""


def form_kept(texts: Sequence[str], form: str) -> float:
    """Share of texts with the clause count and clause length of a form."""
    return sum(keeps_form(text, form) for text in texts) / len(texts) if texts else 0.0


def reference_scores(written: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
    """{"bleu", "chrf": 0-100, "signature"} of sacrebleu over a whole set, one reference for each text.

    Chinese and Japanese are cut into characters ("zh"), all else as WMT does ("13a").
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    if len(written) != len(references) or not written:
        raise ValueError(f"{len(written)} texts for {len(references)} references")
    joined = "".join(references)
    bleu = BLEU(tokenize="zh" if 2 * len(_HAN.findall(joined)) > len(units(joined)) else "13a")
    chrf = CHRF()
    score = bleu.corpus_score(list(written), [list(references)]).score
    likeness = chrf.corpus_score(list(written), [list(references)]).score
    return {
        "bleu": round(score, 2),
        "chrf": round(likeness, 2),
        "signature": f"BLEU {bleu.get_signature()}; chrF {chrf.get_signature()}",
    }


# Copying --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Copied:
    """How much of one text stands in the learned text. longest: units of its longest run that does; run: those units;
    grams, known: n-grams of the text, and how many of them were learned."""

    longest: int
    run: tuple[str, ...]
    grams: int
    known: int


class Learned:
    """The learned texts as one row of numbers in which runs are found: exact, 40 bytes for each unit.

    Windows of n units are found by a rolling hash modulo 2**64 and compared unit by unit where they meet.
    """

    def __init__(self, texts: Iterable[str], most: int = 20_000_000, check: Callable[[], None] = lambda: None) -> None:
        """most: units that are looked through; what comes after them is left out, and `whole` is False."""
        self._ids: dict[str, int] = {}
        found: list[np.ndarray] = []
        total = 0
        self.whole = True
        for text in texts:
            check()
            row = [self._ids.setdefault(unit, len(self._ids) + 1) for unit in units(text)]
            total += len(row) + 1
            if total > most:
                self.whole = False
                break
            found.append(np.array([*row, 0], dtype=np.int64))  # 0 stands between texts: no run goes across
        self._row = np.concatenate(found) if found else np.zeros(0, np.int64)
        self._sums, self._back = _sums(self._row)

    def copied(self, text: str, n: int = COPIED) -> Copied:
        """What of this text was learned; see `Copied`. Runs shorter than `n` are found, too."""
        words = units(text)
        ids = np.array([self._ids.get(unit, -1) for unit in words], dtype=np.int64)
        hits = self._hits(ids, n)
        known = len({at for at, _ in hits})
        best, where = 0, 0
        for at, place in hits:
            if at and place and ids[at - 1] == self._row[place - 1]:
                continue  # found from the unit before it
            length = n
            while at + length < len(ids) and place + length < len(self._row):
                if ids[at + length] != self._row[place + length]:
                    break
                length += 1
            if length > best:
                best, where = length, at
        for size in range(n - 1, 0, -1):
            if best:
                break
            if shorter := self._hits(ids, size):
                best, where = size, shorter[0][0]
        return Copied(best, tuple(words[where : where + best]), max(0, len(ids) - n + 1), known)

    def shared(self, texts: Sequence[str], n: int) -> list[float]:
        """The share of the n-grams of each text that was learned, all in one look; 0.0 for a shorter text."""
        rows = [[self._ids.get(unit, -1) for unit in units(text)] for text in texts]
        owner = [number for number, row in enumerate(rows) for _ in range(len(row) + 1)]
        joined = np.array([id for row in rows for id in [*row, -1]], dtype=np.int64)  # -1 was never learned
        known = Counter(owner[at] for at in {at for at, _ in self._hits(joined, n)})
        return [known[number] / max(1, len(row) - n + 1) for number, row in enumerate(rows)]

    def _hits(self, ids: np.ndarray, n: int) -> list[tuple[int, int]]:
        """(place in the text, place in the learned row) of every equal window of n units."""
        if len(ids) < n or len(self._row) < n:
            return []
        sums, back = _sums(ids)
        own = (sums[n:] - sums[:-n]) * back[: len(ids) - n + 1]
        places: defaultdict[int, list[int]] = defaultdict(list)
        for at, value in enumerate(own.tolist()):
            places[value].append(at)
        wanted = np.unique(own)
        found: list[tuple[int, int]] = []
        for start in range(0, len(self._row) - n + 1, 1 << 20):
            stop = min(len(self._row) - n + 1, start + (1 << 20))
            hashes = (self._sums[start + n : stop + n] - self._sums[start:stop]) * self._back[start:stop]
            nearest = wanted[np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)]
            for offset in np.flatnonzero(nearest == hashes).tolist():
                place = start + offset
                window = self._row[place : place + n]
                found += [(at, place) for at in places[int(hashes[offset])] if (ids[at : at + n] == window).all()]
        return sorted(found)


_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2**64
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))


def _sums(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(sums of mixed ids times powers of the base, from 0; the inverse powers), both uint64 modulo 2**64.

    (sums[i + n] - sums[i]) * inverse[i] depends on the n ids from i on alone.
    """
    with np.errstate(over="ignore"):
        mixed = ids.astype(np.uint64) * _BASE  # splitmix64: neighbouring ids become numbers that share nothing
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed * _powers(_BASE, len(ids)), dtype=np.uint64)])
        return sums, _powers(_INVERSE, len(ids))


def _powers(base: np.uint64, count: int) -> np.ndarray:
    """base to the power of 0 ... count - 1 modulo 2**64."""
    factors = np.full(count, base, dtype=np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)

"""The yardstick: a trigram model with interpolated Kneser-Ney smoothing on the same tokens."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

__all__ = ["Trigram"]


class Trigram:
    """Interpolated Kneser-Ney of order three (Kneser & Ney 1995; Chen & Goodman 1999, section 4.1.6).

    One discount per order, n1 / (n1 + 2 n2). Lower orders count in how many contexts a token follows, not how often.
    Below the unigram lies the uniform distribution over `size` ids, so every id has some probability.
    Each sequence is read alone; its first id is given, never predicted, and contexts do not reach before it.
    """

    def __init__(self, sequences: Iterable[Sequence[int]], size: int) -> None:
        self.size = size
        trigrams: Counter[tuple[int, int, int]] = Counter()
        starts: Counter[tuple[int, int]] = Counter()  # second ids: their context is one id long, however often
        for sequence in sequences:
            ids = list(sequence)
            if len(ids) > 1:
                starts[ids[0], ids[1]] += 1
            trigrams.update(zip(ids, ids[1:], ids[2:], strict=False))
        bigrams: Counter[tuple[int, int]] = Counter(starts)
        for _, b, c in trigrams:
            bigrams[b, c] += 1  # the number of different ids before (b, c)
        unigrams: Counter[int] = Counter(b for _, b in bigrams)
        self._orders = (_Order(trigrams), _Order(bigrams))
        self._unigrams = unigrams
        self._unigram_total = sum(unigrams.values())
        self._unigram_discount = _discount(unigrams.values())

    def probability(self, context: Sequence[int], id: int) -> float:
        """P(id | the last two ids of context); over all ids it sums to one."""
        return (
            self._orders[0].interpolate(tuple(context[-2:]), id, self._bigram(context, id))
            if len(context) > 1
            else (self._bigram(context, id))
        )

    def _bigram(self, context: Sequence[int], id: int) -> float:
        return self._orders[1].interpolate(tuple(context[-1:]), id, self._unigram(id))

    def _unigram(self, id: int) -> float:
        uniform = 1.0 / self.size
        if not self._unigram_total:
            return uniform
        kept = max(0.0, self._unigrams[id] - self._unigram_discount)
        spread = self._unigram_discount * len(self._unigrams)
        return (kept + spread * uniform) / self._unigram_total

    def loss_on(self, sequences: Iterable[Sequence[int]]) -> tuple[float, int]:
        """(summed negative log-likelihood in nats, ids predicted)."""
        total, predicted = 0.0, 0
        for sequence in sequences:
            for at in range(1, len(sequence)):
                total -= math.log(self.probability(sequence[max(0, at - 2) : at], sequence[at]))
                predicted += 1
        return total, predicted


class _Order:
    """Counts of n-grams by their context, with absolute discounting."""

    def __init__(self, counts: Counter) -> None:
        self.counts = counts
        self.totals: defaultdict[tuple[int, ...], int] = defaultdict(int)
        self.kinds: defaultdict[tuple[int, ...], int] = defaultdict(int)
        for gram, number in counts.items():
            self.totals[gram[:-1]] += number
            self.kinds[gram[:-1]] += 1
        self.discount = _discount(counts.values())

    def interpolate(self, context: tuple[int, ...], id: int, lower: float) -> float:
        total = self.totals.get(context, 0)
        if not total:
            return lower
        kept = max(0.0, self.counts.get((*context, id), 0) - self.discount)
        return (kept + self.discount * self.kinds[context] * lower) / total


def _discount(numbers: Iterable[int]) -> float:
    """n1 / (n1 + 2 n2), and 0.5 where that is undefined."""
    once = twice = 0
    for number in numbers:
        once += number == 1
        twice += number == 2
    return once / (once + 2 * twice) if once and twice else 0.5

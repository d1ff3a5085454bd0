"""The trigram yardstick against a computation by hand, and as a distribution."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.training.ngram import Trigram

SEQUENCES = st.lists(st.lists(st.integers(0, 5), max_size=12), max_size=8)


def test_by_hand() -> None:
    """Two sequences over the ids 0, 1, 2: every count and discount worked out on paper.

    [0 1 2 1] and [0 1 1]. Trigrams: 012 x1, 121 x1, 011 x1: n1 = 3, n2 = 0, so D3 = 0.5 (undefined).
    Bigram counts: 01 twice as a beginning; 12 after {0}, 21 after {1}, 11 after {0}: 01:2, 12:1, 21:1, 11:1,
    n1 = 3, n2 = 1, D2 = 3/5. Unigrams, by different predecessors: 1 after {0, 2, 1}: 3; 2 after {1}: 1;
    n1 = 1, n2 = 0, D1 = 0.5; total 4, kinds 2.
    """
    model = Trigram([[0, 1, 2, 1], [0, 1, 1]], 3)
    uniform = 1 / 3
    p1 = (3 - 0.5) / 4 + (0.5 * 2 / 4) * uniform
    p2 = (1 - 0.5) / 4 + (0.5 * 2 / 4) * uniform
    p0 = (0.5 * 2 / 4) * uniform
    # bigram context 1: counts 12:1, 11:1, total 2, kinds 2
    p2_1 = (1 - 0.6) / 2 + (0.6 * 2 / 2) * p2
    p0_1 = (0.6 * 2 / 2) * p0
    # trigram context 01: counts 012:1, 011:1, total 2, kinds 2
    p2_01 = (1 - 0.5) / 2 + (0.5 * 2 / 2) * p2_1
    p0_01 = (0.5 * 2 / 2) * p0_1
    assert model.probability([], 1) == pytest.approx(p1)
    assert model.probability([1], 2) == pytest.approx(p2_1)
    assert model.probability([0, 1], 2) == pytest.approx(p2_01)
    assert model.probability([9, 9, 0, 1], 0) == pytest.approx(p0_01)
    # an unseen context falls through to the bigram, an unseen bigram context to the unigram
    assert model.probability([2, 2], 1) == model.probability([2], 1)
    assert model.probability([7, 7], 2) == pytest.approx(p2)
    nats, predicted = model.loss_on([[0, 1, 2]])
    p1_0 = (2 - 0.6) / 2 + (0.6 * 1 / 2) * p1
    assert predicted == 2
    assert nats == pytest.approx(-math.log(p1_0) - math.log(p2_01))


@given(SEQUENCES, st.lists(st.integers(0, 6), max_size=3))
def test_it_is_a_distribution(sequences: list[list[int]], context: list[int]) -> None:
    """After any context the probabilities sum to one, and none is zero."""
    model = Trigram(sequences, 8)
    probabilities = [model.probability(context, id) for id in range(8)]
    assert sum(probabilities) == pytest.approx(1.0)
    assert min(probabilities) > 0


def test_it_learns() -> None:
    """A repeated pattern becomes far likelier than chance; an empty model is uniform."""
    model = Trigram([[1, 2, 3] * 50, [1, 2, 4], [2, 2, 5]], 100)
    nats, predicted = model.loss_on([[1, 2, 3] * 5])
    assert math.exp(nats / predicted) < 1.5
    assert Trigram([], 10).probability([1, 2], 3) == pytest.approx(0.1)

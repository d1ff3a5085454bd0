"""Each sampler against its definition, and against transformers' own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_studio.engines.text import causal_lm
from aigc_studio.engines.text.sampling import STYLES, NGramBan, Sampling, candidates, draw, penalise

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")
library: Any = pytest.importorskip("transformers.generation.logits_process")

SIZES = st.sampled_from([2, 5, 40, 3000])
OFF = Sampling(temperature=1.0, top_k=0, top_p=1.0)


def logits_of(seed: int, size: int, spread: float = 3.0) -> Tensor:
    """Random logits without ties."""
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)) * spread


def dense(logits: Tensor, sampling: Sampling) -> Tensor:
    """The candidates as a distribution over the whole vocabulary."""
    probabilities, ids = candidates(logits.clone(), sampling)
    assert len(set(ids.tolist())) == ids.numel()
    return torch.zeros_like(logits).scatter(0, ids, probabilities)


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    SIZES,
    st.floats(0.2, 2.0),
    st.integers(0, 60),
    st.floats(0.05, 1.0),
    st.sampled_from([0.0, 0.02, 0.2]),
)
def test_candidates_equal_the_library_s(
    seed: int, size: int, temperature: float, top_k: int, top_p: float, min_p: float
) -> None:
    """Temperature, top-k, top-p and min-p together give the library's distribution."""
    logits = logits_of(seed, size)
    scores = library.TemperatureLogitsWarper(temperature)(None, logits[None].clone())
    if top_k:
        scores = library.TopKLogitsWarper(top_k)(None, scores)
    if top_p < 1:
        scores = library.TopPLogitsWarper(top_p)(None, scores)
    if min_p:
        scores = library.MinPLogitsWarper(min_p)(None, scores)
    expected = torch.softmax(scores[0], -1)
    found = dense(logits, Sampling(temperature, top_k, top_p, min_p))
    border = (expected > 0) != (found > 0)
    # a token exactly on the border of top-p or min-p may fall on either side of float32's rounding
    assert expected[border].sum() + found[border].sum() < 0.05 or border.sum() <= 1
    if not border.any():
        assert torch.allclose(found, expected, atol=1e-5)


@settings(max_examples=50)
@given(st.integers(0, 10_000), SIZES, st.floats(0.05, 0.999))
def test_top_p_keeps_the_smallest_set_that_reaches_p(seed: int, size: int, p: float) -> None:
    """The kept tokens reach p; without the least likely of them they do not."""
    logits = logits_of(seed, size)
    full = torch.softmax(logits.double(), -1)
    kept = dense(logits, Sampling(1.0, 0, p)) > 0
    assert full[kept].sum() >= p - 1e-5
    assert full[kept].sum() - full[kept].min() <= p + 1e-5
    assert full[kept].min() >= full[~kept].max() if (~kept).any() else True


@settings(max_examples=50)
@given(st.integers(0, 10_000), SIZES, st.integers(1, 50))
def test_top_k_keeps_the_k_likeliest(seed: int, size: int, k: int) -> None:
    """Exactly k, or all of a smaller vocabulary."""
    logits = logits_of(seed, size)
    kept = dense(logits, Sampling(1.0, k, 1.0)) > 0
    assert kept.sum() == (1 if k == 1 else min(k, size))
    assert torch.equal(kept.nonzero().flatten(), logits.topk(min(k, size)).indices.sort().values)


@settings(max_examples=50)
@given(st.integers(0, 10_000), SIZES, st.floats(0.01, 0.5))
def test_min_p_is_relative_to_the_likeliest(seed: int, size: int, share: float) -> None:
    """Kept are exactly those with at least the share of the largest probability."""
    full = torch.softmax(logits_of(seed, size).double(), -1)
    kept = dense(logits_of(seed, size), Sampling(1.0, 0, 1.0, share)) > 0
    unclear = (full - share * full.max()).abs() < 1e-6
    assert torch.equal(kept[~unclear], (full >= share * full.max())[~unclear])


def test_a_long_tail_is_not_cut_by_the_shortlist() -> None:
    """A flat distribution over more tokens than the shortlist still gets its whole top-p set."""
    logits = torch.linspace(0, 0.001, 5000)
    assert (dense(logits, Sampling(1.0, 0, 0.9)) > 0).sum() == pytest.approx(4500, abs=5)


def test_temperature_zero_takes_the_likeliest() -> None:
    """One candidate, for certain."""
    logits = logits_of(3, 100)
    probabilities, ids = candidates(logits, Sampling(0.0))
    assert ids.tolist() == [int(logits.argmax())]
    assert probabilities.tolist() == [1.0]


@pytest.mark.parametrize("sampling", [Sampling(0.0), Sampling(), Sampling(1.0, 0, 0.9), OFF], ids=str)
@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_broken_numbers_are_seen(sampling: Sampling, bad: float) -> None:
    """One NaN, or nothing possible at all, gives a first probability that is not above zero."""
    logits = logits_of(1, 50)
    if math.isnan(bad):
        logits[20] = bad
    else:
        logits[:] = bad
    probabilities, _ = candidates(logits, sampling)
    assert not float(probabilities[0]) > 0


@given(st.integers(0, 1000), st.lists(st.integers(0, 19), max_size=30), st.floats(1.0, 2.0))
def test_repetition_penalty_equals_the_library_s(seed: int, seen: list[int], penalty: float) -> None:
    """CTRL's rule; ids that occurred often are penalised once."""
    logits = logits_of(seed, 20)
    found = penalise(logits.clone(), torch.tensor(seen, dtype=torch.int64), penalty, [])
    if seen:
        expected = library.RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([seen]), logits[None].clone())[0]
        assert torch.allclose(found, expected)
    else:
        assert torch.equal(found, logits)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(1, 5))
def test_the_ngram_ban_equals_the_library_s(ids: list[int], size: int) -> None:
    """The same ids are banned."""
    ban = NGramBan(size, ids)
    scores = library.NoRepeatNGramLogitsProcessor(size)(torch.tensor([ids]), torch.zeros(1, 5))
    assert set(ban.banned()) == set(torch.isinf(scores[0]).nonzero().flatten().tolist())
    copy = ban.copy()
    copy.add(0)
    assert set(ban.banned()) == set(torch.isinf(scores[0]).nonzero().flatten().tolist())


def test_draws_follow_the_probabilities() -> None:
    """A grid of uniform numbers hits every candidate in proportion, none of probability zero."""
    probabilities, ids = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([7, 8, 9])
    hits = [draw(probabilities, ids, step / 1000) for step in range(1000)]
    assert [hits.count(id) for id in (7, 8, 9)] == [pytest.approx(count, abs=2) for count in (500, 300, 200)]
    assert draw(probabilities, ids, math.nextafter(1.0, 0.0)) == 9


def test_styles_and_the_drawer() -> None:
    """A style sets its values; a value moved from its default replaces the style's."""
    defaults = {param.id: param.default for param in causal_lm.FAMILY.params}
    assert STYLES["balanced"] == {name: defaults[name] for name in STYLES["balanced"]}
    bold = Sampling.from_values(defaults | {"style": "bold"}, defaults)
    assert (bold.temperature, bold.top_k, bold.min_p) == (1.1, 0, 0.03)
    moved = Sampling.from_values(defaults | {"style": "bold", "temperature": 0.5}, defaults)
    assert (moved.temperature, moved.top_k) == (0.5, 0)
    assert {
        choice.value for param in causal_lm.FAMILY.params if param.id == "style" for choice in param.choices
    } == set(STYLES)

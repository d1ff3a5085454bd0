"""The numbers behind the figures, against closed forms, brute force and what must not change them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_studio.training.evaluation.diversity import mean_distance, mean_pixel_difference
from aigc_studio.training.evaluation.frechet import frechet
from aigc_studio.training.evaluation.inception_score import inception_score
from aigc_studio.training.evaluation.kernel import kernel_distance, squared_discrepancy
from aigc_studio.training.evaluation.nearest import copying, nearest, shares


def cloud(count: int, mean: np.ndarray, root: np.ndarray, seed: int = 0) -> np.ndarray:
    """`count` rows whose mean and unbiased covariance are exactly these: root @ root.T."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, len(mean)))
    rows -= rows.mean(0)
    whitened = rows @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(rows.T)))).T
    return whitened @ root.T + mean


def root_of(matrix: np.ndarray) -> np.ndarray:
    """The symmetric root of a positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=25)
@given(seeds, st.integers(1, 6))
def test_the_frechet_distance_is_that_of_the_two_gaussians(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (rng.standard_normal((width, width)) + 2 * np.eye(width) for _ in range(2))
    means = rng.standard_normal((2, width))
    a, b = one @ one.T, other @ other.T
    wanted = np.square(means[0] - means[1]).sum() + np.trace(a + b - 2 * root_of(root_of(a) @ b @ root_of(a)))
    found = frechet(cloud(40, means[0], one, seed), cloud(55, means[1], other, seed + 1))
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-8)


def test_the_frechet_distance_of_equal_spreads_is_that_of_the_means() -> None:
    rows = np.random.default_rng(3).standard_normal((30, 4))
    assert frechet(rows, rows) == pytest.approx(0, abs=1e-9)
    assert frechet(rows, rows + np.array([3, 0, 4, 0])) == pytest.approx(25)
    assert frechet(rows - rows.mean(0), 3 * (rows - rows.mean(0))) == pytest.approx(4 * np.cov(rows.T).trace())


@settings(max_examples=25)
@given(seeds, st.integers(2, 12), st.integers(2, 12), st.integers(1, 20))
def test_the_frechet_distance_does_not_see_turns_order_and_sides(seed: int, n: int, m: int, width: int) -> None:
    """Also of fewer pictures than features, where covariances have no full rank."""
    rng = np.random.default_rng(seed)
    one, other = rng.standard_normal((n, width)), rng.standard_normal((m, width)) * 2 + 1
    turn = np.linalg.qr(rng.standard_normal((width, width)))[0]
    wanted = frechet(one, other)
    assert wanted >= 0
    assert frechet(other, one) == pytest.approx(wanted)
    assert frechet(one @ turn + 5, other @ turn + 5) == pytest.approx(wanted, rel=1e-6, abs=1e-7)
    assert frechet(rng.permutation(one), other) == pytest.approx(wanted)


@pytest.mark.parametrize("count", [(1, 5), (5, 1)])
def test_one_picture_is_no_cloud(count: tuple[int, int]) -> None:
    one, other = (np.zeros((n, 3)) for n in count)
    for distance in (frechet, kernel_distance):
        with pytest.raises(ValueError, match="no clouds"):
            distance(one, other)
        with pytest.raises(ValueError, match="no clouds"):
            distance(np.zeros((4, 3)), np.zeros((4, 2)))


def test_the_kernel_distance_counts_pairs_as_the_paper_says() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((5, 3)), rng.standard_normal((7, 3))

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 3 + 1) ** 3)

    within = [np.mean([k(a, b) for a, b in itertools.permutations(rows, 2)]) for rows in (x, y)]
    between = np.mean([k(a, b) for a in x for b in y])
    assert squared_discrepancy(x, y) == pytest.approx(within[0] + within[1] - 2 * between)
    assert kernel_distance(x, y) == (pytest.approx(squared_discrepancy(x, y)), 0.0)


def test_the_kernel_distance_is_zero_on_average_for_equal_distributions_and_grows_with_the_difference() -> None:
    rng = np.random.default_rng(2)
    found = [kernel_distance(*rng.standard_normal((2, 40, 8)), seed=number)[0] for number in range(200)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 4 * error
    assert min(found) < 0 < max(found)
    one = rng.standard_normal((200, 8))
    far = [kernel_distance(one, rng.standard_normal((200, 8)) + shift)[0] for shift in (0.3, 0.6, 1.2)]
    assert 10 * error < far[0] < far[1] < far[2]
    assert kernel_distance(one, one + 1, seed=5) == kernel_distance(one, one + 1, seed=5)


def test_the_inception_score_is_one_without_an_opinion_and_the_classes_at_best() -> None:
    rng = np.random.default_rng(0)
    assert inception_score(np.zeros((100, 7))) == (pytest.approx(1), pytest.approx(0))
    assert inception_score(np.tile(rng.standard_normal(7), (100, 1)))[0] == pytest.approx(1)
    sure = np.tile(np.eye(5) * 100, (20, 1))
    assert inception_score(sure) == (pytest.approx(5), pytest.approx(0))
    logits = rng.standard_normal((40, 6)) * 3
    assert inception_score(logits + 1000)[0] == pytest.approx(inception_score(logits)[0])
    assert 1 < inception_score(logits, splits=1)[0] < 6
    with pytest.raises(ValueError, match="no logits"):
        inception_score(np.zeros((1, 4)))


@settings(max_examples=25)
@given(seeds, st.integers(2, 12))
def test_mean_distances_are_those_of_all_pairs(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, 5)) + 1000
    pairs = list(itertools.combinations(range(count), 2))
    assert mean_distance(rows) == pytest.approx(np.mean([np.linalg.norm(rows[i] - rows[j]) for i, j in pairs]))
    pixels = rng.integers(0, 256, (count, 3, 2, 3), dtype=np.uint8)
    wide = pixels.astype(int)
    wanted = np.mean([np.abs(wide[i] - wide[j]).mean() for i, j in pairs]) / 255
    assert mean_pixel_difference(pixels) == pytest.approx(wanted)


def test_one_thing_has_no_variety() -> None:
    assert mean_distance(np.ones((1, 4))) == 0
    assert mean_pixel_difference(np.ones((1, 2, 2, 3), np.uint8)) == 0
    black_and_white = np.stack([np.zeros((2, 2, 3)), np.full((2, 2, 3), 255)]).astype(np.uint8)
    assert mean_pixel_difference(black_and_white) == 1


@settings(max_examples=20)
@given(seeds, st.integers(1, 9), st.integers(2, 30))
def test_the_nearest_is_the_nearest(seed: int, count: int, known: int) -> None:
    rng = np.random.default_rng(seed)
    rows, learned = rng.standard_normal((count, 4)) + 100, rng.standard_normal((known, 4)) + 100
    apart = np.linalg.norm(rows[:, None] - learned[None], axis=2)
    found = nearest(rows, learned)
    assert found.distances == pytest.approx(apart.min(1))
    assert apart[np.arange(count), found.indices] == pytest.approx(apart.min(1))
    next_ones = np.sort(apart, axis=1)[:, 1:21].mean(1)
    assert found.relative == pytest.approx(apart.min(1) / next_ones, rel=1e-5)
    mirrored = np.minimum(apart, np.linalg.norm(rows[:, None, ::-1] - learned[None], axis=2))
    assert nearest(rows, learned, also=rows[:, ::-1]).distances == pytest.approx(mirrored.min(1))
    own = rng.integers(0, known, count)
    apart = np.linalg.norm(learned[own][:, None] - learned[None], axis=2)
    apart[np.arange(count), own] = np.inf
    assert nearest(learned[own], learned, apart=own).distances == pytest.approx(apart.min(1))


def test_the_nearest_is_found_over_blocks_and_among_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    from aigc_studio.training.evaluation import nearest as module

    rng = np.random.default_rng(4)
    learned = rng.integers(0, 256, (50, 6), dtype=np.uint8)
    own = np.arange(0, 50, 7)
    whole = nearest(learned[::7], learned, apart=own)
    monkeypatch.setattr(module, "_BLOCK", 8)
    monkeypatch.setattr(module, "_ROWS", 3)
    in_blocks = nearest(learned[::7], learned, apart=own)
    assert (whole.indices == in_blocks.indices).all()
    assert whole.distances == pytest.approx(in_blocks.distances)
    assert whole.relative == pytest.approx(in_blocks.relative)
    assert nearest(learned, learned).distances.max() == 0
    with pytest.raises(ValueError, match="nothing"):
        nearest(learned[:1], learned[:1], apart=np.array([0]))


def test_what_lies_between_many_is_no_copy_and_one_learned_thing_says_nothing() -> None:
    rng = np.random.default_rng(5)
    learned = rng.standard_normal((60, 30))
    copies, blurred = nearest(learned[:5] + 0.01, learned), nearest(learned.mean(0)[None], learned)
    assert copies.relative.max() < 0.1
    assert blurred.distances[0] < nearest(rng.standard_normal((5, 30)), learned).distances.min()
    assert blurred.relative[0] > 0.7
    assert nearest(learned[:3], learned[:1]).relative.tolist() == [1, 1, 1]
    same = np.zeros((4, 2))
    assert nearest(same, same).relative.tolist() == [0, 0, 0, 0]


def test_copies_are_told_from_pictures_as_near_as_usual() -> None:
    rng = np.random.default_rng(6)
    usual = rng.uniform(1, 2, 100)
    assert copying(np.zeros(5), usual) == 1
    assert copying(np.full(5, 9.0), usual) == 0
    assert copying(usual, usual) == pytest.approx(0.5)
    assert copying(rng.uniform(1, 2, 400), usual) == pytest.approx(0.5, abs=0.1)
    assert shares(np.array([0.0, 5.0]), usual).tolist() == [0, 1]
    assert shares(np.array([2.0]), np.array([1.0, 2.0, 3.0, 4.0])).tolist() == [0.5]
    with pytest.raises(ValueError, match="no distances"):
        copying(usual, usual[:0])

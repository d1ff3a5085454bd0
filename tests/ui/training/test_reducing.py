"""Few points that look like many."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.ui.training.reducing import reduced, smoothed, visible

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400)


@given(numbers, st.integers(2, 60))
def test_extremes_and_ends_stay_and_x_rises(found: list[float], points: int) -> None:
    y = np.array(found)
    x = np.arange(len(y), dtype=float)
    few_x, few_y = reduced(x, y, points)
    assert len(few_x) == len(few_y) <= max(points, 2)
    assert few_y.min() == y.min()
    assert few_y.max() == y.max()
    assert (np.diff(few_x) >= 0).all()
    assert (few_x[0], few_x[-1]) == (x[0], x[-1])


@given(numbers, st.integers(0, 50))
def test_smoothing_is_the_mean_of_neighbours(found: list[float], window: int) -> None:
    y = np.array(found)
    x = np.arange(len(y), dtype=float)
    places, calm = smoothed(x, y, slice(0, len(y)), window, 10_000)
    assert places.tolist() == x.tolist()
    if window and len(y) >= 3:
        wanted = [y[max(0, at - window) : at + window + 1].mean() for at in range(len(y))]
        assert np.allclose(calm, wanted, atol=1e-4)
    else:
        assert calm.tolist() == y.tolist()


@given(st.integers(10, 500), st.integers(0, 499), st.integers(1, 60), st.integers(1, 30))
def test_a_part_is_smoothed_like_the_whole(count: int, start: int, length: int, window: int) -> None:
    start = min(start, count - 3)
    part = slice(start, min(count, start + max(3, length)))
    y = np.random.default_rng(count).random(count)
    x = np.arange(count, dtype=float)
    _, whole = smoothed(x, y, slice(0, count), window, 10_000)
    _, calm = smoothed(x, y, part, window, 10_000)
    assert np.allclose(calm, whole[part], atol=1e-9)


def test_a_million_points_become_few() -> None:
    y = np.random.default_rng(0).random(1_000_000)
    x = np.arange(1_000_000.0)
    places, calm = smoothed(x, y, slice(0, 1_000_000), 5000, 800)
    assert len(places) <= 800
    assert abs(calm.mean() - 0.5) < 0.01
    assert calm.std() < 0.02


def test_what_is_visible_has_a_neighbour_on_either_side() -> None:
    x = np.array([0.0, 10.0, 20.0, 30.0, 40.0])
    assert visible(x, 12, 28) == slice(1, 4)
    assert visible(x, -5, 100) == slice(0, 5)
    assert visible(x, 41, 50) == slice(4, 5)
    assert visible(np.empty(0), 0, 1) == slice(0, 0)

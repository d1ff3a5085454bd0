"""Each picture of a small set is matched with a made one of its own, the same after a stop as without."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_studio.training.anchors import Anchors, difference, matched, strength

PICTURES = torch.linspace(-1, 1, 6)[:, None, None, None].expand(6, 3, 8, 8)
"""From black to white."""


def made(z: torch.Tensor) -> torch.Tensor:
    """A generator that knows brightness alone."""
    return z[:, :1, None, None].tanh().expand(-1, 3, 8, 8)


def chosen(seed: int = 1, members: int = 6, count: int = 2) -> Anchors:
    torch.manual_seed(seed)
    anchors = Anchors()
    anchors.choose(np.arange(members), lambda at: PICTURES[at], made, 2, count)
    return anchors


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(0, 5), st.integers(0, 9999))
def test_each_row_gets_a_column_of_its_own_and_no_two_would_gain_by_a_change(rows: int, more: int, seed: int) -> None:
    distances = torch.rand(rows, rows + more, generator=torch.Generator().manual_seed(seed))
    found = matched(distances).tolist()
    assert len(set(found)) == rows
    for row, column in enumerate(found):
        for other in range(rows + more):
            if distances[row, other] < distances[row, column]:  # then one that is nearer to it has it
                assert other in found
                assert distances[found.index(other), other] <= distances[row, other]


def test_made_pictures_are_to_become_those_that_they_are_near_to() -> None:
    anchors = chosen()
    latents, pictures = anchors.take(6)
    assert sorted(pictures.tolist()) == list(range(6))
    assert float(difference(made(latents), PICTURES[pictures])) < 0.3 < float(
        difference(made(latents), PICTURES[pictures[::-1].copy()])
    )  # fmt: skip
    assert anchors.due(1)


def test_of_three_pictures_there_are_enough_for_a_step() -> None:
    anchors = chosen(members=3, count=8)
    assert not anchors.due(8)
    assert set(anchors.take(8)[1].tolist()) == {0, 1, 2}


def test_what_was_chosen_goes_on_after_a_stop() -> None:
    anchors, other = chosen(), Anchors()
    anchors.take(2)
    state: dict[str, Any] = anchors.state()
    other.restore(state)
    taken = []
    for each in (anchors, other):
        torch.manual_seed(5)
        taken.append(each.take(2))
    assert torch.equal(taken[0][0], taken[1][0])
    assert taken[0][1].tolist() == taken[1][1].tolist()
    assert anchors.due(3)
    assert other.due(3)


def test_nothing_chosen_is_nothing_to_take() -> None:
    anchors = Anchors()
    anchors.restore({})
    assert anchors.due(1)
    assert anchors.state() == {}
    with pytest.raises(ValueError, match="chosen"):
        anchors.take(1)


def test_the_difference_counts_a_colour_twice_and_a_pattern_once() -> None:
    grey, fine = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    fine[..., ::2] = -1
    assert float(difference(grey + 1, grey)) == pytest.approx(2)
    assert float(difference(fine, grey)) == pytest.approx(1)


def test_many_pictures_do_not_pull() -> None:
    assert strength(3) == strength(1_000) == 1.0
    assert 0.4 < strength(3_000) < 0.6
    assert strength(10_000) == strength(10**6) == 0.0

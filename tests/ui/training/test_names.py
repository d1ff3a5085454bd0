"""Trainings of one name are told apart by what differs, and all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.ui.training.names import Named, told_apart


def run(title: str = "Icons", created: float = 1_700_000_000.0, recipe: str = "train-vae", **params: Any) -> Named:
    return Named(title, recipe, params, created)


def test_names_of_their_own_need_nothing() -> None:
    assert told_apart([run("Icons"), run("Leaves")]) == ["", ""]
    assert told_apart([]) == []


def test_what_differs_in_the_settings_is_said() -> None:
    assert told_apart([run(batch=16), run(batch=32), run("Leaves")]) == ["Batch 16", "Batch 32", ""]
    words = told_apart([run(batch=16, data="/a/cats"), run(batch=16, data="/a/dogs")])
    assert words == ["cats", "dogs"]


def test_a_recipe_and_a_lowest_value_have_words() -> None:
    one, two = told_apart([run(), run(recipe="train-gan")])
    assert one != two
    assert "GAN" in two
    assert told_apart([run(minutes=0.0), run(minutes=5.0)]) == ["Time limit no limit", "Time limit 5 min"]


def test_the_same_once_more_is_told_by_its_time() -> None:
    one, two, three = told_apart([run(), run(created=1_700_000_065.0), run(created=1_700_100_000.0)])
    assert len({one, two, three}) == 3
    assert all(":" in each for each in (one, two, three))


@given(
    st.lists(
        st.builds(
            run,
            st.sampled_from(["A", "B"]),
            st.one_of(st.just(0.0), st.floats(allow_nan=True), st.sampled_from([1e9, 1e9 + 1])),
            st.sampled_from(["train-vae", "train-gone"]),
            batch=st.sampled_from([1, 2]),
        ),
        max_size=6,
    )
)
def test_all_of_one_name_are_called_otherwise(runs: list[Named]) -> None:
    told = told_apart(runs)
    assert len({(each.title, words) for each, words in zip(runs, told, strict=True)}) == len(runs)

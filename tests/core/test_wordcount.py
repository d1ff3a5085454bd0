"""The counter of the editor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.wordcount import Count, count, count_in_slices


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", 0),
        ("   \n\n ", 0),
        ("The fox looked at the grapes.", 6),
        ("Don't re-read 3.14 e-mails, O’Brien!", 5),
        ("床前明月光，疑是地上霜。", 10),
        ("用 Python 写 AI 程序", 6),
        ("中文English混排", 5),
        ("𠮷野家", 3),
        ("snake_case", 2),
        ("😀😀", 0),
    ],
)
def test_units(text: str, units: int) -> None:
    assert count(text).units == units


def test_characters_leave_out_white_space() -> None:
    assert count("a b\n中 。") == Count(units=3, characters=4, all=6)


@given(st.text(alphabet="ab 中文，。\n9'😀"), st.integers(1, 7))
def test_slices_count_characters_like_the_whole(text: str, size: int) -> None:
    *_, last = count_in_slices(text, size)
    whole = count(text)
    assert (last.characters, last.all) == (whole.characters, whole.all)


@given(st.lists(st.text(alphabet="ab中，9", min_size=1, max_size=9), max_size=40), st.integers(1, 30))
def test_slices_cut_no_word_in_two_where_there_are_spaces(words: list[str], size: int) -> None:
    text = " ".join(words)
    *_, last = count_in_slices(text, size)
    assert last == count(text)

"""What differs between two texts."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.textdiff import Piece, changes, difference, words

TEXTS = st.text(st.sampled_from("ab c，。春天\n的🙂"), max_size=60) | st.text(max_size=40)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_it(old: str, new: str) -> None:
    """Nothing lost, nothing invented; no empty piece, no two of a kind side by side."""
    pieces = difference(old, new)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == old
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == new
    assert all(piece.text for piece in pieces)
    assert all(a.kind != b.kind for a, b in pairwise(pieces))


@given(TEXTS)
def test_equal_texts_do_not_differ(text: str) -> None:
    """All of it is the same."""
    assert difference(text, text) == ([Piece("same", text)] if text else [])
    assert changes(difference(text, text)) == 0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "A hungry fox saw grapes.",
            "A happy fox saw grapes.",
            [("same", "A "), ("removed", "hungry"), ("added", "happy"), ("same", " fox saw grapes.")],
        ),
        ("春天来了", "冬天来了", [("removed", "春"), ("added", "冬"), ("same", "天来了")]),
        ("one\ntwo\nthree\n", "one\nthree\n", [("same", "one\n"), ("removed", "two\n"), ("same", "three\n")]),
        ("red, blue", "pink, green", [("removed", "red, blue"), ("added", "pink, green")]),
        ("", "new", [("added", "new")]),
    ],
)
def test_examples(old: str, new: str, expected: list[tuple[str, str]]) -> None:
    """Whole words in English, characters in Chinese, no confetti."""
    assert [(piece.kind, piece.text) for piece in difference(old, new)] == expected


def test_places_are_counted() -> None:
    """A word that was replaced is one place."""
    assert changes(difference("the big red house stands here", "the small red house stands there")) == 2


def test_words() -> None:
    """Chinese characters one by one, Latin words whole."""
    assert words("iPhone 15发布了, ok") == ["iPhone", " ", "15", "发", "布", "了", ",", " ", "ok"]


def test_long_texts_cost_little() -> None:
    """A document of 300,000 characters with one changed word, and one changed throughout."""
    old = "".join(f"Line {n} of a long document about nothing much at all.\n" for n in range(6000))
    began = time.perf_counter()
    assert changes(difference(old, old.replace("Line 3000 ", "Row 3000 "))) == 1
    assert changes(difference(old, old.replace("nothing", "something"))) == 6000
    assert time.perf_counter() - began < 10

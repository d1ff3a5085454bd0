"""Figures of written samples: each against counting by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.training.evaluation.text import (
    Learned,
    distinct,
    form_kept,
    reference_scores,
    regular_form,
    units,
)

QUATRAIN = "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"
WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=40).map(" ".join)


def test_units_are_characters_and_words() -> None:
    """Punctuation, case and spaces do not count."""
    assert units("The Fox’s 狐狸, 42!") == ["the", "fox’s", "狐", "狸", "42"]
    assert units("…") == []


def test_distinct_counts_different_grams() -> None:
    """Four of a kind hold one bigram; without text there is nothing."""
    assert distinct(["la la la la"], 2) == pytest.approx(1 / 3)
    assert distinct(["a b", "b a"], 1) == 0.5
    assert distinct([""], 1) == 0.0


def test_the_form_of_a_folder_of_verse() -> None:
    """One form for nine in ten; prose has none."""
    assert regular_form([QUATRAIN] * 9 + ["一"]) == "wujue"
    assert regular_form([QUATRAIN] * 8 + ["一"] * 2) == ""
    assert regular_form(["It was a fine day."]) == ""
    assert regular_form([]) == ""
    assert form_kept([QUATRAIN, "床前明月光"], "wujue") == 0.5


def test_copying_is_found_to_the_unit() -> None:
    """The run that was learned, and no further; not across two texts."""
    learned = Learned([QUATRAIN, "The quick brown fox jumps over the lazy dog."])
    copied = learned.copied("I saw the quick, brown fox jumps over a wall")
    assert copied.longest == 6
    assert copied.run == ("the", "quick", "brown", "fox", "jumps", "over")
    assert copied.known == 2
    assert learned.copied("思故乡the quick").longest == 3
    assert learned.copied("neues Wort").longest == 0
    assert learned.copied(QUATRAIN).longest == 20
    assert Learned([]).copied("a b c").longest == 0
    cut = Learned(["a b c d e f g", "h i"], most=8)
    assert not cut.whole
    assert cut.copied("h i").longest == 0


@given(st.lists(WORDS, max_size=4), WORDS)
def test_copying_equals_looking_at_every_run(learned: list[str], text: str) -> None:
    """Longest run and copied n-grams as a slow search finds them."""
    rows = [units(item) for item in learned]
    words = units(text)

    def known(start: int, size: int) -> bool:
        part = words[start : start + size]
        return any(row[at : at + size] == part for row in rows for at in range(len(row) - size + 1))

    longest = max(
        (size for size in range(1, len(words) + 1) for at in range(len(words) - size + 1) if known(at, size)),
        default=0,
    )
    found = Learned(learned).copied(text, 3)
    assert found.longest == len(found.run) == longest
    assert found.grams == max(0, len(words) - 2)
    assert found.known == sum(known(at, 3) for at in range(len(words) - 2))
    grams = max(1, len(words) - 2)
    assert Learned(learned).shared([text, "", text], 3) == [found.known / grams, 0.0, found.known / grams]


def test_references() -> None:
    """Equal texts get a hundred, others less; Chinese is cut into characters."""
    same = reference_scores(["the fox ran over the hill"], ["the fox ran over the hill"])
    assert same["bleu"] == pytest.approx(100)
    assert same["chrf"] == pytest.approx(100)
    assert "tok:13a" in same["signature"]
    chinese = reference_scores(["床前明月光疑是地上霜"], ["床前明月光疑是地下霜"])
    assert 30 < chinese["bleu"] < 100
    assert "tok:zh" in chinese["signature"]
    with pytest.raises(ValueError):
        reference_scores(["a"], [])

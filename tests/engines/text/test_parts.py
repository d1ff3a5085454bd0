"""A text in parts: nothing lost, every part fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core import textnorm
from aigc_studio.engines.text.parts import Part, by_sentences, by_size, cut

TEXTS = st.text(
    st.sampled_from("abc DEF 。，！.?!,;\n \t春眠不觉晓1234—…“”()") | st.characters(codec="utf-8"), max_size=200
)


def bare(text: str) -> str:
    """Without white space: that between sentences is the new language's matter."""
    return "".join(text.split())


def up_to(limit: int):  # noqa: ANN201
    """A model that reads this many characters."""
    return lambda text: len(text) <= limit


@given(TEXTS, st.integers(3, 40))
def test_nothing_is_lost(text: str, limit: int) -> None:
    """The parts and what is between them are the text; what is to be translated fits."""
    parts = by_sentences(text, up_to(limit))
    assert bare("".join(part.before + part.text for part in parts)) == bare(text)
    assert all(len(part.text) <= limit and part.text.strip() for part in parts if not part.copied)
    assert all(textnorm.speakable(part.text) for part in parts if not part.copied)
    whole = "".join(part.before + (" " if part.joins else "") + part.text for part in parts)
    assert whole.count("\n") == text.count("\n")


@given(TEXTS, st.integers(3, 40))
def test_a_summary_reads_everything_that_has_words(text: str, limit: int) -> None:
    """In as few parts as hold it."""
    parts = by_size(text, up_to(limit))
    read = bare("".join(part.text for part in parts))
    assert sum(map(str.isalnum, read)) == sum(map(str.isalnum, text))
    assert all(len(part.text) <= limit for part in parts)
    if len(text) <= limit:
        assert parts == [Part(text)]


@given(st.text(st.sampled_from("ab, 春，"), max_size=60), st.integers(1, 9))
def test_cut_pieces_fit(text: str, limit: int) -> None:
    """And hold every character but the spaces between them."""
    pieces = cut(text, up_to(limit))
    assert all(len(piece) <= limit for piece in pieces)
    assert bare("".join(pieces)) == bare(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two!", [("One.", "", False), ("Two!", "", True)]),
        ("一句。两句！", [("一句。", "", False), ("两句！", "", True)]),
        ("  - item\n\nnext", [("- item", "  ", False), ("next", "\n\n", False)]),
        ("Mr. Fox costs 3.14 dollars.", [("Mr. Fox costs 3.14 dollars.", "", False)]),
        ("He; she: they.", [("He; she: they.", "", False)]),
        ("words\n---\nmore", [("words", "", False), ("more", "\n---\n", False)]),
    ],
)
def test_sentences(text: str, expected: list[tuple[str, str, bool]]) -> None:
    """Lines keep their indents, lines without words are copied."""
    found = by_sentences(text, up_to(100))
    assert [(part.text, part.before, part.joins) for part in found if not part.copied] == expected


def test_a_long_sentence_is_not_cut_where_it_fits() -> None:
    """A voice needs breath after 300 characters, a model does not."""
    text = ", ".join(["so it went on"] * 40) + "."
    assert len(text) > 300
    assert [part.text for part in by_sentences(text, up_to(1000))] == [text]
    assert all(part.text.endswith((",", ".")) for part in by_sentences(text, up_to(200)))

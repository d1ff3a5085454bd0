"""Search expressions: whatever is typed is a valid expression, and what is in a text is found by any part of it."""

from __future__ import annotations

import sqlite3
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aigc_studio.core.store.search import match_expression, searchable


def _index(*texts: str) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE t USING fts5(x, tokenize=\"unicode61 remove_diacritics 2 categories 'L* N* Co So'\")"
    )
    connection.executemany("INSERT INTO t(x) VALUES(?)", [(searchable(text),) for text in texts])
    return connection


def _found(connection: sqlite3.Connection, typed: str) -> bool:
    expression = match_expression(typed)
    return bool(expression and connection.execute("SELECT 1 FROM t WHERE t MATCH ?", (expression,)).fetchone())


@given(st.text(max_size=60))
def test_anything_typed_is_a_valid_expression(typed: str) -> None:
    connection = _index("some text 霓虹")
    _found(connection, typed)
    connection.close()


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=20), st.data())
def test_every_part_of_a_chinese_text_is_found(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    connection = _index(f"before {text} after")
    assert _found(connection, text[start:end])
    connection.close()


@given(st.text(st.characters(categories=["L", "N", "Zs", "Po"]), min_size=1, max_size=40))
def test_a_text_is_found_by_its_own_words(text: str) -> None:
    assume(any(unicodedata.category(c)[0] in "LN" for c in unicodedata.normalize("NFKC", text)))
    assume(match_expression(text))
    connection = _index(text)
    assert _found(connection, text)
    connection.close()


@pytest.mark.parametrize("typed", ["", "   ", "!?", '""', "***", "\0"])
def test_nothing_to_look_for(typed: str) -> None:
    assert match_expression(typed) == ""


def test_a_phrase_keeps_its_order() -> None:
    connection = _index("霓虹 neon light")
    assert _found(connection, "霓虹neon")
    assert not _found(connection, "虹霓")
    assert _found(connection, "light 霓虹")
    connection.close()

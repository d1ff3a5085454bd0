"""Many captions changed at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.datasets.caption_words import AFTER, BEFORE, REPLACE, Bulk
from aigc_studio.core.datasets.captions import clean


@pytest.mark.parametrize(
    ("bulk", "texts", "wanted"),
    [
        (Bulk(BEFORE, "ohwx"), ("a cup", "一只杯子"), ("ohwx, a cup", "ohwx, 一只杯子")),
        (Bulk(BEFORE, "ohwx "), ("ohwx, a cup",), ("ohwx, a cup",)),
        (Bulk(AFTER, "水墨"), ("一只杯子",), ("一只杯子，水墨",)),
        (Bulk(AFTER, "ink"), ("a cup.",), ("a cup. ink",)),
        (Bulk(AFTER, "，水墨"), ("杯子",), ("杯子，水墨",)),
        (Bulk(BEFORE, "photo of:"), ("a cup",), ("photo of: a cup",)),
        (Bulk(AFTER, "ink"), (), ("ink",)),
        (Bulk(AFTER, "  "), ("a",), ("a",)),
        (Bulk(REPLACE, "mug", "CUP"), ("a cup, two Cups", "cat"), ("a mug, two mugs", "cat")),
        (Bulk(REPLACE, "mug", "CUP", case=True), ("a cup",), ("a cup",)),
        (Bulk(REPLACE, "", "a cup"), ("a cup", "b"), ("b",)),
        (Bulk(REPLACE, r"\1", "(.)"), ("(.)",), (r"\1",)),
        (Bulk(REPLACE, "x", ""), ("a",), ("a",)),
        (Bulk(REPLACE, "b", "a"), ("a", "b"), ("b",)),
    ],
)
def test_changes(bulk: Bulk, texts: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    assert bulk.apply(texts) == wanted


@given(st.sampled_from([BEFORE, AFTER]), st.text(max_size=12), st.lists(st.text(max_size=12), max_size=3))
def test_what_is_added_is_added_once_and_stays_clean(kind: str, words: str, texts: list[str]) -> None:
    bulk = Bulk(kind, words)
    captions = tuple(dict.fromkeys(text for text in map(clean, texts) if text))
    once = bulk.apply(captions)
    assert all(text == clean(text) for text in once)
    if clean(words):
        assert all((text.startswith if kind == BEFORE else text.endswith)(clean(words)) for text in once)
    assert bulk.apply(once) == once

"""What is passed on names no place of this machine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.places import names_only


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/media/ada/Pictures/drawings", "drawings"),
        ("/media/ada/Pictures/drawings/", "drawings"),
        ("/media/ada/a\\b", "a\\b"),
        ("C:\\Users\\ada\\图画", "图画"),
        ("C:/Users/ada/drawings", "drawings"),
        ("\\\\server\\share\\team\\drawings", "drawings"),
        ("/imagine a cat", "/imagine a cat"),
        ("a cat/dog", "a cat/dog"),
        ("drawings", "drawings"),
        ("/first line/of\ntwo", "/first line/of\ntwo"),
        ("", ""),
    ],
)
def test_a_path_becomes_its_name_and_other_texts_stay(text: str, left: str) -> None:
    assert names_only(text) == left
    assert names_only({"data": {"folder": text}, "all": [text, 3]}) == {"data": {"folder": left}, "all": [left, 3]}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON, st.lists(st.text("abc ", min_size=1), min_size=2, max_size=4))
def test_no_folder_is_left_and_the_shape_stays(value: Any, parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    told = names_only({"here": value, "there": [path]})
    assert told["there"] == [parts[-1]]
    assert type(told["here"]) is type(value)
    assert names_only(told) == told

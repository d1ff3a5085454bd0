"""File names that every system takes."""

from __future__ import annotations

import re
import unicodedata
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.assets import file_name, kind_of

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{name}{n}" for name in ("com", "lpt") for n in range(10)}


@given(st.text(st.characters(), max_size=400), st.uuids())
def test_any_title_gives_a_name_that_is_legal_everywhere(title: str, number: uuid.UUID) -> None:
    name = file_name(title, number.hex, ".PNG")
    assert name.endswith(f"-{number.hex[:6]}.png")
    assert not _FORBIDDEN.search(name)
    assert name.partition(".")[0].lower() not in _DEVICES
    assert name[0] not in ". -"
    assert name[-1] not in ". "
    assert len(name.encode("utf-8")) + len(".part") <= 200
    assert unicodedata.is_normalized("NFC", name)


@given(st.text(max_size=50), st.uuids(), st.uuids())
def test_names_differ_where_case_and_normalisation_do_not_count(title: str, one: uuid.UUID, other: uuid.UUID) -> None:
    names = {
        unicodedata.normalize("NFD", file_name(text, number.hex, ".png", digits=32)).casefold()
        for number in (one, other)
        for text in (title,)
    }
    assert len(names) == len({one, other})


def test_a_title_stays_readable() -> None:
    assert file_name("Blue Waves, at 9:00!", "3f2a9c00", ".png") == "blue-waves-at-9-00-3f2a9c.png"
    assert file_name("霓虹 城市", "3f2a9c00", ".md") == "霓虹-城市-3f2a9c.md"
    assert file_name("///", "3f2a9c00", ".md") == "untitled-3f2a9c.md"


@pytest.mark.parametrize(
    ("name", "kind"), [("a.PNG", "image"), ("a.b.wav", "audio"), ("a.md", "text"), ("a.pdf", "other"), ("png", "other")]
)
def test_the_suffix_says_the_kind(name: str, kind: str) -> None:
    assert kind_of(name) == kind

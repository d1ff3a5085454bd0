"""Texts of the encodings that people have come out as they were written; what is none of them is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.datasets.encoding import decode, read_text
from aigc_studio.core.errors import StudioError

SIMPLIFIED = "一只红色的猫坐在窗边，背景是蓝天和白云。"
TRADITIONAL = "一隻紅色的貓坐在窗邊，背景是藍天和白雲。"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"])
def test_simplified_chinese(encoding: str) -> None:
    assert decode(SIMPLIFIED.encode(encoding))[0] == SIMPLIFIED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "big5", "gb18030"])
def test_traditional_chinese(encoding: str) -> None:
    assert decode(TRADITIONAL.encode(encoding))[0] == TRADITIONAL


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["Schöne Grüße aus München", "a café — “naïve” résumé", "plain words"])
def test_western_texts(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding))[0] == text


@pytest.mark.parametrize("text", ["苹果", "红苹果", "图片：小狗", "可爱的卡通猫", "雪山", "自行车", "一杯咖啡 coffee"])
def test_short_captions_as_chinese_programs_write_them(text: str) -> None:
    assert decode(text.encode("gb18030")) == (text, "gb18030")


def test_the_encoding_of_others_decides_where_a_word_alone_does_not() -> None:
    data = "蘑菇".encode("big5")
    assert decode(data, "big5") == ("蘑菇", "big5")


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1))
def test_every_text_in_utf8_comes_back(text: str) -> None:
    if max(text) > "\u0800" or max(text) < "\u0250":  # a few letters of mixed scripts may be Chinese in disguise
        assert decode(text.encode())[0] == text.removeprefix("\ufeff")


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\xff",  # half of a character after the mark
        b"\xef\xbb\xbf\xff\xff",
        bytes(range(128, 256)) * 3,
        "こんにちは世界、おはよう".encode("shift-jis"),
        b"\x00\x01\x02\x03\xff\xfe\x00\x00",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x80\x81",
    ],
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(StudioError) as caught:
        decode(data)
    assert caught.value.code == "text-encoding"


def test_a_long_text_cut_within_a_character_by_the_sample() -> None:
    text = "a" + SIMPLIFIED * 4000
    assert decode(text.encode("gb18030"))[0] == text


@given(st.binary(max_size=200))
def test_any_bytes_are_a_text_or_a_sentence(data: bytes) -> None:
    with contextlib.suppress(StudioError):
        text, name = decode(data)
        assert name
        assert "\ufffd" not in text or "\ufffd".encode() in data or name.startswith("utf-")


def test_line_ends_and_control_characters() -> None:
    assert read_text(b"one\r\ntwo\rthree\x07\x00") == "one\ntwo\nthree"

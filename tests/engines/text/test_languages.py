"""Languages: one for all the ways in which models write it, a name for each, the likely one of a text."""

from __future__ import annotations

import pytest

from aigc_studio.core import i18n
from aigc_studio.engines.text.languages import ENGLISH_NAMES, choices, detect, id_of, spaced


@pytest.mark.parametrize(
    ("code", "id"),
    [
        ("zh", "zh"),
        ("zh_CN", "zh"),
        ("zho_Hans", "zh"),
        ("zho_Hant", "zh-Hant"),
        ("zh_TW", "zh-Hant"),
        (">>cmn_Hans<<", "zh"),
        (">>cmn_Hant<<", "zh-Hant"),
        ("__en__", "en"),
        ("eng_Latn", "en"),
        ("en_XX", "en"),
        ("yue_Hant", "yue"),
        ("pt_XX", "pt"),
        ("ace_Arab", "ace_Arab"),
        ("", ""),
        ("not a code", "not a code"),
    ],
)
def test_codes(code: str, id: str) -> None:
    """What has no name here stays as it is."""
    assert id_of(code) == id


def test_choices_begin_with_the_usual_ones() -> None:
    """Chinese and English before the alphabet, the nameless at the end."""
    assert [choice.value for choice in choices(["zu", "ace_Arab", "en", "de", "zh"])] == [
        "zh",
        "en",
        "de",
        "zu",
        "ace_Arab",
    ]


def test_every_language_has_a_chinese_name() -> None:
    """And none is left in English."""
    i18n.set_language("zh_CN")
    for choice in choices(ENGLISH_NAMES):
        assert i18n.tr(choice.title) != choice.title.split("##")[0]


def test_english_names_are_those_of_instructions() -> None:
    """No brackets, no notes for translators."""
    assert ENGLISH_NAMES["zh"] == "Chinese"
    assert ENGLISH_NAMES["en"] == "English"


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("床前明月光", "zh"),
        ("iPhone 15 Pro Max 新品上市，立即预订", "zh"),
        ("A hungry fox", "en"),
        ("The word 茶 means tea in a language that is not this one", "en"),
        ("これは本です。日本語", "ja"),
        ("안녕하세요", "ko"),
        ("Привет", "ru"),
        ("123 !?", "en"),
        ("", "en"),
    ],
)
def test_the_language_of_a_text(text: str, id: str) -> None:
    """By its script."""
    assert detect(text) == id


def test_spaces_between_sentences() -> None:
    """Chinese and Japanese have none."""
    assert not spaced("zh")
    assert not spaced("zh-Hant")
    assert not spaced("ja")
    assert spaced("en")
    assert spaced("ko")

"""Texts in the letters that a small voice knows."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.errors import StudioError
from aigc_studio.engines.speech.spelling import Alphabet, speecht5_alphabet, vits_alphabet
from tests.tiny.speech import LETTERS

ENGLISH = Alphabet(frozenset(LETTERS), english=True, small=True, language="en")
LARGE = Alphabet(frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ .,"), english=True)
GERMAN = Alphabet(frozenset("abcdefghijklmnopqrstuvwxyzäöüß "), numbers=False, small=True, language="deu")


@pytest.mark.parametrize(
    ("alphabet", "text", "said"),
    [
        (ENGLISH, "Hello, World!", "hello world"),
        (ENGLISH, "It’s 5 o’clock – “now”…", "it's five o'clock – now"),
        (ENGLISH, "Café, naïve, Øre", "cafe naive ore"),
        (ENGLISH, "$12.50 on 2024-05-01", "twelve dollars fifty cents on may first twenty twenty-four"),
        (LARGE, "Hello, you.", "HELLO, YOU."),
        (GERMAN, "Straße über Öl", "straße über öl"),
    ],
)
def test_as_it_is_said(alphabet: Alphabet, text: str, said: str) -> None:
    spelled = alphabet.spell(text)
    assert spelled.text == said
    assert not spelled.unknown
    assert spelled.speakable


def test_what_it_does_not_know_is_counted() -> None:
    assert ENGLISH.spell("你好 42 你").unknown == {"你": 2, "好": 1}
    assert ENGLISH.spell("你好 42 你").text == "forty-two"
    assert not ENGLISH.spell("你好").speakable
    assert GERMAN.spell("3 Äpfel").unknown == {"3": 1}


@given(st.text(max_size=60))
def test_the_model_is_given_only_what_it_knows(text: str) -> None:
    for alphabet in (ENGLISH, LARGE, GERMAN):
        spelled = alphabet.spell(text)
        assert set(spelled.text) <= alphabet.known
        assert not set(spelled.unknown) & alphabet.known
        assert "  " not in spelled.text
        assert spelled.text == spelled.text.strip()


@given(st.text(alphabet=sorted(ENGLISH.known - {"0"}), max_size=60))
def test_known_text_is_not_changed(text: str) -> None:
    assert ENGLISH.spell(text).text == " ".join(text.split())


@given(st.binary(max_size=200))
def test_any_spelling_file_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("spm")
    (folder / "spm_char.model").write_bytes(data)
    with suppress(StudioError):
        assert speecht5_alphabet(folder).known


@pytest.mark.parametrize("vocabulary", ["", "[]", "3", '{"a": "b"}', '{"a"', '"x"', "null"])
def test_any_vocabulary_is_read_or_told(tmp_path: Path, vocabulary: str) -> None:
    (tmp_path / "vocab.json").write_text(vocabulary)
    with pytest.raises(StudioError) as told:
        vits_alphabet(tmp_path)
    assert told.value.code == "model-damaged"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"language": "eng", "phonemize": False}))
    assert vits_alphabet(tmp_path).known == {"a"}
    assert vits_alphabet(tmp_path).language == "en"
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0, "bc": 1, "d": 2}))
    assert vits_alphabet(tmp_path).known == {"a", "d"}

"""Text for a voice: nothing speakable is lost, numbers and abbreviations do not end sentences, runs switch rightly."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.textnorm import clean, runs, sentences, speakable

texts = st.text(
    st.one_of(
        st.characters(), st.sampled_from("今天是好。！？，、“”…"), st.sampled_from("Aab e.g.Dr 3.14 5G!?\"')\n\r\t")
    ),
    max_size=120,
)


@given(texts)
def test_cleaning_keeps_what_can_be_said_and_lists_what_cannot(text):
    cleaned = clean(text)
    letters = [
        str(unicodedata.decimal(character, character))
        for character in text
        if unicodedata.category(character)[0] in "LN"
    ]
    assert [character for character in cleaned.text if unicodedata.category(character)[0] in "LN"] == letters
    for character in cleaned.text:
        assert character == "\n" or unicodedata.category(character) not in ("Cc", "Cs", "Co", "Cn"), repr(character)
    assert clean(cleaned.text).text == cleaned.text
    assert not clean(cleaned.text).dropped
    assert all(count > 0 for _, count in cleaned.dropped)


def test_emoji_and_controls_are_reported():
    cleaned = clean("好\0的🎉🎉👍🏽 ok\x07\u200bx")
    assert cleaned.text == "好 的 ok x"
    assert dict(cleaned.dropped) == {"U+0000": 1, "🎉": 2, "👍": 1, "U+1F3FD": 1, "U+0007": 1}


def test_line_ends_are_one():
    assert clean("a\r\nb\rc\u2028d").text == "a\nb\nc\nd"


@given(texts)
def test_sentences_cover_every_speakable_character_once_and_in_order(text):
    text = clean(text).text
    end = 0
    covered = set()
    paragraph = 0
    for sentence in sentences(text):
        assert sentence.text == text[sentence.start : sentence.end] == sentence.text.strip()
        assert sentence.start >= end
        assert sentence.paragraph >= paragraph
        end, paragraph = sentence.end, sentence.paragraph
        covered.update(range(sentence.start, sentence.end))
    for place, character in enumerate(text):
        if speakable(character):
            assert place in covered


@given(texts)
def test_runs_joined_are_the_text(text):
    found = runs(text)
    assert "".join(run.text for run in found) == text
    assert all(run.text and run.language in ("zh", "en") for run in found)
    assert all(one.language != two.language for one, two in pairwise(found))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello. World.", ["Hello.", "World."]),
        ("你好。世界！真的吗？", ["你好。", "世界！", "真的吗？"]),
        ("It costs 3.14 dollars. Yes.", ["It costs 3.14 dollars.", "Yes."]),
        ("Dr. Smith met Mr. Li, e.g. at 5 p.m. on Monday.", ["Dr. Smith met Mr. Li, e.g. at 5 p.m. on Monday."]),
        ("J. R. Tolkien wrote it.", ["J. R. Tolkien wrote it."]),
        ("It was I. Then we left.", ["It was I.", "Then we left."]),
        ("Apples, pears, etc. We ate.", ["Apples, pears, etc.", "We ate."]),
        ("Visit example.com/a.html now. Bye", ["Visit example.com/a.html now.", "Bye"]),
        ('He said "Stop!" She ran.', ['He said "Stop!"', "She ran."]),
        ("好的……再见。", ["好的……", "再见。"]),
        ("Wait... what?!", ["Wait...", "what?!"]),
        ("“真的？”他问。", ["“真的？”", "他问。"]),
        ("版本2.0发布了。OK.好", ["版本2.0发布了。", "OK.", "好"]),
        ("...", ["..."]),
        ("", []),
        ("  \n\n ", []),
    ],
)
def test_splitting(text, expected):
    assert [sentence.text for sentence in sentences(text)] == expected


def test_lines_are_paragraphs():
    assert [(s.text, s.paragraph) for s in sentences("One. Two.\n\nThree")] == [("One.", 0), ("Two.", 0), ("Three", 1)]


@pytest.mark.parametrize("piece", ["word ", "没有标点的字", "a,b", "字，"])
def test_no_sentence_is_endless(piece):
    text = piece * 2000
    found = sentences(text)
    assert max(len(sentence.text) for sentence in found) <= 300
    assert sum(len(sentence.text) for sentence in found) >= len(text) * 0.75
    if piece == "word ":
        assert all(sentence.text.endswith("word") for sentence in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello 世界", [("en", "Hello "), ("zh", "世界")]),
        ("今天是2024年5月6日。", [("zh", "今天是2024年5月6日。")]),
        ("Hello 2024年", [("en", "Hello "), ("zh", "2024年")]),
        ("发布 iPhone 15，好", [("zh", "发布 "), ("en", "iPhone 15，"), ("zh", "好")]),
        ("支持5G网络", [("zh", "支持"), ("en", "5G"), ("zh", "网络")]),
        ("我说“Hello”。", [("zh", "我说"), ("en", "“Hello”。")]),
        ("共3.5公里", [("zh", "共3.5公里")]),
        ("room 3, floor 2", [("en", "room 3, floor 2")]),
        ("3.14", [("en", "3.14")]),
        ("...", [("en", "...")]),
        ("", []),
    ],
)
def test_runs(text, expected):
    assert [(run.language, run.text) for run in runs(text)] == expected


def test_numbers_alone_take_the_language_that_is_given():
    assert runs("42", default="zh")[0].language == "zh"


@pytest.mark.parametrize(
    ("text", "expected"), [("…—！", False), ("", False), ("🎉", False), ("7", True), ("%", True), ("é", True)]
)
def test_speakable(text, expected):
    assert speakable(text) is expected

"""Digits and signs in English words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.english import in_words, number_words, ordinal_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("42 cats", "forty-two cats"),
        ("1,234,567.89", "one million two hundred thirty-four thousand five hundred sixty-seven point eight nine"),
        ("March 5th, 20 24", "March fifth, twenty twenty-four"),
        ("the 21st", "the twenty-first"),
        ("room 007", "room zero zero seven"),
        ("iPhone15 & co", "iPhone fifteen and co"),
        ("50% off", "fifty percent off"),
        ("v1.2.3", "v one point two point three"),
        ("3+4=7!", "three plus four equals seven!"),
        ("12345678901234567890", "one two three four five six seven eight nine zero " * 2),
        ("nothing here", "nothing here"),
    ],
)
def test_as_people_say_it(text: str, words: str) -> None:
    assert in_words(text) == words.strip()


def test_what_a_voice_knows_stays() -> None:
    assert in_words("5 & 6%", lambda sign: sign.isdigit() or sign == "%") == "5 and 6%"


@pytest.mark.parametrize(
    ("value", "words"), [(1, "first"), (3, "third"), (12, "twelfth"), (20, "twentieth"), (101, "one hundred first")]
)
def test_ordinals(value: int, words: str) -> None:
    assert ordinal_words(value) == words


@given(st.integers(0, 10**15 - 1))
def test_number_words_say_the_number(value: int) -> None:
    small = {number_words(n): n for n in range(100)}
    scales = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
    total = group = 0
    for word in number_words(value).split():
        if word == "hundred":
            group *= 100
        elif word in scales:
            total, group = total + group * scales[word], 0
        else:
            group += small[word]
    assert total + group == value


@given(st.text(max_size=40))
def test_no_digit_is_left(text: str) -> None:
    assert not any(character in "0123456789" for character in in_words(text))

"""Digits and signs as English words, for voices whose alphabet has letters only."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["in_words", "number_words", "ordinal_words"]

_SMALL = (  # noqa: SIM905
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = ("", "", *"twenty thirty forty fifty sixty seventy eighty ninety".split())  # noqa: SIM905
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_SIGNS = {
    "&": "and",
    "%": "percent",
    "+": "plus",
    "=": "equals",
    "@": "at",
    "#": "number",
    "$": "dollars",
    "€": "euros",
    "£": "pounds",
    "¥": "yuan",
    "°": "degrees",
    "×": "times",
    "÷": "divided by",
    "<": "less than",
    ">": "greater than",
    "/": "slash",
    "_": "underscore",
    "©": "copyright",
    "®": "registered",
    "™": "trademark",
}
_NUMBER = re.compile(r"(?<![\d.])(\d{1,3}(?:,\d{3})+|\d+)((?:\.\d+)*)(st|nd|rd|th)?(?![a-z])|\d", re.ASCII)


def number_words(value: int) -> str:
    """A whole number of at most 15 digits: 1234 is "one thousand two hundred thirty-four"."""
    if value < 20:
        return _SMALL[value]
    if value < 100:
        tens, rest = divmod(value, 10)
        return f"{_TENS[tens]}-{_SMALL[rest]}" if rest else _TENS[tens]
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{_SMALL[hundreds]} hundred" + (f" {number_words(rest)}" if rest else "")
    size, name = next(scale for scale in _SCALES if value >= scale[0])
    high, rest = divmod(value, size)
    return f"{number_words(high)} {name}" + (f" {number_words(rest)}" if rest else "")


def ordinal_words(value: int) -> str:
    """21 is "twenty-first"."""
    head, separator, last = _last_word(number_words(value))
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return head + separator + last


def _last_word(words: str) -> tuple[str, str, str]:
    place = max(words.rfind(" "), words.rfind("-"))
    return (words[:place], words[place], words[place + 1 :]) if place >= 0 else ("", "", words)


def _digits(digits: str) -> str:
    return " ".join(_SMALL[int(digit)] for digit in digits)


def _say(match: re.Match[str]) -> str:
    whole, decimals, ordinal = match.groups()
    if whole is None:
        return _digits(match.group())
    plain = whole.replace(",", "")
    if len(plain) > 15 or (len(plain) > 1 and plain[0] == "0"):
        words = _digits(plain)  # a code, not an amount
    elif ordinal and not decimals:
        return ordinal_words(int(plain))
    else:
        words = number_words(int(plain))
    for part in decimals.split(".")[1:]:
        words += f" point {_digits(part)}"
    return words + (ordinal or "")


def in_words(text: str, known: Callable[[str], bool] = lambda _: False) -> str:
    """`text` with its digits and signs in words, but for those that are `known` as they are.

    A word's letters and a number that touch are parted: "iPhone15" is read "iPhone fifteen".
    """
    if not all(known(digit) for digit in "0123456789"):
        text = re.sub(r"(?<=[A-Za-z])(?=\d)", " ", text)
        text = re.sub(r"(?<=\d)(?=[A-Za-z])(?!st\b|nd\b|rd\b|th\b)", " ", text)
        text = _NUMBER.sub(_say, text)
    for sign, word in _SIGNS.items():
        if sign in text and not known(sign):
            text = re.sub(rf" *{re.escape(sign)} *", f" {word} ", text)
    return re.sub(r" +([,.;:!?])", r"\1", re.sub(r" {2,}", " ", text)).strip()

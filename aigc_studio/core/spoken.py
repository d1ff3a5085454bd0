"""What a written sentence says: dates, times, amounts, units, ranges and telephone numbers, in Chinese and English.

Only what small voices read wrongly is changed ("dollar twelve point five zero", "ten thousand" as 十千); the rest is
left as written. The language of a number is that of the words around it. Deterministic; the words of signs and units
are data (`resources/presets/speech/spoken.toml`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .paths import resources
from .textnorm import runs

__all__ = ["chinese_digits", "chinese_number", "spoken"]

Handler = Callable[[re.Match[str], str], str | None]
"""A match and its language ("zh", "en") to words; None leaves it as written."""

_HAN = re.compile("[\u3400-\u9fff]")
_LETTER = re.compile("[^\\W\\d_]")
# Addresses, versions and the like are said sign by sign, as they stand.
_AS_WRITTEN = re.compile(
    r"(?:https?://|www\.)[^\s\u3000-\u9fff]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[vV]?\d+(?:\.\d+){2,}", re.ASCII
)
_SCHEME = re.compile(r"https?://")
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_DASH = "[-\u2010-\u2014~\uff5e]"
_FREE = r"(?<![\w.,/:-])"
_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_FRACTIONS = {"1/2": "one half", "1/3": "one third", "2/3": "two thirds", "1/4": "a quarter", "3/4": "three quarters"}


@dataclass(frozen=True)
class _Words:
    currencies: Mapping[str, Sequence[str]]
    cents: Mapping[str, Sequence[str]]
    units: Mapping[str, Sequence[str]]
    counted: tuple[str, ...]


@lru_cache(maxsize=1)
def _words() -> _Words:
    data = tomllib.loads((resources() / "presets" / "speech" / "spoken.toml").read_text(encoding="utf-8"))
    return _Words(data["currencies"], data["cents"], data["units"], tuple(data["chinese"]["counted"]))


def spoken(text: str) -> str:
    """`text` (one sentence) as it is to be said."""
    if not any(character.isdigit() for character in text) and "://" not in text:
        return text
    pieces: list[str] = []
    place = 0
    for match in _AS_WRITTEN.finditer(text):
        pieces.append(_said(text, place, match.start()))
        pieces.append(_SCHEME.sub("", match.group()))
        place = match.end()
    pieces.append(_said(text, place, len(text)))
    return "".join(pieces)


def _said(text: str, start: int, end: int) -> str:
    before, piece, after = text[:start], text[start:end], text[end:]
    for pattern, handler in _rules():

        def replace(match: re.Match[str], handler: Handler = handler) -> str:
            around = before + match.string[: match.start()], match.string[match.end() :] + after
            words = handler(match, _language(*around))
            return match.group() if words is None else words

        piece = pattern.sub(replace, piece)
    parts = [_chinese_run(run.text) if run.language == "zh" else run.text for run in runs(piece)]
    return "".join(parts)


def _language(before: str, after: str) -> str:
    """The language of what stands between: that of characters it touches, else of the nearest word, before first."""
    if _HAN.match(before[-1:]) or _HAN.match(after[:1]):
        return "zh"
    for side in (reversed(before), iter(after)):
        letter = next((character for character in side if _LETTER.match(character)), "")
        if letter:
            return "zh" if _HAN.match(letter) else "en"
    return "en"


# ---- numbers in Chinese

_DIGITS = "零一二三四五六七八九"


def chinese_digits(digits: str, one: str = "一") -> str:
    """Digit by digit; `one` is 幺 in telephone numbers."""
    return "".join(one if digit == "1" else _DIGITS[int(digit)] for digit in digits if digit.isdigit())


def chinese_number(number: str) -> str:
    """A number as written ("1,234.50") in Chinese words; digit by digit from 10**16 on, and with a leading zero."""
    whole, _, decimals = number.replace(",", "").partition(".")
    if len(whole) > 16 or (len(whole) > 1 and whole[0] == "0"):
        words = chinese_digits(whole)
    else:
        words = _chinese_integer(int(whole))
    return f"{words}点{chinese_digits(decimals)}" if decimals else words


def _chinese_integer(value: int) -> str:
    words = _chinese_whole(value)
    return words[1:] if words.startswith("一十") else words or "零"


def _chinese_whole(value: int) -> str:
    for size, name in ((10**8, "亿"), (10**4, "万")):
        if value >= size:
            high, low = divmod(value, size)
            return _chinese_whole(high) + name + ("零" if 0 < low < size // 10 else "") + _chinese_whole(low)
    return _chinese_group(value)


def _chinese_group(value: int) -> str:
    words = ""
    for size, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, value = divmod(value, size)
        if digit:
            words += _DIGITS[digit] + name
        elif words and value and not words.endswith("零"):
            words += "零"
    return words


def _amount(number: str, following: str) -> str:
    """A number before what it counts: 两公里, 二十公里."""
    return "两" if number == "2" and following.startswith(_words().counted) else chinese_number(number)


def _chinese_run(text: str) -> str:
    """The numbers that are left in a run of Chinese."""

    def say(match: re.Match[str]) -> str:
        minus, number = match.group(1), match.group(2)
        if text[: match.start()].endswith("第"):
            return chinese_number(number)
        return ("负" if minus else "") + _amount(number, text[match.end() :])

    return re.sub(rf"((?<![\w)）])[-−](?=\d))?({_NUMBER})", say, text)


# ---- rules


def _date(match: re.Match[str], language: str) -> str | None:
    year, month, day = match.group(1), int(match.group(2)), int(match.group(3))
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if language == "zh":
        return f"{chinese_digits(year)}年{_chinese_integer(month)}月{_chinese_integer(day)}日"
    ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{_MONTHS[month - 1]} {day}{ending}, {_english_year(year)}"


def _english_year(year: str) -> str:
    first, last = year[:2], year[2:]
    if first == "20" and last < "10":
        return year
    if last == "00":
        return f"{first} hundred"
    return f"{first} oh {last[1]}" if last[0] == "0" else f"{first} {last}"


def _chinese_year(match: re.Match[str], _language: str) -> str:
    return chinese_digits(match.group(1))


def _chinese_years(match: re.Match[str], _language: str) -> str:
    return f"{chinese_digits(match.group(1))}到{chinese_digits(match.group(2))}"


def _between(match: re.Match[str], language: str) -> str:
    return f"{match.group(1)}{'到' if language == 'zh' else ' to '}{match.group(2)}"


def _year(match: re.Match[str], _language: str) -> str:
    return f"{match.group(1)} {_english_year(match.group(2))}"


def _decade(match: re.Match[str], _language: str) -> str:
    tens = {"2": "twenties", "3": "thirties", "4": "forties", "5": "fifties"}
    tens |= {"6": "sixties", "7": "seventies", "8": "eighties", "9": "nineties"}
    return f"{match.group(1)} {tens[match.group(2)]}"


def _time(match: re.Match[str], language: str) -> str | None:
    hour, minute, second, half = match.groups()
    if int(hour) > 24 or int(minute) > 59 or int(second or 0) > 59:
        return None
    if language == "zh" and not half:
        words = ("两" if int(hour) == 2 else _chinese_integer(int(hour))) + "点"
        if minute == "00" and not second:
            return words + "整"
        words += ("零" if minute[0] == "0" and minute != "00" else "") + _chinese_integer(int(minute)) + "分"
        return words + (_chinese_integer(int(second)) + "秒" if second else "")
    if second:
        return None
    if minute == "00":
        return f"{int(hour)} {half}" if half else f"{int(hour)} o'clock" if int(hour) <= 12 else f"{int(hour)} hundred"
    minutes = f"oh {minute[1]}" if minute[0] == "0" else minute
    return f"{int(hour)} {minutes}" + (f" {half}" if half else "")


def _ratio(match: re.Match[str], language: str) -> str:
    one, two = match.groups()
    return f"{chinese_number(one)}比{chinese_number(two)}" if language == "zh" else f"{one} to {two}"


def _percent(match: re.Match[str], language: str) -> str | None:
    if language != "zh":
        return None
    minus, number, sign = match.groups()
    return ("负" if minus else "") + ("千分之" if sign == "‰" else "百分之") + chinese_number(number)


def _money(match: re.Match[str], language: str) -> str:
    sign, number, large = match.group(1), match.group(2), (match.group(3) or "").strip()
    one, more, chinese = _words().currencies[sign]
    whole, _, decimals = number.partition(".")
    if language == "zh" or large in ("万", "亿", "万亿"):
        short = f"{whole}.{decimals.rstrip('0')}".rstrip(".") if decimals else whole
        return _amount(short, large or chinese) + large + chinese
    if large:
        return f"{number} {large} {more}"
    cents = _words().cents.get(sign)
    name = one if number == "1" or (whole == "1" and cents and len(decimals) == 2) else more
    if cents and len(decimals) == 2:
        small = "" if decimals == "00" else f" {int(decimals)} {cents[0] if decimals == '01' else cents[1]}"
        return f"{whole} {name}{small}"
    return f"{number} {name}"


def _unit(match: re.Match[str], language: str) -> str:
    minus, number, unit = match.groups()
    one, more, chinese = _words().units[unit]
    if language == "zh":
        return ("负" if minus else "") + _amount(number, chinese) + chinese
    return f"{'minus ' if minus else ''}{number} {one if number == '1' else more}"


def _range(match: re.Match[str], language: str) -> str | None:
    one, percent, two = match.groups()
    low, high = (float(number.replace(",", "")) for number in (one, two))
    if low >= high or (len(one) > 1 and one[0] == "0" and "." not in one):
        return None
    return f"{one}{percent or ''}{'到' if language == 'zh' else ' to '}{two}"


def _fraction(match: re.Match[str], language: str) -> str | None:
    one, two = int(match.group(1)), int(match.group(2))
    if language == "zh":
        return f"{_chinese_integer(two)}分之{_chinese_integer(one)}" if 0 < one < two else None
    return _FRACTIONS.get(match.group())


def _telephone(match: re.Match[str], language: str) -> str:
    groups = re.findall(r"\d+", match.group())
    if language == "zh":
        return "，".join(chinese_digits(group, "幺") for group in groups)
    return ("plus " if match.group().startswith("+") else "") + ", ".join(" ".join(group) for group in groups)


def _times(_match: re.Match[str], language: str) -> str | None:
    return "乘" if language == "zh" else None


def _numbered(_match: re.Match[str], _language: str) -> str:
    return "number "


@lru_cache(maxsize=1)
def _rules() -> tuple[tuple[re.Pattern[str], Handler], ...]:
    """In the order they are tried; what one has put into words no later one finds."""

    def any_of(signs: Mapping[str, Sequence[str]]) -> str:
        return "|".join(re.escape(sign) for sign in sorted(signs, key=len, reverse=True))

    words = _words()
    flags = re.ASCII
    end = r"(?![\w]|[.,:/-]\d)"
    rules: list[tuple[str, Handler]] = [
        (rf"{_FREE}(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){end}", _date),
        (rf"(?<!\d)(1[1-9]\d\d|20\d\d){_DASH}(1[1-9]\d\d|20\d\d)(?=年)", _chinese_years),
        (r"(?<!\d)(1[1-9]\d\d|20\d\d)(?=年(?!前|以|之|间|来))", _chinese_year),
        (rf"\b([Ii]n|[Ss]ince|[Uu]ntil|[Yy]ear|[Ff]rom) (1[1-9]\d\d|20[1-9]\d){end}(?! [a-z]+s\b)", _year),
        (rf"{_FREE}(1[89]|20)([2-9])0s\b", _decade),
        (rf"{_FREE}(\d{{1,2}}[:：]\d\d) ?{_DASH} ?(\d{{1,2}}[:：]\d\d){end}", _between),
        (rf"{_FREE}(\d{{1,2}})[:：](\d\d)(?:[:：](\d\d))?(?: ?([aApP]\.?[mM]\b))?{end}", _time),
        (rf"{_FREE}(\d{{1,3}})[:：](\d){end}", _ratio),
        (rf"{_FREE}(?:1[3-9]\d{{9}}|0\d{{2,3}}-\d{{7,8}}|[48]00-\d{{3,4}}-\d{{3,4}}){end}", _telephone),
        (rf"(?<![\w.,/:-])(?:\+\d{{1,3}}(?:[ -]\d{{2,4}}){{2,4}}|\(?\d{{3}}\)?[ -]\d{{3}}-\d{{4}}){end}", _telephone),
        (rf"(?<![\w.,/:-])({_NUMBER})([%％]?) ?{_DASH} ?({_NUMBER})(?![\w.,]*{_DASH}\d|[.,:/]\d)", _range),
        (
            rf"({any_of(words.currencies)}) ?({_NUMBER})"
            r"( ?(?:万亿|万|亿)| (?:thousand|million|billion|trillion)\b)?(?:(?<=\d)元)?",
            _money,
        ),
        (rf"(?:(?<![\w)])([-−]))?(?<![\w.,])({_NUMBER})([%％‰])", _percent),
        (rf"(?:(?<![\w)])([-−]))?(?<![\w.,])({_NUMBER}) ?({any_of(words.units)})(?![A-Za-z0-9²³/])", _unit),
        (rf"{_FREE}(\d{{1,2}})/(\d{{1,3}}){end}", _fraction),
        (r"(?<=\d) ?× ?(?=\d)", _times),
        (r"\b[Nn]o\. ?(?=\d)", _numbered),
    ]
    return tuple((re.compile(pattern, flags), handler) for pattern, handler in rules)

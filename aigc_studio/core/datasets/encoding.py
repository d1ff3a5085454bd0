"""Which encoding a text file is in: Unicode by its marks and its form, then Chinese ones by how common their characters
are, then western European. What fits none is refused rather than read as nonsense.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import StudioError
from ..i18n import N_
from .problem import Check, nobody_asks

__all__ = ["decode", "encoding_of", "lines_of", "read_text", "slices_of"]

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_SAMPLE = 1 << 16
"""Bytes by which the encoding is chosen; all are then decoded."""

_SLICE = 1 << 18
"""Bytes decoded at once: a single call over a large text would keep Python's lock, and the window, for seconds."""

_LEAST = 0.25
_PRIOR = 0.2
_EXPECTED = 1.5
"""Of 3: what must be reached, what simplified Chinese has in advance, and what the encoding of the others has."""

_COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成"
    "方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工"
    "使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表"
    "化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活更别打女变四神总何电数安少报才结反"
    "受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且"
    "权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运红绿蓝黄黑图片画花草"
    "树云雪风雨星夜猫狗鸟鱼衣服脸发笑坐站穿背景城街房车船桌椅灯窗春夏秋冬男孩照绘插古典简约可爱"
    "這個們來為國說時會對過發後裡種經麼學現當沒動還進樣開從實軍無長機關點業將兩間問並應戰頭體見產話給門東聲員論處義幾認條"
    "氣題變總電數報結務場計資統區隊決馬書則聽卻達強難權設記類據邊張該規萬覺術領確傳師觀讓識帶導爭運紅綠藍黃圖畫樹雲風貓鳥"
    "魚臉髮燈車簡約愛"
)
"""The most frequent characters of modern Chinese, simplified and traditional, and some of pictures' captions."""

_PUNCTUATION = frozenset("，。、；：？！“”‘’（）《》【】…—·　")
_LEAST_WIDE = 0.6
_SCRIPT = re.compile(r"[\u00a0-\u024f]+|[\u00a0-\u00ff\u0386-\u03ce]+|[\u00a0-\u00bf\u0401-\u045f]+|[\u0590-\u06ff]+")
"""Foreign letters below U+0800 that stand together: Latin, Greek, Cyrillic, Hebrew and Arabic."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_WESTERN = re.compile(r"[À-ÖØ-öø-ÿŒœŠšŽžŸ‘’“”–—…€£§©®°·«»¿¡ª]")


def decode(data: bytes, likely: str = "") -> tuple[str, str]:
    """(text without a byte order mark, name of its encoding). StudioError "text-encoding" when none fits.

    likely: the encoding of other files beside it, which decides where a few characters alone do not.
    """
    return _chosen(data[:_SAMPLE], lambda name: _decoded(data, name), likely)


def encoding_of(path: Path, check: Check = nobody_asks, likely: str = "") -> str:
    """Name of the encoding of a file, which is read to its end in slices. StudioError "text-encoding", OSError."""
    with open(path, "rb") as file:
        sample = file.read(_SAMPLE)

    def head(name: str) -> str | None:
        """The beginning of the text; None when anything of it is not in this encoding."""
        decoder = codecs.getincrementaldecoder(name)()
        first: str | None = None
        try:
            with open(path, "rb") as file:
                while data := file.read(_SLICE):
                    check()
                    text = decoder.decode(data)
                    first = text[:_SAMPLE] if first is None else first
            return (first or "") + decoder.decode(b"", True)
        except UnicodeError:
            return None

    return _chosen(sample, head, likely)[1]


def slices_of(path: Path, name: str, check: Check = nobody_asks, size: int = 1 << 16) -> Iterator[str]:
    """A file's text without a byte order mark, some 65,000 characters at a time. name: see `encoding_of`."""
    try:
        with open(path, encoding=name, newline="") as file:
            while text := file.read(size):
                check()
                yield text
    except UnicodeError as error:  # it became another file meanwhile
        raise _unknown() from error


def lines_of(
    path: Path, name: str, longest: int, check: Check = nobody_asks, newline: str | None = "\n"
) -> Iterator[str | None]:
    """The lines of a file with their ends; None for one of more than `longest` characters. newline: as of `open`."""
    try:
        with open(path, encoding=name, newline=newline) as file:
            number = 0
            while line := file.readline(longest):
                number += 1
                if number % 1024 == 0 or len(line) > _SLICE:
                    check()
                if len(line) < longest or line.endswith(("\n", "\r")):
                    yield line
                    continue
                while (rest := file.readline(_SLICE)) and not rest.endswith(("\n", "\r")):
                    check()
                yield None
    except UnicodeError as error:
        raise _unknown() from error


def _unknown() -> StudioError:
    return StudioError(
        N_("The encoding of the text is not known; open it in an editor and save it as UTF-8."), code="text-encoding"
    )


def _chosen(sample: bytes, attempt: Callable[[str], str | None], likely: str) -> tuple[str, str]:
    """(what `attempt` makes of an encoding, name of the encoding). attempt: from a name to the text or its beginning,
    None when it is not in that encoding. sample: the first bytes."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            text = attempt(name)
            if text is None:
                break
            return text, name
    else:
        unicode = attempt("utf-8")
        if unicode is not None and sample.count(0) * 10 > len(sample):
            unicode = None
        if unicode is not None and not _is_odd(unicode[:_SAMPLE]):
            return unicode, "utf-8"
        for name in _guesses(sample, likely):
            if (text := attempt(name)) is not None:
                return text, name
        if unicode is not None:
            return unicode, "utf-8"
    raise _unknown()


def _decoded(data: bytes, name: str) -> str | None:
    try:
        if len(data) <= _SLICE:
            return data.decode(name)
        decoder = codecs.getincrementaldecoder(name)()
        parts = [decoder.decode(data[at : at + _SLICE]) for at in range(0, len(data), _SLICE)]
        return "".join([*parts, decoder.decode(b"", True)])
    except UnicodeError:
        return None


def _guesses(sample: bytes, expected: str) -> list[str]:
    """Encodings without a mark that this may be, the likeliest first."""
    wide = sorted(((_wideness(sample, name), name) for name in ("utf-16-le", "utf-16-be")), reverse=True)
    if wide[0][0] > _LEAST_WIDE:
        return [wide[0][1]]
    if b"\0" in sample:
        return []
    scores = {name: _likeness(sample, name) for name in ("gb18030", "big5")}
    chances = {name: score + _EXPECTED * (name == expected) for name, score in scores.items() if score > _LEAST}
    chances |= {"gb18030": chances["gb18030"] + _PRIOR} if "gb18030" in chances else {}
    likely = sorted(chances, key=lambda name: -chances[name])
    return likely if likely or not _is_western(sample) else ["cp1252"]


def _is_odd(text: str) -> bool:
    """Whether UTF-8 that could be read is a mixture of scripts that nobody writes: two bytes of Chinese may look so."""
    foreign = "".join(_FOREIGN.findall(text))
    return 0 < len(foreign) < 100 and max(map(ord, foreign)) < 0x800 and not _SCRIPT.fullmatch(foreign)


def _wideness(sample: bytes, name: str) -> float:
    """How much this looks like UTF-16 of this order: 0 to 1."""
    text = _decoded(sample[: len(sample) // 2 * 2], name) if len(sample) % 2 == 0 else None
    if not text or _CONTROL.search(text):
        return 0.0
    plain = sum(char < "\x7f" for char in text)
    usual = plain + sum(char in _COMMON or char in _PUNCTUATION for char in text) + len(re.findall(r"[À-ɏ]", text))
    other = len(_HAN.findall(text)) - sum(char in _COMMON for char in text)
    return (usual + other / 3) / len(text)


def _likeness(sample: bytes, name: str) -> float:
    """How much a text looks like Chinese when it is read as this: 0 to 3."""
    # A sample may be cut within a character.
    text = next((text for cut in range(4) if (text := _decoded(sample[: len(sample) - cut], name)) is not None), None)
    if text is None or _CONTROL.search(text):
        return 0.0
    foreign = _FOREIGN.findall(text)
    han = _HAN.findall(text)
    if len(han) * 2 < len(foreign):
        return 0.0
    common = sum(char in _COMMON for char in han) / max(1, len(han))
    return 2 * common + sum(_is_usual(char, name) for char in han) / max(1, len(han))


def _is_usual(char: str, name: str) -> bool:
    """Whether a character is of the first level of its standard, some 3,800 or 5,400 characters."""
    try:
        data = char.encode("gb2312" if name == "gb18030" else "big5")
    except UnicodeEncodeError:
        return False
    return 0xB0 <= data[0] <= 0xD7 if name == "gb18030" else 0xA4 <= data[0] <= 0xC6


def _is_western(sample: bytes) -> bool:
    """Mostly plain letters, with accents and typographic signs between them."""
    text = _decoded(sample, "cp1252")
    if text is None or _CONTROL.search(text):
        return False
    foreign = _FOREIGN.findall(text)
    return len(foreign) * 3 <= len(text) and all(_WESTERN.match(char) for char in foreign)


def read_text(data: bytes) -> str:
    """`decode`, with line ends as line feeds and without what no text has (control characters)."""
    text = decode(data)[0].replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", text)

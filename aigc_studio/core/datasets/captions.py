"""What is said about each picture of a folder: from a text beside it, from a table, else from its name.

`<name>.txt` (or `.caption`) beside the picture, one caption a line, and an empty one says that there is none; where two
pictures differ in their suffix only, each may have a text of its full name, `<name>.png.txt`. `captions`, `metadata`,
`names`, `labels` or `prompts` as `.csv`, `.tsv`, `.jsonl` or `.json` in its folder or above (Hugging Face's
"imagefolder", kohya's `meta_cap.json`, names in several languages). The file's own name without numbers, or the name of
its folder.
"""

from __future__ import annotations

import csv
import json
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ..errors import StudioError
from ..i18n import N_
from ..store.files import plain_errors
from .encoding import decode, encoding_of, lines_of
from .problem import Check, Problem, nobody_asks, readable
from .walk import LINK

__all__ = ["BESIDE", "LONGEST", "MOST_BYTES", "Captions", "beside", "clean", "from_name", "lines_of_text", "read"]

BESIDE = (".txt", ".caption")
"""Suffixes of texts beside pictures."""

LONGEST = 4000
"""Characters of a caption that are kept."""

MOST_BYTES = 256 << 10
"""Of a text beside a picture."""

_FEW = 4
_LARGEST_TABLE = 512 << 20
_LARGEST_OBJECT = 32 << 20
"""Bytes of a table in one piece of JSON; others are read line by line."""
_LONGEST_LINE = 1 << 20
_TABLES = tuple(
    f"{name}{suffix}"
    for name in ("captions", "metadata", "names", "labels", "prompts", "meta_cap")
    for suffix in (".csv", ".tsv", ".jsonl", ".json")
)
_NAMES = "file_name filename file image path image_path img name 文件 文件名 图片"
_FILE_FIELDS = tuple(_NAMES.split())
_WORDS = """
caption captions text texts prompt description alt title label tags en zh zh_cn english chinese caption_en caption_zh
描述 标题 说明 提示词 中文 英文
"""
_TEXT_FIELDS = tuple(_WORDS.split())
"""Fields and columns of tables, those of a file and those of what is said about it, in order of preference."""

_CAMERA = re.compile(
    r"^(?:img|dsc[fn]?|dscn|pxl|mvimg|pict|p|photo|image|picture|pic|screenshot|screen shot|scan|untitled|download|"
    r"截图|图片|微信图片|mmexport|wx|snip|file|frame|sample|drawing)$",
    re.IGNORECASE,
)
_PLAIN_FOLDER = re.compile(
    r"^(?:train(?:ing)?|test|val(?:id(?:ation)?)?|images?|imgs?|pictures?|pics?|photos?|drawings?|data(?:set)?s?|png|"
    r"jpe?g|webp|raw|files?|in(?:put)?|out(?:put)?|samples?|all|icons?|dcim|export|new folder|"
    r"新建文件夹|图片|照片|数据|训练|素材)?[\s_\-]*[0-9x]*$",
    re.IGNORECASE,
)
"""Names of folders that say nothing of what is in them."""

_NUMBER = re.compile(r"[0-9]+(?:x[0-9]+|px|k)?|(?=.*[0-9])(?:u|0x)?[0-9a-f]{4,}|v[0-9]{1,2}", re.IGNORECASE)
"""Counts, sizes, hashes, code points and versions within a name."""


@dataclass
class Captions:
    """texts: file to its captions, alternatives of each other; files without one are left out.

    sources: file to where they come from: a "text" beside, a "table", a "name". problems: texts that could not be read.
    """

    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)


def read(folder: Path, files: Iterable[str], check: Check = nobody_asks) -> Captions:
    """Captions of pictures, given relative to the folder with "/" between. Nothing is raised for a broken text."""
    found = Captions()
    reader = _Reader(folder, found, check)
    for number, file in enumerate(files):
        if number % 64 == 0:
            check()
        place = PurePosixPath(file)
        if (said := reader.beside(place)) is not None:
            if said:
                found.texts[file], found.sources[file] = said, "text"
            continue
        for source, texts in (("table", reader.listed(place)), ("name", (from_name(place),))):
            kept = tuple(dict.fromkeys(text for text in map(clean, texts) if text and not text.isdecimal()))
            if kept:
                found.texts[file] = kept
                found.sources[file] = source
                break
    _forget_numbered(found)
    return found


def beside(folder: Path, files: Iterable[str], check: Check = nobody_asks) -> dict[str, tuple[str, ...]]:
    """What the texts beside pictures say now; pictures without such a text are left out."""
    reader = _Reader(folder, Captions(), check)
    texts: dict[str, tuple[str, ...]] = {}
    for number, file in enumerate(files):
        if number % 64 == 0:
            check()
        if (said := reader.beside(PurePosixPath(file))) is not None:
            texts[file] = said
    return texts


def _forget_numbered(found: Captions) -> None:
    """Take back what is the same word in most names ("emoji_u1f600.png"): it tells no picture from another."""
    stems = {file: _words(PurePosixPath(file).stem) for file, source in found.sources.items() if source == "name"}
    for word, count in Counter(word for word in stems.values() if word).most_common(1):
        if count >= _FEW and 2 * count > len(stems):
            for file in [file for file, stem in stems.items() if stem == word]:
                del found.texts[file], found.sources[file]


def clean(text: str) -> str:
    """One line, without control characters, not endless."""
    return re.sub(r"[\s\x00-\x1f\x7f\ufeff]+", " ", readable(text)).strip()[:LONGEST].strip()


def lines_of_text(text: str) -> tuple[str, ...]:
    """The captions in a text, one a line, each once."""
    return tuple(dict.fromkeys(line for line in map(clean, text.splitlines()) if line))


def from_name(place: PurePosixPath) -> str:
    """What a file's name says: its words without numbers, hashes and what cameras write; else its folder's; else ""."""
    words = _words(place.stem)
    if words or _PLAIN_FOLDER.match(place.parent.name):
        return words
    return _words(place.parent.name)  # "10_blue cup" (kohya: repeats and name), "cats/0001.jpg"


def _words(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", name)
    words = [word for word in re.split(r"[\s_\-.,+~@()\[\]{}]+", spaced) if word and not _NUMBER.fullmatch(word)]
    text = " ".join(re.sub(r"(?<=\D)[0-9]{2,}$", "", word) for word in words)
    return "" if _CAMERA.match(text) or (len(text) < 2 and text.isascii()) else text


class _Beside(NamedTuple):
    """What lies beside the pictures of one folder: texts, and tables in the order in which they are asked."""

    texts: frozenset[str]
    tables: tuple[str, ...]


class _Reader:
    """The texts and tables of one folder, each table read once."""

    def __init__(self, folder: Path, found: Captions, check: Check = nobody_asks) -> None:
        self.folder = folder
        self.found = found
        self.check = check
        self.encodings: Counter[str] = Counter()
        self.tables: dict[str, dict[str, tuple[str, ...]]] = {}
        self.folders: dict[PurePosixPath, _Beside] = {}
        self.chains: dict[PurePosixPath, list[tuple[PurePosixPath, str]]] = {}

    def beside(self, place: PurePosixPath) -> tuple[str, ...] | None:
        """The captions in a file of the picture's name, () for an empty one; None where there is none to be read."""
        here = self._here(place.parent).texts
        for suffix in BESIDE if here else ():
            for name in (place.name + suffix, place.stem + suffix):
                if name in here:
                    text = self._text(place.parent / name, MOST_BYTES)
                    if text is not None:
                        return lines_of_text(text)
        return None

    def listed(self, place: PurePosixPath) -> tuple[str, ...]:
        """What a table in the picture's folder or one above says."""
        for parent, name in self._above(place.parent):
            table = self._table(parent / name)
            inside = place.relative_to(parent)
            for key in (str(inside), str(inside.with_suffix("")), inside.name, inside.stem):
                if texts := table.get(key.casefold()):
                    return texts
        return ()

    def _above(self, parent: PurePosixPath) -> list[tuple[PurePosixPath, str]]:
        """(folder, table) of all tables in a folder and above it, the nearest first."""
        if parent not in self.chains:
            folders = (parent, *parent.parents)
            self.chains[parent] = [(folder, name) for folder in folders for name in self._here(folder).tables]
        return self.chains[parent]

    def _here(self, parent: PurePosixPath) -> _Beside:
        if parent not in self.folders:
            names: set[str] = set()
            try:
                with os.scandir(self.folder / parent) as entries:
                    for entry in entries:
                        if os.path.splitext(entry.name)[1] not in BESIDE and entry.name not in _TABLES:
                            continue
                        if entry.is_file(follow_symlinks=False):  # opening a pipe or a device could wait for ever
                            names.add(entry.name)
                        elif entry.is_symlink():
                            self.found.problems.append(Problem(readable(str(parent / entry.name)), "link", LINK))
            except OSError:
                pass
            texts = frozenset(name for name in names if os.path.splitext(name)[1] in BESIDE)
            self.folders[parent] = _Beside(texts, tuple(name for name in _TABLES if name in names))
        return self.folders[parent]

    def _text(self, place: PurePosixPath, most: int) -> str | None:
        """A file as text; None, and a problem, when it cannot be read."""
        try:
            with plain_errors():
                data = _bytes(self.folder / place, most)
            text, name = decode(data, self._likely())
        except StudioError as error:
            self.found.problems.append(Problem.of(str(place), error))
            return None
        if not data.isascii():
            self.encodings[name] += 1
        return text

    def _likely(self) -> str:
        likely = self.encodings.most_common(1)
        return likely[0][0] if likely else ""

    def _table(self, place: PurePosixPath) -> dict[str, tuple[str, ...]]:
        key = str(place)
        if key not in self.tables:
            table = self.tables[key] = {}
            try:
                with plain_errors():
                    for number, (name, texts) in enumerate(self._rows(place)):
                        if number % 1024 == 0:
                            self.check()
                        if texts:
                            table.setdefault(name.replace("\\", "/").removeprefix("./").casefold(), texts)
            except StudioError as error:
                self.found.problems.append(Problem.of(key, error))
            except (ValueError, csv.Error, RecursionError) as error:
                problem = N_("This table of captions cannot be read ({reason}); repair it or export it again.")
                params = {"reason": str(error)[:200]}
                self.found.problems.append(Problem(readable(key), "caption-table", problem, params))
        return self.tables[key]

    def _rows(self, place: PurePosixPath) -> Rows:
        """What a table says, a row at a time; see `_table` for what may be raised."""
        suffix = place.suffix.lower()
        if suffix == ".json":
            text = self._text(place, _LARGEST_OBJECT)
            return _object(text) if text is not None else iter(())
        path = self.folder / place
        if not stat.S_ISREG((facts := path.lstat()).st_mode):
            return iter(())
        if facts.st_size > _LARGEST_TABLE:
            raise _too_long(_LARGEST_TABLE)
        name = encoding_of(path, self.check, self._likely())
        newline = "\n" if suffix == ".jsonl" else ""
        lines = lines_of(path, name, _LONGEST_LINE, self.check, newline)
        return _lines(lines) if suffix == ".jsonl" else _separated(line or "" for line in lines)


def _bytes(path: Path, most: int) -> bytes:
    """What a file holds. StudioError when that is more than `most` bytes, or when it is no file; OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        data = file.read(most + 1) if regular else b""
    if len(data) > most:
        raise _too_long(most)
    return data


def _too_long(most: int) -> StudioError:
    return StudioError(
        N_("This text is too long for captions; the limit is {limit} KB."), code="caption-size", limit=most >> 10
    )


Rows = Iterator[tuple[str, tuple[str, ...]]]


def _separated(lines: Iterator[str]) -> Rows:
    """(file, captions) of lines with commas, semicolons or tabs; without a header the first column is the file."""
    head = next(lines, "")
    mark = max("\t,;", key=head.count)
    quoting = csv.QUOTE_MINIMAL if mark != "\t" else csv.QUOTE_NONE
    rows = csv.reader(chain((head,), lines), delimiter=mark, quoting=quoting)
    first = next(rows, [])
    titles = [title.strip().strip('"').lower() for title in first]
    place = next((titles.index(name) for name in _FILE_FIELDS if name in titles), None)
    if place is None:
        place, columns = 0, list(range(1, len(first)))
        yield _row(first, place, columns)
    else:
        known = [index for index, title in enumerate(titles) if title in _TEXT_FIELDS and index != place]
        columns = known or [index for index in range(len(titles)) if index != place][:1]
    for row in rows:
        if row:
            yield _row(row, place, columns)


def _row(row: list[str], place: int, columns: list[int]) -> tuple[str, tuple[str, ...]]:
    name = row[place].strip() if place < len(row) else ""
    return name, tuple(row[index] for index in columns if index < len(row) and row[index].strip())


def _lines(lines: Iterable[str | None]) -> Rows:
    """(file, captions) of one JSON object a line."""
    broken = 0
    for line in lines:
        if line is not None and not line.strip():
            continue
        try:
            record = json.loads(line or "")
        except (ValueError, RecursionError):
            broken += 1
            continue
        if isinstance(record, dict):
            yield _record(record)
    if broken:
        raise ValueError(f"{broken} lines are no JSON")


def _object(text: str) -> Rows:
    """(file, captions) of one JSON list of objects, or an object from files to captions: item by item, since all of
    them at once would keep Python's lock for long. ValueError at what is no JSON."""
    at = _blanks(text, 0)
    kind = text[at : at + 1]
    if kind not in ("[", "{"):
        json.loads(text[at : at + 1000])
        return
    end = "]" if kind == "[" else "}"
    read = json.JSONDecoder().raw_decode
    at = _blanks(text, at + 1)
    while not text.startswith(end, at):
        name = ""
        if kind == "{":
            name, at = read(text, at)
            at = _mark(text, at, ":")
        value, at = read(text, at)
        if kind == "{":
            yield str(name), _record(value)[1] if isinstance(value, dict) else _texts(value)
        elif isinstance(value, dict):
            yield _record(value)
        if not text.startswith(end, at := _blanks(text, at)):
            at = _mark(text, at, ",")
            if text.startswith(end, at):
                raise json.JSONDecodeError("Expecting value", text, at)


def _blanks(text: str, at: int) -> int:
    found = re.compile(r"[ \t\r\n]*").match(text, at)
    return found.end() if found else at


def _mark(text: str, at: int, mark: str) -> int:
    """Where JSON goes on after a comma or a colon."""
    if not text.startswith(mark, at := _blanks(text, at)):
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, at)
    return _blanks(text, at + 1)


def _record(record: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    lower = {str(key).lower(): value for key, value in record.items()}
    name = next((value for key in _FILE_FIELDS if isinstance(value := lower.get(key), str) and value), "")
    texts = [text for key in _TEXT_FIELDS for text in _texts(lower.get(key))]
    return name, tuple(text for text in texts if text != name)


def _texts(value: Any) -> tuple[str, ...]:
    """A text, or those of a list."""
    if isinstance(value, str):
        return (value,) if value.strip() else ()
    return tuple(text for text in value if isinstance(text, str) and text.strip()) if isinstance(value, list) else ()

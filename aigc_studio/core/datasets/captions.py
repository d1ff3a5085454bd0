"""What is said about each picture of a folder: from a text beside it, from a table, else from its name.

`<name>.txt` (or `.caption`) beside the picture; `captions`, `metadata`, `names`, `labels` or `prompts` as `.csv`,
`.tsv`, `.jsonl` or `.json` in its folder or above (Hugging Face's "imagefolder", kohya's `meta_cap.json`, names in
several languages); the file's own name without numbers, or the name of its folder.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ..errors import StudioError
from ..i18n import N_
from ..store.files import plain_errors, write_atomically
from .encoding import decode
from .problem import Check, Problem, nobody_asks, readable

__all__ = ["BESIDE", "LONGEST", "Captions", "from_name", "read", "write"]

BESIDE = (".txt", ".caption")
"""Suffixes of texts beside pictures."""

LONGEST = 4000
"""Characters of a caption that are kept."""

_FEW = 4
_LARGEST_TEXT = 256 << 10
_LARGEST_TABLE = 512 << 20
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
    reader = _Reader(folder, found)
    for number, file in enumerate(files):
        if number % 64 == 0:
            check()
        place = PurePosixPath(file)
        for source, texts in (
            ("text", reader.beside(place)),
            ("table", reader.listed(place)),
            ("name", (from_name(place),)),
        ):
            kept = tuple(dict.fromkeys(text for text in map(clean, texts) if text and not text.isdecimal()))
            if kept:
                found.texts[file] = kept
                found.sources[file] = source
                break
    _forget_numbered(found)
    return found


def _forget_numbered(found: Captions) -> None:
    """Take back what is the same word in most names ("emoji_u1f600.png"): it tells no picture from another."""
    stems = {file: _words(PurePosixPath(file).stem) for file, source in found.sources.items() if source == "name"}
    for word, count in Counter(word for word in stems.values() if word).most_common(1):
        if count >= _FEW and 2 * count > len(found.sources):
            for file in [file for file, stem in stems.items() if stem == word]:
                del found.texts[file], found.sources[file]


def clean(text: str) -> str:
    """One line, without control characters, not endless."""
    return re.sub(r"[\s\x00-\x1f\x7f\ufeff]+", " ", readable(text)).strip()[:LONGEST].strip()


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

    def __init__(self, folder: Path, found: Captions) -> None:
        self.folder = folder
        self.found = found
        self.encodings: Counter[str] = Counter()
        self.tables: dict[str, dict[str, tuple[str, ...]]] = {}
        self.folders: dict[PurePosixPath, _Beside] = {}
        self.chains: dict[PurePosixPath, list[tuple[PurePosixPath, str]]] = {}

    def beside(self, place: PurePosixPath) -> tuple[str, ...]:
        """The text in a file of the picture's name."""
        here = self._here(place.parent).texts
        for suffix in BESIDE if here else ():
            for name in (place.stem + suffix, place.name + suffix):
                if name in here:
                    text = self._text(place.parent / name, _LARGEST_TEXT)
                    if text is not None and text.strip():
                        return (text,)
        return ()

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
            try:
                names = set(os.listdir(self.folder / parent))
            except OSError:
                names = set()
            texts = frozenset(name for name in names if os.path.splitext(name)[1] in BESIDE)
            self.folders[parent] = _Beside(texts, tuple(name for name in _TABLES if name in names))
        return self.folders[parent]

    def _text(self, place: PurePosixPath, most: int) -> str | None:
        """A file as text; None, and a problem, when it cannot be read."""
        try:
            with plain_errors():
                path = self.folder / place
                if path.stat().st_size > most:
                    raise StudioError(
                        N_("This text is too long for captions; the limit is {limit} KB."),
                        code="caption-size",
                        limit=most >> 10,
                    )
                data = path.read_bytes()
            likely = self.encodings.most_common(1)
            text, name = decode(data, likely[0][0] if likely else "")
        except StudioError as error:
            self.found.problems.append(Problem.of(str(place), error))
            return None
        if not data.isascii():
            self.encodings[name] += 1
        return text

    def _table(self, place: PurePosixPath) -> dict[str, tuple[str, ...]]:
        key = str(place)
        if key not in self.tables:
            self.tables[key] = {}
            text = self._text(place, _LARGEST_TABLE)
            if text is not None:
                rows = {".jsonl": _lines, ".json": _object}.get(place.suffix.lower(), _separated)
                try:
                    for name, texts in rows(text):
                        if texts:
                            self.tables[key].setdefault(name.replace("\\", "/").removeprefix("./").casefold(), texts)
                except (ValueError, csv.Error, RecursionError) as error:
                    problem = N_("This table of captions cannot be read ({reason}); repair it or export it again.")
                    params = {"reason": str(error)[:200]}
                    self.found.problems.append(Problem(readable(key), "caption-table", problem, params))
        return self.tables[key]


Rows = Iterator[tuple[str, tuple[str, ...]]]


def _separated(text: str) -> Rows:
    """(file, captions) of lines with commas, semicolons or tabs; without a header the first column is the file."""
    head = text.partition("\n")[0]
    mark = max("\t,;", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark, quoting=csv.QUOTE_MINIMAL if mark != "\t" else 3)
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


def _lines(text: str) -> Rows:
    """(file, captions) of one JSON object a line."""
    broken = 0
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            broken += 1
            continue
        if isinstance(record, dict):
            yield _record(record)
    if broken:
        raise ValueError(f"{broken} lines are no JSON")


def _object(text: str) -> Rows:
    """(file, captions) of one JSON list of objects, or an object from files to captions."""
    data = json.loads(text)
    if isinstance(data, list):
        yield from (_record(record) for record in data if isinstance(record, dict))
    elif isinstance(data, dict):
        for name, value in data.items():
            yield str(name), _record(value)[1] if isinstance(value, dict) else _texts(value)


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


def write(folder: Path, texts: Mapping[str, str], *, replace: bool = False) -> int:
    """Write captions as `<name>.txt` beside their pictures; returns how many. replace: also where there is one."""
    written = 0
    with plain_errors():
        for file, text in texts.items():
            path = (folder / file).with_suffix(BESIDE[0])
            if text and (replace or not path.exists()):
                with write_atomically(path) as out:
                    out.write((clean(text) + "\n").encode("utf-8"))
                written += 1
    return written

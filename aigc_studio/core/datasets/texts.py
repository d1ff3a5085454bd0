"""A folder of texts as something to learn from: Markdown, plain text, JSON lines and Word files, read and cleaned.

A document is one text: a whole file, or one line of a `.jsonl` (fields "text" or "content", "prompt" with "completion",
or "messages" of a chat). Equal documents are kept once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..errors import StudioError
from ..i18n import N_
from ..store.files import plain_errors
from .cleaning import clean, cleaned
from .encoding import encoding_of, lines_of, slices_of
from .problem import Check, Problem, Progress, nobody_asks, nobody_looks, readable
from .walk import find

__all__ = [
    "SUFFIXES",
    "TextDocument",
    "TextFigures",
    "TextReport",
    "TextSurvey",
    "clean",
    "language_of",
    "scan",
    "survey",
]

SUFFIXES = frozenset({".txt", ".text", ".md", ".markdown", ".jsonl", ".docx"})

_OTHERS = frozenset({".doc", ".pdf", ".rtf", ".odt", ".epub", ".wps", ".pages", ".html", ".htm"})
"""Texts that are not opened, and are told of."""

_LARGEST = 512 << 20
"""Bytes of one file."""
_LARGEST_ALL = 2 << 30
"""Bytes of a folder: all of it is held in memory by `scan`."""
_LONGEST_LINE = 4 << 20
"""Characters of one line of a .jsonl: JSON is read in one piece, during which nothing else runs."""
_SAMPLE = 20_000
"""Characters by which the language of a text is told."""
_LARGEST_UNPACKED = 256 << 20
_MOST_BAD_LINES = 5
_STAGE = N_("Reading the texts")

_USER = ("prompt", "instruction", "question", "input", "query")
_ANSWER = ("completion", "response", "output", "answer", "chosen")
_PLAIN = ("text", "content", "body", "story", "poem", "正文", "内容")
_TITLE = ("title", "name", "heading", "标题")
_ROLES = {
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "user": "user",
    "assistant": "assistant",
    "system": "system",
}


@dataclass(frozen=True, slots=True)
class TextDocument:
    """One text. title: "" for none. file: relative to the folder. language: "zh", "en" or "" for another.

    turns: (role, text) pairs of a conversation or of a prompt with its completion, () for a plain text; roles are
    "system", "user" and "assistant". text is then all of it, one part after another.
    """

    title: str
    text: str
    file: str
    language: str
    turns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TextReport:
    """What a folder holds. duplicates: documents left out since another is equal. ignored: files that are no texts."""

    folder: Path
    documents: tuple[TextDocument, ...] = ()
    problems: tuple[Problem, ...] = ()
    duplicates: int = 0
    ignored: int = 0

    @property
    def characters(self) -> int:
        """Of all documents together."""
        return sum(len(document.text) for document in self.documents)

    def require(self) -> None:
        """StudioError "data-empty" when there is nothing to read."""
        if self.documents:
            return
        if self.problems:
            raise StudioError(
                N_('No text in "{folder}" can be used; the data report says what is wrong with each.'),
                code="data-empty",
                folder=readable(str(self.folder)),
            )
        raise StudioError(
            N_('There are no texts in "{folder}"; choose a folder with .txt, .md, .jsonl or .docx files.'),
            code="data-empty",
            folder=readable(str(self.folder)),
        )

    def digest(self) -> str:
        """One hash for all documents, whatever their files are called."""
        return self._figures().digest()

    def summary(self) -> dict[str, Any]:
        """The figures, in JSON's types."""
        return self._figures().summary(self.folder, self.problems, self.duplicates)

    def _figures(self) -> TextFigures:
        figures = TextFigures()
        for document in self.documents:
            figures.add(
                document.file, len(document.text), _digest(document.text), document.language, bool(document.turns)
            )
        return figures

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "folder": str(self.folder),
            "documents": [asdict(document) for document in self.documents],
            "problems": [problem.to_json() for problem in self.problems],
            "duplicates": self.duplicates,
            "ignored": self.ignored,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TextReport:
        """The inverse of `to_json`."""
        documents = (
            TextDocument(**{**document, "turns": tuple((role, text) for role, text in document["turns"])})
            for document in data["documents"]
        )
        problems = tuple(Problem.from_json(problem) for problem in data["problems"])
        return cls(Path(data["folder"]), tuple(documents), problems, data["duplicates"], data["ignored"])


class TextFigures:
    """What is counted of documents, which need not be there any more."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._lengths: array[int] = array("q")
        self._languages: Counter[str] = Counter()
        self._chats = 0
        self._digests = 0

    def add(self, file: str, length: int, digest: bytes, language: str, chat: bool) -> None:
        """One more document. digest: 16 bytes; those of all are added up, since their order says nothing."""
        self._files.add(file)
        self._lengths.append(length)
        self._languages[language or "other"] += 1
        self._chats += chat
        self._digests = (self._digests + int.from_bytes(digest, "big")) % (1 << 128)

    def digest(self) -> str:
        """One hash for all documents."""
        data = self._digests.to_bytes(16, "big") + len(self._lengths).to_bytes(8, "big")
        return hashlib.blake2b(data, digest_size=16).hexdigest()

    def summary(self, folder: Path, problems: Iterable[Problem], duplicates: int) -> dict[str, Any]:
        """The figures, in JSON's types."""
        lengths = np.sort(np.array(self._lengths, np.int64))
        count = len(lengths)
        return {
            "kind": "texts",
            "folder": readable(str(folder)),
            "files": len(self._files),
            "documents": count,
            "characters": int(lengths.sum()),
            "languages": dict(self._languages),
            "chats": self._chats,
            "problems": dict(Counter(problem.code for problem in problems)),
            "duplicates": duplicates,
            "shortest": int(lengths[0]) if count else 0,
            "median": int(lengths[count // 2]) if count else 0,
            "longest": int(lengths[-1]) if count else 0,
            "digest": self.digest(),
        }


@dataclass(frozen=True)
class TextSurvey:
    """What a folder holds without the texts themselves. figures: as of `TextReport.summary`. first: of the first texts
    title (else file) and beginning."""

    folder: Path
    figures: Mapping[str, Any]
    problems: tuple[Problem, ...]
    first: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Draft:
    """A document whose text comes in slices, once; none of them is empty, and there is at least one."""

    title: str
    slices: Iterable[str]
    file: str
    turns: tuple[tuple[str, str], ...] = ()


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def scan(folder: Path, check: Check = nobody_asks, progress: Progress = nobody_looks) -> TextReport:
    """Read every text below a folder; its order depends on the names alone. StudioError when it cannot be read at all;
    of an empty folder the report is empty."""
    seen: set[bytes] = set()
    documents: list[TextDocument] = []
    duplicates = 0

    def take(draft: _Draft) -> None:
        nonlocal duplicates
        text = "".join(draft.slices)
        key = _digest(text)
        if key in seen:
            duplicates += 1
        else:
            seen.add(key)
            documents.append(TextDocument(draft.title, text, draft.file, language_of(text), draft.turns))

    problems, ignored = _walk(folder, take, check, progress)
    return TextReport(folder, tuple(documents), problems, duplicates, ignored)


def survey(
    folder: Path,
    check: Check = nobody_asks,
    progress: Progress = nobody_looks,
    *,
    excerpts: int = 6,
    length: int = 240,
) -> TextSurvey:
    """`scan` that keeps no texts but the beginnings of the first ones: `excerpts` of at most `length` characters."""
    seen: set[bytes] = set()
    figures = TextFigures()
    first: list[tuple[str, str]] = []
    duplicates = 0

    def take(draft: _Draft) -> None:
        nonlocal duplicates
        found = hashlib.blake2b(digest_size=16)
        count, sample = 0, ""
        for part in draft.slices:
            found.update(part.encode())
            count += len(part)
            if len(sample) < _SAMPLE:
                sample += part[:_SAMPLE]
        if (key := found.digest()) in seen:
            duplicates += 1
            return
        seen.add(key)
        figures.add(draft.file, count, key, language_of(sample), bool(draft.turns))
        if len(first) < excerpts:
            first.append((draft.title or draft.file, " ".join(sample[:length].split())))

    problems, _ignored = _walk(folder, take, check, progress)
    return TextSurvey(folder, figures.summary(folder, problems, duplicates), problems, tuple(first))


def _walk(
    folder: Path, take: Callable[[_Draft], None], check: Check, progress: Progress
) -> tuple[tuple[Problem, ...], int]:
    """Give every document of a folder to `take`; returns (problems, how many files are no texts)."""
    found = find(folder, _is_wanted, check, progress)
    problems = list(found.problems)
    read = 0
    for done, file in enumerate(found.files, 1):
        check()
        try:
            with plain_errors():
                read += (folder / file).stat().st_size
                if read > _LARGEST_ALL:
                    problems.append(_too_much(folder))
                    break
                for draft in _documents(folder, file, problems, check):
                    take(draft)
        except StudioError as error:
            problems.append(Problem.of(file, error))
        progress(done, len(found.files), _STAGE)
    problems.sort(key=lambda problem: (problem.file, problem.code))
    return tuple(problems), found.ignored


def _too_much(folder: Path) -> Problem:
    text = N_("There are more than {limit} MB of texts; what comes after them is not read.")
    return Problem(readable(folder.name), "text-limit", text, {"limit": _LARGEST_ALL >> 20})


def _is_wanted(name: str, path: Path) -> bool:
    suffix = os.path.splitext(name)[1].lower()
    return (suffix in SUFFIXES or suffix in _OTHERS) and not name.startswith("~$")  # Word's lock files


def _documents(folder: Path, file: str, problems: list[Problem], check: Check) -> Iterator[_Draft]:
    path = folder / file
    suffix = path.suffix.lower()
    size = path.stat().st_size
    if suffix in _OTHERS:
        raise StudioError(
            N_("Texts of this format ({format}) are not read; save it as .txt, .md or .docx."),
            code="text-format",
            format=suffix[1:].upper(),
        )
    if size == 0:
        raise StudioError(N_('The file "{name}" is empty; export it again.'), code="empty", name=path.name)
    if size > _LARGEST:
        raise StudioError(
            N_('The file "{name}" is {size} MB; the limit is {limit} MB. Split it and try again.'),
            code="file-size",
            name=path.name,
            size=size >> 20,
            limit=_LARGEST >> 20,
        )
    name = readable(file)
    if suffix == ".jsonl":
        yield from _lines(lines_of(path, encoding_of(path, check), _LONGEST_LINE, check), name, problems)
        return
    slices = _word_text(path) if suffix == ".docx" else slices_of(path, encoding_of(path, check), check)
    title = readable(PurePosixPath(file).stem)
    if suffix in (".md", ".markdown"):
        title, slices = _markdown(slices, title)
    slices = cleaned(slices)
    first = next(slices, "")
    if not first:
        raise StudioError(N_("There is no text in this file."), code="text-empty")
    yield _Draft(title, chain((first,), slices), name)


_FRONT = re.compile(r"\A---[ \t]*\n(?P<matter>.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"\A\s*#[ \t]+(?P<title>[^\s#][^\n]*)")


def _markdown(slices: Iterator[str], title: str) -> tuple[str, Iterator[str]]:
    """(title, text) without front matter; a heading that begins the text is the title and stays in it. Both are looked
    for in the first slice."""
    text = next(slices, "")
    if text.endswith("\r"):  # half of a line's end
        text += next(slices, "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if front := _FRONT.match(text):
        if told := re.search(r"^title:[ \t]*(.+)$", front["matter"], re.MULTILINE):
            title = told[1].strip().strip("\"'") or title
        text = text[front.end() :]
    heading = _HEADING.match(text)
    if heading:
        title = heading["title"].rstrip(" \t").rstrip("#").rstrip(" \t")
    return title, chain((text,), slices)


def _word_text(path: Path) -> Iterator[str]:
    """Paragraphs and rows of tables of a Word file in their order, a line each. StudioError when it is none or
    unpacks to too much."""
    import docx  # a quarter of a second with its XML library: only for those who bring such files
    from docx.table import Table

    broken = StudioError(
        N_('The document "{name}" is damaged or no Word file; save it again as .docx.'),
        code="text-damaged",
        name=path.name,
    )
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > _LARGEST_UNPACKED:
                raise broken
        document = docx.Document(str(path))
        parts: list[str] = []
        for item in document.iter_inner_content():
            if isinstance(item, Table):
                parts += ["\t".join(cell.text for cell in row.cells) for row in item.rows]
            else:
                parts.append(item.text)
    except (StudioError, MemoryError):
        raise
    except Exception as error:  # both libraries raise what they like on broken files
        raise broken from error
    return (part + "\n" for part in parts)


def _lines(lines: Iterable[str | None], file: str, problems: list[Problem]) -> Iterator[_Draft]:
    """The documents of a `.jsonl`; a line that is none is told of, of many such lines the first ones."""
    broken = 0
    for number, line in enumerate(lines, 1):
        if line is not None and not line.strip():
            continue
        try:
            record = json.loads(line) if line is not None else None
        except (ValueError, RecursionError):
            record = None
        document = _record(record, file)
        if document is not None:
            yield document
        else:
            broken += 1
            if broken <= _MOST_BAD_LINES:
                sentence = N_("Line {line} holds no text; a line is {example}, for instance.")
                params = {"line": number, "example": '{"text": "…"}'}
                problems.append(Problem(file, "text-line", sentence, params))
    if broken > _MOST_BAD_LINES:
        sentence = N_("{count} lines hold no text.")
        problems.append(Problem(file, "text-lines", sentence, {"count": broken}))


def _record(record: Any, file: str) -> _Draft | None:
    """One line's document, None when it has none."""
    if isinstance(record, str):
        record = {"text": record}
    if not isinstance(record, dict):
        return None
    title = clean(next((value for key in _TITLE if isinstance(value := record.get(key), str)), "")).replace("\n", " ")
    turns = _turns(record)
    text = "\n\n".join(part for _, part in turns) if turns else _plain_text(record)
    return _Draft(title, (text,), file, turns) if text else None


def _plain_text(record: Mapping[str, Any]) -> str:
    for key in _PLAIN:
        value = record.get(key)
        if isinstance(value, str) and (text := clean(value)):
            return text
    lines = record.get("lines")
    if isinstance(lines, list):
        return clean("\n".join(line for line in lines if isinstance(line, str)))
    return ""


def _turns(record: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The parts of a conversation: "messages" or "conversations", else a prompt with its completion."""
    for key in ("messages", "conversations"):
        if isinstance(record.get(key), list):
            found = [_turn(message) for message in record[key]]
            return tuple(turn for turn in found if turn) if all(found) else ()
    answer = _first(record, _ANSWER)
    prompt = _first(record, _USER)
    more = clean(record["input"]) if isinstance(record.get("input"), str) and "instruction" in record else ""
    if not answer or not prompt:
        return ()
    return (("user", f"{prompt}\n\n{more}" if more else prompt), ("assistant", answer))


def _turn(message: Any) -> tuple[str, str] | None:
    if not isinstance(message, dict):
        return None
    role = _ROLES.get(str(message.get("role") or message.get("from")).lower())
    value = message.get("content", message.get("value"))
    if isinstance(value, list):  # parts of several kinds, of which texts are taken
        value = "\n".join(
            part["text"] for part in value if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    text = clean(value) if isinstance(value, str) else ""
    return (role, text) if role and text else None


def _first(record: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((text for key in keys if isinstance(value := record.get(key), str) and (text := clean(value))), "")


def language_of(text: str) -> str:
    """ "zh" or "en" when most letters of the first pages are of it, else ""."""
    sample = text[:_SAMPLE]
    han = len(re.findall(r"[\u3400-\u9fff]", sample))
    kana = len(re.findall(r"[\u3040-\u30ff\uac00-\ud7af]", sample))
    latin = len(re.findall(r"[A-Za-z]+", sample))
    others = len(re.findall(r"[À-ʯͰ-ϿЀ-ӿ؀-ۿऀ-ॿ]+", sample))
    if kana * 8 > han + kana and kana > 2:
        return ""
    if han and han * 2 >= latin:  # a word of English says about as much as two characters
        return "zh"
    if latin and others * 4 < latin:
        return "en"
    return ""

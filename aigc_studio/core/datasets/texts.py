"""A folder of texts as something to learn from: Markdown, plain text, JSON lines and Word files, read and cleaned.

A document is one text: a whole file, or one line of a `.jsonl` (fields "text" or "content", "prompt" with "completion",
or "messages" of a chat). Equal documents are kept once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import StudioError
from ..i18n import N_
from ..store.files import plain_errors
from .encoding import decode
from .problem import Check, Problem, Progress, nobody_asks, nobody_looks, readable
from .walk import find

__all__ = ["SUFFIXES", "TextDocument", "TextReport", "clean", "language_of", "scan"]

SUFFIXES = frozenset({".txt", ".text", ".md", ".markdown", ".jsonl", ".docx"})

_OTHERS = frozenset({".doc", ".pdf", ".rtf", ".odt", ".epub", ".wps", ".pages", ".html", ".htm"})
"""Texts that are not opened, and are told of."""

_LARGEST = 512 << 20
"""Bytes of one file."""
_LARGEST_ALL = 2 << 30
"""Bytes of a folder: all of it is held in memory."""
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
        hashes = sorted(hashlib.blake2b(document.text.encode(), digest_size=16).digest() for document in self.documents)
        return hashlib.blake2b(b"".join(hashes), digest_size=16).hexdigest()

    def summary(self) -> dict[str, Any]:
        """The figures, in JSON's types."""
        lengths = sorted(len(document.text) for document in self.documents)
        return {
            "kind": "texts",
            "folder": readable(str(self.folder)),
            "files": len({document.file for document in self.documents}),
            "documents": len(self.documents),
            "characters": sum(lengths),
            "languages": dict(Counter(document.language or "other" for document in self.documents)),
            "chats": sum(bool(document.turns) for document in self.documents),
            "problems": dict(Counter(problem.code for problem in self.problems)),
            "duplicates": self.duplicates,
            "shortest": lengths[0] if lengths else 0,
            "median": lengths[len(lengths) // 2] if lengths else 0,
            "longest": lengths[-1] if lengths else 0,
            "digest": self.digest(),
        }

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


def scan(folder: Path, check: Check = nobody_asks, progress: Progress = nobody_looks) -> TextReport:
    """Read every text below a folder; its order depends on the names alone. StudioError when it cannot be read at all;
    of an empty folder the report is empty."""
    found = find(folder, _is_wanted, check, progress)
    problems = list(found.problems)
    documents: list[TextDocument] = []
    seen: set[bytes] = set()
    duplicates = read = 0
    for done, file in enumerate(found.files, 1):
        check()
        try:
            with plain_errors():
                read += (folder / file).stat().st_size
                if read > _LARGEST_ALL:
                    problems.append(_too_much(folder))
                    break
                for document in _documents(folder, file, problems, check):
                    key = hashlib.blake2b(document.text.encode(), digest_size=16).digest()
                    if key in seen:
                        duplicates += 1
                    else:
                        seen.add(key)
                        documents.append(document)
        except StudioError as error:
            problems.append(Problem.of(file, error))
        progress(done, len(found.files), _STAGE)
    problems.sort(key=lambda problem: (problem.file, problem.code))
    return TextReport(folder, tuple(documents), tuple(problems), duplicates, found.ignored)


def _too_much(folder: Path) -> Problem:
    text = N_("There are more than {limit} MB of texts; what comes after them is not read.")
    return Problem(readable(folder.name), "text-limit", text, {"limit": _LARGEST_ALL >> 20})


def _is_wanted(name: str, path: Path) -> bool:
    suffix = os.path.splitext(name)[1].lower()
    return (suffix in SUFFIXES or suffix in _OTHERS) and not name.startswith("~$")  # Word's lock files


def _documents(folder: Path, file: str, problems: list[Problem], check: Check) -> Iterator[TextDocument]:
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
    if suffix == ".docx":
        text = _word_text(path)
    else:
        text = decode(path.read_bytes())[0]
    name = readable(file)
    if suffix == ".jsonl":
        yield from _lines(text, name, problems, check)
        return
    title = readable(PurePosixPath(file).stem)
    if suffix in (".md", ".markdown"):
        title, text = _markdown(text, title)
    text = clean(text)
    if not text:
        raise StudioError(N_("There is no text in this file."), code="text-empty")
    yield TextDocument(title, text, name, language_of(text))


_FRONT = re.compile(r"\A---[ \t]*\n(?P<matter>.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"\A\s*#[ \t]+(?P<title>[^\n]+?)[ \t]*#*[ \t]*(?:\n|\Z)")


def _markdown(text: str, title: str) -> tuple[str, str]:
    """(title, text) without front matter; a heading that begins the text is the title and stays in it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if front := _FRONT.match(text):
        if told := re.search(r"^title:[ \t]*(.+)$", front["matter"], re.MULTILINE):
            title = told[1].strip().strip("\"'") or title
        text = text[front.end() :]
    heading = _HEADING.match(text)
    return (heading["title"] if heading else title), text


def _word_text(path: Path) -> str:
    """Paragraphs and tables of a Word file in their order. StudioError when it is none or unpacks to too much."""
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
    return "\n".join(parts)


def _lines(text: str, file: str, problems: list[Problem], check: Check) -> Iterator[TextDocument]:
    """The documents of a `.jsonl`; a line that is none is told of, of many such lines the first ones."""
    broken = 0
    for number, line in enumerate(text.split("\n"), 1):
        if number % 1024 == 0:
            check()
        if not line.strip():
            continue
        try:
            record = json.loads(line)
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


def _record(record: Any, file: str) -> TextDocument | None:
    """One line's document, None when it has none."""
    if isinstance(record, str):
        record = {"text": record}
    if not isinstance(record, dict):
        return None
    title = clean(next((value for key in _TITLE if isinstance(value := record.get(key), str)), "")).replace("\n", " ")
    turns = _turns(record)
    text = "\n\n".join(part for _, part in turns) if turns else _plain_text(record)
    return TextDocument(title, text, file, language_of(text), turns) if text else None


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


_INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2060\ufeff\ufffe\uffff]")


def clean(text: str) -> str:
    """Composed characters, line feeds, no control or invisible characters, no blanks at line ends, no line twice empty
    and more."""
    text = unicodedata.normalize("NFC", readable(text)).replace("\r\n", "\n").replace("\r", "\n")
    text = _INVISIBLE.sub("", text).replace("\u00a0", " ")
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{4,}", "\n\n\n", text).strip(" \t\n")


def language_of(text: str) -> str:
    """ "zh" or "en" when most letters of the first pages are of it, else ""."""
    sample = text[:20_000]
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

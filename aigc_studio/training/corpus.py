"""The starter writer's texts: read and cleaned.

A data folder holds `tang-poems/poems.jsonl` (title, author, lines) and `english-tales/texts.jsonl` (kind, title, text).
Nothing here needs torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aigc_studio.core.errors import StudioError
from aigc_studio.core.forms import FORMS, form_of_verse
from aigc_studio.core.i18n import N_

__all__ = ["Document", "chunks", "read_poems", "read_starter_data", "read_tales"]

_NOTES = re.compile(r"（[^（）]*）")
_DAMAGED = re.compile(r"[□○\[\]{}/\t?A-Za-z0-9（）]|\.{2}")
_SENTENCE = re.compile(r"(?<=[.!?”])\s+(?=[“‘A-Z])")


@dataclass(frozen=True)
class Document:
    """One poem or tale. form: an id of `FORMS`. title: "" for none. text: the body, lines joined by line feeds."""

    form: str
    title: str
    text: str

    @property
    def language(self) -> str:
        """ "zh" or "en"."""
        return FORMS[self.form].language


def _lines(path: Path) -> Iterator[dict]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield json.loads(line)
                    except ValueError as error:
                        raise StudioError(
                            N_('Line {line} of "{file}" is not valid JSON; repair or remove it.'),
                            code="data",
                            line=number,
                            file=path.name,
                        ) from error
    except OSError as error:
        raise StudioError(
            N_('The training data "{file}" cannot be read ({reason}); check the data folder.'),
            code="data",
            file=str(path),
            reason=error.strerror or str(error),
        ) from error


def read_poems(path: Path) -> list[Document]:
    """Chinese poems. Editors' notes in brackets are taken out; poems with gaps in the text or stray letters are left
    out, and so are repeated ones."""
    documents: list[Document] = []
    seen: set[str] = set()
    for record in _lines(path):
        text = _NOTES.sub("", "\n".join(record["lines"])).strip()
        if len(text) < 8 or _DAMAGED.search(text) or text in seen:
            continue
        seen.add(text)
        title = _NOTES.sub("", record["title"]).strip()
        if _DAMAGED.search(title) or len(title) > 40:
            title = ""
        documents.append(Document(form_of_verse(text), title, text))
    return documents


def read_tales(path: Path) -> list[Document]:
    """English fables, tales and poems; the kind is the form."""
    documents: list[Document] = []
    seen: set[str] = set()
    for record in _lines(path):
        text = record["text"].replace("\u2060", "").strip()
        if record["kind"] not in FORMS or not text or text in seen:
            continue
        seen.add(text)
        documents.append(Document(record["kind"], record["title"].replace("\u2060", "").strip(), text))
    return documents


def read_starter_data(folder: Path) -> list[Document]:
    """All documents of the starter writer's data folder, poems first."""
    return read_poems(folder / "tang-poems" / "poems.jsonl") + read_tales(folder / "english-tales" / "texts.jsonl")


def chunks(text: str) -> list[str]:
    """`text` in parts at which it may be cut: lines, and sentences within a line. Joined they give `text` again."""
    parts: list[str] = []
    for line in text.splitlines(keepends=True):
        start = 0
        for match in _SENTENCE.finditer(line):
            parts.append(line[start : match.start()])
            start = match.start()
        parts.append(line[start:])
    return [part for part in parts if part]

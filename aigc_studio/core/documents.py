"""Documents: passages of text, or lines of a script, each with its variants or takes. Text and speech share them.

A document lives in the index and, mirrored on every save, in `documents/` as Markdown (for people) and JSON (complete,
from which a lost index is rebuilt). The index is written first; a mirror that a crash prevented is written at opening.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .assets import file_name
from .errors import StudioError
from .i18n import N_
from .store import files
from .store.database import Connection

__all__ = ["Document", "DocumentInfo", "DocumentStore", "Revision", "Segment", "Variant", "dumps", "new_id"]

log = logging.getLogger(__name__)

_TRASHED = "~document-"
"""What a mirror's name begins with in the trash: no asset's name does."""
_TRASHED_ONCE = "document-"  # in earlier projects; the file of an asset "Document 1" begins so, too
_REVISIONS_KEPT = 200
_LARGE = 200_000  # characters as JSON: read in 2 ms, so that a window may wait for what is smaller
_MODIFIED = ',"modified":'
"""Parts a document's JSON into what was written and when: it comes last, so that two states compare as strings."""
_REVISION_SECONDS = 60.0  # autosaves closer together than this share one revision


def new_id() -> str:
    """A fresh id for a document, segment or variant."""
    return uuid.uuid4().hex


@dataclass(slots=True)
class Variant:
    """One wording of a passage, or one take of a line (`asset_id`: its sound)."""

    id: str = field(default_factory=new_id)
    text: str = ""
    asset_id: str = ""
    created: float = field(default_factory=time.time)

    def copy(self) -> Variant:
        """One that shares nothing with this one."""
        return Variant(self.id, self.text, self.asset_id, self.created)

    def to_json(self) -> dict[str, Any]:
        """A plain dict with everything."""
        return {"id": self.id, "text": self.text, "asset_id": self.asset_id, "created": self.created}


@dataclass(slots=True)
class Segment:
    """A passage or a line. text: the wording in use; asset_id: the take in use; locked: not to be made again."""

    id: str = field(default_factory=new_id)
    text: str = ""
    variants: list[Variant] = field(default_factory=list)
    locked: bool = False
    asset_id: str = ""
    meta: dict[str, Any] = field(default_factory=dict)

    def copy(self) -> Segment:
        """One that shares nothing with this one. (By hand: `copy.deepcopy` is ten times slower.)"""
        variants = [Variant(v.id, v.text, v.asset_id, v.created) for v in self.variants]
        return Segment(
            self.id, self.text, variants, self.locked, self.asset_id, deepcopy(self.meta) if self.meta else {}
        )

    def to_json(self) -> dict[str, Any]:
        """A plain dict with everything."""
        return {
            "id": self.id,
            "text": self.text,
            "variants": [variant.to_json() for variant in self.variants],
            "locked": self.locked,
            "asset_id": self.asset_id,
            "meta": self.meta,
        }


@dataclass(slots=True)
class Document:
    """kind: "text" or "script". modified: seconds since 1970, set on save. meta: JSON types, the panels' own."""

    id: str = field(default_factory=new_id)
    kind: str = "text"
    title: str = ""
    segments: list[Segment] = field(default_factory=list)
    modified: float = 0.0
    meta: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """The document as plain text. A text's segments follow each other as they are (a generated passage may begin
        in mid-sentence); a script's are lines."""
        return ("\n" if self.kind == "script" else "").join(segment.text for segment in self.segments)

    def copy(self) -> Document:
        """One that shares nothing with this one."""
        segments = [segment.copy() for segment in self.segments]
        return Document(self.id, self.kind, self.title, segments, self.modified, deepcopy(self.meta))

    def to_json(self) -> dict[str, Any]:
        """A plain dict with everything, `modified` last; it shares `meta` with the document."""
        return {
            "format": 1,
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "segments": [segment.to_json() for segment in self.segments],
            "meta": self.meta,
            "modified": self.modified,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Document:
        """The inverse of `to_json`; unknown fields of a newer version are ignored. ValueError when it is none."""
        try:
            segments = [_segment(part) for part in data.get("segments", [])]
            given = {name: data[name] for name in ("kind", "title", "meta") if name in data}
            return cls(str(data["id"]), segments=segments, modified=float(data.get("modified", 0)), **given)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a document: {error!r}") from error


def _segment(data: dict[str, Any]) -> Segment:
    given = {name: data[name] for name in ("id", "text", "locked", "asset_id", "meta") if name in data}
    return Segment(variants=[_variant(item) for item in data.get("variants", ())], **given)


def _variant(data: dict[str, Any]) -> Variant:
    return Variant(**{name: data[name] for name in ("id", "text", "asset_id", "created") if name in data})


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document as lists show it."""

    id: str
    title: str
    kind: str
    modified: float


@dataclass(frozen=True, slots=True)
class Revision:
    """An earlier state of a document. id: a number within the document; saved: when it was replaced, epoch seconds."""

    id: int
    saved: float
    characters: int


def dumps(document: Document) -> str:
    """The document as the index and its mirror keep it: `to_json` on one line."""
    return f"{_content(document)}{_MODIFIED}{json.dumps(document.modified)}}}"


def _content(document: Document) -> str:
    """`dumps` up to the time of saving. Written by segments: the encoder holds the interpreter's lock, and a window
    that types in another thread must not wait for a whole script."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

    def parts() -> Iterator[str]:
        head = {"format": 1, "id": document.id, "kind": document.kind, "title": document.title}
        yield f'{encode(head)[:-1]},"segments":['
        for number, segment in enumerate(document.segments):
            yield f"{',' if number else ''}{encode(segment.to_json())}"
        yield f'],"meta":{encode(document.meta)}'

    return "".join(parts()).encode("utf-8", "replace").decode("utf-8")


class DocumentStore:
    """The documents of one project, through its connection. writable: raises StudioError where none may write."""

    def __init__(self, connection: Connection, folder: Path, writable: Callable[[], None]) -> None:
        self._connection = connection
        self._folder = folder
        self._writable = writable

    @property
    def _mirrors(self) -> Path:
        return self._folder / "documents"

    def create(self, kind: str = "text", title: str = "") -> Document:
        """A new, empty document, stored at once. A title that is given stays, see `meta["titled"]` in the panels."""
        document = Document(kind=kind, title=title, segments=[Segment()], meta={"titled": True} if title else {})
        return self.save(document)

    def load(self, document_id: str) -> Document:
        """One document; StudioError when there is none."""
        return load_document(self._connection, document_id)

    def save(self, document: Document) -> Document:
        """Store the document and its mirrors; gives it back with its time of saving.

        The state it replaces becomes a revision, at most one a minute, but always when a fifth is gone.
        """
        self._writable()
        with files.plain_errors():
            row = self._connection.execute("SELECT body, modified FROM documents WHERE id=?", (document.id,)).fetchone()
            before = row[0] if row else ""
            content = _content(document)
            if row and before.rpartition(_MODIFIED)[0] == content:
                return replace(document, modified=row[1])
            # never earlier than the last save: clocks are set back, and the newest state must win
            saved = replace(document, modified=max(time.time(), row[1] + 0.001) if row else time.time())
            body = f"{content}{_MODIFIED}{json.dumps(saved.modified)}}}"
            with self._connection.change():
                if before:
                    self._keep_revision(document.id, before, body, saved.modified)
                self._connection.execute(
                    "INSERT INTO documents(id, kind, title, modified, mirrored, deleted, body) VALUES(?,?,?,?,0,0,?)"
                    " ON CONFLICT(id) DO UPDATE SET kind=excluded.kind, title=excluded.title,"
                    " modified=excluded.modified, mirrored=0, deleted=0, body=excluded.body",
                    (saved.id, saved.kind, saved.title, saved.modified, body),
                )
        try:
            self._mirror(saved, body)
        except (OSError, sqlite3.Error):  # it is saved; the next idle minute or opening writes what is missing
            log.warning("the mirror of a document could not be written", exc_info=True)
        return saved

    def _keep_revision(self, document_id: str, before: str, after: str, now: float) -> None:
        last = self._connection.execute(
            "SELECT number, saved FROM revisions WHERE document=? ORDER BY number DESC LIMIT 1", (document_id,)
        ).fetchone()
        if last and now - last[1] < _REVISION_SECONDS and len(after) > 0.8 * len(before):
            return
        number = last[0] + 1 if last else 1
        (characters,) = self._connection.execute(  # SQLite counts without holding up the other threads
            "SELECT coalesce(sum(length(json_extract(value, '$.text'))), 0) FROM json_each(?, '$.segments')", (before,)
        ).fetchone()
        self._connection.execute(
            "INSERT INTO revisions(document, number, saved, characters, body) VALUES(?,?,?,?,?)",
            (document_id, number, now, characters, before),
        )
        self._connection.execute(
            "DELETE FROM revisions WHERE document=? AND number<=?", (document_id, number - _REVISIONS_KEPT)
        )

    def history(self, document_id: str) -> list[Revision]:
        """Earlier states, newest first."""
        return list_revisions(self._connection, document_id)

    def revision(self, document_id: str, revision_id: int) -> Document:
        """One earlier state; StudioError when it is not kept any more."""
        return load_revision(self._connection, document_id, revision_id)

    def delete(self, document_id: str) -> None:
        """Put a document away: its mirrors go to `trash/`, `restore` brings it back."""
        self._writable()
        with files.plain_errors():
            with self._connection.change():
                self._connection.execute("UPDATE documents SET deleted=? WHERE id=?", (time.time(), document_id))
            self._put_mirrors_away(document_id)

    def restore(self, document_id: str) -> Document:
        """Bring back what `delete` put away."""
        self._writable()
        with files.plain_errors():
            with self._connection.change():
                self._connection.execute("UPDATE documents SET deleted=0, mirrored=0 WHERE id=?", (document_id,))
            self.write_missing_mirrors()
            for start in (_TRASHED, _TRASHED_ONCE):
                for file in (self._folder / "trash").glob(f"{start}*-{document_id[:6]}.*"):
                    if file.suffix in (".json", ".md") and self._is_mirror_of(file, document_id):
                        files.remove(file)
        return self.load(document_id)

    def write_missing_mirrors(self) -> int:
        """Write the mirrors that a crash or a full disk prevented, put those of deleted documents away."""
        rows = self._connection.execute("SELECT body FROM documents WHERE deleted=0 AND mirrored<modified").fetchall()
        for (body,) in rows:
            self._mirror(Document.from_json(json.loads(body)), body)
        for (document_id,) in self._connection.execute("SELECT id FROM documents WHERE deleted>0").fetchall():
            self._put_mirrors_away(document_id)
        return len(rows)

    def _mirror(self, document: Document, body: str) -> None:
        self._mirrors.mkdir(exist_ok=True)
        target = self._mirrors / file_name(document.title or document.kind, document.id, ".json")
        with files.write_atomically(target.with_suffix(".md")) as file:
            file.write(as_markdown(document).encode("utf-8", "replace"))
        with files.write_atomically(target) as file:
            file.write(body.encode("utf-8"))
        for old in self._mirrors.glob(f"*-{document.id[:6]}.*"):
            if old.stem != target.stem and self._is_mirror_of(old, document.id):
                files.remove(old)
        with self._connection.change():
            self._connection.execute("UPDATE documents SET mirrored=? WHERE id=?", (document.modified, document.id))

    def _is_mirror_of(self, path: Path, document_id: str) -> bool:
        found = read_mirror(path.with_suffix(".json"))
        return found is None or found.id == document_id

    def _put_mirrors_away(self, document_id: str) -> None:
        for file in self._mirrors.glob(f"*-{document_id[:6]}.*"):
            if self._is_mirror_of(file, document_id):
                files.move(file, self._folder / "trash" / f"{_TRASHED}{file.name}")

    def all(self) -> list[DocumentInfo]:
        """Every document, last changed first."""
        return list_documents(self._connection)


def list_documents(connection: sqlite3.Connection) -> list[DocumentInfo]:
    """All documents that are not deleted, last changed first."""
    rows = connection.execute("SELECT id, title, kind, modified FROM documents WHERE deleted=0 ORDER BY modified DESC")
    return [DocumentInfo(*row) for row in rows]


def load_document(connection: sqlite3.Connection, document_id: str) -> Document:
    """One document; StudioError when there is none."""
    row = connection.execute("SELECT body FROM documents WHERE id=? AND deleted=0", (document_id,)).fetchone()
    if row is None:
        raise StudioError(N_("This document is not in the project any more; choose another one."), code="missing")
    return Document.from_json(json.loads(row[0]))


def is_large(connection: sqlite3.Connection, document_id: str) -> bool:
    """Whether reading a document would keep a window from its next frame."""
    row = connection.execute("SELECT length(body) > ? FROM documents WHERE id=?", (_LARGE, document_id)).fetchone()
    return bool(row and row[0])


def list_revisions(connection: sqlite3.Connection, document_id: str) -> list[Revision]:
    """Earlier states of a document, newest first."""
    rows = connection.execute(
        "SELECT number, saved, characters FROM revisions WHERE document=? ORDER BY number DESC", (document_id,)
    )
    return [Revision(*row) for row in rows]


def load_revision(connection: sqlite3.Connection, document_id: str, revision_id: int) -> Document:
    """One earlier state of a document; StudioError when it is not kept any more."""
    row = connection.execute(
        "SELECT body FROM revisions WHERE document=? AND number=?", (document_id, revision_id)
    ).fetchone()
    if row is None:
        raise StudioError(N_("This earlier version is not kept any more; choose another one."), code="missing")
    return Document.from_json(json.loads(row[0]))


def read_mirror(path: Path) -> Document | None:
    """The document a JSON mirror holds; None when it is none. Never raises."""
    try:
        return Document.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def as_markdown(document: Document) -> str:
    """The document for people: title, then its passages; a script's lines with a number each."""
    lines = [f"# {document.title}", ""] if document.title else []
    if document.kind != "script":
        return "\n".join([*lines, document.text(), ""])
    for number, segment in enumerate(document.segments, 1):
        lines += [f"{number}. {segment.text}", ""]
    return "\n".join(lines)

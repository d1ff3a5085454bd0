"""What the list of documents does to the project: make, open, rename, duplicate, put away and back, import, export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from aigc_studio.core.documents import Document, DocumentInfo, Segment, as_markdown, new_id
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.metadata import read_recipe, read_text
from aigc_studio.core.store import files

from ..studio import Studio
from .document_list import DocumentList
from .passages import clean
from .session import DocumentSession

__all__ = ["LARGEST_IMPORT", "Shelf", "decode", "first_line"]

LARGEST_IMPORT = 20_000_000
"""Bytes of a text file that is taken in: ten million Chinese characters; more is no document any more."""
_TITLE_LENGTH = 40


def first_line(text: str) -> str:
    """A title for a text without one: its first line, without Markdown's marks, cut at a word where there are words."""
    for line in text[:4000].splitlines():
        if words := line.strip().lstrip("#>*-–—0123456789. \t").strip():
            if len(words) <= _TITLE_LENGTH:
                return words
            cut = words[:_TITLE_LENGTH]
            return (cut[: cut.rindex(" ")] if " " in cut[_TITLE_LENGTH // 2 :] else cut).rstrip(" ,，、;；") + "…"
    return ""


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, UTF-16 with its mark, or the Chinese encoding of older Windows programs."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return clean(data.decode("utf-16", "replace"))
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return clean(data.decode(encoding))
        except UnicodeDecodeError:
            continue
    return clean(data.decode("utf-8", "replace"))


class Shelf(QObject):
    """Connects a DocumentList, the open document's session and the project. kind: "text" or "script"."""

    undoOffered = Signal(str, object)
    """A sentence, and the function that takes the last change back."""
    noticed = Signal(str)

    def __init__(
        self, studio: Studio, view: DocumentList, session: DocumentSession, kind: str, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._studio, self._view, self._session, self._kind = studio, view, session, kind
        self._window = parent
        view.openRequested.connect(session.open)
        view.createRequested.connect(lambda: session.create())
        view.renamed.connect(self.rename)
        view.deleteRequested.connect(self.delete)
        view.duplicateRequested.connect(self.duplicate)
        view.exportRequested.connect(self.export)
        studio.documentsChanged.connect(self.refresh)
        session.opened.connect(self._opened)

    def _opened(self, document: Document | None) -> None:
        self._view.set_current(document.id if document is not None else "")
        self.refresh()

    def documents(self) -> list[DocumentInfo]:
        """The project's documents of this kind, last changed first; none without a project."""
        reader = self._studio.reader
        return [info for info in reader.documents() if info.kind == self._kind] if reader is not None else []

    def refresh(self) -> None:
        """Show what the project holds, and the open document although it may not be stored yet."""
        documents, mine = self.documents(), self._session.document
        if mine is not None and all(info.id != mine.id for info in documents):
            documents.insert(0, DocumentInfo(mine.id, mine.title, mine.kind, mine.modified))
        self._view.set_documents(documents)

    def rename(self, id: str, title: str) -> None:
        """Give a document that is not open another title; the open one belongs to the panel."""
        if id == self._session.id:
            return

        def work(project):  # noqa: ANN001, ANN202  on the storage thread
            document = project.documents.load(id)
            document.title, document.meta = title, {**document.meta, "titled": bool(title)}
            project.documents.save(document)

        self._studio.store(work)

    def delete(self, id: str, title: str) -> None:
        """Put a document away, show its neighbour, offer the way back."""
        if id == self._session.id:
            self._session.flush()
            self._session.forget()
        self._studio.store(lambda project: project.documents.delete(id), lambda _: self._after_delete(id, title))

    def _after_delete(self, id: str, title: str) -> None:
        if not self._session.id and (left := self.documents()):
            self._session.open(left[0].id)

        def back() -> None:
            self._studio.store(lambda project: project.documents.restore(id), lambda _: self._session.open(id))

        self.undoOffered.emit(tr("“{title}” was put into the trash", title=title or tr("Untitled")), back)

    def duplicate(self, id: str) -> None:
        """A second document with the same text and variants."""
        self._session.flush()

        def work(project):  # noqa: ANN001, ANN202  on the storage thread
            old = project.documents.load(id)
            segments = [
                replace(part, id=new_id(), variants=[replace(v, id=new_id()) for v in part.variants])
                for part in old.segments
            ]
            return project.documents.save(
                replace(
                    old, id=new_id(), title=_copy_title(old.title), segments=segments, meta={**old.meta, "titled": True}
                )
            )

        self._studio.store(work, lambda document: self._session.open(document.id))

    # -- files ---------------------------------------------------------------------------------------------------

    def import_files(self, paths: list[Path]) -> None:
        """Make a document of each text file, and open the last one."""

        def work(project):  # noqa: ANN001, ANN202  on the storage thread
            return [project.documents.save(read_document(path, self._kind)) for path in paths]

        def done(documents: list[Document]) -> None:
            if documents:
                self._session.open(documents[-1].id)

        self._studio.store(work, done)

    def export(self, id: str) -> None:
        """Ask for a file, and write the document there as Markdown or plain text."""
        reader = self._studio.reader
        if reader is None:
            return
        self._session.flush()
        title = next((info.title for info in self.documents() if info.id == id), "") or tr("Untitled")
        safe = "".join("-" if c in '<>:"/\\|?*' or ord(c) < 32 else c for c in title)[:60].strip(" .") or "text"
        dialog = QFileDialog(self._window, tr("Export"), f"{safe}.md")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["Markdown (*.md)", tr("Plain text (*.txt)")])
        dialog.setDefaultSuffix("md")
        dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix("txt" if "*.txt" in chosen else "md"))
        dialog.fileSelected.connect(lambda name: self.export_to(id, Path(name)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def export_to(self, id: str, path: Path, then: Callable[[], None] | None = None) -> None:
        """Write the document to `path`; ".txt" is the bare text, anything else Markdown with the title."""

        def work(project):  # noqa: ANN001, ANN202  on the storage thread
            document = project.documents.load(id)
            text = document.text() if path.suffix.lower() == ".txt" else as_markdown(document)
            with files.write_atomically(path) as file:
                file.write((text.rstrip("\n") + "\n").encode("utf-8", "replace"))

        def done(_: object) -> None:
            self.noticed.emit(tr("Saved as {file}", file=path.name))
            if then:
                then()

        self._studio.store(work, done)


def read_document(path: Path, kind: str) -> Document:
    """A text file as a new document. StudioError when it cannot be read, is too large or holds no text."""
    try:
        if path.stat().st_size > LARGEST_IMPORT:
            raise StudioError(
                N_("“{file}” is too large for a document; split it first."), code="too-large", file=path.name
            )
        data = path.read_bytes()
    except OSError as error:
        raise StudioError(
            N_("“{file}” cannot be read; check that it is still there."),
            code="unreadable",
            file=path.name,
            detail=repr(error),
        ) from error
    if b"\x00" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise StudioError(N_("“{file}” is not a text file."), code="not-text", file=path.name)
    text = clean(read_text(path)) if read_recipe(path) is not None else decode(data)  # our own front matter is no text
    return Document(kind=kind, title=path.stem, segments=[Segment(text=text)], meta={"titled": True})


def _copy_title(title: str) -> str:
    return tr("{title} (copy)", title=title) if title else ""

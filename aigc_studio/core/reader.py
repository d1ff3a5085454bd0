"""Reading a project from a thread of one's own, while another one writes it."""

from __future__ import annotations

from pathlib import Path

from .documents import (
    Document,
    DocumentInfo,
    Revision,
    is_large,
    list_documents,
    list_revisions,
    load_document,
    load_revision,
)
from .errors import StudioError
from .i18n import N_
from .jobs import Job, JobQueue
from .metadata import read_text
from .migrations import check_version, format_of
from .store import files
from .store.database import INDEX, open_reader
from .store.generations import GenerationQueries
from .store.queries import Queries

__all__ = ["ProjectReader"]


class ProjectReader(GenerationQueries, Queries):
    """A read-only connection to a project's index. One thread at a time; sees every change that is committed."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / INDEX).is_file():
            raise StudioError(
                N_('The folder "{name}" holds no AIGC Studio project; choose another folder.'),
                code="not-a-project",
                name=self.folder.name,
            )
        with files.plain_errors():
            self._connection = open_reader(self.folder)
            try:
                check_version(self._connection)
                self.format = format_of(self._connection)
            except BaseException:
                self._connection.close()
                raise

    @property
    def name(self) -> str:
        """The project's title."""
        row = self._connection.execute("SELECT value FROM meta WHERE key='name'").fetchone()
        return row[0] if row else self.folder.name

    def documents(self) -> list[DocumentInfo]:
        """All documents, last changed first."""
        return list_documents(self._connection)

    def document(self, document_id: str) -> Document:
        """One document; StudioError when there is none."""
        return load_document(self._connection, document_id)

    def is_large(self, document_id: str) -> bool:
        """Whether a document is better read by the storage thread than while a window waits."""
        return is_large(self._connection, document_id)

    def document_history(self, document_id: str) -> list[Revision]:
        """Earlier states of a document, newest first."""
        return list_revisions(self._connection, document_id)

    def document_revision(self, document_id: str, revision_id: int) -> Document:
        """One earlier state of a document."""
        return load_revision(self._connection, document_id, revision_id)

    def jobs(self) -> list[Job]:
        """All jobs in line order."""
        return JobQueue(self._connection).list()

    def text(self, asset_id: str) -> str:
        """The words of a text asset, without its front matter; "" when it is none or its file is gone."""
        asset = self.asset(asset_id)
        if asset is None or asset.kind != "text":
            return ""
        try:
            return read_text(self.path(asset))
        except OSError:
            return ""

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

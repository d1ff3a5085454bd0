"""Generations as a list model that reads page by page, whatever their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QDate, QDateTime, QObject, Qt

from aigc_studio.core.assets import Asset
from aigc_studio.core.generations import Generation, GenerationQuery
from aigc_studio.core.i18n import tr
from aigc_studio.core.reader import ProjectReader
from aigc_studio.ui.assets.paged import Index, PagedModel

from .words import state_text, summary

__all__ = ["GenerationModel", "Row"]


@dataclass(frozen=True)
class Row:
    """A generation with what is painted of it: made once, as words cost more than paint."""

    generation: Generation
    day: QDate
    time: str
    prompt: str
    summary: str
    state: str


class GenerationModel(PagedModel[GenerationQuery, Row]):
    """Rows of one `GenerationQuery`, small pages of them: each is put into words when it is read."""

    page_rows = 24
    pages_kept = 64

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(GenerationQuery(), parent)

    def read_count(self, reader: ProjectReader) -> int:
        """See `PagedModel`."""
        return reader.count_generations(self._query)

    def read_page(self, reader: ProjectReader, offset: int, limit: int) -> list[Row]:
        """See `PagedModel`."""
        return [_row(generation) for generation in reader.generations(self._query, offset, limit)]

    def key(self, row: Row) -> str:
        """See `PagedModel`."""
        return row.generation.job_id

    def assets_of(self, number: int) -> list[Asset]:
        """All results of a row but those in the trash."""
        row = self.row(number)
        return [asset for asset in row.generation.assets if not asset.trashed] if row is not None else []

    def number_of(self, job_id: str) -> int:
        """The row of a job, -1 when the query leaves it out."""
        return self._reader.place_of_generation(self._query, job_id) if self._reader else -1

    # Qt's interface

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """For assistive programs, and the prompt as tool tip; the view paints `row()`."""
        if not index.isValid() or role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.AccessibleTextRole,
        ):
            return None
        row = self.row(index.row())
        if row is None:
            return ""
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ". ".join(part for part in (row.prompt, row.summary, row.time, row.state) if part)
        return row.prompt


def _row(generation: Generation) -> Row:
    moment = QDateTime.fromSecsSinceEpoch(int(generation.created))
    prompt = " ".join(generation.prompt[:600].split())
    if not prompt:
        prompt = next((asset.title for asset in generation.assets if asset.title), "") or tr("Without words")
    return Row(generation, moment.date(), moment.toString("HH:mm"), prompt, summary(generation), state_text(generation))

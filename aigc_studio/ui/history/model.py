"""Generations as a list model that reads page by page, whatever their number."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QDate,
    QDateTime,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QUrl,
)

from aigc_studio.core.assets import Asset
from aigc_studio.core.generations import Generation, GenerationQuery
from aigc_studio.core.i18n import tr
from aigc_studio.core.reader import ProjectReader
from aigc_studio.ui.assets.model import ASSET_MIME

from .words import state_text, summary

__all__ = ["GenerationModel", "Row"]

_PAGE = 24
_PAGES_KEPT = 64
_MOST_ADDED = 200

_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Row:
    """A generation with what is painted of it: made once, as words cost more than paint."""

    generation: Generation
    day: QDate
    time: str
    prompt: str
    summary: str
    state: str


class GenerationModel(QAbstractListModel):
    """Rows of one `GenerationQuery`; a page of 24 is read when one of its rows is first asked for, 64 are kept."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader: ProjectReader | None = None
        self._query = GenerationQuery()
        self._count = 0
        self._pages: OrderedDict[int, list[Row]] = OrderedDict()

    @property
    def query(self) -> GenerationQuery:
        """What is shown."""
        return self._query

    def set_reader(self, reader: ProjectReader | None) -> None:
        """Show another project, or none."""
        self._reader = reader
        self._reload()

    def set_query(self, query: GenerationQuery) -> None:
        """Show other rows of the same project."""
        if query != self._query:
            self._query = query
            self._reload()

    def _reload(self) -> None:
        self.beginResetModel()
        self._pages.clear()
        self._count = self._reader.count_generations(self._query) if self._reader else 0
        self.endResetModel()

    def refresh(self) -> None:
        """Read again after a change; new rows at the top are inserted, so that the view keeps its place."""
        if self._reader is None:
            return
        count = self._reader.count_generations(self._query)
        grown = count - self._count
        if 0 < grown <= _MOST_ADDED and self._same_rows_below(grown):
            self.beginInsertRows(QModelIndex(), 0, grown - 1)
            self._pages.clear()
            self._count = count
            self.endInsertRows()
        elif grown == 0 and self._same_rows_below(0):
            self.say_again()
        else:
            self._reload()

    def say_again(self) -> None:
        """The same rows, in other words: the language was switched, or results came or went."""
        self._pages.clear()
        if self._count:
            self.dataChanged.emit(self.index(0), self.index(self._count - 1))

    def _same_rows_below(self, offset: int) -> bool:
        """Whether the first row we know now stands at row `offset`: the change only added rows above it."""
        assert self._reader is not None
        first = self.row(0) if self._count else None
        now = self._reader.generations(self._query, offset, 1)
        return bool(first and now and now[0].job_id == first.generation.job_id)

    def row(self, number: int) -> Row | None:
        """One row; None when it has gone meanwhile."""
        place, offset = divmod(number, _PAGE)
        page = self._pages.get(place)
        if page is None:
            if self._reader is None:
                return None
            found = self._reader.generations(self._query, place * _PAGE, _PAGE)
            page = self._pages[place] = [_row(generation) for generation in found]
            while len(self._pages) > _PAGES_KEPT:
                self._pages.popitem(last=False)
        else:
            self._pages.move_to_end(place)
        return page[offset] if 0 <= offset < len(page) else None

    def path(self, asset: Asset) -> Path | None:
        """The file of a result; None when no project is open."""
        return self._reader.path(asset) if self._reader else None

    def number_of(self, job_id: str) -> int:
        """The row of a job, -1 when the query leaves it out."""
        return self._reader.place_of_generation(self._query, job_id) if self._reader else -1

    # Qt's interface

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Number of generations of the query."""
        return 0 if parent.isValid() else self._count

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
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

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """Rows can be selected and dragged."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        return flags | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        """Our own format and file URLs."""
        return [ASSET_MIME, "text/uri-list"]

    def mimeData(self, indexes: Any) -> QMimeData:
        """All results of the dragged rows."""
        rows = [row for index in indexes if (row := self.row(index.row()))]
        return self.mime_of([asset for row in rows for asset in row.generation.assets if not asset.trashed])

    def mime_of(self, assets: Sequence[Asset]) -> QMimeData:
        """Some assets as a drag or for the clipboard: ids for our panels, files for other programs."""
        mime = QMimeData()
        mime.setData(ASSET_MIME, QByteArray(json.dumps([asset.id for asset in assets]).encode()))
        if self._reader is not None:
            mime.setUrls([QUrl.fromLocalFile(str(self._reader.path(asset))) for asset in assets])
        return mime

    def supportedDragActions(self) -> Qt.DropAction:
        """Results leave as copies."""
        return Qt.DropAction.CopyAction


def _row(generation: Generation) -> Row:
    moment = QDateTime.fromSecsSinceEpoch(int(generation.created))
    prompt = " ".join(generation.prompt[:600].split())
    if not prompt:
        prompt = next((asset.title for asset in generation.assets if asset.title), "") or tr("Without words")
    return Row(generation, moment.date(), moment.toString("HH:mm"), prompt, summary(generation), state_text(generation))

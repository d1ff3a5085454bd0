"""A list model over a query of the project that reads page by page, whatever the number of rows; what all such have in
common: pages that come and go, rows that are added above, drags that carry assets.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QUrl,
)

from aigc_studio.core.assets import Asset
from aigc_studio.core.reader import ProjectReader

__all__ = ["ASSET_MIME", "Index", "PagedModel"]

ASSET_MIME = "application/x-aigc-assets"
"""Drag format between our own panels: a JSON list of asset ids; the same drag carries file URLs for other programs."""

Index = QModelIndex | QPersistentModelIndex

Q = TypeVar("Q")
R = TypeVar("R")


class PagedModel(QAbstractListModel, Generic[Q, R]):
    """Rows R of a query Q; a page is read when one of its rows is first asked for.

    Nothing here grows with the number of rows: opening costs a count and a page. A subclass says how to count
    (`read_count`), to read (`read_page`), what tells a row (`key`) and what a drag of it carries (`assets_of`); also
    how many rows a page has, how many pages are kept, and how many new rows are inserted above, not read anew.
    """

    page_rows = 200
    pages_kept = 16
    most_added = 200

    def __init__(self, query: Q, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader: ProjectReader | None = None
        self._query = query
        self._count = 0
        self._pages: OrderedDict[int, list[R]] = OrderedDict()

    # -- for a subclass
    def read_count(self, reader: ProjectReader) -> int:
        """How many rows the query has now."""
        raise NotImplementedError

    def read_page(self, reader: ProjectReader, offset: int, limit: int) -> list[R]:
        """`limit` rows from `offset` on."""
        raise NotImplementedError

    def key(self, row: R) -> str:
        """What tells one row from another."""
        raise NotImplementedError

    def grows_above(self) -> bool:
        """Whether new rows come above the others; elsewhere they are found by reading anew."""
        return True

    # -- rows
    @property
    def query(self) -> Q:
        """What is shown."""
        return self._query

    def set_reader(self, reader: ProjectReader | None) -> None:
        """Show another project, or none."""
        self._reader = reader
        self._reload()

    def set_query(self, query: Q) -> None:
        """Show other rows of the same project."""
        if query != self._query:
            self._query = query
            self._reload()

    def refresh(self) -> None:
        """Read again after a change; new rows at the top are inserted, so that the view keeps its place."""
        if self._reader is None:
            return
        count = self.read_count(self._reader)
        grown = count - self._count
        if 0 < grown <= self.most_added and self.grows_above() and self._same_rows_below(grown):
            self.beginInsertRows(QModelIndex(), 0, grown - 1)
            self._pages.clear()
            self._count = count
            self.endInsertRows()
        elif grown == 0 and self._same_rows_below(0):
            self.say_again()
        else:
            self._reload()

    def say_again(self) -> None:
        """The same rows, perhaps in other words: the language was switched, or what they show has changed."""
        self._pages.clear()
        if self._count:
            self.dataChanged.emit(self.index(0), self.index(self._count - 1))

    def row(self, number: int) -> R | None:
        """One row; None when it has gone meanwhile."""
        place, offset = divmod(number, self.page_rows)
        page = self._pages.get(place)
        if page is None:
            if self._reader is None:
                return None
            page = self._pages[place] = self.read_page(self._reader, place * self.page_rows, self.page_rows)
            while len(self._pages) > self.pages_kept:
                self._pages.popitem(last=False)
        else:
            self._pages.move_to_end(place)
        return page[offset] if 0 <= offset < len(page) else None

    def path(self, asset: Asset) -> Path | None:
        """The file of an asset; None when no project is open."""
        return self._reader.path(asset) if self._reader else None

    def mime_of(self, assets: Iterable[Asset]) -> QMimeData:
        """Assets as a drag or for the clipboard: ids for our panels, their real files for every other program."""
        chosen = list(assets)
        mime = QMimeData()
        mime.setData(ASSET_MIME, QByteArray(json.dumps([asset.id for asset in chosen]).encode()))
        if self._reader is not None:
            mime.setUrls([QUrl.fromLocalFile(str(self._reader.path(asset))) for asset in chosen])
        return mime

    def _reload(self) -> None:
        self.beginResetModel()
        self._pages.clear()
        self._count = self.read_count(self._reader) if self._reader else 0
        self.endResetModel()

    def _same_rows_below(self, offset: int) -> bool:
        """Whether the first row we know now stands at row `offset`: the change only added rows above it."""
        assert self._reader is not None
        first = self.row(0) if self._count else None
        now = self.read_page(self._reader, offset, 1) if first is not None else []
        return first is not None and bool(now) and self.key(now[0]) == self.key(first)

    # -- Qt's interface
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Number of rows of the query."""
        return 0 if parent.isValid() else self._count

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Rows can be selected and dragged."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        return flags | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        """Our own format and file URLs."""
        return [ASSET_MIME, "text/uri-list"]

    def mimeData(self, indexes: Any) -> QMimeData:
        """The assets of the dragged rows."""
        return self.mime_of(asset for index in indexes for asset in self.assets_of(index.row()))

    def assets_of(self, number: int) -> list[Asset]:
        """What a drag of one row carries."""
        raise NotImplementedError

    def supportedDragActions(self) -> Qt.DropAction:
        """Assets leave as copies, whatever the other program asks for."""
        return Qt.DropAction.CopyAction

"""The project's assets as a list model that reads page by page, whatever the number of rows."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

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

from aigc_studio.core.assets import Asset, AssetQuery
from aigc_studio.core.i18n import tr
from aigc_studio.core.reader import ProjectReader

__all__ = ["ASSET_MIME", "AssetModel", "asset_ids_of", "shown_title"]

ASSET_MIME = "application/x-aigc-assets"
"""Drag format between our own panels: a JSON list of asset ids; the same drag carries file URLs for other programs."""

_PAGE = 200
_PAGES_KEPT = 16

_Index = QModelIndex | QPersistentModelIndex


def shown_title(asset: Asset) -> str:
    """The asset's title; a word for it where it has none (a picture made without a prompt)."""
    return asset.title or tr("Untitled")


def asset_ids_of(mime: QMimeData) -> list[str]:
    """The asset ids in a drag of ours, [] when there are none."""
    if not mime.hasFormat(ASSET_MIME):
        return []
    try:
        ids = json.loads(bytes(mime.data(ASSET_MIME).data()).decode())
    except ValueError:
        return []
    return [id for id in ids if isinstance(id, str)] if isinstance(ids, list) else []


class AssetModel(QAbstractListModel):
    """Rows of one `AssetQuery`; a page of 200 is read when one of its rows is first asked for, 16 pages are kept.

    Nothing here grows with the number of assets: opening costs a count and a page.
    """

    AssetRole = Qt.ItemDataRole.UserRole

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader: ProjectReader | None = None
        self._query = AssetQuery()
        self._count = 0
        self._pages: OrderedDict[int, list[Asset]] = OrderedDict()

    @property
    def query(self) -> AssetQuery:
        """What is shown."""
        return self._query

    def set_reader(self, reader: ProjectReader | None) -> None:
        """Show another project, or none."""
        self._reader = reader
        self._reload()

    def set_query(self, query: AssetQuery) -> None:
        """Show other rows of the same project."""
        if query != self._query:
            self._query = query
            self._reload()

    def _reload(self) -> None:
        self.beginResetModel()
        self._pages.clear()
        self._count = self._reader.count(self._query) if self._reader else 0
        self.endResetModel()

    def refresh(self) -> None:
        """Read again after a change; new rows at the top are inserted, so that the view keeps its place."""
        if self._reader is None:
            return
        count = self._reader.count(self._query)
        grown = count - self._count
        newest_first = self._query.order == "newest" and not self._query.text
        if 0 < grown <= _PAGE and newest_first and self._same_rows_below(grown):
            self.beginInsertRows(QModelIndex(), 0, grown - 1)
            self._pages.clear()
            self._count = count
            self.endInsertRows()
        elif grown == 0 and self._same_rows_below(0):
            self._pages.clear()
            if count:
                self.dataChanged.emit(self.index(0), self.index(count - 1))
        else:
            self._reload()

    def _same_rows_below(self, offset: int) -> bool:
        """Whether the first row we know now stands at row `offset`: the change only added rows above it."""
        assert self._reader is not None
        if not self._count:
            return False
        first = self.asset(0)
        now = self._reader.assets(self._query, offset, 1)
        return bool(first and now and now[0].id == first.id)

    def asset(self, row: int) -> Asset | None:
        """The asset of one row; None when it has gone meanwhile."""
        number, offset = divmod(row, _PAGE)
        page = self._pages.get(number)
        if page is None:
            if self._reader is None:
                return None
            page = self._pages[number] = self._reader.assets(self._query, number * _PAGE, _PAGE)
            while len(self._pages) > _PAGES_KEPT:
                self._pages.popitem(last=False)
        else:
            self._pages.move_to_end(number)
        return page[offset] if offset < len(page) else None

    def path(self, asset: Asset) -> Path | None:
        """The file of an asset; None when no project is open."""
        return self._reader.path(asset) if self._reader else None

    def row_of(self, id: str) -> int:
        """The row of an asset among the pages at hand, -1 when it is not there."""
        for number, page in self._pages.items():
            for offset, asset in enumerate(page):
                if asset.id == id:
                    return number * _PAGE + offset
        return -1

    # Qt's interface

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Number of assets of the query."""
        return 0 if parent.isValid() else self._count

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Title for display and assistive programs, the Asset itself under `AssetRole`."""
        if not index.isValid():
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            asset = self.asset(index.row())
            return asset.title if asset else ""
        if role == self.AssetRole:
            return self.asset(index.row())
        return None

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
        """The dragged assets: their ids for our panels, their real files for every other program."""
        assets = [asset for index in indexes if (asset := self.asset(index.row()))]
        mime = QMimeData()
        mime.setData(ASSET_MIME, QByteArray(json.dumps([asset.id for asset in assets]).encode()))
        if self._reader is not None:
            mime.setUrls([QUrl.fromLocalFile(str(self._reader.path(asset))) for asset in assets])
        return mime

    def supportedDragActions(self) -> Qt.DropAction:
        """Assets leave as copies, whatever the other program asks for."""
        return Qt.DropAction.CopyAction

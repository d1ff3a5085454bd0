"""The project's assets as a list model that reads page by page."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import QMimeData, QObject, Qt

from aigc_studio.core.assets import Asset, AssetQuery
from aigc_studio.core.i18n import tr
from aigc_studio.core.reader import ProjectReader

from .paged import ASSET_MIME, Index, PagedModel

__all__ = ["ASSET_MIME", "AssetModel", "asset_ids_of", "shown_title"]


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


class AssetModel(PagedModel[AssetQuery, Asset]):
    """Rows of one `AssetQuery`."""

    AssetRole = Qt.ItemDataRole.UserRole

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(AssetQuery(), parent)

    def read_count(self, reader: ProjectReader) -> int:
        """See `PagedModel`."""
        return reader.count(self._query)

    def read_page(self, reader: ProjectReader, offset: int, limit: int) -> list[Asset]:
        """See `PagedModel`."""
        return reader.assets(self._query, offset, limit)

    def key(self, row: Asset) -> str:
        """See `PagedModel`."""
        return row.id

    def grows_above(self) -> bool:
        """See `PagedModel`."""
        return self._query.order == "newest" and not self._query.text

    def assets_of(self, number: int) -> list[Asset]:
        """See `PagedModel`."""
        asset = self.asset(number)
        return [asset] if asset is not None else []

    def asset(self, row: int) -> Asset | None:
        """The asset of one row; None when it has gone meanwhile."""
        return self.row(row)

    def row_of(self, id: str) -> int:
        """The row of an asset among the pages at hand, -1 when it is not there."""
        for number, page in self._pages.items():
            for offset, asset in enumerate(page):
                if asset.id == id:
                    return number * self.page_rows + offset
        return -1

    # Qt's interface

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Title for display and assistive programs, the Asset itself under `AssetRole`."""
        if not index.isValid():
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            asset = self.asset(index.row())
            return asset.title if asset else ""
        if role == self.AssetRole:
            return self.asset(index.row())
        return None

"""The strip of pictures below the canvas: what the present one came from, and the candidates for its place."""

from __future__ import annotations

import json

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QUrl,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from aigc_studio.core.assets import Asset
from aigc_studio.core.i18n import tr
from aigc_studio.ui.assets.thumbnails import ThumbnailLoader
from aigc_studio.ui.canvas.view import ASSETS_MIME
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import paint_icon
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import theme_of

__all__ = ["CandidateStrip"]

_SIDE = 76
_GAP = 8
_ASSET = Qt.ItemDataRole.UserRole
_ROOT = QModelIndex()


class _Model(QAbstractListModel):
    """Assets, then one empty cell for every result still owed."""

    def __init__(self, studio: Studio, parent: QWidget) -> None:
        super().__init__(parent)
        self._studio = studio
        self.assets: list[Asset] = []
        self.owed = 0

    def set(self, assets: list[Asset], owed: int) -> None:
        """Replace all; rows that stay keep their place."""
        ids, old = [a.id for a in assets], [a.id for a in self.assets]
        if ids == old and owed == self.owed:
            self.assets = list(assets)
            if assets:
                self.dataChanged.emit(self.index(0), self.index(len(assets) - 1))
            return
        self.beginResetModel()
        self.assets, self.owed = list(assets), owed
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _ROOT) -> int:
        """Qt's."""
        return 0 if parent.isValid() else len(self.assets) + self.owed

    def data(self, index, role: int = Qt.ItemDataRole.DisplayRole):
        """Qt's."""
        asset = self.assets[index.row()] if index.row() < len(self.assets) else None
        if role == _ASSET:
            return asset
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return asset.title if asset else tr("Still being made")
        if role == Qt.ItemDataRole.ToolTipRole and asset is not None:
            return f"{asset.title}\n{asset.width} × {asset.height}"
        return None

    def flags(self, index) -> Qt.ItemFlag:
        """Pictures can be chosen and dragged; empty cells cannot."""
        if index.row() >= len(self.assets):
            return Qt.ItemFlag.ItemIsEnabled
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        """Our own format, and files for other programs."""
        return [ASSETS_MIME, "text/uri-list"]

    def mimeData(self, indexes) -> QMimeData:
        """The chosen pictures as assets and as real files."""
        assets = [self.assets[index.row()] for index in indexes if index.row() < len(self.assets)]
        data = QMimeData()
        data.setData(ASSETS_MIME, QByteArray(json.dumps([asset.id for asset in assets]).encode()))
        if (reader := self._studio.reader) is not None:
            data.setUrls([QUrl.fromLocalFile(str(reader.path(asset))) for asset in assets])
        return data


class _Cells(QStyledItemDelegate):
    """Draws one cell: thumbnail, frame when on show, a mark on the picture decided for, a star."""

    def __init__(self, strip: CandidateStrip) -> None:
        super().__init__(strip)
        self._strip = strip

    def sizeHint(self, option: QStyleOptionViewItem, index) -> QSize:
        """All alike."""
        return QSize(_SIDE + _GAP, _SIDE + _GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index) -> None:
        """Qt's request to draw."""
        strip, theme = self._strip, theme_of(self._strip)
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        cell = QRect(rect.left() + _GAP // 2, rect.top() + _GAP // 2, _SIDE, _SIDE)
        asset: Asset | None = index.data(_ASSET)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        outline = QPainterPath()
        outline.addRoundedRect(cell, 6, 6)
        painter.fillPath(outline, theme.color("sunken"))
        if asset is None:
            painter.setPen(QPen(theme.color("line-strong"), 1, Qt.PenStyle.DashLine))
            painter.drawPath(outline)
            paint_icon(painter, cell.adjusted(28, 28, -28, -28), "timer-sand", "text-faint")
            painter.restore()
            return
        pixmap = strip.thumbnails.pixmap(asset.id)
        if pixmap is not None and not pixmap.isNull():
            painter.setClipPath(outline)
            size = pixmap.size().scaled(cell.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
            target = QRect(QPoint(0, 0), size)
            target.moveCenter(cell.center())
            painter.drawPixmap(target, pixmap)
            painter.setClipping(False)
        elif pixmap is not None:
            paint_icon(painter, cell.adjusted(26, 26, -26, -26), "image-broken-variant", "text-faint")
        state = option.state  # pyright: ignore[reportAttributeAccessIssue]
        if asset.id == strip.shown:
            painter.setPen(QPen(theme.color("accent"), 3))
            painter.drawRoundedRect(cell.adjusted(0, 0, 0, 0), 6, 6)
            painter.setPen(QPen(theme.color("panel"), 1))
            painter.drawRoundedRect(cell.adjusted(2, 2, -2, -2), 4, 4)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(QPen(theme.color("line-strong"), 2))
            painter.drawPath(outline)
        else:
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawPath(outline)
        if asset.id == strip.base:
            self._mark(painter, QRect(cell.left() + 5, cell.bottom() - 21, 17, 17), "check-bold", "accent", "on-accent")
        if asset.starred:
            self._mark(painter, QRect(cell.right() - 21, cell.top() + 5, 17, 17), "star", "panel", "star")
        painter.restore()

    def _mark(self, painter: QPainter, rect: QRect, name: str, back: str, front: str) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme_of(self._strip).color(back))
        painter.drawEllipse(rect)
        paint_icon(painter, rect.adjusted(3, 3, -3, -3), name, front)


class CandidateStrip(Translated, QListView):
    """A row of pictures. Click shows, double click or Enter keeps, S stars, Delete removes; drag takes out."""

    showWanted = Signal(object)
    keepWanted = Signal(object)
    starWanted = Signal(object)
    trashWanted = Signal(object)
    menuWanted = Signal(object, QPoint)
    """Asset, global position."""

    def __init__(self, studio: Studio, thumbnails: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.thumbnails = thumbnails
        self.shown = self.base = ""
        self._model = _Model(studio, self)
        self.setModel(self._model)
        self.setItemDelegate(_Cells(self))
        self.setProperty("role", "plain")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setMovement(QListView.Movement.Static)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setDragEnabled(True)
        self.setMouseTracking(True)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(_SIDE + _GAP + 12)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        self.clicked.connect(lambda index: self._tell(self.showWanted, index))
        self.doubleClicked.connect(lambda index: self._tell(self.keepWanted, index))
        thumbnails.ready.connect(lambda _id: self.viewport().update())
        theme_of(self).changed.connect(self.viewport().update)
        self.tr_bind(self.setAccessibleName, "Candidates")

    def set_assets(self, assets: list[Asset], owed: int = 0) -> None:
        """Show these, and `owed` empty cells behind them."""
        grown = len(assets) + owed > self._model.rowCount()
        self._model.set(assets, owed)
        self._select()
        if grown:
            self.scrollTo(self._model.index(self._model.rowCount() - 1))

    def mark(self, shown: str, base: str) -> None:
        """Frame the picture on show, mark the one decided for."""
        self.shown, self.base = shown, base
        self._select()
        self.viewport().update()

    @property
    def assets(self) -> list[Asset]:
        """Those listed."""
        return self._model.assets

    def chosen_assets(self) -> list[Asset]:
        """Those selected, from left to right."""
        rows = sorted(index.row() for index in self.selectionModel().selectedIndexes())
        return [self._model.assets[row] for row in rows if row < len(self._model.assets)]

    def current_asset(self) -> Asset | None:
        """The one the keyboard is on."""
        return self.currentIndex().data(_ASSET) if self.currentIndex().isValid() else None

    def _select(self) -> None:
        for row, asset in enumerate(self._model.assets):
            if asset.id == self.shown:
                index = self._model.index(row)
                if self.currentIndex() != index:
                    self.setCurrentIndex(index)
                return

    def _tell(self, signal, index: QModelIndex) -> None:
        if (asset := index.data(_ASSET)) is not None:
            signal.emit(asset)

    def _menu(self, point: QPoint) -> None:
        index = self.indexAt(point)
        asset = index.data(_ASSET) if index.isValid() else self.current_asset()
        if asset is not None:
            self.menuWanted.emit(asset, self.viewport().mapToGlobal(point))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The one on show stays in sight, also when the strip gets its first size after it was filled."""
        super().resizeEvent(event)
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter, S, Delete; the arrows show what they reach."""
        asset = self.current_asset()
        actions = {
            Qt.Key.Key_Return: self.keepWanted,
            Qt.Key.Key_Enter: self.keepWanted,
            Qt.Key.Key_Delete: self.trashWanted,
            Qt.Key.Key_Backspace: self.trashWanted,
        }
        if asset is not None and event.key() in actions and not event.modifiers():
            actions[Qt.Key(event.key())].emit(asset)
            return
        super().keyPressEvent(event)
        after = self.current_asset()
        if after is not None and (asset is None or after.id != asset.id):
            self.showWanted.emit(after)

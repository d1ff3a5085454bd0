"""The takes of a script: hear one, mark the best, put one away, drag one out to another program as a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QMimeData, QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from aigc_studio.core.assets import Asset
from aigc_studio.core.i18n import N_, tr

from ..assets.model import ASSET_MIME
from ..documents.document_list import age
from ..i18n import Translated
from ..icons import icon, paint_icon
from ..theme import theme_of
from ..widgets.waveform import clock

__all__ = ["ROW_HEIGHT", "Take", "TakeList"]

_TAKE = Qt.ItemDataRole.UserRole
ROW_HEIGHT = 36
_STAR = 28  # width of the star's column


@dataclass(frozen=True)
class Take:
    """One recording: its asset, its number in the order of making (from 1), the voice in words, where its file is."""

    asset: Asset
    number: int
    voice: str
    path: str

    @property
    def title(self) -> str:
        """What lists call it."""
        return tr("Take {number}", number=self.number)


class _Rows(QStyledItemDelegate):
    """Star, number, voice, length, age in one line."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Every row is as high as the others."""
        return QSize(200, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one take."""
        take: Take = index.data(_TAKE)
        theme = theme_of()
        rect: QRect = option.rect.adjusted(0, 1, 0, -1)  # type: ignore[attr-defined]
        state: QStyle.StateFlag = option.state  # type: ignore[attr-defined]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent-soft" if selected else "hover"))
            painter.drawRoundedRect(rect, 6, 6)
        if selected and state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.color("focus"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect, 6, 6)
        star = QRect(rect.left() + 8, rect.center().y() - 8, 16, 16)
        paint_icon(
            painter,
            star,
            "star" if take.asset.starred else "star-outline",
            "star" if take.asset.starred else "icon-disabled",
        )
        inner = rect.adjusted(8 + _STAR, 0, -12, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.color("text"))
        painter.drawText(inner, int(middle | Qt.AlignmentFlag.AlignLeft), take.title)
        left = painter.fontMetrics().horizontalAdvance(take.title) + 16
        painter.setPen(theme.color("text-muted"))
        right = f"{clock(take.asset.seconds)}   {age(take.asset.created)}"
        painter.drawText(inner, int(middle | Qt.AlignmentFlag.AlignRight), right)
        room = inner.adjusted(left, 0, -painter.fontMetrics().horizontalAdvance(right) - 16, 0)
        if room.width() > 40:
            voice = painter.fontMetrics().elidedText(take.voice, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, int(middle | Qt.AlignmentFlag.AlignLeft), voice)
        painter.restore()


class TakeList(Translated, QListWidget):
    """chosen: another take is listened to. Space and Enter play, S stars, Delete puts away."""

    chosen = Signal(object)
    playRequested = Signal()
    starRequested = Signal(object)
    trashRequested = Signal(object)
    exportRequested = Signal(object)
    scriptRequested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filling = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("role", "plain")
        self.setItemDelegate(_Rows(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        self.currentItemChanged.connect(self._current_changed)
        self.itemDoubleClicked.connect(lambda _: self.playRequested.emit())
        self.tr_bind(self.setAccessibleName, N_("Takes"))

    def show_takes(self, takes: Sequence[Take], chosen: str = "") -> None:
        """Show these, in this order; `chosen` is the id of the one that is heard. Nothing is emitted."""
        self._filling = True
        try:
            while self.count() > len(takes):
                self.takeItem(self.count() - 1)
            row = -1
            for number, take in enumerate(takes):
                item = self.item(number) or QListWidgetItem(self)
                item.setData(_TAKE, take)
                item.setText(take.title)
                item.setToolTip(take.voice)
                row = number if take.asset.id == chosen else row
            self.setCurrentRow(row)
        finally:
            self._filling = False
        self.viewport().update()

    def takes(self) -> list[Take]:
        """What is shown."""
        return [self.item(row).data(_TAKE) for row in range(self.count())]

    def current(self) -> Take | None:
        """The take that is heard."""
        item = self.currentItem()
        return item.data(_TAKE) if item is not None else None

    def _current_changed(self, item: QListWidgetItem | None) -> None:
        if item is not None and not self._filling:
            self.chosen.emit(item.data(_TAKE))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on the star stars; it does not choose."""
        item = self.itemAt(event.position().toPoint())
        if item is not None and event.button() == Qt.MouseButton.LeftButton and event.position().x() < 8 + _STAR:
            self.starRequested.emit(item.data(_TAKE))
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """See the class."""
        take = self.current()
        match event.key():
            case Qt.Key.Key_Space | Qt.Key.Key_Return | Qt.Key.Key_Enter if not event.modifiers():
                self.playRequested.emit()
            case Qt.Key.Key_S if take is not None and not event.modifiers():
                self.starRequested.emit(take)
            case Qt.Key.Key_Delete if take is not None:
                self.trashRequested.emit(take)
            case _:
                super().keyPressEvent(event)

    def _menu(self, point: QPoint) -> None:
        item = self.itemAt(point)
        if item is None:
            return
        take: Take = item.data(_TAKE)
        menu = QMenu(self)
        for picture, title, act in (
            ("star-outline", N_("Star"), lambda: self.starRequested.emit(take)),
            ("text-box-outline", N_("Use its words as the script"), lambda: self.scriptRequested.emit(take)),
            ("export-variant", N_("Export…"), lambda: self.exportRequested.emit(take)),
            ("trash-can-outline", N_("Delete"), lambda: self.trashRequested.emit(take)),
        ):
            action = QAction(icon(picture), tr(title), menu)
            action.triggered.connect(lambda _=False, act=act: act())
            menu.addAction(action)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.viewport().mapToGlobal(point))

    def mimeData(self, items: Sequence[QListWidgetItem]) -> QMimeData:
        """A real file for other programs, the asset's id for our panels."""
        takes: list[Take] = [item.data(_TAKE) for item in items]
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(take.path) for take in takes])
        data.setData(ASSET_MIME, json.dumps([take.asset.id for take in takes]).encode())
        return data

    def supportedDragActions(self) -> Qt.DropAction:
        """The file stays in the project."""
        return Qt.DropAction.CopyAction

    def retranslate(self) -> None:
        """Rows are drawn from words."""
        super().retranslate()
        self.viewport().update()

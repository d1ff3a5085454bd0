"""The documents of a project as a list: find, open, make, rename, put away."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.documents import DocumentInfo
from aigc_studio.core.i18n import N_, tr

from ..dropping.payload import Payload, welcome
from ..i18n import Translated
from ..icons import icon
from ..theme import theme_of

__all__ = ["DocumentList", "age"]

_ID = Qt.ItemDataRole.UserRole
_TIME = Qt.ItemDataRole.UserRole + 1
_ROW_HEIGHT = 48


def age(then: float, now: float | None = None) -> str:
    """How long ago something was, in words, coarser with age."""
    seconds = max(0.0, (time.time() if now is None else now) - then)
    if seconds < 60:
        return tr("just now")
    if seconds < 3600:
        return tr("{n} min ago", n=int(seconds // 60))
    if seconds < 86_400:
        return tr("{n} h ago", n=int(seconds // 3600))
    if seconds < 7 * 86_400:
        return tr("{n} d ago", n=int(seconds // 86_400))
    return time.strftime("%Y-%m-%d", time.localtime(then))


class _Rows(QStyledItemDelegate):
    """Two lines: title, and when it was changed."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Every row is as high as the others."""
        return QSize(120, _ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one document."""
        theme = theme_of()
        rect: QRect = option.rect.adjusted(8, 2, -8, -2)  # type: ignore[attr-defined]
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
        inner = rect.adjusted(10, 5, -10, -5)
        font = painter.font()
        title = index.data(Qt.ItemDataRole.DisplayRole)
        painter.setPen(theme.color("text" if title else "text-faint"))
        title = painter.fontMetrics().elidedText(title or tr("Untitled"), Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft), title)
        font.setPixelSize(max(10, font.pixelSize() - 2))
        painter.setFont(font)
        painter.setPen(theme.color("text-faint"))
        when = age(index.data(_TIME))
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft), when)
        painter.restore()

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """The field for a new title covers the row."""
        editor.setGeometry(option.rect.adjusted(8, 8, -8, -8))  # type: ignore[attr-defined]


class _View(QListWidget):
    removeRequested = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete puts the document away."""
        if event.key() == Qt.Key.Key_Delete and self.state() != QAbstractItemView.State.EditingState:
            self.removeRequested.emit()
            return
        super().keyPressEvent(event)


class DocumentList(Translated, QWidget):
    """A search field, a button for a new one, and the list."""

    openRequested = Signal(str)
    createRequested = Signal()
    renamed = Signal(str, str)
    deleteRequested = Signal(str, str)
    duplicateRequested = Signal(str)
    exportRequested = Signal(str)
    dropped = Signal(object)

    def __init__(self, heading: str, new: str, parent: QWidget | None = None) -> None:
        """heading, new: the list's title and the button's, marked with N_()."""
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAcceptDrops(True)
        self._documents: Sequence[DocumentInfo] = ()
        self._current = ""
        self._filling = False
        title = QLabel(self)
        title.setProperty("role", "section")
        self.tr_bind(title.setText, heading)
        self.new_button = QToolButton(self, autoRaise=True)
        self.new_button.setIcon(icon("plus"))
        self.new_button.setIconSize(QSize(18, 18))
        self.tr_bind(self.new_button.setToolTip, new)
        self.tr_bind(self.new_button.setAccessibleName, new)
        self.new_button.clicked.connect(self.createRequested)
        self.search = QLineEdit(self, clearButtonEnabled=True)
        self.search.addAction(icon("magnify", "text-faint"), QLineEdit.ActionPosition.LeadingPosition)
        self.tr_bind(self.search.setPlaceholderText, N_("Search titles"))
        self.tr_bind(self.search.setAccessibleName, N_("Search titles"))
        self.search.textChanged.connect(self._fill)
        self.view = _View(self)
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setProperty("role", "plain")
        self.view.setItemDelegate(_Rows(self.view))
        self.view.setUniformItemSizes(True)
        self.view.setMouseTracking(True)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.currentItemChanged.connect(self._chosen)
        self.view.itemChanged.connect(self._edited)
        self.view.removeRequested.connect(lambda: self._with_current(self._remove))
        self.tr_bind(self.view.setAccessibleName, heading)
        top = QHBoxLayout()
        top.setContentsMargins(16, 12, 8, 0)
        top.addWidget(title, 1)
        top.addWidget(self.new_button)
        field = QHBoxLayout()
        field.setContentsMargins(12, 0, 12, 0)
        field.addWidget(self.search)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(field)
        column.addWidget(self.view, 1)

    # -- contents ------------------------------------------------------------------------------------------------

    def set_documents(self, documents: Sequence[DocumentInfo]) -> None:
        """Show these, in this order."""
        self._documents = documents
        self._fill()

    def set_current(self, id: str) -> None:
        """Mark the document that is open, in the list as it will be filled next; nothing is emitted."""
        self._current = id

    def set_title(self, id: str, title: str) -> None:
        """Show a title that is not stored yet."""
        for row in range(self.view.count()):
            item = self.view.item(row)
            if item.data(_ID) == id and item.text() != title:
                self._filling = True
                item.setText(title)
                self._filling = False

    def _fill(self) -> None:
        if self.view.state() == QAbstractItemView.State.EditingState:
            return  # a title is being typed; the next change fills the list
        words = self.search.text().casefold().split()
        shown = [info for info in self._documents if all(word in info.title.casefold() for word in words)]
        self._filling = True
        try:
            while self.view.count() > len(shown):
                self.view.takeItem(self.view.count() - 1)
            current = -1
            for row, info in enumerate(shown):
                item = self.view.item(row)
                if item is None:
                    item = QListWidgetItem(self.view)
                    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                item.setText(info.title)
                item.setData(_ID, info.id)
                item.setData(_TIME, info.modified)
                item.setToolTip(info.title)
                if info.id == self._current:
                    current = row
            self.view.setCurrentRow(current)
        finally:
            self._filling = False

    def retranslate(self) -> None:
        """Ages and "Untitled" are drawn in the new language."""
        super().retranslate()
        self.view.viewport().update()

    # -- what a person does --------------------------------------------------------------------------------------

    def _chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None and not self._filling:
            self._current = item.data(_ID)
            self.openRequested.emit(self._current)

    def _edited(self, item: QListWidgetItem) -> None:
        if not self._filling:
            self.renamed.emit(item.data(_ID), item.text().strip())

    def _remove(self, item: QListWidgetItem) -> None:
        self.deleteRequested.emit(item.data(_ID), item.text())

    def _with_current(self, act) -> None:  # noqa: ANN001
        if (item := self.view.currentItem()) is not None:
            act(item)

    def _menu(self, point: QPoint) -> None:
        item = self.view.itemAt(point)
        if item is None:
            return
        id = item.data(_ID)
        menu = QMenu(self)
        for picture, title, act in (
            ("rename-outline", N_("Rename"), lambda: self.view.editItem(item)),
            ("content-copy", N_("Duplicate"), lambda: self.duplicateRequested.emit(id)),
            ("export-variant", N_("Export…"), lambda: self.exportRequested.emit(id)),
            ("trash-can-outline", N_("Delete"), lambda: self._remove(item)),
        ):
            action = QAction(icon(picture), tr(title), menu)
            action.triggered.connect(lambda _=False, act=act: act())
            menu.addAction(action)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.view.viewport().mapToGlobal(point))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Text files and words become documents; the rest goes to Assets."""
        if welcome(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """See `dragEnterEvent`."""
        if payload := Payload.read(event.mimeData()):
            event.acceptProposedAction()
            self.dropped.emit(payload)

"""The list that a model picker opens: models in groups, a search where there are many, what else can be done below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFont, QGuiApplication, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.paths import resources
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon, paint_icon
from aigc_studio.ui.theme import theme_of

from .words import subtitle

__all__ = ["GROUPS", "ModelList", "group_of", "grouped"]

GROUPS = {
    "ready": N_("Ready"),
    "attention": N_("Needs attention"),
    "built-in": N_("Built in"),
}
"""Groups of models in the order of the list."""

SEARCH_FROM = 9
"""So many models are searched; fewer are seen at a glance."""

_ENTRY, _PROBLEM = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
_SECTION = 28
_ROW = 44
_WITH_PROBLEM = 62
_MOST_HEIGHT = 420
_LEAST_WIDTH = 320

Listed = tuple[Entry, StudioError | None]
"""A model, and why it cannot be used."""


def group_of(entry: Entry, problem: StudioError | None) -> str:
    """Which group a model stands in."""
    if problem is not None:
        return "attention"
    path: Path | None = entry.folder or entry.file
    return "built-in" if path is None or path.is_relative_to(resources()) else "ready"


def grouped(entries: Sequence[Listed]) -> list[tuple[str, list[Listed]]]:
    """Groups that have models, in order; within one the catalogue's order."""
    found: dict[str, list[Listed]] = {id: [] for id in GROUPS}
    for entry, problem in entries:
        found[group_of(entry, problem)].append((entry, problem))
    return [(id, listed) for id, listed in found.items() if listed]


class ModelList(Translated, QFrame):
    """A popup. `chosen` has the Entry; it closes before anything is emitted."""

    chosen = Signal(object)
    folderWanted = Signal()
    managerWanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "popup")
        self._entries: Sequence[Listed] = ()
        self._current = ""
        self.search = QLineEdit(self)
        self.search.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.setClearButtonEnabled(True)
        self.tr_bind(self.search.setPlaceholderText, N_("Search models"))
        self.tr_bind(self.search.setAccessibleName, N_("Search models"))
        self.list = QListWidget(self)
        self.list.setProperty("role", "plain")
        self.list.setItemDelegate(_Rows(self.list))
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setMouseTracking(True)
        self.tr_bind(self.list.setAccessibleName, N_("Models"))
        self.nothing = QLabel(self, wordWrap=True)
        self.nothing.setProperty("role", "muted")
        self.nothing.setContentsMargins(8, 8, 8, 8)
        line = QFrame(self)
        line.setProperty("role", "line")
        self.folder = self._button("folder-plus-outline", N_("Add model folder…"))
        self.manage = self._button("tune-variant", N_("Manage models…"))
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(4)
        for widget in (self.search, self.list, self.nothing, line, self.folder, self.manage):
            column.addWidget(widget)
        self.search.textChanged.connect(self._fill)
        self.search.installEventFilter(self)
        self.list.installEventFilter(self)
        self.list.itemClicked.connect(self._take)
        self.folder.clicked.connect(lambda: (self.close(), self.folderWanted.emit()))
        self.manage.clicked.connect(lambda: (self.close(), self.managerWanted.emit()))

    def open(self, entries: Sequence[Listed], current: str, below: QWidget) -> None:
        """Show `entries` under `below`, or above it where there is more room. current: id of the chosen one."""
        self._entries, self._current = entries, current
        self.search.setVisible(len(entries) >= SEARCH_FROM)
        self.search.clear()
        self._fill()
        self._place(below)
        self.show()
        (self.search if self.search.isVisible() else self.list).setFocus()

    def choices(self) -> list[Entry]:
        """The models listed now, in order."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [entry for item in items if (entry := item.data(_ENTRY)) is not None]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys move in the list while the search has the keyboard; letters search; Enter takes."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if (item := self.list.currentItem()) is not None:
                self._take(item)
            return True
        if watched is self.search and event.key() in (
            Qt.Key.Key_Up,
            Qt.Key.Key_Down,
            Qt.Key.Key_PageUp,
            Qt.Key.Key_PageDown,
        ):
            self.list.keyPressEvent(event)
            return True
        if watched is self.list and self.search.isVisible() and event.text().isprintable() and event.text().strip():
            self.search.setFocus()
            self.search.insert(event.text())
            return True
        return False

    def _button(self, picture: str, title: str) -> QPushButton:
        button = QPushButton(icon(picture), "", self, autoDefault=False)
        button.setProperty("role", "row")
        button.setIconSize(QSize(16, 16))
        self.tr_bind(button.setText, title)
        return button

    def _fill(self) -> None:
        words = self.search.text().casefold().split()
        fits = [
            (entry, problem)
            for entry, problem in self._entries
            if all(word in f"{entry.title} {entry.id} {subtitle(entry)}".casefold() for word in words)
        ]
        self.list.clear()
        chosen: QListWidgetItem | None = None
        for group, listed in grouped(fits):
            head = QListWidgetItem(tr(GROUPS[group]))
            head.setFlags(Qt.ItemFlag.NoItemFlags)
            head.setSizeHint(QSize(0, _SECTION))
            self.list.addItem(head)
            for entry, problem in listed:
                item = QListWidgetItem(entry.title)
                item.setData(_ENTRY, entry)
                item.setData(_PROBLEM, str(problem) if problem is not None else "")
                item.setSizeHint(QSize(0, _ROW if problem is None else _WITH_PROBLEM))
                item.setToolTip("\n".join(part for part in (entry.title, subtitle(entry), str(problem or "")) if part))
                item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{entry.title}, {subtitle(entry)} {problem or ''}")
                item.setData(Qt.ItemDataRole.CheckStateRole, None)
                self.list.addItem(item)
                if entry.id == self._current or chosen is None:
                    chosen = item
        if chosen is not None:
            self.list.setCurrentItem(chosen)
        self._rows().current = self._current
        self.nothing.setVisible(not fits)
        self.list.setVisible(bool(fits))
        self.nothing.setText(
            tr("No model is called so.") if self._entries else tr("No model for this is here yet. Add a model folder.")
        )

    def _rows(self) -> _Rows:
        delegate = self.list.itemDelegate()
        assert isinstance(delegate, _Rows)
        return delegate

    def _take(self, item: QListWidgetItem) -> None:
        entry = item.data(_ENTRY)
        if entry is not None:
            self.close()
            self.chosen.emit(entry)

    def _place(self, below: QWidget) -> None:
        high = sum(self.list.item(row).sizeHint().height() for row in range(self.list.count()))
        self.list.setFixedHeight(min(_MOST_HEIGHT, high + 4))
        width = max(_LEAST_WIDTH, below.width())
        self.setFixedWidth(width)
        layout = self.layout()
        assert layout is not None
        layout.activate()
        size = QSize(width, self.sizeHint().height())
        point = below.mapToGlobal(QPoint(0, below.height() + 2))
        screen = QGuiApplication.screenAt(point) or below.screen()
        room = screen.availableGeometry()
        if point.y() + size.height() > room.bottom():
            above = below.mapToGlobal(QPoint(0, -2)).y() - size.height()
            point.setY(above if above >= room.top() else max(room.top(), room.bottom() - size.height()))
        point.setX(max(room.left(), min(point.x(), room.right() - size.width())))
        self.setGeometry(QRect(point, size))


class _Rows(QStyledItemDelegate):
    """Draws a heading, or a model: name, type and size, and what is wrong with it."""

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        self.current = ""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one row."""
        theme = theme_of(self._view)
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue]
        entry: Entry | None = index.data(_ENTRY)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.save()
        small = QFont(painter.font())
        small.setPixelSize(12)
        if entry is None:
            small.setWeight(QFont.Weight.DemiBold)
            painter.setFont(small)
            painter.setPen(theme.color("text-faint"))
            painter.drawText(rect.adjusted(8, 4, -8, 0), align, index.data())
            painter.restore()
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent-soft" if state & QStyle.StateFlag.State_Selected else "hover"))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 4, 4)
        problem: str = index.data(_PROBLEM)
        line = QRect(rect.left() + 8, rect.top() + 5, rect.width() - 40, 18)
        painter.setPen(theme.color("text-muted" if problem else "text"))
        self._write(painter, line, entry.title)
        painter.setFont(small)
        line.translate(0, 18)
        painter.setPen(theme.color("text-faint"))
        self._write(painter, line, subtitle(entry))
        if problem:
            line.translate(0, 18)
            line.setRight(rect.right() - 8)
            painter.setPen(theme.color("warning"))
            self._write(painter, line, problem)
        if entry.id == self.current:
            paint_icon(painter, QRect(rect.right() - 26, rect.center().y() - 8, 16, 16), "check", "accent-text")
        painter.restore()

    def _write(self, painter: QPainter, line: QRect, text: str) -> None:
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)

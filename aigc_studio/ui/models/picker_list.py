"""The list that a model picker opens: models in groups, a search where there are many, what else can be done below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.paths import resources
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

from .rows import Listed, ModelRows, entry_of, fill, matches

__all__ = ["GROUPS", "ModelList", "group_of", "grouped"]

GROUPS = {
    "ready": N_("Ready"),
    "attention": N_("Needs attention"),
    "built-in": N_("Built in"),
}
"""Groups of models in the order of the list."""

SEARCH_FROM = 9
"""So many models are searched; fewer are seen at a glance."""

_MOST_HEIGHT = 420
_LEAST_WIDTH = 320


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
        self._rows = ModelRows(self.list)
        self.list.setItemDelegate(self._rows)
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
        return [entry for item in items if (entry := entry_of(item)) is not None]

    def event(self, event: QEvent) -> bool:
        """Escape closes the list, also over a panel in which it is the shortcut for stopping."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.matches(QKeySequence.StandardKey.Cancel)
        ):
            event.accept()
            return True
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys move in the list while the search has the keyboard; letters search; Enter takes."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if (item := self.list.currentItem()) is not None:
                self._take(item)
            return True
        if watched is self.list and event.key() == Qt.Key.Key_Home:  # the first row is the title of a group
            flags = (self.list.item(row).flags() for row in range(self.list.count()))
            first = (row for row, flag in enumerate(flags) if flag & Qt.ItemFlag.ItemIsSelectable)
            self.list.setCurrentRow(next(first, -1))
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
        fits = [listed for listed in self._entries if matches(listed[0], self.search.text())]
        self._rows.current = self._current
        fill(self.list, [(GROUPS[group], listed) for group, listed in grouped(fits)], self._current)
        self.nothing.setVisible(not fits)
        self.list.setVisible(bool(fits))
        self.nothing.setText(
            tr("No model is called so.") if self._entries else tr("No model for this is here yet. Add a model folder.")
        )

    def _take(self, item: QListWidgetItem) -> None:
        entry = entry_of(item)
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

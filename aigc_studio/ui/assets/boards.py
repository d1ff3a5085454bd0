"""The list of places on the left of the assets panel: everything, starred, trash and the person's own boards."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QMenu, QWidget

from aigc_studio.core.assets import Board
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

from .model import ASSET_MIME, asset_ids_of

__all__ = ["BoardList", "Place"]

_ID = Qt.ItemDataRole.UserRole
_COUNT = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class Place:
    """What can be chosen in the list: a fixed place ("all", "starred", "trash") or a board by its id."""

    fixed: str = ""
    board: str = ""


_FIXED = (
    ("all", N_("All assets"), "image-multiple-outline"),
    ("starred", N_("Starred"), "star-outline"),
    ("trash", N_("Trash"), "trash-can-outline"),
)


class BoardList(Translated, QListWidget):
    """Choose a place; drop assets on a board to put them there; F2 renames, Delete removes a board, not its assets."""

    chosen = Signal(object)  # Place
    renamed = Signal(str, str)  # board id, new title
    removeRequested = Signal(str)  # board id
    emptyRequested = Signal()
    dropped = Signal(object, list)  # Place, asset ids
    filesDropped = Signal(object, object)  # Place, QMimeData

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "plain")
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAcceptDrops(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        self.currentItemChanged.connect(self._current_changed)
        self.itemChanged.connect(self._edited)
        self._boards: list[Board] = []
        self._read_only = False
        self._filling = False
        self.tr_bind(self.setAccessibleName, "Boards")
        self._fill()

    def set_boards(self, boards: list[Board], *, read_only: bool = False) -> None:
        """Show these boards; the choice stays where it was."""
        if boards != self._boards or read_only != self._read_only:
            self._boards, self._read_only = boards, read_only
            self._fill()

    def place(self) -> Place:
        """What is chosen."""
        item = self.currentItem()
        return item.data(_ID) if item else Place("all")

    def choose(self, place: Place) -> None:
        """Choose a place; everything when the board has gone."""
        for row in range(self.count()):
            if self.item(row).data(_ID) == place:
                self.setCurrentRow(row)
                return
        self.setCurrentRow(0)

    def edit_board(self, id: str) -> None:
        """Let the person name a board in place."""
        self.choose(Place(board=id))
        item = self.currentItem()
        if item and item.data(_ID).board == id:
            item.setText(self._title(id))
            self.editItem(item)

    def retranslate(self) -> None:
        """Fixed places in the new language."""
        super().retranslate()
        self._fill()

    def _title(self, id: str) -> str:
        return next((board.title for board in self._boards if board.id == id), "")

    def _fill(self) -> None:
        place = self.place()
        self._filling = True
        self.clear()
        for fixed, title, picture in _FIXED:
            self._add(Place(fixed), tr(title), picture)
        for board in self._boards:
            item = self._add(Place(board=board.id), board.title, "folder-outline")
            item.setData(_COUNT, board.count)
            item.setToolTip(tr("{title}: {count} assets", title=board.title, count=board.count))
            if not self._read_only:
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        self.choose(place)
        self._filling = False
        if self.place() != place:
            self.chosen.emit(self.place())

    def _add(self, place: Place, title: str, picture: str) -> QListWidgetItem:
        item = QListWidgetItem(icon(picture), title, self)
        item.setData(_ID, place)
        return item

    def _current_changed(self, current: QListWidgetItem | None) -> None:
        if current is not None and not self._filling:
            self.chosen.emit(current.data(_ID))

    def _edited(self, item: QListWidgetItem) -> None:
        place: Place | None = item.data(_ID)
        if self._filling or place is None or not place.board:
            return
        title, before = item.text().strip(), self._title(place.board)
        if title and title != before:
            self.renamed.emit(place.board, title)
        elif title != item.text() or not title:
            self._filling = True
            item.setText(before)
            self._filling = False

    def _menu(self, point: QPoint) -> None:
        item = self.itemAt(point)
        if item is None or self._read_only:
            return
        menu = QMenu(self)
        if item.data(_ID).fixed == "trash":
            menu.addAction(icon("delete-sweep-outline"), tr("Empty the trash…"), self.emptyRequested.emit)
            menu.exec(self.mapToGlobal(point))
        if not item.data(_ID).board:
            menu.deleteLater()
            return
        menu.addAction(icon("rename-outline"), tr("Rename"), lambda: self.editItem(item))
        menu.addAction(
            icon("folder-remove-outline"), tr("Remove board"), lambda: self.removeRequested.emit(item.data(_ID).board)
        )
        menu.exec(self.mapToGlobal(point))
        menu.deleteLater()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete removes the chosen board."""
        place = self.place()
        if event.key() == Qt.Key.Key_Delete and place.board and not self._read_only:
            self.removeRequested.emit(place.board)
            return
        super().keyPressEvent(event)

    # drops

    def _target(self, event: QDropEvent) -> Place | None:
        item = self.itemAt(event.position().toPoint())
        if item is None or self._read_only:
            return None
        place: Place = item.data(_ID)
        ours = event.mimeData().hasFormat(ASSET_MIME)
        if place.fixed == "all":
            return None if ours else place
        return place if ours or place.board else None

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Assets of ours and files are welcome."""
        if event.mimeData().hasFormat(ASSET_MIME) or event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Only where a drop would do something."""
        place = self._target(event)
        if place is None:
            event.ignore()
        else:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        """Put assets on a board, star them, or move them to the trash; import files."""
        place = self._target(event)
        if place is None:
            event.ignore()
            return
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        ids = asset_ids_of(event.mimeData())
        if ids:
            self.dropped.emit(place, ids)
        elif event.mimeData().hasUrls():
            self.filesDropped.emit(place, event.mimeData())

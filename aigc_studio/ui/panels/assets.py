"""The Assets panel: all the project holds, found by word, board, star or kind; files in and out by drag."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSlider,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.assets import Asset, AssetQuery
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.assets.actions import AssetActions
from aigc_studio.ui.assets.asset_grid import CELL_SIZES, AssetGrid
from aigc_studio.ui.assets.boards import BoardList, Place
from aigc_studio.ui.assets.commands import AssetCommands
from aigc_studio.ui.assets.details import AssetDetails
from aigc_studio.ui.assets.importer import Importer, ImportReport
from aigc_studio.ui.assets.model import ASSET_MIME, AssetModel, shown_title
from aigc_studio.ui.assets.thumbnails import ThumbnailLoader
from aigc_studio.ui.dialogs.confirm import ConfirmDialog
from aigc_studio.ui.dropping.payload import Payload, welcome
from aigc_studio.ui.events import AssetsChange
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import set_role
from aigc_studio.ui.viewer.reel import ModelReel
from aigc_studio.ui.widgets.empty_state import EmptyState

__all__ = ["AssetsPanel"]

_KINDS = (("", N_("All##kinds")), ("image", N_("Pictures")), ("audio", N_("Recordings")), ("text", N_("Texts")))
_ORDERS = (("newest", N_("Newest first")), ("oldest", N_("Oldest first")), ("title", N_("By title")))
_EMPTY = {
    "": (
        "image-multiple-outline",
        N_("Nothing here yet"),
        N_("Drop pictures, recordings or texts here, or make some in the other panels."),
    ),
    "text": ("magnify", N_("Nothing found"), N_("Try fewer or other words, or another board.")),
    "trash": ("trash-can-outline", N_("The trash is empty"), N_("What you delete waits here and can be put back.")),
    "star": ("star-outline", N_("No stars yet"), N_("Choose an asset and press S to find it here.")),
    "kind": ("filter-outline", N_("None of this kind here"), N_("Choose “All” above to see the rest.")),
    "board": ("folder-outline", N_("This board is empty"), N_("Drag assets or files onto its name.")),
}
_TYPING_PAUSE_MS = 120
_LOOKED_AT = 200
"""So many of the chosen assets say what the actions may do: one page of the model."""


class AssetsPanel(Translated, QWidget):
    """Boards on the left, the grid in the middle, what is known of the choice on the right."""

    noticed = Signal(str)
    """A sentence for the person that is no error."""
    undoOffered = Signal(str, object)
    """A sentence about what was just done, and the function that takes it back."""
    openRequested = Signal(object)
    """An Asset to be opened in the panel that suits it."""
    viewRequested = Signal(object, int)
    """A Reel and the row to look at over the whole screen."""
    compareRequested = Signal(object, object, object)
    """Two picture assets; None: both are the project's."""
    reuseRequested = Signal(object)
    """A recipe whose settings are to be used again."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._pending = AssetsChange()
        self._loader = ThumbnailLoader(self._locate, self._make_thumbnail, self)
        self._model = AssetModel(self)
        self._importer = Importer(studio, self)
        self._doing = AssetActions(studio, self)
        self._build()
        self.first_focus = self._grid
        """Where the window puts the keyboard when the panel is shown for the first time."""
        self._connect()
        self.setAcceptDrops(True)
        self._project_changed()

    # building

    def _build(self) -> None:
        self._grid = AssetGrid(self._loader)
        self._grid.setModel(self._model)
        self.tr_bind(self._grid.setAccessibleName, "Assets")
        self._boards = BoardList()
        self._new_board = QToolButton()
        self._new_board.setIcon(icon("folder-plus-outline"))
        self.tr_bind(self._new_board.setToolTip, "New board")
        self.tr_bind(self._new_board.setAccessibleName, "New board")
        heading = QLabel()
        heading.setProperty("role", "section")
        self.tr_bind(heading.setText, "Boards")
        top = QHBoxLayout()
        top.setContentsMargins(16, 12, 8, 4)
        top.addWidget(heading, 1)
        top.addWidget(self._new_board)
        side = QWidget()
        side.setProperty("role", "inspector")
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._boards, 1)
        self._size = QSlider(Qt.Orientation.Horizontal)
        self._size.setRange(0, len(CELL_SIZES) - 1)
        self._size.setPageStep(1)
        self._size.setValue(CELL_SIZES.index(self._grid.side))
        self._size.setFixedWidth(64)
        self.tr_bind(self._size.setAccessibleName, "Thumbnail size")
        self.tr_bind(self._size.setToolTip, "Thumbnail size")
        self._count = QLabel()
        self._count.setProperty("role", "faint")
        bottom = QHBoxLayout()
        bottom.setContentsMargins(16, 4, 12, 4)
        bottom.addWidget(self._count, 1)
        bottom.addWidget(self._size)
        column.addLayout(bottom)

        self._empty = EmptyState("image-multiple-outline", N_("Nothing here yet"), "")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._grid)
        self._stack.addWidget(self._empty)
        middle = self._middle = QFrame()
        work = QVBoxLayout(middle)
        work.setContentsMargins(0, 0, 0, 0)
        work.setSpacing(0)
        work.addWidget(self._build_bar())
        work.addWidget(self._stack, 1)

        self._details = AssetDetails(self._loader)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        for widget, stretch in ((side, 0), (middle, 1), (self._details, 0)):
            self._splitter.addWidget(widget)
            self._splitter.setStretchFactor(self._splitter.count() - 1, stretch)
        self._splitter.setSizes([184, 700, 280])
        self._splitter.setCollapsible(1, False)
        side.setMinimumWidth(140)
        self._details.setMinimumWidth(220)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._splitter)

    def _build_bar(self) -> QFrame:
        self._search = QLineEdit()
        self._search.setClearButtonEnabled(True)
        self._search.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition)
        self.tr_bind(self._search.setPlaceholderText, "Search titles, prompts and texts")
        self.tr_bind(self._search.setAccessibleName, "Search titles, prompts and texts")
        self._kinds = QButtonGroup(self)
        kinds = QHBoxLayout()
        kinds.setSpacing(4)
        for number, (_, title) in enumerate(_KINDS):
            button = QToolButton()
            button.setCheckable(True)
            button.setChecked(number == 0)
            button.setProperty("role", "chip")
            self.tr_bind(button.setText, title)
            self._kinds.addButton(button, number)
            kinds.addWidget(button)
        self._order = QToolButton()
        self._order.setIcon(icon("sort"))
        self._order.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.tr_bind(self._order.setToolTip, "Order")
        self.tr_bind(self._order.setAccessibleName, "Order")
        self._orders = QActionGroup(self)
        menu = QMenu(self._order)
        for order, title in _ORDERS:
            action = QAction(self, checkable=True, checked=order == "newest")
            action.setData(order)
            self.tr_bind(action.setText, title)
            self._orders.addAction(action)
        menu.addActions(self._orders.actions())
        self._order.setMenu(menu)
        self._import = QPushButton(icon("tray-arrow-down"), "")
        self.tr_bind(self._import.setText, "Import…")
        self._sweep = QPushButton(icon("delete-sweep-outline"), "")
        self._sweep.setProperty("role", "danger")
        self._sweep.hide()
        self.tr_bind(self._sweep.setText, "Empty the trash…")
        frame = QFrame()
        frame.setProperty("role", "toolbar")
        bar = QHBoxLayout(frame)
        bar.setContentsMargins(16, 8, 16, 8)
        bar.setSpacing(8)
        self._search.setMinimumWidth(96)
        bar.addWidget(self._search, 1)
        bar.addLayout(kinds)
        bar.addWidget(self._order)
        bar.addWidget(self._import)
        bar.addWidget(self._sweep)
        return frame

    def _connect(self) -> None:
        studio = self._studio
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_PAUSE_MS)
        self._typing.timeout.connect(self._ask)
        self._refreshing = QTimer(self, singleShot=True, interval=50)
        self._refreshing.timeout.connect(self._refresh)
        studio.projectOpened.connect(self._project_changed)
        studio.projectClosed.connect(self._project_changed)
        studio.assetsChanged.connect(self._assets_changed)
        self._search.textChanged.connect(lambda: self._typing.start())
        self._search.returnPressed.connect(self._grid.setFocus)
        self._kinds.idClicked.connect(self._ask)
        self._orders.triggered.connect(self._ask)
        self._boards.chosen.connect(self._ask)
        self._boards.renamed.connect(self._doing.rename_board)
        self._boards.removeRequested.connect(self._doing.remove_board)
        self._boards.dropped.connect(self._dropped_on)
        self._boards.filesDropped.connect(lambda place, mime: self._importer.take(Payload.read(mime), place.board))
        self._new_board.clicked.connect(self._create_board)
        self._size.valueChanged.connect(lambda place: self._grid.set_side(CELL_SIZES[place]))
        self._grid.sideChanged.connect(lambda side: self._size.setValue(CELL_SIZES.index(side)))
        self._grid.selectionModel().selectionChanged.connect(self._selection_changed)
        self._model.modelReset.connect(self._rows_changed)
        self._model.rowsInserted.connect(self._rows_changed)
        self._model.dataChanged.connect(self._selection_changed)
        self._grid.openRequested.connect(self.openRequested)
        self._grid.menuRequested.connect(self._menu)
        self._details.renamed.connect(self._doing.rename)
        self._details.openRequested.connect(self.openRequested)
        self._details.reuseRequested.connect(self.reuseRequested)
        self._details.jumpRequested.connect(self.show_asset)
        self._details.viewRequested.connect(self._view)
        self._doing.noticed.connect(self.noticed)
        self._doing.undoOffered.connect(self.undoOffered)
        self._doing.boardsChanged.connect(self._refresh)
        self._import.clicked.connect(self._choose_files)
        self._importer.finished.connect(self._imported)
        self._importer.progress.connect(self._import_progress)
        self._details.restoreRequested.connect(lambda asset: self._doing.restore([asset]))
        self._details.titleLeft.connect(self._grid.setFocus)
        self._sweep.clicked.connect(self._empty_trash)
        self._boards.emptyRequested.connect(self._empty_trash)
        self._commands = AssetCommands(self, self._grid)
        self._details.offer(self._commands["compare"])
        do, chosen = self._doing, self._grid.assets
        for id, call in {
            "find": self._search.setFocus,
            "import": self._choose_files,
            "board": self._create_board,
            "open": lambda: self.openRequested.emit(chosen()[0]),
            "view": self._view,
            "compare": lambda: self.compareRequested.emit(*chosen(), None),
            "rename": self._edit_title,
            "star": lambda: do.star(chosen()),
            "copy": self._copy,
            "export": lambda: do.export(chosen(), self),
            "trash": self._delete,
            "restore": lambda: do.restore(chosen()),
            "delete": self._delete_forever,
            "empty": self._empty_trash,
        }.items():
            self._commands[id].triggered.connect(lambda _on=False, call=call: call())

    # what the main window may call

    def actions(self) -> list[QAction]:
        """For the window's menu and its list of keys."""
        return self._commands.listed()

    # the project

    @property
    def _read_only(self) -> bool:
        return self._studio.info is None or self._studio.info.read_only

    def _project_changed(self, *_: object) -> None:
        self._loader.wait()
        self._loader.forget()
        self._grid.forget()
        reader = self._studio.reader
        self._details.set_reader(reader)
        self._model.set_reader(reader)
        self._boards.set_boards(reader.boards() if reader else [], read_only=self._read_only)
        self._new_board.setEnabled(not self._read_only)
        self._import.setEnabled(not self._read_only)
        self._rows_changed()

    def _locate(self, id: str) -> Path | None:
        return self._studio.reader.thumbnail_path(id) if self._studio.reader else None

    def _make_thumbnail(self, id: str, then) -> None:
        self._studio.thumbnail(id, then)

    def _assets_changed(self, change: AssetsChange) -> None:
        self._loader.forget(*change.changed) if change.changed else None
        if not self._refreshing.isActive():
            self._refreshing.start()

    def _refresh(self) -> None:
        reader = self._studio.reader
        if reader is None:
            return
        self._boards.set_boards(reader.boards(), read_only=self._read_only)
        chosen = [asset.id for asset in self._grid.first_assets(_LOOKED_AT)]
        place = self._grid.selectionModel().selection().at(0).top() if chosen else 0
        self._model.refresh()
        if chosen and not self._grid.selectionModel().hasSelection():
            self._choose(chosen)
            if not self._grid.selectionModel().hasSelection() and (rows := self._model.rowCount()):
                self._grid.setCurrentIndex(self._model.index(min(place, rows - 1), 0))  # what took its place
        self._rows_changed()
        self._selection_changed()

    def _choose(self, ids: list[str]) -> None:
        if self._model.rowCount():
            self._model.asset(0)  # the first page, where what just changed usually is
        for id in ids:
            row = self._model.row_of(id)
            if row >= 0:
                flag = self._grid.selectionModel().SelectionFlag.Select
                self._grid.selectionModel().select(self._model.index(row, 0), flag)

    # what is shown

    def order(self) -> str:
        """The chosen order, as `AssetQuery` names it."""
        action = self._orders.checkedAction()
        return action.data() if action else "newest"

    def query(self) -> AssetQuery:
        """What the controls ask for."""
        place = self._boards.place()
        kind = _KINDS[max(0, self._kinds.checkedId())][0]
        return AssetQuery(
            text=self._search.text().strip(),
            kinds=(kind,) if kind else AssetQuery().kinds,
            board=place.board,
            starred=place.fixed == "starred",
            trashed=place.fixed == "trash",
            order=self.order(),
        )

    def _ask(self, *_: object) -> None:
        self._model.set_query(self.query())
        self._grid.scrollToTop()

    def _rows_changed(self, *_: object) -> None:
        count = self._model.rowCount()
        text = tr("1 asset") if count == 1 else tr("{count} assets", count=f"{count:,}") if count else ""
        self._count.setText(text)
        self._enable()
        if count:
            self._stack.setCurrentWidget(self._grid)
            return
        self._stack.setCurrentWidget(self._empty)
        query, reader = self.query(), self._studio.reader
        case = (
            "text"
            if query.text
            else "kind"
            if len(query.kinds) == 1 and reader is not None and reader.count(replace(query, kinds=AssetQuery().kinds))
            else "trash"
            if query.trashed
            else "star"
            if query.starred
            else "board"
            if query.board
            else ""
        )
        self._empty.set_icon(_EMPTY[case][0])
        self._empty.set_text(*_EMPTY[case][1:])
        self._details.show_nothing()

    def _selection_changed(self, *_: object) -> None:
        parts = self._grid.selectionModel().selection()
        count = sum(parts.at(place).height() for place in range(parts.count()))
        if count == 1 and (chosen := self._grid.assets()):
            if chosen[0] != self._details.asset:
                self._details.show_asset(chosen[0])
        else:
            self._details.show_nothing(count)
        self._enable()

    def _enable(self) -> None:
        """Let the actions follow the choice; in the trash its own button is in the place of the one for import."""
        trash = self._boards.place().fixed == "trash"
        self._import.setVisible(not trash)
        self._sweep.setVisible(trash)
        self._sweep.setEnabled(trash and self._model.rowCount() > 0 and not self._read_only)
        self._commands.enable(
            self._grid.first_assets(_LOOKED_AT), count=self._model.rowCount(), trash=trash, read_only=self._read_only
        )

    def show_asset(self, id: str) -> None:
        """Choose one asset, leaving search and board when it is not among them."""
        reader = self._studio.reader
        if reader is None or (asset := reader.asset(id)) is None:
            return
        row = self._model.row_of(id)
        if row < 0:
            self._search.clear()
            self._boards.choose(Place("trash" if asset.trashed else "all"))
            self._kinds.button(0).setChecked(True)
            self._ask()
            ids = reader.ids(self.query())
            row = ids.index(id) if id in ids else -1
        if row >= 0:
            self._grid.setCurrentIndex(self._model.index(row, 0))

    # doing

    def _delete(self) -> None:
        """Move to the trash."""
        if self._boards.place().fixed != "trash":
            self._doing.trash(self._grid.assets())

    def _delete_forever(self) -> None:
        """Ask, then delete what is chosen in the trash."""
        assets = self._grid.assets()
        if len(assets) == 1:
            text = N_("“{title}” is deleted from the disk. This cannot be undone.")
            self._ask_delete(assets, text, title=shown_title(assets[0]))
        elif assets:
            text = N_("{count} assets are deleted from the disk. This cannot be undone.")
            self._ask_delete(assets, text, count=len(assets))

    def _empty_trash(self) -> None:
        """Ask, then delete all that is in the trash, whatever is searched for."""
        reader = self._studio.reader
        ids = reader.ids(AssetQuery(trashed=True)) if reader and not self._read_only else []
        if len(ids) == 1 and reader and (asset := reader.asset(ids[0])):
            text = N_("“{title}” is deleted from the disk. This cannot be undone.")
            self._ask_delete([asset], text, title=shown_title(asset))
        elif ids:
            text = N_("{count} assets are deleted from the disk. This cannot be undone.")
            ConfirmDialog(
                N_("Empty the trash"),
                text,
                N_("Delete for ever"),
                lambda: self._doing.delete_ids(ids),
                self,
                count=len(ids),
            ).open()

    def _ask_delete(self, assets: list[Asset], text: str, **fields: object) -> None:
        title = N_("Delete for ever")
        ConfirmDialog(title, text, title, lambda: self._doing.delete_forever(assets), self, **fields).open()

    def _view(self) -> None:
        """Look at what is chosen over the whole screen, and go on from there through all that is shown."""
        row = self._grid.currentIndex().row()
        if not self._grid.selectionModel().isRowSelected(row):
            row = self._grid.selectionModel().selection().at(0).top()
        self.viewRequested.emit(ModelReel(self._model), row)

    def _edit_title(self) -> None:
        if self._details.asset and not self._read_only:
            self._details.edit_title()

    def _copy(self) -> None:
        rows = self._grid.selectionModel().selectedRows()
        if rows:
            QGuiApplication.clipboard().setMimeData(self._model.mimeData(rows))

    def _create_board(self) -> None:
        self._doing.create_board(self._grid.assets(), lambda board: self._boards.edit_board(board.id))

    def _dropped_on(self, place: Place, ids: list[str]) -> None:
        if place.board:
            self._doing.add_to_board(place.board, ids)
        elif place.fixed == "starred":
            self._studio.store(lambda project: project.star(ids, True))
        elif place.fixed == "trash":
            self._studio.store(lambda project: project.trash(ids))

    def _menu(self, point: QPoint) -> None:
        assets = self._grid.assets()
        if not assets:
            return
        menu, place = QMenu(self), self._boards.place()
        self._enable()
        groups = (
            ("open", "view", "compare", "rename", "star"),
            ("copy", "export", "restore"),
            ("trash", "delete", "empty"),
        )
        for group in groups:
            menu.addActions([self._commands[id] for id in group if self._commands[id].isEnabled()])
            if "star" in group and not self._read_only and place.fixed != "trash":
                self._board_menu(menu, [asset.id for asset in assets], place.board)
            menu.addSeparator()
        menu.exec(point)
        menu.deleteLater()

    def _board_menu(self, menu: QMenu, ids: list[str], here: str) -> None:
        add = menu.addMenu(icon("folder-plus-outline"), tr("Add to board"))
        for board in self._studio.reader.boards() if self._studio.reader else []:
            add.addAction(board.title, lambda board=board: self._doing.add_to_board(board.id, ids))
        add.addAction(icon("plus"), tr("New board"), self._create_board)
        if here:
            menu.addAction(
                icon("folder-remove-outline"),
                tr("Take off this board"),
                lambda: self._doing.take_off_board(here, ids),
            )

    # files in

    def _choose_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, tr("Import"), str(Path.home()))
        self._importer.start([Path(file) for file in files], self._boards.place().board)

    def take_drop(self, payload: Payload) -> None:
        """What was dropped on the window while this panel is in front: everything is welcome here."""
        if not self._read_only:
            self._importer.take(payload, self._boards.place().board)

    def _import_progress(self, done: int, total: int) -> None:
        if total > 3:
            self._count.setText(tr("Importing {done} of {total}…", done=done + 1, total=total))

    def _imported(self, report: ImportReport) -> None:
        self._refresh()
        if report.assets:
            self._grid.selectionModel().clearSelection()
            self._choose([asset.id for asset in report.assets[:200]])
        if report.refused:
            self._studio.problem.emit(report.problem())
        else:
            self.noticed.emit(report.summary())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files are welcome; assets of ours are here already."""
        mime = event.mimeData()
        if welcome(mime) and not mime.hasFormat(ASSET_MIME) and not self._read_only:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self._show_dropping(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """The files went elsewhere."""
        self._show_dropping(False)

    def _show_dropping(self, on: bool) -> None:
        set_role(self._middle, "dropping" if on else "")

    def dropEvent(self, event: QDropEvent) -> None:
        """Import what was dropped, onto the board that is shown."""
        self._show_dropping(False)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.take_drop(Payload.read(event.mimeData()))

    # remembered

    def retranslate(self) -> None:
        """Counts in the new language."""
        super().retranslate()
        self._rows_changed()
        self._enable()

    def open_asset(self, asset: Asset) -> None:
        """Show where an asset is."""
        self.show_asset(asset.id)

    def save_state(self) -> dict[str, object]:
        """Sizes and order, not what was searched."""
        return {"side": self._grid.side, "order": self.order(), "splitter": self._splitter.sizes()}

    def restore_state(self, state: dict) -> None:
        """The inverse; wrong types are ignored."""
        side, order, sizes = state.get("side"), state.get("order"), state.get("splitter")
        if isinstance(side, int):
            self._grid.set_side(side)
        for action in self._orders.actions():
            if action.data() == order:
                action.setChecked(True)
                self._ask()
        if isinstance(sizes, list) and len(sizes) == 3 and all(isinstance(size, int) and size >= 0 for size in sizes):
            self._splitter.setSizes(sizes)

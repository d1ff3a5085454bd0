"""The Models page: every model and part that was found, what each is and what it lacks, and the folders looked in."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QMenu,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.dialogs.dialog import StudioDialog
from aigc_studio.ui.icons import icon
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.widgets.banner import BannerArea
from aigc_studio.ui.widgets.empty_state import EmptyState

from .details import ModelDetails
from .folders import FolderList
from .rows import Listed, ModelRows, entry_of, fill, matches
from .words import KINDS

__all__ = ["LibraryDialog"]

_FILTERS = (("", N_("All##models")), *((kind, title) for kind, title in KINDS.items() if kind != "other"))

_WHERE = N_(
    "Download a model as a folder (diffusers or transformers format) or as one .safetensors file, from huggingface.co "
    "or modelscope.cn for example, keep its files together, then add the folder here or drop it on the window. "
    "Only safetensors files are read: .ckpt, .bin and .pt files can hide programs."
)


class LibraryDialog(StudioDialog):
    """Not modal: pictures go on being made while one looks. It asks for what needs a question (`folderWanted`)."""

    folderWanted = Signal()
    importWanted = Signal(bool)
    """Copy a model into a models folder: a file (True) or a folder."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(N_("Models"), parent, width=760)
        self._studio, self._scan = studio, studio.models
        self._kind = ""
        self.take_size(studio.settings.state("models/size"), (1000, 680))
        self.banners = BannerArea(self)
        self.body.addLayout(self._build_bar())
        self.pages = QStackedWidget(self)
        self.list = QListWidget(self)
        self.list.setItemDelegate(ModelRows(self.list))
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setMinimumWidth(280)
        self.tr_bind(self.list.setAccessibleName, N_("Models"))
        self.empty = EmptyState(
            "package-variant",
            N_("No model of your own yet"),
            _WHERE,
            [(N_("Add folder…"), self.folderWanted.emit)],
        )
        self.pages.addWidget(self.list)
        self.pages.addWidget(self.empty)
        self.details = ModelDetails(studio, self)
        self.folders = FolderList(studio, self)
        right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(16)
        self.hint = self._build_hint()
        column.addWidget(self.details)
        column.addWidget(self.hint)
        column.addWidget(self.folders)
        column.addStretch(1)
        scroll = QScrollArea(self, widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(right)
        across = QHBoxLayout()
        across.setSpacing(16)
        across.addWidget(self.pages, 5)
        across.addWidget(scroll, 4)
        self.body.addLayout(across, 1)
        self.state = QLabel(self)
        self.state.setProperty("role", "faint")
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(120)
        self.stop = QPushButton(self, autoDefault=False)
        self.stop.setProperty("role", "link")
        self.tr_bind(self.stop.setText, N_("Stop##looking for models"))
        self._buttons.insertWidget(0, self.bar)
        self._buttons.insertWidget(1, self.state)
        self._buttons.insertWidget(2, self.stop)
        close = self.add_button(N_("Close"), "primary")
        close.clicked.connect(self.close)
        self._connect()
        self.retranslate()
        self._show_busy(self._scan.busy)

    def _build_bar(self) -> QHBoxLayout:
        self.search = QLineEdit(self)
        self.search.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(240)
        self.tr_bind(self.search.setPlaceholderText, N_("Search models"))
        self.tr_bind(self.search.setAccessibleName, N_("Search models"))
        switch = QFrame(self)
        switch.setProperty("role", "sunken")
        segments = QHBoxLayout(switch)
        segments.setContentsMargins(2, 2, 2, 2)
        segments.setSpacing(2)
        self.filters = QButtonGroup(self)
        for number, (_, title) in enumerate(_FILTERS):
            button = QPushButton(self, autoDefault=False)
            button.setCheckable(True)
            button.setChecked(number == 0)
            button.setProperty("role", "segment")
            self.tr_bind(button.setText, title)
            self.filters.addButton(button, number)
            segments.addWidget(button)
        self.add = QPushButton(icon("folder-plus-outline"), "", self, autoDefault=False)
        self.tr_bind(self.add.setText, N_("Add folder…"))
        self.tr_bind(self.add.setToolTip, N_("Models in this folder are used where they are."))
        self.copy = QPushButton(self, autoDefault=False)
        self.tr_bind(self.copy.setText, N_("Copy in"))
        self.tr_bind(self.copy.setToolTip, N_("Copies a model into your models folder."))
        self.copy_menu = QMenu(self)
        for file, title in ((False, N_("A model's folder…")), (True, N_("A .safetensors file…"))):
            action = self.copy_menu.addAction("")
            self.tr_bind(action.setText, title)
            action.triggered.connect(lambda _on=False, file=file: self.importWanted.emit(file))
        self.copy.setMenu(self.copy_menu)
        self.again = QPushButton(icon("refresh"), "", self, autoDefault=False)
        self.tr_bind(self.again.setToolTip, N_("Look at the folders again (F5)"))
        self.tr_bind(self.again.setAccessibleName, N_("Look at the folders again (F5)"))
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.search, 1)
        bar.addWidget(switch)
        bar.addStretch(1)
        for button in (self.add, self.copy, self.again):
            button.setIconSize(QSize(16, 16))
            bar.addWidget(button)
        return bar

    def _build_hint(self) -> QFrame:
        """Where models come from, while only what is built in is here."""
        card = QFrame(self)
        card.setProperty("role", "card")
        heading, text = QLabel(card), QLabel(card, wordWrap=True)
        heading.setProperty("role", "section")
        text.setProperty("role", "muted")
        self.tr_bind(heading.setText, N_("No model of your own yet"))
        self.tr_bind(text.setText, _WHERE)
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addWidget(heading)
        column.addWidget(text)
        return card

    def _connect(self) -> None:
        QShortcut(QKeySequence("F5"), self, self._scan.rescan)
        self.search.textChanged.connect(lambda _text: self.refresh())
        self.filters.idToggled.connect(lambda number, on: self._filter(_FILTERS[number][0]) if on else None)
        self.add.clicked.connect(self.folderWanted)
        self.again.clicked.connect(lambda: self._scan.rescan())
        self.stop.clicked.connect(self._scan.cancel)
        self.list.currentItemChanged.connect(lambda item, _before: self.details.show_entry(entry_of(item)))
        self._studio.modelsChanged.connect(self.refresh)
        self._scan.busyChanged.connect(self._show_busy)
        self._scan.progressed.connect(self._show_progress)

    def refresh(self) -> None:
        """Read the catalogue again; the model that is looked at stays chosen."""
        chosen = entry_of(self.list.currentItem())
        found = [*catalogue.models(), *catalogue.parts(), *catalogue.others()]
        groups: list[tuple[str, list[Listed]]] = []
        for kind, title in KINDS.items():
            listed = [
                (entry, entry.problem) for entry in found if entry.kind == kind and matches(entry, self.search.text())
            ]
            if listed and self._kind in ("", kind):
                groups.append((title, listed))
        fill(self.list, groups, chosen.id if chosen is not None else "")
        own = any(entry.path is not None and entry.facts.get("found") for entry in found)
        self.pages.setCurrentWidget(self.list if groups else self.empty)
        if not groups:
            self.empty.buttons[0].setVisible(not self.search.text())
            if self.search.text():
                self.empty.set_text(N_("No model is called so."))
            elif own:
                self.empty.set_text(N_("None of this kind yet"), _WHERE)
            else:
                self.empty.set_text(N_("No model of your own yet"), _WHERE)
        self.details.show_entry(entry_of(self.list.currentItem()))
        self.hint.setVisible(not own and bool(groups))
        self.folders.refresh()

    def choose(self, id: str) -> None:
        """Look at a model; one that was searched away comes into sight."""
        if not self._go_to(id):
            self.search.clear()
            self.filters.button(0).setChecked(True)
            self._go_to(id)

    def _go_to(self, id: str) -> bool:
        for row in range(self.list.count()):
            item = self.list.item(row)
            if (entry := entry_of(item)) is not None and entry.id == id:
                self.list.setCurrentItem(item)
                self.list.scrollToItem(item)
                return True
        return False

    def chosen(self) -> Entry | None:
        """The model that is looked at."""
        return entry_of(self.list.currentItem())

    def retranslate(self) -> None:
        """Rows are made of words."""
        super().retranslate()
        if hasattr(self, "stop"):
            self.refresh()

    def done(self, result: int) -> None:
        """Remember how large it was."""
        self._studio.settings.set_state("models/size", [self.width(), self.height()])
        super().done(result)

    def _filter(self, kind: str) -> None:
        self._kind = kind
        self.refresh()

    def _show_busy(self, busy: bool) -> None:
        for widget in (self.bar, self.stop):
            widget.setVisible(busy)
        self.again.setEnabled(not busy)
        self.state.setText(tr("Looking for models…") if busy else "")

    def _show_progress(self, count: int, name: str) -> None:
        self.state.setText(tr("{count} found · {name}", count=count, name=name[:40]))

"""The question what shall become of a model: used where it is, or copied into a models folder, with the room there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QFrame, QHBoxLayout, QLabel, QListWidget, QPushButton, QWidget

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.library.importing import free_space, space_needed
from aigc_studio.ui.background import Background, Check, Tell
from aigc_studio.ui.dialogs.dialog import StudioDialog
from aigc_studio.ui.theme import set_role

from .rows import ModelRows, fill
from .scan import ModelScan
from .words import KINDS, size_text

__all__ = ["ImportDialog"]

_SPARE = 256 << 20
"""Bytes that stay free, as `import_model` wants it."""

_MOST_HEIGHT = 236


class ImportDialog(StudioDialog):
    """Shows what was found in `path`. Exactly one of the signals follows, or none when it is left.

    used: the folder to be looked in from now on. copied: the folder to copy it into.
    """

    used = Signal(object)
    copied = Signal(object)

    def __init__(
        self,
        scan: ModelScan,
        path: Path,
        entries: Sequence[Entry],
        parent: QWidget | None = None,
        *,
        copy: bool = False,
    ) -> None:
        """copy: copying is what was asked for; there is no question about the place."""
        title = N_("Copy a model") if copy else N_("Add a model") if len(entries) == 1 else N_("Add models")
        super().__init__(title, parent, width=560)
        self._scan, self._path, self._entries = scan, path, entries
        self._copies = copy
        self._needed = self._free = -1
        self._asked: Background | None = None
        self.list = QListWidget(self)
        self.list.setItemDelegate(ModelRows(self.list))
        self.list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.tr_bind(self.list.setAccessibleName, N_("What was found"))
        self.place = QLabel(self, wordWrap=True)
        self.place.setProperty("role", "muted")
        self.where = QComboBox(self)
        self.where.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.where.setMinimumContentsLength(20)
        self.tr_bind(self.where.setAccessibleName, N_("Folder for the copy"))
        for folder in _places():
            self.where.addItem(str(folder), folder)
        self.browse = QPushButton(self, autoDefault=False)
        self.tr_bind(self.browse.setText, N_("Browse…"))
        label = QLabel(self)
        label.setProperty("role", "label")
        label.setBuddy(self.where)
        self.tr_bind(label.setText, N_("A copy goes to"))
        self.room = QLabel(self, wordWrap=True)
        self.room.setProperty("role", "faint")
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.where, 1)
        line.addWidget(self.browse)
        rule = QFrame(self)
        rule.setProperty("role", "line")
        for widget in (self.list, self.place, rule, label):
            self.body.addWidget(widget)
        self.body.addLayout(line)
        self.body.addWidget(self.room)
        self.cancel = self.add_button(N_("Cancel"))
        self.copy = self.add_button(N_("Copy it into the models folder"), "primary" if copy else "")
        self.use = self.add_button(N_("Use it where it is"), "" if copy else "primary")
        self.use.setVisible(not copy)
        self.cancel.clicked.connect(self.reject)
        self.use.clicked.connect(lambda: (self.used.emit(self.root), self.accept()))
        self.copy.clicked.connect(lambda: (self.copied.emit(self.where.currentData()), self.accept()))
        self.where.currentIndexChanged.connect(self._ask)
        self.browse.clicked.connect(self._browse)
        (self.copy if copy else self.use).setFocus()
        self.retranslate()
        self._ask()

    @property
    def root(self) -> Path:
        """The folder that must be looked in for the model to be found where it is."""
        return self._path if self._path.is_dir() else self._path.parent

    def retranslate(self) -> None:
        """Rows and the words about room are composed here."""
        super().retranslate()
        if not hasattr(self, "cancel"):
            return
        groups = [(KINDS[kind], [(e, e.problem) for e in self._entries if e.kind == kind]) for kind in KINDS]
        fill(self.list, [(title, listed) for title, listed in groups if listed], "")
        rows = [self.list.item(row).sizeHint().height() for row in range(self.list.count())]
        self.list.setFixedHeight(min(_MOST_HEIGHT, sum(rows) + 8))
        folder = str(self.root)
        self.place.setText(
            tr("It lies in {folder}.", folder=folder)
            if self._copies
            else tr("It lies in {folder}. Used where it is, nothing is copied; it must stay there.", folder=folder)
        )
        self._show_room()

    def done(self, result: int) -> None:
        """Nobody waits for the numbers any more."""
        if self._asked is not None:
            self._asked.cancel()
        super().done(result)

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Folder for the copy"), str(self.where.currentData()))
        if folder:
            found = self.where.findText(str(Path(folder)))
            if found < 0:
                self.where.addItem(str(Path(folder)), Path(folder))
                found = self.where.count() - 1
            self.where.setCurrentIndex(found)

    def _ask(self) -> None:
        """How much a copy takes and how much is free; a slow drive answers later."""
        self._free = -1
        self._show_room()
        path, folder, needed = self._path, Path(self.where.currentData()), self._needed

        def look(_check: Check, _tell: Tell) -> tuple[Path, int, int]:
            return folder, space_needed(path) if needed < 0 else needed, free_space(folder)

        self._asked = self._scan.run("room for a model", look, self._answered, lambda _error: None)

    def _answered(self, answer: tuple[Path, int, int]) -> None:
        folder, self._needed, free = answer
        if folder == Path(self.where.currentData()):
            self._free = free
            self._show_room()

    def _show_room(self) -> None:
        enough = self._free >= self._needed + _SPARE
        self.copy.setEnabled(self._free >= 0 and enough)
        if self._free < 0:
            text = tr("Looking how much room there is…")
        else:
            text = tr(
                "The copy takes {needed}; {free} are free there.",
                needed=size_text(self._needed),
                free=size_text(self._free),
            )
            if not enough:
                text += " " + tr("That is not enough: choose another drive.")
        set_role(self.room, "faint" if enough or self._free < 0 else "warning")
        self.room.setText(text)


def _places() -> list[Path]:
    """Folders that models can be put into: the default one, then those the person added."""
    first = catalogue.models_folder()
    hub = [folder for folder in catalogue.folders() if folder.name == "hub"]  # its names are not for people
    return [first, *(folder for folder in catalogue.folders() if folder != first and folder not in hub)]

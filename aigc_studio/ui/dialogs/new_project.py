"""Asks for the name and the place of a new project."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from aigc_studio.core.i18n import N_, tr

from .dialog import StudioDialog

__all__ = ["NewProjectDialog", "folder_name"]

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}


def folder_name(name: str) -> str:
    """A project's name as a folder that every system takes; "" when nothing is left of it."""
    safe = _FORBIDDEN.sub(" ", name).strip(" .")
    safe = re.sub(r"\s+", " ", safe)[:80].strip(" .")
    return f"{safe} project" if safe.split(".")[0].lower() in _RESERVED else safe


class NewProjectDialog(StudioDialog):
    """`chosen(folder, name)` when the person has decided."""

    chosen = Signal(object, str)

    def __init__(self, parent_folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(N_("New project"), parent)
        self.name = QLineEdit(self)
        self.name.setMaxLength(120)
        self.folder = QLineEdit(str(parent_folder), self)
        browse = QPushButton(self)
        browse.setAutoDefault(False)
        self.tr_bind(browse.setText, N_("Browse…"))
        browse.clicked.connect(self._browse)
        self._said = QLabel(self)
        self._said.setWordWrap(True)
        self._said.setProperty("role", "faint")
        for title, field in ((N_("Name"), self.name), (N_("Place"), self.folder)):
            label = QLabel(self)
            label.setProperty("role", "label")
            label.setBuddy(field)
            self.tr_bind(label.setText, title)
            self.tr_bind(field.setAccessibleName, title)
            self.body.addWidget(label)
            line = QHBoxLayout()
            line.setSpacing(8)
            line.addWidget(field, 1)
            if field is self.folder:
                line.addWidget(browse)
            self.body.addLayout(line)
        self.body.addWidget(self._said)
        self.body.addStretch(1)
        cancel = self.add_button(N_("Cancel"))
        cancel.clicked.connect(self.reject)
        self.create_button = self.add_button(N_("Create"), "primary")
        self.create_button.clicked.connect(self._decide)
        self.name.textChanged.connect(self._check)
        self.folder.textChanged.connect(self._check)
        self.name.setText(self._free_name(parent_folder))
        self.name.selectAll()
        self.name.setFocus()
        self._check()

    def target(self) -> Path:
        """The folder the project will have."""
        return Path(self.folder.text()).expanduser() / folder_name(self.name.text())

    def retranslate(self) -> None:
        """The line about the place is made of the fields."""
        super().retranslate()
        self._check()

    def _free_name(self, folder: Path) -> str:
        name, number = tr("Untitled"), 2
        while (folder / name).exists():
            name, number = f"{tr('Untitled')} {number}", number + 1
        return name

    def _check(self) -> None:
        usable = bool(folder_name(self.name.text())) and bool(self.folder.text().strip())
        place = Path(self.folder.text()).expanduser()
        if not usable:
            text = tr("Give the project a name with letters or digits.")
        elif not place.is_absolute():
            text, usable = tr("Choose a place with its full path."), False
        elif self.target().exists() and (not self.target().is_dir() or any(self.target().iterdir())):
            text, usable = tr("There is something with this name already; choose another name."), False
        else:
            text = tr("It will be in {folder}", folder=str(self.target()))
        self._said.setText(text)
        self.create_button.setEnabled(usable)

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Place"), self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _decide(self) -> None:
        self.chosen.emit(self.target(), self.name.text().strip())
        self.accept()

"""The folders that models are looked for in: how much room each drive has, and taking one off the list."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.library.importing import free_space
from aigc_studio.core.library.places import hub_cache
from aigc_studio.ui.background import Check, Tell
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.widgets.elided_label import ElidedLabel

from .words import size_text

__all__ = ["FolderList"]


class FolderList(Translated, QFrame):
    """A card with one row per folder."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._room: dict[Path, int | None] = {}
        """Bytes free where a folder is, None for one that is not there: what the last look in another thread found."""
        self._asking = False
        self.setProperty("role", "card")
        heading = QLabel(self)
        heading.setProperty("role", "section")
        self.tr_bind(heading.setText, N_("Folders looked in"))
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addWidget(heading)
        column.addLayout(self._list)
        self.rows: dict[Path, QWidget] = {}

    def refresh(self) -> None:
        """Show the folders as the catalogue has them; their free space follows."""
        for row in self.rows.values():
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = {}
        own, cache = catalogue.models_folder(), hub_cache()
        for folder in catalogue.folders():
            what = N_("Your models folder") if folder == own else N_("Hugging Face cache") if folder == cache else ""
            self.rows[folder] = self._row(folder, tr(what) if what else "", removable=not what)
            self._list.addWidget(self.rows[folder])
        if not self._asking:
            self._ask()

    def _ask(self) -> None:
        folders, own = tuple(self.rows), catalogue.models_folder()  # the last is made when something comes into it

        def look(_check: Check, _tell: Tell) -> dict[Path, int | None]:
            return {folder: free_space(folder) if folder.is_dir() or folder == own else None for folder in folders}

        self._asking = True
        self._studio.models.run("room on drives", look, self._answered, lambda _error: setattr(self, "_asking", False))

    def _answered(self, room: dict[Path, int | None]) -> None:
        self._asking = False
        if room != self._room:
            self._room = room
            self.refresh()

    def _row(self, folder: Path, what: str, *, removable: bool) -> QWidget:
        row = QWidget(self)
        name = ElidedLabel(row)
        name.setText(str(folder))
        name.setToolTip(str(folder))
        about = ElidedLabel(row)
        about.setProperty("role", "faint")
        room = self._room.get(folder, 0)
        parts = [what, tr("not there now") if room is None else tr("{size} free", size=size_text(room)) if room else ""]
        about.setText(" · ".join(part for part in parts if part))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(name)
        words.addWidget(about)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addLayout(words, 1)
        show = self._button(row, "folder-eye-outline", tr("Show in the file manager"), folder)
        show.setEnabled(room is not None)
        show.clicked.connect(partial(self._reveal, folder))
        line.addWidget(show, 0, Qt.AlignmentFlag.AlignTop)
        if removable:
            remove = self._button(row, "close", tr("Look there no longer; the files stay"), folder)
            remove.clicked.connect(partial(self._remove, folder))
            line.addWidget(remove, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _button(self, row: QWidget, picture: str, title: str, folder: Path) -> QToolButton:
        button = QToolButton(row)
        button.setIcon(icon(picture))
        button.setIconSize(QSize(16, 16))
        button.setProperty("role", "small")
        button.setToolTip(title)
        button.setAccessibleName(f"{title}: {folder}")
        return button

    def _reveal(self, folder: Path, _checked: bool = False) -> None:
        """The models folder is made when it is first wanted."""
        with suppress(OSError):
            if folder == catalogue.models_folder():
                folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _remove(self, folder: Path, _checked: bool = False) -> None:
        models = self._studio.models

        def removed(_nothing: object) -> None:
            models.changed.emit()
            models.rescan()

        def failed(error: StudioError | None) -> None:
            if error is not None:
                models.failed.emit(error)

        self.rows[folder].setEnabled(False)
        models.run("remove a folder", lambda _check, _tell: catalogue.remove_folder(folder), removed, failed)

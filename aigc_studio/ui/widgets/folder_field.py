"""The field for a folder with data: a place to drop it on, or to choose it; then its name, and buttons to change it."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QMouseEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_, tr
from aigc_studio.engines.base import Param
from aigc_studio.ui.icons import icon
from aigc_studio.ui.theme import set_role

from .elided_label import ElidedLabel
from .fields import Field
from .first_folder import FirstFolder

__all__ = ["FolderField", "dropped_paths"]

_ICONS = {"images": "image-multiple-outline", "texts": "file-document-multiple-outline"}
_HINT = N_("Drop a folder here")


def dropped_paths(event: QDropEvent) -> list[Path]:
    """The files and folders of this machine in a drag."""
    urls = event.mimeData().urls() if event.mimeData().hasUrls() else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile() and url.toLocalFile()]


class FolderField(Field):
    """Path of a folder, "" for none. It is never looked into here: a path may lie on a slow disk."""

    refused = Signal(str)
    """A sentence about a drop that is no folder."""

    def __init__(self, param: Param, parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self._value = str(param.default)
        self._folders = FirstFolder(self)
        self._folders.found.connect(self._taken)
        kind = next((name for name in param.of if name in _ICONS), "")
        self.zone = QFrame(self)
        self.zone.setProperty("role", "dropzone")
        self.setAcceptDrops(True)
        self._picture = QLabel(self.zone)
        self._icon = _ICONS.get(kind, "folder-outline")
        self.name = ElidedLabel(self.zone)
        self.place = ElidedLabel(self.zone)
        self.place.setProperty("role", "faint")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.name)
        words.addWidget(self.place)
        self.browse = QPushButton(self.zone, autoDefault=False)
        self.clear = QToolButton(self.zone)
        self.clear.setIcon(icon("close"))
        self.clear.setIconSize(QSize(16, 16))
        self.clear.setProperty("role", "small")
        self.tr_bind(self.clear.setToolTip, N_("Take this folder off"))
        line = QHBoxLayout(self.zone)
        line.setContentsMargins(12, 10, 8, 10)
        line.setSpacing(8)
        line.addWidget(self._picture)
        line.addLayout(words, 1)
        line.addWidget(self.browse)
        line.addWidget(self.clear)
        self._labelled(self.zone)
        self.label.setBuddy(self.browse)
        self.tr_bind(self.browse.setAccessibleName, N_("{field}: choose a folder"), field=lambda: tr(param.title))
        self.tr_bind(self.clear.setAccessibleName, N_("Take this folder off"))
        self.zone.setCursor(Qt.CursorShape.PointingHandCursor)
        self.browse.clicked.connect(self.choose)
        self.clear.clicked.connect(self._taken_off)
        self._show()

    def value(self) -> str:
        """The path, "" for none."""
        return self._value

    def set_value(self, value: str) -> None:
        """Show another folder."""
        if value != self._value:
            self._value = value
            self._show()
            self.changed.emit()

    def choose(self) -> None:
        """Ask for a folder."""
        dialog = QFileDialog(self.window(), tr(self.param.title), self._value or os.path.expanduser("~"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.set_value)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def take(self, paths: list[Path]) -> None:
        """Use the first folder of these, as soon as it is known to be one; a sentence when there is none."""
        self._folders.ask(paths)

    def _taken(self, folder: Path | None) -> None:
        if folder is None:
            self.refused.emit(tr("Drop the folder that holds the files, not the files themselves."))
        else:
            self.set_value(str(folder))

    def retranslate(self) -> None:
        """What is shown depends on the value."""
        super().retranslate()
        if hasattr(self, "clear"):
            self._show()

    def changeEvent(self, event: QEvent) -> None:
        """The icon takes the new theme's colour."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_icon"):
            self._draw()

    # -- the mouse
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click anywhere on an empty zone chooses a folder."""
        inside = self.zone.geometry().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and inside and not self._value:
            self.choose()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Anything with a path; whether it is a folder is asked when it is dropped."""
        if dropped_paths(event):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            set_role(self.zone, "dropping")
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Look as before."""
        self._look()

    def dropEvent(self, event: QDropEvent) -> None:
        """Use it."""
        self._look()
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.take(dropped_paths(event))

    # -- inside
    def _taken_off(self) -> None:
        self.browse.setFocus()
        self.set_value("")

    def _show(self) -> None:
        path = Path(self._value) if self._value else None
        self.name.setText((path.name or str(path)) if path is not None else tr(_HINT))
        set_role(self.name, "" if path is not None else "muted")
        self.place.setText(str(path.parent) if path is not None else tr("or choose it"))
        self.name.setToolTip(self._value)
        self.browse.setText(tr("Change…") if path is not None else tr("Browse…"))
        self.clear.setVisible(path is not None)
        self._look()

    def _look(self) -> None:
        set_role(self.zone, "card" if self._value else "dropzone")
        self._draw()

    def _draw(self) -> None:
        colour = "accent-text" if self._value else "icon"
        self._picture.setPixmap(icon(self._icon, colour).pixmap(QSize(24, 24), self.devicePixelRatioF()))

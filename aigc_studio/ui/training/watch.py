"""Watching a run: what it makes while it learns."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from aigc_studio.ui.events import Progress
from aigc_studio.ui.studio import Studio

__all__ = ["RunView"]


class RunView(QWidget):
    """The newest picture of a run."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._id = ""
        self.picture = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.addWidget(self.picture)
        studio.jobProgress.connect(self._progress)

    def show_run(self, folder: Path | None) -> None:
        """Show another run, None for none."""
        self._id = folder.name if folder is not None else ""
        self.picture.clear()

    def _progress(self, id: str, progress: Progress) -> None:
        if id == self._id and progress.preview is not None:
            self.picture.setPixmap(QPixmap.fromImage(progress.preview))

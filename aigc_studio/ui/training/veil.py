"""What lies over the panel while a folder is dragged above it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

__all__ = ["DropVeil"]

_MARGIN = 12


class DropVeil(Translated, QFrame):
    """Covers its parent while `set_shown(True)`; the mouse and drags go through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "drop")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._picture = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter)
        text = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter)
        text.setProperty("role", "heading")
        self.tr_bind(text.setText, N_("Drop the folder, and a model can learn from it"))
        column = QVBoxLayout(self)
        column.addStretch(1)
        column.addWidget(self._picture)
        column.addSpacing(8)
        column.addWidget(text)
        column.addStretch(1)
        self.hide()

    def set_shown(self, shown: bool) -> None:
        """Show or hide it."""
        parent = self.parentWidget()
        if shown and parent is not None:
            self.setGeometry(parent.rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN))
            self._picture.setPixmap(icon("folder-download-outline", "accent-text").pixmap(QSize(48, 48)))
            self.raise_()
        self.setVisible(shown)

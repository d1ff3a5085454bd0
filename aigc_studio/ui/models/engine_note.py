"""The calm note in a form where the engine that the chosen model needs is not installed."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

__all__ = ["EngineNote"]


class EngineNote(Translated, QFrame):
    """One sentence and a button that asks for the installation. Hidden at first."""

    installRequested = Signal()

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        """text: marked with N_()."""
        super().__init__(parent)
        self.setProperty("role", "banner")
        words = QLabel(self, wordWrap=True)
        self.tr_bind(words.setText, text)
        self.button = QPushButton(icon("download-outline"), "", self, autoDefault=False)
        self.button.setIconSize(QSize(16, 16))
        self.tr_bind(self.button.setText, N_("Install the engine…"))
        self.button.clicked.connect(self.installRequested)
        row = QHBoxLayout()
        row.addWidget(self.button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addWidget(words)
        column.addLayout(row)
        self.hide()

"""A line at the bottom of the window about what was just done, with the button that takes it back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.i18n import Translated

__all__ = ["Toast"]

SHOWN_MS = 8000


class Toast(Translated, QFrame):
    """One per window, over its bottom edge; the newest message replaces the one before."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "toast")
        self.text = QLabel(self)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.undo = QPushButton(self)
        self.undo.setAutoDefault(False)
        self.tr_bind(self.undo.setText, N_("Undo"))
        line = QHBoxLayout(self)
        line.setContentsMargins(16, 8, 8, 8)
        line.setSpacing(16)
        line.addWidget(self.text)
        line.addWidget(self.undo)
        self._call: Callable[[], object] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SHOWN_MS)
        self._timer.timeout.connect(self.hide)
        self.undo.clicked.connect(self.take_back)
        self._around = parent
        parent.installEventFilter(self)
        self.hide()

    def show_undo(self, text: str, call: Callable[[], object] | None) -> None:
        """Say `text` (in the person's language) and offer to take it back with `call`; None offers nothing."""
        self.text.setText(text)
        self._call = call
        self.undo.setVisible(call is not None)
        self._place()
        self.show()
        self.raise_()
        self._timer.start()

    @property
    def offers(self) -> bool:
        """Whether it is shown and something can be taken back."""
        return self._call is not None and not self.isHidden()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay at the bottom when the window is resized."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def _place(self) -> None:
        self.adjustSize()
        around = self._around.rect()
        width = min(self.width(), around.width() - 48)
        self.setGeometry((around.width() - width) // 2, around.height() - self.height() - 48, width, self.height())

    def take_back(self) -> None:
        """What the button does."""
        call, self._call = self._call, None
        self.hide()
        if call is not None:
            call()

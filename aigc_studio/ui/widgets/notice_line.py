"""A calm line for what is no error: an icon and a sentence or two, hidden while there is nothing to say."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from aigc_studio.ui.events import Notice
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

from .elided_label import ElidedLabel

__all__ = ["NoticeLine"]


class NoticeLine(Translated, QFrame):
    """Shows notices one after another in one line; the whole of them is its tool tip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notices: list[Notice] = []
        self.setProperty("role", "footer")
        self._picture = QLabel(self)
        self.text = ElidedLabel(self)
        self.text.setProperty("role", "muted")
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 6, 12, 6)
        line.setSpacing(8)
        line.addWidget(self._picture)
        line.addWidget(self.text, 1)
        self._draw()
        self.hide()

    def show_notices(self, notices: Sequence[Notice]) -> None:
        """Show these, or hide where there are none."""
        self.notices = list(notices)
        self._fill()

    def add(self, notice: Notice) -> None:
        """One more."""
        if notice not in self.notices:
            self.notices.append(notice)
            self._fill()

    def retranslate(self) -> None:
        """Notices are translated when they are shown."""
        super().retranslate()
        self._fill()

    def changeEvent(self, event: QEvent) -> None:
        """The icon takes the new theme's colour."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_picture"):
            self._draw()

    def _fill(self) -> None:
        words = [notice.words() for notice in self.notices]
        self.text.setText("  ·  ".join(words))
        self.text.setToolTip("\n".join(words))
        self.setVisible(bool(words))

    def _draw(self) -> None:
        self._picture.setPixmap(icon("information-outline", "info").pixmap(QSize(16, 16), self.devicePixelRatioF()))

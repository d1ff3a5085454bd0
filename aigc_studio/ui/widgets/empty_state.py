"""What a place shows while it has nothing to show: why it is empty, and the one thing to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon as load_icon

__all__ = ["EmptyState"]


class EmptyState(Translated, QWidget):
    """A quiet icon, a title, a sentence and buttons, centred. Texts are English, marked with N_(); the first button is
    the primary one."""

    def __init__(
        self,
        icon: str,
        title: str,
        text: str = "",
        buttons: Sequence[tuple[str, Callable[[], object]]] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._picture = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter)
        self._icon = icon
        self._title = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter)
        self._title.setProperty("role", "heading")
        self._text = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._text.setProperty("role", "muted")
        self._text.setFixedWidth(360)
        self.tr_bind(self._title.setText, title)
        if text:
            self.tr_bind(self._text.setText, text)
        self._text.setVisible(bool(text))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch()
        self.buttons: list[QPushButton] = []
        for number, (label, call) in enumerate(buttons):
            button = QPushButton(self)
            button.setAutoDefault(False)
            button.setProperty("role", "primary" if number == 0 else "")
            self.tr_bind(button.setText, label)
            button.clicked.connect(lambda _checked=False, call=call: call())
            row.addWidget(button)
            self.buttons.append(button)
        row.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(8)
        column.addStretch(2)
        column.addWidget(self._picture)
        column.addSpacing(4)
        column.addWidget(self._title)
        middle = QHBoxLayout()  # a wrapped label in an aligned cell would be cut: only a plain cell asks for its height
        middle.addStretch(1)
        middle.addWidget(self._text)
        middle.addStretch(1)
        column.addLayout(middle)
        column.addSpacing(12)
        column.addLayout(row)
        column.addStretch(3)
        self._draw()

    def set_text(self, title: str, text: str = "", **params: object) -> None:
        """Say something else; both marked with N_(), `params` fill their fields."""
        self.tr_bind(self._title.setText, title, **params)
        self.tr_bind(self._text.setText, text, **params)
        self._text.setVisible(bool(text))

    def set_icon(self, name: str) -> None:
        """Show another icon."""
        self._icon = name
        self._draw()

    def changeEvent(self, event) -> None:
        """Draw the icon again in the new theme's colour."""
        super().changeEvent(event)
        if event.type() in (event.Type.StyleChange, event.Type.PaletteChange) and hasattr(self, "_icon"):
            self._draw()

    def _draw(self) -> None:
        self._picture.setPixmap(load_icon(self._icon, "text-disabled").pixmap(QSize(48, 48), self.devicePixelRatioF()))

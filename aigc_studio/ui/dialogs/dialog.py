"""What all dialogs share: a heading, a body, a row of buttons, and that nothing waits for them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from aigc_studio.ui.i18n import Translated

__all__ = ["StudioDialog", "take_size"]

_AROUND = 48
"""Pixels that a dialog leaves free on a small screen: for its title bar and frame."""


class StudioDialog(Translated, QDialog):
    """Shown with `open()` or `show()`, never with `exec()`: the window's timers and jobs go on. Deleted when closed.

    title: marked with N_(), also the heading. Put the contents into `body`; buttons come with `add_button`.
    """

    def __init__(self, title: str, parent: QWidget | None = None, *, width: int = 480) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(width)
        self.tr_bind(self.setWindowTitle, title)
        self.heading = QLabel(self)
        self.heading.setProperty("role", "title")
        self.tr_bind(self.heading.setText, title)
        inside = QVBoxLayout()
        inside.setContentsMargins(24, 24, 24, 16)
        inside.setSpacing(16)
        inside.addWidget(self.heading)
        self.body = QVBoxLayout()
        self.body.setSpacing(12)
        inside.addLayout(self.body, 1)
        footer = QFrame(self)
        footer.setProperty("role", "footer")
        self._buttons = QHBoxLayout(footer)
        self._buttons.setContentsMargins(24, 12, 24, 12)
        self._buttons.setSpacing(8)
        self._buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(inside, 1)
        column.addWidget(footer)

    def take_size(self, kept: object, usual: tuple[int, int]) -> None:
        """As large as it was left, or as is usual; never larger than the screen, where its buttons would be lost.

        kept: [width, height] from memory, whatever is in it.
        """
        take_size(self, kept, usual)

    def add_button(self, title: str, role: str = "") -> QPushButton:
        """A button at the right end; the one with role "primary" answers to Enter."""
        button = QPushButton(self)
        button.setProperty("role", role)
        button.setAutoDefault(role == "primary")
        button.setDefault(role == "primary")
        self.tr_bind(button.setText, title)
        self._buttons.addWidget(button)
        return button


def take_size(dialog: QDialog, kept: object, usual: tuple[int, int]) -> None:
    """What `StudioDialog.take_size` does, for a dialog of another make."""
    sides = kept if isinstance(kept, list | tuple) and len(kept) == 2 else usual
    width, height = sides if all(isinstance(side, int) and side > 0 for side in sides) else usual
    above = dialog.parentWidget()
    room = (above or dialog).screen().availableGeometry()
    dialog.resize(min(width, room.width() - _AROUND), min(height, room.height() - _AROUND))

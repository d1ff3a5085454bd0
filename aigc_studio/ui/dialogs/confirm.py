"""The question before what cannot be taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from aigc_studio.core.i18n import N_

from .dialog import StudioDialog

__all__ = ["ConfirmDialog"]


class ConfirmDialog(StudioDialog):
    """Says what will happen; `then` is called only for the button that names it. Enter and Esc do nothing of it.

    title, text, button: marked with N_(); fields: what stands in the text.
    """

    def __init__(
        self,
        title: str,
        text: str,
        button: str,
        then: Callable[[], object],
        parent: QWidget | None = None,
        /,
        **fields: Any,
    ) -> None:
        super().__init__(title, parent, width=420)
        self.more: list[QLabel] = []
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.tr_bind(self.text.setText, text, **fields)
        self.body.addWidget(self.text)
        self.cancel = self.add_button(N_("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = self.add_button(button, "danger")
        self.go.clicked.connect(self.accept)
        self.accepted.connect(then)
        self.cancel.setAutoDefault(True)
        self.cancel.setDefault(True)
        self.cancel.setFocus()

    def add_text(self, text: str, **fields: Any) -> None:
        """Something more to think of, below. text: marked with N_()."""
        label = QLabel(self)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        self.tr_bind(label.setText, text, **fields)
        self.body.addWidget(label)
        self.more.append(label)

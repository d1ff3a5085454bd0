"""The question when captions are not saved and the page is closed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QLabel, QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.dialogs.dialog import StudioDialog

__all__ = ["LeavingDialog"]


class LeavingDialog(StudioDialog):
    """save, later, discard: what its buttons do; later None where nothing is remembered. Esc goes back."""

    def __init__(
        self,
        count: str,
        save: Callable[[], object],
        later: Callable[[], object] | None,
        discard: Callable[[], object],
        parent: QWidget,
    ) -> None:
        super().__init__(N_("Save the captions?"), parent, width=460)
        text = QLabel(self, wordWrap=True)
        words = N_("Captions that are not saved: {count}. A training uses what is saved beside the pictures.")
        self.tr_bind(text.setText, words, count=count)
        self.body.addWidget(text)
        if later is not None:
            more = QLabel(self, wordWrap=True)
            more.setProperty("role", "faint")
            self.tr_bind(more.setText, N_("“Later” keeps them in the project until you open the captions again."))
            self.body.addWidget(more)
        self.buttons = {}
        for id, title, role, call in (
            ("discard", N_("Discard"), "danger", discard),
            ("later", N_("Later##captions"), "", later),
            ("save", N_("Save"), "primary", save),
        ):
            if call is not None:
                button = self.add_button(title, role)
                button.clicked.connect(self.accept)
                button.clicked.connect(lambda _on=False, call=call: call())
                self.buttons[id] = button
        self.buttons["save"].setFocus()

"""Which task the Write panel's model is asked for: continue, follow an instruction, translate, summarise."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_

from ..i18n import Translated
from ..icons import icon

__all__ = ["TaskSwitch"]

_TASKS = (
    ("continue", N_("Continue"), "creation-outline", N_("The model goes on from the caret")),
    ("chat", N_("Instruct"), "message-text-outline", N_("The model does what you tell it with the text")),
    ("translate", N_("Translate"), "translate", N_("The text in another language")),
    ("summarise", N_("Summarise"), "text-short", N_("The text in fewer words")),
)
_SCOPES = {
    "selection": N_("Works on the selection"),
    "passage": N_("Works on the passage at the caret"),
    "whole": N_("Works on the whole text"),
    "caret": N_("Writes at the caret"),
}


class TaskSwitch(Translated, QWidget):
    """Four buttons, one of them down, and what the task works on."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        frame = QFrame(self)
        frame.setProperty("role", "sunken")
        grid = QGridLayout(frame)
        grid.setContentsMargins(2, 2, 2, 2)
        grid.setSpacing(2)
        self.buttons: dict[str, QPushButton] = {}
        group = QButtonGroup(self)
        for number, (id, title, picture, tip) in enumerate(_TASKS):
            button = QPushButton(icon(picture), "", frame, autoDefault=False)
            button.setCheckable(True)
            button.setIconSize(QSize(16, 16))
            button.setProperty("role", "segment")
            self.tr_bind(button.setText, title)
            self.tr_bind(button.setToolTip, tip)
            group.addButton(button, number)
            grid.addWidget(button, number // 2, number % 2)
            self.buttons[id] = button
        group.idClicked.connect(lambda number: self.chosen.emit(_TASKS[number][0]))
        self._scope = QLabel(self)
        self._scope.setProperty("role", "faint")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(frame)
        column.addWidget(self._scope)
        self.show_task("continue")
        self.show_scope("caret")

    @property
    def task(self) -> str:
        """The task whose button is down."""
        return next((id for id, button in self.buttons.items() if button.isChecked()), "continue")

    def show_task(self, task: str) -> None:
        """Put a button down without a signal."""
        self.buttons[task].setChecked(True)

    def show_possible(self, tasks: Collection[str]) -> None:
        """The tasks that some model here does; the others can be chosen to learn what they need, but look it."""
        for id, button in self.buttons.items():
            picture = next(picture for task, _, picture, _ in _TASKS if task == id)
            button.setIcon(icon(picture if id in tasks else "plus"))

    def show_scope(self, scope: str) -> None:
        """What the task works on: a key of `_SCOPES`."""
        self.tr_bind(self._scope.setText, _SCOPES[scope])

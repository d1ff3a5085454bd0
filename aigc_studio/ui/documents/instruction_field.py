"""What the model is told to do with a passage: lines to write in, what was written before, ready-made ones."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.instructions import instructions
from aigc_studio.core.settings import Settings

from ..i18n import Translated
from ..icons import icon

__all__ = ["InstructionField"]

REMEMBERED = 30
_STATE = "write/instructions"
_GROUPS = {
    "edit": N_("Revise"),
    "tone": N_("Change the tone"),
    "copy": N_("Write copy from it"),
    "form": N_("Give it another form"),
}


class _Lines(QPlainTextEdit):
    """Up on its first and Down on its last line walk through what was written before; Ctrl+Enter is the panel's."""

    walked = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """See the class."""
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if event.key() == Qt.Key.Key_Escape or (control and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)):
            event.ignore()
            return
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        if step and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            before = self.textCursor()
            after = QTextCursor(before)
            move = QTextCursor.MoveOperation.Up if step < 0 else QTextCursor.MoveOperation.Down
            if not after.movePosition(move):
                self.walked.emit(step)
                return
        super().keyPressEvent(event)


class InstructionField(Translated, QWidget):
    """The line and its menu. passage: a function that gives the text it will be about, for the language."""

    changed = Signal()

    def __init__(self, settings: Settings | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.passage: Callable[[], str] = str
        self._at: int | None = None
        self._draft = ""
        label = QLabel(self)
        label.setProperty("role", "label")
        self.tr_bind(label.setText, N_("What to do with it"))
        self.lines = _Lines(self)
        self.lines.setProperty("role", "prompt")
        self.lines.setTabChangesFocus(True)
        self.lines.setFixedHeight(76)
        self.tr_bind(self.lines.setPlaceholderText, N_("For example: shorten it to three sentences"))
        self.tr_bind(self.lines.setAccessibleName, N_("What to do with it"))
        label.setBuddy(self.lines)
        self.lines.walked.connect(self._walk)
        self.lines.textChanged.connect(self.changed)
        self.ready = QPushButton(icon("playlist-edit"), "", self, autoDefault=False)
        self.ready.setIconSize(QSize(16, 16))
        self.ready.setProperty("role", "ghost")
        self.tr_bind(self.ready.setText, N_("Ready-made"))
        self.tr_bind(self.ready.setToolTip, N_("Instructions to choose from, and those used before"))
        self.menu = QMenu(self.ready)
        self.menu.aboutToShow.connect(self.fill_menu)
        self.ready.setMenu(self.menu)
        top = QHBoxLayout()
        top.addWidget(label)
        top.addStretch(1)
        top.addWidget(self.ready)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.lines)
        self.setFocusProxy(self.lines)

    def text(self) -> str:
        """What is written."""
        return self.lines.toPlainText().strip()

    def set_text(self, text: str) -> None:
        """Put an instruction in; one undo step."""
        cursor = self.lines.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.lines.setTextCursor(cursor)

    # -- what was written before ---------------------------------------------------------------------------------

    def remembered(self) -> list[str]:
        """The instructions used before, the last one first."""
        found = self._settings.state(_STATE, []) if self._settings is not None else []
        return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []

    def remember(self, text: str) -> None:
        """It was used."""
        self._at = None
        if self._settings is not None and text:
            known = [text, *(other for other in self.remembered() if other != text)]
            self._settings.set_state(_STATE, known[:REMEMBERED])

    def _walk(self, step: int) -> None:
        known = self.remembered()
        if self._at is None:
            self._draft = self.lines.toPlainText()
        at = (-1 if self._at is None else self._at) - step
        if -1 <= at < len(known):
            self._at = None if at < 0 else at
            self.set_text(self._draft if at < 0 else known[at])

    # -- ready-made ones -----------------------------------------------------------------------------------------

    def fill_menu(self) -> None:
        """Ready-made instructions by group, then the last ones used."""
        self.menu.clear()
        passage = self.passage()
        for group, members in groupby(instructions(), lambda item: item.group):
            self._section(tr(_GROUPS[group]))
            for item in members:
                self._entry(item.title, item.text(passage))
        if known := self.remembered():
            self._section(tr(N_("Used before")))
            for text in known[:8]:
                self._entry(text if len(text) <= 40 else text[:39] + "…", text)

    def _section(self, title: str) -> None:
        if not self.menu.isEmpty():
            self.menu.addSeparator()
        heading = QAction(title, self.menu)
        heading.setEnabled(False)
        self.menu.addAction(heading)

    def _entry(self, title: str, text: str) -> None:
        entry = QAction(title.replace("&", "&&"), self.menu)
        entry.setToolTip(text)
        entry.triggered.connect(lambda: (self.set_text(text), self.lines.setFocus()))
        self.menu.addAction(entry)

"""The bar above a text that finds and replaces words in it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QKeyEvent, QTextCursor, QTextDocument
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QToolButton, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_

from ..i18n import Translated
from ..icons import icon
from .editor import PassageEditor
from .passages import clean

__all__ = ["FindBar"]


class FindBar(Translated, QFrame):
    """Finds from the caret on and goes round at the end; replaces within passages without taking their mark away.

    Enter: next, Shift+Enter: previous, Escape: close. Matches lie within a paragraph.
    """

    def __init__(self, editor: PassageEditor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self.setProperty("role", "toolbar")
        self.query, self.replacement = self._field(N_("Find in the text")), self._field(N_("Replace with"))
        self.case = self._tool("format-letter-case", N_("Match case"), self._restart)
        self.case.setCheckable(True)
        self.note = QLabel(self)
        self.note.setProperty("role", "faint")
        upper, self._lower = QHBoxLayout(), QWidget(self)
        upper.addWidget(self.query, 1)
        upper.addWidget(self.note)
        upper.addWidget(self.case)
        upper.addWidget(self._tool("chevron-up", N_("Find the previous one (Shift+Enter)"), lambda: self.seek(-1)))
        upper.addWidget(self._tool("chevron-down", N_("Find the next one (Enter)"), lambda: self.seek(1)))
        upper.addWidget(self._tool("close", N_("Close"), self.close_bar))
        lower = QHBoxLayout(self._lower)
        lower.setContentsMargins(0, 0, 0, 0)
        lower.addWidget(self.replacement, 1)
        lower.addWidget(self._button(N_("Replace##find"), self.replace))
        lower.addWidget(self._button(N_("Replace all"), self.replace_all))
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 6, 12, 6)
        column.setSpacing(4)
        column.addLayout(upper)
        column.addWidget(self._lower)
        self.query.textEdited.connect(lambda _: self._restart())
        self.hide()

    def _field(self, title: str) -> QLineEdit:
        field = QLineEdit(self)
        self.tr_bind(field.setPlaceholderText, title)
        self.tr_bind(field.setAccessibleName, title)
        field.installEventFilter(self)
        return field

    def _tool(self, picture: str, title: str, act: Callable[[], object]) -> QToolButton:
        button = QToolButton(self, autoRaise=True)
        button.setIcon(icon(picture))
        button.setIconSize(QSize(18, 18))
        self.tr_bind(button.setToolTip, title)
        self.tr_bind(button.setAccessibleName, title)
        button.clicked.connect(lambda _=False: act())
        return button

    def _button(self, title: str, act: Callable[[], object]) -> QPushButton:
        button = QPushButton(self, autoDefault=False)
        self.tr_bind(button.setText, title)
        button.clicked.connect(lambda _=False: act())
        return button

    # -- what it does --------------------------------------------------------------------------------------------

    def open_bar(self, *, replace: bool = False) -> None:
        """Show it, with the selected words to be found. replace: with the fields for replacing."""
        words = self._editor.selected_text()
        if words and "\n" not in words:
            self.query.setText(words)
        self._lower.setVisible(replace and not self._editor.isReadOnly())
        self.show()
        self._say(None)
        self.query.setFocus()
        self.query.selectAll()

    def close_bar(self) -> None:
        """Hide it; the caret stays at what was found."""
        self.hide()
        self._editor.setFocus()

    def seek(self, step: int) -> bool:
        """Select the next (1) or the previous (-1) match, round the end; False when there is none."""
        self._editor.passages.finish()
        found = self._find(self._editor.textCursor(), step)
        if found.isNull():
            start = QTextCursor(self._editor.document())
            if step < 0:
                start.movePosition(QTextCursor.MoveOperation.End)
            found = self._find(start, step)
        if not found.isNull():
            self._editor.setTextCursor(found)
            self._editor.ensureCursorVisible()
        self._say(not found.isNull() if self.query.text() else None)
        return not found.isNull()

    def replace(self) -> None:
        """Replace the match that is selected, and go to the next one."""
        cursor = self._editor.textCursor()
        if self._editor.isReadOnly():
            return
        if cursor.hasSelection() and self._same(self._editor.selected_text()):
            cursor.insertText(clean(self.replacement.text()), cursor.charFormat())
            self._editor.setTextCursor(cursor)
        self.seek(1)

    def replace_all(self) -> int:
        """Replace every match, as one undo step; how many there were."""
        if self._editor.isReadOnly() or not self.query.text():
            return 0
        self._editor.passages.finish()
        words, count = clean(self.replacement.text()), 0
        whole = QTextCursor(self._editor.document())
        whole.beginEditBlock()
        found = self._find(whole, 1)
        while not found.isNull():
            found.insertText(words, found.charFormat())
            count += 1
            found = self._find(found, 1)
        whole.endEditBlock()
        self.tr_bind(self.note.setText, N_("{n} replaced"), n=count)
        return count

    def _find(self, start: QTextCursor, step: int) -> QTextCursor:
        flags = QTextDocument.FindFlag(0)
        if self.case.isChecked():
            flags |= QTextDocument.FindFlag.FindCaseSensitively
        if step < 0:
            flags |= QTextDocument.FindFlag.FindBackward
        return self._editor.document().find(self.query.text(), start, flags)

    def _same(self, words: str) -> bool:
        query = self.query.text()
        return words == query if self.case.isChecked() else words.casefold() == query.casefold()

    def _restart(self) -> None:
        """Other words: look for them from where the last match began."""
        cursor = self._editor.textCursor()
        cursor.setPosition(cursor.selectionStart())
        self._editor.setTextCursor(cursor)
        self.seek(1)

    def _say(self, found: bool | None) -> None:
        self.tr_unbind(self.note.setText)
        self.note.clear()
        if found is False:
            self.tr_bind(self.note.setText, N_("Not found"))

    def eventFilter(self, watched, event: QEvent) -> bool:  # noqa: ANN001  Qt's signature
        """Keys in the fields; Escape closes the bar before it stops anything."""
        if isinstance(event, QKeyEvent) and event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            plain = not event.modifiers() & Qt.KeyboardModifier.ControlModifier
            if event.key() == Qt.Key.Key_Escape or (enter and plain):
                event.accept()
                if event.type() == QEvent.Type.KeyPress:
                    self._key(enter, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier), watched)
                return True
        return super().eventFilter(watched, event)

    def _key(self, enter: bool, shift: bool, field: QWidget) -> None:
        if not enter:
            self.close_bar()
        elif field is self.replacement:
            self.replace()
        else:
            self.seek(-1 if shift else 1)

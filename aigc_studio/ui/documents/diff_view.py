"""A text that is read, not written: as it streams in, or with what differs from another one marked in it."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from aigc_studio.core.textdiff import changes, difference

from ..theme import theme_of
from .passages import LINE_HEIGHT

__all__ = ["DiffView"]


class DiffView(QTextEdit):
    """Plain text, or a comparison: what was added on a green ground, what was removed struck through on a red one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("role", "document")
        self.setTabChangesFocus(True)
        self.setUndoRedoEnabled(False)
        self.document().setDocumentMargin(12)
        self._text = ""
        self._old: str | None = None
        theme_of(self).changed.connect(self._recolour)

    @property
    def text(self) -> str:
        """The text, without what was removed."""
        return self._text

    def show_text(self, text: str) -> None:
        """The text alone. What comes behind the one shown is added; the view follows where its end was in sight."""
        if self._old is None and self._text and text.startswith(self._text):
            bar = self.verticalScrollBar()
            follows = bar.value() >= bar.maximum() - 4
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text[len(self._text) :])
            if follows:
                bar.setValue(bar.maximum())
        elif self._old is not None or text != self._text:
            self._begin().insertText(text)
        self._text, self._old = text, None

    def show_difference(self, old: str, new: str) -> int:
        """Both texts in one; how many places differ."""
        self._text, self._old = new, old
        cursor = self._begin()
        theme = theme_of(self)
        added, removed = QTextCharFormat(), QTextCharFormat()
        added.setBackground(theme.color("added"))
        removed.setBackground(theme.color("removed"))
        removed.setForeground(theme.color("text-muted"))
        removed.setFontStrikeOut(True)
        formats = {"same": QTextCharFormat(), "added": added, "removed": removed}
        pieces = difference(old, new)
        for piece in pieces:
            cursor.insertText(piece.text, formats[piece.kind])
        self.verticalScrollBar().setValue(0)
        return changes(pieces)

    def sizeHint(self) -> QSize:
        """Some five lines: in a small window the page keeps most of the room."""
        return QSize(super().sizeHint().width(), 150)

    def _begin(self) -> QTextCursor:
        self.clear()
        cursor = QTextCursor(self.document())
        spacing = QTextBlockFormat()
        spacing.setLineHeight(LINE_HEIGHT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor.setBlockFormat(spacing)
        cursor.setCharFormat(QTextCharFormat())
        return cursor

    def _recolour(self) -> None:
        if self._old is not None:
            self.show_difference(self._old, self._text)

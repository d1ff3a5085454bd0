"""The prompt: a text field that grows with its text, and what the model understood of it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QMimeData, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from aigc_studio.core.i18n import tr
from aigc_studio.engines.base import Understanding
from aigc_studio.ui.i18n import Translated

__all__ = ["MAX_PROMPT", "PromptBox"]

MAX_PROMPT = 10_000
"""Characters of a prompt; a whole book pasted by mistake is cut here and said so."""

_SHOWN_WORDS = 12


class PromptEdit(QPlainTextEdit):
    """A plain text field from three to ten lines high. Ctrl+Enter submits; a pasted text comes without formats."""

    submitted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "prompt")
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().documentLayout().documentSizeChanged.connect(lambda _size: self.updateGeometry())

    def sizeHint(self) -> QSize:
        """As high as the text, within bounds."""
        line = self.fontMetrics().lineSpacing()
        lines = min(10, max(3, int(self.document().documentLayout().documentSize().height())))
        return QSize(240, lines * line + 24)

    def minimumSizeHint(self) -> QSize:
        """Never less than it wants."""
        return self.sizeHint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+Enter submits."""
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if control and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.submitted.emit()
            return
        super().keyPressEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Words, not files: those are for the canvas."""
        return source.hasText() and not source.hasUrls()

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Text only, without control characters that nobody can see."""
        text = "".join(c for c in source.text() if c in "\n\t" or c.isprintable() or ord(c) > 0x2000)
        self.insertPlainText(text[:MAX_PROMPT])


class PromptBox(Translated, QWidget):
    """Label, counter, field, and below "Understood … · Not understood …" with a link to choose a model."""

    changed = Signal()
    submitted = Signal()
    modelWanted = Signal()

    def __init__(self, understand: Callable[[], Understanding | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._understand = understand
        label = QLabel(self)
        label.setProperty("role", "section")
        self.tr_bind(label.setText, "What should it show?")
        self.counter = QLabel(self)
        self.counter.setProperty("role", "faint")
        head = QHBoxLayout()
        head.addWidget(label, 1)
        head.addWidget(self.counter)
        self.edit = PromptEdit(self)
        label.setBuddy(self.edit)
        self.tr_bind(self.edit.setAccessibleName, "Prompt")
        self.notice = QLabel(self, wordWrap=True)
        self.notice.setProperty("role", "faint")
        self.notice.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.link = QPushButton(self, autoDefault=False)
        self.link.setProperty("role", "link")
        self.tr_bind(self.link.setText, "Choose a model that knows these words")
        self.link.clicked.connect(self.modelWanted)
        self.link.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.edit)
        column.addWidget(self.notice)
        column.addWidget(self.link, 0, Qt.AlignmentFlag.AlignLeft)
        self._timer = QTimer(self, singleShot=True, interval=180)
        self._timer.timeout.connect(self.look)
        self.edit.textChanged.connect(self._typed)
        self.edit.submitted.connect(self.submitted)
        self.edit.installEventFilter(self)
        self._understanding: Understanding | None = None
        self._show()

    def text(self) -> str:
        """The prompt, without the spaces around it."""
        return self.edit.toPlainText().strip()

    def set_text(self, text: str) -> None:
        """Replace the prompt; Ctrl+Z in the field brings the former one back."""
        cursor = self.edit.textCursor()
        cursor.select(cursor.SelectionType.Document)
        cursor.insertText(text[:MAX_PROMPT])
        self.look()

    def show_example(self, text: str) -> None:
        """What an empty field says; marked with N_()."""
        self.tr_bind(self.edit.setPlaceholderText, text)

    def look(self) -> None:
        """Ask the model what it understands, now."""
        self._timer.stop()
        self._understanding = self._understand() if self.text() else None
        self._show()

    def _typed(self) -> None:
        if self.edit.document().characterCount() > MAX_PROMPT + 1:
            cursor = self.edit.textCursor()
            cursor.setPosition(MAX_PROMPT)
            cursor.movePosition(cursor.MoveOperation.End, cursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
        self._timer.start()
        self._count()
        self.changed.emit()

    def _count(self) -> None:
        number = len(self.text())
        self.counter.setText(tr("{count} characters", count=number) if number else "")

    def _show(self) -> None:
        self._count()
        found = self._understanding
        parts = []
        if found is not None and found.understood:
            parts.append(tr("Understood: {words}", words=_listed(found.understood)))
        if found is not None and found.ignored:
            parts.append(tr("Not: {words}", words=_listed(found.ignored)))
        self.notice.setText(" · ".join(parts))
        self.notice.setVisible(bool(parts))
        self.link.setVisible(bool(found is not None and found.ignored))

    def retranslate(self) -> None:
        """The counter and the line below."""
        super().retranslate()
        self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leaving the field ends the wait for a pause in typing."""
        if watched is self.edit and event.type() == QEvent.Type.FocusOut and self._timer.isActive():
            self.look()
        return False


def _listed(words: tuple[str, ...]) -> str:
    shown = list(dict.fromkeys(words))
    more = len(shown) - _SHOWN_WORDS
    text = tr(", ##between words").join(shown[:_SHOWN_WORDS])
    return text + (" …" if more > 0 else "")

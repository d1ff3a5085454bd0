"""The editor: a calm column of text that shows which passages were generated and takes streamed text without jumping.

It knows nothing of jobs or projects; `continuation.py` feeds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, QMimeData, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QDragEnterEvent,
    QDropEvent,
    QFont,
    QInputMethodEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from aigc_studio.core.documents import Segment

from ..dropping.payload import Payload, welcome
from ..theme import theme_of
from .passages import PROPERTY, Passage, Passages, clean, plain_format

__all__ = ["COLUMN", "MARGIN", "PassageEditor"]

COLUMN = 720
"""Width of the text in pixels at most: about 42 Chinese characters or 85 Latin ones at the usual size."""

TEXT_SIZES = range(12, 33)
MARGIN = 28
"""Empty space around the text, in pixels; the bars beside passages stand in it."""
_UNSAID = 100
_LONG = 100_000  # UTF-16 units; a text shorter than this is gone on with at its end
_ROOM_BELOW = 96  # empty space after the last line, so that one does not write at the window's lower edge


class PassageEditor(QTextEdit):
    """Plain text with passages.

    edited: the person or a stream changed the text. passageChanged: another passage stands under the caret, or it
    changed. composed: an input method finished a composition. dropped: Payload that is no words.
    """

    edited = Signal()
    passageChanged = Signal()
    composed = Signal()
    dropped = Signal(object)
    textSizeChanged = Signal(int)
    columnMoved = Signal(int, int)
    """Pixels to the left and to the right of the column."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("role", "document")
        self.setTabChangesFocus(True)  # the keyboard alone must find the way out
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(MARGIN)
        self.passages = Passages(self.document())
        self._composing = False
        self._writing: Passage | None = None
        self._spoken: QTextCursor | None = None
        self._unsaid: list[QTextCursor] = []
        self._caret_wanted: int | None = None
        """Where the caret goes when the whole text is there (-1: to the end, None: it stays)."""
        self._slices = QTimer(self, interval=0)
        self._slices.timeout.connect(self.passages.step)
        self.passages.loaded.connect(self._loaded)
        self._size = 0
        self.set_text_size(17)
        self.document().contentsChanged.connect(self._contents_changed)
        self.passages.changed.connect(self._passages_changed)
        self.cursorPositionChanged.connect(self._caret_moved)
        theme_of(self).changed.connect(self._mark_writing)

    # -- text ----------------------------------------------------------------------------------------------------

    def load(self, segments: Sequence[Segment]) -> None:
        """Show a document, a long one from its beginning on, the rest between the window's events; whatever needs the
        whole text before has it (see `Passages.fill`). The caret goes to the end, in a very long one to the beginning.
        """
        self._writing = self._spoken = None
        self._unsaid = []
        self._caret_wanted = -1 if sum(len(segment.text) for segment in segments) < _LONG else None
        self.passages.fill(segments, _ROOM_BELOW)
        self.moveCursor(QTextCursor.MoveOperation.Start)
        if self.passages.step():  # False: the first slice was all
            self._slices.start()
        self._mark_writing()

    def _loaded(self) -> None:
        self._slices.stop()
        if self._caret_wanted is not None:
            self.place_caret(self._caret_wanted)
        self.passageChanged.emit()

    def place_caret(self, position: int) -> None:
        """Put the caret at a position (-1: the end) and into view, in a text that still comes as soon as it is there;
        unless the person puts it elsewhere."""
        if self.passages.filling:
            self._caret_wanted = position
            return
        self._caret_wanted = None
        length = self.passages.length()
        cursor = self.textCursor()
        cursor.setPosition(length if position < 0 else min(position, length))
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def segments(self) -> list[Segment]:
        """The document as it stands."""
        return self.passages.segments()

    def text_before(self, limit: int) -> str:
        """At most `limit` characters before the caret (before the selection's end when there is one)."""
        position = self.insert_position()
        return self.passages.text(max(0, position - 2 * limit), position)[-limit:]

    def insert_position(self) -> int:
        """Where generated text goes: the caret, or the end of the selection."""
        self.passages.finish()  # the caret may have to go to the end first
        cursor = self.textCursor()
        return max(cursor.position(), cursor.anchor())

    def selected_text(self) -> str:
        """The selection as plain text."""
        cursor = self.textCursor()
        return self.passages.text(cursor.selectionStart(), cursor.selectionEnd()) if cursor.hasSelection() else ""

    def replace_all(self, segments: Sequence[Segment]) -> None:
        """Replace the whole text as one undo step (an older version is restored)."""
        self.passages.finish()
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.removeSelectedText()
        cursor.insertText(clean("".join(segment.text for segment in segments)), plain_format())
        cursor.endEditBlock()

    def set_text_size(self, pixels: int) -> None:
        """The size of the text, in pixels."""
        pixels = max(TEXT_SIZES.start, min(TEXT_SIZES.stop - 1, pixels))
        if pixels == self._size:
            return
        self._size = pixels
        self._apply_font()
        self.textSizeChanged.emit(pixels)

    @property
    def text_size(self) -> int:
        """The size of the text, in pixels."""
        return self._size

    def _apply_font(self) -> None:
        font = QFont(self.font())
        font.setPixelSize(self._size)
        self.document().setDefaultFont(font)

    # -- streaming -----------------------------------------------------------------------------------------------

    @property
    def composing(self) -> bool:
        """Whether an input method is composing: the text must not change under it."""
        return self._composing

    def set_writing(self, passage: Passage | None) -> None:
        """Which passage is being written at this moment: it is tinted."""
        self._writing = passage
        self._mark_writing()

    def append_piece(self, passage: Passage, piece: str, *, join: bool) -> None:
        """Add a streamed piece; the view follows only where the person was looking at the end of it."""
        bar = self.verticalScrollBar()
        before = self.cursorRect(passage.end)
        followed = before.top() >= 0 and before.bottom() <= self.viewport().height()
        self.passages.append(passage, piece, join=join)
        self._mark_writing()
        if followed:
            beyond = self.cursorRect(passage.end).bottom() + 72 - self.viewport().height()
            if beyond > 0:
                bar.setValue(bar.value() + beyond)

    def mark_spoken(self, cursor: QTextCursor | None) -> None:
        """Tint the sentence that is heard (a cursor that selects it), None for none; it is kept in view."""
        self._spoken = cursor
        self._mark_writing()
        if cursor is not None:
            below = self.cursorRect(cursor).bottom() - self.viewport().height() + 24
            above = self.cursorRect(cursor).top() - 24
            if below > 0 or above < 0:
                bar = self.verticalScrollBar()
                bar.setValue(bar.value() + (below if below > 0 else above))

    def mark_unsaid(self, signs: Iterable[str]) -> None:
        """Underline the first of these characters, which a voice leaves out; none takes the lines away."""
        found: list[QTextCursor] = []
        exactly = QTextDocument.FindFlag.FindCaseSensitively
        for sign in signs:
            place = QTextCursor(self.document())
            while len(found) < _UNSAID and not (place := self.document().find(sign, place, exactly)).isNull():
                found.append(place)
        if found or self._unsaid:
            self._unsaid = found
            self._mark_writing()

    def _mark_writing(self) -> None:
        looks: list[tuple[QTextCursor, QTextCharFormat]] = []
        tint = QTextCharFormat()
        tint.setBackground(theme_of(self).color("accent-soft"))
        if self._writing is not None and not self._writing.empty:
            cursor = QTextCursor(self.document())
            cursor.setPosition(self._writing.start.position())
            cursor.setPosition(self._writing.end.position(), QTextCursor.MoveMode.KeepAnchor)
            looks.append((cursor, tint))
        elif self._spoken is not None:
            looks.append((self._spoken, tint))
        line = QTextCharFormat()
        line.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
        line.setUnderlineColor(theme_of(self).color("warning"))
        looks += [(cursor, line) for cursor in self._unsaid]
        selections = []
        for cursor, look in looks:
            selection = QTextEdit.ExtraSelection()
            selection.cursor, selection.format = cursor, look  # type: ignore[attr-defined]
            selections.append(selection)
        self.setExtraSelections(selections)

    # -- passages ------------------------------------------------------------------------------------------------

    def current_passage(self) -> Passage | None:
        """The undecided passage under the caret."""
        return self.passages.at(self.textCursor().position())

    def _caret_moved(self) -> None:
        if not self.passages.filling:
            self.passageChanged.emit()

    def _step_out(self) -> None:
        """What is typed behind a passage must not take on its mark, which Qt hands on from the character before."""
        cursor = self.textCursor()
        if self._composing or cursor.hasSelection():
            return
        id = self.currentCharFormat().stringProperty(PROPERTY)
        passage = self.passages.get(id) if id else None
        if passage is not None and cursor.position() >= passage.end.position():
            self.setCurrentCharFormat(plain_format())

    def _passages_changed(self) -> None:
        if not self.passages.filling:
            self.viewport().update()
            self.passageChanged.emit()

    def _contents_changed(self) -> None:
        if not self.passages.filling:
            self.edited.emit()

    # -- Qt's events ---------------------------------------------------------------------------------------------

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """Keep in mind whether a composition is under way."""
        self.passages.finish()
        self._step_out()
        was = self._composing
        self._composing = bool(event.preeditString())
        super().inputMethodEvent(event)
        if was and not self._composing:
            self.composed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+Enter and Escape belong to the panel; QTextEdit would take the first for a new line."""
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if event.key() == Qt.Key.Key_Escape or (control and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)):
            event.ignore()
            return
        self.passages.finish()  # what is typed must meet the text it was meant for
        self._step_out()
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The person chooses the place: a text that still comes does not take the caret away."""
        self._caret_wanted = None
        super().mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu changes the text."""
        self.passages.finish()
        super().contextMenuEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """A new style sheet or font of the window would take the text's size along."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange, QEvent.Type.Polish) and hasattr(
            self, "_size"
        ):
            self._apply_font()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Centre the column."""
        self._centre()
        super().resizeEvent(event)

    def _centre(self) -> None:
        spare = max(0, self.width() - COLUMN - 2 * MARGIN)
        self.setViewportMargins(spare // 2, 0, spare - spare // 2, 0)
        self.columnMoved.emit(spare // 2, spare - spare // 2)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """With Ctrl: the size of the text."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.set_text_size(self._size + (1 if event.angleDelta().y() > 0 else -1))
            event.accept()
            return
        super().wheelEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The text, and a thin bar beside each generated passage that is not decided yet."""
        super().paintEvent(event)
        undecided = [passage for passage in self.passages.live() if not passage.kept]
        if not undecided:
            return
        height = self.viewport().height()
        first = self.cursorForPosition(self.viewport().rect().topLeft()).position()
        last = self.cursorForPosition(self.viewport().rect().bottomRight()).position()
        current = self.current_passage()
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for passage in undecided:
            if passage.end.position() < first or passage.start.position() > last:
                continue
            top = max(-8, self.cursorRect(passage.start).top())
            bottom = min(height + 8, self.cursorRect(passage.end).bottom())
            color: QColor = theme_of(self).color("accent" if passage in (current, self._writing) else "accent-line")
            painter.setBrush(color)
            painter.drawRoundedRect(QRectF(MARGIN - 16, top + 2, 3, max(8, bottom - top - 4)), 1.5, 1.5)
        painter.end()

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Words for the page; files, pictures and assets for the panel."""
        return welcome(source) or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Paste or drop: words go in cleaned, everything else is handed to the panel."""
        self.passages.finish()
        payload = Payload.read(source)
        if payload.text:
            self.insert_words(payload.text)
        elif payload:
            self.dropped.emit(payload)

    def insert_words(self, text: str) -> None:
        """Put words in at the caret, without what a page does not keep."""
        self.textCursor().insertText(clean(text), plain_format())
        self.ensureCursorVisible()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files, pictures and assets although QTextEdit would show them as addresses."""
        if welcome(event.mimeData(), words=False):
            event.acceptProposedAction()
        else:
            super().dragEnterEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """See `insertFromMimeData`."""
        payload = Payload.read(event.mimeData())
        if payload and not payload.text:
            event.acceptProposedAction()
            self.dropped.emit(payload)
        else:
            super().dropEvent(event)

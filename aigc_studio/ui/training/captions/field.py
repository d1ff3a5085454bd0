"""One picture and the field in which its captions are written, one a line."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from aigc_studio.core.datasets.captions import lines_of_text
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import paint_icon
from aigc_studio.ui.theme import theme_of
from aigc_studio.ui.training.film import SmallPictures
from aigc_studio.ui.training.look import small_picture
from aigc_studio.ui.widgets.elided_label import ElidedLabel

from .texts import Entry, Texts

__all__ = ["CaptionField"]

_SIDE = 900
_KEPT = 24
_SOURCES = {
    "table": N_("From a table in the folder; what you write goes into a text beside the picture and wins over it."),
    "name": N_("From the file's name; what you write goes into a text beside the picture."),
}


class _Picture(QWidget):
    """A picture as large as there is room for, never enlarged more than twice."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.pictures = SmallPictures(_SIDE, self, otherwise=small_picture, kept=_KEPT)
        self.pictures.ready.connect(lambda _path: self.update())
        self.path: Path | None = None
        self.setMinimumHeight(96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """What is left."""
        return QSize(320, 320)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002  Qt's
        """Centred."""
        theme = theme_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("canvas"))
        painter.drawRoundedRect(self.rect(), 6, 6)
        image = self.pictures.image(self.path) if self.path is not None else None
        if image is not None and image.isNull():
            sign = QRect(self.rect().center() - QPoint(16, 16), QSize(32, 32))
            paint_icon(painter, sign, "image-broken-variant", "text-faint")
        elif image is not None:
            room = self.rect().adjusted(8, 8, -8, -8).size()
            size = image.size().scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
            if size.width() > 2 * image.width():
                size = image.size() * 2
            target = QRect(QPoint(0, 0), size)
            target.moveCenter(self.rect().center())
            painter.drawImage(target, image)
        painter.end()


class CaptionField(Translated, QWidget):
    """Enter goes to the next picture, Shift+Enter begins another caption, Ctrl+Up and Ctrl+Down move.

    typed: the captions as they are now. moveWanted: 1 or -1. undoWanted: True to undo, False to do again.
    """

    typed = Signal(object)
    moveWanted = Signal(int)
    undoWanted = Signal(bool)

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._entry: Entry | None = None
        self.picture = _Picture(self)
        self.name = ElidedLabel(self)
        self.name.setProperty("role", "section")
        self.edit = QPlainTextEdit(self)
        self.edit.setProperty("role", "prompt")
        self.edit.setTabChangesFocus(True)
        self.edit.setUndoRedoEnabled(False)  # undo is of all captions, not of this field
        self.edit.setMinimumHeight(84)
        self.edit.setMaximumHeight(120)
        self.edit.installEventFilter(self)
        self.tr_bind(self.edit.setPlaceholderText, N_("What does the picture show? Several captions: one a line."))
        self.tr_bind(self.edit.setAccessibleName, N_("Captions of the picture, one a line"))
        self.hint = QLabel(self, wordWrap=True)
        self.hint.setProperty("role", "faint")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.picture, 1)
        column.addWidget(self.name)
        column.addWidget(self.edit)
        column.addWidget(self.hint)
        self.edit.textChanged.connect(self._typed)
        self.show_entry(None)

    @property
    def texts(self) -> Texts:
        """What stands in the field."""
        return lines_of_text(self.edit.toPlainText())

    def show_entry(self, entry: Entry | None) -> None:
        """Another picture, or the same with other captions; the caret stays while what is typed is the same."""
        other = entry is None or self._entry is None or entry.file != self._entry.file
        self._entry = entry
        self.picture.path = self._folder / entry.file if entry is not None else None
        self.picture.update()
        self.name.setText(entry.file if entry is not None else "")
        self.edit.setEnabled(entry is not None)
        if other or (entry is not None and self.texts != entry.texts):
            with QSignalBlocker(self.edit):
                self.edit.setPlainText("\n".join(entry.texts) if entry is not None else "")
            cursor = self.edit.textCursor()
            cursor.movePosition(cursor.MoveOperation.End)
            self.edit.setTextCursor(cursor)
        self._say()

    def retranslate(self) -> None:
        """The hint is composed."""
        super().retranslate()
        if hasattr(self, "hint"):
            self._say()

    def _say(self) -> None:
        entry = self._entry
        source = _SOURCES.get(entry.source, "") if entry is not None and not entry.changed else ""
        keys = tr("Enter: next picture · Shift+Enter: another caption · Ctrl+↑ Ctrl+↓: picture before, after")
        self.hint.setText("\n".join(filter(None, (tr(source) if source else "", keys))))

    def _typed(self) -> None:
        if self._entry is not None:
            self.typed.emit(self.texts)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The keys of the field."""
        if watched is self.edit and isinstance(event, QKeyEvent):
            act = self._act(event)
            if act is not None and event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if act is not None and event.type() == QEvent.Type.KeyPress:
                act()
                return True
        return super().eventFilter(watched, event)

    def _act(self, event: QKeyEvent):  # noqa: ANN202
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not modifiers:
                return lambda: self.moveWanted.emit(1)
            if modifiers == shift:
                return lambda: self.edit.insertPlainText("\n")
        if modifiers == control and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            return lambda: self.moveWanted.emit(1 if key == Qt.Key.Key_Down else -1)
        if event.matches(QKeySequence.StandardKey.Undo):
            return lambda: self.undoWanted.emit(True)
        if event.matches(QKeySequence.StandardKey.Redo) or (modifiers == control and key == Qt.Key.Key_Y):
            return lambda: self.undoWanted.emit(False)
        return None

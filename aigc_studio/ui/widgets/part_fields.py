"""Fields that need more than one line: texts of several lines, other models as parts, LoRA files with weights."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.i18n import N_, tr
from aigc_studio.engines.base import Param
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.models.words import add_hint, subtitle
from aigc_studio.ui.theme import set_role

from .fields import Field, NumberField

__all__ = ["LinesField", "LorasField", "ModelField", "fitting"]

LINES = 4
"""How high a text of several lines grows before it scrolls."""

_SLIDER_HIGH = 2.0
"""Weights beyond it are typed."""


class _Lines(QPlainTextEdit):
    """As high as its text, from one line to `LINES`. Tab leaves it; a paste comes without formats."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().documentLayout().documentSizeChanged.connect(lambda _size: self._resize())
        self._resize()

    def resizeEvent(self, event) -> None:
        """Another width breaks lines elsewhere."""
        super().resizeEvent(event)
        self._resize()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+Enter is the panel's, to start."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and event.key() in (
            Qt.Key.Key_Return,
            Qt.Key.Key_Enter,
        ):
            event.ignore()
            return
        super().keyPressEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Words, not files."""
        return source.hasText() and not source.hasUrls()

    def _resize(self) -> None:
        wanted = max(1, int(self.document().documentLayout().documentSize().height()))
        lines = min(LINES, wanted)
        full = Qt.ScrollBarPolicy.ScrollBarAsNeeded if wanted > LINES else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(full)
        margins = self.contentsMargins()
        around = margins.top() + margins.bottom() + 2 * round(self.document().documentMargin())
        self.setFixedHeight(max(32, lines * self.fontMetrics().lineSpacing() + around + 2))


class LinesField(Field):
    """A text of several lines that grows with what is in it."""

    def __init__(self, param: Param, parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self.edit = _Lines(self)
        self.edit.setPlainText(str(param.default))
        self._labelled(self.edit)
        self.edit.textChanged.connect(self.changed)

    def value(self) -> str:
        """The text."""
        return self.edit.toPlainText()

    def set_value(self, value: str) -> None:
        """Show a text; Ctrl+Z in the field brings the former one back."""
        if value != self.value():
            cursor = self.edit.textCursor()
            cursor.select(cursor.SelectionType.Document)
            cursor.insertText(value)


def fitting(of: tuple[str, ...]) -> list[Entry]:
    """The parts of these types that can be used, and of "model:<family>" the models of that family."""
    models = [entry for entry in catalogue.models() if f"model:{entry.family}" in of]
    return [entry for entry in (*catalogue.parts(of), *models) if entry.problem is None]


class _PartsCombo(QComboBox):
    """Asks for what there is each time its list is opened."""

    opening = Signal()

    def showPopup(self) -> None:
        """Qt's call when the list is to be shown."""
        self.opening.emit()
        super().showPopup()


class ModelField(Field):
    """Another model that this one works with, or none; what to add where there is none."""

    def __init__(self, param: Param, parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self._value = str(param.default)
        self.combo = _PartsCombo(self)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(8)
        self._labelled(self.combo)
        self.hint = QLabel(self, wordWrap=True)
        self.hint.setProperty("role", "faint")
        self.tr_bind(self.hint.setText, add_hint(param.of))
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self.hint)
        self.combo.opening.connect(self.refresh)
        self.combo.activated.connect(lambda _index: self.set_value(self.combo.currentData()))
        self.refresh()

    def value(self) -> str:
        """Id of the chosen model, "" for none."""
        return self._value

    def set_value(self, value: str) -> None:
        """Choose a model; one that is not here is kept and named."""
        if value != self._value:
            self._value = value
            self.refresh()
            self.changed.emit()

    def refresh(self) -> None:
        """Read again what there is."""
        entries = fitting(self.param.of)
        with QSignalBlocker(self.combo):
            self.combo.clear()
            nothing = next((choice.title for choice in self.param.choices if not choice.value), "")
            self.combo.addItem(tr(nothing) if nothing else tr("None##part of a model"), "")
            for entry in entries:
                self.combo.addItem(entry.title, entry.id)
                self.combo.setItemData(self.combo.count() - 1, subtitle(entry), Qt.ItemDataRole.ToolTipRole)
            if self._value and self.combo.findData(self._value) < 0:
                self.combo.addItem(tr("{model} (not here any more)", model=self._value), self._value)
            self.combo.setCurrentIndex(self.combo.findData(self._value))
        self.combo.setEnabled(self.combo.count() > 1)
        self.hint.setVisible(not entries)

    def retranslate(self) -> None:
        """Titles have two languages."""
        super().retranslate()
        self.refresh()


class _LoraRow(Translated, QWidget):
    """One LoRA: its name, its weight as number and slider, and a button that takes it off."""

    changed = Signal()
    removed = Signal()

    def __init__(self, param: Param, entry: Entry | None, id: str, weight: float, parent: QWidget) -> None:
        super().__init__(parent)
        self.id = id
        name = entry.title if entry is not None else id
        self.weight = NumberField(
            Param.float(id, name, weight, param.low, param.high, param.step), self, slider_high=_SLIDER_HIGH
        )
        self.missing = QLabel(self, wordWrap=True)
        self.missing.setProperty("role", "warning")
        self.tr_bind(self.missing.setText, N_("Not here any more; it cannot be used."))
        self.remove = QToolButton(self)
        self.remove.setIcon(icon("close"))
        self.remove.setIconSize(QSize(16, 16))
        self.remove.setProperty("role", "small")
        self.tr_bind(self.remove.setToolTip, N_("Take this LoRA off"))
        self.tr_bind(self.remove.setAccessibleName, N_("Take {name} off"), name=name)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(self.weight)
        column.addWidget(self.missing)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addLayout(column, 1)
        line.addWidget(self.remove, 0, Qt.AlignmentFlag.AlignTop)
        self.weight.label.setToolTip(f"{name}\n{subtitle(entry)}" if entry is not None else id)
        self.show_entry(entry)
        self.weight.changed.connect(self.changed)
        self.remove.clicked.connect(self.removed)

    def show_entry(self, entry: Entry | None) -> None:
        """Whether it is here."""
        self.missing.setVisible(entry is None)


class LorasField(Field):
    """LoRA files, each with its weight. A file dropped here is offered to whoever shows the form (`fileDropped`)."""

    fileDropped = Signal(object)
    """Path of a .safetensors file that is in no list yet."""

    def __init__(self, param: Param, parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self.setAcceptDrops(True)
        self.rows: list[_LoraRow] = []
        self.add = QPushButton(icon("plus"), "", self, autoDefault=False)
        self.add.setProperty("role", "ghost")
        self.add.setIconSize(QSize(16, 16))
        self.tr_bind(self.add.setText, N_("Add LoRA"))
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.add.setMenu(self.menu)
        head = QHBoxLayout()
        head.addWidget(self.label, 1)
        head.addWidget(self.add)
        self.empty = QLabel(self, wordWrap=True)
        self.empty.setProperty("role", "faint")
        self._frame = QFrame(self)
        column = self._column()
        column.addLayout(head)
        column.addWidget(self.empty)
        self._list = QVBoxLayout(self._frame)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(8)
        column.addWidget(self._frame)
        self._name(self.add)
        self.tr_bind(self.add.setAccessibleName, N_("Add LoRA"))
        self.refresh()

    def value(self) -> list[list[Any]]:
        """[[id, weight], ...] in the order they are applied."""
        return [[row.id, row.weight.value()] for row in self.rows]

    def set_value(self, value: Iterable[Iterable[Any]]) -> None:
        """Show LoRAs with their weights; one that is not here is kept and marked."""
        wanted = [[str(id), float(weight)] for id, weight in value]
        if wanted == self.value():
            return
        for row in self.rows:
            self._drop(row)
        self.rows = []
        here = {entry.id: entry for entry in self._entries()}
        for id, weight in wanted:
            self._put(here.get(id), id, weight)
        self.refresh()
        self.changed.emit()

    def add_entry(self, entry: Entry, weight: float = 1.0) -> bool:
        """Add a LoRA; False when it is made for another kind of model."""
        if entry.facts.get("part") not in self.param.of:
            return False
        if all(row.id != entry.id for row in self.rows):
            row = self._put(entry, entry.id, weight)
            self.refresh()
            self.changed.emit()
            row.weight.spin.setFocus()
        return True

    def refresh(self) -> None:
        """Read again what there is."""
        here = {entry.id: entry for entry in self._entries()}
        for row in self.rows:
            row.show_entry(here.get(row.id))
        self.empty.setVisible(not self.rows)
        self._frame.setVisible(bool(self.rows))
        self.empty.setText(tr("None is used. Add one, or drop a file here.") if here else tr(add_hint(self.param.of)))

    def retranslate(self) -> None:
        """The empty state is chosen here."""
        super().retranslate()
        if hasattr(self, "_list"):
            self.refresh()

    def _entries(self) -> list[Entry]:
        return fitting(self.param.of)

    def _fill_menu(self) -> None:
        self.menu.clear()
        used = {row.id for row in self.rows}
        entries = [entry for entry in self._entries() if entry.id not in used]
        for entry in entries:
            action = self.menu.addAction(entry.title)
            action.setToolTip(subtitle(entry))
            action.triggered.connect(partial(self._chosen, entry))
        if not entries:
            nothing = self.menu.addAction(tr("All LoRAs are in use") if used else tr("No LoRA that fits is here yet"))
            nothing.setEnabled(False)

    def _chosen(self, entry: Entry, _checked: bool = False) -> None:
        self.add_entry(entry)

    def _put(self, entry: Entry | None, id: str, weight: float) -> _LoraRow:
        row = _LoraRow(self.param, entry, id, weight, self._frame)
        row.changed.connect(self.changed)
        row.removed.connect(lambda: self._remove(row))
        self.rows.append(row)
        self._list.addWidget(row)
        row.show()
        return row

    def _remove(self, row: _LoraRow) -> None:
        place = self.rows.index(row)
        self.rows.remove(row)
        self._drop(row)
        self.refresh()
        following = self.rows[min(place, len(self.rows) - 1)].remove if self.rows else self.add
        following.setFocus()
        self.changed.emit()

    def _drop(self, row: _LoraRow) -> None:
        self._list.removeWidget(row)
        row.hide()
        row.deleteLater()

    # -- files dropped here
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Only .safetensors files are for this place."""
        if _files(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            set_role(self.empty, "chip")
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Look as before."""
        set_role(self.empty, "faint")

    def dropEvent(self, event: QDropEvent) -> None:
        """Add what is known; offer the rest."""
        set_role(self.empty, "faint")
        files = _files(event.mimeData())
        if not files:
            event.ignore()
            return
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.take(files)

    def take(self, files: Iterable[Path]) -> None:
        """Add those that are known and fit; the others are offered (`fileDropped`)."""
        known = {entry.path: entry for entry in self._entries()}
        for file in files:
            if file in known:
                self.add_entry(known[file])
            else:
                self.fileDropped.emit(file)


def _files(data: QMimeData) -> list[Path]:
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    return [path for path in paths if path.suffix.lower() == ".safetensors"]

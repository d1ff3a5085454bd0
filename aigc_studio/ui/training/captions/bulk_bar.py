"""The bar that changes many captions at once: which words, which pictures, and how many that would change."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QToolButton, QVBoxLayout

from aigc_studio.core.datasets.caption_words import AFTER, BEFORE, REPLACE, Bulk
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.training.report_words import number_text
from aigc_studio.ui.widgets.elided_label import ElidedLabel

from .rows import CaptionList, CaptionRows
from .texts import Texts

__all__ = ["BulkBar"]

_KINDS = {
    BEFORE: N_("Add words before"),
    AFTER: N_("Add words after"),
    REPLACE: N_("Find and replace"),
}
_COUNT_MS = 150


class BulkBar(Translated, QFrame):
    """Changes the pictures that are listed, or those of them that are chosen where these are several."""

    changed = Signal(int)
    """How many captions were changed just now."""

    def __init__(self, rows: CaptionRows, view: CaptionList) -> None:
        super().__init__()
        self._rows, self._view = rows, view
        self.setProperty("role", "sunken")
        self.kind = QComboBox(self)
        self.tr_bind(self.kind.setAccessibleName, N_("What to do with all of them"))
        self.sought = self._field(N_("Words to find"))
        self.words = self._field(N_("Words to add"))
        self.case = QToolButton(self, autoRaise=True)
        self.case.setCheckable(True)
        self.case.setIcon(icon("format-letter-case"))
        self.case.setIconSize(QSize(18, 18))
        self.tr_bind(self.case.setToolTip, N_("Match case"))
        self.tr_bind(self.case.setAccessibleName, N_("Match case"))
        self.go = QPushButton(self, autoDefault=False)
        self.preview = ElidedLabel(self)
        self.preview.setProperty("role", "faint")
        upper, lower = QHBoxLayout(), QHBoxLayout()
        for widget, stretch in ((self.kind, 0), (self.sought, 1), (self.words, 1), (self.case, 0), (self.go, 0)):
            upper.addWidget(widget, stretch)
        self.scope = QLabel(self)
        self.scope.setProperty("role", "faint")
        lower.addWidget(self.scope)
        lower.addWidget(self.preview, 1)
        for line in (upper, lower):
            line.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addLayout(upper)
        column.addLayout(lower)
        self._timer = QTimer(self, singleShot=True, interval=_COUNT_MS)
        self._timer.timeout.connect(self.recount)
        self.retranslate()
        self.kind.currentIndexChanged.connect(self._arrange)
        for field in (self.sought, self.words):
            field.textChanged.connect(lambda _text: self._timer.start())
            field.returnPressed.connect(self.apply)
        self.case.toggled.connect(lambda _on: self._timer.start())
        self.go.clicked.connect(self.apply)
        rows.modelReset.connect(self._timer.start)
        rows.dataChanged.connect(self._timer.start)
        view.selectionModel().selectionChanged.connect(lambda *_: self._timer.start())
        self._arrange()

    def _field(self, title: str) -> QLineEdit:
        field = QLineEdit(self)
        field.setMinimumWidth(80)
        self.tr_bind(field.setPlaceholderText, title)
        self.tr_bind(field.setAccessibleName, title)
        return field

    def open_as(self, kind: str) -> None:
        """Show it for this kind of change, the keyboard in its first field."""
        self.kind.setCurrentIndex(self.kind.findData(kind))
        self.show()
        self.recount()
        field = self.sought if kind == REPLACE else self.words
        field.setFocus()
        field.selectAll()

    @property
    def bulk(self) -> Bulk:
        """What would be done."""
        return Bulk(self.kind.currentData(), self.words.text(), self.sought.text(), self.case.isChecked())

    def wanted(self) -> list[int]:
        """The pictures it is about."""
        chosen = self._view.selectionModel().selectedRows()
        if len(chosen) > 1:
            return sorted(self._rows.listed[index.row()] for index in chosen)
        return self._rows.listed

    def changes(self) -> dict[int, Texts]:
        """What would become of them."""
        bulk, entries = self.bulk, self._rows.texts.entries
        if bulk.empty:
            return {}
        made = ((row, bulk.apply(entries[row].texts)) for row in self.wanted())
        return {row: texts for row, texts in made if texts != entries[row].texts}

    def apply(self) -> None:
        """Do it, as one step that can be undone."""
        count = self._rows.texts.change(self.changes())
        self.go.setEnabled(False)
        self._timer.start()
        if count:
            self.changed.emit(count)

    def recount(self) -> None:
        """Say how many captions it would change, and what becomes of the first one."""
        self._timer.stop()
        if self.isHidden():
            return
        wanted, changes = self.wanted(), self.changes()
        several = wanted is not self._rows.listed
        scope = N_("{count} chosen pictures") if several else N_("{count} listed pictures")
        self.scope.setText(tr(scope, count=number_text(len(wanted))))
        self.go.setText(tr("Change {count}", count=number_text(len(changes))))
        self.go.setEnabled(bool(changes))
        first = next(iter(changes.items()), None)
        if first is not None:
            self.preview.setText("→ " + (" · ".join(first[1]) or tr("Without a caption")))
        else:
            self.preview.setText("" if self.bulk.empty else tr("Nothing would change."))

    def retranslate(self) -> None:
        """The kinds."""
        super().retranslate()
        if hasattr(self, "_timer"):
            kind = self.kind.currentData()
            with QSignalBlocker(self.kind):
                self.kind.clear()
                for id, title in _KINDS.items():
                    self.kind.addItem(tr(title), id)
                self.kind.setCurrentIndex(max(0, self.kind.findData(kind)))
            self._arrange()

    def _arrange(self, *_: object) -> None:
        replaces = self.kind.currentData() == REPLACE
        self.sought.setVisible(replaces)
        self.case.setVisible(replaces)
        title = N_("Words instead") if replaces else N_("Words to add")
        self.tr_bind(self.words.setPlaceholderText, title)
        self.tr_bind(self.words.setAccessibleName, title)
        self.recount()

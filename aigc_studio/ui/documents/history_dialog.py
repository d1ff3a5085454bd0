"""Earlier versions of a document: look at one, bring it back. The present text becomes a version itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QLocale, QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from aigc_studio.core.documents import Revision
from aigc_studio.core.i18n import N_, current_language, tr

from ..dialogs.dialog import take_size
from ..i18n import Translated
from .document_list import age

__all__ = ["HistoryDialog"]

_PREVIEW = 200_000  # characters shown; the whole text is restored


class HistoryDialog(Translated, QDialog):
    """`chosen` is the version to bring back, None when the dialog was left.

    load: called with a revision's id and a function that takes its text, once it is there.
    """

    def __init__(
        self,
        title: str,
        versions: Sequence[Revision],
        load: Callable[[int, Callable[[str], None]], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._versions, self._load = versions, load
        self._texts: dict[int, str] = {}
        self.chosen: Revision | None = None
        self.tr_bind(self.setWindowTitle, N_("History of “{title}”"), title=lambda: title or tr("Untitled"))
        take_size(self, None, (820, 560))
        self.list = QListWidget(self)
        self.list.setFixedWidth(240)
        self.tr_bind(self.list.setAccessibleName, N_("Versions"))
        self.preview = QPlainTextEdit(self, readOnly=True)
        self.tr_bind(self.preview.setAccessibleName, N_("Text of this version"))
        note = QLabel(self)
        note.setProperty("role", "faint")
        self.tr_bind(note.setText, N_("Restoring is one undo step; the present text stays in the history."))
        buttons = QDialogButtonBox(self)
        self.restore_button = QPushButton(self)
        self.restore_button.setProperty("role", "primary")
        self.tr_bind(self.restore_button.setText, N_("Restore this version"))
        cancel = QPushButton(self)
        self.tr_bind(cancel.setText, N_("Cancel"))
        buttons.addButton(self.restore_button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(cancel, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        middle.addWidget(self.list)
        middle.addWidget(self.preview, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addLayout(middle, 1)
        column.addWidget(note)
        column.addWidget(buttons)
        self._fill()
        self.list.currentRowChanged.connect(self._show)
        self.list.setCurrentRow(0)
        self.restore_button.setEnabled(bool(versions))

    def _fill(self) -> None:
        locale = QLocale(current_language())
        for version in self._versions:
            text = tr("{n} characters", n=locale.toString(version.characters))
            item = QListWidgetItem(f"{age(version.saved)}\n{text}")
            item.setSizeHint(QSize(0, 48))
            self.list.addItem(item)

    def _show(self, row: int) -> None:
        if not 0 <= row < len(self._versions):
            return
        id = self._versions[row].id
        if id in self._texts:
            self.preview.setPlainText(self._texts[id])
            return
        self.preview.clear()

        def arrived(text: str) -> None:
            if isValid(self):
                self._texts[id] = text[:_PREVIEW]
                if self.list.currentRow() == row:
                    self.preview.setPlainText(self._texts[id])

        self._load(id, arrived)

    def accept(self) -> None:
        """The chosen version is brought back."""
        row = self.list.currentRow()
        if 0 <= row < len(self._versions):
            self.chosen = self._versions[row]
        super().accept()

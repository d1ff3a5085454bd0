"""What is known of one model: its type, which a person may correct, its size and place, its licence, what it lacks."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QFormLayout, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import set_role

from .words import family_title, languages, size_text, type_title

__all__ = ["ModelDetails"]


class ModelDetails(Translated, QFrame):
    """A card; it asks the catalogue to change a type on a thread, as that reads headers again."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._entry: Entry | None = None
        self.setProperty("role", "card")
        self.title = QLabel(self, wordWrap=True)
        self.title.setProperty("role", "heading")
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note = QLabel(self, wordWrap=True)
        self.note.setProperty("role", "muted")
        self._rows = QFormLayout()
        self._rows.setHorizontalSpacing(16)
        self._rows.setVerticalSpacing(8)
        self._rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.type = QComboBox(self)
        self.type.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.type.setMinimumContentsLength(10)
        self.values: dict[str, QLabel] = {}
        self._row(N_("Type"), self.type)
        for id, title in (
            ("size", N_("Size on disk")),
            ("class", N_("Class")),
            ("languages", N_("Languages")),
            ("licence", N_("Licence")),
            ("place", N_("Place")),
        ):
            value = QLabel(self, wordWrap=True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.values[id] = value
            self._row(title, value)
        self.reveal = QPushButton(icon("folder-eye-outline"), "", self, autoDefault=False)
        self.reveal.setIconSize(QSize(16, 16))
        self.tr_bind(self.reveal.setText, N_("Show in the file manager"))
        buttons = QHBoxLayout()
        buttons.addWidget(self.reveal)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.title)
        column.addWidget(self.note)
        column.addLayout(self._rows)
        column.addLayout(buttons)
        self.type.activated.connect(lambda _index: self._override(self.type.currentData()))
        self.reveal.clicked.connect(self._reveal)

    def show_entry(self, entry: Entry | None) -> None:
        """Show a model; None for none."""
        self._entry = entry
        self.setVisible(entry is not None)
        if entry is None:
            return
        problem = entry.problem
        self.title.setText(entry.title)
        self.note.setText(str(problem) if problem is not None else entry.note)
        self.note.setVisible(bool(self.note.text()))
        set_role(self.note, "warning" if problem is not None else "muted")
        count = entry.facts.get("bytes", 0)
        self._fill_types(entry)
        self._say("size", size_text(count) if count else "")
        self._say("class", str(entry.facts.get("architecture", "") or entry.facts.get("pipeline", "")))
        self._say("languages", languages(entry.languages))
        self._say("licence", entry.licence or str(entry.facts.get("licence", "")))
        self._say("place", _breakable(str(entry.path)) if entry.path is not None else tr("Built in"))
        self.reveal.setVisible(entry.path is not None)

    def retranslate(self) -> None:
        """Everything here is made of words."""
        super().retranslate()
        if hasattr(self, "reveal"):
            self.show_entry(self._entry)

    def _row(self, title: str, value: QWidget) -> None:
        label = QLabel(self)
        label.setProperty("role", "label")
        label.setMinimumHeight(value.sizeHint().height())
        self.tr_bind(label.setText, title)
        self.tr_bind(value.setAccessibleName, title)
        self._rows.addRow(label, value)

    def _say(self, id: str, text: str) -> None:
        self.values[id].setText(text)
        self._rows.setRowVisible(self.values[id], bool(text))

    def _fill_types(self, entry: Entry) -> None:
        """What it was taken for, and everything it could be told to be."""
        chosen = catalogue.chosen_type(entry.id)
        now = str(entry.facts.get("part", "")) or entry.family
        self.type.clear()
        if not entry.facts.get("found"):
            self.type.addItem(family_title(entry), "")
        else:
            first = tr("As its files say") if chosen else tr("{type} (from its files)", type=family_title(entry))
            self.type.addItem(first, "")
            for type in catalogue.TYPES:
                if chosen or type != now:
                    self.type.addItem(type_title(type), type)
        self.type.setEnabled(self.type.count() > 1)
        self.type.setCurrentIndex(max(0, self.type.findData(chosen)))

    def _override(self, type: str) -> None:
        entry = self._entry
        if entry is None:
            return

        def failed(error: StudioError | None) -> None:
            if error is not None:
                self._studio.problem.emit(error)

        self.type.setEnabled(False)
        self._studio.models.run(
            "type of a model",
            lambda _check, _tell: catalogue.override(entry.id, type),
            lambda _changed: self._studio.models.changed.emit(),
            failed,
        )

    def _reveal(self) -> None:
        entry = self._entry
        if entry is not None and entry.path is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(entry.folder or entry.path.parent)))


def _breakable(path: str) -> str:
    """A path that may be broken after its separators."""
    return path.replace("/", "/\u200b").replace("\\", "\\\u200b")

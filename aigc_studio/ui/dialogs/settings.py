"""The settings page, generated from `core.settings.SETTINGS`: each change counts at once."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import LANGUAGES, N_, tr
from aigc_studio.core.settings import SECTIONS, SETTINGS, Setting, Settings
from aigc_studio.ui.widgets.fields import Switch

from .dialog import StudioDialog

__all__ = ["SettingsDialog"]


class SettingsDialog(StudioDialog):
    """`controls` has the control of every setting by its id."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(N_("Settings"), parent, width=560)
        self._settings = settings
        self.controls: dict[str, QWidget] = {}
        self._refills: list = []
        for number, (section, title) in enumerate(SECTIONS.items()):
            heading = QLabel(self)
            heading.setProperty("role", "section")
            self.tr_bind(heading.setText, title)
            if number:
                self.body.addSpacing(8)
            self.body.addWidget(heading)
            for row in SETTINGS.values():
                if row.section == section:
                    self.body.addLayout(self._row(row))
        self.body.addStretch(1)
        close = self.add_button(N_("Close"), "primary")
        close.clicked.connect(self.accept)
        close.setFocus()

    def retranslate(self) -> None:
        """Names of choices and placeholders too."""
        super().retranslate()
        for refill in self._refills:
            refill()

    def _row(self, row: Setting) -> QVBoxLayout:
        label = QLabel(self)
        self.tr_bind(label.setText, row.title)
        control = {"choice": self._choice, "bool": self._switch, "int": self._number, "folder": self._folder}[row.kind](
            row
        )
        self.tr_bind(control.setAccessibleName, row.title)
        label.setBuddy(control)
        self.controls[row.id] = control
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(label, 1)
        if row.kind == "folder":
            browse = QPushButton(self)
            browse.setAutoDefault(False)
            self.tr_bind(browse.setText, N_("Browse…"))
            browse.clicked.connect(lambda: self._browse(row.id))
            line.addWidget(control, 2)
            line.addWidget(browse)
        else:
            line.addWidget(control)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addLayout(line)
        if row.help:
            about = QLabel(self)
            about.setProperty("role", "faint")
            about.setWordWrap(True)
            self.tr_bind(about.setText, row.help)
            column.addWidget(about)
        return column

    def _choice(self, row: Setting) -> QComboBox:
        combo = QComboBox(self)
        combo.setMinimumWidth(200)
        for value, _title in row.choices:
            combo.addItem("", value)

        def fill() -> None:
            for index, (value, title) in enumerate(row.choices):
                combo.setItemText(index, title if value in LANGUAGES else tr(title))

        fill()
        self._refills.append(fill)
        combo.setCurrentIndex(combo.findData(self._settings.get(row.id)))
        combo.activated.connect(lambda _index: self._settings.set(row.id, combo.currentData()))
        return combo

    def _switch(self, row: Setting) -> Switch:
        switch = Switch(self)
        switch.setChecked(self._settings.get(row.id))
        switch.toggled.connect(lambda on: self._settings.set(row.id, on))
        return switch

    def _number(self, row: Setting) -> QSpinBox:
        spin = QSpinBox(self)
        spin.setRange(row.low, row.high)
        spin.setMinimumWidth(120)
        if row.unit:
            self.tr_bind(lambda text: spin.setSuffix(f" {text}"), row.unit)
        spin.setValue(self._settings.get(row.id))
        spin.valueChanged.connect(lambda value: self._settings.set(row.id, value))
        return spin

    def _folder(self, row: Setting) -> QLineEdit:
        edit = QLineEdit(str(self._settings.get(row.id)), self)
        edit.setPlaceholderText(str(self._settings.projects_folder))
        edit.editingFinished.connect(lambda: self._settings.set(row.id, edit.text().strip()))
        return edit

    def _browse(self, id: str) -> None:
        edit = self.controls[id]
        assert isinstance(edit, QLineEdit)
        start = edit.text() or str(self._settings.projects_folder)
        folder = QFileDialog.getExistingDirectory(
            self, tr("Folder for new projects"), start if Path(start).exists() else ""
        )
        if folder:
            edit.setText(folder)
            self._settings.set(id, folder)

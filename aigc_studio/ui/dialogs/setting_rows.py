"""One row of the settings page: its title, its control by kind, what it means, and the way back to the default."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QSize
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core import catalogue
from aigc_studio.core.i18n import LANGUAGES, N_, tr
from aigc_studio.core.settings import SECTIONS, Setting, Settings
from aigc_studio.ui.devices import DeviceWatch, long_name, short_name
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.widgets.fields import Switch

__all__ = ["SettingRow"]

_WIDTH = 200


class SettingRow(Translated, QWidget):
    """Follows the settings: whatever changes a value, the row shows it. A change here counts at once."""

    def __init__(
        self, row: Setting, settings: Settings, devices: DeviceWatch | None = None, parent: QWidget | None = None
    ) -> None:
        """devices: where the devices of this machine are known, for a row of kind "device"."""
        super().__init__(parent)
        self.row, self._settings, self._devices = row, settings, devices
        self._show: Callable[[], None] = lambda: None
        self.label = QLabel(self)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.tr_bind(self.label.setText, row.title)
        self.reset = QToolButton(self)
        self.reset.setIcon(icon("restore"))
        self.reset.setIconSize(QSize(16, 16))
        self.reset.setProperty("role", "small")
        kept = self.reset.sizePolicy()
        kept.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(kept)
        self.tr_bind(self.reset.setToolTip, N_("Back to the default"))
        self.reset.clicked.connect(lambda: self._settings.set(row.id, row.default))
        self.control = self._make()
        self.label.setBuddy(self.control)
        self.tr_bind(self.control.setAccessibleName, row.title)
        line = QHBoxLayout()
        line.setSpacing(8)
        if row.kind == "folder":
            self.browse = QPushButton(self, autoDefault=False)
            self.tr_bind(self.browse.setText, N_("Browse…"))
            self.browse.clicked.connect(self._browse)
            line.addWidget(self.control, 1)
            line.addWidget(self.browse)
        else:
            line.addWidget(self.label, 1)
            line.addWidget(self.control)
        line.addWidget(self.reset)
        self.help, self.given = QLabel(self, wordWrap=True), QLabel(self, wordWrap=True)
        for words in (self.help, self.given):
            words.setProperty("role", "faint")
        if row.help:
            self.tr_bind(self.help.setText, row.help)
        self.help.setVisible(bool(row.help))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        if row.kind == "folder":
            column.addWidget(self.label)
        column.addLayout(line)
        column.addWidget(self.help)
        column.addWidget(self.given)
        self.refresh()

    def refresh(self) -> None:
        """Show the value as it is now."""
        with QSignalBlocker(self.control):
            self._show()
        self.reset.setVisible(self._settings.get(self.row.id) != self.row.default)
        told = self._settings.given.get(self.row.id)
        self.given.setVisible(told is not None)
        if told is not None:
            title = next((title for value, title in self.row.choices if value == told), str(told))
            shown = title if told in LANGUAGES else tr(title)
            self.given.setText(
                tr("This time the program was started with “{value}”; a choice here counts from now on.", value=shown)
            )

    def matches(self, words: list[str]) -> bool:
        """Whether all of these words (case folded) are in what the row says, in either language."""
        row = self.row
        said = [row.title, row.help, SECTIONS[row.section], *(title for _, title in row.choices)]
        text = " ".join([*said, *(tr(each) for each in said if each)]).casefold()
        return all(word in text for word in words)

    def retranslate(self) -> None:
        """Choices and placeholders too."""
        super().retranslate()
        if hasattr(self, "given"):
            self.refresh()

    # -- controls by kind
    def _make(self) -> QWidget:
        make = {
            "choice": self._choice,
            "bool": self._switch,
            "int": self._number,
            "folder": self._folder,
            "device": self._device,
        }
        return make[self.row.kind]()

    def _choice(self) -> QComboBox:
        combo = QComboBox(self)
        combo.setMinimumWidth(_WIDTH)
        for value, _title in self.row.choices:
            combo.addItem("", value)

        def show() -> None:
            for index, (value, title) in enumerate(self.row.choices):
                combo.setItemText(index, title if value in LANGUAGES else tr(title))
            combo.setCurrentIndex(combo.findData(self._settings.get(self.row.id)))

        self._show = show
        combo.activated.connect(lambda _index: self._settings.set(self.row.id, combo.currentData()))
        return combo

    def _switch(self) -> Switch:
        switch = Switch(self)
        self._show = lambda: switch.setChecked(self._settings.get(self.row.id))
        switch.toggled.connect(lambda on: self._settings.set(self.row.id, on))
        return switch

    def _number(self) -> QSpinBox:
        spin = QSpinBox(self)
        spin.setRange(self.row.low, self.row.high)
        spin.setMinimumWidth(120)
        spin.setKeyboardTracking(False)
        if self.row.unit:
            self.tr_bind(lambda text: spin.setSuffix(f" {text}"), self.row.unit)
        self._show = lambda: spin.setValue(self._settings.get(self.row.id))
        spin.valueChanged.connect(lambda value: self._settings.set(self.row.id, value))
        return spin

    def _folder(self) -> QLineEdit:
        edit = QLineEdit(self)

        def show() -> None:
            edit.setText(str(self._settings.get(self.row.id)))
            edit.setPlaceholderText(str(self._default_folder()))

        self._show = show
        edit.editingFinished.connect(lambda: self._settings.set(self.row.id, edit.text().strip()))
        return edit

    def _device(self) -> QComboBox:
        combo = QComboBox(self)
        combo.setMinimumWidth(_WIDTH)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(18)

        def show() -> None:
            chosen = str(self._settings.get(self.row.id))
            known = self._devices.all if self._devices is not None else ()
            combo.clear()
            combo.addItem(tr("Automatic: {device}", device=short_name(known[0])) if known else tr("Automatic"), "")
            for device in known:
                combo.addItem(long_name(device), device.id)
            if combo.findData(chosen) < 0:
                combo.addItem(tr("{device} (not here now)", device=chosen), chosen)
            combo.setCurrentIndex(combo.findData(chosen))

        self._show = show
        combo.activated.connect(lambda _index: self._settings.set(self.row.id, combo.currentData()))
        if self._devices is not None:
            self._devices.changed.connect(self._devices_changed)
        return combo

    def _devices_changed(self) -> None:
        """Only when there are others: a list that is open must not be filled anew for a number."""
        combo = self.control
        known = self._devices.all if self._devices is not None else ()
        if isinstance(combo, QComboBox) and not combo.view().isVisible() and combo.count() != len(known) + 1:
            self.refresh()

    def _default_folder(self) -> Path:
        """Where it is while nobody has chosen."""
        return catalogue.models_folder() if self.row.id == "models_folder" else self._settings.projects_folder

    def _browse(self) -> None:
        start = Path(str(self._settings.get(self.row.id)) or self._default_folder())
        folder = QFileDialog.getExistingDirectory(self, tr(self.row.title), str(start) if start.exists() else "")
        if folder:
            self._settings.set(self.row.id, folder)

"""The small card above the status bar: every device with its memory, and which one models run on."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QLabel, QProgressBar, QRadioButton, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.settings import Settings
from aigc_studio.ui.devices import DeviceWatch, long_name, memory_text, short_name
from aigc_studio.ui.i18n import Translated

__all__ = ["DeviceCard"]


class DeviceCard(Translated, QFrame):
    """A popup. A choice counts at once and is kept in the settings."""

    chosen = Signal(str)

    def __init__(self, devices: DeviceWatch, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "popup")
        self._devices, self._settings = devices, settings
        heading = QLabel(self)
        heading.setProperty("role", "section")
        self.tr_bind(heading.setText, N_("Models run on"))
        self._rows = QVBoxLayout()
        self._rows.setSpacing(12)
        about = QLabel(self, wordWrap=True)
        about.setProperty("role", "faint")
        self.tr_bind(about.setText, N_("Models that are loaded already move when they have nothing to do."))
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(12)
        column.addWidget(heading)
        column.addLayout(self._rows)
        column.addWidget(about)
        self.setFixedWidth(320)
        self._group: QButtonGroup | None = None
        self.choices: dict[str, QRadioButton] = {}
        self._figures: dict[str, tuple[QProgressBar, QLabel]] = {}
        self._held: list[QWidget] = []
        devices.changed.connect(self._update)

    def open_above(self, widget: QWidget) -> None:
        """Show it above `widget`, its right edge at the widget's."""
        self._build()
        self.adjustSize()
        corner = widget.mapToGlobal(QPoint(widget.width(), 0))
        room = widget.screen().availableGeometry()
        left = min(max(room.left(), corner.x() - self.width()), room.right() - self.width())
        self.move(left, max(room.top(), corner.y() - self.height() - 4))
        self.show()
        if (button := self.choices.get(str(self._settings.get("device")))) is not None:
            button.setFocus()

    def retranslate(self) -> None:
        """Rows are made of words."""
        super().retranslate()
        if self.isVisible():
            self._build()

    def _build(self) -> None:
        for widget in self._held:
            self._rows.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._held, self.choices, self._figures = [], {}, {}
        self._group = QButtonGroup(self)
        best = next(iter(self._devices.all), None)
        automatic = tr("Automatic: {device}", device=short_name(best)) if best is not None else tr("Automatic")
        self._row("", automatic)
        for device in self._devices.all:
            self._row(device.id, long_name(device))
        self._update()

    def _row(self, id: str, title: str) -> None:
        row = QWidget(self)
        column = QVBoxLayout(row)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        button = QRadioButton(row)
        button.setText(self.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, 250))
        button.setToolTip(title)
        button.setChecked(self._settings.get("device") == id)
        button.clicked.connect(lambda: (self._settings.set("device", id), self.chosen.emit(id)))
        column.addWidget(button)
        self.choices[id] = button
        if self._group is not None:
            self._group.addButton(button)
        if id:
            bar = QProgressBar(row)
            bar.setRange(0, 1000)
            bar.setTextVisible(False)
            words = QLabel(row)
            words.setProperty("role", "faint")
            column.addWidget(bar)
            column.addWidget(words)
            self._figures[id] = (bar, words)
        self._rows.addWidget(row)
        self._held.append(row)

    def _update(self) -> None:
        """New numbers."""
        for device in self._devices.all:
            if device.id in self._figures:
                bar, words = self._figures[device.id]
                bar.setValue(round(1000 * (1 - device.free / max(1, device.total))))
                words.setText(
                    tr("{free} of {total} free", free=memory_text(device.free), total=memory_text(device.total))
                )

"""The settings page, generated from `core.settings.SETTINGS`: sections, search, each change counts at once."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.settings import SECTIONS, SETTINGS, Settings
from aigc_studio.ui.devices import DeviceWatch
from aigc_studio.ui.icons import icon

from .dialog import StudioDialog
from .setting_rows import SettingRow

__all__ = ["SettingsDialog"]

_SIZE = (760, 540)
_NAVIGATION = 168


class SettingsDialog(StudioDialog):
    """`rows` and `controls` have the row and the control of every setting by its id."""

    def __init__(
        self, settings: Settings, parent: QWidget | None = None, *, devices: DeviceWatch | None = None
    ) -> None:
        super().__init__(N_("Settings"), parent, width=620)
        self._settings = settings
        self.search = QLineEdit(self)
        self.search.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.setClearButtonEnabled(True)
        self.tr_bind(self.search.setPlaceholderText, N_("Search settings"))
        self.tr_bind(self.search.setAccessibleName, N_("Search settings"))
        self.sections = QListWidget(self)
        self.sections.setProperty("role", "plain")
        self.sections.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tr_bind(self.sections.setAccessibleName, N_("Sections"))
        left = QVBoxLayout()
        left.setSpacing(12)
        left.addWidget(self.search)
        left.addWidget(self.sections, 1)
        self.rows: dict[str, SettingRow] = {}
        self._blocks: dict[str, QWidget] = {}
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 12, 0)
        column.setSpacing(24)
        for section, title in SECTIONS.items():
            self._blocks[section] = self._block(section, title, devices)
            column.addWidget(self._blocks[section])
            item = QListWidgetItem("")
            item.setData(Qt.ItemDataRole.UserRole, section)
            item.setSizeHint(QSize(_NAVIGATION - 8, 32))
            self.sections.addItem(item)
        self.nothing = QLabel(page)
        self.nothing.setProperty("role", "muted")
        self.tr_bind(self.nothing.setText, N_("No setting is called so."))
        column.addWidget(self.nothing)
        column.addStretch(1)
        self.controls = {id: row.control for id, row in self.rows.items()}
        scroll = QScrollArea(self, widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(page)
        for widget in (self.search, self.sections):
            widget.setFixedWidth(_NAVIGATION)
        across = QHBoxLayout()
        across.setSpacing(24)
        across.addLayout(left)
        across.addWidget(scroll, 1)
        self.body.addLayout(across, 1)
        close = self.add_button(N_("Close"), "primary")
        close.clicked.connect(self.accept)
        self.take_size(settings.state("settings/size"), _SIZE)
        settings.listen(self._changed)
        self.search.textChanged.connect(lambda _text: self._filter())
        self.sections.currentRowChanged.connect(lambda _number: self._section_chosen())
        self.sections.itemClicked.connect(lambda _item: self._section_chosen())
        self._name_sections()
        self._open(str(settings.state("settings/section", "")))
        self.sections.setFocus()

    def retranslate(self) -> None:
        """Names of sections too."""
        super().retranslate()
        if hasattr(self, "controls"):
            self._name_sections()

    def done(self, result: int) -> None:
        """Remember how large it was and what was looked at; the settings tell it nothing any more."""
        self._settings.set_state("settings/size", [self.width(), self.height()])
        if (item := self.sections.currentItem()) is not None:
            self._settings.set_state("settings/section", item.data(Qt.ItemDataRole.UserRole))
        self._settings.forget_listener(self._changed)
        super().done(result)

    def _block(self, section: str, title: str, devices: DeviceWatch | None) -> QWidget:
        block = QWidget(self)
        column = QVBoxLayout(block)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        heading = QLabel(block)
        heading.setProperty("role", "heading")
        self.tr_bind(heading.setText, title)
        column.addWidget(heading)
        for row in SETTINGS.values():
            if row.section == section:
                self.rows[row.id] = SettingRow(row, self._settings, devices, block)
                column.addWidget(self.rows[row.id])
        return block

    def _name_sections(self) -> None:
        for number, title in enumerate(SECTIONS.values()):
            self.sections.item(number).setText(tr(title))

    def _open(self, section: str) -> None:
        names = list(SECTIONS)
        self.sections.setCurrentRow(names.index(section) if section in names else 0)
        self._filter()

    def _section_chosen(self) -> None:
        if self.search.text():
            self.search.clear()
        self._filter()

    def _filter(self) -> None:
        """The chosen section; while there is a search, every row that fits, whatever its section."""
        words = self.search.text().casefold().split()
        item = self.sections.currentItem()
        if item is not None:
            item.setSelected(not words)
        chosen = item.data(Qt.ItemDataRole.UserRole) if item is not None else ""
        for id, row in self.rows.items():
            row.setVisible(row.matches(words) if words else SETTINGS[id].section == chosen)
        shown = {SETTINGS[id].section for id, row in self.rows.items() if not row.isHidden()}
        for section, block in self._blocks.items():
            block.setVisible(section in shown)
        self.nothing.setVisible(not shown)

    def _changed(self, id: str) -> None:
        if id in self.rows:
            self.rows[id].refresh()

"""Dialogs: names that make folders, generated settings, the engine's installation step by step."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.hardware import Device
from aigc_studio.core.i18n import set_language
from aigc_studio.core.installer import EngineState, Package, Plan, Progress
from aigc_studio.core.settings import SETTINGS, Settings
from aigc_studio.ui import engine_install
from aigc_studio.ui.devices import DeviceWatch
from aigc_studio.ui.dialogs.dialog import StudioDialog
from aigc_studio.ui.dialogs.install_engine import InstallEngineDialog, size_text
from aigc_studio.ui.dialogs.new_project import NewProjectDialog, folder_name
from aigc_studio.ui.dialogs.settings import SettingsDialog
from aigc_studio.ui.engine_install import EngineInstall, Stage
from aigc_studio.ui.widgets.fields import Switch

CARD = Device("cuda:0", "NVIDIA Card", "cuda", 24 << 30, 20 << 30)
CPU = Device("cpu", "Some Processor", "cpu", 64 << 30, 12 << 30)


@given(st.text(max_size=200))
def test_any_name_makes_a_folder_every_system_takes(name: str) -> None:
    """Or none at all."""
    made = folder_name(name)
    assert not set(made) & set('<>:"/\\|?*\0\n\t')
    assert made == made.strip(" .")
    assert len(made) <= 90
    assert made not in (".", "..", "CON", "nul")
    assert folder_name(made) == made


@pytest.mark.parametrize(
    ("name", "folder"),
    [("春茶 Poster", "春茶 Poster"), ("a/b", "a b"), ("CON", "CON project"), ("..", ""), (" x. ", "x")],
)
def test_names_are_kept_where_they_can_be(name: str, folder: str) -> None:
    """Chinese is a name like any other."""
    assert folder_name(name) == folder


def test_a_new_project_gets_a_free_name_and_a_place(qtbot, tmp_path: Path) -> None:
    """Enter is enough."""
    (tmp_path / "Untitled").mkdir()
    dialog = NewProjectDialog(tmp_path)
    qtbot.addWidget(dialog)
    assert dialog.name.text() == "Untitled 2"
    dialog.name.setText("Spring: sale?")
    with qtbot.waitSignal(dialog.chosen) as heard:
        dialog.create_button.click()
    assert heard.args == [tmp_path / "Spring sale", "Spring: sale?"]


@pytest.mark.parametrize("name", ["", "...", "   ", "taken"])
def test_a_name_that_cannot_be_is_said_before(qtbot, tmp_path: Path, name: str) -> None:
    """The button is off, the sentence says why."""
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("x", encoding="utf-8")
    dialog = NewProjectDialog(tmp_path)
    qtbot.addWidget(dialog)
    dialog.name.setText(name)
    assert not dialog.create_button.isEnabled()
    assert dialog._said.text()
    dialog.name.setText("free")
    dialog.folder.setText("relative/place")
    assert not dialog.create_button.isEnabled()


def test_every_setting_has_a_control_that_counts_at_once(qtbot, tmp_path: Path) -> None:
    """Generated from the table."""
    settings = Settings(tmp_path)
    devices = DeviceWatch(settings)
    devices.show((CARD, CPU))
    dialog = SettingsDialog(settings, devices=devices)
    qtbot.addWidget(dialog)
    assert dialog.controls.keys() == SETTINGS.keys()
    for id, control in dialog.controls.items():
        row = SETTINGS[id]
        if isinstance(control, QComboBox):
            control.setCurrentIndex(1)
            control.activated.emit(1)
            assert settings.get(id) == (row.choices[1][0] if row.choices else CARD.id)
        elif isinstance(control, Switch):
            control.click()
            assert settings.get(id) is not row.default
        elif isinstance(control, QSpinBox):
            control.setValue(row.low)
            assert settings.get(id) == row.low
        elif isinstance(control, QLineEdit):
            control.setText(str(tmp_path))
            control.editingFinished.emit()
            assert settings.get(id) == str(tmp_path)


def test_every_setting_goes_back_to_its_default(qtbot, tmp_path: Path) -> None:
    """The button is there only where there is a way back, and the control follows."""
    settings = Settings(tmp_path)
    dialog = SettingsDialog(settings)
    qtbot.addWidget(dialog)
    row = dialog.rows["idle_minutes"]
    assert row.reset.isHidden()
    settings.set("idle_minutes", 42)
    assert isinstance(row.control, QSpinBox)
    assert row.control.value() == 42
    assert not row.reset.isHidden()
    row.reset.click()
    assert settings.get("idle_minutes") == SETTINGS["idle_minutes"].default
    assert row.control.value() == settings.get("idle_minutes")
    assert row.reset.isHidden()


@pytest.mark.parametrize("kept", [None, [5000, 4000], [0, -3], "wide", [1.5, 2], [700, 500, 3]])
def test_a_dialog_fits_the_screen(qtbot, kept: object) -> None:
    """Its buttons can be reached on a small screen, whatever size was kept on a large one."""
    dialog = StudioDialog("Models", width=300)
    qtbot.addWidget(dialog)
    dialog.take_size(kept, (9000, 480))
    room = dialog.screen().availableGeometry()
    assert 300 <= dialog.width() < room.width()
    assert 100 < dialog.height() < room.height()
    dialog.take_size([400, 320], (9000, 480))
    assert (dialog.width(), dialog.height()) == (400, 320)


def test_settings_are_searched_in_both_languages(qtbot, tmp_path: Path) -> None:
    """Whatever section they stand in; without a search one section is shown."""
    dialog = SettingsDialog(Settings(tmp_path))
    qtbot.addWidget(dialog)

    def shown() -> set[str]:
        return {id for id, row in dialog.rows.items() if not row.isHidden()}

    assert {SETTINGS[id].section for id in shown()} == {"general"}
    set_language("zh_CN")
    dialog.search.setText("闲置")
    assert shown() == {"idle_minutes"}
    dialog.search.setText("MEMORY idle")
    assert shown() == {"idle_minutes"}
    dialog.search.setText("nothing like it")
    assert shown() == set()
    assert not dialog.nothing.isHidden()
    dialog.sections.setCurrentRow(1)
    assert dialog.search.text() == ""
    assert {SETTINGS[id].section for id in shown()} == {"projects"}


def test_what_the_command_line_told_is_shown_until_something_is_chosen(qtbot, tmp_path: Path) -> None:
    """Choosing what is saved already counts, too."""
    settings = Settings(tmp_path)
    settings.given = {"theme": "dark"}
    heard: list[str] = []
    settings.listen(heard.append)
    dialog = SettingsDialog(settings)
    qtbot.addWidget(dialog)
    row = dialog.rows["theme"]
    assert not row.given.isHidden()
    assert "Dark" in row.given.text()
    settings.set("theme", "system")
    assert heard == ["theme"]
    assert row.given.isHidden()


def test_the_page_remembers_its_size_and_section_and_hears_no_more(qtbot, tmp_path: Path) -> None:
    """A closed page must not be told of changes: its controls are gone."""
    settings = Settings(tmp_path)
    dialog = SettingsDialog(settings)
    dialog.resize(740, 620)
    dialog.sections.setCurrentRow(2)
    dialog.accept()
    assert settings._listeners == []
    again = SettingsDialog(settings)
    qtbot.addWidget(again)
    assert (again.width(), again.height()) == (740, 620)
    assert again.sections.currentRow() == 2
    again.done(0)


def test_a_device_that_is_not_here_is_kept(qtbot, tmp_path: Path) -> None:
    """And says so."""
    settings = Settings(tmp_path)
    settings.set("device", "cuda:7")
    devices = DeviceWatch(settings)
    devices.show((CARD, CPU))
    dialog = SettingsDialog(settings, devices=devices)
    qtbot.addWidget(dialog)
    combo = dialog.controls["device"]
    assert isinstance(combo, QComboBox)
    assert combo.currentData() == "cuda:7"
    assert "cuda:7" in combo.currentText()
    assert settings.get("device") == "cuda:7"


class Installer:
    """Stands in for uv: says what it is told to, when the test lets it."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.error: BaseException | None = None

    def plan(self, *, line, cancelled) -> Plan:
        line("Resolved 2 packages")
        return Plan("cpu", (Package("torch", "2.13.0", 200_000_000),))

    def install(self, plan, *, progress, line, cancelled) -> EngineState:
        progress(Progress("Fetching", 50_000_000, 200_000_000))
        while not self.go.wait(0.01):
            if cancelled():
                raise Cancelled
        if self.error is not None:
            raise self.error
        return EngineState(True, "cpu", "2.13.0")


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> Installer:
    """In the place of the real one."""
    stand_in = Installer()
    monkeypatch.setattr(engine_install, "plan_engine", stand_in.plan)
    monkeypatch.setattr(engine_install, "install_engine", stand_in.install)
    return stand_in


def test_the_engine_is_planned_shown_and_installed(qtbot, installer: Installer) -> None:
    """Size before agreeing, progress, log, and the end."""
    install = EngineInstall()
    dialog = InstallEngineDialog(install)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: install.stage == Stage.PLANNED)
    assert "200 MB" in dialog.said.text()
    assert dialog.go.isVisible()
    dialog.go.click()
    qtbot.waitUntil(lambda: install.progress is not None)
    assert dialog.bar.value() == 250
    assert dialog.cancel.isVisible()
    assert "Resolved 2 packages" in dialog.log.toPlainText()
    with qtbot.waitSignal(install.finished):
        installer.go.set()
    assert install.stage == Stage.DONE
    assert not dialog.go.isVisible()
    install.close()


def test_cancel_stops_and_can_be_taken_up_again(qtbot, installer: Installer) -> None:
    """Without asking the index once more."""
    install = EngineInstall()
    dialog = InstallEngineDialog(install)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: install.stage == Stage.PLANNED)
    install.install()
    qtbot.waitUntil(lambda: install.progress is not None)
    dialog.cancel.click()
    qtbot.waitUntil(lambda: install.stage == Stage.PLANNED)
    assert install.error is None
    installer.go.set()
    install.install()
    qtbot.waitUntil(lambda: install.stage == Stage.DONE)
    install.close()


def test_a_failure_says_why_and_offers_another_try(qtbot, installer: Installer) -> None:
    """The dialog may be closed meanwhile; the next one shows the state."""
    install = EngineInstall()
    install.find_out()
    qtbot.waitUntil(lambda: install.stage == Stage.PLANNED)
    installer.error = StudioError("The disk is full; free some space and try again.", code="disk-full")
    installer.go.set()
    install.install()
    qtbot.waitUntil(lambda: install.stage == Stage.FAILED)
    dialog = InstallEngineDialog(install)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: install.stage == Stage.PLANNED)  # it asks anew, in case the network is back
    installer.error = None
    install.install()
    qtbot.waitUntil(lambda: install.stage == Stage.DONE)
    install.close()


@pytest.mark.parametrize(("count", "text"), [(0, "1 MB"), (820e6, "820 MB"), (2.44e9, "2.4 GB")])
def test_sizes_are_said_as_people_say_them(count: float, text: str) -> None:
    """Not in bytes."""
    assert size_text(count) == text

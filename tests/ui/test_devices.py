"""The device in use: how it is named, how it is read, and how another one is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QThread

from aigc_studio.core import hardware
from aigc_studio.core.hardware import Device
from aigc_studio.core.i18n import set_language
from aigc_studio.core.installer import EngineState
from aigc_studio.core.settings import Settings
from aigc_studio.ui.devices import DeviceWatch, device_text, memory_text, short_name
from aigc_studio.ui.shell.status_bar import StatusBar
from aigc_studio.ui.studio import Studio

GIB = 2**30
H100 = Device("cuda:0", "NVIDIA H100 80GB HBM3", "cuda", 80 * GIB, 61 * GIB)
RTX = Device("cuda:1", "NVIDIA GeForce RTX 4090", "cuda", 24 * GIB, 20 * GIB)
CPU = Device("cpu", "Some Processor", "cpu", 64 * GIB, 12 * GIB)


@pytest.fixture
def studio(qapp, tmp_path: Path) -> Iterator[Studio]:
    """A Studio without a project."""
    studio = Studio(Settings(tmp_path / "config"))
    yield studio
    studio.shutdown()


def test_names_and_numbers_as_people_say_them() -> None:
    """In both languages."""
    assert [short_name(device) for device in (H100, RTX, CPU)] == ["H100", "RTX 4090", "CPU"]
    assert device_text(H100) == "H100 · 61 of 80 GB free"
    assert device_text(CPU) == "CPU · 12 GB free"
    assert memory_text(round(3.4 * GIB)) == "3.4 GB"
    set_language("zh_CN")
    assert "61" in device_text(H100)
    assert "free" not in device_text(H100)


def test_devices_are_read_in_a_thread_of_their_own(qtbot, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow driver does not stop the window; the thread ends at once."""
    threads = []
    monkeypatch.setattr(hardware, "devices", lambda: threads.append(QThread.currentThread()) or (H100, CPU))
    watch = studio.devices
    assert watch.current is None
    with qtbot.waitSignal(watch.changed):
        watch.begin()
    assert watch.current == H100
    watch.close()
    assert QThread.currentThread() not in threads
    with qtbot.assertNotEmitted(watch.changed):
        watch.show((H100, CPU))


def test_the_chosen_device_counts_while_it_is_there(tmp_path: Path) -> None:
    """A card that was taken out is not forgotten, but another one is used."""
    settings = Settings(tmp_path)
    watch = DeviceWatch(settings)
    watch.show((H100, RTX, CPU))
    settings.set("device", "cuda:1")
    assert watch.current == RTX
    watch.show((H100, CPU))
    assert watch.current == H100
    assert settings.get("device") == "cuda:1"


def test_the_status_bar_tells_and_its_card_chooses(qtbot, studio: Studio) -> None:
    """A click counts at once and is kept."""
    bar = StatusBar(studio)
    qtbot.addWidget(bar)
    bar.show()
    assert not bar.device.isVisible()
    studio.devices.show((H100, RTX, CPU))
    assert bar.device.text() == "H100 · 61 of 80 GB free"
    bar.device.click()
    assert bar.card.isVisible()
    assert list(bar.card.choices) == ["", "cuda:0", "cuda:1", "cpu"]
    assert bar.card.choices[""].isChecked()
    bar.card.choices["cpu"].click()
    assert studio.settings.get("device") == "cpu"
    assert bar.device.text() == "CPU · 12 GB free"
    studio.devices.show((H100, RTX, Device("cpu", "Some Processor", "cpu", 64 * GIB, 3 * GIB)))
    assert bar.device.text() == "CPU · 3.0 GB free"
    bar.card.hide()


def test_the_engine_is_named_where_it_needs_something(qtbot, studio: Studio) -> None:
    """One that is ready says nothing: the device beside it does."""
    bar = StatusBar(studio)
    qtbot.addWidget(bar)
    bar.show()
    assert not bar.engine.isVisible()
    bar.show_engine(EngineState(True, "cpu", "2.13.0"))
    assert not bar.engine.isVisible()
    bar.show_engine(EngineState(False))
    assert (bar.engine.isVisible(), bar.engine.text()) == (True, "Engine not installed")
    bar.show_engine(EngineState(True, "cpu", "2.6.0", outdated=True))
    assert (bar.engine.isVisible(), bar.engine.text()) == (True, "Engine outdated")


def test_another_device_ends_idle_engines(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Busy ones end after their job; the next engine is told the device."""
    closed = []
    for lane in studio._lanes:
        monkeypatch.setattr(lane, "close", lambda lane=lane: closed.append(lane.name))
    studio._lanes["text"].job = object()  # type: ignore[assignment]  busy
    studio.settings.set("device", "cuda:1")
    assert closed == ["picture", "sound", "train"]
    studio._lanes["text"].job = None
    studio._lanes["text"].ended.emit("job", None, None)
    assert closed == ["picture", "sound", "train", "text"]
    engine = studio._lanes._child_engine("picture")
    assert engine._environment["AIGC_STUDIO_DEVICE"] == "cuda:1"  # type: ignore[attr-defined]
    monkeypatch.undo()

"""Looking at the disk: on a thread, when there is a reason, one look at a time, and never after the end."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, QThread
from PySide6.QtWidgets import QApplication

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.ui.models import scan as scan_module
from aigc_studio.ui.models.scan import ModelScan
from aigc_studio.ui.studio import Studio


class Disk:
    """Stands in for the slow look: counts, waits at a gate, fails when told to."""

    def __init__(self) -> None:
        self.looks = 0
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.threads: list[QThread] = []

    def rescan(self, check, progress) -> bool:
        self.looks += 1
        self.threads.append(QThread.currentThread())
        progress(self.looks, "a model")
        while not self.gate.wait(0.005):
            check()
        if self.error is not None:
            raise self.error
        return True


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(catalogue, "rescan", disk.rescan)
    return disk


@pytest.fixture
def scan(quiet_studio: Studio) -> ModelScan:
    """A studio's: it keeps Python's garbage collector out of other threads, where it would destroy widgets."""
    return quiet_studio.models


def test_a_look_runs_in_a_thread_and_tells(qtbot, scan: ModelScan, disk: Disk) -> None:
    """What it found, and that it is over; who waited for it is called afterwards."""
    told: list[object] = []
    scan.changed.connect(lambda: told.append("changed"))
    scan.busyChanged.connect(told.append)
    scan.progressed.connect(lambda count, name: told.append((count, name)))
    with qtbot.waitSignal(scan.changed):
        scan.rescan(lambda: told.append("then"))
    assert told == [True, (1, "a model"), False, "changed", "then"]
    assert QThread.currentThread() not in disk.threads


def test_looks_that_are_asked_for_meanwhile_become_one(qtbot, scan: ModelScan, disk: Disk) -> None:
    """It may have passed what changed: one more follows, not ten."""
    disk.gate.clear()
    done: list[int] = []
    scan.rescan()
    for number in range(10):
        scan.rescan(lambda number=number: done.append(number))
    qtbot.waitUntil(lambda: disk.looks == 1)
    disk.gate.set()
    qtbot.waitUntil(lambda: len(done) == 10)
    assert disk.looks == 2
    assert done == list(range(10))


def test_a_look_can_be_stopped(qtbot, scan: ModelScan, disk: Disk) -> None:
    """Nothing is told but that it is over."""
    disk.gate.clear()
    scan.rescan()
    qtbot.waitUntil(lambda: disk.looks == 1)
    with qtbot.assertNotEmitted(scan.changed), qtbot.waitSignal(scan.busyChanged):
        scan.cancel()
    assert not scan.busy


def test_a_failure_is_told_and_the_next_look_works(qtbot, scan: ModelScan, disk: Disk) -> None:
    """A disk may go at any time."""
    disk.error = StudioError("The disk went away.", code="disk")
    with qtbot.waitSignal(scan.failed) as heard:
        scan.rescan()
    assert heard.args[0].code == "disk"
    disk.error = None
    with qtbot.waitSignal(scan.changed):
        scan.rescan()


def test_the_end_waits_for_what_runs(qtbot, scan: ModelScan, disk: Disk) -> None:
    """And nothing begins after it."""
    disk.gate.clear()
    scan.rescan()
    scan.run("other", lambda check, _tell: disk.gate.wait(0.01) or check(), lambda _: None, lambda _: None)
    scan.close()
    looks = disk.looks
    scan.rescan()
    assert disk.looks == looks


def test_the_window_coming_to_the_front_is_a_reason(
    qtbot, scan: ModelScan, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the last look is old."""
    window = QObject()
    with qtbot.waitSignal(scan.changed):
        scan.begin(window)
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowActivate))
    assert not scan.busy
    monkeypatch.setattr(scan_module, "STALE_S", -1.0)
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowActivate))
    qtbot.waitUntil(lambda: disk.looks == 2)


def test_a_folder_that_changes_is_looked_at_by_itself(qtbot, scan: ModelScan, tmp_path: Path) -> None:
    """With the real catalogue: a model that is copied in appears."""
    folder = tmp_path / "models"
    folder.mkdir()
    catalogue.add_folder(folder)
    scan._settle.setInterval(10)
    done: list[bool] = []
    scan.begin()
    scan.rescan(lambda: done.append(True))
    qtbot.waitUntil(lambda: bool(done))
    model = folder / "writer"
    with qtbot.waitSignal(scan.changed):
        model.mkdir()
        (model / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}))
    assert any(entry.path == model for entry in catalogue.models())


def test_what_is_dropped_is_inspected_in_a_thread(qtbot, scan: ModelScan, tmp_path: Path) -> None:
    """What is nothing says so."""
    heard: list[object] = []
    scan.inspect(tmp_path, heard.append, heard.append)
    qtbot.waitUntil(lambda: bool(heard))
    (error,) = heard
    assert isinstance(error, StudioError)
    assert error.code == "model-none"

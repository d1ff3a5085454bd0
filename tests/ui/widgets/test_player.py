"""The player bar with an output that a test moves by hand, and with the machine's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import PySide6
import pytest
from PySide6.QtCore import Qt

from aigc_studio.ui.widgets.player import PlayerBar, QtOutput
from tests.ui.hand_output import Hand


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def bar(qtbot, hand: Hand) -> PlayerBar:
    bar = PlayerBar(hand)
    qtbot.addWidget(bar)
    bar.load(Path("a.wav"), 4.0)
    bar.show()
    return bar


def test_plays_pauses_and_goes_on(qtbot, bar: PlayerBar, hand: Hand) -> None:
    qtbot.mouseClick(bar.play_button, Qt.MouseButton.LeftButton)
    assert hand.playing
    assert hand.opened == [Path("a.wav")]
    hand.at = 1.5
    qtbot.waitUntil(lambda: bar.position == 1.5)
    assert bar.time.text() == "0:01.5 / 0:04.0"
    bar.toggle()
    assert not hand.playing
    bar.toggle()
    assert hand.at == 1.5


def test_the_end_stops_it_and_play_begins_anew(qtbot, bar: PlayerBar, hand: Hand) -> None:
    bar.play()
    hand.over = True
    qtbot.waitUntil(lambda: not bar.playing)
    assert bar.position == 4.0
    bar.play()
    assert hand.at == 0.0


def test_repeat_begins_again_by_itself(qtbot, bar: PlayerBar, hand: Hand) -> None:
    bar.loop_button.setChecked(True)
    bar.play()
    hand.at, hand.over = 4.0, True
    qtbot.waitUntil(lambda: hand.at == 0.0 and not hand.over)
    assert bar.playing


def test_seek_stays_inside(bar: PlayerBar, hand: Hand) -> None:
    bar.seek(99)
    assert bar.position == 4.0
    bar.seek(-1)
    assert bar.position == 0.0
    bar.play()
    bar.seek(2)
    assert hand.at == 2


def test_volume_and_mute(bar: PlayerBar, hand: Hand) -> None:
    bar.volume.setValue(50)
    assert hand.volume == 0.5
    bar.mute_button.click()
    assert hand.volume == 0.0
    bar.mute_button.click()
    assert hand.volume == 0.5


def test_another_sound_stops_the_first(bar: PlayerBar, hand: Hand) -> None:
    bar.play()
    bar.load(Path("b.wav"), 2.0)
    assert not hand.playing
    assert hand.opened[-1] is None
    assert (bar.position, bar.playing) == (0.0, False)


def test_without_an_output_it_says_so_and_does_not_pretend(qtbot) -> None:
    bar = PlayerBar(Hand(there=False))
    qtbot.addWidget(bar)
    bar.show()
    bar.load(Path("a.wav"), 4.0)
    assert "No audio output" in bar.note.text()
    assert bar.note.isVisible()
    assert not bar.play_button.isEnabled()
    bar.play()
    assert not bar.playing
    bar.seek(2.0)
    assert bar.position == 2.0


def test_a_sound_that_cannot_be_played_is_said(qtbot, bar: PlayerBar, hand: Hand) -> None:
    hand.trouble = "no decoder"
    bar.play()
    qtbot.waitUntil(lambda: not bar.playing)
    assert "no decoder" in bar.note.text()


def test_without_qtmultimedia_there_is_no_output(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PySide6.QtMultimedia", None)
    monkeypatch.delattr(PySide6, "QtMultimedia", raising=False)  # left on the package by an import before this test
    output = QtOutput()
    assert not output.available()
    output.open(Path("a.wav"))
    output.play()
    assert output.position() == 0.0


def test_without_a_device_playing_is_nothing_and_no_crash(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    output = QtOutput()
    monkeypatch.setattr(output, "available", lambda: False)
    output.open(Path("a.wav"))
    output.play()
    assert output._player is None


LOOKING = """
import ctypes, threading
import aigc_studio.ui
from PySide6.QtCore import qInstallMessageHandler
from PySide6.QtWidgets import QApplication
from aigc_studio.ui.widgets.player import QtOutput

app = QApplication([])
qInstallMessageHandler(lambda kind, context, text: None)
stop = threading.Event()

def look_up():
    while not stop.is_set():
        library = ctypes.CDLL(None)
        for number in range(200):
            hasattr(library, f"no_such_symbol_{number}")

for _ in range(3):
    threading.Thread(target=look_up, daemon=True).start()
QtOutput().available()
stop.set()
"""


def test_opening_the_output_does_not_wait_for_threads_that_load_libraries(checkout: Path) -> None:
    """Qt logs with the loader's lock held; see `QtOutput._modules`. Without the filter this hangs every time."""
    environment = {key: value for key, value in os.environ.items() if key != "QT_LOGGING_RULES"}
    subprocess.run(
        [sys.executable, "-c", LOOKING], cwd=checkout, env=environment, timeout=60, check=True, capture_output=True
    )

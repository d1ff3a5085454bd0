"""Samples through time: scrubbing, playing, looking back, pictures and texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from aigc_studio.ui.training.record import Shot
from aigc_studio.ui.training.strip import SampleStrip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "samples").mkdir()
    for number in range(12):
        Image.new("RGB", (60, 60), (20 * number, 0, 0)).save(tmp_path / "samples" / f"{number}.png")
    return tmp_path


def shots(count: int) -> list[Shot]:
    return [Shot(10 * number, f"samples/{number}.png") for number in range(count)]


@pytest.fixture
def strip(qtbot, folder: Path) -> SampleStrip:
    strip = SampleStrip()
    qtbot.addWidget(strip)
    strip.resize(600, 400)
    strip.show()
    strip.show_run(folder)
    strip.show_shots(shots(10))
    return strip


def step_of(strip: SampleStrip) -> int:
    """The step on show; -1 while there is none."""
    return strip.shot.step if strip.shot is not None else -1


def red(strip: SampleStrip) -> int:
    """How red the picture on the screen is; -1 while there is none."""
    view = strip.view.picture
    shown = view.other if view.other is not None else view.picture
    return QColor(shown.color_at(QPointF(5, 5))).red() if shown is not None else -1


def test_the_newest_sample_is_on_show_and_followed(qtbot, strip: SampleStrip) -> None:
    assert strip.shot == Shot(90, "samples/9.png")
    qtbot.waitUntil(lambda: red(strip) == 180)
    assert strip.step.text() == "Step 90  ·  10 of 10"
    strip.show_shots(shots(12))
    assert step_of(strip) == 110
    strip.show_place(3)
    strip.show_shots(shots(12)[:11])
    assert step_of(strip) == 30
    strip.show_shots(shots(2))  # the run went back before it
    assert step_of(strip) == 10


def test_slider_keys_and_film_go_through_time(qtbot, strip: SampleStrip) -> None:
    strip.slider.setFocus()
    qtbot.keyClick(strip.slider, Qt.Key.Key_Left)
    assert strip.place == 8
    qtbot.keyClick(strip.slider, Qt.Key.Key_Home)
    assert strip.place == 0
    qtbot.waitUntil(lambda: red(strip) == 0)
    strip.slider.setValue(4)
    qtbot.waitUntil(lambda: red(strip) == 80)
    qtbot.mouseClick(strip.film, Qt.MouseButton.LeftButton, pos=strip.film.cell(6).center())
    assert strip.place == 6
    assert strip.slider.value() == 6
    qtbot.keyClick(strip.view.picture, Qt.Key.Key_Right)
    assert strip.place == 7
    strip.show_step(23)
    assert step_of(strip) == 20


def test_arrows_move_a_picture_that_is_larger_than_the_view(qtbot, strip: SampleStrip) -> None:
    qtbot.waitUntil(lambda: red(strip) == 180)
    strip.view.picture.zoom(40.0)
    qtbot.keyClick(strip.view.picture, Qt.Key.Key_Left)
    assert strip.place == 9


def test_the_zoom_stays_while_scrubbing(qtbot, strip: SampleStrip) -> None:
    qtbot.waitUntil(lambda: red(strip) == 180)
    strip.view.picture.zoom(40.0)
    strip.show_place(2)
    qtbot.waitUntil(lambda: red(strip) == 40)
    assert strip.view.picture.transform.scale == 40.0


@pytest.mark.parametrize(("against", "wanted"), [("first", 0), ("previous", 100)])
def test_another_one_is_seen_while_a_key_is_down(qtbot, strip: SampleStrip, against: str, wanted: int) -> None:
    strip.against.setCurrentIndex(strip.against.findData(against))
    strip.show_place(6)
    qtbot.waitUntil(lambda: red(strip) == 120)
    qtbot.keyPress(strip.view.picture, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: red(strip) == wanted)
    assert "Step " + ("0" if against == "first" else "50") in strip.step.text()
    qtbot.keyRelease(strip.view.picture, Qt.Key.Key_Space)
    assert red(strip) == 120
    assert strip.place == 6


def test_it_plays_from_the_beginning_to_the_end(qtbot, strip: SampleStrip) -> None:
    strip._player.setInterval(1)
    seen: list[int] = []
    strip.stepChanged.connect(seen.append)
    qtbot.keyClick(strip.slider, Qt.Key.Key_P)
    assert strip.playing
    qtbot.waitUntil(lambda: not strip.playing)
    assert strip.place == 9
    assert seen == [10 * number for number in range(10)]
    strip.toggle_play()
    strip.hide()
    assert not strip.playing


def test_two_thousand_are_played_in_two_hundred_frames(qtbot, folder: Path, strip: SampleStrip) -> None:
    many = [Shot(number, texts=(f"text {number}",)) for number in range(2000)]
    strip.show_shots(many)
    strip._player.setInterval(0)
    seen: list[int] = []
    strip.stepChanged.connect(seen.append)
    strip.toggle_play()
    qtbot.waitUntil(lambda: not strip.playing)
    assert 190 < len(seen) < 210
    assert strip.place == 1999


def test_a_picture_that_is_gone_stops_nothing(qtbot, folder: Path, strip: SampleStrip) -> None:
    qtbot.waitUntil(lambda: red(strip) == 180)
    (folder / "samples" / "5.png").unlink()
    (folder / "samples" / "4.png").write_bytes(b"broken")
    strip.show_place(5)
    strip.show_place(4)
    strip.show_place(3)
    qtbot.waitUntil(lambda: red(strip) == 60)
    strip._player.setInterval(1)
    strip.toggle_play()
    qtbot.waitUntil(lambda: strip.place == 9 and not strip.playing)


def test_texts_are_read_like_pictures(qtbot, strip: SampleStrip) -> None:
    strip.show_run(Path("other"))
    strip.show_shots([Shot(0, texts=("before",)), Shot(5, texts=("after", "two"))])
    assert strip.view.text.toPlainText() == "after\n\n———\n\ntwo"
    assert not strip.film.isVisible()
    strip.hold(True)
    assert strip.view.text.toPlainText() == "before"
    strip.hold(False)
    assert strip.view.text.toPlainText().startswith("after")
    strip.show_run(None)
    assert strip.empty.isVisible()

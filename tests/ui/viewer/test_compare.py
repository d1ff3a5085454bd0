"""Two pictures compared: what is painted in each way, shapes that differ, and the words about it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QImage

from aigc_studio.ui.canvas.pyramid import build
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.viewer.compare import Compare
from aigc_studio.ui.viewer.pair_view import MODES, PairView, amplified, placed
from tests.ui.history.kit import fill

RED, BLUE = QColor(200, 40, 40), QColor(40, 40, 200)
REDS, BLUES = (200, 40, 40), (40, 40, 200)


def plain(color: QColor, width: int = 200, height: int = 100):
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(color)
    return build(image)


@pytest.fixture
def view(qtbot):
    view = PairView()
    qtbot.addWidget(view)
    view.resize(600, 400)
    view.show()
    view.set_picture(0, plain(RED))
    view.set_picture(1, plain(BLUE))
    return view


def at(view, x: float, y: float = 60) -> tuple[int, int, int]:
    """The colour at a point of the frame."""
    point = view.transform.to_view(QPointF(x, y)).toPoint()
    color = QColor(view.grab().toImage().pixel(point))
    return color.red(), color.green(), color.blue()


def test_the_slider_shows_one_picture_on_each_side(qtbot, view):
    view.set_split(0.5)
    assert at(view, 50) == REDS
    assert at(view, 150) == BLUES
    for _ in range(20):
        qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.split == pytest.approx(0.9)
    assert at(view, 150) == REDS
    handle = view.transform.to_view(QPointF(180, 50)).toPoint()
    end = view.transform.to_view(QPointF(20, 50)).toPoint()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=handle)
    qtbot.mouseMove(view, end)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)
    assert view.split == pytest.approx(0.1, abs=0.02)


def test_difference_is_black_where_both_are_equal(view):
    view.set_mode("difference")
    assert at(view, 50) == (160, 0, 160)
    view.set_picture(1, plain(RED))
    assert at(view, 50) == (0, 0, 0)
    view.set_picture(1, plain(QColor(203, 40, 40)))
    assert at(view, 50) == (3, 0, 0)
    view.set_stronger(True)
    assert at(view, 50) == (24, 0, 0)


def test_blink_shows_the_other_while_it_is_held(qtbot, view):
    view.set_mode("blink")
    assert at(view, 50) == REDS
    qtbot.keyPress(view, Qt.Key.Key_Space)
    assert at(view, 50) == BLUES
    qtbot.keyRelease(view, Qt.Key.Key_Space)
    assert at(view, 50) == REDS
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(300, 200))
    assert view.held
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(300, 200))
    assert not view.held


def test_side_by_side_both_have_the_same_view(view):
    view.set_mode("side")
    image = view.grab().toImage()
    middle = view.transform.to_view(QPointF(100, 60)).toPoint()
    assert QColor(image.pixel(middle)) == RED
    assert QColor(image.pixel(middle + QPoint(300, 0))) == BLUE
    view.zoom(4.0, QPointF(450, 200))  # in the second half
    assert view.transform.to_picture(QPointF(150, 200)).x() == pytest.approx(100, abs=1)
    view.set_mode("slider")
    assert view.transform.view.width() == 600


def test_a_picture_of_another_size_lies_over_the_first(view):
    view.set_picture(1, plain(BLUE, 50, 25))
    view.set_mode("blink")
    view.hold(True)
    assert at(view, 2, 2) == BLUES
    assert at(view, 197, 97) == BLUES
    view.hold(False)


@given(*(st.integers(1, 5000) for _ in range(4)))
def test_any_shape_is_placed_whole_in_the_middle_of_the_frame(width, height, across, down):
    place, frame = placed(QSize(width, height), QSize(across, down)), QSize(across, down)
    assert place.width() <= frame.width() + 1e-6
    assert place.height() <= frame.height() + 1e-6
    touches = abs(place.width() - frame.width()) < 1e-6 or abs(place.height() - frame.height()) < 1e-6
    assert touches
    assert place.width() * height == pytest.approx(place.height() * width)
    assert place.center().x() == pytest.approx(frame.width() / 2)


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 16), st.integers(0, 2**32 - 1))
def test_differences_are_amplified_and_end_at_white(width, height, factor, seed):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    values[..., 3] = 255
    image = QImage(values.tobytes(), width, height, width * 4, QImage.Format.Format_RGB32)
    strong = amplified(image, factor)
    found = np.frombuffer(strong.constBits(), np.uint8).reshape(height, strong.bytesPerLine())[:, : width * 4]
    expected = np.minimum(values[..., :3].astype(int) * factor, 255)
    assert (found.reshape(height, width, 4)[..., :3] == expected).all()


@pytest.fixture
def made(qtbot, studio):
    answers = []
    studio.store(fill, answers.append)
    qtbot.waitUntil(lambda: bool(answers))
    return answers[0]


def open_compare(qtbot, studio, one: str, two: str, **more) -> Compare:
    window = Compare(studio, studio.reader.asset(one), studio.reader.asset(two), **more)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: window._measured and None not in window.view._pictures)
    return window


def test_recipes_are_compared_in_words(qtbot, studio, made, qapp):
    window = open_compare(qtbot, studio, made["pictures"][0], made["edit"][0])
    assert window.rows() == [
        ("Task", "New picture", "Change this part"),
        ("Prompt", "霓虹 blue waves", "a red moon"),
        ("Seed", "7", "40"),
        ("Made from", "–", "picture"),
    ]
    assert window.measure.text() == "Every pixel is the same."
    window.swap()
    assert window.rows()[2] == ("Seed", "40", "7")
    for number, mode in enumerate(MODES):
        window.modes.button(number).click()
        assert window.view.mode == mode
        window.view.repaint()
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: window.measure.text() == "每个像素都相同。")
    switch_language(qapp, "en")
    window.close()


def test_pixels_that_differ_are_counted(qtbot, studio, made, tmp_path):
    one, two = made["pictures"][0], made["pictures"][1]
    path = studio.reader.path(studio.reader.asset(two))
    with Image.open(path) as image:
        changed = image.convert("RGB")
    changed.paste((255, 255, 255), (0, 0, 32, 48))
    other = tmp_path / "again.png"
    changed.save(other)
    window = open_compare(qtbot, studio, one, one, other=other)
    assert window.measure.text().startswith("50.0% of the pixels differ")
    assert window.rows() == []
    window.close()


def test_it_closes_with_its_project(qtbot, studio, made):
    window = open_compare(qtbot, studio, made["pictures"][0], made["pictures"][1])
    with qtbot.waitSignal(studio.projectClosed):
        studio.close_project()
    qtbot.waitUntil(window.isHidden)

"""Banners and the toast: what stays, what goes, and that nothing is shown twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from aigc_studio.core.errors import StudioError
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.widgets import banner as module
from aigc_studio.ui.widgets.banner import MOST, BannerArea
from aigc_studio.ui.widgets.toast import Toast


@pytest.fixture
def area(qtbot) -> Iterator[BannerArea]:
    """An area in a shown window."""
    window = QWidget()
    qtbot.addWidget(window)
    area = BannerArea(window)
    window.show()
    yield area  # noqa: PT022  a return would let the window go


def shown(area: BannerArea) -> list[str]:
    """The sentences a person sees."""
    return [each.text.text() for each in area.banners() if each.isVisible()]


def test_an_empty_area_takes_no_room(area: BannerArea) -> None:
    """And has none again after the last one is closed."""
    assert not area.isVisible()
    banner = area.show_ready("error", "One")
    assert area.isVisible()
    banner.close_button.click()
    assert not area.isVisible()


def test_the_newest_are_kept_and_none_is_shown_twice(area: BannerArea) -> None:
    """The same sentence again replaces itself."""
    for text in ("One", "Two", "Two", "Three", "Four"):
        area.show_ready("error", text)
    assert len(area.banners()) == MOST
    assert shown(area) == ["Two", "Three", "Four"]


def test_a_task_is_not_pushed_out(area: BannerArea) -> None:
    """Its cancel button must stay in reach."""
    asked: list[bool] = []
    task = area.show_task("Saving the package {name}", lambda: asked.append(True), name="x")
    for number in range(5):
        area.show_ready("error", str(number))
    assert not task.dismissed
    task.set_fraction(0.25)
    assert task.bar.value() == 250
    task.button.click()
    assert asked == [True]
    assert not task.button.isEnabled()


def test_one_that_goes_does_not_take_a_new_one_with_it(area: BannerArea, qapp: QApplication) -> None:
    """A task that ends with an error in the same event."""
    task = area.show_task("Saving the package {name}", lambda: None, name="x")
    area.show_error(StudioError("The disk is full; free some space and try again."))
    task.dismiss()
    qapp.processEvents()
    assert shown(area) == ["The disk is full; free some space and try again."]


def test_news_goes_by_itself_and_errors_stay(area: BannerArea, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs an answer waits for it."""
    monkeypatch.setattr(module, "INFO_MS", 20)
    monkeypatch.setattr(BannerArea, "busy", False)  # wherever the pointer is
    area.show_ready("error", "Stays")
    area.show_ready("info", "Goes")
    assert shown(area) == ["Stays", "Goes"]
    qtbot.waitUntil(lambda: shown(area) == ["Stays"])


def test_it_moves_nothing(qtbot) -> None:
    """Neither when it comes nor when it goes: a click goes to what one aimed at."""
    window = QWidget()
    window.resize(700, 400)
    qtbot.addWidget(window)
    field = QLineEdit(window)
    QVBoxLayout(window).addWidget(field)
    area = BannerArea(window)
    window.show()
    before = field.geometry()
    banner = area.show_ready("error", "Word " * 60)
    QApplication.processEvents()
    assert field.geometry() == before
    assert window.rect().contains(area.geometry())
    assert banner.text.height() >= banner.text.heightForWidth(banner.text.width())
    banner.dismiss()
    assert field.geometry() == before


def test_one_line_stands_in_the_middle_of_its_room(qtbot) -> None:
    """The room is where nothing else is; more than one line grows downwards."""
    window = QWidget()
    window.resize(900, 400)
    qtbot.addWidget(window)
    room = QRect(200, 0, 500, 60)
    area = BannerArea(window, room=lambda: room)
    window.show()
    area.show_ready("error", "One")
    assert room.contains(area.geometry())
    assert abs(area.geometry().center().y() - room.center().y()) <= 1
    for text in ("Two", "Three"):
        area.show_ready("error", text)
    assert (area.y(), area.x() >= room.x(), area.geometry().right() <= room.right()) == (0, True, True)
    first, *_, last = area.banners()
    assert last.y() > first.y()  # what is there stays where it is
    room.setWidth(400)
    window.resize(901, 400)
    assert area.geometry().right() <= room.right()


def test_news_that_is_read_stays(area: BannerArea, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keyboard, or the pointer, in it: what lies below must not get the click."""
    monkeypatch.setattr(module, "INFO_MS", 20)
    monkeypatch.setattr(module, "AGAIN_MS", 10)
    reading = [True]
    monkeypatch.setattr(BannerArea, "busy", property(lambda _area: reading[0]))
    banner = area.show_ready("info", "Read me")
    fired: list[bool] = []
    banner._timer.timeout.connect(lambda: fired.append(True))
    qtbot.waitUntil(lambda: len(fired) > 2)
    assert shown(area) == ["Read me"]
    reading[0] = False
    qtbot.waitUntil(lambda: shown(area) == [])


def test_a_press_in_the_moment_it_appears_is_no_answer(area: BannerArea, qtbot) -> None:
    """It was aimed at what was there before."""
    done: list[bool] = []
    banner = area.show_ready("error", "Broken", ("Try again", lambda: done.append(True)))
    qtbot.mouseClick(banner.button, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert done == []
    banner._settle()
    qtbot.mouseClick(banner.button, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert done == [True]


def test_the_keyboard_goes_there_and_back(qtbot) -> None:
    """By a key of the window's; Esc takes the banner away, and one goes on where one was."""
    window = QWidget()
    qtbot.addWidget(window)
    field = QLineEdit(window)
    area = BannerArea(window)
    window.show()
    window.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    assert not area.go_to()
    area.show_ready("error", "One")
    newest = area.show_ready("error", "Two", ("Try again", lambda: None))
    assert newest.accessibleName() == "Two"
    assert area.go_to()
    assert newest.button.hasFocus()
    assert newest.visited
    qtbot.keyClick(newest.button, Qt.Key.Key_Escape)
    assert area.banners()[0].close_button.hasFocus()
    qtbot.keyClick(area.banners()[0].close_button, Qt.Key.Key_Escape)
    assert area.banners() == []
    assert field.hasFocus()


def test_an_error_follows_the_language(area: BannerArea, qtbot, qapp: QApplication) -> None:
    """With its fields."""
    done: list[str] = []
    area.show_error(StudioError("The package is saved: {file}", file="/x"), ("Try again", lambda: done.append("again")))
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: shown(area) == ["项目包已保存：/x"])
    assert area.banners()[0].button.text() == "重试"
    switch_language(qapp, "en")
    area.banners()[0].button.click()
    assert done == ["again"]
    assert area.banners() == []


def test_the_toast_takes_back_the_last_thing(qtbot) -> None:
    """Once; a newer message replaces it; it stays within a small window."""
    window = QWidget()
    window.resize(500, 300)
    qtbot.addWidget(window)
    window.show()
    toast, undone = Toast(window), []
    toast.show_undo("First", lambda: undone.append(1))
    toast.show_undo("Second " * 40, lambda: undone.append(2))
    assert window.rect().contains(toast.geometry())
    toast.undo.click()
    assert undone == [2]
    assert not toast.isVisible()
    toast.show_undo("Third", None)
    assert not toast.undo.isVisible()
    window.resize(400, 280)
    assert window.rect().contains(toast.geometry())

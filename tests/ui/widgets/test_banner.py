"""Banners and the toast: what stays, what goes, and that nothing is shown twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QWidget

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
    area.show_ready("error", "Stays")
    area.show_ready("info", "Goes")
    assert shown(area) == ["Stays", "Goes"]
    qtbot.waitUntil(lambda: shown(area) == ["Stays"])


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

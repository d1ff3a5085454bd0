"""The whole window by the keyboard alone: Tab comes to every control of every panel, and each has a name to be read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QEventLoop, QPoint, Qt
from PySide6.QtGui import QAccessible, QContextMenuEvent
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QButtonGroup,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTextEdit,
    QWidget,
)

from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.settings import Settings
from aigc_studio.ui.canvas.view import Canvas
from aigc_studio.ui.main_window import MainWindow
from aigc_studio.ui.panels import PANELS
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import theme_of
from aigc_studio.ui.viewer.surface import Surface
from aigc_studio.ui.viewer.viewer import Viewer
from aigc_studio.ui.widgets.waveform import Waveform
from tests.ui.history.kit import fill

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    Canvas,
    Surface,
    Waveform,
)
WITHIN = (QAbstractSpinBox, QComboBox, QLineEdit, QAbstractItemView)
"""What is inside one of these belongs to it."""


def controls(window: QWidget) -> list[QWidget]:
    """Every control that a mouse could use now."""
    found = []
    for widget in window.findChildren(QWidget):
        above = widget.parentWidget()
        part = False
        while above is not None and above is not window:
            part = part or isinstance(above, WITHIN)
            above = above.parentWidget()
        usable = isinstance(widget, CONTROLS) and widget.isEnabled() and widget.isVisibleTo(window)
        if usable and not part and not isinstance(widget, QScrollBar) and widget.visibleRegion().isEmpty() is False:
            found.append(widget)
    return found


def walk(window: QWidget) -> list[QWidget]:
    """Where Tab goes, from where the keyboard is until it is there again."""
    seen: list[QWidget] = []
    for _ in range(400):
        focus = QApplication.focusWidget()
        assert focus is not None, "the keyboard is nowhere"
        if focus in seen:
            return seen
        seen.append(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    raise AssertionError("Tab does not come round")


def described(widget: QWidget) -> str:
    """For a message: what it is and where."""
    names = []
    at: QWidget | None = widget
    while at is not None and len(names) < 4:
        names.append(at.objectName() or type(at).__name__)
        at = at.parentWidget()
    text = widget.text() if isinstance(widget, QAbstractButton) else widget.toolTip()
    return f"{' < '.join(names)} {text!r}"


def reached(widget: QWidget, seen: list[QWidget]) -> bool:
    """By Tab, or by the arrows from another button of its group; a control may hand the keyboard to a part of it."""
    if widget in seen or any(widget.isAncestorOf(other) for other in seen):
        return True
    group: QButtonGroup | None = widget.group() if isinstance(widget, QAbstractButton) else None
    return group is not None and group.exclusive() and any(button in seen for button in group.buttons())


def spoken(widget: QWidget) -> str:
    """What an assistive program reads out."""
    interface = QAccessible.queryAccessibleInterface(widget)
    return interface.text(QAccessible.Text.Name) if interface is not None else ""


def wait(done: Callable[[], object]) -> None:
    """Until something is so, 20 seconds at most."""
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


@pytest.fixture(scope="module")
def window(qapp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MainWindow]:
    """One for all tests here, which leave the project as it is: making a window costs more than walking it."""
    folder = tmp_path_factory.mktemp("keyboard")
    settings = Settings(folder / "config")
    studio = Studio(settings)
    theme = theme_of()
    theme.choose("light")
    window = MainWindow(studio, settings, theme)
    window.resize(1400, 900)
    studio.create_project(folder / "project", "Keys")
    wait(lambda: studio.info)
    answers: list[object] = []
    studio.store(fill, answers.append)
    wait(lambda: answers)
    window.show()
    wait(window.isActiveWindow)
    yield window
    window.close()
    wait(lambda: not window.isVisible())
    studio.shutdown()
    window.deleteLater()
    qapp.processEvents()


@pytest.mark.parametrize("panel", [panel.id for panel in PANELS])
def test_every_control_is_reached_by_tab_and_has_a_name(window, panel):
    widget = window.show_panel(panel)
    assert widget is not None
    if panel == "assets":
        widget._grid.setCurrentIndex(widget._model.index(0, 0))
    if panel == "picture":
        asset = next(a for a in window.studio.reader.assets(AssetQuery()) if a.kind == "image")
        widget.open_asset(asset)
    wait(QApplication.focusWidget)
    QApplication.processEvents()
    seen = walk(window)
    there = controls(window)
    assert len(there) > 10
    missed = [described(each) for each in there if not reached(each, seen)]
    silent = [described(each) for each in there if not spoken(each).strip()]
    assert not missed, "Tab does not come to:\n" + "\n".join(missed) + "\nbut to:\n" + "\n".join(map(described, seen))
    assert not silent, "without a name:\n" + "\n".join(silent)


def test_the_menu_key_asks_for_the_menu_of_what_is_chosen(window):
    """In the lists of the panels, where the chosen row is."""
    for panel, view in (("assets", "_grid"), ("history", "_list")):
        widget = window.show_panel(panel)
        shown = getattr(widget, view)
        shown.menuRequested.disconnect(widget._menu)  # a menu would wait for an answer
        asked = QSignalSpy(shown.menuRequested)
        shown.setCurrentIndex(shown.model().index(1, 0))
        shown.setFocus()
        event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), shown.mapToGlobal(QPoint()))
        QApplication.sendEvent(shown.viewport(), event)
        place = shown.viewport().mapFromGlobal(asked.at(0)[0])
        assert shown.visualRect(shown.currentIndex()).contains(place)
        shown.menuRequested.connect(widget._menu)


def test_arrows_go_through_the_lists(qtbot, window):
    for panel, view, key in (("assets", "_grid", Qt.Key.Key_Right), ("history", "_list", Qt.Key.Key_Down)):
        widget = window.show_panel(panel)
        shown = getattr(widget, view)
        shown.setCurrentIndex(shown.model().index(0, 0))
        shown.setFocus()
        qtbot.keyClick(shown, key)
        assert shown.currentIndex().row() == 1


def test_the_project_is_left_by_keys_too(window):
    """Panels, settings and closing have keys; nothing of the menus is without a name."""
    for info, action in window.actions_table:
        assert action.text().strip(), info.id
    keys = {info.id: action.shortcut().toString() for info, action in window.actions_table}
    assert all(keys[f"panel.{panel.id}"] == f"Ctrl+{number}" for number, panel in enumerate(PANELS, 1))


def test_looking_at_pictures_over_the_whole_screen_and_back(qtbot, window):
    """F, arrows, Escape: the list is then where one has looked last, with the keyboard on it."""
    panel = window.show_panel("assets")
    panel._kinds.button(1).click()
    panel._grid.setCurrentIndex(panel._model.index(0, 0))
    panel._grid.setFocus()
    qtbot.keyClick(panel._grid, Qt.Key.Key_F)
    viewer = window.findChild(Viewer)
    assert viewer.isFullScreen()
    wait(viewer.isActiveWindow)
    qtbot.keyClick(viewer, Qt.Key.Key_PageDown)
    qtbot.keyClick(viewer, Qt.Key.Key_PageDown)
    looked_at = viewer.asset.id
    qtbot.keyClick(viewer, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: [asset.id for asset in panel._grid.assets()] == [looked_at])
    assert panel._grid.currentIndex().row() == 2
    history = window.show_panel("history")
    history.filters.kinds.button(1).click()
    wait(window.isActiveWindow)
    history._list.setFocus()
    qtbot.keyClick(history._list, Qt.Key.Key_F)
    viewer = next(each for each in window.findChildren(Viewer) if each.isVisible())
    viewer.step(2)
    looked_at = viewer.asset.id
    viewer.close()
    qtbot.waitUntil(lambda: history.details.asset.id == looked_at)

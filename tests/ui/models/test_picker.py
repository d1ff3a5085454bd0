"""The model picker: groups, search, memory, a model that vanishes, the keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from aigc_studio.core.i18n import set_language
from aigc_studio.ui.models.picker import ModelPicker
from aigc_studio.ui.models.picker_list import SEARCH_FROM, ModelList, grouped
from aigc_studio.ui.studio import Studio

from .entries import Shelf


@pytest.fixture
def picker(qtbot, quiet_studio: Studio, shelf: Shelf) -> Iterator[ModelPicker]:
    """A shown picker of picture models."""
    shelf.add("red", bytes=2_500_000_000)
    shelf.add("blue", family="painter")
    holder = QWidget()
    picker = ModelPicker(quiet_studio, "image", parent=holder)
    QVBoxLayout(holder).addWidget(picker)
    qtbot.addWidget(holder)
    holder.show()
    yield picker
    holder.close()


def opened(picker: ModelPicker) -> ModelList:
    """The picker's list, open."""
    picker.showPopup()
    found = picker._list
    assert found is not None
    assert found.isVisible()
    return found


def test_the_first_usable_model_is_chosen(picker: ModelPicker) -> None:
    """The catalogue's order says which."""
    assert picker.entry is not None
    assert picker.entry.id == picker.entries()[0].id
    assert picker.problem is None
    assert picker.currentText() == picker.entry.title


def test_a_choice_is_remembered_for_its_kind_and_task(
    qtbot, picker: ModelPicker, quiet_studio: Studio, shelf: Shelf
) -> None:
    """The next picker has it; one for a task of its own does not."""
    with qtbot.waitSignal(picker.entryChanged):
        assert picker.choose("red")
    again = ModelPicker(quiet_studio, "image")
    for_task = ModelPicker(quiet_studio, "image", "generate")
    qtbot.addWidget(again)
    qtbot.addWidget(for_task)
    assert again.entry == shelf.find("red")
    assert for_task.entry is not None
    assert for_task.entry.id != "red"
    assert not picker.choose("nothing like it")


def test_a_task_keeps_out_what_cannot_do_it(qtbot, quiet_studio: Studio, shelf: Shelf) -> None:
    """The painter knows no chat."""
    picker = ModelPicker(quiet_studio, "image", "chat")
    qtbot.addWidget(picker)
    assert picker.entry is None
    assert picker.entries() == []
    assert picker.currentText() == "No model"
    picker.show_task("inpaint")
    assert picker.entry is not None


def test_a_model_that_vanishes_keeps_its_place_and_says_so(
    qtbot, picker: ModelPicker, quiet_studio: Studio, shelf: Shelf
) -> None:
    """It comes back when its files do."""
    picker.choose("red")
    kept = shelf.find("red")
    shelf.remove("red")
    with qtbot.waitSignal(picker.entryChanged):
        quiet_studio.modelsChanged.emit()
    assert picker.entry == kept
    assert picker.problem is not None
    assert "Red" in str(picker.problem)
    attention = dict(grouped(picker._listed()))["attention"]
    assert [entry.id for entry, _ in attention] == ["red"]
    shelf.entries.append(kept)
    with qtbot.waitSignal(picker.entryChanged):
        quiet_studio.modelsChanged.emit()
    assert picker.problem is None


def test_nothing_is_said_when_nothing_changed(qtbot, picker: ModelPicker, quiet_studio: Studio) -> None:
    """Forms are not built again for nothing."""
    with qtbot.assertNotEmitted(picker.entryChanged):
        quiet_studio.modelsChanged.emit()


def test_models_stand_in_groups(picker: ModelPicker, shelf: Shelf) -> None:
    """Ready ones first, then what needs attention, then what is built in."""
    shelf.change("blue", missing=True)
    groups = {group: [entry.id for entry, _ in listed] for group, listed in grouped(picker._listed())}
    assert groups["ready"] == ["red"]
    assert groups["attention"] == ["blue"]
    assert list(groups) == ["ready", "attention", "built-in"]


def test_a_family_of_a_newer_version_is_listed_with_what_is_wrong(picker: ModelPicker, shelf: Shelf) -> None:
    """It may be there for another program."""
    shelf.add("future", family="telepathy")
    problem = next(problem for entry, problem in picker._listed() if entry.id == "future")
    assert problem is not None
    assert problem.code == "family"


def test_the_keyboard_opens_moves_and_chooses(qtbot, picker: ModelPicker) -> None:
    """Down opens, arrows move, Enter takes, Esc leaves all as it was."""
    before = picker.entry
    qtbot.keyClick(picker, Qt.Key.Key_Down)
    found = picker._list
    assert found is not None
    qtbot.keyClick(found.list, Qt.Key.Key_Escape)
    assert not found.isVisible()
    assert picker.entry == before
    listed = opened(picker)
    wanted = listed.choices()[0]
    assert wanted != before
    listed.list.setCurrentRow(0)
    qtbot.keyClick(listed.list, Qt.Key.Key_Down)
    assert listed.list.currentItem().text() == wanted.title
    chosen = listed.list.currentRow()
    qtbot.keyClick(listed.list, Qt.Key.Key_Home)
    assert listed.list.currentRow() == 1  # the first model, below the title of its group
    listed.list.setCurrentRow(chosen)
    qtbot.keyClick(listed.list, Qt.Key.Key_Return)
    assert not listed.isVisible()
    assert picker.entry == wanted


def test_escape_closes_the_list_before_it_stops_anything(qtbot, picker: ModelPicker) -> None:
    """Where it is a shortcut of the panel, too."""
    stopped: list[bool] = []
    panel = picker.parentWidget()
    assert panel is not None
    QShortcut(
        Qt.Key.Key_Escape, panel, lambda: stopped.append(True), context=Qt.ShortcutContext.WidgetWithChildrenShortcut
    )
    listed = opened(picker)
    qtbot.waitExposed(listed)
    override = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
    override.ignore()
    QApplication.sendEvent(listed.list, override)
    assert override.isAccepted()
    QTest.keyClick(listed.windowHandle(), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not listed.isVisible())
    assert not stopped


def test_many_models_can_be_searched(qtbot, picker: ModelPicker, shelf: Shelf) -> None:
    """By words of name and type, in any order."""
    assert opened(picker).search.isHidden()
    for number in range(SEARCH_FROM):
        shelf.add(f"model-{number}")
    listed = opened(picker)
    assert listed.search.isVisible()
    qtbot.keyClicks(listed.search, "3 mod")
    assert [entry.id for entry in listed.choices()] == ["model-3"]
    qtbot.keyClick(listed.search, Qt.Key.Key_Return)
    assert picker.entry is not None
    assert picker.entry.id == "model-3"
    listed = opened(picker)
    qtbot.keyClicks(listed.search, "zzz")
    assert listed.choices() == []
    assert listed.nothing.isVisible()


def test_what_else_can_be_done_is_asked_for(qtbot, picker: ModelPicker, quiet_studio: Studio) -> None:
    """The window has the dialogs."""
    with qtbot.waitSignal(quiet_studio.models.folderWanted):
        opened(picker).folder.click()
    with qtbot.waitSignal(quiet_studio.models.managerWanted):
        opened(picker).manage.click()


def test_titles_follow_the_language(qapp, picker: ModelPicker, shelf: Shelf) -> None:
    """Also that of what is built in."""
    picker.choose(next(entry.id for entry in shelf.models("image") if entry.folder is None))
    assert picker.entry is not None
    set_language("zh_CN")
    picker.retranslate()
    assert picker.currentText() == picker.entry.title
    assert not picker.currentText().isascii()

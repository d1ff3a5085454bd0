"""The field for a folder: dropped, chosen, taken off, translated; and sliders over very wide ranges."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog

from aigc_studio.engines.base import Family, Param, Task
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.widgets.fields import NumberField
from aigc_studio.ui.widgets.folder_field import FolderField
from aigc_studio.ui.widgets.form import ParamForm

FOLDER = Param.folder("data", "Pictures", of=("images",))


@pytest.fixture
def field(qtbot) -> FolderField:
    field = FolderField(FOLDER)
    qtbot.addWidget(field)
    field.resize(320, 80)
    field.show()
    return field


def drop(field: FolderField, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    rest = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(20, 40), *rest)
    field.dragEnterEvent(enter)
    assert enter.isAccepted()
    field.dropEvent(QDropEvent(QPointF(20, 40), *rest, QEvent.Type.Drop))


def test_a_dropped_folder_is_the_value(qtbot, field: FolderField, tmp_path: Path) -> None:
    with qtbot.waitSignal(field.changed):
        drop(field, tmp_path)
    assert field.value() == str(tmp_path)
    assert field.name.text() == tmp_path.name
    assert field.place.text() == str(tmp_path.parent)
    qtbot.mouseClick(field.clear, Qt.MouseButton.LeftButton)
    assert field.value() == ""
    assert field.clear.isHidden()
    assert field.browse.hasFocus()


def test_files_are_refused_in_words_and_a_folder_among_them_is_taken(qtbot, field: FolderField, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.touch()
    with qtbot.waitSignal(field.refused) as said:
        drop(field, file)
    assert "Drop the folder" in said.args[0]
    assert field.value() == ""
    with qtbot.waitSignal(field.changed):
        drop(field, file, tmp_path)
    assert field.value() == str(tmp_path)


def test_a_link_from_a_browser_is_left_alone(field: FolderField) -> None:
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/cat.png")])
    rest = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    event = QDragEnterEvent(QPoint(20, 40), *rest)
    event.accept()
    field.dragEnterEvent(event)
    assert not event.isAccepted()


def test_an_empty_zone_is_a_button(qtbot, field: FolderField, tmp_path: Path) -> None:
    qtbot.mouseClick(field, Qt.MouseButton.LeftButton, pos=field.zone.geometry().center())
    dialog = field.window().findChild(QFileDialog)
    assert dialog is not None
    dialog.fileSelected.emit(str(tmp_path))
    dialog.close()
    assert field.value() == str(tmp_path)


def test_it_speaks_both_languages(qtbot, field: FolderField, qapp, tmp_path: Path) -> None:
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: field.name.text() == "把文件夹拖到这里")
    field.set_value(str(tmp_path))
    assert field.browse.text() == "更换…"
    switch_language(qapp, "en")
    qtbot.waitUntil(lambda: field.browse.text() == "Change…")
    assert field.name.text() == tmp_path.name


def test_forms_have_it_and_leave_out_what_is_asked_for_elsewhere(qtbot, tmp_path: Path) -> None:
    params = (FOLDER, Param.int("steps", "Steps", 3, 1, 9), Param.text("name", "Name"))
    family = Family("folders", "training", "Folders", "", (Task("train", "Train"),), params)
    form = ParamForm(family, "train")
    qtbot.addWidget(form)
    form.set_values({"data": str(tmp_path)})
    assert form.values() == {"data": str(tmp_path), "steps": 3, "name": ""}
    without = ParamForm(family, "train", without=("data", "name"))
    qtbot.addWidget(without)
    without.set_values({"data": "x", "steps": 4})
    assert without.values() == {"steps": 4}


WIDE = [
    Param.int("steps", "Steps", 8000, 1, 5_000_000),
    Param.float("rate", "Rate", 1e-3, 1e-7, 1.0, 1e-5),
    Param.float("minutes", "Limit", 0.0, 0.0, 100_000.0, 1.0),
    Param.int("batch", "Batch", 32, 1, 4096),
]


@pytest.mark.parametrize("param", WIDE, ids=lambda param: param.id)
def test_a_slider_of_a_wide_range_has_room_around_the_default(qtbot, param: Param) -> None:
    field = NumberField(param)
    qtbot.addWidget(field)
    values = []
    for place in range(field.slider.maximum() + 1):
        field.slider.setValue(place)
        values.append(field.value())
    assert values == sorted(values)
    assert len(set(values)) > 50
    assert all(param.check(value) == value for value in values)
    if param.default:
        field.set_value(param.default)
        assert 0.2 < field.slider.value() / field.slider.maximum() < 0.8
        lower = sum(value < param.default for value in values)
        assert lower > 30
    else:
        field.slider.setValue(0)
        assert field.value() == 0


def test_what_is_typed_stays_as_it_is(qtbot) -> None:
    field = NumberField(WIDE[1])
    qtbot.addWidget(field)

    @given(st.floats(1e-7, 1.0))
    def check(value: float) -> None:
        field.set_value(value)
        assert field.value() == value
        assert 0 <= field.slider.value() <= field.slider.maximum()

    check()


def test_a_learning_rate_is_read_as_it_is_written(qtbot) -> None:
    field = NumberField(WIDE[1])
    qtbot.addWidget(field)
    for value, text in ((1e-3, "0.001"), (2.5e-5, "0.000025"), (1e-7, "0.0000001"), (1.0, "1")):
        field.set_value(value)
        assert field.spin.text() == text
        assert math.isclose(field.spin.value(), value)


def test_a_lowest_value_says_what_it_means(qtbot, qapp) -> None:
    param = Param.float("minutes", "Time limit", 0.0, 0.0, 100.0, 1.0, unit="min", least="no limit##time")
    field = NumberField(param)
    qtbot.addWidget(field)
    assert field.spin.text() == "no limit"
    field.set_value(5.0)
    assert field.spin.text() == "5 min"
    switch_language(qapp, "zh_CN")
    qapp.processEvents()
    field.set_value(0.0)
    assert field.spin.text() == "不限"
    switch_language(qapp, "en")
    field.spin.selectAll()
    qtbot.keyClicks(field.spin, "7")
    assert field.value() == 7.0

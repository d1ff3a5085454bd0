"""Fields for texts of several lines, parts and LoRA files: values, what is missing, the keyboard, drops."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from aigc_studio.core.i18n import tr
from aigc_studio.engines.base import Choice, Family, Param, Task
from aigc_studio.ui.widgets.form import ParamForm
from aigc_studio.ui.widgets.part_fields import LINES, LinesField, LorasField, ModelField
from tests.ui.models.entries import Shelf, stock

FAMILY = Family(
    "parts-family",
    "image",
    "Test",
    "",
    (Task("generate", "Generate"),),
    (
        Param.lines("negative", "Negative prompt"),
        Param.model("vae", "VAE", of=("vae:sdxl",)),
        Param.loras("loras", "LoRA", of=("lora:sdxl",)),
        Param.int("steps", "Steps", 30, 1, 100),
        Param.float("guidance", "Guidance", 5.0, 0.0, 20.0),
    ),
)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shelf:
    """Two LoRAs that fit, one that does not, no VAE."""
    shelf = stock(monkeypatch, tmp_path / "models")
    shelf.add_part("ink", "lora:sdxl", bytes=100_000_000)
    shelf.add_part("pixel", "lora:sdxl")
    shelf.add_part("old", "lora:sd1")
    return shelf


@pytest.fixture
def form(qtbot, shelf: Shelf) -> ParamForm:
    """A shown form."""
    form = ParamForm(FAMILY, "generate")
    qtbot.addWidget(form)
    form.resize(300, 700)
    form.show()
    return form


def loras_of(form: ParamForm) -> LorasField:
    field = form.fields["loras"]
    assert isinstance(field, LorasField)
    return field


def drop(field: QWidget, paths: Sequence[Path]) -> QDropEvent:
    """Drop files on a field, as the window system does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    actions, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), actions, data, button, keys)
    field.dragEnterEvent(enter)  # pyright: ignore[reportAttributeAccessIssue]
    event = QDropEvent(QPointF(5, 5), actions, data, button, keys)
    event.setAccepted(False)
    if enter.isAccepted():
        field.dropEvent(event)  # pyright: ignore[reportAttributeAccessIssue]
    return event


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufeff")
    ),
    loras=st.lists(st.tuples(st.sampled_from(["ink", "pixel", "gone"]), st.floats(-4, 4)), max_size=3),
)
def test_what_is_put_in_comes_out(form: ParamForm, text: str, loras: list[tuple[str, float]]) -> None:
    """Lines, and LoRAs in their order, those that are not here included."""
    lines = f"{text}\n{text}"
    form.set_values({"negative": lines, "loras": loras})
    assert form.values()["negative"] == lines
    assert form.values()["loras"] == [list(pair) for pair in loras]
    FAMILY.values("generate", form.values())


def test_lines_grow_and_then_scroll(qtbot, form: ParamForm) -> None:
    """From one line to four."""
    field = form.fields["negative"]
    assert isinstance(field, LinesField)
    heights = []
    for count in range(1, LINES + 3):
        field.set_value("\n".join("x" * count))
        heights.append(field.edit.height())
    assert heights[:LINES] == sorted(set(heights[:LINES]))
    assert heights[LINES - 1] == heights[-1]
    assert field.edit.verticalScrollBar().isVisible()


def test_tab_leaves_the_lines_and_ctrl_enter_is_the_panels(qtbot, form: ParamForm) -> None:
    """As in every other field."""
    field = form.fields["negative"]
    assert isinstance(field, LinesField)
    field.edit.setFocus()
    qtbot.keyClicks(field.edit, "grey")
    qtbot.keyClick(field.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert field.value() == "grey"
    qtbot.keyClick(field.edit, Qt.Key.Key_Return)
    assert field.value() == "grey\n"
    qtbot.keyClick(field.edit, Qt.Key.Key_Tab)
    assert "\t" not in field.value()


def test_a_model_field_says_what_to_add_where_there_is_none(form: ParamForm, shelf: Shelf) -> None:
    """And offers it when it has come."""
    field = form.fields["vae"]
    assert isinstance(field, ModelField)
    assert not field.hint.isHidden()
    assert "VAE" in field.hint.text()
    assert not field.combo.isEnabled()
    shelf.add_part("fine-vae", "vae:sdxl")
    form.refresh()
    assert field.hint.isHidden()
    field.combo.setCurrentIndex(1)
    field.combo.activated.emit(1)
    assert form.values()["vae"] == "fine-vae"
    shelf.remove("fine-vae")
    form.refresh()
    assert form.values()["vae"] == "fine-vae"
    assert "fine-vae" in field.combo.currentText()


def test_loras_are_added_by_the_menu_weighed_and_taken_off(qtbot, form: ParamForm) -> None:
    """The menu has those that fit and are not in use; the keyboard's place is kept."""
    field = loras_of(form)
    assert not field.empty.isHidden()
    field.menu.aboutToShow.emit()
    assert [action.text() for action in field.menu.actions()] == ["Ink", "Pixel"]
    with qtbot.waitSignal(form.changed):
        field.menu.actions()[0].trigger()
    assert form.values()["loras"] == [["ink", 1.0]]
    assert field.empty.isHidden()
    field.menu.aboutToShow.emit()
    assert [action.text() for action in field.menu.actions()] == ["Pixel"]
    field.rows[0].weight.spin.setValue(0.6)
    assert form.values()["loras"] == [["ink", 0.6]]
    field.rows[0].weight.slider.setValue(field.rows[0].weight.slider.maximum())
    assert form.values()["loras"] == [["ink", 2.0]]
    field.rows[0].remove.click()
    assert form.values()["loras"] == []
    assert field.add.hasFocus()


def test_a_lora_that_is_gone_is_marked_and_kept(form: ParamForm, shelf: Shelf) -> None:
    """It may lie on a drive that is away."""
    field = loras_of(form)
    field.set_value([["ink", 0.5]])
    assert field.rows[0].missing.isHidden()
    shelf.remove("ink")
    form.refresh()
    assert not field.rows[0].missing.isHidden()
    assert form.values()["loras"] == [["ink", 0.5]]


def test_a_dropped_file_is_added_when_it_fits_and_offered_when_it_is_new(
    qtbot, form: ParamForm, shelf: Shelf, tmp_path: Path
) -> None:
    """What is no LoRA file is left to others."""
    field = loras_of(form)
    known = shelf.find("ink").file
    new = tmp_path / "new.safetensors"
    assert known is not None
    assert drop(field, [known]).isAccepted()
    assert form.values()["loras"] == [["ink", 1.0]]
    with qtbot.waitSignal(form.fileDropped) as heard:
        drop(field, [new])
    assert heard.args == [field, new]
    assert not drop(field, [tmp_path / "picture.png"]).isAccepted()
    assert not field.add_entry(shelf.find("old"))


def test_a_model_with_other_defaults_keeps_its_own(qtbot, shelf: Shelf) -> None:
    """What a person chose goes along where the models agree: a distilled one has steps and guidance of its own."""
    params = {param.id: param for param in FAMILY.params}
    quick = Family(
        FAMILY.id,
        "image",
        "Quick",
        "",
        FAMILY.tasks,
        (params["negative"], Param.int("steps", "Steps", 4, 1, 100), params["guidance"]),
    )
    kept: dict[str, object] = {}

    class Memory:
        def state(self, key: str, default: object = None) -> object:
            return kept.get(key, default)

        def set_state(self, key: str, value: object) -> None:
            kept[key] = value

    form = ParamForm(FAMILY, "generate", memory=Memory())
    qtbot.addWidget(form)
    form.set_values({"steps": 50, "guidance": 7.5, "negative": "blur"})
    form.show_task(quick, "generate")
    assert form.values() == {"steps": 4, "guidance": 7.5, "negative": "blur"}
    later = ParamForm(FAMILY, "generate", memory=Memory())
    qtbot.addWidget(later)
    assert later.values()["steps"] == 50
    later.reset()
    assert kept["form/parts-family"] == {}


def test_hints_are_translated(qtbot, form: ParamForm) -> None:
    """Every hint has a Chinese one (see test_i18n); here that the field shows it."""
    holder = QWidget()
    QVBoxLayout(holder).addWidget(form)
    field = form.fields["vae"]
    assert isinstance(field, ModelField)
    assert field.hint.text() == tr("Add a VAE folder made for this kind of model to your models folder to use it here.")
    form.setParent(None)


def test_nothing_chosen_may_have_a_name_of_its_own(qtbot) -> None:
    field = ModelField(Param.model("vocoder", "Vocoder", ("vocoder:x",), choices=(Choice("", "Automatic"),)))
    qtbot.addWidget(field)
    assert (field.combo.itemText(0), field.value()) == ("Automatic", "")
    plain = ModelField(Param.model("vocoder", "Vocoder", ("vocoder:x",)))
    qtbot.addWidget(plain)
    assert plain.combo.itemText(0) == "None"

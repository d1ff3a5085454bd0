"""Forms: what is put in comes out, memory, tasks, keyboard, wheel, bad values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from aigc_studio.core.i18n import tr
from aigc_studio.core.requests import MAX_SEED
from aigc_studio.engines import registry
from aigc_studio.engines.base import Choice, Family, Param, Task
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.widgets.fields import SIZES, NumberField, SeedField, SizeField, TextField
from aigc_studio.ui.widgets.form import ParamForm, field_for

FAMILY = Family(
    "test-family",
    "image",
    "Test",
    "A family of tests.",
    (Task("generate", "Generate"), Task("inpaint", "Inpaint")),
    (
        Param.size("size", "Size", (1024, 768), 64, 8192),
        Param.int("steps", "Steps", 28, 1, 100),
        Param.float("scale", "Scale", 1.0, 0.1, 5.0, 0.05),
        Param.choice("symmetry", "Symmetry", "none", (Choice("none", "None"), Choice("mirror", "Mirror"))),
        Param.bool("tile", "Tile", False),
        Param.text("avoid", "Without"),
        Param.float("strength", "Strength", 0.8, 0.0, 1.0, tasks=("inpaint",)),
        Param.int("layers", "Layers", 4, 1, 12, advanced=True),
    ),
    max_count=64,
)

_NAMES = {"LoRA", "Top-k", "Top-p", "Min-p"}
"""Titles that are the same in both languages."""

VALUES = st.fixed_dictionaries(
    {
        "size": st.tuples(st.integers(64, 8192), st.integers(64, 8192)).map(list),
        "steps": st.integers(1, 100),
        "scale": st.floats(0.1, 5.0),
        "symmetry": st.sampled_from(["none", "mirror"]),
        "tile": st.booleans(),
        "avoid": st.text(
            st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufeff"),
            max_size=60,
        ),
        "layers": st.integers(1, 12),
    }
)


class Memory:
    """Settings without a file."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def state(self, key: str, default: Any = None) -> Any:
        return self.kept.get(key, default)

    def set_state(self, key: str, value: Any) -> None:
        self.kept[key] = value


@pytest.fixture
def form(qtbot) -> ParamForm:
    """A shown form with everything."""
    form = ParamForm(FAMILY, "generate", seed=True, count=True)
    qtbot.addWidget(form)
    form.show()
    return form


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=VALUES)
def test_what_is_put_in_comes_out(form: ParamForm, values: dict[str, Any]) -> None:
    """Exactly, floats too, and it always passes the family's own check."""
    form.set_values(values)
    assert form.values() == values
    FAMILY.values("generate", form.values())


def test_a_new_form_has_the_defaults(form: ParamForm) -> None:
    """As JSON types, so that a request can hold them."""
    assert form.values()["size"] == [1024, 768]
    assert form.values() | {"size": (1024, 768)} == FAMILY.values("generate", {})


@pytest.mark.parametrize(
    "values",
    [
        {"steps": 0},
        {"steps": "many"},
        {"size": [1, 1]},
        {"size": 5},
        {"symmetry": "odd"},
        {"tile": 1},
        {"unknown": 1},
        {"scale": None},
    ],
)
def test_values_that_do_not_fit_are_left_out(form: ParamForm, values: dict[str, Any]) -> None:
    """A recipe of another version changes what it can."""
    before = form.values()
    form.set_values(values | {"layers": 7})
    assert form.values() == before | {"layers": 7}


def test_changes_are_said_once(form: ParamForm, qtbot) -> None:
    """By the user and by the program; setting what is there says nothing."""
    heard = []
    form.changed.connect(lambda: heard.append(form.values()))
    form.set_values({"steps": 30})
    form.set_values({"steps": 30})
    assert len(heard) == 1


def test_values_are_remembered_by_family(qtbot) -> None:
    """The next form of the family has them; a task keeps what the other one knows."""
    memory = Memory()
    first = ParamForm(FAMILY, "inpaint", memory=memory)
    qtbot.addWidget(first)
    first.set_values({"steps": 55, "strength": 0.25})
    second = ParamForm(FAMILY, "generate", memory=memory)
    qtbot.addWidget(second)
    assert second.values()["steps"] == 55
    second.set_values({"scale": 2.5})
    third = ParamForm(FAMILY, "inpaint", memory=memory)
    qtbot.addWidget(third)
    assert third.values()["strength"] == 0.25
    assert third.values()["scale"] == 2.5


@pytest.mark.parametrize("kept", ["nonsense", 3, None, {"steps": "x"}, {"steps": 1e400}])
def test_a_broken_memory_gives_defaults(qtbot, kept: object) -> None:
    """The state file may hold anything."""
    memory = Memory()
    memory.kept["form/test-family"] = kept
    form = ParamForm(FAMILY, "generate", memory=memory)
    qtbot.addWidget(form)
    assert form.values()["steps"] == 28


def test_another_task_keeps_what_both_have(form: ParamForm) -> None:
    """And shows its own parameters."""
    form.set_values({"steps": 40})
    form.show_task(FAMILY, "inpaint")
    assert form.values()["steps"] == 40
    assert "strength" in form.values()
    form.show_task(FAMILY, "generate")
    assert "strength" not in form.values()


def test_what_tasks_mean_differently_stays_apart(qtbot) -> None:
    """A part that is made wholly anew (strength 1) must not make the next variation another picture."""
    vary = Param.float("strength", "Strength", 0.6, 0.05, 1.0, tasks=("variation",))
    part = Param.float("strength", "Strength", 1.0, 0.05, 1.0, tasks=("inpaint",))
    family = Family("two", "image", "Two", "", (Task("variation", "Vary"), Task("inpaint", "Part")), (vary, part))
    form = ParamForm(family, "inpaint", memory=Memory())
    qtbot.addWidget(form)
    assert form.values() == {"strength": 1.0}
    form.show_task(family, "variation")
    assert form.values() == {"strength": 0.6}
    form.fields["strength"].set_value(0.4)
    form.show_task(family, "inpaint")
    assert form.values() == {"strength": 1.0}
    form.fields["strength"].set_value(0.9)
    form.show_task(family, "variation")
    assert form.values() == {"strength": 0.4}


def test_the_drawer_is_closed_and_remembers(qtbot) -> None:
    """Advanced parameters are there, hidden, and keep their values."""
    memory = Memory()
    form = ParamForm(FAMILY, "generate", memory=memory)
    qtbot.addWidget(form)
    form.show()
    assert form.drawer_button is not None
    assert not form.fields["layers"].isVisible()
    form.drawer_button.click()
    assert form.fields["layers"].isVisible()
    again = ParamForm(FAMILY, "generate", memory=memory)
    qtbot.addWidget(again)
    again.show()
    assert again.fields["layers"].isVisible()


def test_reset_brings_the_defaults_back(form: ParamForm) -> None:
    """All of them."""
    defaults = form.values()
    form.set_values({"steps": 3, "size": [512, 512], "tile": True, "avoid": "fog", "layers": 9})
    form.reset()
    assert form.values() == defaults


@pytest.mark.parametrize("title", range(len(SIZES)))
def test_shapes_keep_the_area_and_the_step(qtbot, title: int) -> None:
    """And are named again when they are read back."""
    field = field_for(FAMILY.params[0])
    qtbot.addWidget(field)
    assert isinstance(field, SizeField)
    ratio = SIZES[title][1]
    field.shape.setCurrentIndex(title)
    field.shape.activated.emit(title)
    width, height = field.value()
    assert width % 8 == height % 8 == 0
    assert abs(width * height / (1024 * 768) - 1) < 0.05
    assert abs(width / height / ratio - 1) < 0.03
    assert field.shape.currentIndex() == title


def test_sides_are_swapped_and_typed(qtbot) -> None:
    """What is typed stays: engines work at any size, and 1080 x 1350 is asked for often."""
    field = SizeField(FAMILY.params[0])
    qtbot.addWidget(field)
    field.swap.click()
    assert field.value() == [768, 1024]
    field.width_spin.setValue(515)
    field.width_spin.editingFinished.emit()
    assert field.value() == [515, 1024]
    field.set_value([64, 8192])
    assert field.value() == [64, 8192]


def test_a_file_can_be_chosen(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path need not be typed; a dialog that is left leaves what was there."""
    field = field_for(Param.text("vector", "Vector", file=True))
    qtbot.addWidget(field)
    assert isinstance(field, TextField)
    assert field.browse is not None
    for chosen, shown in (("/somewhere/speaker.npy", "/somewhere/speaker.npy"), ("", "/somewhere/speaker.npy")):
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_given, chosen=chosen: (chosen, ""))
        field.browse.trigger()
        assert field.value() == shown
    assert field_for(Param.text("avoid", "Without")).browse is None  # pyright: ignore[reportAttributeAccessIssue]


def test_a_seed_is_new_unless_it_is_kept(qtbot) -> None:
    """Typing one keeps it."""
    field = SeedField()
    qtbot.addWidget(field)
    seeds = {field.take() for _ in range(8)}
    assert len(seeds) == 8
    field.keep(True)
    assert field.take() == field.take() == field.value()
    field.keep(False)
    field.edit.selectAll()
    qtbot.keyClicks(field.edit, "42")
    assert field.lock.isChecked()
    assert field.take() == 42
    field.set_value(MAX_SEED + 5)
    assert field.value() == MAX_SEED
    field.edit.selectAll()
    qtbot.keyClicks(field.edit, "9999999999")
    assert field.value() == MAX_SEED
    assert int(field.edit.text() or 0) in (MAX_SEED, 9999999999)
    field.edit.editingFinished.emit()
    assert field.edit.text() == str(MAX_SEED)


def test_the_wheel_scrolls_and_does_not_change(form: ParamForm, qtbot) -> None:
    """Unless the control has the focus."""
    slider = form.fields["steps"].findChild(QWidget, "qt_spinbox_lineedit")
    field = form.fields["steps"]
    field.clearFocus()
    form.setFocus()
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(field.slider, event)  # pyright: ignore[reportAttributeAccessIssue]
    assert field.value() == 28
    assert slider is not None


def test_every_control_can_be_reached_with_tab_and_has_a_name(form: ParamForm) -> None:
    """For the keyboard and for screen readers."""
    form.drawer_button.setChecked(True)  # pyright: ignore[reportOptionalMemberAccess]
    reached = set()
    child = form.nextInFocusChain()
    while child is not form and child is not None:
        if child.focusPolicy() & Qt.FocusPolicy.TabFocus and form.isAncestorOf(child) and child.isVisible():
            reached.add(child)
        child = child.nextInFocusChain()
    for field in (*form.fields.values(), form.seed_field, form.count_field):
        assert any(field is not None and field.isAncestorOf(widget) for widget in reached), field
    assert [widget for widget in reached if not (widget.accessibleName() or getattr(widget, "text", str)())] == []


@pytest.mark.parametrize("id", [family.id for family in registry.families()])
def test_every_family_has_a_form(qtbot, qapp: QApplication, id: str) -> None:
    """In both languages; its values pass its check, and no title is left in English."""
    family = registry.family(id)
    for task in family.tasks:
        form = ParamForm(family, task.id, seed=True, count=True)
        qtbot.addWidget(form)
        assert family.values(task.id, form.values()).keys() == form.values().keys()
        switch_language(qapp, "zh_CN")
        qtbot.waitUntil(
            lambda form=form: all(
                f.label.text() == tr(f.param.title) != f.param.title or f.label.text() in _NAMES
                for f in form.fields.values()
            )
        )
        switch_language(qapp, "en")


def test_units_follow_the_language(qtbot, qapp: QApplication) -> None:
    """A number's unit is a text like any other."""
    field = field_for(Param.int("most", "Most", 10, 1, 100, unit="tokens"))
    qtbot.addWidget(field)
    assert isinstance(field, NumberField)
    assert field.spin.suffix() == " tokens"
    switch_language(qapp, "zh_CN")
    qapp.processEvents()
    assert field.spin.suffix() == " 词元"

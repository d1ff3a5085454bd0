"""The form of the Picture panel: what a model cannot do, what it needs, what becomes of it when models come and go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.errors import StudioError
from aigc_studio.core.requests import Request
from aigc_studio.core.settings import Settings
from aigc_studio.engines import registry
from aigc_studio.engines.base import Family, Param
from aigc_studio.ui.picture import inspector as module
from aigc_studio.ui.picture.inspector import Inspector
from aigc_studio.ui.studio import Studio
from tests.ui.models.entries import Shelf, stock


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shelf:
    """A model that only makes new pictures, and one that needs the engine, with a size of its own."""
    declared = registry.declared
    shelf = stock(monkeypatch, tmp_path / "models")
    shelf.add("simple", role="simple")
    shelf.add("large", role="large")

    def fitted(id: str, facts: Mapping[str, Any]) -> Family:
        family = declared(id, facts)
        match facts.get("role"):
            case "simple":
                return replace(family, tasks=tuple(task for task in family.tasks if task.id == "generate"))
            case "large":
                params = tuple(param for param in family.params if param.id != "size")
                return replace(
                    family, needs="torch", params=(Param.size("size", "Size", (512, 512), 64, 1024), *params)
                )
        return family

    monkeypatch.setattr(registry, "declared", fitted)
    return shelf


@pytest.fixture
def inspector(qtbot, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inspector]:
    """A shown inspector; the engine is installed."""
    monkeypatch.setattr(module, "missing_engine", lambda _needs: None)
    studio = Studio(Settings(tmp_path / "config"))
    inspector = Inspector(studio)
    qtbot.addWidget(inspector)
    inspector.show()
    yield inspector
    studio.shutdown()


def test_what_a_model_cannot_do_is_disabled_and_says_why(inspector: Inspector) -> None:
    """The mode goes back to one that works; another model brings the others back."""
    inspector.set_mode("inpaint")
    assert inspector.model.choose("simple")
    assert inspector.mode == "generate"
    assert [inspector.modes.button(number).isEnabled() for number in range(3)] == [True, False, False]
    assert "Simple" in inspector.modes.button(1).toolTip()
    assert inspector.why_not() == ""
    inspector.set_mode("inpaint")  # a mask was painted all the same
    assert "Simple" in inspector.why_not()
    assert inspector.model.choose("large")
    assert all(inspector.modes.button(number).isEnabled() for number in range(3))
    assert inspector.modes.button(1).toolTip() == ""


def test_the_form_is_the_models_own(inspector: Inspector) -> None:
    """Its defaults too, within one family."""
    before = inspector.form.values()["size"]
    inspector.model.choose("large")
    assert inspector.form.values()["size"] == [512, 512]
    assert inspector.request().model == "large"
    assert inspector.model.choose("painter")
    assert inspector.form.values()["size"] == before


def test_the_missing_engine_is_offered(inspector: Inspector, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the model needs it, and until it is there."""
    monkeypatch.setattr(module, "missing_engine", lambda _needs: StudioError("not there", code="engine-missing"))
    inspector.model.choose("large")
    assert inspector.engine_note.isVisible()
    assert inspector.why_not()
    with qtbot.waitSignal(inspector.installRequested):
        inspector.engine_note.button.click()
    inspector.model.choose("painter")
    assert not inspector.engine_note.isVisible()
    assert inspector.why_not() == ""


def test_a_model_that_vanishes_blocks_until_it_is_back(inspector: Inspector, shelf: Shelf, qtbot) -> None:
    """The choice stays; the sentence stands below it."""
    inspector.model.choose("simple")
    kept = shelf.find("simple")
    shelf.remove("simple")
    with qtbot.waitSignal(inspector.modelChanged):
        inspector._studio.modelsChanged.emit()
    assert "Simple" in inspector.why_not()
    assert inspector.about.text() == inspector.why_not()
    assert inspector.request().model == "simple"
    shelf.entries.append(kept)
    with qtbot.waitSignal(inspector.modelChanged):
        inspector._studio.modelsChanged.emit()
    assert inspector.why_not() == ""


def test_a_recipe_brings_its_model_or_leaves_the_chosen_one(inspector: Inspector) -> None:
    """By id, by family where it names none; an unknown one changes nothing."""
    request = Request("image", "generate", "painter", "simple", "waves", {"detail": 0.25})
    inspector.use(request)
    assert inspector.request().model == "simple"
    assert inspector.form.values()["detail"] == 0.25
    inspector.use(request.changed(model="nowhere", params={"detail": 0.75}))
    assert inspector.request().model == "simple"
    inspector.use(request.changed(model="", params={}))
    assert inspector.family.id == "painter"


def test_the_link_below_the_prompt_opens_the_list(inspector: Inspector) -> None:
    """Also where there is nothing to choose: a model can be added there."""
    inspector.prompt.modelWanted.emit()
    assert inspector.model._list is not None
    assert inspector.model._list.isVisible()
    inspector.model.hidePopup()
    assert not inspector.model._list.isVisible()

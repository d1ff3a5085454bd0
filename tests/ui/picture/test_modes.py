"""Models that need no words, in the Picture panel's form: which modes are offered, what is hidden, what is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aigc_studio.core.requests import Request
from aigc_studio.core.settings import Settings
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.picture import inspector as module
from aigc_studio.ui.picture.inspector import Inspector
from aigc_studio.ui.picture.modes import MODES
from aigc_studio.ui.studio import Studio
from tests.ui.models.entries import Shelf, stock

TASKS = [task for task, _ in MODES]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shelf:
    """One model of each family of our own networks beside the painter."""
    shelf = stock(monkeypatch, tmp_path / "models")
    shelf.add("faces", family="gan", size=64, directions=3)
    shelf.add("soft", family="vae", size=32, directions=2)
    shelf.add("pieces", family="vqvae", size=32)
    shelf.add("dusk", family="translator", size=128, labels=["day", "dusk"])
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


def offered(inspector: Inspector) -> list[str]:
    """Tasks with a button."""
    return [task for number, task in enumerate(TASKS) if inspector.modes.button(number).isVisible()]


def test_each_model_offers_what_it_does(inspector: Inspector) -> None:
    """A model with words the usual three, and its own only where it has them; one mode alone needs no switch."""
    assert offered(inspector) == ["generate", "inpaint", "variation"]
    for model, tasks in {
        "faces": ["generate", "variation", "interpolate", "morph"],
        "soft": ["generate", "reconstruct", "interpolate", "morph"],
        "pieces": ["generate", "reconstruct"],
        "dusk": [],
        "painter": ["generate", "inpaint", "variation"],
    }.items():
        assert inspector.model.choose(model)
        assert offered(inspector) == tasks, model
        assert inspector.can(inspector.mode), model
        assert inspector.why_not() == "", model
        assert inspector.prompt.isVisible() == (model == "painter")


def test_four_modes_fit_into_the_narrowest_form(inspector: Inspector, qapp, qtbot) -> None:
    """Whichever is chosen, in both languages."""
    inspector.resize(inspector.minimumWidth(), 700)
    for language in ("zh_CN", "en"):
        switch_language(qapp, language)
        for model in ("soft", "faces"):
            inspector.model.choose(model)
            for task in ("generate", "interpolate", "morph"):
                inspector.set_mode(task)
                needed = inspector.switch.minimumSizeHint().width()
                qtbot.waitUntil(lambda needed=needed: needed <= inspector.minimumWidth() - 32)


def test_the_mode_goes_along_where_the_model_has_it(inspector: Inspector) -> None:
    """Else the model's first one is chosen: a translator's is its only one."""
    inspector.model.choose("soft")
    inspector.set_mode("interpolate")
    inspector.model.choose("faces")
    assert inspector.mode == "interpolate"
    inspector.model.choose("dusk")
    assert inspector.mode == "variation"
    inspector.model.choose("pieces")
    assert inspector.mode == "generate"


def test_the_form_has_what_the_model_needs(inspector: Inspector) -> None:
    """Sliders for its directions; neither seed nor number where chance has no part."""
    inspector.model.choose("faces")
    assert {"direction_1", "direction_3", "truncation", "sheet"} <= inspector.form.fields.keys()
    assert "direction_4" not in inspector.form.fields
    assert inspector.form.seed_field is not None
    assert inspector.form.count_field is not None
    inspector.set_mode("interpolate")
    assert {"frames", "end", "direction_1"} <= inspector.form.fields.keys()
    assert "sheet" not in inspector.form.fields
    inspector.model.choose("dusk")
    assert list(inspector.form.fields) == ["direction", "strength", "scale"]
    assert inspector.form.seed_field is None
    assert inspector.form.count_field is None
    assert inspector.request().count == 1
    inspector.prompt.set_text("words that nobody reads")
    assert inspector.request().prompt == ""
    assert inspector.go.text() == "Restyle"
    assert "other kind" in inspector.hint.text()


def test_the_button_says_what_it_does(inspector: Inspector, qapp, qtbot) -> None:
    """In both languages."""
    inspector.model.choose("soft")
    texts = {}
    for task in ("generate", "reconstruct", "interpolate", "morph"):
        inspector.set_mode(task)
        texts[task] = inspector.go.text()
    assert texts == {
        "generate": "Generate",
        "reconstruct": "Reconstruct",
        "interpolate": "Make a film strip",
        "morph": "Make a film strip",
    }
    switch_language(qapp, "zh_CN")
    try:
        qtbot.waitUntil(lambda: inspector.go.text() == "生成胶片条")
        assert [inspector.modes.button(number).text() for number in (3, 4)] == ["重建", "种子之间"]
    finally:
        switch_language(qapp, "en")


def test_a_part_was_painted_over_with_a_model_that_cannot_change_it(inspector: Inspector) -> None:
    """The mode is shown with the reason, and the way back."""
    inspector.model.choose("dusk")
    inspector.set_mode("inpaint")
    assert offered(inspector) == ["inpaint", "variation"]
    assert "Dusk" in inspector.why_not()
    inspector.modes.button(2).click()
    assert offered(inspector) == []
    assert inspector.why_not() == ""


def test_words_that_come_in_find_a_model_that_reads_them(inspector: Inspector) -> None:
    """From another panel or a drop."""
    inspector.model.choose("faces")
    inspector.take_prompt("blue waves")
    assert inspector.family.prompt
    assert inspector.prompt.isVisible()
    assert inspector.prompt.text() == "blue waves"
    assert inspector.mode == "generate"


def test_settings_come_back_in_their_own_mode(inspector: Inspector) -> None:
    """A film strip's recipe opens the film strip's form."""
    inspector.model.choose("painter")
    values = {"frames": 12, "truncation": 0.5, "direction_2": 1.5}
    inspector.use(Request("image", "interpolate", "gan", "faces", params=values, count=2), seed=7)
    assert inspector.model.entry is not None
    assert inspector.model.entry.id == "faces"
    assert inspector.mode == "interpolate"
    shown = inspector.form.values()
    assert {key: shown[key] for key in values} == values
    assert inspector.request().seed == 7


def test_directions_of_one_model_mean_nothing_to_another(inspector: Inspector, shelf: Shelf) -> None:
    """They begin in the middle; what means the same goes along, and so does everything within one model."""
    shelf.add("cats", family="gan", size=64, directions=3)
    inspector.model.choose("faces")
    inspector.form.set_values({"direction_1": 2.0, "truncation": 0.4})
    inspector.set_mode("interpolate")
    assert inspector.form.values()["direction_1"] == 2.0
    inspector.model.refresh()
    assert inspector.form.values()["direction_1"] == 2.0
    inspector.model.choose("cats")
    assert inspector.form.values()["direction_1"] == 0.0
    assert inspector.form.values()["truncation"] == 0.4
    inspector.form.set_values({"direction_2": -1.0})
    inspector.model.choose("soft")
    inspector.model.choose("cats")
    assert inspector.form.values()["direction_2"] == 0.0


def test_what_starts_from_a_picture(inspector: Inspector) -> None:
    """Is known to the panel, which asks for one."""
    inspector.model.choose("soft")
    found = {}
    for task in ("generate", "reconstruct", "interpolate", "morph"):
        inspector.set_mode(task)
        found[task] = inspector.from_picture
    assert found == {"generate": False, "reconstruct": True, "interpolate": False, "morph": True}
    assert inspector.start_mode() == "reconstruct"
    inspector.model.choose("dusk")
    assert inspector.from_picture
    assert inspector.start_mode() == "variation"
    inspector.model.choose("pieces")
    assert inspector.start_mode() == "reconstruct"

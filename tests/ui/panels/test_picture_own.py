"""The Picture panel with networks of our own: real torch in a real child, from a seed to a film strip and a restyle."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QItemSelectionModel

from aigc_studio.core import catalogue
from aigc_studio.core.assets import Asset
from aigc_studio.engines.interpreter import missing_engine
from aigc_studio.ui.panels.picture import PicturePanel
from tests.tiny import own

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing_engine("torch") is not None, reason="the engine group is not installed"),
]

TIMEOUT = 120_000


def made(qtbot, panel: PicturePanel, model: str, task: str, **values: object) -> Asset:
    """Choose, press the button, wait: the picture on show."""
    inspector = panel.inspector
    assert inspector.model.choose(model)
    inspector.set_mode(task)
    inspector.form.set_values(values)
    assert inspector.why_not() == ""
    before = len(panel.session.candidates)
    inspector.go.click()
    qtbot.waitUntil(lambda: len(panel.session.candidates) == before + 1 and panel.session.job is None, timeout=TIMEOUT)
    panel.session.choose(panel.session.candidates[-1])
    shown = panel.session.shown
    assert shown is not None
    return shown


def test_a_designers_round(qtbot, studio) -> None:
    """A picture of a seed, sliders, a film strip, a reconstruction, a walk to another picture, another style."""
    folder = catalogue.models_folder()
    own.make_gan(folder / "faces")
    own.make_vae(folder / "soft")
    own.make_translator(folder / "dusk")
    catalogue.rescan()
    panel = PicturePanel(studio)
    qtbot.addWidget(panel)
    panel.resize(1200, 800)
    panel.show()
    assert panel.welcome.isVisible()
    reader = studio.reader
    assert reader is not None

    panel.inspector.model.choose("dusk")
    assert "picture" in panel.inspector.go.toolTip()  # there is none to restyle yet

    first = made(qtbot, panel, "faces", "generate")
    assert (first.width, first.height) == (256, 256)
    seed = reader.recipe(first.id)["seed"]
    field = panel.inspector.form.seed_field
    assert field is not None
    field.set_value(seed)
    field.keep(True)
    moved = made(qtbot, panel, "faces", "generate", direction_1=3.0)
    with Image.open(reader.path(first)) as one, Image.open(reader.path(moved)) as other:
        assert not np.array_equal(np.asarray(one), np.asarray(other))
    strip = made(qtbot, panel, "faces", "interpolate", frames=5, columns=5, direction_1=0.0)
    assert (strip.width, strip.height) == (5 * 256, 256)

    panel.session.choose(first)
    before = len(panel.session.candidates)
    panel.acts["variation"].trigger()
    qtbot.waitUntil(lambda: len(panel.session.candidates) == before + 1 and panel.session.job is None, timeout=TIMEOUT)
    neighbour = reader.recipe(panel.session.candidates[-1].id)
    assert neighbour["request"]["task"] == "variation"
    assert neighbour["info"]["latent"]["z"] != reader.recipe(first.id)["info"]["latent"]["z"]

    panel.session.choose(first)
    again = made(qtbot, panel, "soft", "reconstruct")
    assert reader.parents(again.id) == [first.id]
    panel.session.choose(first)
    rows = [asset.id for asset in panel.strip.assets]
    for asset, flag in (
        (first, QItemSelectionModel.SelectionFlag.ClearAndSelect),
        (moved, QItemSelectionModel.SelectionFlag.Select),
    ):
        panel.strip.selectionModel().select(panel.strip.model().index(rows.index(asset.id), 0), flag)
    between = made(qtbot, panel, "soft", "morph", frames=3)
    assert reader.recipe(between.id)["request"]["inputs"] == {"image": first.id, "other": moved.id}
    assert set(reader.parents(between.id)) == {first.id, moved.id}

    panel.session.choose(strip)
    styled = made(qtbot, panel, "dusk", "variation", direction="back")
    assert (styled.width, styled.height) == (strip.width, strip.height)
    with qtbot.waitSignal(panel.noticed, timeout=TIMEOUT):  # there is no other one
        panel.acts["variation"].trigger()
    assert panel.session.job is None

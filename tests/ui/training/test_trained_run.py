"""What a real, tiny training leaves behind is watched, rated and told of."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from aigc_studio.core.requests import Request
from aigc_studio.core.runs import KEEP, RunFolder
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.training.watch import RunView
from tests.engines.context import FakeContext
from tests.training.pictures import make_folder

pytest.importorskip("torch")

from aigc_studio.training import vae  # noqa: E402  needs torch


def test_a_vae_is_watched(qtbot, studio: Studio, tmp_path: Path) -> None:
    assert studio.info is not None
    folder = studio.info.folder / "training" / "0123abcd"
    data = make_folder(tmp_path / "drawings", 12)
    given = {"size": "32", "latent": 8, "width": 8, "batch": 8, "sample_every": 2, "samples": 4, "steps": 6}
    given |= {"data": str(data), "name": "Shapes"}
    ctx = FakeContext()
    ctx.folder, ctx.values = folder, vae.FAMILY.values("train", given)
    vae.run(None, Request("training", "train", "train-vae", params=given, seed=4), ctx)
    view = RunView(studio)
    qtbot.addWidget(view)
    view.resize(600, 480)
    view.show()
    view.show_run(folder)
    qtbot.waitUntil(lambda: bool(view.results.samples))
    assert view.facts.text("step") == "6 of 6"
    assert "all steps" in view.facts.notes.text()
    assert [shot.step for shot in view.strip.shots] == [2, 4, 6]
    assert "validation/loss" in view.readers[0].record.series
    view.show_tab("samples")
    qtbot.waitUntil(lambda: view.strip.view.picture.picture is not None)
    view.show_tab("rate")
    assert view.ratings.samples.rowCount() == 4
    view.ratings.choose(0)
    qtbot.keyClick(view.ratings.grid, Qt.Key.Key_K)
    qtbot.waitUntil(lambda: KEEP in RunFolder(folder).ratings().values())
    view.show_tab("results")
    assert "held_out_error" in {row.key for row in view.figures.table.rows}
    assert "Shapes" in view.figures.card.toPlainText()

"""What every recipe for pictures does at its end: its samples are compared with the data, where that is possible."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.runs import RunFolder
from aigc_studio.training.evaluation import pictures
from tests.training.pictures import make_folder
from tests.training.test_vae import train


def test_the_samples_are_compared_with_the_data(tmp_path: Path) -> None:
    run = tmp_path / "training" / "0123abcd"
    train(run, make_folder(tmp_path / "data", 24), 10)
    summary = RunFolder(run).summary()
    assert summary is not None
    figures = summary.figures
    assert figures["network"] == "random network"
    assert figures["compared"] == 256
    assert 20 <= figures["compared_with"] <= 24
    assert {"frechet", "kernel", "diversity", "variety", "copying", "held_out_error"} <= figures.keys()
    told = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert len(told["nearest"]) == 4
    for row in told["nearest"]:
        assert (run / row["sample"]).is_file()
        assert (run / row["training"]).is_file()
    card = (Path(summary.model) / "README.md").read_text(encoding="utf-8")
    assert "| frechet |" in card
    assert "| network | random network |" in card


@pytest.mark.allow_log("ERROR")
def test_a_comparison_that_fails_costs_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(pictures, "measure_pictures", short)
    ctx = train(tmp_path / "run", make_folder(tmp_path / "data", 6), 3)
    summary = RunFolder(tmp_path / "run").summary()
    assert summary is not None
    assert summary.state == "done"
    assert "frechet" not in summary.figures
    assert any(params.get("reason") == "out of memory" for _, params in ctx.notices)

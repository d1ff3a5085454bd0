"""The encoder's recipe: it fills in what is hidden, goes on exactly after a stop, and tells pictures apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from aigc_studio.core.catalogue import inspect
from aigc_studio.core.runs import KEEP, RunFolder
from aigc_studio.nets import files
from aigc_studio.nets.masked import Encoder
from aigc_studio.training import masked, perception
from aigc_studio.training.images import prepare
from aigc_studio.training.learner import Settings
from aigc_studio.training.trainer import Trainer
from tests.engines.context import FakeContext
from tests.training.pictures import make_folder
from tests.training.recipes import finished, model_after, steps_kept_when_numbers_break_down, train

TINY = {"size": "32", "width": 24, "layers": 2, "batch": 4, "steps": 8, "samples": 2, "sample_every": 100}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten drawings."""
    return make_folder(tmp_path_factory.mktemp("drawings"), 10)


@pytest.mark.parametrize(("exercise", "steps"), [("masked", 140), ("denoise", 60)])
def test_it_learns_to_restore_what_was_taken(tmp_path: Path, exercise: str, steps: int) -> None:
    """Better than the mean of all pictures, which is what a network without sight would answer."""
    data = prepare(tmp_path / "data", make_folder(tmp_path / "in", 6), side=16, validation=0)
    values = masked.FAMILY.values(
        "train", {"batch": 12, "flip": False, "rate": 5e-3, "exercise": exercise, "hidden": 0.5}
    )
    torch.manual_seed(1)
    net = Encoder(size=16, patch=4, width=48, layers=2, heads=2, decoder_width=24, decoder_layers=1)
    learner = masked.MaskedLearner(net, data, values, 3)
    settings = Settings(steps=steps, ema=0.8, fall=0.5, sample_every=0, validate_every=0)
    trainer = Trainer(FakeContext(), RunFolder(tmp_path / "run"), learner, settings)
    trainer.run()
    real = data.batch(data.train)
    blind = float((real - real.mean(0)).square().mean())
    with torch.no_grad():
        assert float(learner._loss(trainer.average["encoder"], real.repeat(8, 1, 1, 1))) < 0.7 * blind


def test_a_run_that_is_paused_and_killed_makes_the_same_model(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {**TINY, "data": str(data)}
    whole = model_after(masked, tmp_path / "aaaa", params, monkeypatch)
    assert model_after(masked, tmp_path / "bbbb", params, monkeypatch, pauses=(3,), kills=(6,)) == whole


@pytest.mark.parametrize("exercise", ["masked", "denoise"])
def test_the_model_is_a_part_that_other_trainings_take(tmp_path: Path, data: Path, exercise: str) -> None:
    run = tmp_path / "training" / "0123abcd"
    train(masked, run, {**TINY, "data": str(data), "exercise": exercise, "validation": 0.3})
    folder = Path(finished(run).model)
    (entry,) = inspect(folder)
    assert (entry.kind, entry.facts["part"]) == ("part", perception.PART)
    assert files.load(folder).net.config()["size"] == 32
    figures = finished(run).figures
    assert {"held_out_loss", "found_again_by_features", "found_again_by_pixels"} <= set(figures)
    assert len(RunFolder(run).final_samples()) == 2


def test_samples_that_were_kept_are_no_data(tmp_path: Path, data: Path) -> None:
    """They show a picture three times side by side."""
    first, second = tmp_path / "training" / "first", tmp_path / "training" / "second"
    train(masked, first, {**TINY, "data": str(data), "steps": 1})
    RunFolder(first).rate(RunFolder(first).final_samples()[0].file, KEEP)
    train(masked, second, {**TINY, "data": str(data), "steps": 1, "start": "first"})
    assert RunFolder(second).info()["data"]["data"]["files"] == 10


def test_three_pictures_and_numbers_that_break_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = {**TINY, "data": str(make_folder(tmp_path / "in", 3))}
    train(masked, tmp_path / "three", {**params, "steps": 2})
    assert "held_out_loss" not in finished(tmp_path / "three").figures
    kept = steps_kept_when_numbers_break_down(masked, masked.MaskedLearner, tmp_path / "b", params, monkeypatch, at=3)
    assert kept == 3

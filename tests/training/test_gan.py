"""The GAN recipe: it learns its pictures, goes on exactly after a stop, and makes what the Picture panel makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import KEEP, RunFolder
from aigc_studio.engines.base import Model
from aigc_studio.engines.image import gan as family
from aigc_studio.nets.gan import Discriminator, Generator
from aigc_studio.training import checkpoint, gan
from aigc_studio.training.images import PreparedImages, prepare
from aigc_studio.training.learner import Settings
from aigc_studio.training.trainer import Trainer
from tests.engines.context import FakeContext
from tests.training.pictures import make_folder
from tests.training.recipes import (
    StoppedAt,
    finished,
    logged,
    model_after,
    steps_kept_when_numbers_break_down,
    train,
)

TINY = {"size": "32", "width": 4, "latent": 8, "batch": 4, "steps": 6, "samples": 3, "sample_every": 4}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine drawings."""
    return make_folder(tmp_path_factory.mktemp("drawings"), 9)


def farness(generator: torch.nn.Module, data: PreparedImages) -> float:
    """Mean distance of made pictures from the nearest real one, and of real ones from the nearest made one."""
    real = data.batch(data.train).flatten(1)
    with torch.no_grad():
        made = generator(torch.randn(64, 8, generator=torch.Generator().manual_seed(9))).flatten(1)
    apart = torch.cdist(made, real, p=1) / real.shape[1]
    return float(apart.min(1).values.mean() + apart.min(0).values.mean()) / 2


def test_it_learns_four_pictures_by_heart(tmp_path: Path) -> None:
    """Near to the real ones, and near to each of them: neither noise nor always the same."""
    data = prepare(tmp_path / "data", make_folder(tmp_path / "in", 4), side=8, validation=0)
    values = gan.FAMILY.values("train", {"batch": 16, "flip": False, "rate": 4e-3, "adaptive": False})
    torch.manual_seed(1)
    generator, critic = Generator(size=8, latent=8, width=16, widest=32), Discriminator(size=8, width=16, widest=32)
    learner = gan.GANLearner(generator, critic, data, values, 3)
    before = farness(generator, data)
    settings = Settings(steps=130, ema=0.9, clip=0.0, fall=0.5, sample_every=0, validate_every=0)
    trainer = Trainer(FakeContext(), RunFolder(tmp_path / "run"), learner, settings)
    trainer.run()
    assert farness(trainer.average["generator"], data) < 0.6 * before


def test_a_run_that_is_paused_or_killed_makes_the_same_model(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {**TINY, "data": str(data), "steps": 14}
    whole = model_after(gan, tmp_path / "aaaa", params, monkeypatch)
    assert model_after(gan, tmp_path / "bbbb", params, monkeypatch, pauses=(5,), kills=(10,)) == whole


def test_the_model_makes_the_same_pictures_in_the_picture_panel(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "training" / "0123abcd"
    ctx = train(gan, run, {**TINY, "data": str(data), "validation": 0.3, "licence": "CC0"})
    folder = Path(finished(run).model)
    model = Model("m", "gan", "M", folder)
    assert len(ctx.images) == 1
    painter = FakeContext(values=family.FAMILY.values("generate", {}))
    request = Request("image", "generate", "gan", seed=4, count=3)
    family.run(family.load(model, painter), request, painter)
    made = [np.asarray(saved.value, np.int16) for saved in painter.images]
    for index, picture in enumerate(made):
        kept = np.asarray(Image.open(run / RunFolder(run).final_samples()[index].file).convert("RGB"), np.int16)
        assert np.abs(kept - picture).max() <= 1  # rounding of float sums in another order
    assert {"variety", "variety_of_the_data", "augmentation"} <= set(finished(run).figures)
    assert "CC0" in (folder / "README.md").read_text(encoding="utf-8")
    loaded = family.load(model, painter)
    assert loaded.extra["directions"].shape == (8, 8)
    assert logged(run, "validation/critic_of_held_out")


def test_kept_samples_are_learned_from_the_weights_of_the_round_before(tmp_path: Path, data: Path) -> None:
    first, second = tmp_path / "training" / "first", tmp_path / "training" / "second"
    train(gan, first, {**TINY, "data": str(data), "steps": 2})
    RunFolder(first).rate(RunFolder(first).final_samples()[0].file, KEEP)
    train(gan, second, {**TINY, "data": str(data), "steps": 1, "start": "first", "rate": 1e-7})
    one = checkpoint.load_latest(first)["averages"]["generator"]
    two = checkpoint.load_latest(second)["modules"]["generator"]
    assert all(torch.allclose(one[name], two[name], atol=1e-4) for name in one)
    assert RunFolder(second).info()["data"]["data"]["files"] == 10


def test_without_a_network_that_redraws_it_is_another_training(tmp_path: Path, data: Path) -> None:
    """Both means for small sets can be left out; what was learned without them is not gone on with by chance."""
    run, params = tmp_path / "training" / "first", {**TINY, "data": str(data), "steps": 4}
    with pytest.raises(Cancelled):
        train(gan, run, {**params, "redraw": 0.0, "pull": 0.0}, StoppedAt(step=2))
    assert not logged(run, "redrawn")
    with pytest.raises(StudioError) as caught:
        train(gan, run, params)
    assert caught.value.code == "checkpoint"
    train(gan, run, {**params, "redraw": 0.0, "pull": 0.0})
    assert finished(run).step == 4
    train(gan, tmp_path / "training" / "second", params)
    assert logged(tmp_path / "training" / "second", "redrawn")
    assert logged(tmp_path / "training" / "second", "pulled")


def test_three_pictures_are_enough_and_it_is_said(tmp_path: Path) -> None:
    ctx = train(gan, tmp_path / "run", {**TINY, "data": str(make_folder(tmp_path / "in", 3)), "steps": 2})
    assert any(params.get("count") == 3 for _, params in ctx.notices)
    assert finished(tmp_path / "run").figures["variety_of_the_data"] > 0


def test_numbers_that_break_down_stop_it_and_what_was_learned_is_kept(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {**TINY, "data": str(data)}
    kept = steps_kept_when_numbers_break_down(gan, gan.GANLearner, tmp_path / "run", params, monkeypatch, at=3)
    assert kept == 3


@pytest.mark.parametrize("count", [2, 5])
def test_r1_is_the_squared_slope_of_the_scores(count: int) -> None:
    images = torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
    slope = torch.linspace(-1, 1, 48).reshape(3, 4, 4)
    expected = float(slope.square().sum())
    found = float(gan.penalty((images * slope).sum((1, 2, 3)), images).detach())
    assert found == pytest.approx(expected, rel=1e-5)


def test_hinge_losses_want_scores_beyond_one_and_no_further() -> None:
    sure = torch.full((4,), 3.0)
    assert float(gan.hinge_critic(sure, -sure)) == 0
    assert float(gan.hinge_critic(torch.zeros(4), torch.zeros(4))) == 2
    assert float(gan.hinge_critic(-sure, sure)) == 8
    assert float(gan.hinge_generator(sure)) == -3

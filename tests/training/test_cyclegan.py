"""The CycleGAN recipe: it recolours without pairs, goes on exactly after a stop, and fits the Picture panel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_studio.core.errors import StudioError
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunFolder
from aigc_studio.engines.base import Model
from aigc_studio.engines.image import translator as family
from aigc_studio.nets.translator import Patches, Translator
from aigc_studio.training import cyclegan
from aigc_studio.training.images import prepare
from aigc_studio.training.learner import Settings
from aigc_studio.training.trainer import Trainer
from tests.engines.context import FakeContext
from tests.training.pictures import make_folder
from tests.training.recipes import finished, model_after, steps_kept_when_numbers_break_down, train

TINY = {"size": "64", "width": 4, "blocks": 1, "batch": 1, "steps": 6, "samples": 1, "sample_every": 100}


def dark(folder: Path, other: Path) -> Path:
    """The drawings of `folder` with their light turned round, in the folder `other`: the same things, other colours."""
    other.mkdir()
    for path in sorted(folder.iterdir()):
        Image.fromarray(255 - np.asarray(Image.open(path))).save(other / f"night-{path.name}")
    return other


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Six light drawings and six dark ones, as the parameters name them."""
    place = tmp_path_factory.mktemp("kinds")
    light = make_folder(place / "day", 6)
    return {"data": str(light), "data_b": str(dark(light, place / "night"))}


def test_it_learns_to_turn_day_into_night(tmp_path: Path) -> None:
    """Backgrounds of near white become near black and the other way round; nothing says which belongs to which."""
    light = make_folder(tmp_path / "day", 6)
    prepared = [
        prepare(tmp_path / name, folder, side=16, validation=0)
        for name, folder in (("a", light), ("b", dark(light, tmp_path / "night")))
    ]
    values = cyclegan.FAMILY.values("train", {"batch": 4, "rate": 3e-3, "identity": 0.0, "cycle": 2.0})
    torch.manual_seed(1)
    net = Translator(size=16, width=8, blocks=1)
    critics = Patches(width=8, layers=1), Patches(width=8, layers=1)
    learner = cyclegan.CycleLearner(net, critics, (prepared[0], prepared[1]), values, 3)
    day, night = (data.batch(data.train) for data in prepared)
    with torch.no_grad():
        lost_before = float((net.back(net.there(day)) - day).abs().mean())
    settings = Settings(steps=50, ema=0.8, clip=0.0, fall=0.5, sample_every=0, validate_every=0)
    trainer = Trainer(FakeContext(), RunFolder(tmp_path / "run"), learner, settings)
    trainer.run()
    net = trainer.average["translator"]
    with torch.no_grad():
        there, back = net.there(day), net.back(night)
        assert float(there.mean()) < -0.3 < 0.3 < float(day.mean())
        assert float(back.mean()) > 0.3 > -0.3 > float(night.mean())
        assert float((net.back(there) - day).abs().mean()) < 0.5 * lost_before


def test_what_becomes_of_one_kind_is_compared_with_the_other(tmp_path: Path) -> None:
    """One that does nothing leaves light pictures far from dark ones; one that turns the light round does not."""
    light = make_folder(tmp_path / "day", 24)
    prepared = [
        prepare(tmp_path / name, folder, side=16, validation=0)
        for name, folder in (("a", light), ("b", dark(light, tmp_path / "night")))
    ]
    found = []
    for turns in (False, True):
        net = Translator(size=16, width=4, blocks=1)
        net.there.forward = net.back.forward = lambda image, turns=turns: -image if turns else image
        critics = Patches(width=4, layers=1), Patches(width=4, layers=1)
        values = cyclegan.FAMILY.values("train", {})
        learner = cyclegan.CycleLearner(net, critics, (prepared[0], prepared[1]), values, 3)
        trainer = Trainer(FakeContext(), RunFolder(tmp_path / "run"), learner, Settings(steps=0, ema=0.0))
        trainer.average = {"translator": net}
        found.append(learner.measure(trainer, []))
    assert found[0]["network"] == "random network"
    for name in ("frechet_a", "frechet_b", "kernel_a", "kernel_b"):
        assert found[1][name] < 0.1 * found[0][name], name


def test_a_run_that_is_paused_and_killed_makes_the_same_model(
    tmp_path: Path, folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cyclegan.Pool.__init__, "__defaults__", (3,))  # so that older pictures are shown soon
    params = {**TINY, **folders}
    whole = model_after(cyclegan, tmp_path / "aaaa", params, monkeypatch)
    assert model_after(cyclegan, tmp_path / "bbbb", params, monkeypatch, pauses=(2,), kills=(4,)) == whole


def test_the_model_restyles_in_the_picture_panel(tmp_path: Path, folders: dict[str, str]) -> None:
    """The same picture through the family is what the recipe kept as its sample."""
    run = tmp_path / "training" / "0123abcd"
    train(cyclegan, run, {**TINY, **folders, "validation": 0.2})
    model = Model("m", "translator", "M", Path(finished(run).model))
    sheet = Image.open(run / RunFolder(run).final_samples()[0].file)
    picture, kept = sheet.crop((0, 0, 64, 64)), np.asarray(sheet.crop((64, 0, 128, 64)), np.int16)
    picture.save(tmp_path / "p.png")
    painter = FakeContext(
        values=family.FAMILY.values("variation", {"direction": "there"}), inputs={"image": tmp_path / "p.png"}
    )
    loaded = family.load(model, painter)
    assert loaded.labels == ("day", "night")
    family.run(loaded, Request("image", "variation", "translator", inputs={"image": "x"}), painter)
    assert np.abs(np.asarray(painter.images[0].value, np.int16) - kept).max() <= 1
    assert {"held_out_cycle_a", "changed_a", "changed_b"} <= set(finished(run).figures)


def test_three_pictures_of_each_kind_and_numbers_that_break_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    light = make_folder(tmp_path / "day", 3)
    params = {**TINY, "data": str(light), "data_b": str(dark(light, tmp_path / "night"))}
    train(cyclegan, tmp_path / "three", {**params, "steps": 2})
    assert finished(tmp_path / "three").figures["changed_a"] > 0
    kept = steps_kept_when_numbers_break_down(
        cyclegan, cyclegan.CycleLearner, tmp_path / "broken", params, monkeypatch, at=2
    )
    assert kept == 2


@pytest.mark.parametrize("missing", ["data", "data_b"])
def test_both_folders_are_asked_for(tmp_path: Path, folders: dict[str, str], missing: str) -> None:
    with pytest.raises(StudioError) as caught:
        train(cyclegan, tmp_path / "run", {**TINY, **folders, missing: ""})
    assert caught.value.code.startswith("data")


def test_a_pool_gives_new_pictures_until_it_is_full_and_then_half_of_the_old_ones() -> None:
    torch.manual_seed(1)
    pool = cyclegan.Pool(4)
    first = torch.arange(4.0).reshape(4, 1, 1, 1)
    assert torch.equal(pool.exchange(first), first)
    before = pool.pictures
    given = torch.cat([pool.exchange(torch.full((1, 1, 1, 1), 10.0 + number)) for number in range(200)])
    newest = torch.arange(10.0, 210.0)
    old = (given.flatten() != newest).float().mean()
    assert 0.35 < float(old) < 0.65
    assert [float(picture) for picture in before] == [0, 1, 2, 3]  # what a checkpoint holds is not changed
    assert len(pool.pictures) == 4

"""What every picture recipe does with folders that are empty, that go away, and that hold a hundred thousand files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.runs import RunFolder
from aigc_studio.nets.gan import Discriminator, Generator
from aigc_studio.nets.masked import Encoder
from aigc_studio.nets.translator import Patches, Translator
from aigc_studio.nets.vqvae import VQVAE
from aigc_studio.training import checkpoint, cyclegan, gan, masked, vqvae
from aigc_studio.training.learner import Settings
from aigc_studio.training.trainer import Trainer
from tests.engines.context import FakeContext
from tests.training.pictures import make_folder
from tests.training.recipes import StoppedAt, finished, train

SMALL: dict[ModuleType, dict[str, Any]] = {
    gan: {"size": "32", "width": 4, "latent": 8},
    vqvae: {"size": "32", "width": 4, "codes": 8, "prior": 24},
    cyclegan: {"size": "64", "width": 4, "blocks": 1},
    masked: {"size": "32", "width": 24, "layers": 1},
}
RECIPES = pytest.mark.parametrize("recipe", SMALL, ids=lambda recipe: recipe.FAMILY.id)


@RECIPES
def test_an_empty_folder_is_said(recipe: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no picture", encoding="utf-8")
    with pytest.raises(StudioError) as caught:
        train(recipe, tmp_path / "run", {**SMALL[recipe], "data": str(tmp_path / "in"), "data_b": str(tmp_path / "in")})
    assert caught.value.code == "data-empty"


@RECIPES
def test_a_folder_that_went_away_is_not_needed_any_more(recipe: ModuleType, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "in", 4)
    shutil.copytree(folder, tmp_path / "other")
    params = {
        **SMALL[recipe],
        "data": str(folder),
        "data_b": str(tmp_path / "other"),
        "batch": 2,
        "steps": 3,
        "samples": 1,
    }
    with pytest.raises(Cancelled):
        train(recipe, tmp_path / "run", params, StoppedAt(step=1))
    shutil.rmtree(folder)
    shutil.rmtree(tmp_path / "other")
    train(recipe, tmp_path / "run", params)
    assert finished(tmp_path / "run").step == 3


@RECIPES
@pytest.mark.parametrize("share", [0.1, 0.6, 0.95])
def test_a_brake_in_the_middle_of_a_step_loses_no_step(recipe: ModuleType, share: float, tmp_path: Path) -> None:
    """The engine stops torch at the next forward of any network: what was learned before that step is kept."""
    forwards = [0, 0]
    most = np.inf

    def count(_module: Any, _args: Any) -> None:
        if learning.step == 1 and forwards[1] > most:
            raise Cancelled
        forwards[learning.step] += 1

    def trainer(folder: Path, steps: int) -> Trainer:
        learner = learner_of(recipe, Many(), recipe.FAMILY.values("train", {"batch": 4}))
        settings = Settings(steps=steps, ema=0.5, sample_every=0, validate_every=0)
        return Trainer(FakeContext(), RunFolder(folder), learner, settings)

    learning, other = trainer(tmp_path / "counted", 2), trainer(tmp_path, 3)
    brake = torch.nn.modules.module.register_module_forward_pre_hook(count)
    try:
        learning.run()
        most, forwards[1] = share * forwards[1], 0
        learning = other
        with pytest.raises(Cancelled):
            learning.run()
    finally:
        brake.remove()
    kept = checkpoint.load_latest(tmp_path)
    assert kept["step"] == 1
    again = learner_of(recipe, Many(), recipe.FAMILY.values("train", {"batch": 4}))
    whole = Trainer(FakeContext(), RunFolder(tmp_path / "whole"), again, Settings(steps=1, ema=0.5, sample_every=0))
    whole.run()
    found = checkpoint.load_latest(tmp_path / "whole")
    for name, weights in kept["modules"].items():
        for key, value in weights.items():
            assert torch.equal(value, found["modules"][name][key]), f"{name}.{key}"


class Many:
    """A hundred thousand pictures of 8 px that are drawn when they are asked for, and counted."""

    def __init__(self) -> None:
        self.train, self.validation = np.arange(90_000), np.arange(90_000, 100_000)
        self.sizes = [(8, 8)] * 100_000
        self.asked = 0

    def choose(self, step: int, count: int, seed: int, part: str = "train") -> np.ndarray:
        return np.random.default_rng((seed, step)).integers(0, 90_000, count)

    def held_out(self, most: int) -> np.ndarray:
        return self.validation[:most]

    def batch(self, indices: np.ndarray, *_: Any) -> torch.Tensor:
        assert len(indices) <= 256
        self.asked += len(indices)
        return torch.rand(len(indices), 3, 8, 8, generator=torch.Generator().manual_seed(int(indices[0]))) * 2 - 1


def learner_of(recipe: ModuleType, data: Any, values: dict[str, Any]) -> Any:
    """A very small one of each recipe, the same each time."""
    torch.manual_seed(1)
    makers: dict[ModuleType, Callable[[], Any]] = {
        gan: lambda: gan.GANLearner(Generator(8, 4, 4, 4), Discriminator(8, 4, 4), data, values, 1),
        vqvae: lambda: vqvae.VQVAELearner(VQVAE(8, 4, 8, 4, 2, 3, 8, 1, 1), data, values, 1),
        cyclegan: lambda: cyclegan.CycleLearner(
            Translator(8, 4, 1), (Patches(4, 1), Patches(4, 1)), (data, data), values, 1
        ),
        masked: lambda: masked.MaskedLearner(Encoder(8, 4, 3, 8, 1, 1, 8, 1), data, values, 1),
    }
    return makers[recipe]()


@RECIPES
def test_a_hundred_thousand_pictures_cost_no_more_looking_than_a_few(recipe: ModuleType, tmp_path: Path) -> None:
    data = Many()
    learner = learner_of(recipe, data, recipe.FAMILY.values("train", {"batch": 4}))
    settings = Settings(steps=2, ema=0.5, sample_every=2, validate_every=2)
    trainer = Trainer(FakeContext(), RunFolder(tmp_path / "run"), learner, settings)
    trainer.run()
    with torch.no_grad():
        made = list(learner.final(trainer, 2))
        figures = learner.measure(trainer, made)
    assert len(made) == 2
    assert figures
    assert 0 < data.asked < 6000

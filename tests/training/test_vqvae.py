"""The VQ-VAE recipe: pieces first, then how they go together, in one run that goes on exactly after a stop."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_studio.core.errors import StudioError
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunFolder
from aigc_studio.engines.base import Model
from aigc_studio.engines.image import vqvae as family
from aigc_studio.nets import files
from aigc_studio.nets.masked import Encoder
from aigc_studio.nets.vqvae import VQVAE
from aigc_studio.training import vqvae
from aigc_studio.training.images import prepare
from aigc_studio.training.learner import Settings
from aigc_studio.training.perception import Perception
from aigc_studio.training.trainer import Trainer
from tests.engines.context import FakeContext
from tests.training.pictures import make_folder
from tests.training.recipes import finished, logged, model_after, steps_kept_when_numbers_break_down, train

TINY = {"size": "32", "width": 4, "codes": 16, "prior": 24, "batch": 4, "steps": 6, "samples": 1, "sample_every": 100}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine drawings."""
    return make_folder(tmp_path_factory.mktemp("drawings"), 9)


def test_it_learns_four_pictures_by_heart_and_writes_them(tmp_path: Path) -> None:
    """What it makes from seeds is near to one of them, though no seed was ever learned."""
    data = prepare(tmp_path / "data", make_folder(tmp_path / "in", 4), side=8, validation=0)
    values = vqvae.FAMILY.values("train", {"batch": 8, "flip": False, "rate": 5e-3, "codes": 16})
    torch.manual_seed(1)
    net = VQVAE(size=8, width=16, codes=16, code_width=8, halvings=1, prior_width=24, layers=1, heads=2)
    learner = vqvae.VQVAELearner(net, data, values, 3)
    untrained = copy.deepcopy(net)
    settings = Settings(steps=130, ema=0.9, fall=0.3, sample_every=0, validate_every=0)
    trainer = Trainer(FakeContext(), RunFolder(tmp_path / "run"), learner, settings)
    trainer.run()
    real = data.batch(data.train)
    apart = []
    for each in (trainer.average["vqvae"], untrained):
        drawn = [list(each.prior.draw(torch.Generator().manual_seed(seed), temperature=0.5))[-1] for seed in range(4)]
        with torch.no_grad():
            made = each.decode(torch.stack(drawn))
        near = torch.cdist(made.flatten(1), real.flatten(1), p=1) / real[0].numel()
        apart.append(float(near.min(1).values.mean()))
    assert apart[0] < 0.35 * apart[1]


def test_a_run_that_is_paused_and_killed_in_either_phase_makes_the_same_model(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {**TINY, "data": str(data)}
    whole = model_after(vqvae, tmp_path / "aaaa", params, monkeypatch)
    assert model_after(vqvae, tmp_path / "bbbb", params, monkeypatch, pauses=(2,), kills=(4,)) == whole


def test_the_pieces_are_settled_when_the_writing_begins(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "training" / "0123abcd"
    train(vqvae, run, {**TINY, "data": str(data), "sample_every": 2, "validation": 0.3})
    lines, _ = RunFolder(run).read()
    values = [line["values"] for line in lines if "values" in line]
    assert any("error" in each for each in values)
    assert any("writing" in each for each in values)
    last = [each for each in values if "validation/error" in each]
    assert "validation/loss" not in last[0]  # of the pieces: no early stop is decided by it
    assert "validation/loss" in last[-1]
    assert {"pieces_used", "held_out_error", "held_out_nats_per_piece"} <= set(finished(run).figures)


def test_the_model_makes_the_same_pictures_in_the_picture_panel(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "training" / "0123abcd"
    train(vqvae, run, {**TINY, "data": str(data), "steps": 4})
    model = Model("m", "vqvae", "M", Path(finished(run).model))
    painter = FakeContext(values=family.FAMILY.values("generate", {}))
    request = Request("image", "generate", "vqvae", seed=4, count=1)
    family.run(family.load(model, painter), request, painter)
    for sample, saved in zip(RunFolder(run).final_samples(), painter.images, strict=True):
        kept = np.asarray(Image.open(run / sample.file).convert("RGB"), np.int16)
        assert np.abs(kept - np.asarray(saved.value, np.int16)).max() <= 1


def test_an_encoder_may_judge_and_a_damaged_one_is_said(tmp_path: Path, data: Path) -> None:
    torch.manual_seed(2)
    folder = tmp_path / "eye"
    folder.mkdir()
    files.save(folder, Encoder(size=16, patch=4, width=24, layers=2, heads=2, decoder_width=24, decoder_layers=1))
    part = Model("eye", "", "Eye", folder)
    params = {**TINY, "data": str(data), "steps": 3, "encoder": "eye"}
    train(vqvae, tmp_path / "run", params, FakeContext(parts={"eye": part}))
    assert logged(tmp_path / "run", "seen_error")[0] > 0
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(StudioError) as caught:
        train(vqvae, tmp_path / "other", params, FakeContext(parts={"eye": part}))
    assert caught.value.code.startswith("model")


def test_what_an_encoder_sees_is_lowered_by_its_slope() -> None:
    torch.manual_seed(2)
    seen = Perception(Encoder(size=8, patch=4, width=24, layers=2, heads=2, decoder_width=24, decoder_layers=1))
    goal, image = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8, requires_grad=True)
    first = seen.distance(image, goal)
    (slope,) = torch.autograd.grad(first, image)
    assert float(seen.distance(image - 0.1 * slope / slope.norm(), goal).detach()) < float(first.detach())


def test_three_pictures_and_numbers_that_break_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = {**TINY, "data": str(make_folder(tmp_path / "in", 3))}
    train(vqvae, tmp_path / "three", {**params, "steps": 4})
    assert finished(tmp_path / "three").figures["pieces_used"] >= 1
    kept = steps_kept_when_numbers_break_down(vqvae, vqvae.VQVAELearner, tmp_path / "b", params, monkeypatch, at=2)
    assert kept == 2


def test_an_end_before_the_writing_is_said(tmp_path: Path, data: Path) -> None:
    ctx = train(vqvae, tmp_path / "early", {**TINY, "data": str(data), "steps": 1, "share": 0.9})
    assert any("only reconstructions" in text for text, _ in ctx.notices)
    ctx = train(vqvae, tmp_path / "whole", {**TINY, "data": str(data), "steps": 2})
    assert not any("only reconstructions" in text for text, _ in ctx.notices)


@pytest.mark.parametrize(("side", "codes"), [(8, 4), (32, 8), (64, 8), (128, 16), (256, 16)])
def test_the_square_of_codes_is_small_enough_to_be_written(side: int, codes: int) -> None:
    assert side >> vqvae.halvings(side) == codes

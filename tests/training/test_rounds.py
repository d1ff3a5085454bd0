"""Data, train, generate, evaluate, feedback, train: what a person keeps is what the next rounds make more of."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_studio.core.project import Project
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import KEEP, REJECT, RunFolder, Sample
from aigc_studio.engines.direct import run_now
from aigc_studio.engines.local import LocalEngine
from aigc_studio.nets.gan import Discriminator, Generator
from aigc_studio.training import gan, vae
from aigc_studio.training.images import prepare
from aigc_studio.training.session import Session
from tests.engines.context import FakeContext

pytestmark = pytest.mark.usefixtures("keep_frozen")

PARAMS = {"size": "32", "latent": 4, "width": 4, "batch": 16, "samples": 32, "sample_every": 500, "rate": 6e-3}


def plain(red: float, blue: float) -> Image.Image:
    return Image.new("RGB", (32, 32), (round(red), 60, round(blue)))


def make_two_kinds(folder: Path) -> Path:
    """Eight reddish and eight bluish pictures."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    for number in range(16):
        bright, dark = rng.uniform(180, 250), rng.uniform(0, 60)
        plain(*((bright, dark) if number % 2 else (dark, bright))).save(folder / f"{number:02d}.png")
    return folder


def redness(path: Path) -> float:
    """-1 for blue, 1 for red."""
    with Image.open(path) as image:
        mean = np.asarray(image.convert("RGB"), np.float64).mean((0, 1))
    return float(mean[0] - mean[2]) / 255


def one_round(project: Project, engine: LocalEngine, **params: Any) -> RunFolder:
    """One training, from the order to the delivered model; its run."""
    request = Request("training", "train", "train-vae", params={**PARAMS, "validation": 0.0, **params}, seed=2)
    (asset,) = run_now(project, request, engine)
    return RunFolder(project.folder / "training" / asset.job_id)


def redness_of(run: RunFolder) -> list[float]:
    return [redness(run.path / sample.file) for sample in run.final_samples()]


def test_what_is_kept_is_made_more_often_round_after_round(tmp_path: Path) -> None:
    data = make_two_kinds(tmp_path / "data")
    project = Project.create(tmp_path / "project")
    engine = LocalEngine()
    shares, diversities = [], []
    start = ""
    files = 16
    try:
        for number in range(3):
            run = one_round(project, engine, data=str(data), name="Reds", steps=60 if number == 0 else 30, start=start)
            found = redness_of(run)
            shares.append(np.mean([value > 0.2 for value in found]))
            figures = run.info()["figures"]
            diversities.append(figures["diversity"])
            assert figures["compared_with"] == files
            assert run.info()["data"]["data"]["files"] == files
            for sample, value in zip(run.final_samples(), found, strict=True):
                run.rate(sample.file, KEEP if value > 0.2 else REJECT)
            files += sum(value > 0.2 for value in found)
            start = run.path.name
    finally:
        engine.close()
        project.close()
    assert 0.1 < shares[0] < 0.75, shares
    assert shares[2] > shares[1] > shares[0] + 0.08, shares
    assert diversities[2] < diversities[0]


def test_rounds_before_the_last_one_count_and_circles_end(tmp_path: Path) -> None:
    for name, start in (("aaaa", "cccc"), ("bbbb", "aaaa"), ("cccc", "bbbb")):
        run = RunFolder(tmp_path / "training" / name)
        run.update(recipe="train-vae", request={"params": {"start": start}})
        (run.path / "samples" / "final").mkdir(parents=True)
        for number in range(3):
            file = f"samples/final/{number}.png"
            plain(number, 0).save(run.path / file)
            run.add_final(Sample(file, prompt=f"{name} {number}"))
        run.rate("samples/final/0.png", KEEP)
        run.rate("samples/final/1.png", REJECT)
        run.rate("samples/final/9.png", KEEP)
    ctx = FakeContext(values={"start": "cccc"}, folder=tmp_path / "training" / "dddd")
    session = Session(ctx, Request("training", "train", "train-vae", params={"start": "cccc"}), vae.FAMILY)
    assert [run.path.name for run in session.rounds()] == ["cccc", "bbbb", "aaaa"]
    assert sorted(session.kept().values()) == ["aaaa 0", "bbbb 0", "cccc 0"]
    assert sorted(session.rejected().values()) == ["aaaa 1", "bbbb 1", "cccc 1"]
    (tmp_path / "training" / "bbbb" / "samples" / "final" / "0.png").unlink()
    assert sorted(session.kept().values()) == ["aaaa 0", "cccc 0"]


def rounds_of(folder: Path, ratings: dict[int, str]) -> Session:
    """A session whose earlier run made a dark and a bright picture, rated like this."""
    run = RunFolder(folder / "training" / "aaaa")
    run.update(recipe="train-gan", request={"params": {}})
    (run.path / "samples" / "final").mkdir(parents=True, exist_ok=True)
    for number, value in enumerate((0, 255)):
        file = f"samples/final/{number}.png"
        Image.new("RGB", (16, 16), (value,) * 3).save(run.path / file)
        run.add_final(Sample(file))
        run.rate(file, ratings.get(number, ""))
    request = Request("training", "train", "train-gan", params={"start": "aaaa"})
    return Session(FakeContext(values=request.params, folder=folder / "training" / "bbbb"), request, gan.FAMILY)


def test_what_was_rejected_stays_as_it_was_when_the_run_began(tmp_path: Path) -> None:
    first = rounds_of(tmp_path, {0: REJECT}).rejected_pixels(8)
    assert first.shape == (1, 8, 8, 3)
    assert first.max() == 0
    again = rounds_of(tmp_path, {0: KEEP, 1: REJECT})
    assert (again.rejected_pixels(8) == first).all()
    (again.run.path / "rejected.npy").write_bytes(b"broken")
    assert again.rejected_pixels(8).min() == 255
    assert rounds_of(tmp_path / "other", {}).rejected_pixels(8).shape == (0, 8, 8, 3)


def test_a_critic_learns_to_refuse_what_was_rejected(tmp_path: Path) -> None:
    """Bright green pictures are learned; bright red ones were rejected, of which a critic would know nothing."""
    (tmp_path / "data").mkdir()
    rng = np.random.default_rng(0)
    for number in range(8):
        Image.new("RGB", (16, 16), (20, int(rng.integers(150, 255)), 20)).save(tmp_path / "data" / f"{number}.png")
    data = prepare(tmp_path / "ready", tmp_path / "data", side=8, validation=0)
    values = gan.FAMILY.values("train", {"batch": 8, "latent": 4, "adaptive": False, "flip": False})
    red = np.zeros((2, 8, 8, 3), np.uint8)
    red[..., 0] = 230
    pictures = torch.from_numpy(red).permute(0, 3, 1, 2).float() / 127.5 - 1
    real = data.batch(data.train)
    alone: Any = SimpleNamespace(step=1, autocast=contextlib.nullcontext, backward=torch.Tensor.backward)
    scores = []
    for rejected in (None, red):
        torch.manual_seed(1)
        learner = gan.GANLearner(Generator(8, 4, 8, 16), Discriminator(8, 8, 16), data, values, 1, rejected)
        made = learner._with_rejected(torch.zeros(8, 3, 8, 8))
        assert [bool(each.any()) for each in made] == [False] * 7 + [rejected is not None]
        assert rejected is None or torch.equal(made[7], pictures[0])
        for _ in range(60):  # the critic alone, against a generator that stands still
            learner._teach_critic(real, alone, 1.0, {})
            learner.optimisers["critic"].step()
            learner.optimisers["critic"].zero_grad()
        with torch.no_grad():
            critic = learner.modules["critic"]
            scores.append(float(critic(pictures).mean() - critic(real[:2]).mean()))
    assert scores[1] < min(-0.5, scores[0] - 0.3), scores

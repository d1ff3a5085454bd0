"""The VAE recipe from a folder of drawings to a model that the library finds, through the real engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_studio.core import catalogue
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import KEEP, RunFolder
from aigc_studio.engines.base import Model
from aigc_studio.engines.image import vae as family
from aigc_studio.training import checkpoint, vae
from aigc_studio.training.images import PreparedImages
from tests.engines.context import FakeContext
from tests.training.pictures import make_folder

SMALL = {"size": "32", "latent": 8, "width": 8, "batch": 8, "sample_every": 10, "samples": 4, "rate": 3e-3, "ema": 0.5}


def train(folder: Path, data: Path, steps: int, ctx: FakeContext | None = None, **params: Any) -> FakeContext:
    """One run of the recipe in `folder`; the context with what it made."""
    given = {**SMALL, "data": str(data), "name": "形状", "steps": steps, **params}
    request = Request("training", "train", "train-vae", params=given, seed=4)
    ctx = ctx or FakeContext()
    ctx.folder, ctx.values = folder, vae.FAMILY.values("train", given)
    vae.run(None, request, ctx)
    return ctx


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve drawings."""
    return make_folder(tmp_path_factory.mktemp("drawings"), 12)


def test_it_learns_and_delivers_a_model(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "training" / "0123abcd"
    ctx = train(run, data, 60)
    lines, _ = RunFolder(run).read()
    errors = [line["values"]["error"] for line in lines if "error" in line.get("values", {})]
    held = [line["values"]["validation/error"] for line in lines if "validation/error" in line.get("values", {})]
    assert errors[-1] < 0.5 * errors[0] or held[-1] < 0.6 * held[0]
    summary = RunFolder(run).summary()
    assert summary is not None
    assert summary.state == "done"
    folder = Path(summary.model)
    assert folder.parent == catalogue.models_folder()
    assert {"config.json", "model.safetensors", "README.md", "DATASET-data.md", "training.json", "samples.png"} <= {
        path.name for path in folder.iterdir()
    }
    facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert facts["request"]["seed"] == 4
    assert all(str(data.parent).encode() not in path.read_bytes() for path in folder.iterdir())
    samples = [path for path in (run / "samples").rglob("*") if path.is_file()]
    assert len(samples) > 4
    assert all(str(data.parent).encode() not in path.read_bytes() for path in samples)
    assert RunFolder(run).info()["request"]["params"]["data"] == str(data)  # it is needed to go on
    assert data.name in (folder / "README.md").read_text(encoding="utf-8")
    assert facts["steps"] == 60
    ((_, sheet),) = [(each.index, each.value) for each in ctx.images]
    assert sheet.size[0] > 64
    assert len(RunFolder(run).final_samples()) == 4
    assert RunFolder(run).samples()[-1][0] == 60


def test_a_paused_run_makes_the_same_model(tmp_path: Path, data: Path) -> None:
    models = []
    for name, moments in (("aaaa", ()), ("bbbb", (30, 45))):
        for moment in moments:
            with pytest.raises(Cancelled):
                train(tmp_path / name, data, 12, FakeContext(cancel_after=moment))
        train(tmp_path / name, data, 12)
        summary = RunFolder(tmp_path / name).summary()
        assert summary is not None
        models.append((Path(summary.model) / "model.safetensors").read_bytes())
    assert models[0] == models[1]


def test_the_final_samples_are_what_the_picture_panel_makes(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "training" / "0123abcd"
    train(run, data, 6)
    model = Model("m", "vae", "M", Path(RunFolder(run).info()["model"]["folder"]))
    painter = FakeContext(values=family.FAMILY.values("generate", {}))
    loaded = family.load(model, painter)
    assert loaded.extra["points"].shape == (len(PreparedImages.open(run / "data").train), 8)
    for index, sample in enumerate(RunFolder(run).final_samples()):
        family.run(loaded, Request("image", "generate", "vae", seed=sample.seed), painter)
        made = np.asarray(painter.images[index].value, np.int16)
        kept = np.asarray(Image.open(run / sample.file).convert("RGB"), np.int16)
        assert np.abs(kept - made).max() <= 1  # rounding of float sums in another order


def test_a_look_takes_an_even_share_of_what_is_held_out(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vae, "_JUDGED", 2)
    seen = []
    batch = PreparedImages.batch
    monkeypatch.setattr(
        PreparedImages, "batch", lambda self, at, *more: seen.append(list(at)) or batch(self, at, *more)
    )
    train(tmp_path / "run", data, 1, validation=0.5, sample_every=1)
    held = PreparedImages.open(tmp_path / "run" / "data").validation
    assert len(held) > 4
    assert held[[0, len(held) // 2]].tolist() in seen
    assert held.tolist() not in seen


def test_kept_samples_join_the_next_round_which_starts_where_the_last_one_ended(tmp_path: Path, data: Path) -> None:
    first = tmp_path / "training" / "first"
    train(first, data, 5)
    kept = RunFolder(first).final_samples()[0].file
    RunFolder(first).rate(kept, KEEP)
    second = tmp_path / "training" / "second"
    train(second, data, 1, start="first", rate=1e-7)
    one = checkpoint.load_latest(first)["averages"]["vae"]
    two = checkpoint.load_latest(second)["modules"]["vae"]
    assert all(torch.allclose(one[name], two[name], atol=1e-4) for name in one)
    assert RunFolder(second).info()["data"]["data"]["files"] == 13


@pytest.mark.parametrize("start", ["nothing", "../first", "/tmp", "..", "."])
def test_a_start_that_is_no_run_of_this_project_is_refused(tmp_path: Path, data: Path, start: str) -> None:
    with pytest.raises(StudioError) as caught:
        train(tmp_path / "training" / "x", data, 1, start=start)
    assert caught.value.code == "start"


def test_a_full_models_folder_is_said_and_resuming_delivers(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aigc_studio.nets import files

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "save", full)
        with pytest.raises(StudioError) as caught:
            train(tmp_path / "run", data, 3)
    assert caught.value.code == "disk"
    assert not list(catalogue.models_folder().glob(".*"))
    train(tmp_path / "run", data, 3)
    summary = RunFolder(tmp_path / "run").summary()
    assert summary is not None
    assert summary.state == "done"


def test_a_run_goes_on_when_the_one_that_it_started_from_is_gone(tmp_path: Path, data: Path) -> None:
    project = tmp_path / "training"
    train(project / "first", data, 2)
    with pytest.raises(Cancelled):
        train(project / "second", data, 9, FakeContext(cancel_after=60), start="first")
    assert checkpoint.load_latest(project / "second") is not None
    RunFolder(project / "first").delete()
    ctx = train(project / "second", data, 9, start="first")
    assert any("goes on without it" in text for text, _ in ctx.notices)
    with pytest.raises(StudioError):
        train(project / "third", data, 1, start="first")


def test_two_runs_of_one_name_never_share_a_folder(tmp_path: Path, data: Path) -> None:
    """Also when their ids begin alike; the same run delivers into its own again."""
    for name in ("abcd1111", "abcd2222", "abcd1111"):
        train(tmp_path / name, data, 2)
    found = [Path(RunFolder(tmp_path / name).info()["model"]["folder"]) for name in ("abcd1111", "abcd2222")]
    assert found[0] != found[1]
    told = [json.loads((folder / "training.json").read_text(encoding="utf-8"))["run"] for folder in found]
    assert told == ["abcd1111", "abcd2222"]

"""Latent diffusion from scratch: from captioned drawings to a pipeline that the program finds and paints with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.imaging import open_image
from aigc_studio.core.library.detect import read_model
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunFolder
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import CancelToken, Order, Preview
from aigc_studio.engines.local import LocalEngine
from aigc_studio.nets.diffusion import Noise
from aigc_studio.training import checkpoint, latent_diffusion
from aigc_studio.training.caption_tokens import train_tokenizer
from aigc_studio.training.images import prepare
from tests.engines.context import FakeContext
from tests.training.pictures import make_folder

pytestmark = pytest.mark.usefixtures("one_torch_thread")

SMALL = {
    "size": "32",
    "network": "tiny",
    "batch": 4,
    "samples": 1,
    "sample_every": 1000,
    "ema": 0.5,
    "flip": True,
    "prompts": "a red disc",
    "guidance": 1.0,
}


def train(folder: Path, data: Path, steps: int, ctx: FakeContext | None = None, **params: Any) -> Path:
    """One run of the recipe in `folder`; the folder of the model that came of it."""
    given = {**SMALL, "data": str(data), "name": "shapes", "steps": steps, **params}
    request = Request("training", "train", "train-diffusion", params=given, seed=4)
    ctx = ctx or FakeContext()
    ctx.folder, ctx.values = folder, latent_diffusion.FAMILY.values("train", given)
    latent_diffusion.run(None, request, ctx)
    summary = RunFolder(folder).summary()
    assert summary is not None
    return Path(summary.model)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight drawings with captions."""
    return make_folder(tmp_path_factory.mktemp("drawings"), 8, captions=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data: Path) -> tuple[Path, Path]:
    """A finished run: (its folder, the model's)."""
    folder = tmp_path_factory.mktemp("project") / "training" / "0123abcd"
    return folder, train(folder, data, 24, autoencoder=0.5)


class Ear:
    """Keeps what an engine made."""

    def __init__(self) -> None:
        self.files: list[Path] = []

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None: ...

    def partial(self, index: int, piece: str) -> None: ...

    def notice(self, text: str, params: Mapping[str, Any]) -> None: ...

    def output(self, index: int, path: Path) -> None:
        self.files.append(path)

    def silent(self, seconds: float) -> None: ...


def test_the_program_finds_the_model_and_paints_with_it(run: tuple[Path, Path], tmp_path: Path) -> None:
    finding = read_model(run[1])
    assert finding is not None
    assert finding.problem is None
    assert finding.family == "stable-diffusion"
    facts = finding.facts
    assert (facts["size"], facts["steps"], facts["guidance"]) == (32, 20, 1.0)
    assert (facts["prediction"], facts["inpainting"]) == ("v_prediction", False)
    family = registry.declared("stable-diffusion", facts)
    assert next(param.default for param in family.params if param.id == "size") == (32, 32)
    model = Model("shapes", finding.family, "shapes", run[1], facts)
    draw = np.random.default_rng(1)
    Image.fromarray(draw.integers(0, 256, (32, 32, 3), np.uint8)).save(tmp_path / "image.png")
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, 8:24] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    engine, ear = LocalEngine(collect=False), Ear()
    try:
        for task, roles in (("generate", ()), ("variation", ("image",)), ("inpaint", ("image", "mask"))):
            request = Request("image", task, model.family, model.id, "a red disc", {"steps": 3, "feather": 0})
            inputs = {role: tmp_path / f"{role}.png" for role in roles}
            engine.run(Order(task, request, tmp_path / "out", (), inputs, model), ear, CancelToken())
    finally:
        engine.close()
    new, other, mended = (np.asarray(open_image(path)).astype(int) for path in ear.files)
    given = np.asarray(open_image(tmp_path / "image.png")).astype(int)
    assert new.shape == other.shape == mended.shape == (32, 32, 3)
    assert np.abs(new - other).max() > 0
    assert np.abs(mended - given)[:, :2].max() == 0
    assert np.abs(mended - given)[12:20, 12:20].max() > 0


def test_what_was_learned_and_measured(run: tuple[Path, Path]) -> None:
    folder, model = run
    lines, _ = RunFolder(folder).read()
    values = [line["values"] for line in lines if "values" in line]
    packed = [each["reconstruction"] for each in values if "reconstruction" in each]
    assert packed[-1] < packed[0]
    assert any("loss" in each for each in values)
    facts = json.loads((model / "training.json").read_text(encoding="utf-8"))
    scaling = json.loads((model / "vae" / "config.json").read_text())["scaling_factor"]
    assert facts["figures"]["scaling_factor"] == pytest.approx(scaling, abs=1e-3)
    assert (model / "tokenizer" / "vocab.json").is_file()
    assert (model / "tokenizer" / "merges.txt").is_file()
    assert RunFolder(folder).final_samples()[0].prompt == "a red disc"


def test_latents_are_scaled_to_one(run: tuple[Path, Path], data: Path) -> None:
    """Of the pictures that were learned, by the model as it was delivered."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    vae: Any = AutoencoderKL.from_pretrained(run[1] / "vae")
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(data.glob("*.png"))]
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        latents = vae.encode(torch.cat([pixels, pixels.flip(3)])).latent_dist.mean * vae.config.scaling_factor
    assert latents.std() == pytest.approx(1.0, abs=0.25)
    assert latents.mean((0, 2, 3)).abs().max() < 0.25


def test_a_paused_run_makes_the_same_model(tmp_path: Path, data: Path) -> None:
    """In the first phase, between the two, and in the second."""
    whole = train(tmp_path / "aaaa", data, 10)
    pauses = 0
    for after in (20, 12, 8, 5, 9):
        try:
            train(tmp_path / "bbbb", data, 10, FakeContext(cancel_after=after))
        except Cancelled:
            pauses += 1
    assert pauses >= 3
    parts = train(tmp_path / "bbbb", data, 10)
    for name in ("unet", "vae"):
        file = f"{name}/diffusion_pytorch_model.safetensors"
        assert (whole / file).read_bytes() == (parts / file).read_bytes(), name
    assert (whole / "vae" / "config.json").read_text() == (parts / "vae" / "config.json").read_text()


def test_a_second_round_goes_on_in_the_second_phase(run: tuple[Path, Path], data: Path) -> None:
    again = run[0].parent / "second"
    train(again, data, 2, start=run[0].name, rate=1e-7)
    lines, _ = RunFolder(again).read()
    assert all("reconstruction" not in line.get("values", {}) for line in lines)
    one, two = checkpoint.load_latest(run[0]), checkpoint.load_latest(again)
    assert two["learner"]["scaling"] == one["learner"]["scaling"]
    assert all(torch.equal(value, two["modules"]["vae"][name]) for name, value in one["modules"]["vae"].items())


def test_a_loss_that_is_no_number_is_said_and_what_was_learned_stays(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Cancelled):
        train(tmp_path / "run", data, 30, FakeContext(cancel_after=75), autoencoder=0.05)
    before = checkpoint.load_latest(tmp_path / "run")["step"]
    assert 2 < before < 30  # in the second phase
    monkeypatch.setattr(Noise, "weights", lambda self, times, gamma: torch.full((len(times),), torch.nan))
    with pytest.raises(StudioError) as caught:
        train(tmp_path / "run", data, 30, autoencoder=0.05)
    assert caught.value.code == "training-nan"
    tree = checkpoint.load_latest(tmp_path / "run")
    assert tree["step"] == before
    assert all(bool(torch.isfinite(value).all()) for value in tree["modules"]["unet"].values())


def test_epsilon_and_no_captions(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (20, 20), (80 * number, 30, 200)).save(folder / f"{number}.png")
    model = train(tmp_path / "run", folder, 4, prediction="epsilon", flip=False, prompts="")
    finding = read_model(model)
    assert finding is not None
    assert finding.facts["prediction"] == "epsilon"


def test_latents_of_another_autoencoder_are_not_taken(tmp_path: Path, data: Path) -> None:
    """A card that learns the first phase again after a crash does not come to the very same autoencoder."""
    ready = prepare(tmp_path / "ready", data, side=32, validation=0.0)
    tokenizer = train_tokenizer(["a red disc"])
    calls: list[int] = []

    def encode(pictures: torch.Tensor, by: float) -> torch.Tensor:
        calls.append(len(pictures))
        return pictures.mean((2, 3), keepdim=True).repeat(1, 3, 2, 2)[:, :8] * by

    def rows(by: float) -> torch.Tensor:
        source = latent_diffusion.FolderSource(ready, tokenizer, tmp_path / "latents", 1, True, lambda: None)
        return source.pairs(0, 4, lambda pictures: encode(pictures, by))[0]

    first = rows(1.0)
    assert sum(calls) == 16  # each picture and its mirror image
    assert torch.equal(rows(1.0), first)
    assert sum(calls) == 17  # one to compare with
    assert torch.allclose(rows(2.0), first * 2, atol=0.01)

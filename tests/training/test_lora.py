"""LoRA from a folder of pictures to a file that the program finds, loads whole, and paints nearer to them with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.library.detect import read_model
from aigc_studio.core.library.diffusion import read_pipeline
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunFolder
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.image.diffusion import lora as on_model
from aigc_studio.engines.image.diffusion import words
from aigc_studio.nets.diffusion import Noise
from aigc_studio.training import lora
from tests.engines.context import FakeContext
from tests.tiny.image import make_flux, make_flux_dev, make_sd1, make_sd2, make_sd_inpaint, make_sdxl

pytestmark = pytest.mark.usefixtures("one_torch_thread")

SMALL = {"base": "base", "trigger": "zork", "size": 64, "samples": 1, "sample_every": 1000, "rank": 4, "batch": 2}
FILE = "pytorch_lora_weights.safetensors"
MAKERS: dict[str, Callable[[Path], Path]] = {
    "sd1": make_sd1,
    "sd2": make_sd2,
    "sdxl": make_sdxl,
    "flux": make_flux,
    "flux-dev": make_flux_dev,
    "inpaint": make_sd_inpaint,
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    place = tmp_path_factory.mktemp("bases")
    made: dict[str, Model] = {}

    def get(name: str) -> Model:
        if name not in made:
            finding = read_pipeline(MAKERS[name](place / name))
            facts = {**finding.facts, "size": 64, "steps": 2}
            made[name] = Model("base", finding.family, name, place / name, facts)
        return made[name]

    return get


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures of three shapes, two of them with captions."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, size in enumerate(((64, 64), (128, 64), (64, 96), (64, 64))):
        image = Image.new("RGB", size, (230, 30 + 10 * number, 20))
        image.paste((20, 20, 230), (size[0] // 2, 0, size[0], size[1]))
        image.save(folder / f"{number:04d}.png")
    (folder / "0000.txt").write_text("a fox", encoding="utf-8")
    (folder / "0003.txt").write_text("a house", encoding="utf-8")
    return folder


def train(folder: Path, model: Model, data: Path, steps: int, ctx: FakeContext | None = None, **params: Any) -> Path:
    """One run of the recipe; the folder with the file."""
    given = {**SMALL, "data": str(data), "name": "Zork", "steps": steps, **params}
    request = Request("training", "train", "train-lora", params=given, seed=4)
    ctx = ctx or FakeContext()
    ctx.folder, ctx.values, ctx.parts = folder, lora.FAMILY.values("train", given), {"base": model}
    lora.run(None, request, ctx)
    summary = RunFolder(folder).summary()
    assert summary is not None
    return Path(summary.model)


def paint(model: Model, file: Path | None, prompt: str = "zork", **params: Any) -> tuple[np.ndarray, FakeContext]:
    """A picture by the program's own family, with or without the file."""
    module: Any = registry.module(model.family)
    loras = [["lora", 1.0]] if file is not None else []
    given = {"size": [64, 64], "steps": 4, "loras": loras, **params}
    parts = {} if file is None else {"lora": Model("lora", "", "lora", None, {}, file)}
    family = registry.declared(model.family, model.facts)
    ctx = FakeContext(values=family.values("generate", given), parts=parts)
    module.run(module.load(model, ctx), Request("image", "generate", model.family, prompt=prompt, seed=1), ctx)
    return np.asarray(ctx.images[0].value).astype(int), ctx


@pytest.mark.parametrize("name", ["sd1", "sd2", "sdxl", "flux", "flux-dev"])
def test_the_file_is_found_and_loads_whole(name: str, base: Callable[[str], Model], data: Path, tmp_path: Path) -> None:
    model = base(name)
    both = name in ("sd1", "sdxl")
    folder = train(tmp_path / "run", model, data, 3, layers="all" if name != "sd2" else "attention", text_encoder=both)
    finding = read_model(folder / FILE)
    assert finding is not None
    kind = "flux" if name.startswith("flux") else name
    assert finding.problem is None
    assert finding.facts["part"] == f"lora:{kind}"
    assert (finding.facts["trigger"], finding.facts["rank"]) == ("zork", 4)
    assert finding.facts["text_encoder"] == both
    _, ctx = paint(model, folder / FILE)
    assert not ctx.notices  # "12 of 14 keys were used" would be one


def test_it_learns_four_pictures(base: Callable[[str], Model], data: Path, tmp_path: Path) -> None:
    """With the file, as the program lays it over the model, the pictures' noise is known better than without."""
    model = base("sd1")
    run = tmp_path / "run"
    folder = train(run, model, data, 40, rate=2e-2, layers="all", rank=8, alpha=16.0, captions="trigger")
    lines, _ = RunFolder(run).read()
    assert lines
    with safe_open(folder / FILE, "pt") as file:
        assert file.metadata()["ss_base_model_version"] == "sd_v1"
    assert RunFolder(run).final_samples()[0].prompt == "zork"
    before, after = (loss_of(model, data, path) for path in (None, folder / FILE))
    assert after < 0.9 * before
    plain, taught = (paint(model, path, guidance=1.0)[0] for path in (None, folder / FILE))
    assert np.abs(plain - taught).max() > 0


def loss_of(model: Model, data: Path, file: Path | None, prompt: str = "zork") -> float:
    """How well the base, with or without the file, knows the noise on the pictures: the same noise for both."""

    module: Any = registry.module(model.family)
    loaded = module.load(model, FakeContext())
    if file is not None:
        ctx = FakeContext(parts={"part": Model("part", "", "part", None, {}, file)})
        if file.name == FILE:
            on_model.apply(loaded, loaded.pipe, [["part", 1.0]], ctx)
        else:
            words.apply(loaded, [["part", 1.0]], (prompt,), ctx)
    pipe = loaded.pipe
    noise = Noise(pipe.scheduler)
    draw = torch.Generator().manual_seed(3)
    total = 0.0
    with torch.no_grad():
        read, _ = pipe.encode_prompt(prompt, "cpu", 1, False)
        for path in sorted(data.glob("*.png")):
            pixels = np.asarray(Image.open(path).resize((64, 64)), np.float32) / 127.5 - 1
            picture = torch.from_numpy(pixels).permute(2, 0, 1)[None]
            latents = pipe.vae.encode(picture).latent_dist.mean * pipe.vae.config.scaling_factor
            for time in range(50, 1000, 100):
                times = torch.tensor([time])
                noisy, wanted = noise.add(latents, torch.randn(latents.shape, generator=draw), times)
                total += float((pipe.unet(noisy, times, read).sample - wanted).square().mean())
    return total / 40


@pytest.mark.parametrize("text", [False, True])
def test_a_paused_run_makes_the_same_file(text: bool, base: Callable[[str], Model], data: Path, tmp_path: Path) -> None:
    more: Mapping[str, Any] = {"text_encoder": text, "flip": True}
    whole = train(tmp_path / "aaaa", base("sd1"), data, 8, **more)
    pauses = 0
    for after in (40, 28, 28):
        try:
            train(tmp_path / "bbbb", base("sd1"), data, 8, FakeContext(cancel_after=after), **more)
        except Cancelled:
            pauses += 1
    assert pauses >= 2
    parts = train(tmp_path / "bbbb", base("sd1"), data, 8, **more)
    one, two = load_file(whole / FILE), load_file(parts / FILE)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_model_that_is_taught_stays_as_it_is(base: Callable[[str], Model], data: Path, tmp_path: Path) -> None:
    model = base("sd1")
    assert model.folder is not None
    files = {path: path.read_bytes() for path in model.folder.rglob("*") if path.is_file()}
    plain = paint(model, None)[0]
    folder = train(tmp_path / "run", model, data, 2)
    assert all(path.read_bytes() == content for path, content in files.items())
    assert np.array_equal(plain, paint(model, None)[0])
    assert read_model(folder / FILE) is not None


def test_bases_that_cannot_be_taught(base: Callable[[str], Model], data: Path, tmp_path: Path) -> None:
    for model, given in ((base("inpaint"), "base"), (base("sd1"), "")):
        with pytest.raises(StudioError) as caught:
            train(tmp_path / "run", model, data, 1, base=given)
        assert caught.value.code == "base"


def test_captions_have_the_trigger_word() -> None:
    class Data:
        captions = (("a fox", " "), (), ("",))

    data: Any = Data()
    assert lora.captions_of(data, "zork", "both") == [("zork, a fox",), ("zork",), ("zork",)]
    assert lora.captions_of(data, "zork", "trigger") == [("zork",)] * 3
    assert lora.captions_of(data, "zork", "own") == [("a fox",), ("zork",), ("zork",)]
    assert lora.captions_of(data, "", "both") == [("a fox",), ("",), ("",)]

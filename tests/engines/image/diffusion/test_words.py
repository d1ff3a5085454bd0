"""Learned words: read in every way of writing them, used in prompts, gone without a trace, refused in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.library.detect import read_model
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.image import sdxl, stable_diffusion
from aigc_studio.engines.image.diffusion import words
from aigc_studio.engines.image.diffusion.spec import Loaded
from tests.engines.context import FakeContext
from tests.tiny.image import make_sd1, make_sdxl

FAMILIES = {"sd1": stable_diffusion, "sdxl": sdxl}
TOLD = {
    "sd1": {"modelspec.architecture": "stable-diffusion-v1/textual-inversion", "ss_base_model_version": "sd_v1"},
    "sdxl": {
        "modelspec.architecture": "stable-diffusion-xl-v1-base/textual-inversion",
        "modelspec.trigger_phrase": "<thing>",
    },
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Loaded]:
    folder = tmp_path_factory.mktemp("models")
    made = {}
    for type, make in (("sd1", make_sd1), ("sdxl", make_sdxl)):
        model = Model(type, FAMILIES[type].FAMILY.id, type, make(folder / type), {"type": type})
        made[type] = FAMILIES[type].load(model, FakeContext())
    return made


@pytest.fixture
def sd1(models: dict[str, Loaded]) -> Iterator[Loaded]:
    yield models["sd1"]
    words.apply(models["sd1"], [], (), FakeContext())


def _file(path: Path, type: str, rows: int = 2, word: str = "<thing>") -> Path:
    draw = torch.Generator().manual_seed(5)
    tensors = {name: torch.randn(rows, 16, generator=draw) * 2 for name in ("clip_l", "clip_g")}
    save_file(tensors if type == "sdxl" else {word: tensors["clip_l"]}, path, TOLD[type])
    return path


def _picture(loaded: Loaded, type: str, prompt: str, files: list[tuple[Path, float]], **more: Any) -> np.ndarray:
    ctx = _run(loaded, type, prompt, files, **more)
    return np.asarray(ctx.images[0].value)


def _run(loaded: Loaded, type: str, prompt: str, files: list[tuple[Path, float]], **more: Any) -> FakeContext:
    family = FAMILIES[type]
    given = {"size": [64, 64], "steps": 2, "embeddings": [[path.stem, weight] for path, weight in files]} | more
    parts = {path.stem: Model(path.stem, "", path.stem, None, {}, path) for path, _ in files}
    ctx = FakeContext(values=family.FAMILY.values("generate", given), parts=parts)
    family.run(loaded, Request("image", "generate", family.FAMILY.id, prompt=prompt, params=given, seed=3), ctx)
    return ctx


@pytest.mark.parametrize("type", ["sd1", "sdxl"])
def test_a_word_is_used_in_prompts_and_forgotten(models: dict[str, Loaded], type: str, tmp_path: Path) -> None:
    loaded = models[type]
    path = _file(tmp_path / "thing.safetensors", type)
    prompt = "a red <thing> in the snow"
    before = {name: _picture(loaded, type, text, []) for name, text in (("word", prompt), ("other", "a red fox"))}
    tokens = len(loaded.pipe.tokenizer)
    ctx = _run(loaded, type, prompt, [(path, 1.0)])
    assert not ctx.notices
    assert ctx.images[0].info["embeddings"][0]["word"] == "<thing>"
    assert not np.array_equal(before["word"], np.asarray(ctx.images[0].value))
    assert np.array_equal(before["other"], _picture(loaded, type, "a red fox", [(path, 1.0)]))
    weaker = _picture(loaded, type, prompt, [(path, 0.5)])
    assert not np.array_equal(weaker, np.asarray(ctx.images[0].value))
    assert np.array_equal(before["word"], _picture(loaded, type, prompt, [(path, 0.0)]))
    assert np.array_equal(before["word"], _picture(loaded, type, prompt, []))
    assert len(loaded.pipe.tokenizer) == tokens
    assert np.array_equal(np.asarray(ctx.images[0].value), _picture(loaded, type, prompt, [(path, 1.0)]))
    _picture(loaded, type, prompt, [])


def test_a_word_of_several_entries_counts_for_all_of_them(sd1: Loaded, tmp_path: Path) -> None:
    one = _file(tmp_path / "one.safetensors", "sd1", 1)
    three = _file(tmp_path / "three.safetensors", "sd1", 3)
    first, second = (_picture(sd1, "sd1", "a <thing>", [(path, 1.0)]) for path in (one, three))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, _picture(sd1, "sd1", "a <thing>", [(one, 1.0)]))


def test_two_words_at_once(sd1: Loaded, tmp_path: Path) -> None:
    one = _file(tmp_path / "one.safetensors", "sd1", 1, "<one>")
    two = _file(tmp_path / "two.safetensors", "sd1", 2, "<two>")
    both = _picture(sd1, "sd1", "<one> and <two>", [(one, 1.0), (two, 1.0)])
    assert not np.array_equal(both, _picture(sd1, "sd1", "<one> and <two>", [(one, 1.0)]))


def test_a_word_that_is_not_said_is_told(sd1: Loaded, tmp_path: Path) -> None:
    path = _file(tmp_path / "thing.safetensors", "sd1")
    ctx = _run(sd1, "sd1", "a red fox", [(path, 1.0)])
    assert [params["word"] for _, params in ctx.notices] == ["<thing>"]
    assert not _run(sd1, "sd1", "a red fox", [(path, 1.0)], negative="<thing>", guidance=2.0).notices


def test_what_does_not_fit_is_refused_and_leaves_nothing(models: dict[str, Loaded], tmp_path: Path) -> None:
    sd1 = models["sd1"]
    plain = _picture(sd1, "sd1", "a <thing>", [])
    wide = tmp_path / "wide.safetensors"
    save_file({"<thing>": torch.zeros(2, 768)}, wide)
    known = _file(tmp_path / "known.safetensors", "sd1", 1, "fox</w>")
    other = _file(tmp_path / "other.safetensors", "sdxl")
    lora = tmp_path / "lora.safetensors"
    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(2, 3)}, lora)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(wide.read_bytes()[:-3])
    for path, code in (
        (wide, "embedding-fit"),
        (known, "embedding-word"),
        (other, "embedding-fit"),
        (lora, "embedding-kind"),
        (broken, "model-damaged"),
        (tmp_path / "gone.safetensors", "part-missing"),
    ):
        with pytest.raises(StudioError) as caught:
            _run(sd1, "sd1", "a <thing>", [(path, 1.0)])
        assert caught.value.code == code
        assert np.array_equal(plain, _picture(sd1, "sd1", "a <thing>", []))


def test_cancelled_while_it_is_loaded(sd1: Loaded, tmp_path: Path) -> None:
    path = _file(tmp_path / "thing.safetensors", "sd1")
    tokens = len(sd1.pipe.tokenizer)
    ctx = FakeContext(parts={"thing": Model("thing", "", "thing", None, {}, path)}, cancel_after=1)
    with pytest.raises(Cancelled):
        words.apply(sd1, [["thing", 1.0]], (), ctx)
    assert len(sd1.pipe.tokenizer) == tokens


def test_the_library_knows_every_way_of_writing(tmp_path: Path) -> None:
    def facts(name: str, tensors: dict[str, torch.Tensor], **told: str) -> Any:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        save_file(tensors, path, told or None)
        found = read_model(path)
        return None if found is None else (found.facts.get("part"), found.facts.get("trigger"))

    assert facts("a.safetensors", {"<cat>": torch.zeros(1, 768)}) == ("embedding:sd1", "<cat>")
    assert facts("a.safetensors", {"<cat>": torch.zeros(768)}) == ("embedding:sd1", "<cat>")
    assert facts("my-cat.safetensors", {"emb_params": torch.zeros(4, 1024)}) == ("embedding:sd2", "my-cat")
    both = {"clip_l": torch.zeros(2, 768), "clip_g": torch.zeros(2, 1280)}
    assert facts("style/learned_embeds.safetensors", both) == ("embedding:sdxl", "style")
    assert facts("c.safetensors", {"weight": torch.zeros(400, 768)}) is None
    assert facts("d.safetensors", {"weight": torch.zeros(4, 5)}) is None
    assert facts("e.safetensors", {"a": torch.zeros(2, 768), "b": torch.zeros(2, 768)}) is None

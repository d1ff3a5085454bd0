"""Textual inversion from a folder of pictures to a word that works in prompts of the very family that paints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.library.detect import read_model
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunFolder
from aigc_studio.engines.base import Model
from aigc_studio.training import inversion
from tests.engines.context import FakeContext
from tests.training.test_lora import base, data, loss_of, paint  # noqa: F401  fixtures

pytestmark = pytest.mark.usefixtures("one_torch_thread")

FILE = "learned_embeds.safetensors"
SMALL = {"base": "base", "token": "<Zork>", "begin": "fox", "size": 64, "samples": 1, "sample_every": 1000, "batch": 2}

Base = Callable[[str], Model]


def train(
    folder: Path, model: Model, pictures: Path, steps: int, ctx: FakeContext | None = None, **params: Any
) -> Path:
    """One run of the recipe; the file."""
    given = {**SMALL, "data": str(pictures), "name": "Zork", "steps": steps, **params}
    request = Request("training", "train", "train-inversion", params=given, seed=4)
    ctx = ctx or FakeContext()
    ctx.folder, ctx.values, ctx.parts = folder, inversion.FAMILY.values("train", given), {"base": model}
    inversion.run(None, request, ctx)
    summary = RunFolder(folder).summary()
    assert summary is not None
    return Path(summary.model) / FILE


@pytest.mark.parametrize("name", ["sd1", "sd2", "sdxl"])
def test_the_word_is_found_and_works_in_prompts(name: str, base: Base, data: Path, tmp_path: Path) -> None:  # noqa: F811
    model = base(name)
    file = train(tmp_path / "run", model, data, 3, vectors=2)
    finding = read_model(file)
    assert finding is not None
    assert finding.problem is None
    assert finding.facts["part"] == f"embedding:{name}"
    assert (finding.facts["trigger"], finding.facts["vectors"]) == ("<zork>", 2)
    given = {"embeddings": [["lora", 1.0]]}
    plain, _ = paint(model, None, "a photo of <zork>")
    taught, ctx = _with(model, file, "a photo of <zork>")
    assert not ctx.notices
    assert not np.array_equal(plain, taught)
    assert np.array_equal(_with(model, file, "a house")[0], paint(model, None, "a house")[0]), given


def _with(model: Model, file: Path, prompt: str) -> tuple[np.ndarray, FakeContext]:
    """A picture by the program's own family with the word known."""
    from aigc_studio.engines import registry

    module: Any = registry.module(model.family)
    values = {"size": [64, 64], "steps": 4, "embeddings": [["word", 1.0]]}
    family = registry.declared(model.family, model.facts)
    parts = {"word": Model("word", "", "word", None, {}, file)}
    ctx = FakeContext(values=family.values("generate", values), parts=parts)
    module.run(module.load(model, ctx), Request("image", "generate", model.family, prompt=prompt, seed=1), ctx)
    told = [text for text, _ in ctx.notices if "word" in text]
    ctx.notices = [(text, params) for text, params in ctx.notices if text in told]
    return np.asarray(ctx.images[0].value).astype(int), ctx


def test_only_the_word_learns_and_the_loss_falls(base: Base, data: Path, tmp_path: Path) -> None:  # noqa: F811
    model = base("sd1")
    first = train(tmp_path / "one", model, data, 1, rate=1e-7, vectors=4)
    last = train(tmp_path / "two", model, data, 40, rate=0.1, vectors=4)
    assert load_file(first)["<zork>"].shape == (4, 16)
    before, after = (loss_of(model, data, file, "a photo of <zork>") for file in (first, last))
    assert after < before


def test_a_paused_run_makes_the_same_word(base: Base, data: Path, tmp_path: Path) -> None:  # noqa: F811
    whole = train(tmp_path / "aaaa", base("sd1"), data, 8)
    pauses = 0
    for after in (24, 18, 18):
        try:
            train(tmp_path / "bbbb", base("sd1"), data, 8, FakeContext(cancel_after=after))
        except Cancelled:
            pauses += 1
    assert pauses >= 2
    parts = train(tmp_path / "bbbb", base("sd1"), data, 8)
    assert torch.equal(load_file(whole)["<zork>"], load_file(parts)["<zork>"])


@pytest.mark.parametrize("token", ["", "a", "two words", "comma,", "(x)", "fox</w>"])
def test_words_that_cannot_be_new(token: str, base: Base, data: Path, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(StudioError) as caught:
        train(tmp_path / "run", base("sd1"), data, 1, token=token)
    assert caught.value.code == "token"

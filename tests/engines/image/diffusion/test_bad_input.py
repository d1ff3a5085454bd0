"""What people really have: single files, LoRA files, weights that are broken, too little memory; through the engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from aigc_studio.core.errors import StudioError
from aigc_studio.core.library.detect import read_model
from aigc_studio.core.library.walk import candidates
from aigc_studio.core.metadata import read_recipe
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import CancelToken
from aigc_studio.engines.image.diffusion import memory
from tests.engines.image.diffusion.conftest import Desk, Ear
from tests.tiny.checkpoint import tiny_pipeline, write_checkpoint
from tests.tiny.lora import make_lora

Models = Callable[[str], Model]


def _found(path: Path, **facts: Any) -> Model:
    """A file as the library finds it."""
    finding = read_model(path)
    assert finding is not None
    assert finding.problem is None, finding.problem
    return Model(path.stem, finding.family, path.stem, None, {**finding.facts, **facts}, path)


@pytest.mark.parametrize(
    ("kind", "channels", "family"),
    [
        ("sd1", 4, "stable-diffusion"),
        ("sd1", 9, "stable-diffusion"),
        ("sd2", 4, "stable-diffusion"),
        ("sdxl", 4, "sdxl"),
    ],
)
def test_a_single_file_does_every_task(kind: str, channels: int, family: str, desk: Desk, tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "files", tiny_pipeline(kind, channels=channels), kind)
    assert [item.path for item in candidates(path.parent)] == [path]  # its configurations are no model
    model = _found(path, size=64)
    assert model.family == family
    for task in ("generate", "inpaint", "variation"):
        ear = Ear()
        params: dict[str, Any] = {"size": [64, 48]} if task == "generate" else {}
        picture = desk.make(model, task, ear, **params)[0]
        assert picture.shape == ((48, 64, 3) if task == "generate" else (70, 90, 3))
        recipe = read_recipe(ear.files[0])
        assert recipe is not None
        assert recipe["engine"]["model"]["digest"] == model.facts["digest"]


def test_a_file_that_moves_away_while_it_is_loaded_does_no_harm(desk: Desk, tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "files", tiny_pipeline("sd1"), "sd1")
    model = _found(path, size=64)
    first = desk.make(model, size=[64, 64])[0]
    path.rename(tmp_path / "elsewhere.safetensors")
    assert np.array_equal(first, desk.make(model, size=[64, 64])[0])
    desk.engine.unload()
    with pytest.raises(StudioError) as failed:
        desk.make(model, size=[64, 64])
    assert failed.value.code == "model-missing"


def _laid(desk: Desk, model: Model, loras: list[tuple[Path, float]], ear: Ear | None = None) -> np.ndarray:
    """A picture with LoRA files as the engine is given them."""
    ear = ear or Ear()
    params = {"size": [64, 64], "loras": [[path.stem, weight] for path, weight in loras]}
    order = replace(desk.order(model, "generate", params), parts={path.stem: _found(path) for path, _ in loras})
    desk.engine.run(order, ear, CancelToken())
    return ear.pictures[0]


def test_lora_files_through_the_engine(model: Models, desk: Desk, tmp_path: Path) -> None:
    parts = {"sd1": tiny_pipeline("sd1").components, "sdxl": tiny_pipeline("sdxl").components}
    good = make_lora(tmp_path / "good.safetensors", parts["sd1"], "sd1", "kohya")
    given = _found(write_checkpoint(tmp_path / "files", tiny_pipeline("sd1"), "sd1"), size=64)
    plain = _laid(desk, given, [])
    ear = Ear()
    changed = _laid(desk, given, [(good, 1.0)], ear)
    assert not np.array_equal(plain, changed)
    recipe = read_recipe(ear.files[0])
    assert recipe is not None
    kept = recipe["info"]["loras"][0]
    assert (kept["id"], kept["weight"]) == ("good", 1.0)
    assert len(kept["digest"]) == 64
    other = make_lora(tmp_path / "other.safetensors", parts["sdxl"], "sdxl")
    with pytest.raises(StudioError) as failed:
        _laid(desk, given, [(other, 1.0)])
    assert failed.value.code == "lora-base"
    partly = tmp_path / "partly.safetensors"
    extra = {
        "lora_unet_nowhere_to_q.lora_down.weight": torch.zeros(2, 4),
        "lora_unet_nowhere_to_q.lora_up.weight": torch.zeros(4, 2),
    }
    save_file(load_file(good) | extra, partly, {"ss_base_model_version": "sd_v1"})
    ear = Ear()
    _laid(desk, given, [(partly, 1.0)], ear)
    assert ear.notices[0][1]["loaded"] < ear.notices[0][1]["total"]
    recipe = read_recipe(ear.files[0])
    assert recipe is not None
    assert recipe["info"]["notices"]
    good.unlink()
    with pytest.raises(StudioError) as failed:
        _laid_gone(desk, given, good)
    assert failed.value.code == "part-missing"
    assert np.array_equal(plain, _laid(desk, given, []))


def _laid_gone(desk: Desk, model: Model, path: Path) -> None:
    order = desk.order(model, "generate", {"size": [64, 64], "loras": [[path.stem, 1.0]]})
    desk.engine.run(replace(order, parts={path.stem: Model(path.stem, "", path.stem, file=path)}), Ear(), CancelToken())


def test_broken_weights_on_the_disk(model: Models, desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "nan"
    source = model("sd1")
    assert source.folder is not None
    shutil.copytree(source.folder, folder)
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    weights["conv_out.bias"] = weights["conv_out.bias"] * float("nan")
    save_file(weights, file, {"format": "pt"})
    broken = replace(source, id="nan", folder=folder)
    with pytest.raises(StudioError) as failed:
        desk.make(broken, size=[64, 64])
    assert failed.value.code == "nan"
    assert desk.make(source, size=[64, 64])  # the next job, with another model


@pytest.mark.parametrize("family", ["sd1", "flux-schnell"])
def test_a_picture_too_large_for_memory(
    family: str, model: Models, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's own error for what cannot be allocated, in the middle of a step."""
    given = model(family)
    before = desk.make(given, size=[64, 64])[0]
    loaded: Any = desk.engine._loaded
    with monkeypatch.context() as patch:
        patch.setattr(loaded.network, "forward", lambda *_, **__: torch.empty(1 << 55))
        with pytest.raises(StudioError) as failed:
            desk.make(given, size=[64, 64])
    assert failed.value.code == "memory"
    assert desk.engine._loaded is loaded  # nothing is read again
    assert np.array_equal(before, desk.make(given, size=[64, 64])[0])


def test_every_way_of_saying_that_memory_ran_out() -> None:
    for error in (
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried ..."),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ):
        assert memory.is_shortage(error), error
    for error in (RuntimeError("device-side assert triggered"), ValueError("out of memory lane"), OSError("full")):
        assert not memory.is_shortage(error), error

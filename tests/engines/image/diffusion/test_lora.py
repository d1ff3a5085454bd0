"""LoRA files: every way of naming, strengths, several at once, away without a trace, and what does not fit is said."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.library.weights import Header, Tensor
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.image import sdxl, stable_diffusion
from aigc_studio.engines.image.diffusion import lora, memory
from aigc_studio.engines.image.diffusion.spec import Loaded
from tests.engines.context import FakeContext
from tests.tiny.image import make_sd1, make_sdxl
from tests.tiny.image_more import MAKERS as MORE
from tests.tiny.lora import lora_weights, make_lora

FAMILIES = {"sd1": stable_diffusion, "sdxl": sdxl}


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
    lora.apply(models["sd1"], models["sd1"].pipe, [], FakeContext())
    assert not any(hasattr(module, "lora_A") for module in models["sd1"].pipe.unet.modules())


def _part(path: Path, **facts: Any) -> Model:
    return Model(path.stem, "", path.stem, None, facts, path)


def _run(loaded: Loaded, loras: list[tuple[Path, float]], type: str = "sd1", **params: Any) -> FakeContext:
    family = FAMILIES[type]
    parts = {path.stem: _part(path) for path, _ in loras}
    given = {"size": [64, 64], "steps": 2, "loras": [[path.stem, weight] for path, weight in loras]} | params
    ctx = FakeContext(values=family.FAMILY.values("generate", given), parts=parts)
    request = Request("image", "generate", family.FAMILY.id, prompt="a red fox", params=given, seed=3)
    family.run(loaded, request, ctx)
    return ctx


def _pixels(ctx: FakeContext) -> np.ndarray:
    return np.asarray(ctx.images[0].value)


@pytest.mark.parametrize("type", ["sd1", "sdxl"])
def test_every_way_of_naming_gives_the_same(models: dict[str, Loaded], type: str, tmp_path: Path) -> None:
    loaded = models[type]
    before = _pixels(_run(loaded, [], type))
    pictures = {}
    for style in ("peft", "diffusers", "kohya"):
        path = make_lora(tmp_path / f"{style}.safetensors", loaded.pipe.components, type, style)
        ctx = _run(loaded, [(path, 0.8 if style != "kohya" else 1.6)], type)  # kohya's alpha halves it
        assert not ctx.notices, style
        assert ctx.images[0].info["loras"][0]["weight"] in (0.8, 1.6)
        pictures[style] = _pixels(ctx)
        assert not np.array_equal(before, pictures[style])
        assert np.array_equal(before, _pixels(_run(loaded, [], type)))
    assert np.array_equal(pictures["peft"], pictures["diffusers"])
    assert np.abs(pictures["peft"].astype(int) - pictures["kohya"]).max() <= 1


def test_weights_add_up_and_zero_is_none(sd1: Loaded, tmp_path: Path) -> None:
    one = make_lora(tmp_path / "one.safetensors", sd1.pipe.components, "sd1")
    two = tmp_path / "two.safetensors"
    save_file({name: -weight.flip(0) if "lora_B" in name else weight for name, weight in load_file(one).items()}, two)
    plain = _pixels(_run(sd1, []))
    assert np.array_equal(plain, _pixels(_run(sd1, [(one, 0.0)])))
    first, second = (_pixels(_run(sd1, [(path, 0.7)])) for path in (one, two))
    both = _pixels(_run(sd1, [(one, 0.7), (two, 0.7)]))
    assert len({picture.tobytes() for picture in (plain, first, second, both)}) == 4
    assert np.array_equal(both, _pixels(_run(sd1, [(two, 0.7), (one, 0.7)])))
    assert np.array_equal(first, _pixels(_run(sd1, [(one, 0.7), (two, 0.0)])))  # one of two taken away
    assert np.array_equal(both, _pixels(_run(sd1, [(one, 0.7), (two, 0.7)])))
    assert not np.array_equal(first, _pixels(_run(sd1, [(one, -0.7)])))
    assert np.array_equal(plain, _pixels(_run(sd1, [])))


def test_a_strength_scales_what_the_file_changes(sd1: Loaded, tmp_path: Path) -> None:
    """Twice the weight is what a file with twice the matrix does at once."""
    weights = lora_weights(sd1.pipe.components, text=False)
    one, double = tmp_path / "one.safetensors", tmp_path / "double.safetensors"
    save_file(weights, one)
    save_file({name: weight * (2 if "lora_B" in name else 1) for name, weight in weights.items()}, double)
    assert np.array_equal(_pixels(_run(sd1, [(one, 1.0)])), _pixels(_run(sd1, [(double, 0.5)])))


def test_a_file_that_changes_nothing_changes_nothing(sd1: Loaded, tmp_path: Path) -> None:
    """The layers that are laid over keep the weights below them."""
    path = tmp_path / "nothing.safetensors"
    weights = lora_weights(sd1.pipe.components)
    save_file({name: weight * 0 if "lora_B" in name else weight for name, weight in weights.items()}, path)
    assert np.array_equal(_pixels(_run(sd1, [])), _pixels(_run(sd1, [(path, 1.0)])))


def test_unchanged_ones_are_not_read_again(sd1: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_lora(tmp_path / "one.safetensors", sd1.pipe.components, "sd1")
    reads: list[Any] = []
    real = sd1.pipe.load_lora_weights
    monkeypatch.setattr(sd1.pipe, "load_lora_weights", lambda *args, **kw: (reads.append(args), real(*args, **kw)))
    first = _pixels(_run(sd1, [(path, 1.0)]))
    _run(sd1, [(path, 0.5)])
    assert np.array_equal(first, _pixels(_run(sd1, [(path, 1.0)])))
    assert len(reads) == 1
    save_file({name: -weight if "lora_B" in name else weight for name, weight in load_file(path).items()}, path)
    os.utime(path, ns=(1, 1))
    assert not np.array_equal(first, _pixels(_run(sd1, [(path, 1.0)])))  # the file was changed meanwhile
    assert len(reads) == 2


def test_a_part_that_does_not_fit_is_counted(sd1: Loaded, tmp_path: Path) -> None:
    weights = lora_weights(sd1.pipe.components, text=False)
    extra = {
        "unet.down_blocks.7.attentions.0.to_q.lora_A.weight": torch.zeros(2, 8),
        "unet.down_blocks.7.attentions.0.to_q.lora_B.weight": torch.zeros(8, 2),
    }
    path = tmp_path / "partial.safetensors"
    save_file(weights | extra, path)
    ctx = _run(sd1, [(path, 1.0)])
    assert ctx.notices == [
        (
            '"{lora}": {loaded} of {total} keys were used.',
            {"lora": "partial", "loaded": len(weights), "total": len(weights) + 2},
        )
    ]
    assert ctx.images[0].info["loras"][0]["of"] == len(weights) + 2
    assert _run(sd1, [(path, 1.0)]).notices == ctx.notices  # told again of the next job's results


@pytest.mark.parametrize("kind", ["LoHa", "DoRA"])
def test_kinds_that_cannot_be_read_are_named(sd1: Loaded, tmp_path: Path, kind: str) -> None:
    weights = lora_weights(sd1.pipe.components, "kohya")
    layers = sorted({name.split(".")[0] for name in weights})
    if kind == "DoRA":
        weights |= {f"{layer}.dora_scale": torch.ones(1, 4) for layer in layers}
    else:
        other = layers[0]
        weights = {name: weight for name, weight in weights.items() if not name.startswith(other + ".lora")}
        weights |= {f"{other}.hada_w1_a": torch.zeros(4, 2), f"{other}.hada_w1_b": torch.zeros(2, 4)}
    path = tmp_path / "mixed.safetensors"
    save_file(weights, path)
    ctx = _run(sd1, [(path, 1.0)])
    assert ctx.notices[0][1]["kinds"] == kind
    assert ctx.notices[1][1]["loaded"] < ctx.notices[1][1]["total"]


def test_what_only_looks_like_another_kind() -> None:
    def usable(*names: str) -> tuple[list[str], tuple[str, ...]]:
        return lora._usable(Header(dict.fromkeys(names, Tensor("F32", (1,), 0, 4)), {}, 0))

    plain = "model.diffusion_model.blocks.0.lora_A.weight"
    assert usable(plain) == ([plain], ())
    assert usable(plain, "lora_unet_x.diff", "lora_unet_x.diff_b", "lora_unet_x.alpha") == (
        [plain],
        ("full difference",),
    )
    assert usable("lora_unet_x.diff") == ([], ("full difference",))


def _refused(loaded: Loaded, path: Path, code: str, **facts: Any) -> StudioError:
    plain = _pixels(_run(loaded, []))
    ctx = FakeContext(parts={path.stem: _part(path, **facts)})
    with pytest.raises(StudioError) as caught:
        lora.apply(loaded, loaded.pipe, [[path.stem, 1.0]], ctx)
    assert caught.value.code == code, str(caught.value)
    assert "\n" not in str(caught.value)
    assert np.array_equal(plain, _pixels(_run(loaded, [])))
    return caught.value


def test_bad_files_leave_the_model_as_it_was(sd1: Loaded, models: dict[str, Loaded], tmp_path: Path) -> None:
    _refused(sd1, tmp_path / "gone.safetensors", "part-missing")
    other = make_lora(tmp_path / "xl.safetensors", models["sdxl"].pipe.components, "sdxl")
    assert "SDXL" in str(_refused(sd1, other, "lora-base"))
    silent = tmp_path / "silent.safetensors"  # says nothing of its base: found out by its sizes
    save_file({name: torch.zeros(3, 5) for name in lora_weights(sd1.pipe.components, text=False)}, silent)
    _refused(sd1, silent, "lora-fit")
    strange = tmp_path / "strange.safetensors"
    save_file({"unet.nothing.here.lora_A.weight": torch.zeros(2, 4)}, strange)
    _refused(sd1, strange, "lora-fit")
    hada = tmp_path / "hada.safetensors"
    save_file({"lora_unet_mid_block_attentions_0_proj_in.hada_w1_a": torch.zeros(2, 4)}, hada)
    assert "LoHa" in str(_refused(sd1, hada, "lora-kind"))
    good = make_lora(tmp_path / "good.safetensors", sd1.pipe.components, "sd1").read_bytes()
    for content in (b"", good[:50], good[:-1], good + b"x"):
        silent.write_bytes(content)
        _refused(sd1, silent, "model-damaged")


def test_a_broken_one_beside_a_good_one(sd1: Loaded, tmp_path: Path) -> None:
    plain = _pixels(_run(sd1, []))
    good = make_lora(tmp_path / "good.safetensors", sd1.pipe.components, "sd1")
    with_good = _pixels(_run(sd1, [(good, 1.0)]))
    bad = tmp_path / "bad.safetensors"
    save_file({name: torch.zeros(3, 5) for name in load_file(good)}, bad)
    with pytest.raises(StudioError):
        _run(sd1, [(good, 1.0), (bad, 1.0)])
    assert np.array_equal(plain, _pixels(_run(sd1, [])))
    assert np.array_equal(with_good, _pixels(_run(sd1, [(good, 1.0)])))


def test_cancelled_while_loading(sd1: Loaded, tmp_path: Path) -> None:
    plain = _pixels(_run(sd1, []))
    path = make_lora(tmp_path / "one.safetensors", sd1.pipe.components, "sd1")
    with pytest.raises(Cancelled):
        lora.apply(sd1, sd1.pipe, [["one", 1.0]], FakeContext(parts={"one": _part(path)}, cancel_after=1))
    assert np.array_equal(plain, _pixels(_run(sd1, [])))


def test_with_parts_that_wait_in_main_memory(sd1: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = make_lora(tmp_path / "one.safetensors", sd1.pipe.components, "sd1")
    plain, changed = _pixels(_run(sd1, [])), _pixels(_run(sd1, [(one, 1.0)]))
    monkeypatch.setattr(memory, "_accelerated", lambda _: True)
    for mode in ("low", "lowest", "full"):
        assert np.array_equal(plain, _pixels(_run(sd1, [], memory=mode))), mode
        assert np.array_equal(changed, _pixels(_run(sd1, [(one, 1.0)], memory=mode))), mode
        assert sd1.state["memory"] == mode
    assert np.array_equal(plain, _pixels(_run(sd1, [])))


@pytest.mark.parametrize("name", ["sd3", "flux-schnell", "z-image", "qwen-image"])
def test_transformers_take_them_too(name: str, bench: Callable[[str], Any], tmp_path: Path) -> None:
    if name in MORE:
        folder = MORE[name](tmp_path / name)
        family = name
        model = Model(name, family, name, folder, {"type": name, "size": 64})
        module: Any = registry.module(family)
        loaded = module.load(model, FakeContext())
    else:
        held = bench(name)
        module, loaded = held.module, held.loaded
    path = tmp_path / "one.safetensors"
    weights = lora_weights(loaded.pipe.components, text=False)
    assert weights
    save_file(weights, path)

    def picture(weight: float) -> np.ndarray:
        given = {"size": [64, 64], "steps": 2, "loras": [["one", weight]]}
        family = module.fitted({**loaded.facts, "guidance": 1.0})
        ctx = FakeContext(
            values=family.values("generate", given), parts={"one": _part(path, type=loaded.facts["type"])}
        )
        module.run(loaded, Request("image", "generate", family.id, prompt="a red fox", params=given, seed=3), ctx)
        assert not ctx.notices
        return _pixels(ctx)

    plain, changed = picture(0.0), picture(1.0)
    assert not np.array_equal(plain, changed)
    assert np.array_equal(plain, picture(0.0))

"""Too little memory: said in a sentence, given back, tried again in smaller pieces; broken numbers are no picture."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aigc_studio.core.errors import StudioError
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.image import stable_diffusion
from aigc_studio.engines.image.diffusion import faults, memory
from aigc_studio.engines.image.diffusion.spec import Loaded
from tests.engines.context import FakeContext
from tests.tiny.image import make_sd1


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> Iterator[None]:
    """As the engine does after its imports: giving memory back collects garbage, among 400,000 objects of libraries."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sd1(tmp_path_factory.mktemp("models") / "sd1")


@pytest.fixture
def loaded(folder: Path) -> Iterator[Loaded]:
    made = stable_diffusion.load(Model("m", "stable-diffusion", "M", folder), FakeContext())
    yield made
    made.state.clear()


def _made(loaded: Loaded, *, count: int = 1, **params: Any) -> FakeContext:
    given = {"size": [64, 64], "steps": 2} | params
    request = Request(
        kind="image", family="stable-diffusion", task="generate", prompt="a red fox", params=given, seed=3, count=count
    )
    ctx = FakeContext(values=stable_diffusion.FAMILY.values("generate", given))
    stable_diffusion.run(loaded, request, ctx)
    assert len(ctx.images) == count
    return ctx


class Short:
    """A forward that runs out of memory the first `times` times, then does what it did."""

    def __init__(self, real: Any, times: float, error: type[Exception] = torch.OutOfMemoryError) -> None:
        self.real, self.left, self.error, self.calls = real, times, error, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.left > 0:
            self.left -= 1
            raise self.error("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.real(*args, **kwargs)


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, RuntimeError])
def test_out_of_memory_is_one_sentence_and_the_next_job_works(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch, part: str, error: type[Exception]
) -> None:
    before = np.asarray(_made(loaded).images[0].value)
    network = getattr(loaded.pipe, part)
    with monkeypatch.context() as patch:
        patch.setattr(network, "forward", Short(network.forward, 1, error))
        with pytest.raises(StudioError) as caught:
            _made(loaded)
        assert caught.value.code == "memory"
        assert "smaller size" in str(caught.value)
        assert caught.value.__cause__ is None
    assert np.array_equal(before, np.asarray(_made(loaded).images[0].value))


def test_decoding_is_tried_again_in_tiles(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.asarray(_made(loaded).images[0].value, int)
    decoder, network = loaded.pipe.vae.decoder, loaded.pipe.unet
    steps = Short(network.forward, 0)
    monkeypatch.setattr(network, "forward", steps)
    monkeypatch.setattr(decoder, "forward", Short(decoder.forward, 1))
    ctx = _made(loaded, steps=2)
    painted = steps.calls
    assert "tiles" in ctx.notices[0][0]
    assert np.abs(np.asarray(ctx.images[0].value, int) - whole).max() <= 1  # 64 px are one tile
    ctx = _made(loaded)
    assert steps.calls == 2 * painted  # latents were kept: nothing was painted again
    assert "tiles" in ctx.notices[0][0]  # still in tiles, and said of each result


def test_decoding_that_never_fits(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = loaded.pipe.vae.decoder
    with monkeypatch.context() as patch:
        patch.setattr(decoder, "forward", Short(decoder.forward, float("inf")))
        with pytest.raises(StudioError) as caught:
            _made(loaded)
        assert caught.value.code == "memory"
    assert _made(loaded).images


def test_other_errors_stay_what_they_are(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("device-side assert triggered")

    monkeypatch.setattr(loaded.pipe.vae.decoder, "forward", broken)
    with pytest.raises(RuntimeError, match="assert"):
        _made(loaded)


def test_less_memory_without_a_graphics_card_means_tiles(loaded: Loaded) -> None:
    whole = np.asarray(_made(loaded, size=[128, 96]).images[0].value, int)
    assert not loaded.pipe.vae.use_tiling
    for mode in ("low", "lowest"):
        ctx = _made(loaded, size=[128, 96], memory=mode)
        assert "graphics card" in ctx.notices[0][0]
        assert loaded.pipe.vae.use_tiling
        tiled = np.asarray(ctx.images[0].value, int)
        assert tiled.shape == whole.shape
    assert not _made(loaded, size=[128, 96], memory="full").notices
    assert not loaded.pipe.vae.use_tiling


@pytest.fixture
def card(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """The model on a computer with a graphics card, which is the CPU again: moving parts runs, and costs nothing."""
    monkeypatch.setattr(memory, "_accelerated", lambda _: True)
    return loaded


def test_parts_that_wait_in_main_memory_paint_the_same(card: Loaded) -> None:
    whole = np.asarray(_made(card, memory="full").images[0].value)
    for mode in ("low", "full", "lowest", "low", "lowest", "full"):
        for _ in range(2):
            assert np.array_equal(whole, np.asarray(_made(card, memory=mode).images[0].value)), mode
        assert card.state["memory"] == mode
    assert not any(hasattr(module, "_hf_hook") for module in card.pipe.unet.modules())
    assert not getattr(card.pipe, "_all_hooks", None)


def test_previews_need_no_part_to_move_between_steps(card: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    card.previewer.interval, card.previewer.share = 0, math.inf  # one is due at every step, however slow they are
    for mode in ("low", "lowest"):
        memory.arrange(card, mode, FakeContext())
        with monkeypatch.context() as patch:
            patch.setattr(card.pipe.vae, "encode", None)  # a fit would fail, and there would be no previews
            assert len(_made(card, memory=mode, steps=3).previews) == 3


def test_automatic_takes_what_fits(card: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [
        sum(weight.nbytes for weight in part.parameters())
        for part in (card.pipe.unet, card.pipe.vae, card.pipe.text_encoder)
    ]
    working = memory._WORKING
    for free, mode in ((sum(sizes), "full"), (max(sizes), "low"), (0, "lowest")):
        card.state.clear()
        monkeypatch.setattr(memory, "_free", lambda _, free=free: free + working)
        _made(card)
        assert card.state["memory"] == mode
    monkeypatch.setattr(memory, "_free", lambda _: 1 << 60)
    _made(card)
    assert card.state["memory"] == "lowest"  # not moved about between jobs


def test_what_a_failed_placement_left_on_the_card_is_not_counted(card: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the parts are there when it fails; they go before it is asked what fits, or a slower way is taken."""
    done: list[str] = []
    for name in ("_release", "_fastest"):
        plain = getattr(memory, name)
        monkeypatch.setattr(memory, name, lambda loaded, name=name, plain=plain: done.append(name) or plain(loaded))
    card.state.clear()
    with monkeypatch.context() as patch:
        patch.setattr(memory, "_place", _full)
        with pytest.raises(StudioError) as failed:
            memory.arrange(card, "auto", FakeContext())
    assert failed.value.code == "memory"
    done.clear()
    memory.arrange(card, "auto", FakeContext())
    assert done[:2] == ["_release", "_fastest"]
    assert card.state["memory"]


def _full(*_: Any) -> None:
    raise MemoryError


def test_the_sentence_says_what_is_left_to_try(card: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    for mode, words in (("full", "less memory"), ("low", "less memory"), ("lowest", "smaller model")):
        _made(card, memory=mode)
        with monkeypatch.context() as patch:
            patch.setattr(card.pipe.unet.conv_in, "forward", Short(card.pipe.unet.conv_in.forward, 1))
            with pytest.raises(StudioError) as caught:
                _made(card, memory=mode)
        assert words in str(caught.value)
        assert caught.value.params["memory"] == mode
        _made(card, memory=mode)


def test_the_decoder_may_have_the_card_alone(card: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = card.pipe.vae.decoder
    monkeypatch.setattr(decoder, "forward", Short(decoder.forward, 2))
    assert _made(card, memory="full").images


def test_large_tiles_are_made_smaller() -> None:
    import diffusers

    library: Any = diffusers
    vae = library.AutoencoderKL(sample_size=1024, norm_num_groups=4, block_out_channels=(4,))
    before = vae.tile_sample_min_size / vae.tile_latent_min_size
    assert memory._tile(vae)
    assert vae.tile_sample_min_size == memory.TILE
    assert vae.tile_sample_min_size / vae.tile_latent_min_size == before
    assert not memory._tile(None)
    assert not memory._tile(torch.nn.Linear(1, 1))


def test_broken_weights_are_said(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.no_grad():
        loaded.pipe.unet.conv_out.bias.fill_(float("nan"))
    with pytest.raises(StudioError) as caught:
        _made(loaded)
    assert caught.value.code == "nan"
    assert "NaN" in str(caught.value)


def test_an_autoencoder_that_overflows_works_in_float32() -> None:
    class Vae(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float16))

        @property
        def dtype(self) -> torch.dtype:
            return self.weight.dtype

    vae = Vae()

    class Pipe:
        pass

    pipe: Any = Pipe()
    pipe.vae = vae
    latents = torch.zeros(1, 4, 2, 2)

    def decode() -> np.ndarray:
        return np.full((1, 2, 2, 3), 0.5 if vae.dtype == torch.float32 else np.nan, np.float32)

    assert np.isfinite(faults.mended(pipe, decode(), latents, decode)).all()
    assert vae.dtype == torch.float16
    with pytest.raises(StudioError):
        faults.mended(pipe, decode(), latents * float("nan"), decode)
    assert vae.dtype == torch.float16


def test_black_is_told_but_delivered() -> None:
    ctx = FakeContext()
    faults.checked(np.full((1, 4, 4, 3), 0.2, np.float32), ctx)
    assert not ctx.notices
    faults.checked(np.zeros((2, 4, 4, 3), np.float32), ctx)
    assert len(ctx.notices) == 1

"""Previews: the fitted map shows the colours that the autoencoder's latents stand for, whatever its layout."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_studio.engines.image.diffusion import preview
from aigc_studio.engines.image.diffusion.preview import Previewer, chart


class LinearVae(torch.nn.Module):
    """An autoencoder whose latents are the mean colours of 8 x 8 pixels, mixed: what a fit must undo."""

    def __init__(self, channels: int = 4, frames: bool = False, **config: Any) -> None:
        super().__init__()
        kind = torch.nn.Conv3d if frames else torch.nn.Conv2d
        self.mix = kind(3, channels, 1)
        self.frames = frames
        self.config = SimpleNamespace(block_out_channels=(1, 1, 1, 1), **config)
        torch.manual_seed(5)
        torch.nn.init.normal_(self.mix.weight)

    def encode(self, pixels: torch.Tensor) -> Any:
        assert pixels.ndim == (5 if self.frames else 4)
        assert max(pixels.shape[-2:]) <= 256
        flat = pixels[:, :, 0] if self.frames else pixels
        small = torch.nn.functional.avg_pool2d(flat, 8)
        return SimpleNamespace(
            latent_dist=SimpleNamespace(mode=lambda: self.mix(small[:, :, None] if self.frames else small))
        )


def _picture() -> np.ndarray:
    """float32 (64, 96, 3): four quarters of their own colour with a gradient."""
    picture = np.zeros((64, 96, 3), np.float32)
    picture[:32, :48] = (1, 0.2, 0)
    picture[:32, 48:] = (0, 0.5, 1)
    picture[32:, :48] = (0.9, 0.9, 0.9)
    picture[32:, 48:] = np.linspace(0, 1, 48)[None, :, None]
    return picture


def _encoded(vae: LinearVae, picture: np.ndarray) -> torch.Tensor:
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None] * 2 - 1
    with torch.no_grad():
        return vae.encode(pixels[:, :, None] if vae.frames else pixels).latent_dist.mode()


def _shows(image: Image.Image, picture: np.ndarray) -> None:
    small = Image.fromarray(np.rint(picture * 255).astype(np.uint8)).resize((12, 8), Image.Resampling.BOX)
    seen = image.resize((12, 8), Image.Resampling.BOX)
    difference = np.abs(np.asarray(small, int) - np.asarray(seen, int))
    assert difference.max() < 60  # the enlargement blends neighbours
    assert difference.mean() < 12


@pytest.mark.parametrize("frames", [False, True])
@pytest.mark.parametrize("channels", [4, 16])
def test_the_colours_are_found(frames: bool, channels: int) -> None:
    config = {"scaling_factor": 0.5, "shift_factor": 0.3}
    if frames:
        draw = np.random.default_rng(1)
        config = {"latents_mean": list(draw.normal(size=channels)), "latents_std": list(draw.uniform(1, 2, channels))}
    vae = LinearVae(channels, frames, **config)
    latents = _encoded(vae, _picture())
    if frames:
        shape = (1, -1, 1, 1, 1)
        mean, deviation = (torch.tensor(config[name]).view(shape) for name in ("latents_mean", "latents_std"))
        latents = ((latents - mean) / deviation).float()
    else:
        latents = (latents - 0.3) * 0.5
    image = Previewer(SimpleNamespace(vae=vae)).picture(latents, (96, 64))
    assert image is not None
    assert image.size == (96, 64)
    _shows(image, _picture())


def test_packed_latents_are_unpacked() -> None:
    vae = LinearVae(16, scaling_factor=1.0)
    latents = _encoded(vae, _picture())
    packed = latents.view(1, 16, 4, 2, 6, 2).permute(0, 2, 4, 1, 3, 5).reshape(1, 24, 64)

    def unpack(latents: torch.Tensor, height: int, width: int, factor: int) -> torch.Tensor:
        assert (height, width, factor) == (64, 96, 8)
        return latents.view(-1, 4, 6, 16, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(-1, 16, 8, 12)

    pipe = SimpleNamespace(vae=vae, _unpack_latents=unpack, vae_scale_factor=8)
    image = Previewer(pipe).picture(packed, (96, 64))
    assert image is not None
    _shows(image, _picture())


def test_packed_latents_of_another_size_keep_their_shape() -> None:
    pipe = SimpleNamespace(vae_scale_factor=8)
    for size, count, made_at in (
        ((96, 64), 24, (96, 64)),
        ((672, 800), 58 * 70, (928, 1120)),
        ((512, 512), 64 * 64, (1024, 1024)),
    ):
        assert preview._packed_size(pipe, torch.zeros(1, count, 64), size) == made_at
    assert preview._packed_size(pipe, torch.zeros(1, 4, 8, 8), (64, 64)) == (64, 64)


def test_large_pictures_give_small_previews() -> None:
    vae = LinearVae(4, scaling_factor=1.0)
    image = Previewer(SimpleNamespace(vae=vae)).picture(torch.zeros(2, 4, 256, 128), (1024, 2048))
    assert image is not None
    assert image.size == (256, 512)


def test_at_most_ten_a_second_and_two_percent_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0, cost=0.001)

    def monotonic() -> float:
        clock.now += clock.cost / 2
        return clock.now

    monkeypatch.setattr(preview, "time", SimpleNamespace(monotonic=monotonic))
    previewer = Previewer(SimpleNamespace(vae=LinearVae(4, scaling_factor=1.0)))
    for cost, most in ((0.001, 10), (0.05, 1)):
        clock.cost = cost
        end, count = clock.now + 10, 0
        while clock.now < end:
            clock.now += 0.01
            count += previewer.picture(torch.zeros(1, 4, 8, 8), (64, 64)) is not None
        assert 1 <= count <= 10 * most


def test_a_model_without_previews_still_runs(caplog: pytest.LogCaptureFixture) -> None:
    latents = torch.zeros(1, 4, 8, 8)
    assert Previewer(SimpleNamespace()).picture(latents, (64, 64)) is None
    broken = LinearVae(4, scaling_factor=1.0)
    with torch.no_grad():
        broken.mix.weight.fill_(float("nan"))
    previewer = Previewer(SimpleNamespace(vae=broken))
    assert previewer.picture(latents, (64, 64)) is None
    assert previewer.picture(latents, (64, 64)) is None
    assert len(caplog.records) == 1


def test_not_a_number_is_drawn_without_a_warning() -> None:
    previewer = Previewer(SimpleNamespace(vae=LinearVae(4, scaling_factor=1.0)))
    assert previewer.picture(torch.full((1, 4, 8, 8), float("nan")), (64, 64)) is not None


def test_the_chart_has_every_kind_of_colour() -> None:
    for side, cell in ((128, 8), (256, 16), (256, 32)):
        colours = chart(side, cell)
        assert colours.shape == (side, side, 3)
        assert colours.min() == 0
        assert colours.max() == 1
        assert np.linalg.matrix_rank(colours.reshape(-1, 3)) == 3
        assert np.array_equal(colours, chart(side, cell))

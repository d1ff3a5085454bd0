"""Noise, weights and latents of diffusion from scratch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from aigc_studio.nets.diffusion import (
    SHAPES,
    Noise,
    make_autoencoder,
    make_scheduler,
    make_unet,
    normalise_latents,
    picture_loss,
    set_scaling_factor,
)


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
def test_what_is_predicted_gives_the_picture_back(prediction: str) -> None:
    noise = Noise(make_scheduler(prediction))
    latents, times = torch.randn(6, 4, 4, 4), torch.tensor([0, 100, 400, 700, 900, 990])
    noisy, wanted = noise.add(latents, torch.randn_like(latents), times)
    assert torch.allclose(noise.clean(noisy, wanted, times), latents, atol=1e-3)


def test_the_last_level_is_nothing_but_noise_and_still_teaches() -> None:
    noise = Noise(make_scheduler())
    latents, draws = torch.randn(1, 4, 2, 2), torch.randn(1, 4, 2, 2)
    last = torch.tensor([noise.levels - 1])
    noisy, wanted = noise.add(latents, draws, last)
    assert torch.equal(noisy, draws)
    assert torch.allclose(wanted, -latents)  # where the colours are decided
    weights = noise.weights(torch.arange(noise.levels))
    assert weights[-1] == 1.0
    assert weights[0] < 0.01
    assert bool((weights.diff() >= 0).all())


@pytest.mark.parametrize("name", ["EulerDiscreteScheduler", "DPMSolverMultistepScheduler", "UniPCMultistepScheduler"])
def test_samplers_agree_on_the_schedule(name: str) -> None:
    """Those that know the flag and those that do not: levels within a ten-thousandth of the learned ones."""
    import diffusers

    config: Any = make_scheduler().config
    other = getattr(diffusers, name).from_config(config)
    assert (other.alphas_cumprod - Noise(make_scheduler()).alphas).abs().max() < 1e-4


def test_times_cover_all_levels_evenly() -> None:
    noise = Noise(make_scheduler())
    times = noise.times(20).sort().values
    assert bool((times // 50 == torch.arange(20)).all())


def test_normal_latents_and_the_same_pictures() -> None:
    torch.manual_seed(1)
    vae: Any = make_autoencoder(SHAPES["tiny"], 16).eval()
    pictures = torch.rand(8, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        before = vae.encode(pictures).latent_dist
        shown = vae.decode(before.mean).sample
        mean, spread = before.mean.mean((0, 2, 3)), before.mean.std((0, 2, 3))
        normalise_latents(vae, mean, spread)
        after = vae.encode(pictures).latent_dist
        assert after.mean.mean((0, 2, 3)).abs().max() < 1e-5
        found = after.mean.std((0, 2, 3))
        assert torch.allclose(found, found[:1].expand(4), rtol=1e-4)
        assert torch.allclose(vae.decode(after.mean).sample, shown, atol=1e-4)
        assert torch.allclose(after.std[0, 1] / before.std[0, 1], found[1] / spread[1], rtol=1e-4)
    set_scaling_factor(vae, float(found[0]))
    assert vae.config.scaling_factor == pytest.approx(1 / float(found[0]))


@pytest.mark.parametrize("name", list(SHAPES))
def test_sizes_fit_one_another(name: str) -> None:
    shape = SHAPES[name]
    with torch.device("meta"):
        nets: list[Any] = [make_autoencoder(shape, 64), make_unet(shape, 64)]
        vae, unet = nets
        latents = vae.encode(torch.zeros(1, 3, 64, 64)).latent_dist.parameters[:, : shape.latents]
        assert latents.shape[2] == 64 // shape.factor == unet.config.sample_size
        words = torch.zeros(1, 5, shape.text)
        assert unet(latents, torch.zeros(1), words).sample.shape == latents.shape
    for net in (vae, unet):
        norms = [part for part in net.modules() if isinstance(part, torch.nn.GroupNorm)]
        assert min(part.num_channels // part.num_groups for part in norms) >= 16  # fewer lose flat colours
    assert unet.config.cross_attention_dim == shape.text not in (768, 1024, 2048)


def test_the_loss_of_pictures_sees_edges() -> None:
    flat = torch.zeros(1, 3, 16, 16)
    edge = flat.clone()
    edge[..., 8:] = 0.5
    shifted = flat + 0.25  # the same difference on average, and none of it an edge
    assert picture_loss(flat, flat).item() == 0
    assert picture_loss(flat, edge) > picture_loss(flat, shifted)


def test_a_scheduler_is_what_the_library_reads(tmp_path: Any) -> None:
    make_scheduler().save_pretrained(tmp_path)
    read: Any = DDIMScheduler.from_pretrained(tmp_path)
    assert read.config.rescale_betas_zero_snr
    read.set_timesteps(20)
    assert int(read.timesteps[0]) == 999

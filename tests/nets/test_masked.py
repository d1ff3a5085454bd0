"""The masked autoencoder's network: patches there and back, hidden ones truly hidden, features that tell apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from aigc_studio.nets import files
from aigc_studio.nets.masked import Encoder, positions


@pytest.fixture
def encoder() -> Encoder:
    """A very small one, the same each time."""
    torch.manual_seed(1)
    return Encoder(size=16, patch=4, width=24, layers=3, heads=2, decoder_width=16, decoder_layers=1)


@pytest.fixture
def pictures() -> torch.Tensor:
    """Five pictures of noise."""
    return torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(2)) * 2 - 1


def test_patches_are_cut_row_by_row_and_joined_again(encoder: Encoder, pictures: torch.Tensor) -> None:
    patches = encoder.cut(pictures)
    assert patches.shape == (5, 16, 48)
    assert torch.equal(patches[:, 1].reshape(5, 3, 4, 4), pictures[:, :, :4, 4:8])
    assert torch.equal(encoder.join(patches), pictures)


def test_what_is_hidden_is_not_seen(encoder: Encoder, pictures: torch.Tensor) -> None:
    seen = torch.stack([torch.randperm(16, generator=torch.Generator().manual_seed(i))[:5] for i in range(5)])
    changed = encoder.cut(pictures).clone()
    for row, shown in enumerate(seen):
        hidden = [place for place in range(16) if place not in shown.tolist()]
        changed[row, hidden] = 9.0
    made = encoder(pictures, seen)
    torch.testing.assert_close(encoder(encoder.join(changed), seen), made)
    assert not torch.allclose(encoder(encoder.join(changed)), encoder(pictures))


def test_seeing_everything_in_any_order_is_seeing_everything(encoder: Encoder, pictures: torch.Tensor) -> None:
    order = torch.stack([torch.randperm(16, generator=torch.Generator().manual_seed(i)) for i in range(5)])
    torch.testing.assert_close(encoder(pictures, order), encoder(pictures), atol=1e-5, rtol=1e-4)


def test_features_take_any_size_and_grey_and_do_not_mix_pictures(encoder: Encoder, pictures: torch.Tensor) -> None:
    features = encoder.features(pictures)
    assert features.shape == (5, 24)
    torch.testing.assert_close(encoder.features(pictures[2:3])[0], features[2], atol=1e-5, rtol=1e-4)
    assert encoder.features(torch.rand(2, 1, 33, 20)).shape == (2, 24)


def test_distance_is_nought_for_the_same_and_grows_with_the_change(encoder: Encoder, pictures: torch.Tensor) -> None:
    torch.testing.assert_close(encoder.distance(pictures, pictures), torch.zeros(5))
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(3))
    near, far = (encoder.distance(pictures, pictures + amount * noise) for amount in (0.05, 0.5))
    assert bool((far > 4 * near).all())
    changed = pictures.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(encoder.distance(changed, pictures + 0.1).sum(), changed)
    assert float(gradient.abs().min()) > 0


def test_it_is_rebuilt_from_its_config(encoder: Encoder, pictures: torch.Tensor) -> None:
    again = Encoder(**encoder.config())
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(again(pictures), encoder(pictures))


def test_every_place_has_its_own_position() -> None:
    places = positions(8, 32)[0]
    assert places.shape == (64, 32)
    apart = torch.cdist(places, places) + torch.eye(64) * 9
    assert float(apart.min()) > 0.5
    with pytest.raises(ValueError):
        positions(8, 30)
    with pytest.raises(ValueError):
        Encoder(size=20, patch=8)


def test_it_is_kept_as_a_folder(encoder: Encoder, pictures: torch.Tensor, tmp_path: Path) -> None:
    files.save(tmp_path, encoder)
    loaded = files.load(tmp_path)
    assert isinstance(loaded.net, Encoder)
    assert torch.equal(loaded.net.features(pictures), encoder.features(pictures))

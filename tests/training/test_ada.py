"""Adaptive augmentation: nothing at rest, each change is what it says, differentiable, steered by the signs."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.training.ada import LIMIT, Adaptive, augment, colour_matrices, recolour, warp, warp_matrices


@pytest.fixture
def pictures() -> torch.Tensor:
    """Sixteen small pictures of noise in [-1, 1]."""
    return torch.rand(16, 3, 12, 12, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_nothing_changes_at_probability_nought(pictures: torch.Tensor) -> None:
    assert augment(pictures, 0.0) is pictures
    torch.testing.assert_close(warp(pictures, warp_matrices(16, 0.0)), pictures)
    torch.testing.assert_close(recolour(pictures, colour_matrices(16, 0.0)), pictures)


@pytest.mark.parametrize("probability", [0.2, 0.8])
def test_the_unchanged_place_is_the_commonest(probability: float) -> None:
    """Each of five changes leaves 1 - p; the two turns together count once and half the flips are none."""
    torch.manual_seed(3)
    matrices = warp_matrices(20_000, probability)
    still = (matrices - torch.eye(3)[:2]).abs().amax(dim=(1, 2)) < 1e-6
    expected = (1 - probability / 2) * (1 - probability) ** 4
    assert abs(float(still.float().mean()) - expected) < 0.02


def test_a_flip_is_a_flip(pictures: torch.Tensor) -> None:
    flip = torch.tensor([[-1.0, 0, 0], [0, 1, 0]]).repeat(16, 1, 1)
    torch.testing.assert_close(warp(pictures, flip), pictures.flip(3))


def test_a_shift_moves_by_whole_pixels_and_mirrors_beyond_the_edge(pictures: torch.Tensor) -> None:
    pixels = 3
    shift = torch.tensor([[1.0, 0, 2 * pixels / 12], [0, 1, 0]]).repeat(16, 1, 1)
    moved = warp(pictures, shift)
    torch.testing.assert_close(moved[..., :-pixels], pictures[..., pixels:])
    torch.testing.assert_close(moved[..., -pixels:], pictures[..., -pixels:].flip(3))


@given(st.integers(0, 1000), st.floats(0.05, 0.8))
def test_colours_keep_greys_grey(seed: int, probability: float) -> None:
    """Hue and saturation turn about the greys; brightness and contrast treat all channels alike."""
    torch.manual_seed(seed)
    greys = torch.linspace(-1, 1, 9).expand(4, 3, 1, 9)
    made = recolour(greys, colour_matrices(4, probability))
    torch.testing.assert_close(made, made[:, :1].expand_as(made), atol=1e-5, rtol=1e-4)


def test_grey_and_transparent_pictures_are_taken(pictures: torch.Tensor) -> None:
    torch.manual_seed(2)
    assert augment(pictures[:, :1], 0.8).shape == (16, 1, 12, 12)
    with_alpha = torch.cat([pictures, pictures[:, :1]], dim=1)
    made = recolour(with_alpha, colour_matrices(16, 0.8))
    torch.testing.assert_close(made[:, 3], pictures[:, 0])
    assert not torch.allclose(made[:, :3], pictures)


def test_it_is_differentiable_and_a_function_of_the_seed(pictures: torch.Tensor) -> None:
    pictures.requires_grad_(True)
    torch.manual_seed(5)
    first = augment(pictures, 0.6)
    (gradient,) = torch.autograd.grad(first.square().sum(), pictures)
    touched = gradient.abs().sum(dim=(1, 2, 3))
    assert bool((touched > 0).all())
    assert bool(torch.isfinite(first).all())
    torch.manual_seed(5)
    assert torch.equal(first, augment(pictures, 0.6))
    torch.manual_seed(6)
    assert not torch.equal(first, augment(pictures, 0.6))


def test_the_probability_rises_when_real_pictures_are_known_by_heart_and_falls_when_not() -> None:
    adaptive = Adaptive(span=1000, every=2)
    for _ in range(10):
        adaptive.observe(torch.ones(20, 1))
        adaptive.adjust(20)
    assert adaptive.probability == pytest.approx(0.2)  # 10 steps of 20 pictures of 1000
    for _ in range(4):
        adaptive.observe(torch.cat([torch.ones(12), -torch.ones(8)]))  # 0.2, under 0.6
        adaptive.adjust(20)
    assert adaptive.probability == pytest.approx(0.12)
    for _ in range(1000):
        adaptive.observe(torch.ones(20))
        adaptive.adjust(20)
    assert adaptive.probability == LIMIT
    for _ in range(1000):
        adaptive.observe(-torch.ones(20))
        adaptive.adjust(20)
    assert adaptive.probability == 0.0


def test_a_state_kept_between_adjustments_goes_on_as_if_never_stopped() -> None:
    one, other = Adaptive(span=500, every=4), Adaptive(span=500, every=4)
    for step in range(7):
        if step == 2:  # in the middle of the four
            again = Adaptive(span=500, every=4)
            again.restore(other.state())
            other = again
        for adaptive in (one, other):
            adaptive.observe(torch.tensor([1.0, 1.0, 1.0, math.copysign(1.0, step - 1)]))
            adaptive.adjust(4)
    assert one == other
    assert one.probability > 0


def test_small_sets_are_augmented_sooner() -> None:
    assert Adaptive.for_set(3).span == 10_000
    assert Adaptive.for_set(200).span == 10_000
    assert Adaptive.for_set(2000).span == 100_000
    assert Adaptive.for_set(100_000).span == 500_000

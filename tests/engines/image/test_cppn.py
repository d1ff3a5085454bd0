"""The painter's mathematics: equal however cut, seamless where asked, symmetric where asked, never out of bounds."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_studio.engines.image.cppn import (
    BLOCK,
    PATTERNS,
    SPAN,
    SYMMETRIES,
    Dice,
    Network,
    Paint,
    Painting,
    Style,
    product,
)

PALETTE = ("#0b132b", "#9a2550", "#3a70ab", "#5bc0be", "#f4f1de")

styles = st.builds(
    Style,
    scale=st.floats(0.2, 4),
    detail=st.floats(0, 1),
    contrast=st.floats(0.2, 6),
    ramp=st.floats(0, 0.95),
    warp=st.floats(0, 3),
    relief=st.floats(0, 1.4),
    gloss=st.floats(0, 1.2),
    exposure=st.floats(0, 1.2),
    grain=st.floats(0, 1),
    vignette=st.floats(0, 1),
    symmetry=st.sampled_from(SYMMETRIES),
    folds=st.integers(2, 24),
    seamless=st.booleans(),
    **{pattern: st.sampled_from([0.0, 0.0, 0.5, 1.5]) for pattern in PATTERNS},
)
seeds = st.integers(0, 2**32 - 1)


def picture(painting: Painting, width: int, height: int) -> np.ndarray:
    paint = Paint(painting, width, height)
    return np.concatenate([paint.block(index) for index in range(paint.blocks)]).reshape(height, width, 3)


def test_dice_are_the_same_for_ever():
    """Recipes of old pictures depend on these numbers."""
    dice = Dice(1, 2)
    assert dice.uniform(3).tolist() == pytest.approx(
        [0.44841514333227195, 0.4308819875443376, 0.4199991293921922], rel=1e-15
    )
    assert dice.normal(2).tolist() == pytest.approx([0.7664228555506867, 1.5496156279969509], rel=1e-12)
    assert dice.pick({"a": 0.0, "b": 1.0}) == "b"


def test_dice_are_fair():
    dice = Dice(5)
    uniform, normal = dice.uniform(20000), dice.normal(20000)
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03


@settings(max_examples=25, deadline=None)
@given(styles, seeds, st.integers(8, 90), st.integers(8, 90))
def test_any_style_paints_every_pixel_twice_the_same(style, seed, width, height):
    painting = Painting(seed, PALETTE, (), style)
    first = picture(painting, width, height)
    assert first.shape == (height, width, 3)
    assert np.array_equal(first, picture(painting, width, height))
    assert np.array_equal(first, picture(Painting.from_json(painting.to_json()), width, height))


@settings(max_examples=10, deadline=None)
@given(styles, seeds, st.permutations(range(4)))
def test_blocks_are_equal_in_any_order(style, seed, order):
    paint = Paint(Painting(seed, PALETTE, (), style), 211, 140)
    assert paint.blocks == 4
    at_once = [Paint(Painting(seed, PALETTE, (), style), 211, 140).block(index) for index in range(4)]
    for index in order:
        assert np.array_equal(paint.block(index), at_once[index])
    assert sum(len(block) for block in at_once) == 211 * 140


@settings(max_examples=25, deadline=None)
@given(styles, seeds, st.sampled_from([(64, 64), (96, 48), (40, 88)]))
def test_seamless_tiles_meet_at_their_edges(style, seed, size):
    """The step across the edge is no larger than the steps beside it, horizontally and vertically."""
    width, height = size
    style = replace(style, seamless=True, grain=0.0, contrast=min(style.contrast, 1.5), scale=max(0.5, style.scale))
    network = Network(Painting(seed, PALETTE, (), style), (width / min(size), height / min(size)))
    a, b = network.inside
    place = np.linspace(-1, 1, 57)
    for x1, y1, x2, y2 in (
        (-a + 0 * place, b * place, a + 0 * place, b * place),
        (a * place, -b + 0 * place, a * place, b + 0 * place),
    ):
        one, two = network.outputs(x1, y1), network.outputs(x2, y2)
        assert np.abs(one - two).max() < 2e-2 * max(1.0, np.abs(one).max())


@pytest.mark.parametrize("pattern", ["", *PATTERNS])
def test_seamless_pixels_wrap(pattern):
    style = Style(seamless=True, grain=0.0, detail=0.4)
    if pattern:
        style = Style.from_json({**asdict(style), pattern: 1.0})
    image = picture(Painting(11, PALETTE, (), style), 192, 128).astype(int)
    for axis in (0, 1):
        inside = np.abs(np.diff(image, axis=axis)).mean(axis=(1 - axis, 2))
        across = np.abs(image.take(0, axis) - image.take(-1, axis)).mean()
        assert across <= inside.max() * 1.1 + 1


def test_without_seamless_the_edges_differ():
    image = picture(Painting(11, PALETTE, (), Style(grain=0.0)), 128, 128).astype(int)
    assert np.abs(image[:, 0] - image[:, -1]).mean() > 8


@pytest.mark.parametrize("seamless", [False, True])
def test_symmetry(seamless):
    def outputs(symmetry, x, y):
        style = Style(symmetry=symmetry, seamless=seamless, folds=6)
        return Network(Painting(3, PALETTE, (), style), (1.0, 1.0)).outputs(np.array(x), np.array(y))

    x, y = [0.3, 0.7, -0.2, 0.55], [0.1, -0.6, 0.8, 0.35]
    left, top = [-value for value in x], [-value for value in y]
    for symmetry, twins in (
        ("horizontal", [(left, y)]),
        ("vertical", [(x, top)]),
        ("both", [(left, y), (x, top), (left, top)]),
        ("radial", [(left, y)]),
    ):
        for twin in twins:
            np.testing.assert_allclose(outputs(symmetry, x, y), outputs(symmetry, *twin), atol=5e-3)
    assert np.abs(outputs("none", x, y) - outputs("none", left, y)).max() > 0.1


def test_the_radial_symmetry_has_its_folds():
    style = Style(symmetry="radial", folds=5)
    network = Network(Painting(3, PALETTE, (), style), (1.0, 1.0))
    angle = np.arange(5) * 2 * np.pi / 5 + 0.3
    turned = network.outputs(0.7 * np.cos(angle), 0.7 * np.sin(angle))
    np.testing.assert_allclose(turned, turned[:, :1].repeat(5, axis=1), atol=5e-3)


def test_another_size_is_the_same_picture():
    painting = Painting(8, PALETTE, (), Style(grain=0.0))
    small = picture(painting, 96, 64).astype(float)
    large = picture(painting, 288, 192).astype(float).reshape(64, 3, 96, 3, 3).mean(axis=(1, 3))
    assert np.abs(small - large).mean() < 3


def test_a_nudge_is_a_neighbour():
    painting = Painting(8, PALETTE, (), Style(grain=0.0))
    start = picture(painting, 64, 64).astype(float)
    distances = [np.abs(picture(painting.nudged(5, amount), 64, 64) - start).mean() for amount in (0.0, 0.05, 0.3, 1.0)]
    assert distances[0] == 0
    assert 0 < distances[1] < distances[2]
    assert distances[1] < distances[3] * 0.5


def test_the_palette_is_used():
    """Each picture shows most of it, and over some pictures no colour is left out."""
    wanted = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in PALETTE])
    shares = []
    for seed in range(10):
        flat = Style(grain=0, relief=0, gloss=0, exposure=0, vignette=0)
        pixels = picture(Painting(seed, PALETTE, (), flat), 72, 72).reshape(-1, 3).astype(int)
        nearest = np.abs(pixels[:, None] - wanted).sum(axis=2).argmin(axis=1)
        shares.append(np.bincount(nearest, minlength=len(PALETTE)) / len(pixels))
    assert (np.sum(np.array(shares) > 0.05, axis=1) >= 3).all(), shares
    assert (np.mean(shares, axis=0) > 0.04).all(), shares


@given(st.integers(1, 3), st.integers(1, 24))
def test_products_in_spans_are_products(spans, rows):
    rng = np.random.default_rng(rows)
    matrix = rng.normal(size=(rows, 7)).astype(np.float32)
    level = rng.normal(size=(7, spans * SPAN + 5)).astype(np.float32)
    np.testing.assert_allclose(product(matrix, level), matrix @ level, atol=1e-4)


def test_recipes_that_are_none_are_refused():
    good = Painting(1, PALETTE).to_json()
    for bad in ({}, {**good, "palette": ["#12"]}, {**good, "palette": ["#123456"]}, {**good, "seed": "x"}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            Painting.from_json(bad)
    assert Painting.from_json({**good, "style": {"unknown": 1, **good["style"]}}) == Painting.from_json(good)


def test_a_block_is_a_whole_number_of_spans():
    assert BLOCK % SPAN == 0

"""Masks: exact distances, opacities that end where they say, and untouched pixels that stay bit-identical."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from aigc_studio.core import masking
from aigc_studio.core.errors import StudioError
from aigc_studio.core.masking import bounds, composite, distance_outside, feather, grow, mask_from_image

sides = st.integers(1, 24)
masks = hnp.arrays(np.uint8, st.tuples(sides, sides), elements=st.sampled_from([0, 0, 0, 60, 128, 255]))


def brute_force(inside: np.ndarray) -> np.ndarray:
    points = np.argwhere(inside)
    grid = np.indices(inside.shape).transpose(1, 2, 0)[:, :, None, :]
    if not len(points):
        return np.full(inside.shape, np.inf)
    return np.sqrt(((grid - points) ** 2).sum(-1).min(-1))


@given(masks, st.integers(1, 12))
def test_distance_is_exact_up_to_its_limit(mask, limit):
    inside = mask >= 128
    expected = brute_force(inside)
    expected[expected > limit] = np.inf
    np.testing.assert_allclose(distance_outside(inside, limit), expected, rtol=1e-6)


@given(masks, st.floats(0, 15), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_pixels_outside_mask_and_feather_are_bit_identical(mask, px, seed):
    rng = np.random.default_rng(seed)
    original = rng.integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
    painted = rng.integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
    opacity = feather(mask, px)
    result = composite(original, painted, opacity)
    outside = (brute_force(mask >= 128) > px) & (mask == 0)
    assert np.array_equal(result[outside], original[outside])
    assert (opacity[outside] == 0).all()
    assert np.array_equal(result[mask == 255], painted[mask == 255])
    low, high = np.minimum(original, painted), np.maximum(original, painted)
    assert ((result >= low) & (result <= high)).all()


@given(masks)
def test_composite_of_a_picture_with_itself_is_the_picture(mask):
    picture = np.random.default_rng(1).integers(0, 256, (*mask.shape, 4), dtype=np.uint8)
    assert np.array_equal(composite(picture, picture, feather(mask, 5)), picture)


def test_the_feather_falls_steadily():
    mask = np.zeros((1, 40), np.uint8)
    mask[0, :10] = 255
    opacity = feather(mask, 8)[0]
    assert (opacity[:10] == 1).all()
    assert (np.diff(opacity[9:19]) < 0).all()
    assert (opacity[18:] == 0).all()
    assert opacity[17] > 0


@given(masks, st.integers(1, 6))
def test_growing_covers_the_distance_and_shrinking_undoes_no_more(mask, px):
    solid = mask >= 128
    assert np.array_equal(grow(mask, px) >= 128, brute_force(solid) <= px)
    assert np.array_equal(grow(mask, -px) >= 128, brute_force(~solid) > px)


def test_a_mask_is_read_from_alpha_or_brightness_and_must_fit():
    image = Image.new("RGBA", (3, 2), (255, 255, 255, 0))
    image.putpixel((1, 0), (0, 0, 0, 255))
    assert mask_from_image(image, (3, 2)).tolist() == [[0, 255, 0], [0, 0, 0]]
    assert mask_from_image(Image.new("L", (2, 2), 200), (2, 2)).tolist() == [[200, 200], [200, 200]]
    assert mask_from_image(Image.new("RGBA", (1, 1), (255, 255, 255, 255)), (1, 1)).tolist() == [[255]]
    with pytest.raises(StudioError, match="4 x 4"):
        mask_from_image(Image.new("L", (2, 2)), (4, 4))


def test_bounds():
    mask = np.zeros((5, 7), np.uint8)
    assert bounds(mask) is None
    mask[1, 2] = mask[3, 4] = 1
    assert bounds(mask) == (2, 1, 5, 4)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="shapes differ"):
        composite(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3, 3), np.uint8), np.zeros((2, 2)))


@settings(max_examples=60, deadline=None)
@given(masks, st.integers(0, 30), st.integers(3, 40))
def test_a_feathered_part_is_that_part_of_the_whole(mask, px, tile):
    before, masking._TILE = masking._TILE, tile
    try:
        found = masking.feathered_part(mask, px)
    finally:
        masking._TILE = before
    whole = feather(mask, px)
    if found is None:
        assert not whole.any()
        return
    box, opacity = found
    assert box == bounds(whole)
    assert np.array_equal(opacity, whole[box[1] : box[3], box[0] : box[2]])

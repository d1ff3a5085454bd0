"""Buckets have their proportions and area, crops lie within their picture, nothing is stretched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aigc_studio.core.datasets.buckets import assign, buckets, crop_box, fit, pad

sides = st.integers(1, 20_000)


@given(st.integers(16, 1536), st.sampled_from([8, 16, 32, 64]), st.floats(1.0, 4.0))
def test_buckets_are_multiples_within_the_area_and_proportions(side: int, multiple: int, ratio: float) -> None:
    found = buckets(side, multiple, ratio)
    square = max(multiple, side // multiple * multiple)
    assert (square, square) in found
    for width, height in found:
        assert width % multiple == height % multiple == 0
        assert min(width, height) > 0
        assert width * height <= square * square
        assert max(width, height) <= ratio * min(width, height)
        assert (height, width) in found
    assert len(set(found)) == len(found)


def test_no_larger_bucket_of_the_same_width_would_fit() -> None:
    for width, height in buckets(512, 64, 2.0):
        assert width * (height + 64) > 512 * 512 or (width + 64) * height > 512 * 512


@given(sides, sides, st.sampled_from([256, 512, 1024]))
def test_a_picture_gets_the_bucket_with_the_nearest_proportions(width: int, height: int, side: int) -> None:
    chosen = assign(width, height, side)

    def distance(size: tuple[int, int]) -> float:
        return abs(np.log(size[0] / size[1]) - np.log(width / height))

    assert distance(chosen) <= min(map(distance, buckets(side))) + 1e-9
    assert assign(height, width, side) == (chosen[1], chosen[0]) or distance(chosen) == pytest.approx(
        distance((chosen[1], chosen[0]))
    )


def test_a_square_picture_gets_the_square() -> None:
    assert assign(100, 100, 512) == (512, 512)
    assert assign(3000, 1000, 512, 64, 2.0) == (704, 320) or assign(3000, 1000, 512)[0] > 512


def test_impossible_buckets_are_refused() -> None:
    with pytest.raises(ValueError):
        buckets(0)


@given(sides, sides, st.integers(1, 2048), st.integers(1, 2048), st.floats(-1, 2), st.floats(-1, 2))
def test_a_crop_lies_within_its_picture(width: int, height: int, w: int, h: int, x: float, y: float) -> None:
    left, top, right, bottom = crop_box(width, height, (w, h), (x, y))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert right - left == width or bottom - top == height  # no more is cut than needed
    exact = max(1.0, min(width, height * w / h)), max(1.0, min(height, width * h / w))
    assert abs((right - left) - exact[0]) <= 0.5 + 1e-6
    assert abs((bottom - top) - exact[1]) <= 0.5 + 1e-6


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 64),
    st.integers(1, 64),
    st.sampled_from(["L", "RGB", "RGBA"]),
)
def test_fitted_and_padded_pictures_have_their_size(width: int, height: int, w: int, h: int, mode: str) -> None:
    image = Image.new(mode, (width, height), (200,) * len(Image.new(mode, (1, 1)).getbands()))
    for made in (fit(image, (w, h)), pad(image, (w, h), "black")):
        assert made.size == (w, h)
        assert made.mode == mode
    assert np.asarray(fit(image, (w, h))).min() == 200  # an even area stays even


def test_nothing_is_stretched() -> None:
    image = Image.new("RGB", (200, 100), "white")
    image.paste("black", (75, 25, 125, 75))  # a square in the middle
    pixels = np.asarray(fit(image, (50, 50)).convert("L")) < 128
    assert abs(pixels.any(axis=0).sum() - pixels.any(axis=1).sum()) <= 1
    whole = np.asarray(pad(image, (50, 50), "white").convert("L")) < 128
    assert abs(whole.any(axis=0).sum() - whole.any(axis=1).sum()) <= 1
    assert whole.sum() < pixels.sum()


def test_transparent_edges_bring_no_hidden_colour() -> None:
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[..., 1] = 255  # green where nothing is seen
    pixels[8:24, 8:24] = (255, 0, 0, 255)
    small = np.asarray(fit(Image.fromarray(pixels), (9, 9)))
    seen = small[small[..., 3] > 0]
    assert seen[:, 1].max() <= 2


def test_padding_is_the_background_or_nothing() -> None:
    assert pad(Image.new("RGB", (10, 20)), (20, 20), "#102030").getpixel((0, 0)) == (16, 32, 48)
    assert pad(Image.new("RGBA", (10, 20), "red"), (20, 20)).getpixel((0, 0)) == (0, 0, 0, 0)

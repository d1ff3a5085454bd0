"""Copies that were saved again, resized or brightened a little are found; other pictures are not taken for copies."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from aigc_studio.core.datasets.looks import alike, look_of
from aigc_studio.core.errors import Cancelled

from .kit import noise


def again(image: Image.Image, quality: int) -> Image.Image:
    """Saved as JPEG and opened."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out)


@given(st.integers(0, 10_000), st.integers(40, 95), st.floats(0.5, 2.0))
def test_copies_look_alike(seed: int, quality: int, scale: float) -> None:
    image = noise(seed, 96, 96)
    side = round(96 * scale)
    assert alike([look_of(image), look_of(again(image, quality)), look_of(image.resize((side, side)))]) == [[0, 1, 2]]


def test_different_pictures_do_not() -> None:
    assert alike([look_of(noise(seed, 64, 64)) for seed in range(300)]) == []


def test_icons_on_one_ground_that_differ_in_a_detail_do_not() -> None:
    faces = []
    for eyes in range(4):
        image = Image.new("RGBA", (128, 128))
        draw = ImageDraw.Draw(image)
        draw.ellipse((8, 8, 120, 120), fill="#ffcc33")
        draw.ellipse((30, 30 + 14 * eyes, 56, 56 + 14 * eyes), fill="black")
        faces.append(image)
    assert alike([look_of(face) for face in faces]) == []
    recoloured = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
    assert alike([look_of(one) for one in recoloured]) == []


def test_a_slow_change_is_no_chain() -> None:
    looks = [look_of(Image.new("RGB", (32, 32), (value, value, value))) for value in range(60)]
    for group in alike(looks):
        assert max(group) - min(group) <= 3


def test_everyone_is_in_one_group_and_follows_its_first() -> None:
    rng = np.random.default_rng(0)
    looks = []
    for seed in rng.integers(0, 40, 300):
        cells = np.asarray(noise(int(seed), 64, 64), dtype=int) + rng.integers(-2, 3, (64, 64, 3))
        looks.append(look_of(Image.fromarray(cells.clip(0, 255).astype(np.uint8))))
    groups = alike(looks)
    members = [index for group in groups for index in group]
    assert len(members) == len(set(members))
    assert all(group == sorted(group) for group in groups)
    assert len(members) > 250


@pytest.mark.parametrize("kind", ["equal", "flat"])
def test_many_pictures_are_compared_in_moments(kind: str) -> None:
    count = 8_000
    rng = np.random.default_rng(1)
    if kind == "equal":
        looks = [(5, bytes(192))] * count
    else:  # one hash, thousands of colours
        looks = [(0, bytes(colour) * 64) for colour in rng.integers(0, 256, (count, 3), dtype=np.uint8).tolist()]
    began = time.process_time()
    groups = alike(looks)
    assert time.process_time() - began < 5
    assert (len(groups) == 1) == (kind == "equal")


def test_a_cancel_ends_it() -> None:
    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        alike([(0, bytes(192))] * 3, check)


def test_few_pictures() -> None:
    assert alike([]) == []
    assert alike([look_of(noise(1))]) == []

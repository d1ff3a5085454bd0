"""What is switched on changes a picture, in its own size, the same way for the same numbers; what is off leaves it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aigc_studio.core.datasets.augment import Augment

augments = st.builds(
    Augment,
    flip=st.booleans(),
    upside=st.booleans(),
    turn=st.booleans(),
    rotate=st.floats(0, 180),
    zoom=st.floats(0, 0.9),
    shift=st.floats(0, 0.5),
    colour=st.floats(0, 1),
)


def drawing(mode: str = "RGB", width: int = 24, height: int = 16) -> Image.Image:
    """A picture in which every place has a colour of its own."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) * 5 % 256, np.full_like(x, 255)], -1).astype(
        np.uint8
    )
    return Image.fromarray(pixels).convert(mode)


@settings(max_examples=60)
@given(augments, st.integers(0, 2**32), st.sampled_from(["L", "RGB", "RGBA"]), st.integers(1, 40), st.integers(1, 40))
def test_a_variation_keeps_size_and_mode_and_comes_again(
    augment: Augment, seed: int, mode: str, width: int, height: int
) -> None:
    image = drawing(mode, width, height)
    before = image.tobytes()
    one = augment.apply(image, np.random.default_rng(seed))
    two = augment.apply(image, np.random.default_rng(seed))
    assert one.size == image.size
    assert one.mode == mode
    assert one.tobytes() == two.tobytes()
    assert image.tobytes() == before  # others may hold it
    pixels = np.asarray(image).reshape(height, width, -1)
    assert augment.array(pixels, np.random.default_rng(seed)).tobytes() == one.tobytes()


def test_what_is_off_changes_nothing() -> None:
    image = drawing()
    assert not Augment().active
    assert Augment().apply(image, np.random.default_rng(0)).tobytes() == image.tobytes()


@pytest.mark.parametrize("name", ["flip", "upside", "turn"])
def test_mirrors_and_turns_keep_every_pixel(name: str) -> None:
    image = drawing(width=16)
    rng = np.random.default_rng(1)
    seen = {Augment.of({name: True}).apply(image, rng).tobytes() for _ in range(40)}
    assert len(seen) == (4 if name == "turn" else 2)
    for data in seen:
        assert sorted(np.frombuffer(data, np.uint8)) == sorted(np.asarray(image).ravel())


def test_a_turn_of_a_tall_picture_keeps_its_shape() -> None:
    image = drawing(width=10, height=20)
    rng = np.random.default_rng(2)
    assert {Augment(turn=True).apply(image, rng).size for _ in range(20)} == {(10, 20)}


@pytest.mark.parametrize("more", [{"rotate": 45.0}, {"zoom": 0.5}, {"shift": 0.5}, {"rotate": 180.0, "zoom": 0.9}])
def test_moved_pictures_have_no_empty_corners(more: dict[str, float]) -> None:
    image = Image.new("RGB", (20, 12), (200, 100, 50))
    rng = np.random.default_rng(3)
    for _ in range(20):
        assert (np.asarray(Augment.of(more).apply(image, rng)) == (200, 100, 50)).all()


def test_around_a_transparent_drawing_is_nothing_and_its_edges_keep_their_colour() -> None:
    pixels = np.zeros((24, 24, 4), np.uint8)
    pixels[..., 2] = 255
    pixels[6:18, 6:18] = (255, 0, 0, 255)
    rng = np.random.default_rng(4)
    for _ in range(10):
        varied = np.asarray(Augment(rotate=40, shift=0.2).apply(Image.fromarray(pixels), rng))
        seen = varied[varied[..., 3] > 40]
        assert seen[:, 2].max() <= 8
        assert varied[0, 0, 3] == 0 or varied[-1, -1, 3] == 0


def test_a_shift_moves_by_whole_pixels_what_it_says() -> None:
    image = drawing("L", 32, 32)
    draws = np.full(11, 0.5)
    draws[5] = 0.75  # half of the way to the right
    moved = np.asarray(Augment(shift=0.25).vary(image, draws))
    np.testing.assert_array_equal(moved[:, 4:], np.asarray(image)[:, :-4])


def test_a_zoom_enlarges_about_the_middle() -> None:
    image = Image.new("L", (40, 40))
    image.paste(255, (15, 15, 25, 25))
    draws = np.full(11, 0.5)
    draws[4] = 1.0
    larger = np.asarray(Augment(zoom=1.0).vary(image, draws)) > 127
    assert larger.sum() == pytest.approx(400, rel=0.05)
    assert abs(np.argwhere(larger).mean() - 19.5) < 0.5


def test_colours_change_around_grey_and_grey_keeps_its_hue() -> None:
    draws = np.full(11, 0.5)
    draws[10] = 1.0  # hue alone
    grey = Image.new("RGB", (4, 4), (128, 128, 128))
    assert grey.tobytes() == Augment(colour=1.0).vary(grey, draws).tobytes()
    red = Image.new("RGB", (4, 4), (200, 40, 40))
    turned = Augment(colour=1.0).vary(red, draws).getpixel((0, 0))
    assert isinstance(turned, tuple)
    assert turned != (200, 40, 40)
    assert sum(turned) == pytest.approx(280, abs=3)
    draws[10], draws[7] = 0.5, 1.0  # brightness alone
    brighter = Augment(colour=1.0).vary(red, draws).getpixel((0, 0))
    assert brighter == (255, 52, 52)


def test_colour_leaves_transparency() -> None:
    image = drawing("RGBA")
    image.putalpha(77)
    varied = Augment(colour=1.0).apply(image, np.random.default_rng(5))
    assert (np.asarray(varied)[..., 3] == 77).all()


def test_one_switch_does_not_change_what_another_draws() -> None:
    image = drawing("L", 16, 16)
    for seed in range(8):
        plain = Augment(flip=True).apply(image, np.random.default_rng(seed))
        coloured = Augment(flip=True, colour=0.01).apply(image, np.random.default_rng(seed))
        difference = np.asarray(plain, dtype=int) - np.asarray(coloured, dtype=int)
        assert np.abs(difference).max() <= 3


def test_it_is_made_of_the_values_of_a_recipe() -> None:
    augment = Augment.of({"flip": True, "rotate": 5.0, "steps": 100, "name": "x"})
    assert augment == Augment(flip=True, rotate=5.0)
    assert Augment.of(augment.to_json()) == augment

"""Pictures in and out of a model: any size, any mask, and not a byte changed outside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.masking import feather, part_around
from aigc_studio.engines.image.diffusion import sizes
from aigc_studio.engines.image.diffusion.work import Work, covering, laid_in, prepare
from tests.engines.context import FakeContext

from .conftest import NAMES, Bench, Desk

Benches = Callable[[str], Bench]
sides = st.integers(8, 150)


def model(side: int = 64, step: int = 8, *, fills: bool = False) -> tuple[Any, Any]:
    """(what `prepare` asks of a loaded model, of its pipeline)."""
    spec = SimpleNamespace(step=1)
    return SimpleNamespace(side=side, fills=fills, spec=spec), SimpleNamespace(vae_scale_factor=step)


@st.composite
def marked(draw: st.DrawFn) -> tuple[Image.Image, np.ndarray]:
    """A picture, RGB or RGBA, and a mask with something in it: a point, a part, at the border, all of it."""
    width, height, seed = draw(sides), draw(sides), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, draw(st.sampled_from([3, 4]))), np.uint8)
    mask = np.zeros((height, width), np.uint8)
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    right, bottom = draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))
    kind = draw(st.sampled_from(["point", "part", "soft", "all"]))
    if kind == "point":
        mask[top, left] = 255
    elif kind == "part":
        mask[top:bottom, left:right] = 255
    elif kind == "soft":
        mask[top:bottom, left:right] = rng.integers(1, 256, (bottom - top, right - left), np.uint8)
    else:
        mask[:] = 255
    return Image.fromarray(pixels), mask


def inpainting(folder: Path, image: Image.Image, mask: np.ndarray, loaded: Any, pipe: Any, **values: Any) -> Work:
    """The work of changing a part."""
    image.save(folder / "image.png", compress_level=0)
    Image.fromarray(mask).save(folder / "mask.png", compress_level=0)
    ctx = FakeContext(
        values={"feather": 0, "context": 50, **values},
        inputs={"image": folder / "image.png", "mask": folder / "mask.png"},
    )
    return prepare("inpaint", loaded, pipe, ctx)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@given(marked(), st.integers(0, 30), st.integers(0, 400), st.sampled_from([8, 16]), st.integers(0, 2**32 - 1))
@settings(max_examples=80)
def test_pixels_outside_mask_and_feather_are_bit_identical(
    folder: Path, drawn: tuple[Image.Image, np.ndarray], px: int, context: int, step: int, seed: int
) -> None:
    """Whatever the model paints, whatever the sizes."""
    image, mask = drawn
    work = inpainting(folder, image, mask, *model(64, step), feather=px, context=context)
    assert work.size[0] % step == work.size[1] % step == 0
    assert {picture.size for picture in work.images.values()} == {work.size}
    painted = np.random.default_rng(seed).integers(0, 256, (work.size[1], work.size[0], 3), np.uint8)
    result = work.finish(Image.fromarray(painted))
    assert (result.size, result.mode) == (image.size, image.mode)
    before, after = np.asarray(image), np.asarray(result)
    outside = feather(mask, px) == 0
    assert np.array_equal(before[outside], after[outside])
    if image.mode == "RGBA":
        assert (after[mask == 255][:, 3] == 255).all()  # what is painted is opaque
    assert np.array_equal(np.asarray(work.finish(Image.fromarray(painted))), after)  # the inputs were left alone


@given(marked(), st.integers(0, 20), st.sampled_from([8, 16]))
@settings(max_examples=60)
def test_the_model_repaints_every_pixel_that_changes(
    folder: Path, drawn: tuple[Image.Image, np.ndarray], px: int, step: int
) -> None:
    """A mask of one pixel would be lost in latents of eight: whole cells are marked."""
    image, mask = drawn
    work = inpainting(folder, image, mask, *model(64, step), feather=px)
    cells = np.asarray(work.images["mask_image"])
    assert set(np.unique(cells)) <= {0, 255}
    blocks = cells.reshape(work.size[1] // step, step, work.size[0] // step, step)
    assert ((blocks.max((1, 3)) == 255) == (blocks.min((1, 3)) == 255)).all()  # cells are whole
    left, top, right, bottom = work.info["part"]
    rows, columns = np.nonzero(feather(mask, px)[top:bottom, left:right] > 0)
    assert len(rows)
    for at in (0.0, 0.5, 0.999):  # where a changing pixel begins, its middle, its end
        y = ((rows + at) * work.size[1] / (bottom - top)).astype(int)
        x = ((columns + at) * work.size[0] / (right - left)).astype(int)
        assert (cells[y, x] == 255).all()


def test_what_the_model_keeps_stays_out_of_the_mask() -> None:
    changes = np.zeros((64, 64), bool)
    changes[20, 20] = True
    cells = covering(changes, (64, 64), 8)
    assert cells.sum() == 255 * 64
    assert cells[16:24, 16:24].min() == 255


@given(
    st.tuples(sides, sides).flatmap(
        lambda size: st.tuples(
            st.just(size), st.integers(0, size[0] - 1), st.integers(0, size[1] - 1), st.data(), st.floats(0, 4)
        )
    ),
    st.integers(1, 64),
    st.sampled_from([1, 8, 16]),
)
def test_a_part_holds_its_box_and_stays_in_the_picture(drawn: Any, least: int, step: int) -> None:
    size, left, top, data, context = drawn
    box = (left, top, data.draw(st.integers(left + 1, size[0])), data.draw(st.integers(top + 1, size[1])))
    part = part_around(box, size, context, least=least, step=step)
    assert 0 <= part[0] <= box[0] < box[2] <= part[2] <= size[0]
    assert 0 <= part[1] <= box[1] < box[3] <= part[3] <= size[1]
    wide, high = part[2] - part[0], part[3] - part[1]
    assert wide >= min(least, size[0])
    assert high >= min(least, size[1])
    assert wide % step == 0 or wide == size[0]
    assert high % step == 0 or high == size[1]
    assert 2 * wide >= high - 2 * step or wide == size[0]
    assert 2 * high >= wide - 2 * step or high == size[1]


# ---- colours


def test_a_part_painted_in_a_wrong_tone_is_bent_to_its_surroundings() -> None:
    """Autoencoders miss colours by a little; without this the part would show as a patch."""
    draw = np.random.default_rng(1)
    base = np.asarray(Image.fromarray(draw.integers(60, 180, (6, 6, 3), np.uint8)).resize((96, 96), 2)).copy()
    tinted = np.clip(base + np.array([9, -7, 5]), 0, 255).astype(np.uint8)
    opacity = np.zeros((96, 96), np.float32)
    opacity[32:64, 32:64] = 1
    cells = np.where(opacity > 0, np.uint8(255), np.uint8(0))
    result = laid_in(Image.fromarray(base), (0, 0, 96, 96), Image.fromarray(tinted), opacity, cells, lambda: None)
    missed = np.abs(np.asarray(result).astype(int) - base)
    assert missed[opacity == 0].max() == 0
    assert missed.max() <= 2
    assert missed.mean() < 0.5


def test_a_new_colour_stays_new() -> None:
    """What the model painted on purpose is no error of tone."""
    grey = Image.new("RGB", (96, 96), (128, 128, 128))
    painted = np.full((96, 96, 3), 128, np.uint8)
    painted[32:64, 32:64] = (220, 30, 30)
    opacity = np.zeros((96, 96), np.float32)
    opacity[32:64, 32:64] = 1
    cells = np.where(opacity > 0, np.uint8(255), np.uint8(0))
    result = np.asarray(laid_in(grey, (0, 0, 96, 96), Image.fromarray(painted), opacity, cells, lambda: None))
    assert np.abs(result[32:64, 32:64].astype(int) - (220, 30, 30)).max() <= 2


# ---- sizes


@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from([64, 512, 1024]), st.sampled_from([8, 16, 32]))
def test_a_working_size_is_one_the_model_can_do(width: int, height: int, side: int, step: int) -> None:
    made = sizes.working((width, height), side, step)
    assert made[0] % step == made[1] % step == 0
    assert min(made) >= step
    assert max(made) <= 8 * side
    if 0.5 * side**2 <= width * height <= 2 * side**2 and max(width, height) <= 8 * side - step:
        assert made == sizes.up((width, height), step)
    if max(width, height) <= 4 * min(width, height) and side >= 512:
        assert 0.45 * side**2 <= made[0] * made[1] <= 2.3 * side**2
        assert abs(made[0] / made[1] / (width / height) - 1) < 0.15


@given(sides, sides, st.sampled_from([8, 16]))
def test_what_is_filled_up_is_taken_away_again(width: int, height: int, step: int) -> None:
    draw = np.random.default_rng(width * 1000 + height)
    image = Image.fromarray(draw.integers(0, 256, (height, width, 3), np.uint8))
    whole = sizes.padded(image, sizes.up((width, height), step))
    assert whole.size == sizes.up((width, height), step)
    assert np.array_equal(np.asarray(sizes.cropped(whole, image.size)), np.asarray(image))
    border = np.asarray(whole)
    top = (whole.height - height) // 2
    if top:
        assert np.array_equal(border[0], border[top])  # repeated, not black


@pytest.mark.parametrize("name", NAMES)
def test_any_size_comes_out_as_asked(name: str, bench: Benches) -> None:
    for size in ([64, 64], [65, 33], [16, 100]):
        ctx = bench(name).run(size=size)
        assert list(ctx.images[0].value.size) == size
        assert all(made % 8 == 0 and made >= asked for made, asked in zip(ctx.images[0].info["size"], size))


# ---- through a model


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_part_of_a_real_run_leaves_the_rest_alone(name: str, bench: Benches, desk: Desk) -> None:
    before = np.asarray(Image.open(desk.folder / "image.png"))
    mask = np.asarray(Image.open(desk.folder / "mask.png"))
    after = bench(name).picture("inpaint", FakeContext(inputs=desk.inputs("inpaint")), feather=5)
    outside = feather(mask, 5) == 0
    assert np.array_equal(before[outside], after[outside])
    assert np.abs(before[mask == 255].astype(int) - after[mask == 255]).mean() > 1


def test_a_mask_with_nothing_in_it_is_told(bench: Benches, desk: Desk) -> None:
    Image.new("L", (90, 70)).save(desk.folder / "mask.png")
    with pytest.raises(StudioError) as failed:
        bench("sd1").run("inpaint", FakeContext(inputs=desk.inputs("inpaint")))
    assert failed.value.code == "mask-empty"


def test_a_mask_of_another_size_is_told(bench: Benches, desk: Desk) -> None:
    Image.new("L", (91, 70), 255).save(desk.folder / "mask.png")
    with pytest.raises(StudioError) as failed:
        bench("sd1").run("inpaint", FakeContext(inputs=desk.inputs("inpaint")))
    assert failed.value.code == "mask-size"


def test_a_variation_of_a_huge_picture_is_smaller_and_says_so(bench: Benches, desk: Desk) -> None:
    Image.new("RGB", (600, 300), (90, 120, 60)).save(desk.folder / "image.png")
    ctx = FakeContext(inputs=desk.inputs("variation"))
    picture = bench("sd1").run("variation", ctx).images[0].value
    assert picture.width * picture.height <= 4.4 * 64 * 64
    assert abs(picture.width / picture.height - 2) < 0.1
    assert ctx.notices[0][1] == {"width": picture.width, "height": picture.height}


def test_of_a_huge_picture_only_the_part_is_worked_on(folder: Path) -> None:
    """A picture of 4096 x 4096 with a part of 40 px."""
    image = Image.new("RGB", (4096, 4096), (10, 200, 30))
    mask = np.zeros((4096, 4096), np.uint8)
    mask[4050:4090, 2000:2040] = 255
    work = inpainting(folder, image, mask, *model(64))
    left, top, right, bottom = work.info["part"]
    assert right - left <= 160
    assert bottom - top <= 160
    result = work.finish(Image.new("RGB", work.size, (200, 10, 10)))
    changed = np.asarray(result.crop((1990, 4040, 2050, 4096))) != (10, 200, 30)
    assert changed.any(axis=2).sum() == 1600


def test_previews_of_a_part_are_shown_in_its_place(folder: Path) -> None:
    """The window lays a preview over the whole picture."""
    image = Image.new("RGB", (1600, 800), (0, 0, 90))
    mask = np.zeros((800, 1600), np.uint8)
    mask[200:600, 1000:1400] = 255
    work = inpainting(folder, image, mask, *model(512))
    shown = np.asarray(work.shown(Image.new("RGB", (100, 80), (250, 0, 0))))
    assert shown.shape == (256, 512, 3)
    assert (shown[70:186, 325:443] == (250, 0, 0)).all()
    assert (shown[:, :310] == (0, 0, 90)).all()
    assert (shown[:60] == (0, 0, 90)).all()


def test_a_real_run_shows_previews_of_the_whole_picture(bench: Benches, desk: Desk) -> None:
    ctx = FakeContext(inputs=desk.inputs("inpaint"))
    bench("sd1").run("inpaint", ctx, steps=4)
    assert ctx.previews
    assert {preview.size for preview in ctx.previews} == {(90, 70)}


def test_laying_in_can_be_cancelled() -> None:
    def stop() -> None:
        raise Cancelled

    grey = Image.new("RGB", (64, 64))
    ones = np.ones((64, 64), np.float32)
    with pytest.raises(Cancelled):
        laid_in(grey, (0, 0, 64, 64), grey, ones, np.full((64, 64), 255, np.uint8), stop)


@pytest.mark.parametrize("task", ["generate", "variation", "inpaint"])
def test_a_model_for_inpainting_gets_a_mask_for_every_task(task: str, folder: Path) -> None:
    Image.new("RGB", (64, 64), (9, 9, 9)).save(folder / "image.png")
    Image.new("L", (64, 64), 255).save(folder / "mask.png")
    ctx = FakeContext(
        values={"feather": 0, "context": 50, "size": (64, 64)},
        inputs={"image": folder / "image.png", "mask": folder / "mask.png"},
    )
    work = prepare(task, *model(fills=True), ctx)
    assert set(work.images) == {"image", "mask_image"}
    assert work.images["mask_image"].getextrema() == (255, 255)

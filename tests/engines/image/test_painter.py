"""The painter as the studio runs it: prompts, sizes, masks, variations, cancelling, resuming."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.masking import distance_outside
from aigc_studio.core.metadata import write_image
from aigc_studio.core.recipe import make_recipe
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import CancelToken, Order
from aigc_studio.engines.image import harmony, painter
from aigc_studio.engines.image.composition import compose
from aigc_studio.engines.image.cppn import BLOCK, Paint, Painting
from aigc_studio.engines.image.harmony import matched, surroundings, texture_scale
from aigc_studio.engines.image.lexicon import lexicon, read
from aigc_studio.engines.image.palette import from_hex, from_oklch, to_hex, to_oklch
from aigc_studio.engines.local import LocalEngine
from tests.engines.context import FakeContext


def run(prompt="", task="generate", seed=1, count=1, context=None, **params):
    context = context or FakeContext()
    if task == "generate":
        params.setdefault("size", (96, 64))
    request = Request("image", task, "painter", prompt=prompt, seed=seed, count=count, params=params)
    loaded = painter.load(Model("painter", "painter", "Painter"), context)
    painter.run(loaded, request, context)
    return context


def pixels(context, index=0):
    return np.asarray(context.images[index].value)


@pytest.fixture
def masked(tmp_path):
    """A picture file, its mask file and the mask's pixels."""
    rng = np.random.default_rng(3)
    picture = Image.fromarray(rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)).resize((120, 90))
    picture.save(tmp_path / "picture.png")
    mask = Image.new("L", (120, 90))
    ImageDraw.Draw(mask).ellipse((40, 25, 80, 60), fill=255)
    mask.save(tmp_path / "mask.png")
    return (
        FakeContext(inputs={"image": tmp_path / "picture.png", "mask": tmp_path / "mask.png"}),
        picture,
        np.asarray(mask),
    )


# ---- generate


def test_the_declaration_is_whole():
    for task in painter.FAMILY.tasks:
        assert painter.FAMILY.values(task.id, {})
    palettes = next(param for param in painter.FAMILY.params if param.id == "palette").choices
    assert {choice.value for choice in palettes} - {"auto"} <= set(lexicon().palettes)


def test_equal_requests_give_equal_pixels_and_others_do_not():
    first = pixels(run("calm blue waves"))
    assert first.shape == (64, 96, 3)
    assert np.array_equal(first, pixels(run("calm blue waves")))
    assert not np.array_equal(first, pixels(run("calm blue waves", seed=2)))
    assert not np.array_equal(first, pixels(run("calm red waves")))
    assert np.array_equal(first, pixels(run("calm blue waves with a cat")))


def test_a_resumed_job_equals_an_uninterrupted_one():
    whole = run(count=3)
    rest = run(count=3, context=FakeContext(start=1))
    assert [saved.index for saved in rest.images] == [1, 2]
    for one, two in zip(whole.images[1:], rest.images, strict=True):
        assert one.value.tobytes() == two.value.tobytes()
        assert one.info == two.info
    rest = run(count=3, context=FakeContext(stored=(1,)))
    assert [saved.index for saved in rest.images] == [0, 2]
    assert rest.images[1].value.tobytes() == whole.images[2].value.tobytes()


def test_the_picture_does_not_depend_on_the_number_of_threads(monkeypatch):
    first = pixels(run("wild marble", size=(200, 180)))
    for cores in (1, 5):
        monkeypatch.setattr(painter, "_cores", lambda cores=cores: cores)
        assert np.array_equal(first, pixels(run("wild marble", size=(200, 180))))


def test_a_larger_picture_comes_in_bands_with_a_preview_first():
    context = run("ocean", size=(640, 500))
    assert len(context.previews) == 1
    assert max(context.previews[0].size) == painter._PREVIEW
    done = [step[0] for step in context.steps]
    assert done == list(range(len(done)))
    assert context.steps[-1][0] == context.steps[-1][1]
    small = np.asarray(context.images[0].value.resize(context.previews[0].size, Image.Resampling.BOX)).astype(int)
    assert np.abs(small - np.asarray(context.previews[0])).mean() < 12


def test_the_recipe_makes_it_again():
    context = run("胭脂 marble", size=(300, 200))
    info = context.images[0].info
    again = painter.paint(Painting.from_json(info["painting"]), 300, 200, FakeContext())
    assert again.tobytes() == context.images[0].value.tobytes()
    assert info["understood"] == ["胭脂", "marble"]


@pytest.mark.parametrize("size", [(8, 8), (8, 400), (333, 9), (1000, 21)])
def test_odd_sizes(size):
    assert run(size=size).images[0].value.size == size


@pytest.mark.parametrize(
    "size", [(0, 64), (1, 64), (7, 64), (64, 8193), (20000, 20000), (64.5, 64), "big", (64,), None]
)
def test_impossible_sizes_are_one_clear_sentence(size):
    with pytest.raises(StudioError) as caught:
        run(size=size)
    assert caught.value.code == "param"
    assert "8192" in str(caught.value)


@pytest.mark.parametrize(
    "prompt", ["", " ", "\0\x07\x1b[31m", "🎨🖌️", "‮abc", "红" * 100_000, "a" * 100_000, "no " * 30_000]
)
def test_any_prompt_paints(prompt):
    assert pixels(run(prompt, size=(16, 16))).std() > 0


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=40), st.integers(0, 2**32 - 1))
def test_any_text_paints(prompt, seed):
    assert pixels(run(prompt, size=(12, 10), seed=seed)).shape == (10, 12, 3)


def test_cancel_is_answered_at_once_and_stores_nothing():
    context = FakeContext(cancel_after=4)
    with pytest.raises(Cancelled):
        run(size=(1200, 1200), context=context)
    assert not context.images
    assert context.checks == 4


def test_unknown_tasks_and_values_are_refused():
    with pytest.raises(StudioError, match="cannot do"):
        run(task="fly")
    with pytest.raises(StudioError, match="Symmetry"):
        run(symmetry="sideways")


# ---- what words do


def mean_lch(prompt, seeds=range(5), **params):
    found = [to_oklch(from_hex(compose(read(prompt), params, seed).palette)).mean(axis=0) for seed in seeds]
    return np.mean(found, axis=0)


def share_near(context, hue, width=0.5):
    lch = to_oklch((pixels(context).reshape(-1, 3) / 255.0) ** 2.2)
    near = np.abs((lch[:, 2] - hue + np.pi) % (2 * np.pi) - np.pi) < width
    return float((near & (lch[:, 1] > 0.012)).mean())


def test_a_named_colour_is_what_is_seen():
    for word in ("red", "蓝色", "emerald", "天青", "胭脂", "gold", "purple"):
        entry = lexicon().colours[read(word).colours[0].id]
        hue = to_oklch(from_hex([entry["hex"]]))[0, 2]
        shares = [share_near(run(word, seed=seed), hue, 0.7) for seed in range(3)]
        assert np.mean(shares) > 0.45, (word, shares)


def test_moods_move_the_palette_their_way():
    assert mean_lch("dark")[0] < mean_lch("")[0] < mean_lch("bright")[0]
    assert mean_lch("pastel")[0] > 0.8
    assert mean_lch("muted")[1] < mean_lch("")[1] < mean_lch("vivid")[1]
    assert mean_lch("monochrome")[1] < 0.01
    warm, cold = (
        np.mean(
            [np.cos(to_oklch(from_hex(compose(read(word), {}, seed).palette))[:, 2] - 0.95).mean() for seed in range(8)]
        )
        for word in ("warm", "cold")
    )
    assert warm > 0.3
    assert cold < -0.1


def test_moods_move_the_style_their_way():
    def style(prompt, **params):
        return compose(read(prompt), params, 4).style

    assert style("wild").detail > style("calm").detail
    assert style("calm").scale > style("wild").scale
    assert style("not wild").scale == style("calm").scale
    assert style("sharp").contrast > style("soft").contrast
    assert style("条纹").stripes > 0
    assert style("stripes waves").waves > 0
    assert style("seamless").seamless
    assert style("mirror").symmetry == "horizontal"
    assert style("mirror", symmetry="none").symmetry == "none"
    assert style("万花筒").symmetry == "radial"
    assert style("matte").gloss == 0
    assert style("", detail=1.0).detail > style("", detail=0.0).detail


def test_refused_colours_are_not_in_the_palette():
    for prompt, word in (("sunset, no red", "red"), ("不要蓝色，海洋", "blue"), ("no green", "green")):
        unwanted = to_oklch(from_hex([lexicon().colours[word]["hex"]]))[0, 2]
        for seed in range(6):
            lch = to_oklch(from_hex(compose(read(prompt), {}, seed).palette))
            away = np.abs((lch[:, 2] - unwanted + np.pi) % (2 * np.pi) - np.pi)
            assert ((away > 0.55) | (lch[:, 1] < 0.04)).all(), (prompt, seed)


def test_refusing_everything_still_paints():
    everything = "no " + " or ".join(word["en"][0] for word in lexicon().colours.values() if word.get("en"))
    assert pixels(run(everything)).shape == (64, 96, 3)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([*lexicon().moods]), max_size=5),
    st.lists(st.sampled_from([*lexicon().colours]), max_size=10),
)
def test_any_words_together_make_a_painting(moods, colours):
    words = [lexicon().moods[mood]["zh"][0] for mood in moods] + [
        lexicon().colours[colour]["zh"][0] for colour in colours
    ]
    painting = compose(read(" ".join(words)), {}, 9)
    assert 2 <= len(painting.palette) <= 12
    assert len(painting.weights) == len(painting.palette)
    assert Painting.from_json(painting.to_json()) == painting


def test_understand():
    understanding = painter.understand(Request("image", "generate", "painter", prompt="red cat 蓝色的狗"))
    assert understanding.understood == ("red", "蓝色")
    assert understanding.ignored == ("cat", "狗")


# ---- inpaint


@pytest.mark.parametrize("feather", [0, 7, 40])
def test_outside_mask_and_feather_nothing_changes(masked, feather):
    context, picture, mask = masked
    run("gold", task="inpaint", context=context, feather=feather)
    before, after = np.asarray(picture), pixels(context)
    outside = distance_outside(mask >= 128, 200) > feather
    assert np.array_equal(before[outside], after[outside])
    assert (before[mask == 255] != after[mask == 255]).any(axis=1).mean() > 0.9


def test_alpha_stays_where_nothing_was_painted(masked, tmp_path):
    context, picture, mask = masked
    transparent = picture.convert("RGBA")
    transparent.putalpha(Image.linear_gradient("L").resize(picture.size))
    transparent.save(tmp_path / "picture.png")
    run(task="inpaint", context=context, feather=0)
    after = pixels(context)
    assert after.shape[2] == 4
    assert np.array_equal(after[mask == 0], np.asarray(transparent)[mask == 0])
    assert (after[mask == 255][:, 3] == 255).all()


def test_strength_keeps_something_of_the_old_part(masked):
    context, picture, mask = masked
    run("gold", task="inpaint", context=context, strength=1.0)
    run("gold", task="inpaint", context=context, strength=0.2)
    inside = mask == 255
    full, faint = (np.abs(pixels(context, i)[inside].astype(int) - np.asarray(picture)[inside]).mean() for i in (0, 1))
    assert 0 < faint < full * 0.35


def test_without_a_colour_the_part_takes_those_around_it(masked, tmp_path):
    context, _, mask = masked
    red = Image.new("RGB", (120, 90), (200, 30, 40))
    ImageDraw.Draw(red).rectangle((0, 0, 60, 90), fill=(230, 120, 60))
    red.save(tmp_path / "picture.png")
    run(task="inpaint", context=context)
    mean = pixels(context)[mask == 255].mean(axis=0)
    assert mean[0] > mean[1] * 1.5 > mean[2]


def test_an_empty_or_strange_mask_is_one_clear_sentence(masked, tmp_path):
    context, _, _ = masked
    Image.new("L", (120, 90)).save(tmp_path / "mask.png")
    with pytest.raises(StudioError, match="Nothing is marked"):
        run(task="inpaint", context=context)
    Image.new("L", (12, 9), 255).save(tmp_path / "mask.png")
    with pytest.raises(StudioError, match="12 x 9"):
        run(task="inpaint", context=context)
    (tmp_path / "mask.png").write_bytes(b"no picture")
    with pytest.raises(StudioError):
        run(task="inpaint", context=context)
    assert not context.images


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "I;16", "RGBA"])
def test_pictures_of_any_mode_can_be_changed(masked, tmp_path, mode):
    context, picture, _ = masked
    source = picture.convert("L").convert("I").point(lambda value: value * 257) if mode == "I;16" else picture
    target = tmp_path / ("picture.tif" if mode == "CMYK" else "picture.png")
    source.convert(mode).save(target)
    context.inputs = {**context.inputs, "image": target}
    run("blue", task="inpaint", context=context)
    assert context.images[0].value.size == (120, 90)


def test_a_mask_over_everything_paints_everything(masked, tmp_path):
    context, _, _ = masked
    Image.new("L", (120, 90), 255).save(tmp_path / "mask.png")
    run("calm blue", task="inpaint", context=context, feather=30)
    assert context.images[0].info["box"] == [0, 0, 120, 90]


def test_matching_bends_the_edge_towards_the_picture():
    painted = np.full((40, 40, 3), 200, np.uint8)
    original = np.full((40, 40, 3), 80, np.uint8)
    opacity = np.zeros((40, 40), np.float32)
    opacity[10:30, 10:30] = 1
    bent = matched(painted, original, opacity, 1.0)
    assert np.abs(bent[10:30, 10:30].astype(int) - 80).max() <= 2
    assert np.array_equal(matched(painted, original, opacity, 0.0), painted)
    half = matched(painted, original, opacity, 0.5)
    assert 130 < half[20, 20, 0] < 150


def test_matching_does_not_depend_on_the_bands(monkeypatch):
    rng = np.random.default_rng(2)
    painted, original = (rng.integers(0, 256, (300, 250, 3), dtype=np.uint8) for _ in range(2))
    opacity = np.clip(rng.random((300, 250), np.float32) * 2 - 0.5, 0, 1)
    whole = matched(painted, original, opacity, 0.8).astype(int)
    monkeypatch.setattr(harmony, "_BAND", 37)
    assert np.abs(matched(painted, original, opacity, 0.8) - whole).max() <= 1


@pytest.fixture
def large(tmp_path):
    """A large picture of one colour with a small marked part, as files; the part's box."""
    Image.new("RGB", (2400, 1600), (20, 60, 120)).save(tmp_path / "picture.png", compress_level=1)
    mask = Image.new("L", (2400, 1600))
    ImageDraw.Draw(mask).ellipse((1500, 300, 1900, 600), fill=255)
    mask.save(tmp_path / "mask.png", compress_level=1)
    return {"image": tmp_path / "picture.png", "mask": tmp_path / "mask.png"}, (1488, 288, 1913, 613)


def test_only_the_part_of_a_large_picture_is_worked_on(large, monkeypatch):
    inputs, box = large
    monkeypatch.setattr(painter, "_cores", lambda: 1)
    context = FakeContext(inputs=inputs)
    run("gold", size=(8, 8))  # the lexicon is read once
    tracemalloc.start()
    try:
        run("gold", task="inpaint", context=context)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # What numpy holds: the mask, twice, and some arrays of a block's or of the part's size (0.14 megapixels of 3.84).
    assert most < 4 * 2400 * 1600
    blocks = (box[2] - box[0]) * (box[3] - box[1]) / BLOCK
    assert context.steps[-1][1] <= blocks / painter._GROUP + 1
    assert context.images[0].info["box"] == list(box)


def test_the_preview_shows_the_change_in_its_place(large):
    inputs, box = large
    context = FakeContext(inputs=inputs)
    run("gold", task="inpaint", context=context)
    (preview,) = context.previews
    final = context.images[0].value.resize(preview.size, Image.Resampling.BOX)
    shown, made = (np.asarray(image).astype(int) for image in (preview, final))
    part = np.zeros(shown.shape[:2], bool)
    left, top, right, bottom = (round(side * preview.width / 2400) for side in box)
    part[top - 1 : bottom + 1, left - 1 : right + 1] = True
    assert np.abs(shown[~part] - (20, 60, 120)).max() <= 1
    assert np.abs(made[part] - (20, 60, 120)).mean() > 30
    assert np.abs(shown[part] - made[part]).mean() < 10


def test_a_change_can_be_cancelled_at_every_step(masked):
    context, _, _ = masked
    run("gold", task="inpaint", context=context)
    steps = context.checks
    assert steps >= 6
    for step in range(1, steps + 1):
        again = FakeContext(inputs=context.inputs, cancel_after=step)
        with pytest.raises(Cancelled):
            run("gold", task="inpaint", context=again)
        assert again.checks == step
        assert not again.images


def test_a_cancel_while_the_result_is_written_leaves_no_file(tmp_path):
    token = CancelToken()

    class Ear:
        def progress(self, index, done, total, stage, preview):
            if done and done == total:
                token.cancel()

        def partial(self, index, piece):
            raise AssertionError(piece)

        def notice(self, text, params):
            raise AssertionError(text)

        def output(self, index, path):
            raise AssertionError(path)

        def silent(self, seconds):
            raise AssertionError(seconds)

    request = Request("image", "generate", "painter", params={"size": [1200, 900]})
    with pytest.raises(Cancelled):
        LocalEngine().run(Order("0" * 32, request, tmp_path / "incoming"), Ear(), token)
    assert list((tmp_path / "incoming").iterdir()) == []


def test_texture_scale_tells_fine_from_broad():
    fine = np.random.default_rng(1).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    broad = np.asarray(Image.linear_gradient("L").convert("RGB"))
    assert texture_scale(Image.fromarray(fine)) < 0.5
    assert texture_scale(Image.fromarray(broad)) > 1.5
    assert texture_scale(Image.new("RGB", (400, 9), (7, 7, 7))) == 1.0


# ---- variation


def recipe_with(info):
    return make_recipe("job", 0, Request("image", "generate", "painter"), engine={}, info=info)


def test_a_variation_of_our_picture_is_its_neighbour(tmp_path):
    first = run("sunset", size=(128, 96)).images[0]
    write_image(tmp_path / "one.png", first.value, recipe_with(first.info))
    assert painter.recipe_painting(tmp_path / "one.png") == Painting.from_json(first.info["painting"])
    context = FakeContext(inputs={"image": tmp_path / "one.png"})
    run(task="variation", context=context, seed=5, amount=0.05)
    run(task="variation", context=context, seed=5, amount=1.0)
    start = np.asarray(first.value).astype(int)
    near, far = (np.abs(pixels(context, index) - start).mean() for index in (0, 1))
    assert 0 < near < far
    assert context.images[0].value.size == (128, 96)
    assert context.images[0].info["neighbour"]
    assert context.images[0].info["painting"]["palette"] == first.info["painting"]["palette"]


def test_a_variation_of_another_picture_takes_its_colours(masked, tmp_path):
    Image.new("RGB", (64, 48), (20, 120, 60)).save(tmp_path / "green.png")
    context = FakeContext(inputs={"image": tmp_path / "green.png"})
    run(task="variation", context=context)
    mean = pixels(context).reshape(-1, 3).mean(axis=0)
    assert mean[1] > mean[0]
    assert mean[1] > mean[2]
    assert not context.images[0].info["neighbour"]


def test_a_changed_part_is_not_taken_for_the_picture(masked, tmp_path):
    context, _, _ = masked
    run("gold", task="inpaint", context=context)
    write_image(tmp_path / "part.png", context.images[0].value, recipe_with(context.images[0].info))
    assert painter.recipe_painting(tmp_path / "part.png") is None


def test_a_damaged_recipe_is_no_recipe(tmp_path):
    image = Image.new("RGB", (9, 9))
    for info in ({"painter": 1, "painting": {"seed": 1, "palette": []}}, {"painter": 1}, {}):
        write_image(tmp_path / "a.png", image, recipe_with(info))
        assert painter.recipe_painting(tmp_path / "a.png") is None


# ---- colours


@given(st.lists(st.integers(0, 255), min_size=3, max_size=3))
def test_colours_survive_the_way_there_and_back(rgb):
    text = "#" + "".join(f"{part:02x}" for part in rgb)
    assert to_hex(from_oklch(to_oklch(from_hex([text])))) == [text]


@given(st.floats(0, 1), st.floats(0, 0.4), st.floats(-7, 7))
def test_colours_that_no_screen_shows_lose_chroma_not_hue(light, chroma, hue):
    shown = from_oklch(np.array([[light, chroma, hue]]))
    assert ((shown >= 0) & (shown <= 1)).all()
    back = to_oklch(shown)[0]
    assert abs(back[0] - light) < 0.03
    assert back[1] <= chroma + 0.02


def test_a_palette_from_a_picture_finds_the_accent():
    pixels = np.full((1000, 3), 120, np.uint8)
    pixels[:20] = (250, 20, 20)
    found = to_hex(surroundings(pixels))
    assert "#fa1414" in found
    assert "#787878" in found


def test_a_part_has_the_middle_of_its_composition_inside():
    """Rings around a marked sun are rings around the sun, wherever in the picture it is."""
    painting = compose(read("rings sharp"), {}, 3)
    left = Paint(painting, 120, 90, part=(10, 10, 50, 50))
    right = Paint(painting, 120, 90, part=(60, 30, 100, 70))
    one, two = left.whole().astype(int), right.whole().astype(int)
    assert np.abs(one - two).mean() < 6  # but for the grain

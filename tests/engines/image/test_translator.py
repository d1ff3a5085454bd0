"""The translator family: any size, tiles without seams, transparency, both directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

torch = pytest.importorskip("torch")

from aigc_studio.core import catalogue  # noqa: E402
from aigc_studio.core.requests import Request  # noqa: E402
from aigc_studio.engines import registry  # noqa: E402
from aigc_studio.engines.base import Model  # noqa: E402
from aigc_studio.engines.image import translator  # noqa: E402
from tests.engines.context import FakeContext, Saved  # noqa: E402
from tests.tiny.own import make_translator  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Two directions of 16 px."""
    entry = catalogue.inspect(make_translator(tmp_path_factory.mktemp("translator") / "t"))[0]
    return Model("t", entry.family, entry.title, entry.folder, entry.facts)


def photo(folder: Path, width: int, height: int, mode: str = "RGB") -> Path:
    path = folder / f"{width}x{height}.png"
    channels = len(mode)
    draw = np.random.default_rng(width)
    small = draw.integers(0, 255, (max(2, height // 8), max(2, width // 8), channels), dtype=np.uint8)
    Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


def run(model: Model, path: Path, **values: Any) -> Saved:
    """The result."""
    ctx = FakeContext(values=translator.fitted(model.facts).values("variation", values), inputs={"image": path})
    translator.run(translator.load(model, ctx), Request("image", "variation", "translator"), ctx)
    return ctx.images[0]


def pixels(saved: Saved) -> np.ndarray:
    return np.asarray(saved.value).astype(int)


@pytest.mark.parametrize("size", [(8, 8), (17, 9), (33, 70), (101, 67)])
@pytest.mark.parametrize("scale", ["picture", "model"])
def test_the_result_has_the_pictures_size(size: tuple[int, int], scale: str, model: Model, tmp_path: Path) -> None:
    """Whatever it is, at whichever size it was redrawn."""
    saved = run(model, photo(tmp_path, *size), scale=scale)
    assert saved.value.size == size
    if scale == "model" and min(size) > 16:
        assert min(saved.info["worked_at"]) == 16


def test_tiles_show_no_seams(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In tiles the picture is what it is in one piece with the same statistics, to the last bit or two."""
    path = photo(tmp_path, 200, 120)
    loaded = translator.load(model, FakeContext())
    image = Image.open(path).convert("RGB")
    monkeypatch.setattr(translator, "_TILE", 64)
    monkeypatch.setattr(translator, "_WHOLE", 64 * 64)
    tiled = np.asarray(translator._translated(loaded, image, "there", FakeContext())).astype(int)
    with torch.inference_mode():
        small = translator.numbers(translator._thumbnail(image), 3)
        with loaded.net.there.statistics_of(small):
            whole = translator._colours(loaded.net.there(translator.numbers(image, 3))[0]).astype(int)
    assert np.abs(tiled - whole).max() <= 1
    plain = np.asarray(run(model, path).value).astype(int)
    assert plain.shape == tiled.shape


@given(width=st.integers(1, 400), height=st.integers(1, 400), blocks=st.integers(1, 24))
def test_tiles_cover_every_pixel_once(width: int, height: int, blocks: int) -> None:
    """And lie within what the network sees of them, in multiples of the step."""
    size = width * 4, height * 4
    covered = np.zeros(size[::-1], np.uint8)
    for inner, outer in translator._tiles(size, translator._reach(blocks)):
        covered[inner[1] : inner[3], inner[0] : inner[2]] += 1
        assert outer[0] <= inner[0] < inner[2] <= outer[2] <= size[0]
        assert outer[1] <= inner[1] < inner[3] <= outer[3] <= size[1]
        assert all(edge % 4 == 0 for edge in outer)
    assert (covered == 1).all()


def test_what_is_transparent_stays_so(model: Model, tmp_path: Path) -> None:
    """To the byte."""
    path = photo(tmp_path, 40, 24, "RGBA")
    saved = run(model, path)
    assert saved.value.mode == "RGBA"
    assert saved.value.getchannel("A").tobytes() == Image.open(path).getchannel("A").tobytes()


def test_strength_and_direction(model: Model, tmp_path: Path) -> None:
    """Between the picture and the result; the way back is another network."""
    path = photo(tmp_path, 32, 32)
    there, back = run(model, path), run(model, path, direction="back")
    assert not np.array_equal(pixels(there), pixels(back))
    image = np.asarray(Image.open(path)).astype(int)
    half = pixels(run(model, path, strength=0.5))
    assert np.abs(half - (image + pixels(there)) / 2).max() <= 1


def test_directions_have_the_folders_names(model: Model) -> None:
    """Where the model knows them."""
    choices = {param.id: param.choices for param in translator.fitted(model.facts).params}["direction"]
    assert [choice.title for choice in choices] == ["horses → zebras", "zebras → horses"]
    for labels in (None, [], ["one"], ["a", ""], [1, 2]):
        assert translator.fitted({"labels": labels}) == translator.FAMILY


def test_one_result_and_no_seed() -> None:
    """A second one would be the same."""
    family = registry.family("translator")
    assert family.max_count == 1
    assert not family.chance

"""The GAN family: seeds, truncation, directions, walks."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from aigc_studio.core import catalogue  # noqa: E402
from aigc_studio.core.errors import StudioError  # noqa: E402
from aigc_studio.core.metadata import write_image  # noqa: E402
from aigc_studio.core.recipe import make_recipe  # noqa: E402
from aigc_studio.core.requests import Request  # noqa: E402
from aigc_studio.engines import registry  # noqa: E402
from aigc_studio.engines.base import Model  # noqa: E402
from aigc_studio.engines.image import gan  # noqa: E402
from aigc_studio.engines.image.learned import latents  # noqa: E402
from tests.engines.context import FakeContext, Saved  # noqa: E402
from tests.tiny.own import make_gan  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A generator of 16 px with three directions."""
    return found(make_gan(tmp_path_factory.mktemp("gan") / "gan"))


def found(folder: Path) -> Model:
    entry = catalogue.inspect(folder)[0]
    return Model("gan", entry.family, entry.title, entry.folder, entry.facts)


def run(
    model: Model,
    task: str = "generate",
    seed: int = 3,
    image: Path | None = None,
    other: Path | None = None,
    **values: Any,
) -> Saved:
    """The first result."""
    family = registry.declared("gan", model.facts)
    inputs = {role: path for role, path in (("image", image), ("other", other)) if path is not None}
    ctx = FakeContext(values=family.values(task, {"enlarge": 1, **values}), inputs=inputs)
    request = Request("image", task, "gan", seed=seed, inputs=dict.fromkeys(inputs, "asset"))
    gan.run(gan.load(model, ctx), request, ctx)
    return ctx.images[0]


def pixels(saved: Saved) -> np.ndarray:
    return np.asarray(saved.value).astype(int)


def test_the_form_has_a_slider_for_each_direction(model: Model) -> None:
    """As many as the file has values for; none where it has none, eight at most."""

    def sliders(facts: dict[str, Any]) -> list[str]:
        return [param.id for param in gan.fitted(facts).params if param.id.startswith("direction")]

    assert sliders(dict(model.facts)) == ["direction_1", "direction_2", "direction_3"]
    assert sliders({}) == []
    assert len(sliders({"directions": 99})) == 8
    assert sliders({"directions": "many"}) == []
    params = {param.id: param for param in gan.fitted(model.facts).params}
    assert [*params][-3:] == ["enlarge", "method", "gap"]
    assert params["enlarge"].default == 16  # a picture of 16 px would be a dot
    assert [fitted_to(side) for side in (8, 64, 100, 256, 512, None, "64", 0)] == [16, 4, 2, 1, 1, 1, 1, 1]


def fitted_to(side: object) -> int:
    """How often pictures of this side are enlarged where nothing else is asked for."""
    return next(param.default for param in gan.fitted({"size": side}).params if param.id == "enlarge")


def test_directions_move_the_picture(model: Model) -> None:
    """Further is further; zero is nothing; each another way."""
    plain = pixels(run(model))
    assert np.array_equal(pixels(run(model, direction_1=0.0)), plain)
    near, far = pixels(run(model, direction_1=0.5)), pixels(run(model, direction_1=3.0))
    assert 0 < np.abs(near - plain).mean() < np.abs(far - plain).mean()
    assert not np.array_equal(far, pixels(run(model, direction_2=3.0)))


def test_truncation_brings_pictures_together(model: Model) -> None:
    """At nought all are the same; the more variety, the more they differ."""
    at = {
        amount: np.abs(pixels(run(model, truncation=amount)) - pixels(run(model, seed=4, truncation=amount))).mean()
        for amount in (0.0, 0.5, 1.0)
    }
    assert at[0.0] == 0 < at[0.5] < at[1.0]


def test_a_sheet_holds_pictures_that_can_be_made_alone(model: Model) -> None:
    """Each with its seed in the recipe; the gap is white."""
    sheet = run(model, sheet=3, gap=2, enlarge=2, method="nearest")
    assert sheet.value.size == (3 * 32 + 4, 3 * 32 + 4)
    assert len(set(sheet.info["seeds"])) == 9
    assert sheet.info["seeds"][0] == 3
    fifth = pixels(sheet)[34:66, 34:66]
    assert np.array_equal(fifth, pixels(run(model, seed=sheet.info["seeds"][4], enlarge=2, method="nearest")))
    assert (pixels(sheet)[32:34] == 255).all()


def test_a_walk_goes_from_one_seed_to_the_other(model: Model) -> None:
    """Its ends are the pictures of its seeds, neighbours are alike."""
    walk = run(model, "interpolate", frames=16, columns=16, end="77")
    assert walk.info["seeds"] == [3, 77]
    frames = np.split(pixels(walk), 16, axis=1)
    assert np.array_equal(frames[0], pixels(run(model)))
    assert np.array_equal(frames[-1], pixels(run(model, seed=77)))
    steps = [np.abs(one - other).mean() for one, other in itertools.pairwise(frames)]
    assert max(steps) < np.abs(frames[0] - frames[-1]).mean()


def test_a_round_trip_ends_where_the_next_one_begins(model: Model) -> None:
    """The last frame is one step before the first; rows are as long as the form says."""
    walk = run(model, "interpolate", frames=12, columns=5, stops=3, loop=True)
    assert walk.value.size == (5 * 16, 3 * 16)
    assert len(walk.info["seeds"]) == 3
    rows = [np.split(row, 5, axis=1) for row in np.split(pixels(walk), 3, axis=0)]
    frames = [frame for row in rows for frame in row][:12]
    assert np.array_equal(frames[4], pixels(run(model, seed=walk.info["seeds"][1])))
    back = np.abs(frames[-1] - frames[0]).mean()
    assert 0 < back < max(np.abs(frames[i] - frames[0]).mean() for i in range(12))


@pytest.mark.parametrize("text", ["x", "-1", "4294967296", "1.5", "9" * 5000])
def test_what_is_no_seed_is_said(text: str, model: Model) -> None:
    """In one sentence."""
    with pytest.raises(StudioError) as caught:
        run(model, "interpolate", end=text)
    assert caught.value.code == "param"
    assert latents.end_seed("  ") is None
    assert latents.end_seed(" 12 ") == 12


def keep(folder: Path, saved: Saved) -> Path:
    """The result as a file of a project, with its recipe."""
    path = folder / f"{uuid4()}.png"
    request = Request("image", "generate", "gan")
    write_image(path, saved.value, make_recipe("0" * 32, 0, request, engine={}, info=saved.info))
    return path


def test_a_picture_has_neighbours(model: Model, tmp_path: Path) -> None:
    """The further, the less alike; neighbours have neighbours; another seed, another one; the same recipe, the same."""
    first = run(model)
    path = keep(tmp_path, first)
    near, far = (run(model, "variation", seed=9, image=path, amount=amount) for amount in (0.05, 1.0))
    assert 0 < np.abs(pixels(near) - pixels(first)).mean() < np.abs(pixels(far) - pixels(first)).mean()
    assert np.array_equal(pixels(far), pixels(run(model, seed=9)))
    again = run(model, "variation", seed=9, image=path, amount=0.05)
    assert np.array_equal(pixels(again), pixels(near))
    assert not np.array_equal(pixels(run(model, "variation", seed=10, image=path, amount=0.05)), pixels(near))
    second = run(model, "variation", seed=9, image=keep(tmp_path, near), amount=0.05)
    assert np.abs(pixels(second) - pixels(near)).mean() > 0
    assert run(model, "variation", image=path, sheet=2).value.size == (32, 32)


def test_from_one_of_its_pictures_to_another(model: Model, tmp_path: Path) -> None:
    """Both ends are the pictures; without another one it ends at that of the seed."""
    one, other = run(model), run(model, seed=8)
    walk = run(model, "morph", image=keep(tmp_path, one), other=keep(tmp_path, other), frames=5, columns=5)
    frames = np.split(pixels(walk), 5, axis=1)
    assert np.abs(frames[0] - pixels(one)).max() <= 1  # the recipe has six digits
    assert np.abs(frames[-1] - pixels(other)).max() <= 1
    walk = run(model, "morph", seed=21, image=keep(tmp_path, one), frames=3)
    assert np.array_equal(np.split(pixels(walk), 3, axis=1)[-1], pixels(run(model, seed=21)))


def test_only_its_own_pictures_have_neighbours(model: Model, tmp_path: Path) -> None:
    """Not a photo, not a sheet, not another model's, and no recipe that was tampered with."""
    photo = tmp_path / "photo.png"
    Image.new("RGB", (20, 20), "red").save(photo)
    first = run(model)
    kept = first.info["latent"]
    wrong = [
        {},
        {"model": "x", "z": kept["z"]},
        {"model": kept["model"], "z": kept["z"][:-1]},
        {"model": kept["model"], "z": ["1"] * 8},
        {"model": kept["model"], "z": [1e30] * 8},
        {"model": kept["model"]},
        [kept],
    ]
    paths = [photo, keep(tmp_path, run(model, sheet=2))]
    for path in (*paths, *(keep(tmp_path, Saved(0, first.value, {"latent": latent})) for latent in wrong)):
        with pytest.raises(StudioError) as caught:
            run(model, "variation", image=path)
        assert caught.value.code == "image-origin"


def test_what_would_be_too_large_is_said(model: Model) -> None:
    """Before anything is painted."""
    big = Model("gan", "gan", "gan", model.folder, model.facts)
    with pytest.raises(StudioError) as caught:
        run(big, "interpolate", frames=64, columns=64, enlarge=16, gap=64)
    assert caught.value.code == "image-size"


def test_what_was_not_measured_is_measured(tmp_path: Path, model: Model) -> None:
    """A folder without directions runs as well, with the mean that the training would have kept; no sliders."""
    bare = found(make_gan(tmp_path / "bare", measured=False))
    assert bare.facts["directions"] == 0
    assert run(bare, truncation=0.5).value.size == (16, 16)
    assert np.abs(pixels(run(bare)) - pixels(run(model))).mean() < 5


@pytest.mark.parametrize(("channels", "mode"), [(1, "RGB"), (2, "RGBA"), (3, "RGB"), (4, "RGBA")])
def test_grey_and_transparent_pictures(channels: int, mode: str, tmp_path: Path) -> None:
    """As many channels as the network has."""
    saved = run(found(make_gan(tmp_path / "gan", channels=channels)), sheet=2)
    assert saved.value.mode == mode


def test_points_on_the_arc() -> None:
    """The length stays; the ends are exact; opposite points do not end in nothing."""
    one, other = latents.drawn(1, 64), latents.drawn(2, 64)
    middle = latents.between(one, other, 0.5)
    assert 0.9 * min(one.norm(), other.norm()) < middle.norm() < 1.1 * max(one.norm(), other.norm())
    assert torch.equal(latents.between(one, other, 0.0), one)
    assert torch.equal(latents.between(one, other, 1.0), other)
    assert torch.allclose(latents.between(one, one, 0.3), one, atol=1e-6)
    assert torch.isfinite(latents.between(one, -one, 0.5)).all()
    assert len(latents.path([one, other], 1)) == 1
    assert latents.seeds(5, 3) == latents.seeds(5, 3) != latents.seeds(6, 3)

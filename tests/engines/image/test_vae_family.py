"""The VAE and VQ-VAE families: a person's picture through them, what lies between, codes that are written on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from aigc_studio.core import catalogue  # noqa: E402
from aigc_studio.core.requests import Request  # noqa: E402
from aigc_studio.engines import registry  # noqa: E402
from aigc_studio.engines.base import Model  # noqa: E402
from tests.engines.context import FakeContext, Saved  # noqa: E402
from tests.tiny import own  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """One of each."""
    folder = tmp_path_factory.mktemp("models")
    return {"vae": found(own.make_vae(folder / "vae")), "vqvae": found(own.make_vqvae(folder / "vqvae"))}


def found(folder: Path) -> Model:
    entry = catalogue.inspect(folder)[0]
    assert entry.problem is None
    return Model(entry.family, entry.family, entry.title, entry.folder, entry.facts)


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, Path]:
    """Two pictures of other shapes than the models'."""
    draw = np.random.default_rng(1)
    paths = {"image": tmp_path / "one.png", "other": tmp_path / "other.png"}
    Image.fromarray(draw.integers(0, 90, (40, 64, 3), dtype=np.uint8)).save(paths["image"])
    Image.fromarray(draw.integers(160, 255, (33, 20, 3), dtype=np.uint8)).save(paths["other"])
    return paths


def run(model: Model, task: str, inputs: dict[str, Path], seed: int = 3, **values: Any) -> Saved:
    """The first result."""
    module = registry.module(model.family)
    ctx = FakeContext(
        values=registry.declared(model.family, model.facts).values(task, {"enlarge": 1, **values}), inputs=inputs
    )
    request = Request("image", task, model.family, seed=seed, inputs=dict.fromkeys(inputs, "asset"))
    module.run(module.load(model, ctx), request, ctx)
    return ctx.images[0]


def pixels(saved: Saved) -> np.ndarray:
    return np.asarray(saved.value).astype(int)


def test_a_reconstruction_has_no_chance_but_where_it_is_asked_for(models, photos) -> None:
    """The same for every seed; with a difference, another for every seed, the larger the further away."""
    for name in ("vae", "vqvae"):
        one, two = run(models[name], "reconstruct", photos), run(models[name], "reconstruct", photos, seed=4)
        assert np.array_equal(pixels(one), pixels(two))
        other = run(models[name], "reconstruct", {"image": photos["other"]})
        assert not np.array_equal(pixels(one), pixels(other))
    plain = pixels(run(models["vae"], "reconstruct", photos))
    near, far = (pixels(run(models["vae"], "reconstruct", photos, amount=amount)) for amount in (0.3, 2.0))
    assert 0 < np.abs(near - plain).mean() < np.abs(far - plain).mean()


def test_sliders_change_a_persons_picture(models, photos) -> None:
    """Also through the encoder."""
    plain = pixels(run(models["vae"], "reconstruct", photos))
    assert not np.array_equal(pixels(run(models["vae"], "reconstruct", photos, direction_2=-3.0)), plain)


def test_from_one_picture_to_another(models, photos) -> None:
    """The ends are their reconstructions; without another picture it ends at the seed's."""
    strip = np.split(pixels(run(models["vae"], "morph", photos, frames=6, columns=6)), 6, axis=1)
    assert np.array_equal(strip[0], pixels(run(models["vae"], "reconstruct", photos)))
    assert np.array_equal(strip[-1], pixels(run(models["vae"], "reconstruct", {"image": photos["other"]})))
    alone = run(models["vae"], "morph", {"image": photos["image"]}, seed=9, frames=6, columns=6)
    strip = np.split(pixels(alone), 6, axis=1)
    assert np.array_equal(strip[-1], pixels(run(models["vae"], "generate", {}, seed=9, truncation=1.0)))


def test_shapes_that_do_not_fit(models, photos) -> None:
    """The middle, borders, or stretched: three different pictures, all of the model's size."""
    made = [run(models["vae"], "reconstruct", photos, fit=fit) for fit in ("crop", "pad", "stretch")]
    assert {saved.value.size for saved in made} == {(16, 16)}
    assert len({saved.value.tobytes() for saved in made}) == 3


def test_a_vae_that_was_not_measured_draws_from_a_normal(tmp_path: Path) -> None:
    """No sliders, but pictures."""
    bare = found(own.make_vae(tmp_path / "bare", measured=False))
    assert bare.facts["directions"] == 0
    assert run(bare, "generate", {}).value.size == (16, 16)


def test_the_prior_goes_on_where_the_picture_ends(models, photos) -> None:
    """What is kept is the same for every seed, what comes below is not; nothing kept is a new picture."""
    model = models["vqvae"]
    whole = pixels(run(model, "reconstruct", photos))
    one, two = (pixels(run(model, "reconstruct", photos, seed=seed, keep=50)) for seed in (1, 2))
    assert not np.array_equal(one, two)
    # The decoder looks a few pixels around: far from the border the upper part is the picture's.
    assert np.abs(one[:2] - whole[:2]).mean() < np.abs(one[-4:] - whole[-4:]).mean()
    assert np.array_equal(
        pixels(run(model, "reconstruct", photos, seed=5, keep=0)), pixels(run(model, "generate", {}, seed=5))
    )


def test_low_temperature_takes_the_likeliest(models) -> None:
    """Whatever the seed; a picture of many is the one of its seed."""
    model = models["vqvae"]
    cold = [pixels(run(model, "generate", {}, seed=seed, temperature=0.0)) for seed in (1, 2)]
    assert np.array_equal(cold[0], cold[1])
    sheet = run(model, "generate", {}, sheet=2)
    assert sheet.value.size == (32, 32)
    alone = run(model, "generate", {}, seed=sheet.info["seeds"][3])
    assert np.array_equal(pixels(sheet)[16:, 16:], pixels(alone))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_grey_and_transparent_networks_take_any_picture(channels: int, tmp_path: Path) -> None:
    """A transparent picture stands on white where the network knows none."""
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (20, 20), (200, 10, 10, 0)).save(clear)
    white = tmp_path / "white.png"
    Image.new("RGB", (20, 20), "white").save(white)
    for name, maker in (("vae", own.make_vae), ("vqvae", own.make_vqvae)):
        model = found(maker(tmp_path / name, channels=channels))
        one, other = (run(model, "reconstruct", {"image": path}) for path in (clear, white))
        assert one.value.mode == ("RGBA" if channels in (2, 4) else "RGB")
        if channels in (1, 3):
            assert np.array_equal(pixels(one), pixels(other))

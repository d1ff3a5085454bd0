"""Every class of pipeline through the engine as the program runs it: all tasks, exact sizes, the same pixels again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aigc_studio.core.imaging import open_image
from aigc_studio.core.metadata import read_recipe
from aigc_studio.engines import device, registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import CancelToken, Order
from aigc_studio.engines.reproduce import job_again
from tests.engines.context import FakeContext

from .conftest import NAMES, Bench, Desk, Ear

Models = Callable[[str], Model]
Benches = Callable[[str], Bench]


@pytest.mark.parametrize("name", NAMES)
def test_every_task_makes_a_picture_of_the_asked_size_and_the_same_one_again(
    name: str, model: Models, desk: Desk, tmp_path: Path
) -> None:
    """The second time by the recipe alone, in an engine that loads the model anew."""
    given = model(name)
    for task, size in (("generate", (72, 56)), ("variation", (90, 70)), ("inpaint", (90, 70))):
        params = {"size": list(size)} if task == "generate" else {}
        ear = Ear()
        order = desk.order(given, task, {**params, "batch": 2, "steps": 2}, count=3, seed=7)
        desk.engine.run(order, ear, CancelToken())
        made = ear.pictures
        assert [picture.shape for picture in made] == [(size[1], size[0], 3)] * 3
        assert not np.array_equal(made[0], made[1])
        assert all(picture.std() > 1 for picture in made)
        recipe = read_recipe(ear.files[1])
        assert recipe is not None
        again = job_again(recipe)
        second = Ear()
        if task == "generate":
            desk.engine.unload()  # the others are made by the model in memory
        desk.engine.run(
            Order("again", again.request, tmp_path / task, again.done, desk.inputs(task), given), second, CancelToken()
        )
        assert list(second.files) == [1]
        assert np.array_equal(second.pictures[0], made[1])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "sd-inpaint"])
def test_it_is_the_picture_that_the_librarys_own_pipeline_makes(name: str, bench: Benches) -> None:
    """Latents decoded by us, a fresh scheduler, components put together here: not one pixel differs."""
    import diffusers
    import torch

    given = bench(name)
    library: Any = diffusers
    pipe = library.DiffusionPipeline.from_pretrained(given.model.folder, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    values = given.run(seed=9, size=[80, 64]).values
    ours = given.picture(seed=9, size=[80, 64])
    asked: dict[str, Any] = {"guidance_scale": values["guidance"]} if "guidance" in values else {}
    if name.startswith("flux"):
        asked["max_sequence_length"] = 512 if name == "flux-dev" else 256
    theirs = pipe(
        "a red fox",
        num_inference_steps=3,
        width=80,
        height=64,
        generator=torch.Generator("cpu").manual_seed(9),
        **asked,
    ).images[0]
    assert np.array_equal(ours, np.asarray(theirs))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_what_made_the_picture(name: str, model: Models, desk: Desk) -> None:
    given, ear = model(name), Ear()
    desk.make(given, ear=ear, size=[50, 40])
    recipe = read_recipe(ear.files[0])
    assert recipe is not None
    engine, info = recipe["engine"], recipe["info"]
    assert engine["pipeline"] in ("StableDiffusionInpaintPipeline", given.facts["pipeline"])
    assert engine["model"]["digest"] == given.facts["digest"]
    assert (engine["device"], engine["dtype"]) == ("cpu", "float32")
    assert info["size"] == ([64, 48] if given.facts["multiple"] == 16 else [56, 40])
    assert info["scheduler"]["class"] == given.facts["scheduler"]
    assert info["steps"] >= 3
    assert info["tokens"] >= 6
    assert info["batch"] == 1


def test_each_family_is_fitted_to_its_checkpoint(model: Models) -> None:
    sd = registry.declared("stable-diffusion", model("sd1").facts)
    by_id = {param.id: param for param in sd.params}
    assert by_id["size"].default == (64, 64)
    assert by_id["loras"].of == ("lora:sd1",)
    fast = registry.declared("flux", {"distilled": True, "negative": False, "steps": 4, "type": "flux"})
    slow = registry.declared("flux", {"distilled": False, "negative": False, "type": "flux"})
    assert {param.id for param in slow.params} - {param.id for param in fast.params} == {
        "guidance",
        "true_guidance",
        "negative",
    }
    assert {param.id: param for param in fast.params}["steps"].default == 4


@pytest.mark.parametrize("facts", [{}, {"size": 0}, {"size": 10**9, "steps": 10**6, "guidance": -5.0}])
def test_facts_that_make_no_sense_leave_the_defaults(facts: dict[str, float]) -> None:
    for id in ("stable-diffusion", "sdxl", "sd3", "flux"):
        family, plain = registry.declared(id, facts), registry.family(id)
        for task in family.tasks:
            assert family.values(task.id, {}) == plain.values(task.id, {})


def test_a_negative_prompt_and_the_guidance_change_the_picture(bench: Benches) -> None:
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"negative": "snow and sea"},
        {"guidance": 1.0},
        {"guidance": 1.0, "negative": "snow"},
    )
    for name in ("sd1", "sdxl", "sd3"):
        pictures = [bench(name).picture(**params) for params in asked]
        assert not np.array_equal(pictures[0], pictures[1])
        assert not np.array_equal(pictures[0], pictures[2])
        assert np.array_equal(pictures[2], pictures[3])  # nothing to steer away from


@pytest.mark.parametrize(
    ("name", "without", "guided"),
    [
        ("sd1", {"guidance": 1.0}, {"guidance": 2.0}),
        ("sdxl", {"guidance": 0.0}, {"guidance": 1.5}),
        ("sd3", {"guidance": 1.0}, {"guidance": 7.0}),
        ("flux-dev", {"guidance": 9.0}, {"true_guidance": 2.0}),
    ],
)
def test_a_negative_prompt_without_effect_is_told_and_not_read(
    name: str, without: dict[str, Any], guided: dict[str, Any], bench: Benches
) -> None:
    """That it is too long for the model does not matter then."""
    unused = "The negative prompt has no effect at this guidance."
    negative = "snow and sea " * 300
    ctx = bench(name).run(negative=negative, **without)
    assert [text for text, _ in ctx.notices] == [unused]
    assert "unread_negative" not in ctx.images[0].info
    ctx = bench(name).run(negative=negative, **guided)
    assert [text.startswith("Of the negative prompt") for text, _ in ctx.notices] == [True]
    assert ctx.images[0].info["unread_negative"]
    for empty in ("", " \n"):
        assert bench(name).run(negative=empty, **without).notices == []


def test_flux_takes_guidance_as_an_input_and_a_negative_prompt_when_it_is_asked_to(bench: Benches) -> None:
    flux = bench("flux-dev")
    plain = flux.picture()
    assert not np.array_equal(plain, flux.picture(guidance=9.0))
    assert np.array_equal(plain, flux.picture(negative="snow"))
    one = flux.picture(negative="snow", true_guidance=4.0)
    other = flux.picture(negative="night sea", true_guidance=4.0)
    assert not np.array_equal(one, other)


def test_a_variation_moves_away_from_its_picture_by_its_strength(bench: Benches, desk: Desk) -> None:
    original = np.asarray(open_image(desk.folder / "image.png")).astype(int)
    sd = bench("sd1")
    away = []
    for strength in (0.05, 1.0):
        ctx = FakeContext(inputs=desk.inputs("variation"))
        made = sd.picture("variation", ctx, strength=strength, steps=8)
        assert made.shape == original.shape
        assert ctx.images[0].info["steps"] >= 1
        away.append(made)
    assert not np.array_equal(*away)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, "bfloat16") for name in NAMES), *((name, "float16") for name in ("sd1", "sdxl"))],
)
def test_every_task_runs_in_the_number_formats_of_graphics_cards(
    name: str, dtype: str, model: Models, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the CPU here: what mixes two formats fails on any device. A VAE that overflows in float16 works in float32."""
    monkeypatch.setattr(device, "choose", lambda: device.Placement("cpu", dtype))
    for task in ("generate", "variation", "inpaint"):
        ear = Ear()
        picture = desk.make(model(name), task, ear=ear, steps=2)[0]
        assert picture.std() > 1
    loaded = desk.engine._loaded
    assert {str(weight.dtype) for weight in loaded.pipe.vae.parameters()} == {f"torch.{dtype}"}
    recipe = read_recipe(ear.files[0])
    assert recipe is not None
    assert recipe["engine"]["dtype"] == dtype

"""One run: batches that resume, cancels that work at once and leave no trace, samplers, what is told of a prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.metadata import read_recipe
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import CancelToken
from aigc_studio.engines.image.diffusion import schedulers
from tests.engines.context import FakeContext

from .conftest import NAMES, Bench, Desk, Ear

Models = Callable[[str], Model]
Benches = Callable[[str], Bench]


# ---- batches


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_resumed_job_makes_what_the_uninterrupted_one_makes(batch: int, model: Models, desk: Desk) -> None:
    whole = desk.make(model("sd1"), count=5, batch=batch, seed=11)
    for start in (1, 2, 3):
        ear = Ear()
        rest = desk.make(model("sd1"), ear=ear, count=5, batch=batch, seed=11, done=tuple(range(start)))
        assert sorted(ear.files) == list(range(start, 5))
        assert all(np.array_equal(one, other) for one, other in zip(rest, whole[start:], strict=True))
    assert len({picture.tobytes() for picture in whole}) == 5


def test_only_groups_that_are_wanted_are_painted(model: Models, desk: Desk) -> None:
    """One picture of many made again costs its own group."""
    ear = Ear()
    desk.make(model("sd1"), ear=ear, count=6, batch=2, done=(0, 1, 2, 4, 5))
    assert list(ear.files) == [3]
    assert [done for _, done, total, stage in ear.steps if stage == "Painting"].count(1) == 1


def test_seeds_of_a_batch_are_those_of_single_pictures(bench: Benches) -> None:
    """Picture 2 from seed 5 is the picture from seed 7, however they are grouped."""
    together = bench("sd1").run(count=3, batch=3, seed=5).images[2].value
    alone = bench("sd1").run(seed=7).images[0].value
    assert np.abs(np.asarray(together, int) - np.asarray(alone, int)).max() <= 1  # sums in another order


def test_nothing_of_one_run_reaches_the_next(bench: Benches) -> None:
    """Schedulers keep state, and pipelines made from one another share theirs."""
    sd = bench("sd1")
    first = sd.picture()
    for sampler in ("lcm", "dpmpp-2m-karras", "heun"):
        sd.run(scheduler=sampler, guidance=3.0)
    assert np.array_equal(sd.picture(), first)


# ---- steps and samplers


@pytest.mark.parametrize("name", NAMES)
def test_every_step_is_told(name: str, bench: Benches) -> None:
    ctx = bench(name).run(steps=4)
    painting = [(done, total) for done, total, stage in ctx.steps if stage == "Painting"]
    assert [done for done, _ in painting] == list(range(1, len(painting) + 1))
    assert {total for _, total in painting} == {len(painting)}
    assert len(painting) == ctx.images[0].info["steps"] >= 4
    assert ctx.steps[-1][2] == "Developing the picture"


@pytest.mark.parametrize(
    ("name", "sampler"),
    [
        *(("sd1", sampler.id) for sampler in schedulers.NOISE),
        *(("sd2", sampler.id) for sampler in schedulers.NOISE if sampler.id in ("euler", "ddim", "dpmpp-2m-karras")),
        *((name, sampler.id) for name in ("sd3", "flux-dev") for sampler in schedulers.FLOW),
    ],
)
def test_every_sampler_runs_every_task(name: str, sampler: str, bench: Benches, desk: Desk) -> None:
    given = bench(name)
    for task in ("generate", "variation", "inpaint"):
        ctx = FakeContext(inputs=desk.inputs(task))
        picture = given.picture(task, ctx, scheduler=sampler)
        assert picture.std() > 1
        assert ctx.images[0].info["scheduler"]["class"] == next(
            item.scheduler for item in (*schedulers.NOISE, *schedulers.FLOW) if item.id == sampler
        )


@pytest.mark.parametrize(
    ("name", "sampler"),
    [
        *(("sd1", sampler.id) for sampler in schedulers.NOISE),
        *((name, sampler.id) for name in ("sd3", "flux-dev") for sampler in schedulers.FLOW),
    ],
)
def test_every_sampler_makes_the_same_pictures_of_the_same_seeds(name: str, sampler: str, bench: Benches) -> None:
    """Again, and when a stopped job goes on in the middle of a group; other seeds make others."""
    given = bench(name)
    whole = _made(given.run(count=3, batch=2, seed=5, scheduler=sampler))
    assert _made(given.run(count=3, batch=2, seed=5, scheduler=sampler)) == whole
    assert _made(given.run(ctx=FakeContext(start=1), count=3, batch=2, seed=5, scheduler=sampler)) == whole[1:]
    assert len(set(whole)) == 3


def _made(ctx: FakeContext) -> list[bytes]:
    return [saved.value.tobytes() for saved in ctx.images]


def test_what_is_drawn_in_the_steps_is_each_pictures_own(bench: Benches) -> None:
    """Picture 2 from seed 5 is the picture from seed 6, whatever its neighbour draws."""
    for sampler in ("flow-euler-a", "flow-lcm"):
        together = bench("sd3").run(count=2, batch=2, seed=5, scheduler=sampler).images[1].value
        alone = bench("sd3").run(seed=6, scheduler=sampler).images[0].value
        assert np.abs(np.asarray(together, int) - np.asarray(alone, int)).max() <= 1  # sums in another order


def test_samplers_keep_what_the_model_was_taught(bench: Benches) -> None:
    """Another sampler must not forget the kind of prediction or the noise levels."""
    for name, sampler in (("sd2", "euler"), ("sd2", "unipc"), ("sd1", "dpmpp-2m")):
        loaded = bench(name).loaded
        made = schedulers.fresh(loaded, sampler)
        for key in ("prediction_type", "beta_start", "beta_end", "beta_schedule", "steps_offset"):
            if key in made.config:
                assert made.config[key] == loaded.scheduler[1].get(key, "epsilon"), key


def test_as_the_model_was_made_is_just_that(bench: Benches) -> None:
    loaded = bench("flux-dev").loaded
    made = schedulers.fresh(loaded, schedulers.AS_MADE)
    assert type(made).__name__ == loaded.scheduler[0]
    assert {key: value for key, value in made.config.items() if not key.startswith("_")} == {
        key: value for key, value in loaded.scheduler[1].items() if not key.startswith("_")
    }
    assert made is not schedulers.fresh(loaded, schedulers.AS_MADE)


@pytest.mark.parametrize("name", NAMES)
def test_the_fewest_steps_and_the_least_strength_still_make_a_picture(name: str, bench: Benches, desk: Desk) -> None:
    """Steps times strength may be less than one: pipelines refuse that."""
    for task in ("variation", "inpaint"):
        ctx = FakeContext(inputs=desk.inputs(task))
        bench(name).run(task, ctx, steps=1, strength=0.05)
        assert ctx.images[0].info["steps"] >= 1


def test_settings_that_a_sampler_refuses_are_told(bench: Benches) -> None:
    """LCM has no more than the 50 steps that it was distilled from."""
    with pytest.raises(StudioError) as failed:
        bench("sd1").run(scheduler="lcm", steps=100)
    assert failed.value.code == "settings"
    assert bench("sd1").run().images


# ---- cancel


@pytest.mark.parametrize("name", ["sd1", "sdxl", "flux-dev"])
def test_cancelled_at_any_check_it_delivers_nothing_and_the_model_still_works(name: str, bench: Benches) -> None:
    given = bench(name)
    whole = given.run(seed=4)
    expected = np.asarray(whole.images[0].value)
    for checks in range(1, whole.checks + 1):
        ctx = FakeContext(cancel_after=checks)
        with pytest.raises(Cancelled):
            given.run(ctx=ctx, seed=4)
        assert not ctx.images
    assert np.array_equal(given.picture(seed=4), expected)


@pytest.mark.parametrize("part", ["text_encoder", "unet", "vae.encoder", "vae.decoder"])
def test_a_cancel_stops_inside_a_part(part: str, model: Models, desk: Desk) -> None:
    """It comes in the middle of encoding, a step or decoding: no further layer runs, no half-made picture is kept."""
    given = model("sd1")
    expected = desk.make(given, "inpaint", seed=2)[0]
    module: Any = desk.engine._loaded.pipe
    for name in part.split("."):
        module = getattr(module, name)
    token, ear, later = CancelToken(), Ear(), []
    inner = [layer for layer in module.modules() if not list(layer.children())]

    def cancel(*_: Any) -> None:
        token.cancel()

    def count(*_: Any) -> None:
        if token.cancelled:
            later.append(1)

    handles = [layer.register_forward_hook(count) for layer in inner[2:]]
    handles.append(inner[1].register_forward_pre_hook(cancel))
    try:
        with pytest.raises(Cancelled):
            desk.engine.run(desk.order(given, "inpaint", {}, seed=2), ear, token)
    finally:
        for handle in handles:
            handle.remove()
    assert not later
    assert not ear.files
    assert np.array_equal(desk.make(given, "inpaint", seed=2)[0], expected)


def test_a_cancel_at_a_step_makes_no_further_step(model: Models, desk: Desk) -> None:
    token = CancelToken()
    ear = Ear(on_progress=lambda stage, done: token.cancel() if (stage, done) == ("Painting", 1) else None)
    with pytest.raises(Cancelled):
        desk.engine.run(desk.order(model("sdxl"), "generate", {"steps": 9}, count=2), ear, token)
    assert max(done for _, done, _, stage in ear.steps if stage == "Painting") == 1
    assert not ear.files


# ---- prompts


LONG = "a red fox in the snow " * 20 + "with golden eyes"


@pytest.mark.parametrize(("name", "told"), [("sd1", True), ("sdxl", True), ("sd3", False), ("flux-dev", False)])
def test_what_is_not_read_of_a_prompt_is_told(name: str, told: bool, model: Models, desk: Desk) -> None:
    """77 tokens of CLIP, two of them its own; T5 reads on."""
    ear = Ear()
    desk.make(model(name), ear=ear, prompt=LONG)
    assert bool(ear.notices) is told
    recipe = read_recipe(ear.files[0])
    assert recipe is not None
    if told:
        text, params = ear.notices[0]
        assert params["limit"] == 75
        assert LONG.endswith(recipe["info"]["unread"])
        assert params["count"] == len(recipe["info"]["unread"].split())
        assert text.format(**params).startswith("The model reads 75 tokens; the last ")
        assert recipe["info"]["notices"]
    else:
        assert "unread" not in recipe["info"]


def test_what_is_not_read_makes_no_difference_and_what_is_does(bench: Benches) -> None:
    """The notice is right: the picture is the same without the words that it names."""
    sd = bench("sd1")
    ctx = sd.run(prompt=LONG)
    unread = ctx.images[0].info["unread"]
    whole = np.asarray(ctx.images[0].value)
    assert np.array_equal(sd.picture(prompt=LONG.removesuffix(unread)), whole)
    assert not np.array_equal(sd.picture(prompt=LONG.removesuffix(unread).rstrip()[:-3] + "sea"), whole)


def test_a_word_that_is_read_in_part_is_shown_whole(bench: Benches) -> None:
    """Words that the encoder does not know are read in pieces."""
    prompt = "fox " * 74 + "zebrafish at night"
    ctx = bench("sd1").run(prompt=prompt)
    assert ctx.notices[0][1] == {"limit": 75, "count": 3, "words": "zebrafish at night"}
    assert ctx.images[0].info["unread"] == "ebrafish at night"


def test_of_a_long_negative_prompt_it_is_told_too(bench: Benches) -> None:
    ctx = bench("sd1").run(negative=LONG)
    assert [text[:30] for text, _ in ctx.notices] == ["Of the negative prompt the mod"]


@pytest.mark.parametrize(
    "prompt", ["", " ", "\x00\ud800", "狐狸在雪地里" * 40, "🦊" * 200, "<|endoftext|> a", "a\n\n\tb"]
)
@pytest.mark.parametrize("name", ["sd1", "sd3"])
def test_any_prompt_makes_a_picture(name: str, prompt: str, bench: Benches) -> None:
    assert bench(name).picture(prompt=prompt).std() > 1


def test_values_come_from_the_context(bench: Benches) -> None:
    """The engine checks them once, with what is declared for this checkpoint."""
    given = bench("sd1")
    family = registry.declared(given.model.family, given.model.facts)
    assert given.run(steps=2, size=[48, 40]).images[0].value.size == (48, 40)
    with pytest.raises(StudioError):
        family.values("generate", {"steps": 0})


def test_parts_that_do_not_fit_together_are_told(bench: Benches) -> None:
    """A text encoder of another model: found when the picture's layers meet its words."""
    from tests.tiny.image import clip_encoder

    sd = bench("sd1")
    own = sd.loaded.pipe.text_encoder
    try:
        sd.loaded.pipe.text_encoder = clip_encoder(sd.loaded.pipe.tokenizer, 5, width=24)
        sd.loaded.pipes.clear()
        with pytest.raises(StudioError) as failed:
            sd.run()
        assert failed.value.code == "model-run"
    finally:
        sd.loaded.pipe.text_encoder = own
        sd.loaded.pipes.clear()
    assert sd.run().images

"""Jobs without Qt: run, fail, go on, and make again from the recipe alone."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.metadata import write_image
from aigc_studio.core.project import Project
from aigc_studio.core.recipe import asset_id_for
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.engine import CancelToken, Engine
from aigc_studio.engines.local import LocalEngine
from aigc_studio.engines.reproduce import compare, job_again, reproduce
from aigc_studio.engines.runner import QuietListener, find_model, run_job
from tests.engines import batch_family

PAINTING = Request("image", "generate", "painter", prompt="blue calm waves", params={"size": (40, 24)}, seed=9, count=3)
SPEECH = Request("speech", "speak", "espeak", prompt="Hello 你好", seed=1)

pytestmark = pytest.mark.usefixtures("keep_frozen")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project.create(tmp_path / "project")
    yield project
    project.close()


@pytest.fixture(params=["local", "child"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine: Engine = LocalEngine() if request.param == "local" else ChildEngine("picture")
    yield engine
    engine.close()


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_STUDIO_FAMILIES", "aigc_studio.engines.fake")


def claim(project: Project, request: Request) -> Job:
    project.queue.add(request)
    job = project.queue.claim(request.lane)
    assert job is not None
    return job


def pixels(project: Project, job: Job) -> list[bytes]:
    found = []
    for index in job.done:
        asset = project.asset(asset_id_for(job.id, index))
        assert asset is not None
        with Image.open(project.path(asset)) as image:
            found.append(image.tobytes())
    return found


def test_a_resumed_job_equals_an_uninterrupted_one(project: Project, engine: Engine) -> None:
    whole = run_job(project, claim(project, PAINTING), engine)
    assert (whole.state, whole.done) == (JobState.DONE, (0, 1, 2))

    token = CancelToken()

    class StopAfterFirst(QuietListener):
        def stored(self, index: int, asset: object) -> None:
            token.cancel()

    job = claim(project, PAINTING)
    stopped = run_job(project, job, engine, StopAfterFirst(), token)
    assert stopped.state is JobState.CANCELLED
    assert 0 < len(stopped.done) < 3
    project.queue.retry(job.id)
    again = project.queue.claim("picture")
    assert again is not None
    resumed = run_job(project, again, engine)
    assert (resumed.state, resumed.done) == (JobState.DONE, (0, 1, 2))
    assert pixels(project, resumed) == pixels(project, whole)
    assert len(set(pixels(project, whole))) == 3


def test_a_picture_made_again_from_its_recipe_is_the_same(project: Project, engine: Engine) -> None:
    job = run_job(project, claim(project, PAINTING), engine)
    count = project.queue.changes
    for index in job.done:
        again = reproduce(project, asset_id_for(job.id, index), engine)
        assert (again.same, again.difference, again.largest) == (True, 0.0, 0.0)
        assert again.changed == {}
    assert project.queue.changes == count
    assert not list((project.folder / "incoming").iterdir())


def test_an_edit_made_again_from_its_recipe_is_the_same(project: Project, engine: Engine) -> None:
    image = project.store_image(Image.new("RGB", (40, 24), "red"), title="base")
    mask = Image.new("L", (40, 24))
    mask.paste(255, (10, 5, 30, 20))
    masked = project.store_image(mask, title="mask", kind="mask")
    edit = PAINTING.changed(task="inpaint", inputs={"image": image.id, "mask": masked.id}, count=1)
    job = run_job(project, claim(project, edit), engine)
    assert job.error is None
    assert reproduce(project, asset_id_for(job.id, 0), engine).same


def test_a_line_spoken_again_from_its_recipe_is_the_same(project: Project, engine: Engine) -> None:
    job = run_job(project, claim(project, SPEECH), engine)
    assert job.error is None
    assert reproduce(project, asset_id_for(job.id, 0), engine).same


def test_a_changed_picture_is_found_to_be_different(project: Project) -> None:
    engine = LocalEngine()
    job = run_job(project, claim(project, PAINTING), engine)
    asset = project.asset(asset_id_for(job.id, 0))
    recipe = project.recipe(asset_id_for(job.id, 0))
    assert asset is not None
    assert recipe is not None
    path = project.path(asset)
    with Image.open(path) as image:
        image.load()
    red, *rest = image.getpixel((3, 3))  # type: ignore[misc]
    image.putpixel((3, 3), (red ^ 1, *rest))
    recipe["engine"]["versions"]["numpy"] = "1.0"
    write_image(path, image, recipe)
    again = reproduce(project, asset.id, engine)
    assert not again.same
    assert again.difference == pytest.approx(1 / (40 * 24))
    assert again.largest == pytest.approx(1 / 255)
    assert list(again.changed) == ["versions.numpy"]


def test_what_was_not_generated_has_no_recipe(project: Project) -> None:
    image = project.store_image(Image.new("RGB", (8, 8)), title="by hand")
    for id, code in [(image.id, "no-recipe"), ("nothing", "missing")]:
        with pytest.raises(StudioError) as caught:
            reproduce(project, id, LocalEngine())
        assert caught.value.code == code


@pytest.mark.parametrize("change", [{"index": 3}, {"index": -1}, {"index": "0"}, {"request": {}}, {"engine": 1}])
def test_a_recipe_that_says_nonsense_is_none(change: dict) -> None:
    recipe = {"request": PAINTING.to_json(), "index": 2, "seed": PAINTING.item_seed(2)}
    assert job_again(recipe).done == (0, 1)
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        job_again(recipe | change)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_STUDIO_FAMILIES", "tests.engines.batch_family")


BATCH = Request("text", "continue", "batch", count=3)


def test_each_result_of_a_batch_is_made_again_as_part_of_it(batches: None, project: Project) -> None:
    """As with beams: the second best of three is no first best, and no second best of two."""
    job = run_job(project, claim(project, BATCH), LocalEngine())
    assert job.state is JobState.DONE
    for index in range(3):
        assert reproduce(project, asset_id_for(job.id, index), LocalEngine()).same


def test_making_again_can_be_cancelled(batches: None, project: Project) -> None:
    job = run_job(project, claim(project, BATCH), LocalEngine())
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        reproduce(project, asset_id_for(job.id, 0), LocalEngine(), token)


def test_a_default_that_changes_later_does_not_change_what_a_recipe_makes(
    batches: None, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run_job(project, claim(project, BATCH), LocalEngine())
    recipe = project.recipe(asset_id_for(job.id, 1))
    assert recipe is not None
    assert recipe["engine"]["params"] == {"pace": 3}
    family = batch_family.FAMILY
    slower = replace(family, params=(replace(family.params[0], default=7),))
    module = registry.module("batch")
    monkeypatch.setattr(module, "FAMILY", slower)
    again = reproduce(project, asset_id_for(job.id, 1), LocalEngine())
    assert (again.same, again.changed) == (True, {})


def test_an_input_that_has_changed_is_told(fakes: None, project: Project) -> None:
    image = project.store_image(Image.new("RGB", (8, 8), "red"), title="base")
    job = run_job(
        project, claim(project, Request("image", "inpaint", "fake", inputs={"image": image.id})), LocalEngine()
    )
    made = asset_id_for(job.id, 0)
    recipe = project.recipe(made)
    assert recipe is not None
    assert recipe["engine"]["inputs"] == {"image": hashlib.sha256(project.path(image).read_bytes()).hexdigest()}
    assert reproduce(project, made, LocalEngine()).same
    Image.new("RGB", (8, 8), "blue").save(project.path(image))
    with pytest.raises(StudioError) as caught:
        reproduce(project, made, LocalEngine())
    assert caught.value.code == "input-changed"


def test_sounds_are_compared_sample_by_sample(tmp_path: Path) -> None:
    samples = np.linspace(-0.5, 0.5, 100)
    for name, values, rate in [
        ("a", samples, 8000),
        ("same", samples, 8000),
        ("rate", samples, 16000),
        ("longer", np.append(samples, 0.0), 8000),
        ("other", np.where(np.arange(100) == 7, 0.25, samples), 8000),
    ]:
        soundfile.write(tmp_path / f"{name}.wav", values, rate, subtype="PCM_16")
    results = {
        path.stem: compare("audio", tmp_path / "a.wav", path)[0] for path in tmp_path.iterdir() if path.stem != "a"
    }
    assert results == {"same": 0.0, "rate": 1.0, "longer": 1.0, "other": 0.01}


def test_pictures_of_other_modes_or_sides_are_not_the_same(tmp_path: Path) -> None:
    for name, mode, size in [("a", "RGB", (4, 2)), ("alpha", "RGBA", (4, 2)), ("turned", "RGB", (2, 4))]:
        Image.new(mode, size).save(tmp_path / f"{name}.png")
    for other in ("alpha", "turned"):
        assert compare("image", tmp_path / "a.png", tmp_path / f"{other}.png") == (1.0, 1.0)


@pytest.mark.allow_log("ERROR")
@pytest.mark.usefixtures("fakes")
def test_a_failed_job_says_why_and_goes_on_later(project: Project, engine: Engine) -> None:
    request = Request("image", "generate", "fake", params={"script": "save crash:oh"}, count=2)
    job = run_job(project, claim(project, request), engine)
    assert (job.state, job.done) == (JobState.FAILED, (0,))
    assert job.error is not None
    assert "oh" in str(job.error)


@pytest.mark.usefixtures("fakes")
def test_ctrl_c_leaves_the_job_paused(project: Project) -> None:
    class Interrupted:
        def run(self, *_: object) -> None:
            raise KeyboardInterrupt

    job = claim(project, Request("image", "generate", "fake"))
    with pytest.raises(KeyboardInterrupt):
        run_job(project, job, Interrupted())  # type: ignore[arg-type]
    stored = project.queue.get(job.id)
    assert stored is not None
    assert stored.state is JobState.PAUSED


def test_a_model_of_another_family_is_refused() -> None:
    with pytest.raises(StudioError) as caught:
        find_model(PAINTING.changed(model="espeak"))
    assert caught.value.code == "model"
    with pytest.raises(StudioError):
        find_model(PAINTING.changed(model="nobody knows"))
    assert find_model(PAINTING.changed(model="painter")).family == "painter"


def test_an_end_that_a_full_disk_refuses_is_one_sentence(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SQLite says is nothing for people."""

    def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    job = claim(project, PAINTING)
    monkeypatch.setattr(LocalEngine, "run", lambda *_: None)
    monkeypatch.setattr(project.queue, "finish", full)
    with pytest.raises(StudioError) as caught:
        run_job(project, job, LocalEngine())
    assert caught.value.code == "disk-full"

"""A training is a job like any other: in its own process, stopped at once, going on where it was, never made twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.project import Project
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunFolder, runs
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.engine import CancelToken, Engine, Preview
from aigc_studio.engines.local import LocalEngine
from aigc_studio.engines.reproduce import reproduce
from aigc_studio.engines.runner import QuietListener, run_job
from tests.training.pictures import make_folder

pytestmark = pytest.mark.usefixtures("keep_frozen")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project.create(tmp_path / "project")
    yield project
    project.close()


@pytest.fixture(params=["local", "child"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine: Engine = LocalEngine() if request.param == "local" else ChildEngine("train")
    yield engine
    engine.close()


class Stopping(QuietListener):
    """Cancels when the run has come to a step."""

    def __init__(self, token: CancelToken, at: int) -> None:
        self.token, self.at, self.when, self.previews = token, at, 0.0, 0

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        self.previews += preview is not None
        if stage == "Learning" and done >= self.at and not self.when:
            self.when = time.monotonic()
            self.token.cancel()


def wanted(data: Path | str, steps: int, **params: Any) -> Request:
    """A small VAE."""
    given: dict[str, Any] = {"size": "32", "latent": 4, "width": 4, "batch": 4, "samples": 4, "sample_every": 20}
    given |= {"data": str(data), "name": "Shapes", "steps": steps, **params}
    return Request("training", "train", "train-vae", params=given, seed=2)


def claim(project: Project) -> Job:
    job = project.queue.claim("train")
    assert job is not None
    return job


def test_a_training_is_stopped_at_once_and_goes_on_where_it_was(project: Project, engine: Engine) -> None:
    data = make_folder(project.folder.parent / "data", 6)
    job = project.queue.add(wanted(data, 4000))
    assert job.request.lane == "train"
    token = CancelToken()
    listener = Stopping(token, 25)
    ended = run_job(project, claim(project), engine, listener, token)
    assert time.monotonic() - listener.when < 2.0
    assert ended.state is JobState.CANCELLED
    run = RunFolder(project.folder / "training" / job.id)
    at = run.info()["state"]["step"]
    assert 25 <= at < 4000
    run.ask_to_finish()
    project.queue.retry(job.id)
    ended = run_job(project, claim(project), engine, listener)
    assert ended.state is JobState.DONE
    lines, _ = run.read()
    assert [line["step"] for line in lines if line.get("event") == "resume"] == [at]
    (asset,) = [asset for asset in map(project.asset, _assets(project)) if asset is not None]
    recipe = read_recipe(project.path(asset)) or {}
    assert recipe["info"]["run"] == job.id
    assert recipe["ai_generated"] is True
    assert str(data.parent).encode() not in project.path(asset).read_bytes()
    assert recipe["request"]["params"]["data"] == recipe["engine"]["params"]["data"] == data.name
    (shown,) = runs(project.folder)
    assert shown.state == "done"
    assert json.loads((Path(shown.model) / "config.json").read_text())["_class_name"] == "AIGCStudioVAE"
    with pytest.raises(StudioError) as caught:
        reproduce(project, asset.id, engine)
    assert caught.value.code == "training"


def _assets(project: Project) -> list[str]:
    from aigc_studio.core.assets import AssetQuery
    from aigc_studio.core.reader import ProjectReader

    reader = ProjectReader(project.folder)
    try:
        return [asset.id for asset in reader.assets(AssetQuery(), 0, 10)]
    finally:
        reader.close()


@pytest.mark.parametrize(("data", "code"), [("", "data-missing"), ("nowhere", "data-missing"), ("empty", "data-empty")])
def test_bad_data_is_one_sentence_and_nothing_is_left_behind(
    project: Project, tmp_path: Path, data: str, code: str
) -> None:
    (tmp_path / "empty").mkdir()
    project.queue.add(wanted(str(tmp_path / data) if data else "", 5))
    engine = LocalEngine()
    ended = run_job(project, claim(project), engine)
    engine.close()
    assert ended.state is JobState.FAILED
    assert ended.error is not None
    assert ended.error.code == code
    assert str(ended.error).endswith(".")
    assert not _assets(project)

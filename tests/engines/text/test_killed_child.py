"""A child with torch is killed as it imports, loads and writes: what was finished stays, and the rest is the same."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.metadata import read_text
from aigc_studio.core.project import Project
from aigc_studio.core.recipe import asset_id_for
from aigc_studio.core.requests import Request
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.runner import QuietListener, run_job

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.slow,
    pytest.mark.allow_log("ERROR"),
]


class KillAt(QuietListener):
    """Kills the child at its first event of a kind: "Loading the model", or the index of a piece."""

    def __init__(self, engine: ChildEngine, moment: str | int) -> None:
        self.engine = engine
        self.moment = moment
        self.struck = False

    def _strike(self) -> None:
        if not self.struck and self.engine.pid is not None:
            self.struck = True
            psutil.Process(self.engine.pid).kill()

    def progress(self, index: int, done: int, total: int, stage: str, preview: object) -> None:
        if stage == self.moment:
            self._strike()

    def partial(self, index: int, piece: str) -> None:
        if index == self.moment:
            self._strike()


class KillWhileImporting(KillAt):
    """Kills the child when torch's libraries have come into its memory."""

    def __init__(self, engine: ChildEngine) -> None:
        super().__init__(engine, "")
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        pause = threading.Event()
        while not self.struck and not pause.wait(0.01):
            pid = self.engine.pid
            if pid is not None and "libtorch" in Path(f"/proc/{pid}/maps").read_text():
                self._strike()


def test_a_torch_child_killed_in_every_phase(
    framed_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    model = Entry("tiny", "causal-lm", "text", {"en": "Tiny"}, framed_folder)
    monkeypatch.setattr(catalogue, "find", lambda id: model)
    project = Project.create(tmp_path / "project")
    engine = ChildEngine("text")
    request = Request("text", "continue", "causal-lm", "tiny", "床前", {"max_tokens": 30}, seed=3, count=3)
    id = project.queue.add(request).id

    def life(listener: QuietListener) -> Job:
        project.queue.retry(id)
        job = project.queue.claim("text")
        assert job is not None
        return run_job(project, job, engine, listener)

    def killed(make: Callable[[], KillAt]) -> Job:
        killer = make()
        job = life(killer)
        assert killer.struck
        assert job.state is JobState.FAILED
        assert job.error is not None
        assert job.error.code == "engine-died"
        assert engine.pid is None
        return job

    def texts(job_id: str) -> list[str]:
        found = []
        for index in range(request.count):
            asset = project.asset(asset_id_for(job_id, index))
            assert asset is not None
            found.append(read_text(project.path(asset)))
        return found

    importing = killed(lambda: KillWhileImporting(engine))
    assert importing.done == ()
    loading = killed(lambda: KillAt(engine, "Loading the model"))
    assert loading.done == ()
    writing = killed(lambda: KillAt(engine, 1))
    assert 0 in writing.done
    assert 2 not in writing.done
    done = life(QuietListener())
    assert (done.state, done.done) == (JobState.DONE, (0, 1, 2))

    plain = project.queue.add(request)
    claimed = project.queue.claim("text")
    assert claimed is not None
    assert run_job(project, claimed, engine).state is JobState.DONE
    assert texts(id) == texts(plain.id)
    assert not list((project.folder / "incoming").glob("[!.]*"))
    engine.close()
    project.close()
    Project.open(project.folder).close()  # what the kill left half written goes with the next start
    assert not list((project.folder / "incoming").iterdir())

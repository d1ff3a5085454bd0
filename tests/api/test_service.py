"""The jobs of a project without a window: stopped, paused, gone on with, and what a full or slow disk does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.api.events import Event, Follower
from aigc_studio.api.service import Service
from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.project import Project
from aigc_studio.core.requests import Request
from aigc_studio.engines.local import LocalEngine

from .conftest import Start

SECONDS = 20.0


class Watching(Follower):
    """Keeps what is told of a job, and lets a test wait for it."""

    def __init__(self, service: Service, job_id: str) -> None:
        super().__init__(lambda: None)
        self.events: list[Event] = []
        self._changed = threading.Condition()
        service.events.follow(job_id, self)

    def tell(self, event: Event) -> None:
        """See `Follower`."""
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def until(self, fits: Callable[[Event], Any]) -> Event:
        """The first event that fits, when it comes."""
        with self._changed:
            assert self._changed.wait_for(lambda: any(fits(event) for event in self.events), SECONDS), self.events
            return next(event for event in self.events if fits(event))


def scripted(script: str, count: int = 1) -> Request:
    return Request("image", "generate", "fake", "fake", params={"script": script}, count=count, seed=5)


def submit(service: Service, script: str, count: int = 1) -> tuple[Job, Watching]:
    """A job that is followed from before it can begin."""
    before, after = threading.Event(), threading.Event()
    service.ask(lambda project: before.wait(SECONDS))
    future = service.submit(scripted(script, count))
    service.ask(lambda project: after.wait(SECONDS))  # stands in line before the lane's claim
    before.set()
    job = future.result(SECONDS)
    watching = Watching(service, job.id)
    after.set()
    return job, watching


def test_jobs_of_a_lane_run_one_after_the_other(start: Start, fake: None) -> None:
    service = start()
    jobs = [service.submit(scripted("step:3 save")).result(SECONDS) for _ in range(5)]
    for job in jobs:
        watching = Watching(service, job.id)
        if not service.job(job.id).result(SECONDS).state.ended:
            watching.until(lambda event: event.name == "end")
    done = service.ask(lambda project: project.queue.list()).result(SECONDS)
    assert [job.state for job in done] == [JobState.DONE] * 5
    started = [job.started for job in done]
    assert started == sorted(started)


def test_closing_pauses_what_runs_and_a_restart_goes_on(start: Start, fake: None, tmp_path: Path) -> None:
    """Results that are stored are counted, not made again; what waited runs by itself, what was paused on demand."""
    service = start()
    job, watching = submit(service, "save wait", 2)
    waiting = service.submit(scripted("save")).result(SECONDS)
    watching.until(lambda event: event.name == "output")
    service.close()
    with pytest.raises(RuntimeError):
        service.ask(lambda project: None)
    project = Project.open(tmp_path / "mine", read_only=True)
    try:
        states = {each.id: (each.state, each.done) for each in project.queue.list()}
        assert states == {job.id: (JobState.PAUSED, (0,)), waiting.id: (JobState.PENDING, ())}
    finally:
        project.close()
    service = start()
    end = Watching(service, waiting.id)
    if not service.job(waiting.id).result(SECONDS).state.ended:
        end.until(lambda event: event.name == "end")
    assert service.job(job.id).result(SECONDS).state is JobState.PAUSED
    service.close()
    service = start(resume=True)
    watching = Watching(service, job.id)
    watching.until(lambda event: event.name == "progress")
    assert service.cancel(job.id).result(SECONDS).id == job.id
    ended = watching.until(lambda event: event.name == "end").data["job"]
    assert (ended.state, ended.done) == (JobState.DONE, (0, 1)), "all was made when it was cancelled"


def test_pause_and_resume(start: Start, fake: None) -> None:
    """A running job stops within a step and keeps its place; a waiting one is held back."""
    service = start()
    job, watching = submit(service, "wait")
    other = service.submit(scripted("save")).result(SECONDS)
    watching.until(lambda event: event.name == "progress")
    assert service.pause(other.id).result(SECONDS).state is JobState.PAUSED
    service.pause(job.id).result(SECONDS)
    watching.until(lambda event: event.name == "job" and event.data["job"].state is JobState.PAUSED)
    assert service.job(other.id).result(SECONDS).state is JobState.PAUSED
    end = Watching(service, other.id)
    service.resume(other.id).result(SECONDS)
    end.until(lambda event: event.name == "end" and event.data["job"].state is JobState.DONE)
    assert service.cancel(job.id).result(SECONDS).state is JobState.CANCELLED


def test_a_cancel_right_after_the_claim_is_not_lost(start: Start, fake: None) -> None:
    """Asked for in the moment when the job is claimed and its lane does not know it yet."""
    service = start()
    for _ in range(20):
        future = service.submit(scripted("wait"))
        job = future.result(SECONDS)
        watching = Watching(service, job.id)
        while service.cancel(job.id).result(SECONDS).state is JobState.PENDING:
            continue
        if not service.job(job.id).result(SECONDS).state.ended:
            watching.until(lambda event: event.name == "end")
        assert service.job(job.id).result(SECONDS).state is JobState.CANCELLED


@pytest.mark.allow_log("WARNING")
def test_a_result_that_cannot_be_stored_fails_its_job(
    start: Start, fake: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the disk's own sentence; the next job works."""
    service = start()
    full = [True]
    commit = Project.commit_output

    def refuse(self: Project, job_id: str, index: int, path: Path) -> Any:
        if full:
            raise OSError(28, "no space left")
        return commit(self, job_id, index, path)

    monkeypatch.setattr(Project, "commit_output", refuse)
    job, watching = submit(service, "save")
    ended = watching.until(lambda event: event.name == "end").data["job"]
    assert ended.state is JobState.FAILED
    assert ended.error.code == "disk-full"
    full.clear()
    watching = Watching(service, job.id)
    service.resume(job.id).result(SECONDS)
    assert watching.until(lambda event: event.name == "end").data["job"].state is JobState.DONE


@pytest.mark.allow_log("ERROR")
def test_an_end_that_cannot_be_written_is_tried_again(
    start: Start, fake: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue says RUNNING until it is written, and nothing else of this lane runs meanwhile."""
    from aigc_studio.api import service as module
    from aigc_studio.core.jobs import JobQueue

    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.01)
    refused = [True, True]
    finish = JobQueue.finish

    def refuse(self: JobQueue, *arguments: Any) -> Job:
        if refused:
            refused.pop()
            raise OSError(28, "no space left")
        return finish(self, *arguments)

    monkeypatch.setattr(JobQueue, "finish", refuse)
    service = start()
    _, watching = submit(service, "save")
    assert watching.until(lambda event: event.name == "end").data["job"].state is JobState.DONE
    assert refused == []


def test_an_idle_engine_is_ended(tmp_path: Path, fake: None) -> None:
    """And a later job starts another one."""
    made: list[LocalEngine] = []
    closed = threading.Semaphore(0)

    class Counted(LocalEngine):
        def close(self) -> None:
            super().close()
            closed.release()

    def make(lane: str) -> LocalEngine:
        made.append(Counted(collect=False))
        return made[-1]

    service = Service(tmp_path / "mine", make, idle_seconds=0.05)
    try:
        for number in (1, 2):
            _, watching = submit(service, "save")
            watching.until(lambda event: event.name == "end")
            assert closed.acquire(timeout=SECONDS)
            assert len(made) == number
    finally:
        service.close()


def test_nobody_waits_for_an_engine_that_ends(tmp_path: Path, fake: None) -> None:
    """A child takes seconds to go; what is asked meanwhile is answered, and what is queued is made by the next."""
    ending, go_on = threading.Event(), threading.Event()

    class Slow(LocalEngine):
        def close(self) -> None:
            super().close()
            ending.set()
            assert go_on.wait(SECONDS)

    service = Service(tmp_path / "mine", lambda lane: Slow(collect=False), idle_seconds=0.05)
    try:
        _, watching = submit(service, "save")
        watching.until(lambda event: event.name == "end")
        assert ending.wait(SECONDS)
        future = service.submit(scripted("save"))
        job = future.result(2.0)
        assert service.ask(lambda project: len(project.queue.list())).result(2.0) == 2
        end = Watching(service, job.id)
        go_on.set()
        end.until(lambda event: event.name == "end" and event.data["job"].state is JobState.DONE)
    finally:
        go_on.set()
        service.close()


def test_what_cannot_be_queued(start: Start, fake: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many at once, an input that is not there, a job nobody knows."""
    from aigc_studio.api import service as module

    service = start()
    monkeypatch.setattr(module, "MOST_JOBS", 1)
    _, watching = submit(service, "wait")
    watching.until(lambda event: event.name == "progress")
    service.submit(scripted("wait")).result(SECONDS)
    with pytest.raises(StudioError) as raised:
        service.submit(scripted("wait")).result(SECONDS)
    assert raised.value.code == "queue"
    inpaint = Request("image", "inpaint", "fake", "fake", inputs={"image": "0" * 32})
    with pytest.raises(StudioError) as raised:
        service.submit(inpaint).result(SECONDS)
    assert raised.value.code == "input-gone"
    with pytest.raises(StudioError) as raised:
        service.cancel("nobody").result(SECONDS)
    assert raised.value.code == "job-unknown"


def test_a_project_in_use_is_refused(start: Start, tmp_path: Path) -> None:
    """A window has it open."""
    project = Project.create(tmp_path / "mine")
    try:
        with pytest.raises(StudioError) as raised:
            start()
    finally:
        project.close()
    assert raised.value.code == "read-only"

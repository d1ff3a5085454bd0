"""Studio with real threads and a real child: what panels are told, in every order that clicks and ends can cross."""

from __future__ import annotations

import gc
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import shiboken6
from PIL import Image
from PySide6.QtCore import QCoreApplication, QObject, QThread
from pytestqt.qtbot import QtBot

from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import Job, JobQueue, JobState
from aigc_studio.core.project import Project
from aigc_studio.core.requests import Request
from aigc_studio.engines import runner
from aigc_studio.ui.events import AssetsChange, Progress, ProjectInfo
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.worker import _Relay
from tests.ui.kept_engines import Keeper

pytestmark = pytest.mark.allow_log("ERROR")

TIMEOUT = 20_000


@pytest.fixture(autouse=True)
def keep_engines(_keeper: Keeper) -> None:
    """Each test has processes of its own, and counts them."""
    _keeper.end_all()


@pytest.fixture(autouse=True)
def fake_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_STUDIO_FAMILIES", "aigc_studio.engines.fake")
    monkeypatch.setattr("aigc_studio.ui.studio.PREWARM_MS", 3_600_000)  # tests count processes


class Record:
    """What a Studio said, in order."""

    def __init__(self, studio: Studio) -> None:
        self.events: list[tuple[str, Any]] = []
        self.threads: set[QThread] = set()
        for name in (
            "projectOpened",
            "jobFinished",
            "jobOutput",
            "jobPartial",
            "jobProgress",
            "assetsChanged",
            "problem",
        ):
            getattr(studio, name).connect(lambda *values, name=name: self._keep(name, values))
        studio.projectClosed.connect(lambda: self._keep("projectClosed", ()))

    def _keep(self, name: str, values: tuple) -> None:
        self.threads.add(QThread.currentThread())
        self.events.append((name, values[0] if len(values) == 1 else values))

    def of(self, name: str) -> list[Any]:
        return [value for event, value in self.events if event == name]

    def ends(self) -> list[tuple[str, JobState]]:
        return [(id, job.state) for id, job in self.of("jobFinished")]

    def outputs(self, id: str) -> list[int]:
        return [index for job, index, _ in self.of("jobOutput") if job == id]


@pytest.fixture
def studio(qtbot: QtBot) -> Iterator[Studio]:
    studio = Studio()
    yield studio
    studio.shutdown()


@pytest.fixture
def record(studio: Studio) -> Record:
    return Record(studio)


@pytest.fixture
def project(studio: Studio, record: Record, qtbot: QtBot, tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    with qtbot.waitSignal(studio.projectOpened, timeout=TIMEOUT):
        studio.create_project(folder, "测试")
    return folder


def fake(script: str = "", count: int = 1, **more: Any) -> Request:
    return Request("image", "generate", "fake", params={"script": script}, count=count, **more)


def until(qtbot: QtBot, condition: Callable[[], Any]) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=TIMEOUT)


def finished(qtbot: QtBot, record: Record, *ids: str) -> list[Job]:
    """Wait until these jobs have ended; their final states."""
    until(qtbot, lambda: set(ids) <= {id for id, _ in record.of("jobFinished")})
    last = dict(record.of("jobFinished"))
    return [last[id] for id in ids]


def running(qtbot: QtBot, studio: Studio, id: str) -> None:
    until(qtbot, lambda: studio.progress(id))


def fetching(qtbot: QtBot, studio: Studio, request: Request) -> tuple[str, threading.Event]:
    """Submit a request, and hold the storage thread so that its lane's claim waits for the gate that is returned."""
    lane, gate = studio._lanes[request.lane], threading.Event()
    until(qtbot, lambda: not lane.claiming)
    id = studio.submit(request)
    studio.store(lambda project: gate.wait(10))
    until(qtbot, lambda: lane.claiming)
    return id, gate


def test_a_job_becomes_assets(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    id = studio.submit(fake(count=2, prompt="two"))
    job = studio.job(id)
    assert job is not None
    assert job.state is JobState.PENDING
    (done,) = finished(qtbot, record, id)
    assert (done.state, done.done) == (JobState.DONE, (0, 1))
    assert studio.job(id) == done
    assert record.outputs(id) == [0, 1]
    names = [event for event, _ in record.events if event in ("jobOutput", "jobFinished")]
    assert names == ["jobOutput", "jobOutput", "jobFinished"]
    assert studio.reader is not None
    for _, index, asset in record.of("jobOutput"):
        assert studio.reader.asset(asset.id) == asset
        assert (asset.job_id, asset.index) == (id, index)
        assert studio.reader.path(asset).is_file()
    until(qtbot, lambda: sum(len(change.added) for change in record.of("assetsChanged")) == 2)
    added = [id for change in record.of("assetsChanged") for id in change.added]
    assert sorted(added) == sorted(asset.id for _, _, asset in record.of("jobOutput"))
    assert record.threads == {QCoreApplication.instance().thread()}  # type: ignore[union-attr]
    assert not list((project / "incoming").iterdir())


def test_progress_has_step_preview_and_time_left(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    id = studio.submit(fake("step:3 text:你 text:好 save wait", count=2))
    running(qtbot, studio, id)
    until(qtbot, lambda: len(record.of("jobProgress")) > 3)
    first: Progress = record.of("jobProgress")[0][1]
    assert (first.index, first.count, first.done, first.total, first.stage) == (0, 2, 1, 3, "Painting")
    assert first.preview is not None
    assert (first.preview.width(), first.preview.height()) == (32, 24)
    until(qtbot, lambda: "".join(piece for _, _, piece in record.of("jobPartial")) == "你好")
    studio.cancel(id)
    finished(qtbot, record, id)
    assert studio.progress(id) is None


def test_time_left_shrinks(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    relay = _Relay(None, runner.Order("job", fake(count=2), project))  # type: ignore[arg-type]
    assert relay._eta(100.0, 0, 0, 10) is None
    assert relay._eta(101.0, 0, 5, 10) == pytest.approx(3.0)
    assert relay._eta(103.0, 1, 5, 10) == pytest.approx(1.0)
    assert relay._eta(104.0, 1, 10, 10) == pytest.approx(0.0)


@pytest.mark.parametrize("script", ["kill", "abort", "exit", "memory", "fail", "crash:x"])
def test_a_job_that_fails_says_why_and_the_next_one_runs(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, script: str
) -> None:
    bad = studio.submit(fake(f"step save {script}", count=2))
    good = studio.submit(fake())
    first, second = finished(qtbot, record, bad, good)
    assert (first.state, first.done) == (JobState.FAILED, (0,))
    assert first.error is not None
    assert str(first.error)
    assert second.state is JobState.DONE


def test_cancel_a_running_job_and_the_next_one_runs(
    studio: Studio, record: Record, project: Path, qtbot: QtBot
) -> None:
    id, later = studio.submit(fake("save wait", count=2)), studio.submit(fake())
    running(qtbot, studio, id)
    studio.cancel(id)
    first, second = finished(qtbot, record, id, later)
    assert (first.state, first.done, first.error) == (JobState.CANCELLED, (0,), None)
    assert second.state is JobState.DONE
    assert record.of("problem") == []


def test_cancel_before_it_is_stored_or_claimed(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    ids = [studio.submit(fake("wait")) for _ in range(5)]
    for id in ids:
        studio.cancel(id)
    assert {job.state for job in finished(qtbot, record, *ids)} == {JobState.CANCELLED}
    assert record.ends() == [(id, JobState.CANCELLED) for id, _ in record.ends()]
    assert len(record.ends()) == 5


def test_cancel_at_every_moment_ends_every_job_once(
    studio: Studio, record: Record, project: Path, qtbot: QtBot
) -> None:
    """A cancel after n turns of the event loop: it crosses the submit, the claim, the start, the steps and the end."""
    for turns in range(40):
        id = studio.submit(fake("step:2 save step:2"))
        for _ in range(turns):
            qtbot.wait(1)
        studio.cancel(id)
        finished(qtbot, record, id)
    states = [state for _, state in record.ends()]
    assert len(states) == 40
    assert set(states) <= {JobState.DONE, JobState.CANCELLED}
    for id, job in record.of("jobFinished"):
        assert record.outputs(id) == list(job.done)


def test_pause_goes_on_where_it_was(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    id = studio.submit(fake(f"save mark:{tmp_path / 'go'} wait", count=3, seed=5))
    running(qtbot, studio, id)
    studio.pause(id)
    (job,) = finished(qtbot, record, id)
    assert (job.state, job.done) == (JobState.PAUSED, (0,))
    record.events.clear()
    studio.resume(id)
    until(qtbot, lambda: record.outputs(id) == [1])
    studio.cancel(id)
    (job,) = finished(qtbot, record, id)
    assert job.done == (0, 1)
    record.events.clear()
    studio.retry(id)
    until(qtbot, lambda: record.outputs(id) == [2])
    studio.cancel(id)  # too late: everything is made
    (job,) = finished(qtbot, record, id)
    assert (job.state, job.done) == (JobState.DONE, (0, 1, 2))


def test_waiting_jobs_are_paused_moved_and_cleared(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    studio.pause_all(True)
    a, b, c = (studio.submit(fake()) for _ in range(3))
    studio.move(c, 0)
    studio.pause(b)
    until(qtbot, lambda: [job.id for job in studio.jobs()] == [c, a, b])
    assert studio.held
    studio.pause_all(False)
    finished(qtbot, record, c, a)
    assert [id for id, state in record.ends() if state is JobState.DONE] == [c, a]
    studio.clear_finished()
    until(qtbot, lambda: [job.id for job in studio.jobs()] == [b])


def test_pause_all_stops_what_runs_and_goes_on(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    id, later = studio.submit(fake("save step wait", count=2)), studio.submit(fake())
    running(qtbot, studio, id)
    studio.pause_all(True)
    (job,) = finished(qtbot, record, id)
    assert job.state is JobState.PAUSED
    record.events.clear()
    studio.pause_all(False)
    running(qtbot, studio, id)
    studio.cancel(id)
    finished(qtbot, record, id, later)


def test_a_pause_taken_back_at_once_leaves_nothing_paused(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    """The engine needs a moment to stop: what is asked for meanwhile counts, the last wish of all."""
    id = studio.submit(fake("save step wait", count=3))
    running(qtbot, studio, id)
    studio.pause(id)
    studio.resume(id)
    until(qtbot, lambda: record.outputs(id) == [0, 1])
    assert record.ends() == []
    until(qtbot, lambda: studio.progress(id))
    studio.pause_all(True)
    studio.pause_all(False)
    until(qtbot, lambda: record.outputs(id) == [0, 1, 2])
    studio.cancel(id)  # too late: everything is made
    (job,) = finished(qtbot, record, id)
    assert (job.state, job.done) == (JobState.DONE, (0, 1, 2))

    id = studio.submit(fake("wait"))
    running(qtbot, studio, id)
    studio.pause(id)
    studio.resume(id)
    studio.pause(id)
    (job,) = finished(qtbot, record, id)
    assert job.state is JobState.PAUSED
    studio.resume(id)
    running(qtbot, studio, id)
    studio.cancel(id)
    studio.resume(id)
    record.events.clear()
    (job,) = finished(qtbot, record, id)
    assert job.state is JobState.CANCELLED


def test_a_pause_taken_back_while_a_lane_fetches_the_job(
    studio: Studio, record: Record, project: Path, qtbot: QtBot
) -> None:
    id, gate = fetching(qtbot, studio, fake())
    studio.pause(id)
    studio.resume(id)
    gate.set()
    (job,) = finished(qtbot, record, id)
    assert job.state is JobState.DONE


def test_lanes_run_side_by_side(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    picture = studio.submit(fake("wait"))
    text = studio.submit(replace(fake("save"), kind="text"))
    (job,) = finished(qtbot, record, text)
    assert job.state is JobState.DONE
    assert record.ends() == [(text, JobState.DONE)]
    studio.cancel(picture)
    finished(qtbot, record, picture)


def test_what_cannot_run_fails_before_a_process_starts(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = StudioError("missing", code="engine-missing")
    monkeypatch.setattr(runner, "missing_engine", lambda needs: missing)
    cases = {
        studio.submit(fake(count=0)): "count",
        studio.submit(fake(count=65)): "count",
        studio.submit(Request("image", "dance", "fake")): "task",
        studio.submit(Request("image", "generate", "from-the-future")): "family",
        studio.submit(Request("image", "inpaint", "fake")): "input",
        studio.submit(fake().changed(params={"steps": -1})): "param",
        studio.submit(fake()): "engine-missing",
    }
    for job, code in zip(finished(qtbot, record, *cases), cases.values(), strict=True):
        assert job.state is JobState.FAILED
        assert job.error is not None
        assert job.error.code == code
    assert not psutil.Process().children()


def test_inputs_are_files_of_the_project(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    stored: list[Any] = []
    studio.store(lambda project: project.store_image(Image.new("RGB", (8, 8)), title="in"), stored.append)
    until(qtbot, lambda: stored)
    good = studio.submit(Request("image", "inpaint", "fake", inputs={"image": stored[0].id}))
    gone = studio.submit(Request("image", "inpaint", "fake", inputs={"image": "nothing"}))
    first, second = finished(qtbot, record, good, gone)
    assert first.state is JobState.DONE
    assert second.error is not None
    assert second.error.code == "input-gone"
    assert studio.reader is not None
    assert studio.reader.parents(record.of("jobOutput")[0][2].id) == [stored[0].id]


def test_closing_pauses_what_runs_and_opening_brings_it_back(
    studio: Studio, record: Record, project: Path, qtbot: QtBot
) -> None:
    id, waiting = studio.submit(fake("save wait", count=3)), studio.submit(fake())
    until(qtbot, lambda: record.outputs(id) == [0])
    closed: list[str] = []
    studio.store(lambda project: project.create_board("written before the end"))
    studio.close_project(lambda: closed.append("then"))
    until(qtbot, lambda: closed)
    assert (studio.info, studio.reader, studio.jobs()) == (None, None, [])
    assert record.events[-1] == ("projectClosed", ())
    record.events.clear()
    studio.open_project(project)
    (job,) = finished(qtbot, record, waiting)
    assert job.state is JobState.DONE
    states = {job.id: (job.state, job.done) for job in studio.jobs()}
    assert states == {id: (JobState.PAUSED, (0,)), waiting: (JobState.DONE, (0,))}
    assert studio.reader is not None
    assert [board.title for board in studio.reader.boards()] == ["written before the end"]


def test_opening_another_project_closes_the_first(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    studio.submit(fake("wait"))
    for name in ("a", "b", "c"):  # three clicks, one after the other
        studio.create_project(tmp_path / name)
    until(qtbot, lambda: studio.info is not None and studio.info.name == "c")
    infos: list[ProjectInfo] = record.of("projectOpened")
    assert (infos[0].name, infos[-1].name) == ("测试", "c")
    names = [event for event, _ in record.events if event.startswith("project")]
    assert names == ["projectOpened", "projectClosed"] * (len(names) // 2) + ["projectOpened"]


def test_a_folder_that_is_no_project_is_told(studio: Studio, record: Record, qtbot: QtBot, tmp_path: Path) -> None:
    studio.open_project(tmp_path)
    until(qtbot, lambda: record.of("problem"))
    assert record.of("problem")[0].code == "not-a-project"
    assert studio.info is None


def test_without_a_project_a_submit_fails_in_words(studio: Studio, record: Record, qtbot: QtBot) -> None:
    id = studio.submit(fake())
    (job,) = finished(qtbot, record, id)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.code == "no-project"
    assert studio.jobs() == []


def test_a_second_window_only_looks(studio: Studio, record: Record, qtbot: QtBot, tmp_path: Path) -> None:
    with_lock = Project.create(tmp_path / "held")
    with_lock.queue.add(fake())
    studio.open_project(tmp_path / "held")
    until(qtbot, lambda: studio.jobs())
    assert studio.info is not None
    assert studio.info.read_only
    id = studio.submit(fake())
    (job,) = finished(qtbot, record, id)
    assert job.state is JobState.FAILED
    assert [job.state for job in studio.jobs()] == [JobState.PENDING]
    with_lock.close()


def test_store_answers_in_the_ui_thread_in_order(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    answers: list[Any] = []
    threads: list[bool] = []
    main = threading.get_ident()

    def fail(project: Project) -> None:
        raise StudioError("No.", code="no")

    for number in range(20):
        studio.store(
            lambda project, number=number: (number, threading.get_ident() != main),
            lambda value: (answers.append(value), threads.append(threading.get_ident() == main)),
        )
    studio.store(fail, answers.append, lambda error: answers.append(error.code))
    studio.store(fail)
    until(qtbot, lambda: len(answers) == 21 and record.of("problem"))
    assert answers == [*((number, True) for number in range(20)), "no"]
    assert all(threads)
    assert [error.code for error in record.of("problem")] == ["no"]


def test_an_answer_to_a_panel_that_is_gone_is_dropped(
    studio: Studio, record: Record, project: Path, qtbot: QtBot
) -> None:
    class Panel(QObject):
        def take(self, value: object) -> None:
            raise AssertionError

    panel = Panel()
    answers: list[int] = []
    studio.store(lambda project: 1, panel.take)
    studio.store(lambda project: 2, answers.append)
    shiboken6.delete(panel)
    until(qtbot, lambda: answers)


def test_changes_are_told_once_each(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    stored: list[Any] = []
    started = time.monotonic()
    for number in range(50):
        studio.store(
            lambda project, n=number: project.store_image(Image.new("RGB", (8, 8)), title=f"{n}"), stored.append
        )
    until(qtbot, lambda: len(stored) == 50 and sum(len(c.added) for c in record.of("assetsChanged")) == 50)
    changes: list[AssetsChange] = record.of("assetsChanged")
    assert len(changes) <= (time.monotonic() - started) / 0.03 + 1
    studio.store(lambda project: project.trash([stored[0].id]))
    studio.store(lambda project: project.star([stored[1].id], True))
    until(qtbot, lambda: record.of("assetsChanged")[-1].changed == (stored[1].id,))
    assert [id for change in record.of("assetsChanged") for id in change.removed] == [stored[0].id]


def test_thumbnails_are_made_when_nothing_else_is_to_do(
    studio: Studio, record: Record, project: Path, qtbot: QtBot
) -> None:
    stored: list[Any] = []
    studio.store(lambda project: project.store_image(Image.new("RGB", (800, 8)), title="x"), stored.append)
    until(qtbot, lambda: stored)
    order: list[Any] = []
    gate = threading.Event()
    studio.store(lambda project: gate.wait(10))
    studio.thumbnail(stored[0].id, order.append)
    studio.thumbnail("nothing", order.append)
    studio.store(lambda project: "work", order.append)
    gate.set()
    until(qtbot, lambda: len(order) == 3)
    assert order[0] == "work"
    assert order[1] is None
    assert order[2].is_file()


def test_a_result_that_cannot_be_stored_fails_its_job_and_stops_it(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Project, job_id: str, index: int, path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Project, "commit_output", full)
        id = studio.submit(fake("save wait", count=2))
        (job,) = finished(qtbot, record, id)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.code == "disk-full"
    record.events.clear()
    studio.retry(id)  # with room again, what was made and not stored is made again
    until(qtbot, lambda: record.outputs(id) == [0])
    studio.cancel(id)
    finished(qtbot, record, id)


def test_an_end_that_could_not_be_written_is_written_later(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when a job ends: nothing hangs, it is told, and with room again the line goes on."""

    def full(self: JobQueue, *_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(JobQueue, "finish", full)
        id = studio.submit(fake())
        until(qtbot, lambda: record.of("problem"))
    assert record.of("problem")[0].code == "disk-full"
    later = studio.submit(fake())
    first, second = finished(qtbot, record, id, later)
    assert (first.state, second.state) == (JobState.DONE, JobState.DONE)


def test_a_job_whose_result_is_lost_never_ends_as_done(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same full disk that refuses the result refuses the job's end, too."""
    studio._ends._timer.setInterval(50)
    refused: list[str] = []

    def full(self: object, *_: object) -> None:
        refused.append(type(self).__name__)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Project, "commit_output", full)
        patch.setattr(JobQueue, "finish", full)
        id = studio.submit(fake())
        until(qtbot, lambda: refused.count("JobQueue") > 2)
    (job,) = finished(qtbot, record, id)  # without anybody's doing anything
    assert (job.state, job.done) == (JobState.FAILED, ())
    assert len(record.of("problem")) == 1


@pytest.mark.parametrize("broken", ["claim", "release", "finish"])
def test_a_lane_goes_on_by_itself_when_the_disk_has_room_again(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    studio._ends._timer.setInterval(50)
    tried = threading.Event()

    def full(self: JobQueue, *_: object) -> None:
        tried.set()
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(JobQueue, broken, full)
        # count 0: an order that is refused before it runs
        id, gate = fetching(qtbot, studio, fake(count=0 if broken == "finish" else 1))
        if broken == "release":
            studio.pause_all(True)
        gate.set()
        until(qtbot, lambda: tried.is_set() and record.of("problem"))
    if broken == "release":
        studio.pause_all(False)
    (job,) = finished(qtbot, record, id)
    assert job.state is (JobState.FAILED if broken == "finish" else JobState.DONE)
    (problem,) = record.of("problem")
    assert problem.code == "index"
    assert "OperationalError" not in str(problem)


def test_the_storage_thread_outlives_its_troubles(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading what changed fails again and again: told once, and every closure is still answered."""

    def broken(self: Project) -> None:
        raise OSError(5, "Input/output error")

    answers: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(Project, "take_changes", broken)
        for number in range(5):
            studio.store(lambda project, number=number: number, answers.append)
        until(qtbot, lambda: len(answers) == 5)
    studio.store(lambda project: 5, answers.append)
    until(qtbot, lambda: len(answers) == 6)
    assert len(record.of("problem")) == 1


def test_a_slow_disk_does_not_hold_up_the_ui_thread(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every commit waits for a gate; the event loop turns freely meanwhile."""
    gate = threading.Event()
    commit = Project.commit_output

    def slow(self: Project, job_id: str, index: int, path: Path) -> object:
        assert gate.wait(10)
        return commit(self, job_id, index, path)

    monkeypatch.setattr(Project, "commit_output", slow)
    id = studio.submit(fake(count=3))
    until(qtbot, lambda: len(list((project / "incoming").glob("*.png"))) == 3)
    assert record.outputs(id) == []
    studio.cancel(id)  # everything is made already: the cancel has crossed the end
    gate.set()
    (job,) = finished(qtbot, record, id)
    assert record.outputs(id) == list(job.done) == [0, 1, 2]


def test_panels_read_again_when_the_disk_was_busy(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    """A moment is not worth a word; what lasts is told once."""
    busy = StudioError("busy", code="busy")
    studio._read_timer.setInterval(10)
    studio._on_not_read(busy)
    until(qtbot, lambda: record.of("assetsChanged"))
    assert record.of("problem") == []
    for _ in range(20):
        studio._on_not_read(busy)
    assert record.of("problem") == [busy]


def test_a_damaged_index_is_told_in_words(studio: Studio, record: Record, project: Path, qtbot: QtBot) -> None:
    assert studio.reader is not None
    studio.reader._connection.close()
    with pytest.raises(StudioError) as caught:
        studio.reader.boards()
    assert record.of("problem") == [caught.value]
    assert caught.value.code == "index"


def test_shutdown_leaves_no_thread_and_no_process(qtbot: QtBot, tmp_path: Path) -> None:
    def threads() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if not isinstance(thread, threading._DummyThread)}

    before = threads()
    studio = Studio()
    record = Record(studio)
    studio.create_project(tmp_path / "p")
    id = studio.submit(fake("hang"))
    until(qtbot, lambda: psutil.Process().children())
    assert not gc.isenabled()
    studio.shutdown()
    assert not psutil.Process().children()
    assert threads() <= before
    assert gc.isenabled()
    project = Project.open(tmp_path / "p")
    assert not project.read_only
    assert [(job.id, job.state) for job in project.queue.list()] == [(id, JobState.PAUSED)]
    project.close()
    assert record.of("problem") == []


def test_the_lane_of_the_last_job_is_warmed(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(qtbot, record, studio.submit(fake()))
    for lane in studio._lanes:
        lane.close()
    until(qtbot, lambda: not psutil.Process().children())
    studio._prewarm()
    until(qtbot, lambda: psutil.Process().children())
    for damaged in (None, [], ["nowhere", "fake"], ["picture", "from-the-future"]):
        studio.settings.set_state("last_run", damaged)
        studio._prewarm()


def test_an_idle_lane_is_closed_and_opened_again(
    studio: Studio, record: Record, project: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(qtbot, record, studio.submit(fake()))
    monkeypatch.setattr(studio.settings, "get", lambda id: {"idle_minutes": 0}[id])
    studio._lanes.close_idle()
    until(qtbot, lambda: not psutil.Process().children())
    (job,) = finished(qtbot, record, studio.submit(fake()))
    assert job.state is JobState.DONE


def test_an_arbiter_may_ask_idle_lanes_for_their_memory(qtbot: QtBot, tmp_path: Path) -> None:
    asked: list[tuple[str, list[str]]] = []

    def arbiter(order: Any, _loaded: Any, idle: Any) -> list[str]:
        asked.append((order.request.kind, list(idle)))
        return list(idle)

    studio = Studio(arbiter=arbiter)
    record = Record(studio)
    studio.create_project(tmp_path / "p")
    finished(qtbot, record, studio.submit(fake()))
    finished(qtbot, record, studio.submit(replace(fake("save"), kind="text")))
    studio.shutdown()
    assert asked == [("image", []), ("text", ["picture"])]


def test_the_engine_can_run_in_this_process(qtbot: QtBot, tmp_path: Path) -> None:
    studio = Studio(engine="thread")
    record = Record(studio)
    studio.create_project(tmp_path / "p")
    done = studio.submit(fake(count=2))
    cancelled = studio.submit(fake("save wait", count=2))
    running(qtbot, studio, cancelled)
    studio.cancel(cancelled)
    first, second = finished(qtbot, record, done, cancelled)
    assert (first.state, second.state) == (JobState.DONE, JobState.CANCELLED)
    assert not psutil.Process().children()
    studio.shutdown()

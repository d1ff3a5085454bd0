"""The queue: whatever happens in whatever order, its states stay legal and nothing it was given is lost."""

from __future__ import annotations

import itertools
import json
import sqlite3

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import SCHEMA, Job, JobQueue, JobState, new_job_id
from aigc_studio.core.requests import Request

PICTURE = Request("image", "generate", "painter", prompt="蓝色的海", count=4, seed=11)
TEXT = Request("text", "continue", "causal-lm")


@pytest.fixture
def connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    return connection


@pytest.fixture
def queue(connection: sqlite3.Connection) -> JobQueue:
    ticks = itertools.count(1000)
    return JobQueue(connection, clock=lambda: float(next(ticks)))


def claimed(queue: JobQueue, request: Request = PICTURE) -> Job:
    queue.add(request)
    job = queue.claim(request.lane)
    assert job is not None
    return job


def line(queue: JobQueue) -> list[str]:
    return [job.id for job in queue.list() if job.state.waiting]


def test_a_job_goes_from_pending_to_done(queue: JobQueue) -> None:
    added = queue.add(PICTURE)
    assert (added.state, added.request, added.done, added.error) == (JobState.PENDING, PICTURE, (), None)
    job = queue.claim("picture")
    assert job is not None
    assert (job.id, job.state) == (added.id, JobState.RUNNING)
    for index in (1, 0, 1):
        queue.output_stored(job.id, index)
    finished = queue.finish(job.id, JobState.DONE)
    assert finished.done == (0, 1)
    assert finished.created < finished.started < finished.finished
    assert queue.claim("picture") is None


def test_the_queue_is_in_the_database_and_nowhere_else(connection: sqlite3.Connection, queue: JobQueue) -> None:
    queue.add(PICTURE)
    claimed(queue, TEXT)
    assert JobQueue(connection).list() == queue.list()


def test_adding_the_same_id_twice_adds_one_job(queue: JobQueue) -> None:
    id = new_job_id()
    assert queue.add(PICTURE, id) == queue.add(TEXT, id)
    assert len(queue.list()) == 1


@pytest.mark.parametrize("id", ["../../home/holiday", "a" * 31, "A" * 32, "a" * 32 + "\n", " "])
def test_only_an_id_can_become_a_file_name(
    connection: sqlite3.Connection, queue: JobQueue, id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A row of a foreign index with something else for an id is not there, and does not hold the lane up."""
    foreign, own = queue.add(PICTURE), queue.add(PICTURE)
    connection.execute("update jobs set id = ? where id = ?", (id, foreign.id))
    queue = JobQueue(connection)
    assert [job.id for job in queue.list()] == [own.id]
    assert queue.get(id) is None
    job = queue.claim("picture")
    assert job is not None
    assert job.id == own.id
    with pytest.raises(ValueError, match="no job id"):
        queue.add(PICTURE, id)
    assert caplog.text.count("cannot be read") == 1


def test_nothing_of_a_received_queue_starts_by_itself(queue: JobQueue) -> None:
    running, waiting = claimed(queue), queue.add(PICTURE)
    ended = queue.cancel(queue.add(TEXT).id)
    assert queue.hold_back() == 2
    assert queue.claim("picture") is None
    assert [job.state for job in queue.list()] == [JobState.PAUSED, JobState.PAUSED, JobState.CANCELLED]
    assert queue.resume(waiting.id).state is JobState.PENDING
    assert (queue.get(running.id), queue.get(ended.id)) != (None, None)


@pytest.mark.parametrize(
    "change",
    [{"kind": "video"}, {"kind": 3}, {"count": "9"}, {"count": True}, {"params": [1]}, {"prompt": None}, {"seed": 1.5}],
)
def test_a_job_of_a_later_version_is_left_out(
    connection: sqlite3.Connection, queue: JobQueue, change: dict, caplog: pytest.LogCaptureFixture
) -> None:
    later, own = queue.add(PICTURE), queue.add(PICTURE)
    text = json.dumps(PICTURE.to_json() | change)
    with pytest.raises(ValueError, match=r"cannot be|no request"):
        Request.from_json(json.loads(text))
    connection.execute("update jobs set request = ? where id = ?", (text, later.id))
    queue = JobQueue(connection)
    assert [(job.id, job.lane) for job in queue.list()] == [(own.id, "picture")]
    assert (job := queue.claim("picture")) is not None
    assert job.id == own.id
    assert "cannot be read" in caplog.text


def test_a_prompt_with_a_lone_surrogate_can_be_kept(queue: JobQueue) -> None:
    assert queue.add(PICTURE.changed(prompt="a\ud83d b")).request.prompt == "a? b"


def test_lanes_do_not_take_each_others_jobs(queue: JobQueue) -> None:
    queue.add(PICTURE)
    assert queue.claim("text") is None
    assert queue.claim("picture") is not None
    with pytest.raises(ValueError):
        queue.claim("nowhere")


def test_a_lane_runs_one_job(queue: JobQueue) -> None:
    claimed(queue)
    queue.add(PICTURE)
    with pytest.raises(ValueError):
        queue.claim("picture")


def test_jobs_are_claimed_in_line_order_after_moves(queue: JobQueue) -> None:
    a, b, c, d = (queue.add(PICTURE).id for _ in range(4))
    queue.move(d, 0)
    queue.move(a, 2)
    assert line(queue) == [d, b, a, c]
    queue.move(b, 99)
    queue.move(c, -5)
    assert line(queue) == [c, d, a, b]
    queue.pause(d)
    order = []
    while (job := queue.claim("picture")) is not None:
        order.append(job.id)
        queue.finish(job.id, JobState.DONE)
    assert order == [c, a, b]
    assert line(queue) == [d]


def test_moving_again_and_again_keeps_the_order_exact(queue: JobQueue) -> None:
    ids = [queue.add(PICTURE).id for _ in range(5)]
    for _ in range(2000):  # halving the distance between neighbours would run out of digits
        queue.move(ids[-1], 0)
        ids.insert(0, ids.pop())
    assert line(queue) == ids


def test_pause_resume_cancel_and_retry(queue: JobQueue) -> None:
    job = queue.add(PICTURE)
    assert queue.pause(job.id).state is JobState.PAUSED
    assert queue.claim("picture") is None
    assert queue.resume(job.id) == job
    assert queue.cancel(job.id).state is JobState.CANCELLED
    assert queue.claim("picture") is None
    later = queue.add(PICTURE)
    again = queue.retry(job.id)
    assert (again.state, again.finished, again.error) == (JobState.PENDING, 0.0, None)
    assert line(queue) == [later.id, job.id]


def test_a_failed_job_says_why_and_keeps_what_it_stored(queue: JobQueue) -> None:
    job = claimed(queue)
    queue.output_stored(job.id, 0)
    error = StudioError("It broke: {reason}", code="broken", detail="log", reason="冷")
    failed = queue.finish(job.id, JobState.FAILED, error)
    assert failed.error is not None
    assert failed.error.to_json() == error.to_json()
    again = queue.retry(job.id)
    assert (again.error, again.done) == (None, (0,))


@pytest.mark.parametrize("action", ["pause", "resume", "cancel", "retry", "move"])
def test_wishes_that_come_too_late_change_nothing(queue: JobQueue, action: str) -> None:
    job = claimed(queue)
    wish = (lambda: queue.move(job.id, 0)) if action == "move" else (lambda: getattr(queue, action)(job.id))
    assert wish().state is JobState.RUNNING
    done = queue.finish(job.id, JobState.DONE)
    assert wish() == done


def test_the_programs_mistakes_are_not_accepted(queue: JobQueue) -> None:
    waiting = queue.add(PICTURE)
    with pytest.raises(ValueError):
        queue.finish(waiting.id, JobState.DONE)
    job = queue.claim("picture")
    assert job is not None
    for state, error in [
        (JobState.PENDING, None),
        (JobState.RUNNING, None),
        (JobState.FAILED, None),
        (JobState.DONE, StudioError("x")),
    ]:
        with pytest.raises(ValueError):
            queue.finish(job.id, state, error)
    with pytest.raises(ValueError):
        queue.output_stored(job.id, -1)
    with pytest.raises(KeyError):
        queue.cancel("unknown")
    assert queue.get(job.id) == job


def test_clearing_takes_only_what_has_ended(queue: JobQueue) -> None:
    done = claimed(queue)
    queue.output_stored(done.id, 0)
    queue.finish(done.id, JobState.DONE)
    cancelled = queue.add(PICTURE)
    queue.cancel(cancelled.id)
    running = claimed(queue)
    paused = queue.add(PICTURE)
    queue.pause(paused.id)
    assert queue.clear_finished() == 2
    assert [job.id for job in queue.list()] == [running.id, paused.id]
    queue.output_stored(done.id, 1)  # a late file of a job that was cleared
    assert queue.add(PICTURE, done.id).done == ()


def test_after_a_crash_what_ran_is_paused_at_what_it_has(connection: sqlite3.Connection, queue: JobQueue) -> None:
    waiting = queue.add(TEXT)
    job = claimed(queue)
    queue.output_stored(job.id, 0)
    reopened = JobQueue(connection)
    reopened.output_stored(job.id, 1)  # an orphan that was adopted
    (recovered,) = reopened.recover()
    assert (recovered.id, recovered.state, recovered.done) == (job.id, JobState.PAUSED, (0, 1))
    assert reopened.get(waiting.id) == waiting
    assert reopened.recover() == ()


def test_after_a_crash_a_job_that_has_everything_is_done(queue: JobQueue) -> None:
    job = claimed(queue)
    for index in range(PICTURE.count):
        queue.output_stored(job.id, index)
    (recovered,) = queue.recover()
    assert recovered.state is JobState.DONE


def test_a_claim_can_be_given_back(queue: JobQueue) -> None:
    first = queue.add(PICTURE)
    queue.add(PICTURE)
    job = queue.claim("picture")
    assert job is not None
    assert queue.release(job.id).state is JobState.PENDING
    again = queue.claim("picture")
    assert again is not None
    assert again.id == first.id


@pytest.mark.parametrize("isolation", [None, ""])
def test_a_change_belongs_to_the_callers_transaction(isolation: str | None) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=isolation)  # type: ignore[arg-type]
    connection.executescript(SCHEMA)
    queue = JobQueue(connection)
    kept = queue.add(PICTURE)
    connection.execute("begin")
    queue.add(PICTURE)
    with pytest.raises(KeyError):
        queue.cancel("unknown")  # undone alone
    assert len(queue.list()) == 2
    connection.execute("rollback")
    assert queue.list() == [kept]
    assert not connection.in_transaction


def test_a_damaged_row_is_left_out_and_the_rest_goes_on(
    connection: sqlite3.Connection, queue: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = queue.add(PICTURE), queue.add(PICTURE)
    connection.execute("update jobs set request = '{' where id = ?", (bad.id,))
    assert [job.id for job in JobQueue(connection).list()] == [good.id]
    assert "cannot be read" in caplog.text


class QueueMachine(RuleBasedStateMachine):
    """Wishes, program and crashes in any order, against a model of what must be true."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.executescript(SCHEMA)
        self.queue = JobQueue(self.connection)
        self.states: dict[str, JobState] = {}
        self.done: dict[str, set[int]] = {}

    def state(self, id: str) -> JobState | None:
        return self.states.get(id)

    @rule(target=jobs, request=st.sampled_from([PICTURE, TEXT]))
    def add(self, request: Request) -> str:
        job = self.queue.add(request)
        self.states[job.id] = JobState.PENDING
        self.done[job.id] = set()
        return job.id

    @rule(id=jobs, wish=st.sampled_from(["pause", "resume", "cancel", "retry"]))
    def wish(self, id: str, wish: str) -> None:
        if id not in self.states:
            return
        before, after = {
            "pause": ({JobState.PENDING}, JobState.PAUSED),
            "resume": ({JobState.PAUSED}, JobState.PENDING),
            "cancel": ({JobState.PENDING, JobState.PAUSED}, JobState.CANCELLED),
            "retry": ({JobState.FAILED, JobState.CANCELLED}, JobState.PENDING),
        }[wish]
        if self.states[id] in before:
            self.states[id] = after
        getattr(self.queue, wish)(id)

    @rule(id=jobs, to=st.integers(-1, 5))
    def move(self, id: str, to: int) -> None:
        if id in self.states:
            self.queue.move(id, to)

    @rule(lane=st.sampled_from(["text", "picture"]))
    def claim(self, lane: str) -> None:
        of_lane = [job for job in self.queue.list() if job.lane == lane]
        if any(job.state is JobState.RUNNING for job in of_lane):
            return
        expected = next((job.id for job in of_lane if job.state is JobState.PENDING), None)
        job = self.queue.claim(lane)
        assert (job.id if job else None) == expected
        if job:
            self.states[job.id] = JobState.RUNNING

    @rule(id=jobs, index=st.integers(0, 3))
    def store(self, id: str, index: int) -> None:
        self.queue.output_stored(id, index)
        if id in self.done:
            self.done[id].add(index)

    @rule(id=jobs, state=st.sampled_from([JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.PAUSED]))
    def finish(self, id: str, state: JobState) -> None:
        if self.states.get(id) is JobState.RUNNING:
            self.queue.finish(id, state, StudioError("x") if state is JobState.FAILED else None)
            self.states[id] = state

    @rule()
    def crash(self) -> None:
        self.queue = JobQueue(self.connection)
        self.queue.recover()
        for id, state in self.states.items():
            if state is JobState.RUNNING:
                job = self.queue.get(id)
                assert job is not None
                self.states[id] = JobState.DONE if len(self.done[id]) >= job.request.count else JobState.PAUSED

    @rule(id=consumes(jobs))
    def clear(self, id: str) -> None:
        self.queue.clear_finished()
        self.states = {id: state for id, state in self.states.items() if not state.ended}
        self.done = {id: self.done[id] for id in self.states}

    @invariant()
    def the_list_is_what_was_asked_for(self) -> None:
        jobs = self.queue.list()
        assert {job.id: job.state for job in jobs} == self.states
        assert {job.id: set(job.done) for job in jobs} == self.done
        assert [job.position for job in jobs] == sorted({job.position for job in jobs})
        for lane in ("text", "picture"):
            assert sum(job.state is JobState.RUNNING and job.lane == lane for job in jobs) <= 1


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

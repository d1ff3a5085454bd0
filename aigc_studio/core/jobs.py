"""The durable queue of jobs, in the project's own database: it comes back after a restart, and after a crash.

It knows states and their order, and nothing of threads, engines or files. One thread calls it, the one that owns the
project's connection. Every method is one transaction, or part of the caller's.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from .errors import StudioError
from .requests import LANES, Request

__all__ = ["SCHEMA", "Job", "JobQueue", "JobState", "new_job_id"]

log = logging.getLogger(__name__)

SCHEMA = """
create table if not exists jobs (
    id text primary key,
    lane text not null,
    state text not null,
    position real not null,
    request text not null,
    error text not null default '',
    created real not null,
    started real not null default 0,
    finished real not null default 0
);
create index if not exists jobs_line on jobs (state, lane, position);
create table if not exists job_outputs (
    job_id text not null,
    idx integer not null,
    primary key (job_id, idx)
) without rowid;
"""
"""The tables of the queue, made by the project's first migration. `job_outputs`: which results of a job are stored."""


class JobState(StrEnum):
    """Where a job stands. `PENDING`, `RUNNING` and `PAUSED` are alive; the others are ends, left only by retry."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def waiting(self) -> bool:
        """In the line, or held back from it."""
        return self in (JobState.PENDING, JobState.PAUSED)

    @property
    def ended(self) -> bool:
        """Nothing more happens by itself."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the queue.

    position: the order in line. done: indices of stored results, ascending. error: why it failed.
    created, started, finished: seconds since the epoch, 0 when it has not happened.
    """

    id: str
    request: Request
    state: JobState
    position: float
    done: tuple[int, ...] = ()
    error: StudioError | None = None
    created: float = 0.0
    started: float = 0.0
    finished: float = 0.0

    @property
    def lane(self) -> str:
        """The lane that runs it."""
        return self.request.lane

    @property
    def complete(self) -> bool:
        """Every result is stored."""
        return len(self.done) >= self.request.count


_ID = re.compile("[0-9a-f]{32}")


def new_job_id() -> str:
    """A fresh job id: 32 hexadecimal digits, safe in file names."""
    return uuid.uuid4().hex


class JobQueue:
    """The queue over an open connection whose database has the tables of `SCHEMA`.

    What a person asks for in a state where it makes no sense (cancel a finished job: their click and the end crossed)
    changes nothing. What the program does against the states is a mistake and raises ValueError.
    `changes` counts up with every change, so that a watcher knows when to read the list again.
    """

    def __init__(self, connection: sqlite3.Connection, *, clock: Callable[[], float] = time.time) -> None:
        self._db = connection
        self._clock = clock
        self._requests: dict[str, Request] = {}
        self._unreadable: set[str] = set()
        self.changes = 0

    # -- reading
    def list(self) -> list[Job]:
        """All jobs in line order."""
        done: dict[str, list[int]] = {}
        for job_id, index in self._db.execute("select job_id, idx from job_outputs order by job_id, idx"):
            done.setdefault(job_id, []).append(index)
        rows = self._db.execute(f"select {_COLUMNS} from jobs order by position, created, id")
        return [job for row in rows if (job := self._job(row, tuple(done.get(row[0], ())))) is not None]

    def get(self, id: str) -> Job | None:
        """The job with this id."""
        row = self._db.execute(f"select {_COLUMNS} from jobs where id = ?", (id,)).fetchone()
        return self._job(row, self._done(id)) if row else None

    # -- what a person asks for
    def add(self, request: Request, id: str = "") -> Job:
        """Queue a request at the end of the line. Adding an id that is there already returns that job.

        id: of `new_job_id`, one of its own when "".
        """
        job_id = id or new_job_id()
        if not _ID.fullmatch(job_id):
            raise ValueError(f"no job id: {job_id!r}")
        text = request.dumps().encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no text SQLite can keep
        with self._change():
            if (there := self.get(job_id)) is not None:
                return there
            self._db.execute(
                "insert into jobs (id, lane, state, position, request, created) values (?, ?, ?, ?, ?, ?)",
                (job_id, request.lane, JobState.PENDING, self._last() + 1, text, self._clock()),
            )
            return self._need(job_id)

    def pause(self, id: str) -> Job:
        """Hold a pending job back. A running one is paused by stopping its engine and `finish(id, PAUSED)`."""
        return self._move_state(id, (JobState.PENDING,), JobState.PAUSED)

    def resume(self, id: str) -> Job:
        """Let a paused job wait in line again, in its old place."""
        return self._move_state(id, (JobState.PAUSED,), JobState.PENDING)

    def cancel(self, id: str) -> Job:
        """Take a waiting job out of the line. A running one is stopped first and then `finish(id, CANCELLED)`."""
        return self._move_state(id, (JobState.PENDING, JobState.PAUSED), JobState.CANCELLED, finished=self._clock())

    def retry(self, id: str) -> Job:
        """Queue a failed or cancelled job again, at the end; results that are stored are not made again."""
        with self._change():
            job = self._need(id)
            if job.state not in (JobState.FAILED, JobState.CANCELLED):
                return job
            self._db.execute(
                "update jobs set state = ?, position = ?, error = '', started = 0, finished = 0 where id = ?",
                (JobState.PENDING, self._last() + 1, id),
            )
            return self._need(id)

    def move(self, id: str, to: int) -> Job:
        """Move a waiting job to place `to` (from 0, clamped) among all waiting jobs."""
        with self._change():
            job = self._need(id)
            if not job.state.waiting:
                return job
            line = self._db.execute(
                "select id from jobs where state in (?, ?) and id != ? order by position, created, id",
                (JobState.PENDING, JobState.PAUSED, id),
            ).fetchall()
            order = [row[0] for row in line]
            order.insert(max(0, min(to, len(order))), id)
            first = self._last() + 1
            self._db.executemany(
                "update jobs set position = ? where id = ?", [(first + place, each) for place, each in enumerate(order)]
            )
            return self._need(id)

    def clear_finished(self) -> int:
        """Forget jobs that ended; what they made stays. Returns how many."""
        with self._change():
            ends = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
            ids = [row[0] for row in self._db.execute("select id from jobs where state in (?, ?, ?)", ends)]
            for each in ids:
                self._db.execute("delete from job_outputs where job_id = ?", (each,))
                self._db.execute("delete from jobs where id = ?", (each,))
                self._requests.pop(each, None)
            return len(ids)

    # -- what the program does
    def claim(self, lane: str) -> Job | None:
        """Mark the first pending job of a lane as running and return it; None when there is none.

        A lane has one running job: claiming while one runs raises ValueError.
        """
        if lane not in LANES:
            raise ValueError(f"no lane {lane!r}")
        with self._change():
            running = self._db.execute(
                "select id from jobs where state = ? and lane = ?", (JobState.RUNNING, lane)
            ).fetchone()
            if running:
                raise ValueError(f"lane {lane} is running {running[0]}")
            rows = self._db.execute(
                "select id from jobs where state = ? and lane = ? order by position, created, id",
                (JobState.PENDING, lane),
            )
            first = next((job for (id,) in rows if (job := self.get(id)) is not None), None)
            if first is None:
                return None
            self._db.execute(
                "update jobs set state = ?, started = ?, error = '' where id = ?",
                (JobState.RUNNING, self._clock(), first.id),
            )
            return self._need(first.id)

    def release(self, id: str) -> Job:
        """A claimed job was not started after all: it waits in its old place again."""
        return self._move_state(id, (JobState.RUNNING,), JobState.PENDING)

    def output_stored(self, id: str, index: int) -> None:
        """Result `index` of a job is in the project. Idempotent; nothing for a job that was cleared."""
        with self._change():
            if index < 0:
                raise ValueError(f"index {index}")
            if self._db.execute("select 1 from jobs where id = ?", (id,)).fetchone():
                self._db.execute("insert or ignore into job_outputs (job_id, idx) values (?, ?)", (id, index))

    def finish(self, id: str, state: JobState, error: StudioError | None = None) -> Job:
        """A running job stopped: DONE, FAILED (with the error), CANCELLED, or PAUSED (to go on later)."""
        if state in (JobState.PENDING, JobState.RUNNING) or (error is None) == (state is JobState.FAILED):
            raise ValueError(f"a job cannot finish as {state} with error {error!r}")
        with self._change():
            job = self._need(id)
            if job.state is not JobState.RUNNING:
                raise ValueError(f"job {id} is {job.state}, not running")
            self._db.execute(
                "update jobs set state = ?, error = ?, finished = ? where id = ?",
                (
                    state,
                    json.dumps(error.to_json(), ensure_ascii=False) if error else "",
                    0.0 if state is JobState.PAUSED else self._clock(),
                    id,
                ),
            )
            return self._need(id)

    def recover(self) -> tuple[Job, ...]:
        """After a crash: what was running comes back paused at the results it has, or done when it has them all.

        Call after orphaned files were adopted. Returns the jobs that were interrupted.
        """
        with self._change():
            ids = [row[0] for row in self._db.execute("select id from jobs where state = ?", (JobState.RUNNING,))]
            recovered = []
            for each in ids:
                job = self.get(each)
                complete = job is not None and job.complete
                self._db.execute(
                    "update jobs set state = ?, finished = ? where id = ?",
                    (JobState.DONE, self._clock(), each) if complete else (JobState.PAUSED, 0.0, each),
                )
                if (job := self.get(each)) is not None:
                    recovered.append(job)
            return tuple(recovered)

    def hold_back(self) -> int:
        """Pause everything that would start by itself: for a project that comes from somebody else. How many."""
        with self._change():
            states = (JobState.PENDING, JobState.RUNNING)
            return self._db.execute(
                "update jobs set state = ? where state in (?, ?)", (JobState.PAUSED, *states)
            ).rowcount

    # -- inside
    def _move_state(self, id: str, before: tuple[JobState, ...], after: JobState, finished: float = 0.0) -> Job:
        with self._change():
            job = self._need(id)
            if job.state in before:
                self._db.execute("update jobs set state = ?, finished = ? where id = ?", (after, finished, id))
            return self._need(id)

    def _need(self, id: str) -> Job:
        job = self.get(id)
        if job is None:
            raise KeyError(id)
        return job

    def _done(self, id: str) -> tuple[int, ...]:
        rows = self._db.execute("select idx from job_outputs where job_id = ? order by idx", (id,))
        return tuple(row[0] for row in rows)

    def _last(self) -> float:
        return self._db.execute("select coalesce(max(position), 0) from jobs").fetchone()[0]

    def _job(self, row: tuple, done: tuple[int, ...]) -> Job | None:
        """A row as a Job; None, logged, for a row that a damaged, foreign or newer project left unreadable.

        The id becomes part of file names, so that nothing but an id may stand there.
        """
        job_id, state, position, request, error, created, started, finished = row
        try:
            if not _ID.fullmatch(job_id):
                raise ValueError(f"no job id: {job_id!r}")
            if job_id not in self._requests:
                self._requests[job_id] = Request.from_json(json.loads(request))
            asked = self._requests[job_id]
            problem = StudioError.from_json(json.loads(error)) if error else None
            return Job(job_id, asked, JobState(state), position, done, problem, created, started, finished)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            if job_id not in self._unreadable:  # the list is read many times
                self._unreadable.add(job_id)
                log.exception("job %s in the database cannot be read", job_id)
            return None

    @contextmanager
    def _change(self) -> Iterator[None]:
        """One transaction; inside the caller's transaction, a part of it that is undone alone when it fails."""
        nested = self._db.in_transaction
        self._db.execute("savepoint jobs_change" if nested else "begin immediate")
        try:
            yield
            self._db.execute("release jobs_change" if nested else "commit")
        except BaseException:
            if self._db.in_transaction:  # a full disk may have rolled it back already
                self._db.execute("rollback to jobs_change" if nested else "rollback")
                if nested:
                    self._db.execute("release jobs_change")
            raise
        self.changes += 1


_COLUMNS = "id, state, position, request, error, created, started, finished"

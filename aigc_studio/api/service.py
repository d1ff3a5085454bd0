"""One project and its queue, worked off without a window: one thread writes the project, one runs each lane.

It is the window's arrangement without Qt. The project is opened, used and closed in the storage thread alone; a lane's
thread asks it for the next job, drives the lane's engine, and hands every result over to be stored before it goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import Cancelled, StudioError, describe
from aigc_studio.core.i18n import N_
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.project import Project
from aigc_studio.core.requests import LANES, Request
from aigc_studio.core.store.files import plain_errors
from aigc_studio.engines.engine import CancelToken, Engine, Order, Preview
from aigc_studio.engines.runner import check_request, claim_order

from .events import Event, Events

__all__ = ["MOST_JOBS", "Service"]

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_JOBS = 1000
"""So many jobs may wait; a program that asks for more has lost count."""

AGAIN_SECONDS = 5.0
"""After so long an end that could not be written (a full disk) is tried again."""

PROGRESS_SECONDS = 0.05


class Service:
    """The jobs of one project. Methods may be called from any thread; those that return a Future do not wait."""

    def __init__(
        self,
        folder: Path,
        make_engine: Callable[[str], Engine],
        *,
        resume: bool = False,
        idle_seconds: float = 600.0,
    ) -> None:
        """Open the project (made when the folder is not there) and go on with what was waiting.

        make_engine(lane): called in the lane's thread. resume: whether jobs that were paused wait in line again.
        idle_seconds: after so long without a job a lane's engine is ended.
        """
        self.events = Events()
        self._make_engine = make_engine
        self._idle_seconds = idle_seconds
        self._closing = threading.Event()
        self._hung_up = threading.Event()
        self._storage = ThreadPoolExecutor(1, thread_name_prefix="storage")
        try:
            self._project = self._storage.submit(_open, folder, resume).result()
        except BaseException:
            self._storage.shutdown()
            raise
        self._upkeep = threading.Thread(target=self._keep_up, name="upkeep", daemon=True)
        self._lanes = {lane: _Lane(lane, self) for lane in LANES}
        for lane in self._lanes.values():
            lane.start()
        self._upkeep.start()

    @property
    def closing(self) -> bool:
        """Whether it is being closed, or is about to be."""
        return self._closing.is_set() or self._hung_up.is_set()

    def hang_up(self) -> None:
        """End what follows jobs; `close` comes next."""
        self._hung_up.set()
        self.events.close()

    def ask(self, question: Callable[[Project], T]) -> Future[T]:
        """Do something with the project, in the storage thread, after everything asked before."""
        return self._storage.submit(self._do, question)

    def submit(self, request: Request) -> Future[Job]:
        """Put a request into the queue; StudioError when it could not be run here, or too many wait."""
        check_request(request)

        def add(project: Project) -> Job:
            for asset_id in request.inputs.values():
                if project.asset(asset_id) is None:
                    raise StudioError(
                        N_("A file that this job works on is not in the project any more; choose another one."),
                        code="input-gone",
                        detail=asset_id,
                    )
            if sum(job.state.waiting for job in project.queue.list()) >= MOST_JOBS:
                raise StudioError(
                    N_("{most} jobs are waiting already; wait for some, then ask again."), code="queue", most=MOST_JOBS
                )
            job = project.queue.add(request)
            self._lanes[job.lane].wake()
            return job

        return self.ask(add)

    def cancel(self, job_id: str) -> Future[Job]:
        """Take a job out of the line, or stop it within a step."""
        return self._stop(job_id, JobState.CANCELLED)

    def pause(self, job_id: str) -> Future[Job]:
        """Hold a job back, or stop it with what it has made kept and counted."""
        return self._stop(job_id, JobState.PAUSED)

    def resume(self, job_id: str) -> Future[Job]:
        """Let a paused job wait in line again; a failed or cancelled one is tried again."""

        def again(project: Project) -> Job:
            job = _need(project, job_id)
            job = project.queue.resume(job_id) if job.state is JobState.PAUSED else project.queue.retry(job_id)
            self._lanes[job.lane].wake()
            return job

        return self.ask(again)

    def job(self, job_id: str) -> Future[Job]:
        """A job; StudioError "job-unknown" when there is none."""
        return self.ask(lambda project: _need(project, job_id))

    def close(self) -> None:
        """Stop the running jobs as paused, end the engines, close the project. Waits until all is done."""
        if self._closing.is_set():
            return
        self._closing.set()
        self.hang_up()
        for lane in self._lanes.values():
            lane.stop()
        for lane in self._lanes.values():
            lane.join()
        self._upkeep.join()
        self._storage.submit(self._project.close).result()
        self._storage.shutdown()

    def stored(self, job_id: str, index: int, path: Path) -> Asset:
        """Store a finished result (a lane's thread; waits, so that an engine cannot outrun the disk)."""
        return self.ask(lambda project: project.commit_output(job_id, index, path)).result()

    def claim(self, lane: str) -> tuple[Job, Order | StudioError] | None:
        """The next job of a lane (the lane's thread)."""
        return self.ask(lambda project: claim_order(project, lane)).result()

    def finish(self, job: Job, state: JobState, error: StudioError | None) -> None:
        """Write how a job ended and tell it; tried again until it is written, or the project is closed."""
        while True:
            try:
                ended = self.ask(lambda project: project.queue.finish(job.id, state, error)).result()
                break
            except ValueError:  # it was put right meanwhile
                return
            except StudioError as problem:
                log.warning("the end of job %s could not be written: %s", job.id, problem)
                if self._closing.wait(AGAIN_SECONDS):
                    return
        self.events.tell(job.id, Event("end" if ended.state.ended else "job", {"job": ended}))

    def _stop(self, job_id: str, state: JobState) -> Future[Job]:
        def stop(project: Project) -> Job:
            job = _need(project, job_id)
            if job.state is JobState.RUNNING:
                self._lanes[job.lane].stop_job(job_id, state)
                return job
            changed = project.queue.cancel(job_id) if state is JobState.CANCELLED else project.queue.pause(job_id)
            if changed.state is not job.state:
                self.events.tell(job_id, Event("end" if changed.state.ended else "job", {"job": changed}))
            return changed

        return self.ask(stop)

    def _do(self, question: Callable[[Project], T]) -> T:
        with plain_errors():
            answer = question(self._project)
            self._project.take_changes()
            return answer

    def _keep_up(self) -> None:
        """Backups and checkpoints, twice a minute."""
        while not self._closing.wait(30.0):
            try:
                self.ask(lambda project: project.maintenance()).result()
            except StudioError as error:
                log.warning("upkeep: %s", error)

    @property
    def idle_seconds(self) -> float:
        """After so long without a job a lane's engine is ended."""
        return self._idle_seconds

    def engine(self, lane: str) -> Engine:
        """A new engine for a lane."""
        return self._make_engine(lane)


def _open(folder: Path, resume: bool) -> Project:
    from aigc_studio.core.project import is_project

    project = Project.open(folder) if folder.exists() and is_project(folder) else Project.create(folder)
    if project.read_only:
        project.close()
        raise StudioError(
            N_("The project is open elsewhere or cannot be written; close it there, then try again."),
            code="read-only",
        )
    if resume:
        for job in project.queue.list():
            if job.state is JobState.PAUSED:
                project.queue.resume(job.id)
    return project


def _need(project: Project, job_id: str) -> Job:
    job = project.queue.get(job_id)
    if job is None:
        raise StudioError(N_("There is no such job; it may have been cleared."), code="job-unknown")
    return job


class _Lane(threading.Thread):
    """One lane: its thread, its engine, and the job it is on."""

    def __init__(self, lane: str, service: Service) -> None:
        super().__init__(name=f"lane-{lane}", daemon=True)
        self.lane = lane
        self._service = service
        self._changed = threading.Condition()
        self._work = True
        """Something may have been put into the line since it was last looked at."""
        self._stopping = False
        self._job = ""
        self._early: tuple[str, JobState] | None = None
        """A stop of a job that is claimed but has not come back from the storage thread yet."""
        self._token = CancelToken()
        self._stopped_as = JobState.CANCELLED
        self._engine: Engine | None = None

    def wake(self) -> None:
        """There may be a job."""
        with self._changed:
            self._work = True
            self._changed.notify()

    def stop(self) -> None:
        """End after pausing what runs."""
        with self._changed:
            self._stopping = True
            if not self._token.cancelled:
                self._stopped_as = JobState.PAUSED
            token = self._token if self._job else None
            self._changed.notify()
        if token is not None:
            token.cancel()

    def stop_job(self, job_id: str, state: JobState) -> None:
        """Stop the running job within a step; it ends as `state`. A cancel is final."""
        with self._changed:
            if self._job != job_id:
                self._early = (job_id, state)
                return
            if not self._token.cancelled or self._stopped_as is not JobState.CANCELLED:
                self._stopped_as = state
            token = self._token
        token.cancel()

    def run(self) -> None:
        """Jobs one after the other, until it is stopped."""
        try:
            while self._wait():
                try:
                    while self._next():
                        pass
                except Exception:
                    log.exception("lane %s: the next job could not be fetched", self.lane)
                    if not self._service.closing:
                        self._pause_a_moment()
        finally:
            self._end_engine()

    def _wait(self) -> bool:
        """Wait for work, and end an engine that has had none for long. False: stop."""
        while True:
            with self._changed:
                seconds = self._service.idle_seconds if self._engine is not None else None
                if self._changed.wait_for(lambda: self._work or self._stopping, seconds):
                    self._work = False
                    return not self._stopping
            self._end_engine()  # takes seconds: whoever wakes or stops the lane does not wait for it

    def _pause_a_moment(self) -> None:
        with self._changed:
            self._work = True
            self._changed.wait(AGAIN_SECONDS)

    def _next(self) -> bool:
        """Claim and run one job; False when none waits or the lane is to stop."""
        with self._changed:
            if self._stopping:
                return False
            self._token, self._stopped_as, self._early = CancelToken(), JobState.CANCELLED, None
        claimed = self._service.claim(self.lane)
        if claimed is None:
            return False
        job, order = claimed
        with self._changed:
            self._job = job.id
            if self._early is not None and self._early[0] == job.id:
                self._stopped_as = self._early[1]
                self._token.cancel()
            elif self._stopping:
                self._stopped_as = JobState.PAUSED
                self._token.cancel()
        self._service.events.tell(job.id, Event("job", {"job": job}))
        try:
            state, error = self._run(job, order)
        finally:
            with self._changed:
                self._job = ""
        self._service.finish(job, state, error)
        return True

    def _run(self, job: Job, order: Order | StudioError) -> tuple[JobState, StudioError | None]:
        if isinstance(order, StudioError):
            return JobState.FAILED, order
        try:
            if self._engine is None:
                self._engine = self._service.engine(self.lane)
            self._engine.run(order, _Relay(self._service, job), self._token)
        except Cancelled:
            return self._stopped_as, None
        except Exception as error:
            problem = describe(error)
            if problem is not error:
                log.exception("lane %s: job %s failed", self.lane, job.id)
            return JobState.FAILED, problem
        return JobState.DONE, None

    def _end_engine(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            try:
                engine.close()
            except Exception:
                log.exception("lane %s: the engine did not end well", self.lane)


class _Relay:
    """The engine's listener: stores results, and tells who follows the job."""

    def __init__(self, service: Service, job: Job) -> None:
        self._service = service
        self._job = job
        self._told_at = 0.0
        self._stage: str | None = None

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """See `Listener`."""
        now = time.monotonic()
        if preview is None and stage == self._stage and now - self._told_at < PROGRESS_SECONDS:
            return
        self._told_at, self._stage = now, stage
        data = {"index": index, "count": self._job.request.count, "done": done, "total": total, "stage": stage}
        self._tell("progress", data | {"preview": preview})

    def partial(self, index: int, piece: str) -> None:
        """See `Listener`."""
        self._tell("partial", {"index": index, "text": piece})

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """See `Listener`."""
        self._tell("notice", {"text": text, "params": dict(params)})

    def output(self, index: int, path: Path) -> None:
        """See `Listener`."""
        asset = self._service.stored(self._job.id, index, path)
        self._tell("output", {"index": index, "asset": asset})

    def silent(self, seconds: float) -> None:
        """See `Listener`: who waits can cancel."""
        log.warning("job %s: the engine has not answered for %.0f s", self._job.id, seconds)

    def _tell(self, name: str, data: Mapping[str, Any]) -> None:
        self._service.events.tell(self._job.id, Event(name, data))

"""Studio: what a panel may ask of the program, and hears from it. One per window, UI thread only.

It owns no widget and does no work itself: files and the database belong to the storage thread, generation to the
lanes. Every answer comes back as a signal or a callback in the UI thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import shiboken6
from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError, describe
from aigc_studio.core.jobs import Job, JobQueue, JobState, new_job_id
from aigc_studio.core.project import Project, ProjectReader
from aigc_studio.core.requests import Request
from aigc_studio.core.settings import Settings
from aigc_studio.engines import registry
from aigc_studio.engines.base import Understanding
from aigc_studio.engines.engine import Order
from aigc_studio.engines.runner import claim_order

from .arbiter import MemoryArbiter
from .collector import GarbageCollector
from .devices import DeviceWatch
from .ends import JobEnds
from .events import AssetsChange, Progress, ProjectInfo
from .lane_set import Arbiter, LaneSet
from .lanes import Lane
from .models.scan import ModelScan
from .reading import WindowReader
from .storage import StorageThread

if TYPE_CHECKING:
    from aigc_studio.core.assets import Asset

__all__ = ["Studio"]

log = logging.getLogger(__name__)

T = TypeVar("T")

PREWARM_MS = 1000
COALESCE_MS = 30
READ_AGAIN_MS = 500
_PATIENT_READS = 5


class Studio(QObject):
    """The one object every panel is given."""

    projectOpened = Signal(object)
    """ProjectInfo."""
    projectClosed = Signal()
    jobsChanged = Signal()
    """Coalesced; read `jobs()`."""
    jobProgress = Signal(str, object)
    """Job id, Progress; at most 20 a second for each job."""
    jobPartial = Signal(str, int, str)
    """Job id, index, a piece of text (joined per 30 ms)."""
    jobNotice = Signal(str, object)
    """Job id, Notice: something to know about what is being made."""
    jobOutput = Signal(str, int, object)
    """Job id, index, Asset: already committed."""
    jobFinished = Signal(str, object)
    """Job id, Job in its final state (DONE, FAILED with error, CANCELLED) or PAUSED."""
    assetsChanged = Signal(object)
    """AssetsChange; also with nothing in it, when boards changed."""
    documentsChanged = Signal()
    modelsChanged = Signal()
    """What `catalogue.models` and `catalogue.parts` list is another now."""
    problem = Signal(object)
    """StudioError to show in the banner."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        engine: str = "child",
        arbiter: Arbiter | None = None,
        parent: QObject | None = None,
    ) -> None:
        """settings: the user's own when none are given. engine: "child", or "thread" to run the real engine in this
        process for debugging.
        """
        super().__init__(parent)
        self.settings = settings or Settings()
        self._info: ProjectInfo | None = None
        self._reader: ProjectReader | None = None
        self._jobs: list[Job] = []
        self._added: dict[str, tuple[Job, bool]] = {}
        """Submitted, not in `_jobs` yet; and whether it is stored."""
        self._progress: dict[str, Progress] = {}
        self._wishes: dict[str, JobState] = {}
        """Cancel or pause of a job that may be on its way to a lane at this moment."""
        self._held: set[str] | None = None
        """Jobs paused by `pause_all`; None when it is off."""
        self._closing: list[Callable[[], None]] | None = None
        """While a project is being closed: what to do then."""
        self._claim_failed = False
        self._opening = False
        self._next_open: Callable[[], Project] | None = None
        self._warmed = False
        self._change = AssetsChange()
        self._documents_changed = False

        self._storage = StorageThread(self)
        self._storage.answered.connect(self._answer)
        self._storage.jobsRead.connect(self._on_jobs_read)
        self._storage.projectChanged.connect(self._on_project_changed)
        self._storage.troubled.connect(self.problem)
        self._storage.start()
        self._ends = JobEnds(self._storage, self)
        self._ends.written.connect(self._on_finished)
        self._ends.due.connect(self._dispatch)
        self._ends.troubled.connect(self.problem)
        self.devices = DeviceWatch(self.settings, self)
        arbiter = arbiter or MemoryArbiter(lambda: self.devices.current)
        self._lanes = LaneSet(self.settings, engine, arbiter, self._store_output, self)
        self._lanes.progressed.connect(self._on_progress)
        self._lanes.said.connect(self.jobPartial)
        self._lanes.noticed.connect(self.jobNotice)
        self._lanes.ended.connect(self._on_ended)
        self._lanes.troubled.connect(self.problem)
        self.settings.listen(self._on_setting)
        self.models = ModelScan(self)
        self.models.changed.connect(self.modelsChanged)
        self.models.failed.connect(self.problem)
        self._collector = GarbageCollector(self)
        self._jobs_timer = self._single_shot(COALESCE_MS, self.jobsChanged.emit)
        self._change_timer = self._single_shot(COALESCE_MS, self._emit_change)
        self._read_timer = self._single_shot(READ_AGAIN_MS, self._read_again)
        self._busy_reads = 0

    # -- project
    @property
    def info(self) -> ProjectInfo | None:
        """The open project, or None."""
        return self._info

    @property
    def reader(self) -> ProjectReader | None:
        """The UI's own read-only view of the open project, or None."""
        return self._reader

    def create_project(self, folder: Path, name: str = "") -> None:
        """Make a project in `folder` and open it; `projectOpened` or `problem` follows."""
        self._open(lambda: Project.create(folder, name))

    def open_project(self, folder: Path) -> None:
        """Open the project in `folder`, closing the open one first; `projectOpened` or `problem` follows."""
        self._open(lambda: Project.open(folder))

    def close_project(self, then: Callable[[], None] | None = None) -> None:
        """Stop the lanes (running jobs are paused), let the storage queue run empty, close; `then` runs after."""
        after = [then] if then is not None else []
        self._next_open = None
        if self._closing is not None:
            self._closing += after
            return
        self._closing = after
        for lane in self._lanes:
            if lane.job is not None:
                lane.stop_job(JobState.PAUSED)
        self._close_when_quiet()

    def shutdown(self) -> None:
        """Close everything and wait for it; the last call, when no window is left on the screen."""
        loop = QEventLoop()
        QTimer.singleShot(0, lambda: self.close_project(loop.quit))
        loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
        self.models.close()
        self.devices.close()
        self._lanes.close()
        self._storage.stop()
        self._lanes.wait()
        self._storage.wait()
        self._collector.close()

    # -- jobs
    def submit(self, request: Request) -> str:
        """Queue a request; its job id, at once. It is stored durably by the storage thread before it runs."""
        job_id = new_job_id()
        last = max((job.position for job in self.jobs()), default=0.0)
        job = Job(job_id, request, JobState.PENDING, last + 1)
        self._added[job_id] = (job, False)
        self._soon(self._jobs_timer)
        self._storage.post(
            lambda project: project.queue.add(request, job_id),
            lambda stored: self._on_added(stored),
            lambda error: self._on_not_added(job, error),
        )
        return job_id

    def jobs(self) -> list[Job]:
        """The queue in its order: a cached copy, cheap."""
        return self._jobs + [job for job, _ in self._added.values()]

    def job(self, id: str) -> Job | None:
        """One job of `jobs()`."""
        return next((job for job in self.jobs() if job.id == id), None)

    def progress(self, id: str) -> Progress | None:
        """The last Progress of a running job, or None; for a view that is shown later than its job."""
        return self._progress.get(id)

    def cancel(self, id: str) -> None:
        """Stop a running job within one step, or take a waiting one out of the line. Nothing for a finished one."""
        self._stop_or_wish(id, JobState.CANCELLED, JobQueue.cancel)

    def pause(self, id: str) -> None:
        """Hold a waiting job back, or stop a running one so that it can go on later where it was."""
        self._stop_or_wish(id, JobState.PAUSED, JobQueue.pause)

    def resume(self, id: str) -> None:
        """Let a paused job wait in line again, also one whose pause is still on its way."""
        if self._wishes.get(id) is JobState.PAUSED:
            del self._wishes[id]
        if (lane := self._lanes.running(id)) is not None:
            lane.resume_job()
        self._ends.resume(id)
        self._queue_change(id, lambda queue: queue.resume(id))

    def retry(self, id: str) -> None:
        """Queue a failed or cancelled job again; what it stored is kept and not made twice."""
        self._queue_change(id, lambda queue: queue.retry(id))

    def move(self, id: str, to: int) -> None:
        """Move a waiting job to place `to` (from 0) among the waiting jobs."""
        self._queue_change(id, lambda queue: queue.move(id, to))

    def clear_finished(self) -> None:
        """Take finished, failed and cancelled jobs off the list; what they made stays."""
        self._storage.post(lambda project: project.queue.clear_finished(), None, self.problem.emit)

    @property
    def held(self) -> bool:
        """Whether `pause_all` is on."""
        return self._held is not None

    def pause_all(self, on: bool) -> None:
        """Start no further jobs, pausing the running ones (True); or go on (False)."""
        if on == self.held:
            return
        if on:
            self._held = set()
            for lane in self._lanes:
                if lane.job is not None:
                    self._held.add(lane.job.id)
                    lane.stop_job(JobState.PAUSED)
        else:
            paused, self._held = self._held or set(), None
            for each in paused:
                self.resume(each)
            self._dispatch()
        self._soon(self._jobs_timer)

    def give_way(self, lane: str) -> bool:
        """Let an idle lane give its memory back, for work beside the queue; False when it has a job."""
        if self._lanes[lane].busy:
            return False
        self._lanes[lane].unload()
        return True

    # -- storage
    def store(
        self,
        fn: Callable[[Project], T],
        then: Callable[[T], object] | None = None,
        fail: Callable[[StudioError], object] | None = None,
    ) -> None:
        """Run `fn(project)` on the storage thread, in order; then `then(result)` or `fail(error)` in the UI thread.

        Without `fail` an error is shown by `problem`.
        """
        self._storage.post(fn, then, fail or self.problem.emit)

    def thumbnail(self, id: str, then: Callable[[Path | None], object]) -> None:
        """The thumbnail of an asset, made first when it is missing; low priority."""
        self._storage.later(lambda project: project.thumbnail(id), then, lambda _error: then(None))

    def understand(self, request: Request) -> Understanding | None:
        """What the family understood of the prompt; None when it has nothing to say.

        Families that look into a model's folder for it are asked by `understand_later` from the UI thread.
        """
        try:
            understand = getattr(registry.module(request.family), "understand", None)
            return understand(request) if understand is not None else None
        except StudioError:
            return None

    def understand_later(self, request: Request, then: Callable[[Understanding | None], object]) -> None:
        """`then(what the family understood)`: at once for a model that is in no folder, else from a thread, as a
        folder may lie on a slow disk or on none any more."""
        entry = catalogue.known(request.model)
        if entry is not None and entry.path is None:
            then(self.understand(request))
        else:
            self.models.run(
                "understand", lambda _check, _tell: self.understand(request), then, lambda _error: then(None)
            )

    # -- opening and closing
    def _open(self, opener: Callable[[], Project]) -> None:
        if self._info is not None or self._closing is not None:
            self.close_project(lambda: self._open(opener))
            return
        self._next_open = opener
        if not self._opening:
            self._open_next()

    def _open_next(self) -> None:
        opener, self._next_open = self._next_open, None
        if opener is not None:
            self._opening = True
            self._storage.open(opener, self._on_opened, self._on_not_opened)

    def _on_not_opened(self, error: StudioError) -> None:
        self._opening = False
        self.problem.emit(error)
        if self._closing is None:
            self._open_next()

    def _on_opened(self, info: ProjectInfo) -> None:
        self._opening = False
        if self._closing is not None:
            return
        if self._next_open is not None:
            self._open_next()  # the user has chosen another one meanwhile
            return
        try:
            self._reader = WindowReader(info.folder, self._on_not_read)
        except StudioError as error:
            self.problem.emit(error)
            self._storage.close_project(lambda _: None, self.problem.emit)
            return
        self._info = info
        self.projectOpened.emit(info)
        if info.warning is not None:
            self.problem.emit(info.warning)
        self._dispatch()
        if not self._warmed:
            self._warmed = True
            QTimer.singleShot(PREWARM_MS, self, self._prewarm)

    def _close_when_quiet(self) -> None:
        """The second step of closing: when no lane has a job any more."""
        if any(lane.busy for lane in self._lanes):
            return
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._storage.close_project(lambda _: self._on_closed(), self._on_close_failed)

    def _on_close_failed(self, error: StudioError) -> None:
        self.problem.emit(error)
        self._on_closed()

    def _on_closed(self) -> None:
        then, self._closing = self._closing or [], None
        was_open, self._info = self._info is not None, None
        self._jobs, self._added, self._held = [], {}, None
        self._progress.clear()
        self._wishes.clear()
        self._ends.clear()
        self._read_timer.stop()
        self._change_timer.stop()  # panels hear no more of a project that is closed
        self._change, self._documents_changed = AssetsChange(), False
        if was_open:
            self.projectClosed.emit()
            self._collector.sweep()
            self._soon(self._jobs_timer)
        for callback in then:
            callback()

    # -- lanes
    def _dispatch(self) -> None:
        """Fetch work for every lane that has none."""
        self._ends.again()
        for lane in self._lanes:
            if self._may_start() and not lane.busy:
                lane.claiming = True
                self._storage.post(
                    lambda project, name=lane.name: claim_order(project, name),
                    lambda found, lane=lane: self._on_claimed(lane, found),
                    lambda error, lane=lane: self._on_claim_failed(lane, error),
                )

    def _may_start(self) -> bool:
        info = self._info
        return info is not None and not info.read_only and self._closing is None and self._held is None

    def _on_claimed(self, lane: Lane, found: tuple[Job, Order | StudioError] | None) -> None:
        lane.claiming = self._claim_failed = False
        if found is None:
            if self._closing is not None:
                self._close_when_quiet()
            return
        job, order = found
        wish = self._wishes.pop(job.id, None)
        self._put(job)
        if isinstance(order, StudioError):
            self._ends.write(job.id, JobState.FAILED, order)
        elif wish is not None:
            self._ends.write(job.id, wish)
        elif not self._may_start():
            self._ends.write(job.id, JobState.PENDING)
        else:
            self._lanes.start(lane, job, order)
            return
        self._after_lane()

    def _on_claim_failed(self, lane: Lane, error: StudioError) -> None:
        lane.claiming = False
        if error.code != "no-project":
            if not self._claim_failed:
                self.problem.emit(error)
            self._claim_failed = True
            self._ends.later()
        self._after_lane(again=False)

    def _after_lane(self, again: bool = True) -> None:
        """A lane is free: take the next job, or go on closing."""
        if self._closing is not None:
            self._close_when_quiet()
        elif again:
            self._dispatch()

    def _store_output(self, job_id: str, index: int, path: Path) -> None:
        """Worker thread: one finished file."""

        def commit(project: Project) -> Asset:
            try:
                return project.commit_output(job_id, index, path)
            except Exception as error:
                self._ends.not_stored(job_id, describe(error))
                raise

        self._storage.post(
            commit,
            lambda asset: self.jobOutput.emit(job_id, index, asset),
            lambda error: self._on_not_stored(job_id, error),
        )

    def _on_not_stored(self, job_id: str, error: StudioError) -> None:
        log.error("job %s: a result could not be stored: %s %s", job_id, error, error.detail)
        if (lane := self._lanes.running(job_id)) is not None:
            lane.stop_job(JobState.CANCELLED)

    def _on_progress(self, job_id: str, progress: Progress) -> None:
        self._progress[job_id] = progress
        self.jobProgress.emit(job_id, progress)

    def _on_ended(self, job_id: str, state: JobState, error: StudioError | None) -> None:
        job = self.job(job_id)
        self._ends.write(job_id, state, error)
        if state is JobState.PAUSED and job is not None:
            waiting = [each for each in self.jobs() if each.lane == job.lane and each.state is JobState.PENDING]
            if self.held or not waiting:
                self._lanes[job.lane].unload()  # pausing is how a person gets the memory back
        self._after_lane()

    def _on_finished(self, job: Job) -> None:
        self._progress.pop(job.id, None)
        self._put(job)
        if job.state is not JobState.PENDING:
            self.jobFinished.emit(job.id, job)

    def _prewarm(self) -> None:
        if self._may_start():
            self._lanes.warm_last()

    def _on_setting(self, id: str) -> None:
        if id == "device":
            self._lanes.use_device()
        elif id == "models_folder":
            self._save_settings()  # the library reads it from the file
            self.models.rescan()

    def _save_settings(self) -> None:
        try:
            self.settings.save()
        except StudioError as error:
            self.problem.emit(error)

    # -- the queue
    def _on_added(self, stored: Job) -> None:
        if stored.id in self._added:
            self._added[stored.id] = (stored, True)
        self._dispatch()

    def _on_not_added(self, job: Job, error: StudioError) -> None:
        self._added.pop(job.id, None)
        self._soon(self._jobs_timer)
        self.jobFinished.emit(job.id, replace(job, state=JobState.FAILED, error=error))
        self.problem.emit(error)

    def _stop_or_wish(self, id: str, state: JobState, change: Callable[[JobQueue, str], Job]) -> None:
        """Stop the job where it runs; otherwise change the queue, minding that a lane may be fetching it just now."""
        if (lane := self._lanes.running(id)) is not None:
            lane.stop_job(state)
            return
        if any(lane.claiming for lane in self._lanes):
            self._wishes[id] = state
        self._queue_change(id, lambda queue: change(queue, id))

    def _queue_change(self, id: str, change: Callable[[JobQueue], Job]) -> None:
        def apply(project: Project) -> tuple[Job, Job] | None:
            before = project.queue.get(id)
            return None if before is None else (before, change(project.queue))

        self._storage.post(apply, lambda pair: self._on_queue_changed(id, pair), self.problem.emit)

    def _on_queue_changed(self, id: str, pair: tuple[Job, Job] | None) -> None:
        self._wishes.pop(id, None)
        if pair is None:
            return
        before, job = pair
        self._put(job)
        if before.state is not job.state and job.state in (JobState.CANCELLED, JobState.PAUSED):
            self.jobFinished.emit(job.id, job)
        self._dispatch()

    def _put(self, job: Job) -> None:
        """Show a job's new state before the next list is read."""
        self._jobs = [job if each.id == job.id else each for each in self._jobs]
        if job.id in self._added:
            self._added[job.id] = (job, True)
        self._soon(self._jobs_timer)

    def _on_jobs_read(self, jobs: list[Job]) -> None:
        self._jobs = jobs
        self._added = {id: entry for id, entry in self._added.items() if not entry[1]}
        self._soon(self._jobs_timer)

    # -- answers of the storage thread
    def _answer(self, callback: Callable[[Any], None], value: Any) -> None:
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, QObject) and not shiboken6.isValid(owner):
            return  # the panel that asked is gone
        callback(value)

    def _on_project_changed(self, changes: Any) -> None:
        self._busy_reads = 0  # changes are written, so that they can be read
        old = self._change
        self._change = AssetsChange(
            old.added + changes.added, old.removed + changes.removed, old.changed + changes.changed
        )
        self._documents_changed = self._documents_changed or changes.documents
        self._soon(self._change_timer)

    def _emit_change(self) -> None:
        change, self._change = self._change, AssetsChange()
        documents, self._documents_changed = self._documents_changed, False
        if documents:
            self.documentsChanged.emit()
        self.assetsChanged.emit(change)

    def _on_not_read(self, error: StudioError) -> None:
        """A panel shows what it showed before. When the disk was busy, all read again soon; longer trouble is told."""
        if error.code == "busy":
            self._busy_reads += 1
            self._soon(self._read_timer)
        if error.code != "busy" or self._busy_reads == _PATIENT_READS:
            self.problem.emit(error)

    def _read_again(self) -> None:
        self._documents_changed = True
        self._emit_change()

    def _soon(self, timer: QTimer) -> None:
        if not timer.isActive():
            timer.start()

    def _single_shot(self, interval: int, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self, interval=interval, singleShot=True)
        timer.timeout.connect(slot)
        return timer

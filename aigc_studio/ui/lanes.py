"""A lane: one worker thread with its engine, started on first use and closed when idle, and the job it is on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import CancelToken, Engine, Order

from .worker import GenerationWorker, silence_problem

__all__ = ["Lane"]


class Lane(QObject):
    """One lane's state, in the UI thread.

    progressed, said, noticed: as the worker's. ended: job id, JobState it ends in (PENDING: it waits in line again),
    StudioError or None. troubled: StudioError to show.
    """

    progressed = Signal(str, object)
    said = Signal(str, int, str)
    noticed = Signal(str, object)
    ended = Signal(str, object, object)
    troubled = Signal(object)

    def __init__(
        self,
        name: str,
        make_engine: Callable[[str], Engine],
        store_output: Callable[[str, int, Path], None],
        parent: QObject | None = None,
    ) -> None:
        """make_engine(lane) and store_output are called in the worker's thread."""
        super().__init__(parent)
        self.name = name
        self.job: Job | None = None
        self.model: Model | None = None
        """What its engine holds in memory, as far as is known: the model of the job that ran last."""
        self.claiming = False
        """A claim is on its way to the storage thread and back."""
        self._make_engine = make_engine
        self._store_output = store_output
        self._token = CancelToken()
        self._stopped_as = JobState.CANCELLED
        self._worker: GenerationWorker | None = None
        self._retired: set[GenerationWorker] = set()
        self._idle_since = time.monotonic()

    @property
    def busy(self) -> bool:
        """A job is running, or being fetched."""
        return self.claiming or self.job is not None

    @property
    def idle_seconds(self) -> float:
        """How long a started worker has had nothing to do; 0 for one that is busy or not started."""
        return 0.0 if self.job is not None or self._worker is None else time.monotonic() - self._idle_since

    def start(self, job: Job, order: Order) -> None:
        """Run a claimed job; `ended` follows."""
        self.job, self.model = job, order.model
        self._token = CancelToken()
        self._stopped_as = JobState.CANCELLED
        self._running_worker().do(order, self._token)

    def stop_job(self, state: JobState) -> None:
        """Stop the running job within one step; it ends as `state`, CANCELLED or PAUSED. The last wish counts, but a
        cancel is final."""
        if not self._token.cancelled or self._stopped_as is not JobState.CANCELLED:
            self._stopped_as = state
        self._token.cancel()

    def resume_job(self) -> None:
        """Take a pause back whose job has not stopped yet: it waits in line again when it has."""
        if self._token.cancelled and self._stopped_as is JobState.PAUSED:
            self._stopped_as = JobState.PENDING

    def warm(self, family: str) -> None:
        """Start the worker and let its engine import what this family needs."""
        self._idle_since = time.monotonic()
        self._running_worker().warm(family)

    def unload(self) -> None:
        """Ask an idle engine for its memory."""
        self.model = None
        if self._worker is not None:
            self._worker.unload()

    def close(self) -> None:
        """End the worker and its engine; a later job starts new ones."""
        self.model = None
        if self._worker is not None:
            self._worker.stop()
            self._retired.add(self._worker)
            self._worker = None

    def wait(self) -> None:
        """Wait until every worker has ended; after `close`, with no job running."""
        for worker in self._retired:
            worker.wait()

    def _running_worker(self) -> GenerationWorker:
        if self._worker is None:
            worker = GenerationWorker(self.name, lambda: self._make_engine(self.name), self._store_output, self)
            worker.progressed.connect(self._on_progress)
            worker.said.connect(self.said)
            worker.noticed.connect(self.noticed)
            worker.ended.connect(self._on_ended)
            worker.silent.connect(self._on_silent)
            worker.finished.connect(lambda: self._forget(worker))
            worker.start()
            self._worker = worker
        return self._worker

    def _forget(self, worker: GenerationWorker) -> None:
        self._retired.discard(worker)
        worker.deleteLater()

    def _on_progress(self, job_id: str, progress: object) -> None:
        if self.job is not None and self.job.id == job_id and not self._token.cancelled:
            self.progressed.emit(job_id, progress)

    def _on_ended(self, job_id: str, outcome: object) -> None:
        job, self.job = self.job, None
        self._idle_since = time.monotonic()
        if isinstance(outcome, Cancelled):
            if self._stopped_as is JobState.CANCELLED and job is not None and self._worker is not None:
                self._worker.warm(job.request.family)  # it may have been killed: a fresh one is ready for the next job
            self.ended.emit(job_id, self._stopped_as, None)
        elif isinstance(outcome, StudioError):
            self.model = None  # it may have died, or given its memory back; the next job will tell
            self.ended.emit(job_id, JobState.FAILED, outcome)
        else:
            self.ended.emit(job_id, JobState.DONE, None)

    def _on_silent(self, _job_id: str, seconds: float) -> None:
        self.troubled.emit(silence_problem(seconds))

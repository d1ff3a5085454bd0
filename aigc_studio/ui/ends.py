"""How jobs end, written to the queue: an end that a full disk refuses is tried again until it is written."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.project import Project

from .storage import StorageThread

__all__ = ["JobEnds"]

AGAIN_MS = 5000


class JobEnds(QObject):
    """The ends of one Studio's jobs, in the UI thread but for `not_stored`.

    written: Job, as it stands now. due: some ends, or a claim, wait to be tried again: call `again` and dispatch.
    troubled: StudioError to show, once for an end.
    """

    written = Signal(object)
    due = Signal()
    troubled = Signal(object)

    def __init__(self, storage: StorageThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._storage = storage
        self._waiting: dict[str, tuple[JobState, StudioError | None]] = {}
        self._not_stored: dict[str, StudioError] = {}
        """Storage thread only: jobs whose results could not be stored."""
        self._timer = QTimer(self, interval=AGAIN_MS, singleShot=True)
        self._timer.timeout.connect(self.due)

    def write(self, job_id: str, state: JobState, error: StudioError | None = None, *, told: bool = False) -> None:
        """A running job ends as `state`; PENDING: it waits in line again. Failed when a result could not be stored."""

        def finish(project: Project) -> Job:
            problem = self._not_stored.get(job_id)
            if problem is not None:
                job = project.queue.finish(job_id, JobState.FAILED, problem)
            elif state is JobState.PENDING:
                job = project.queue.release(job_id)
            else:
                job = project.queue.finish(job_id, state, error)
            self._not_stored.pop(job_id, None)  # not before it is written: the next try must know of it
            return job

        def failed(problem: StudioError) -> None:
            if problem.code != "no-project":
                self._waiting[job_id] = (state, error)
                self.later()
            if not told:
                self.troubled.emit(problem)

        self._storage.post(finish, self.written.emit, failed)

    def not_stored(self, job_id: str, error: StudioError) -> None:
        """Storage thread: a result of this job is lost, so that it can only fail. The first error counts."""
        self._not_stored.setdefault(job_id, error)

    def resume(self, job_id: str) -> None:
        """A pause that is not written yet is not wanted any more."""
        if self._waiting.get(job_id) == (JobState.PAUSED, None):
            self._waiting[job_id] = (JobState.PENDING, None)

    def again(self) -> None:
        """Try what could not be written once more."""
        waiting, self._waiting = self._waiting, {}
        for job_id, (state, error) in waiting.items():
            self.write(job_id, state, error, told=True)

    def later(self) -> None:
        """Let `due` come in some seconds."""
        if not self._timer.isActive():
            self._timer.start()

    def clear(self) -> None:
        """The project is closed; its next opening puts right what was not written."""
        self._waiting.clear()
        self._timer.stop()

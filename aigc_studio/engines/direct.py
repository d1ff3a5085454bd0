"""One request, run now and to its end: for the command line, the demo and whoever has no queue to watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.jobs import Job, JobState

from .runner import Find, QuietListener, RunListener, run_job

if TYPE_CHECKING:
    from aigc_studio.core.assets import Asset
    from aigc_studio.core.project import Project
    from aigc_studio.core.requests import Request

    from .engine import CancelToken, Engine, Preview

__all__ = ["run_now", "run_queued"]


def run_now(
    project: Project,
    request: Request,
    engine: Engine,
    listener: RunListener | None = None,
    token: CancelToken | None = None,
    *,
    find: Find | None = None,
    id: str = "",
) -> list[Asset]:
    """Put a request at the head of its line, run it and return what it made, in order.

    find: how its models are found, by default in the catalogue. id: of the job, of `new_job_id`; one of its own when
    "". Raises the job's own StudioError when it fails, Cancelled when it is cancelled.
    """
    id = project.queue.add(request, id).id
    try:
        job = _claim(project, id)
    except StudioError:
        project.queue.cancel(id)
        raise
    return _run(project, job, engine, listener, token, find)


def run_queued(
    project: Project,
    id: str,
    engine: Engine,
    listener: RunListener | None = None,
    token: CancelToken | None = None,
    *,
    find: Find | None = None,
) -> list[Asset]:
    """The same for a job of the project's queue that was paused, stopped, or has failed: it goes on where it was."""
    project.queue.resume(id)
    project.queue.retry(id)
    return _run(project, _claim(project, id), engine, listener, token, find)


def _run(
    project: Project,
    job: Job,
    engine: Engine,
    listener: RunListener | None,
    token: CancelToken | None,
    find: Find | None,
) -> list[Asset]:
    stored = _Stored(listener or QuietListener())
    job = run_job(project, job, engine, stored, token, find=find)
    if job.state is JobState.CANCELLED:
        raise Cancelled
    if job.state is not JobState.DONE:
        raise job.error or StudioError(N_("The job did not finish ({state}); try again."), code="job", state=job.state)
    return [asset for _, asset in sorted(stored.assets.items())]


def _claim(project: Project, id: str) -> Job:
    queue = project.queue
    job = queue.move(id, 0)
    try:
        claimed = queue.claim(job.lane)
    except ValueError:
        claimed = None
    if claimed is not None and claimed.id != id:
        queue.release(claimed.id)
    if claimed is None or claimed.id != id:
        raise StudioError(N_("Another job of this project is running; wait for it, then try again."), code="busy")
    return claimed


class _Stored:
    """Remembers what a job stored, and tells the other listener."""

    def __init__(self, listener: RunListener) -> None:
        self._listener = listener
        self.assets: dict[int, Asset] = {}

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """See `RunListener`."""
        self._listener.progress(index, done, total, stage, preview)

    def partial(self, index: int, piece: str) -> None:
        """See `RunListener`."""
        self._listener.partial(index, piece)

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """See `RunListener`."""
        self._listener.notice(text, params)

    def stored(self, index: int, asset: Asset) -> None:
        """See `RunListener`."""
        self.assets[index] = asset
        self._listener.stored(index, asset)

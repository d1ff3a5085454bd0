"""Studio: what a panel may ask of the program, and hears from it. One per window, UI thread only.

It owns no widget and does no work itself: files and the database belong to the storage thread, generation to the
lanes. Every answer comes back as a signal or a callback in the UI thread.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal

from aigc_studio.core.errors import StudioError
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Understanding

from .events import ProjectInfo

if TYPE_CHECKING:
    from aigc_studio.core.jobs import Job
    from aigc_studio.core.project import Project, ProjectReader
    from aigc_studio.core.settings import Settings

__all__ = ["Studio"]

T = TypeVar("T")


class Studio(QObject):
    """The one object every panel is given."""

    projectOpened = Signal(object)
    """ProjectInfo."""
    projectClosed = Signal()
    jobsChanged = Signal()
    """Coalesced (at most 20 a second); read `jobs()`."""
    jobProgress = Signal(str, object)
    """Job id, Progress; at most 20 a second for each job."""
    jobPartial = Signal(str, int, str)
    """Job id, index, a piece of text (joined per 30 ms)."""
    jobOutput = Signal(str, int, object)
    """Job id, index, Asset: already committed."""
    jobFinished = Signal(str, object)
    """Job id, Job in its final state (DONE, FAILED with error, CANCELLED) or PAUSED."""
    assetsChanged = Signal(object)
    """AssetsChange."""
    documentsChanged = Signal()
    problem = Signal(object)
    """StudioError to show in the banner."""

    def __init__(self, settings: Settings, *, engine: str = "child", parent: QObject | None = None) -> None:
        """engine: "child" (default), or "thread" to run the real engine in this process for debugging."""
        super().__init__(parent)
        self.settings = settings

    # -- project
    @property
    def info(self) -> ProjectInfo | None:
        """The open project, or None."""
        raise NotImplementedError

    @property
    def reader(self) -> ProjectReader | None:
        """The UI's own read-only view of the open project, or None."""
        raise NotImplementedError

    def create_project(self, folder: Path, name: str = "") -> None:
        """Make a project in `folder` and open it; `projectOpened` or `problem` follows."""
        raise NotImplementedError

    def open_project(self, folder: Path) -> None:
        """Open the project in `folder`, closing the open one first; `projectOpened` or `problem` follows."""
        raise NotImplementedError

    def close_project(self, then: Callable[[], None] | None = None) -> None:
        """Stop the lanes (running jobs are paused), let the storage queue run empty, close; `then` runs after."""
        raise NotImplementedError

    def shutdown(self) -> None:
        """Close everything and wait for it; the last call, when no window is left on the screen."""
        raise NotImplementedError

    # -- jobs
    def submit(self, request: Request) -> str:
        """Queue a request; its job id, at once. It is stored durably by the storage thread before it runs."""
        raise NotImplementedError

    def jobs(self) -> list[Job]:
        """The queue in its order: a cached copy, cheap."""
        raise NotImplementedError

    def job(self, id: str) -> Job | None:
        """One job of `jobs()`."""
        raise NotImplementedError

    def progress(self, id: str) -> object:
        """The last Progress of a running job, or None; for a view that is shown later than its job."""
        raise NotImplementedError

    def cancel(self, id: str) -> None:
        """Stop a running job within one step, or take a waiting one out of the line. Nothing for a finished one."""
        raise NotImplementedError

    def pause(self, id: str) -> None:
        """Hold a waiting job back, or stop a running one so that it can go on later where it was."""
        raise NotImplementedError

    def resume(self, id: str) -> None:
        """Let a paused job wait in line again."""
        raise NotImplementedError

    def retry(self, id: str) -> None:
        """Queue a failed or cancelled job again; what it stored is kept and not made twice."""
        raise NotImplementedError

    def move(self, id: str, to: int) -> None:
        """Move a waiting job to place `to` (from 0) among the waiting jobs."""
        raise NotImplementedError

    def clear_finished(self) -> None:
        """Take finished, failed and cancelled jobs off the list; what they made stays."""
        raise NotImplementedError

    def pause_all(self, on: bool) -> None:
        """Start no further jobs, pausing the running ones (True); or go on (False)."""
        raise NotImplementedError

    # -- storage
    def store(
        self,
        fn: Callable[[Project], T],
        then: Callable[[T], None] | None = None,
        fail: Callable[[StudioError], None] | None = None,
    ) -> None:
        """Run `fn(project)` on the storage thread, in order; then `then(result)` or `fail(error)` in the UI thread.

        Without `fail` an error is shown by `problem`.
        """
        raise NotImplementedError

    def thumbnail(self, id: str, then: Callable[[Path | None], None]) -> None:
        """The thumbnail of an asset, made first when it is missing; low priority."""
        raise NotImplementedError

    def understand(self, request: Request) -> Understanding | None:
        """What the family understood of the prompt; None when it has nothing to say."""
        raise NotImplementedError

"""The storage thread: the only one that writes to the project. Closures in, results as signals out, in order.

What is asked for with `post` runs in the order it was posted; what can wait (`later`: thumbnails) runs when nothing
else is to do, and so do checkpoints and backups. A disk that is slow makes this thread wait and nobody else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from aigc_studio.core.errors import StudioError, describe
from aigc_studio.core.i18n import N_
from aigc_studio.core.project import Project
from aigc_studio.core.store import files

from .events import ProjectInfo

__all__ = ["StorageThread"]

log = logging.getLogger(__name__)

IDLE_SECONDS = 2.0
"""So long after the last change the journal is folded into the database."""

BACKUP_CHECK_SECONDS = 30.0
JOBS_INTERVAL = 0.05
"""While there is work, the queue is read again no sooner than after this, and ten times as long as reading it takes."""


@dataclass
class _Task:
    """fn(project) and what becomes of its result. `project` None: runs without an open project, fn()."""

    fn: Callable[..., Any]
    then: Callable[[Any], object] | None
    fail: Callable[[StudioError], object] | None
    needs_project: bool


class StorageThread(QThread):
    """Owns the open `Project`, from opening to closing.

    answered: (callback, value), to be called in the receiver's thread. jobsRead: list of Job, after the queue changed.
    projectChanged: Changes (assets, documents) after a closure that changed something. troubled: StudioError to show.
    """

    answered = Signal(object, object)
    jobsRead = Signal(object)
    projectChanged = Signal(object)
    troubled = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("storage")
        self._wake = threading.Condition()
        self._tasks: deque[_Task] = deque()
        self._later: deque[_Task] = deque()
        self._stopping = False
        self._project: Project | None = None
        self._jobs_seen: tuple[int, int] | None = None
        self._jobs_next = 0.0
        self._dirty_since = 0.0
        self._backup_at = 0.0
        self._told_trouble = False

    # -- any thread
    def post(
        self,
        fn: Callable[[Project], Any],
        then: Callable[[Any], object] | None = None,
        fail: Callable[[StudioError], object] | None = None,
    ) -> None:
        """Run fn(project) after everything posted before; then `then(result)` or `fail(error)` by `answered`.

        Without an open project it fails with code "no-project".
        """
        self._add(self._tasks, _Task(fn, then, fail, True))

    def later(
        self, fn: Callable[[Project], Any], then: Callable[[Any], object], fail: Callable[[StudioError], object]
    ) -> None:
        """As `post`, but when nothing else is to do; newest first, because that is what is on the screen."""
        self._add(self._later, _Task(fn, then, fail, True))

    def open(
        self,
        opener: Callable[[], Project],
        then: Callable[[ProjectInfo], object],
        fail: Callable[[StudioError], object],
    ) -> None:
        """Open a project with `opener`, after closing the one that is open."""
        self._add(self._tasks, _Task(lambda: self._open(opener), then, fail, False))

    def close_project(self, then: Callable[[Any], object], fail: Callable[[StudioError], object]) -> None:
        """Close the project after everything posted before; what was for `later` is dropped."""
        self._add(self._tasks, _Task(self._close, then, fail, False))

    def stop(self) -> None:
        """End the thread after everything posted before; `wait()` for it."""
        with self._wake:
            self._stopping = True
            self._wake.notify()

    @property
    def waiting(self) -> int:
        """How many closures are to be run."""
        return len(self._tasks)

    # -- the thread
    def run(self) -> None:
        """Work until stopped, then close the project."""
        while (task := self._next()) is not None:
            self._do(task)
            del task  # what the closure holds is not kept until the next one comes
            self._tell_or_say_why()
        try:
            self._close()
        except Exception:
            log.exception("closing the project failed")

    def _add(self, line: deque[_Task], task: _Task) -> None:
        with self._wake:
            line.append(task)
            self._wake.notify()

    def _next(self) -> _Task | None:
        """The next task, doing the idle work meanwhile; None when the thread is to end."""
        while True:
            with self._wake:
                if self._tasks:
                    return self._tasks.popleft()
                if self._stopping:
                    return None
                if self._later:
                    return self._later.pop()
                wait = self._idle_wait()
                if wait > 0:
                    self._wake.wait(wait)
                    continue
            self._idle()

    def _do(self, task: _Task) -> None:
        try:
            with files.plain_errors():
                if not task.needs_project:
                    result = task.fn()
                elif self._project is None:
                    raise StudioError(N_("No project is open; open one first."), code="no-project")
                else:
                    result = task.fn(self._project)
        except Exception as error:
            problem = describe(error)
            if problem is not error:
                log.exception("storage: %r failed", task.fn)
            if task.fail is not None:
                self.answered.emit(task.fail, problem)
            return
        if task.then is not None:
            self.answered.emit(task.then, result)

    def _open(self, opener: Callable[[], Project]) -> ProjectInfo:
        self._close()
        project = self._project = opener()
        self._jobs_seen = None
        self._jobs_next = 0.0
        self._backup_at = time.monotonic() + BACKUP_CHECK_SECONDS
        return ProjectInfo(project.name, project.folder, project.read_only, project.holder, project.warning)

    def _close(self) -> None:
        with self._wake:
            self._later.clear()
        project, self._project = self._project, None
        if project is not None:
            project.close()

    def _tell_or_say_why(self) -> None:
        """`_tell`; what goes wrong there (a full disk) is told once, and this thread lives on."""
        try:
            self._tell()
            self._told_trouble = False
        except Exception as error:
            log.exception("storage: the changes could not be read")
            self._jobs_next = time.monotonic() + 1.0
            if not self._told_trouble:
                self._told_trouble = True
                self.troubled.emit(describe(error))

    def _tell(self) -> None:
        """Say what changed. A queue of thousands of jobs is read seldom, or else this thread would do little else."""
        project = self._project
        if project is None:
            return
        changes = project.take_changes()
        if changes:
            self._dirty_since = time.monotonic()
            self.projectChanged.emit(changes)
        now = time.monotonic()
        if self._jobs_changed(project) and now >= self._jobs_next:
            self._jobs_seen = (id(project), project.queue.changes)
            jobs = project.queue.list()
            self._dirty_since = time.monotonic()
            self._jobs_next = now + max(JOBS_INTERVAL if self._tasks else 0.0, 10 * (self._dirty_since - now))
            self.jobsRead.emit(jobs)

    def _jobs_changed(self, project: Project) -> bool:
        return self._jobs_seen != (id(project), project.queue.changes)

    def _idle_wait(self) -> float:
        """Seconds until there is idle work; 0 now."""
        if self._project is None:
            return 3600.0
        now = time.monotonic()
        due = self._backup_at
        if self._jobs_changed(self._project):
            due = min(due, self._jobs_next)
        if self._dirty_since:
            due = min(due, self._dirty_since + IDLE_SECONDS)
        return max(0.0, due - now)

    def _idle(self) -> None:
        project = self._project
        assert project is not None
        now = time.monotonic()
        if self._jobs_changed(project):
            self._tell_or_say_why()
        try:
            if self._dirty_since and now >= self._dirty_since + IDLE_SECONDS:
                self._dirty_since = 0.0
                project.checkpoint()
            if now >= self._backup_at:
                self._backup_at = now + BACKUP_CHECK_SECONDS
                project.maintenance()
        except Exception:  # a failed backup is no reason to stop; the next one is tried in half a minute
            log.exception("storage: idle work failed")

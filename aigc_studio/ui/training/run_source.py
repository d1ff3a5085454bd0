"""The runs of the project as the list shows them: what lies on the disk, with what the queue knows of them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import WORKSHOPS, RunFolder, RunInfo, runs
from aigc_studio.ui.studio import Studio

from .names import Named, told_apart
from .words import active, job_title, state_of

__all__ = ["RunItem", "RunSource"]

_SETTLE_MS = 200
_EVERY_MS = 3000
"""How often a run that learns is read again."""


@dataclass(frozen=True)
class RunItem:
    """One row: a run on the disk, a training job of the queue, mostly both.

    state: see `words.state_text`. step of steps: as stored; the queue's progress is newer. model: the finished model's
    folder, "" while there is none.
    """

    id: str
    recipe: str
    title: str
    created: float
    folder: Path
    state: str
    step: int = 0
    steps: int = 0
    model: str = ""
    job: Job | None = None
    wanted: int = 0
    """Steps that were asked for."""
    timed: bool = False
    """Whether a time limit was asked for, too."""
    finishing: bool = False
    """Whether it was asked to make its model from what it has learned so far."""
    apart: str = ""
    """What tells it from others of its name and recipe, "" where there are none."""

    @property
    def active(self) -> bool:
        """Whether it learns or waits for its turn."""
        return active(self.job)


class RunSource(QObject):
    """Reads the runs in another thread when there is a reason to. `changed`: items or infos are others now."""

    changed = Signal()

    def __init__(self, studio: Studio, parent: QObject) -> None:
        super().__init__(parent)
        self._studio = studio
        self.infos: Sequence[RunInfo] = ()
        self.params: Mapping[str, Mapping[str, Any]] = {}
        """Run to the parameters of its request."""
        self.requests: Mapping[str, Request] = {}
        """Run to its request, where that can be read."""
        self.items: list[RunItem] = []
        self._reading = self._again = False
        self._asked: set[str] = set()
        """Runs that were asked to finish."""
        self._gone: set[str] = set()
        """Deleted here; the queue may still know their jobs."""
        self._jobs: list[Job] = []
        self._timer = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._timer.timeout.connect(self._read)
        self._often = QTimer(self, interval=_EVERY_MS)
        self._often.timeout.connect(self.refresh)
        studio.projectOpened.connect(self._project_changed)
        studio.projectClosed.connect(self._project_changed)
        studio.jobsChanged.connect(self._jobs_changed)
        studio.jobFinished.connect(self._finished)
        self._project_changed()

    def item(self, id: str) -> RunItem | None:
        """One run; None when it is not there."""
        return next((item for item in self.items if item.id == id), None)

    def waiting_for(self, ids: Collection[str]) -> list[str]:
        """Names of trainings that wait or pause, and begin from one of these runs."""
        return [
            item.title
            for item in self.items
            if item.id not in ids
            and item.job is not None
            and item.job.state in (JobState.PENDING, JobState.PAUSED)
            and item.job.request.params.get("start") in ids
        ]

    def forget(self, ids: Collection[str]) -> None:
        """These are being deleted: they leave the list at once."""
        self._gone |= set(ids)
        self._merge()

    def keep(self, ids: Collection[str]) -> None:
        """They could not be deleted: what is left of them is listed again."""
        self._gone -= set(ids)
        self._merge()
        self.refresh()

    def finishes(self, id: str) -> None:
        """It was asked to finish: one sees it at once."""
        self._asked.add(id)
        self._merge()

    def refresh(self) -> None:
        """Read the disk again, soon."""
        if not self._timer.isActive():
            self._timer.start()

    def _project_changed(self, *_: object) -> None:
        self.infos, self.params, self.requests, self._asked = (), {}, {}, set()
        self._jobs_changed()
        if self._studio.info is not None:
            self.refresh()

    def _finished(self, _id: str, job: Job) -> None:
        if job.request.kind == "training":
            self.refresh()

    def _jobs_changed(self) -> None:
        jobs = [job for job in self._studio.jobs() if job.request.kind == "training"]
        if {(job.id, job.state) for job in jobs} != {(job.id, job.state) for job in self._jobs}:
            self.refresh()  # it begins to write, or has written its last
        self._jobs = jobs
        running = any(job.state is JobState.RUNNING for job in jobs)
        if running != self._often.isActive():
            self._often.start() if running else self._often.stop()
        self._merge()

    def _read(self) -> None:
        info = self._studio.info
        if info is None:
            return
        if self._reading:
            self._again = True
            return
        self._reading = True
        folder = info.folder
        self._studio.models.run("runs", lambda _check, _tell: _read(folder), self._found, self._failed)

    def _found(self, answer: _Answer) -> None:
        self._reading = False
        folder, infos, params, requests, asked = answer
        info = self._studio.info
        if info is not None and info.folder == folder and (infos != list(self.infos) or asked != self._asked):
            self.infos, self.params, self.requests, self._asked = infos, params, requests, asked
            if not self._merge():
                self.changed.emit()  # other figures of the same runs
        self._read_again()

    def _failed(self, _error: StudioError | None) -> None:
        self._reading = False
        self._read_again()

    def _read_again(self) -> None:
        """Where it was wished while it was read."""
        if self._again:
            self._again = False
            self.refresh()

    def _merge(self) -> bool:
        """Whether the items are others now."""
        info = self._studio.info
        jobs = {job.id: job for job in self._jobs} if info is not None else {}
        items = [
            RunItem(
                run.id,
                run.recipe,
                run.title,
                run.created,
                run.folder,
                state_of(run, jobs.get(run.id)),
                run.step,
                run.steps,
                run.model,
                jobs.get(run.id),
                _steps(self.params.get(run.id, {})),
                _timed(self.params.get(run.id, {})),
            )
            for run in (self.infos if info is not None else ())
            if run.id not in self._gone
        ]
        there = {item.id for item in items}
        for job in jobs.values():
            if job.id not in there | self._gone and info is not None:
                request = job.request
                title = request.prompt or job_title(request.params, request.family)
                folder = info.folder / WORKSHOPS / job.id
                items.append(
                    RunItem(
                        job.id,
                        request.family,
                        title,
                        job.created,
                        folder,
                        str(job.state),
                        job=job,
                        wanted=_steps(request.params),
                        timed=_timed(request.params),
                    )
                )
        items = [replace(item, finishing=item.state == "running" and item.id in self._asked) for item in items]
        named = [  # of one recipe, too: that is said of each anyway
            Named(f"{item.title}\0{item.recipe}", item.recipe, self._given(item), item.created) for item in items
        ]
        items = [replace(item, apart=apart) for item, apart in zip(items, told_apart(named), strict=True)]
        items.sort(key=lambda item: item.created or float("inf"), reverse=True)
        if items == self.items:
            return False
        self.items = items
        self.changed.emit()
        return True

    def _given(self, item: RunItem) -> Mapping[str, Any]:
        return item.job.request.params if item.job is not None else self.params.get(item.id, {})


_Answer = tuple[Path, list[RunInfo], dict[str, Mapping[str, Any]], dict[str, Request], set[str]]


def _read(folder: Path) -> _Answer:
    """In the thread: the runs, and what they were given."""
    infos = runs(folder)
    params: dict[str, Mapping[str, Any]] = {}
    requests: dict[str, Request] = {}
    for run in infos:
        request = RunFolder(run.folder).info().get("request")
        given = request.get("params") if isinstance(request, dict) else None
        params[run.id] = given if isinstance(given, dict) else {}
        with contextlib.suppress(TypeError, ValueError, KeyError, AttributeError, StudioError):
            requests[run.id] = Request.from_json(request or {})
    return folder, infos, params, requests, {run.id for run in infos if RunFolder(run.folder).finish_asked}


def _steps(params: Mapping[str, Any]) -> int:
    steps = params.get("steps")
    return steps if isinstance(steps, int) else 0


def _timed(params: Mapping[str, Any]) -> bool:
    minutes = params.get("minutes")
    return isinstance(minutes, int | float) and minutes > 0

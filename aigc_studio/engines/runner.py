"""From a job in a project to finished assets, without Qt: the command line, the demo and the tests run jobs with it,
and the window prepares its orders with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aigc_studio.core import catalogue
from aigc_studio.core.errors import Cancelled, StudioError, describe
from aigc_studio.core.i18n import N_
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request
from aigc_studio.core.store.files import plain_errors

from . import registry
from .base import Model
from .engine import CancelToken, Engine, Order, Preview, missing_input
from .interpreter import missing_engine

if TYPE_CHECKING:
    from aigc_studio.core.assets import Asset
    from aigc_studio.core.project import Project
    from aigc_studio.core.reader import ProjectReader

__all__ = [
    "Find",
    "QuietListener",
    "RunListener",
    "check_request",
    "claim_order",
    "find_model",
    "find_parts",
    "model_of",
    "order_for",
    "run_job",
]

log = logging.getLogger(__name__)

Find = Callable[[str], catalogue.Entry]
"""From the id of a model to what is known of it, StudioError for an unknown one: `catalogue.find`, or one that knows
models beside those of the catalogue."""


class RunListener(Protocol):
    """Hears how `run_job` goes, in its thread."""

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """See `engine.Listener`."""

    def partial(self, index: int, piece: str) -> None:
        """See `engine.Listener`."""

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """See `engine.Listener`."""

    def stored(self, index: int, asset: Asset) -> None:
        """Result `index` is in the project."""


class QuietListener:
    """A RunListener that says nothing; a base for those who want to hear one thing only."""

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """See `RunListener`."""

    def partial(self, index: int, piece: str) -> None:
        """See `RunListener`."""

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """See `RunListener`."""

    def stored(self, index: int, asset: Asset) -> None:
        """See `RunListener`."""


def check_request(request: Request, find: Find | None = None) -> None:
    """StudioError when no engine could run this request here: all that can be said without a project or a process."""
    family = registry.declared(request.family, _facts(request, find))
    task = family.task(request.task)
    family.values(request.task, request.params)
    if not 1 <= request.count <= family.max_count:
        raise StudioError(
            N_("{count} results at once are not possible; choose 1 to {most}."),
            code="count",
            count=request.count,
            most=family.max_count,
        )
    for role in task.inputs:
        if role not in request.inputs:
            raise missing_input(role)
    if (problem := missing_engine(family.needs)) is not None:
        raise problem


def _facts(request: Request, find: Find | None) -> Mapping[str, Any]:
    """What is known of the model a request names."""
    return (find or catalogue.find)(request.model).facts if request.model else {}


def find_parts(request: Request, find: Find | None = None) -> dict[str, Model]:
    """The models that the request's parameters name; StudioError when one is unknown or its files are missing."""
    family = registry.declared(request.family, _facts(request, find))
    values = family.values(request.task, request.params)
    parts: dict[str, Model] = {}
    for param in family.task_params(request.task):
        for id in param.parts(values[param.id]):
            entry = (find or catalogue.find)(id)
            if (problem := entry.problem_now()) is not None:
                raise problem
            if entry.facts.get("part", f"model:{entry.family}") not in param.of:
                raise StudioError(
                    N_('"{model}" does not fit "{param}"; choose another one.'),
                    code="part",
                    model=entry.title,
                    param=param.title,
                )
            parts[id] = model_of(entry)
    return parts


def model_of(entry: catalogue.Entry) -> Model:
    """What an engine is told about a model of the catalogue."""
    return Model(entry.id, entry.family, entry.title, entry.folder, entry.facts, entry.file)


def find_model(request: Request, find: Find | None = None) -> Model:
    """The model a request names, on this machine; StudioError when it is unknown or its files are missing."""
    if not request.model:
        return Model("", request.family, registry.family(request.family).title)
    entry = (find or catalogue.find)(request.model)
    if (problem := entry.problem_now()) is not None:
        raise problem
    if entry.family != request.family:
        raise StudioError(
            N_('The model "{model}" does not belong to "{family}"; choose another model.'),
            code="model",
            model=entry.title,
            family=registry.family(request.family).title,
        )
    return model_of(entry)


def order_for(project: Project | ProjectReader, job: Job, find: Find | None = None) -> Order:
    """Everything the engine is told about a job of this project; StudioError when it cannot be run."""
    request = job.request
    check_request(request, find)
    return Order(
        job_id=job.id,
        request=request,
        folder=project.folder / "incoming",
        done=job.done,
        inputs={role: _input(project, role, asset) for role, asset in request.inputs.items()},
        model=find_model(request, find),
        parts=find_parts(request, find),
    )


def claim_order(project: Project, lane: str) -> tuple[Job, Order | StudioError] | None:
    """Claim the next job of a lane, with its order, or with the reason why it cannot be run. None: nothing to do."""
    try:
        job = project.queue.claim(lane)
    except ValueError as error:
        log.warning("%s: its end could not be written yet", error)
        return None
    if job is None:
        return None
    try:
        return job, order_for(project, job)
    except Exception as error:  # noqa: BLE001  whatever it is, it is this job that fails
        return job, describe(error)


@plain_errors()
def run_job(
    project: Project,
    job: Job,
    engine: Engine,
    listener: RunListener | None = None,
    token: CancelToken | None = None,
    *,
    find: Find | None = None,
) -> Job:
    """Run a claimed job to its end and store what it makes; its final state is returned, also when it failed.

    find: how its models are found, by default in the catalogue.

    An exception that is not the job's own (Ctrl-C) leaves the job paused and goes on up. StudioError when its end
    cannot be written (a full disk).
    """
    queue = project.queue
    try:
        order = order_for(project, job, find)
        engine.run(order, _Storing(project, job, listener or QuietListener()), token or CancelToken())
    except Cancelled:
        return queue.finish(job.id, JobState.CANCELLED)
    except Exception as error:  # noqa: BLE001  whatever it is, it is this job that fails
        return queue.finish(job.id, JobState.FAILED, describe(error))
    except BaseException:
        queue.finish(job.id, JobState.PAUSED)
        raise
    return queue.finish(job.id, JobState.DONE)


class _Storing:
    """The engine's listener that stores every result before it tells anyone."""

    def __init__(self, project: Project, job: Job, listener: RunListener) -> None:
        self._project = project
        self._job = job
        self._listener = listener

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        self._listener.progress(index, done, total, stage, preview)

    def partial(self, index: int, piece: str) -> None:
        self._listener.partial(index, piece)

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        self._listener.notice(text, params)

    def output(self, index: int, path: Path) -> None:
        self._listener.stored(index, self._project.commit_output(self._job.id, index, path))

    def silent(self, seconds: float) -> None:
        """Who runs a job in the foreground sees that nothing moves."""


def _input(project: Project | ProjectReader, role: str, asset_id: str) -> Path:
    asset = project.asset(asset_id)
    path = project.path(asset) if asset is not None else None
    if path is None or not path.is_file():
        raise StudioError(
            N_("A file that this job works on is not in the project any more; choose another one."),
            code="input-gone",
            detail=f"{role} {asset_id}",
        )
    return path

"""The way on for a job that ran out of memory: the same once more, one step more sparing."""

from __future__ import annotations

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry

__all__ = ["LESS_MEMORY", "can_use_less", "less_memory"]

LESS_MEMORY = N_("Retry with less memory")
"""Title of what is offered."""

_LOWER = {"auto": "low", "full": "low", "low": "lowest"}
"""Value of the parameter "memory" to the next more sparing one."""


def less_memory(request: Request, error: StudioError | None = None) -> Request | None:
    """The request with its memory one step lower; None where its model has no such choice, or nothing lower.

    error: of the job that failed; it says how sparing "automatic" had been already.
    """
    entry = catalogue.known(request.model)
    if request.model and entry is None:
        return None
    try:
        family = registry.declared(request.family, entry.facts if entry is not None else {})
    except StudioError:
        return None
    param = next((param for param in family.task_params(request.task) if param.id == "memory"), None)
    if param is None:
        return None
    ran = error.params.get("memory") if error is not None else None
    lower = _LOWER.get(str(ran or request.params.get("memory", param.default)))
    if lower not in [choice.value for choice in param.choices]:
        return None
    return request.changed(params={**request.params, "memory": lower})


def can_use_less(job: Job) -> bool:
    """Whether a job failed for want of memory and could be tried with less."""
    failed = job.state is JobState.FAILED and job.error is not None and job.error.code == "memory"
    return failed and less_memory(job.request, job.error) is not None

"""From what a program asks for to a request of ours: what was left out is chosen, and no name is taken for a path."""

from __future__ import annotations

from typing import Any

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request, new_seed
from aigc_studio.engines import registry
from aigc_studio.engines.base import Family
from aigc_studio.engines.listing import first_model

from .shapes import Generate

__all__ = ["known", "request_of"]

_FIRST_TASK = {"image": "generate", "text": "continue", "speech": "speak"}


def known(id: str) -> Entry:
    """The model or part with exactly this id. `catalogue.find` takes paths, too, and a program may not name paths."""
    for entry in (*catalogue.models(), *catalogue.parts()):
        if entry.id == id:
            return entry
    raise StudioError(N_('There is no model "{model}" here; choose another one.'), code="model-unknown", model=id[:200])


def request_of(asked: Generate) -> Request:
    """A request that an engine can be given; StudioError for what cannot be asked like that."""
    if asked.model:
        entry = known(asked.model)
        if (problem := entry.problem_now()) is not None:
            raise problem
        if asked.kind is not None and asked.kind != entry.kind:
            raise StudioError(
                N_('"{model}" does not make that; leave the kind out or choose another model.'),
                code="kind",
                model=entry.title,
            )
        family = registry.declared(entry.family, entry.facts)
        task = family.task(asked.task or _task(entry.kind, asked)).id
    else:
        if asked.kind is None:
            raise StudioError(N_("Say which kind of thing to make, or which model makes it."), code="kind")
        entry, family, task = first_model(asked.kind, (asked.task or _task(asked.kind, asked),))
    values = _checked(family, task, asked)
    return Request(
        entry.kind,
        task,
        family.id,
        entry.id,
        asked.prompt,
        {name: list(value) if isinstance(value := values[name], tuple) else value for name in asked.params},
        new_seed() if asked.seed is None else asked.seed,
        asked.count,
        asked.inputs,
    )


def _task(kind: str, asked: Generate) -> str:
    """The task that is meant when none is named: what the inputs are for."""
    if kind == "image" and "image" in asked.inputs:
        return "inpaint" if "mask" in asked.inputs else "variation"
    return _FIRST_TASK[kind]


def _checked(family: Family, task: str, asked: Generate) -> dict[str, Any]:
    """Every parameter's checked value: what is stored is what was looked at."""
    params = {param.id: param for param in family.task_params(task)}
    for name in asked.params:
        if name not in params:
            raise StudioError(
                N_('There is no parameter "{name}"; there are: {names}.'),
                code="param",
                name=name[:40],
                names=", ".join(params),
            )
        if params[name].file and asked.params[name] != params[name].default:
            raise StudioError(
                N_('"{param}" names a file of this machine, which other programs may not; upload what is needed.'),
                code="param",
                param=params[name].title,
            )
    values = family.values(task, asked.params)
    for name, value in values.items():
        for id in params[name].parts(value):
            known(id)
    return values

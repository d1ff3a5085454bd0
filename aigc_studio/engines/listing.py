"""Models for those who choose them without a window: the first that can do a thing, and what they take, as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.requests import KINDS

from . import registry
from .base import Family, Param

__all__ = ["first_model", "model_row", "no_model", "param_row", "task_rows", "type_of"]


def first_model(kind: str, tasks: Sequence[str]) -> tuple[Entry, Family, str]:
    """The first model of a kind that can be used and does one of these tasks, its family as declared for it, the task.

    StudioError "model" when there is none.
    """
    for entry in catalogue.models(kind):
        if entry.problem_now() is not None:
            continue
        family = registry.declared(entry.family, entry.facts)
        there = {task.id for task in family.tasks}
        for task in tasks:
            if task in there:
                return entry, family, task
    raise no_model(kind)


def no_model(chosen: str) -> StudioError:
    """What to tell when no model does what is asked."""
    return StudioError(
        N_('There is no model "{model}" for this; aigc-studio models lists them.'), code="model", model=chosen
    )


def type_of(entry: Entry) -> str:
    """The short name of what a model is: "sdxl", "lora:sd1", "qwen2"; its family where its files say nothing."""
    for name in ("part", "type", "model_type", "architecture"):
        if value := entry.facts.get(name):
            return str(value)
    return entry.family


def model_row(entry: Entry) -> dict[str, Any]:
    """A model as JSON: what a program needs to choose it and to explain it."""
    problem = entry.problem_now()
    return {
        "id": entry.id,
        "kind": entry.kind,
        "family": entry.family,
        "title": entry.title,
        "type": type_of(entry),
        "bytes": entry.facts.get("bytes"),
        "languages": list(entry.languages),
        "licence": entry.licence,
        "usable": problem is None,
        "problem": None if problem is None else {"code": problem.code, "message": str(problem)},
    }


def task_rows(entry: Entry) -> list[dict[str, Any]]:
    """What a model can do, as JSON: each task with the inputs it needs and its parameters; none for a part."""
    if entry.kind not in KINDS or entry.problem is not None:
        return []
    family = registry.declared(entry.family, entry.facts)
    return [
        {
            "id": task.id,
            "title": tr(task.title),
            "inputs": list(task.inputs),
            "params": [param_row(param) for param in family.task_params(task.id)],
        }
        for task in family.tasks
    ]


def param_row(param: Param) -> dict[str, Any]:
    """A parameter as JSON: what a form or a program needs to set it."""
    row: dict[str, Any] = {"id": param.id, "kind": param.kind, "title": tr(param.title), "default": param.default}
    for name in ("low", "high", "step"):
        number = getattr(param, name)
        if param.kind in ("int", "float", "size", "loras") and math.isfinite(number):
            row[name] = number
    if param.choices:
        row["choices"] = [{"value": choice.value, "title": tr(choice.title)} for choice in param.choices]
    if param.of:
        row["of"] = list(param.of)
    return row

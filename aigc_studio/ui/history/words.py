"""A recipe as people read it: what was done, with which model and values, and how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.core.generations import Generation
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Family, Param

__all__ = [
    "KIND_ICONS",
    "differences",
    "inputs_text",
    "model_title",
    "parameter_rows",
    "state_text",
    "summary",
    "task_title",
    "title_of",
    "value_text",
]

KIND_ICONS = {
    "image": "image-outline",
    "audio": "microphone-outline",
    "text": "text-box-outline",
    "training": "school-outline",
}
"""Kind of a generation's results, or "training", to its sign."""

_STATES = {
    "pending": N_("Waiting"),
    "running": N_("Running"),
    "paused": N_("Paused"),
    "failed": N_("Failed"),
    "cancelled": N_("Cancelled"),
}
_SUMMARY_LENGTH = 4


def _family(request: Mapping[str, Any]) -> Family | None:
    """The family as it is declared for the request's model: its speakers, its languages, its defaults."""
    entry = catalogue.known(str(request.get("model", "")))
    try:
        return registry.declared(str(request.get("family", "")), entry.facts if entry is not None else {})
    except StudioError:
        return None


def _declared(request: Mapping[str, Any]) -> dict[str, Param]:
    """The parameters of a request's task, by id; nothing for a family that this version does not know."""
    family = _family(request)
    params = family.task_params(str(request.get("task", ""))) if family is not None else ()
    return {param.id: param for param in params}


def title_of(request: Request) -> str:
    """What a job is called in lists: its prompt in one line; the name of the model that it trains. "" for neither."""
    words = " ".join(request.prompt.split()[:200])
    if not words and request.kind == "training":
        words = " ".join(str(request.params.get("name", "")).split()) or model_title(request.family, "")
    return words


def task_title(request: Mapping[str, Any]) -> str:
    """What was done: "Change part"; the id of a task that this version does not know."""
    family, task = _family(request), str(request.get("task", ""))
    return next((tr(known.title) for known in family.tasks if known.id == task), task) if family else task


def model_title(family: str, model: str) -> str:
    """The shown name of a model, or of its family where that has but one; ids for what is not here any more."""
    if model:
        entry = catalogue.known(model)
        return entry.title if entry is not None else model
    try:
        return tr(registry.family(family).title)
    except StudioError:
        return family


def value_text(param: Param | None, value: Any) -> str:
    """One parameter's value in words."""
    if isinstance(value, bool):
        return tr("On##switch") if value else tr("Off##switch")
    if param is not None and param.kind == "choice":
        return next((tr(choice.title) for choice in param.choices if choice.value == value), str(value))
    if param is not None and param.kind == "size" and isinstance(value, list | tuple) and len(value) == 2:
        return f"{value[0]} × {value[1]} px"
    if param is not None and param.kind == "model":
        nothing = next((choice.title for choice in param.choices if not choice.value), "")
        empty = tr(nothing) if nothing else tr("None##model")
        return model_title("", str(value)) if value else empty
    if param is not None and param.kind == "folder":
        return PurePath(str(value)).name or "–"
    if param is not None and param.kind == "loras" and isinstance(value, list):
        pairs = [pair for pair in value if isinstance(pair, list | tuple) and len(pair) == 2]
        return ", ".join(f"{model_title('', str(id))} × {weight:g}" for id, weight in pairs if _number(weight)) or "–"
    if param is not None and param.least and value == param.low:
        return tr(param.least)
    if isinstance(value, float):
        text = f"{value:.4g}"
    elif isinstance(value, list | tuple):
        text = ", ".join(str(item) for item in value)
    else:
        text = str(value)
    unit = tr(param.unit) if param is not None and param.unit else ""
    return f"{text} {unit}" if unit else text or "–"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def parameter_rows(request: Mapping[str, Any], params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(title, value) of every parameter, those the family declares first and in its order."""
    declared = _declared(request)
    known = [(tr(param.title), value_text(param, params[id])) for id, param in declared.items() if id in params]
    return known + [(id, value_text(None, value)) for id, value in params.items() if id not in declared]


def inputs_text(request: Mapping[str, Any]) -> str:
    """What was given besides the prompt: "picture, mask"; "" for nothing."""
    roles = {"image": tr("picture##input"), "mask": tr("mask##input"), "voice": tr("voice##input")}
    inputs = request.get("inputs")
    return ", ".join(roles.get(str(role), str(role)) for role in inputs) if isinstance(inputs, Mapping) else ""


def summary(generation: Generation) -> str:
    """One line: what was done, the model, size, the values that a person chose, the usual numbers, the seed."""
    parts = [task_title(generation.request), model_title(generation.family, generation.model)]
    sizes, changed, usual = [], [], []
    for param in _declared(generation.request).values():
        value = generation.params.get(param.id)
        if param.kind in ("lines", "text", "folder") or value in (None, "", [], ()):
            continue
        text = value_text(param, value)
        if param.kind == "size":
            sizes.append(text)
        elif value != param.default and value != list(_sequence(param.default)):
            changed.append(f"{tr(param.title)} {text}")
        elif param.kind == "int" and not param.advanced:
            usual.append(f"{tr(param.title)} {text}")
    shown = [*sizes, *changed, *usual]
    seed = [tr("Seed {seed}", seed=generation.seed)] if generation.request else []
    return " · ".join(part for part in [*parts, *shown[:_SUMMARY_LENGTH], *seed] if part)


def _sequence(value: Any) -> tuple:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def state_text(generation: Generation) -> str:
    """How far it came, "" when all is there: "2 of 4 · Cancelled", "In the trash"."""
    parts = []
    if generation.made < generation.count:
        parts.append(tr("{made} of {count}", made=generation.made, count=generation.count))
    if generation.state in _STATES:
        parts.append(tr(_STATES[generation.state]))
    if generation.trashed:
        parts.append(tr("In the trash"))
    return " · ".join(parts)


def differences(one: Mapping[str, Any], two: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, value in `one`, value in `two`) of all that two recipes say differently of how a result was made.

    A value that one of them does not name is "–".
    """
    requests = [_object(recipe.get("request")) for recipe in (one, two)]
    found: list[tuple[str, str, str]] = []

    def note(title: str, a: str, b: str) -> None:
        if a != b:
            found.append((title, a or "–", b or "–"))

    a, b = requests
    note(tr("Task"), task_title(a), task_title(b))
    note(
        tr("Model"),
        *(model_title(str(each.get("family", "")), str(each.get("model", ""))) if each else "" for each in requests),
    )
    note(tr("Prompt"), str(a.get("prompt", "")), str(b.get("prompt", "")))
    note(tr("Seed"), *(_seed(recipe) for recipe in (one, two)))
    values = [
        {**_object(request.get("params")), **_object(_object(recipe.get("engine")).get("params"))}
        for request, recipe in zip(requests, (one, two), strict=True)
    ]
    declared = [_declared(request) for request in requests]
    for id in dict.fromkeys([*declared[0], *declared[1], *values[0], *values[1]]):
        param = declared[0].get(id) or declared[1].get(id)
        texts = [
            value_text(known.get(id), value[id]) if id in value else ""
            for known, value in zip(declared, values, strict=True)
        ]
        if a.get("task") == b.get("task") or all(texts):  # what another task does not know is no difference
            note(tr(param.title) if param is not None else id, *texts)
    note(tr("Made from"), *_inputs(*requests))
    for key, title in (("device", N_("Device")), ("dtype", N_("Precision"))):
        note(tr(title), *(str(_object(recipe.get("engine")).get(key, "")) for recipe in (one, two)))
    return found


def _seed(recipe: Mapping[str, Any]) -> str:
    request = _object(recipe.get("request"))
    return str(recipe.get("seed", request.get("seed", ""))) if request else ""


def _inputs(one: Mapping[str, Any], two: Mapping[str, Any]) -> tuple[str, str]:
    """What was given; where both were given the same kinds of things but others, a few characters tell them apart."""
    a, b = inputs_text(one), inputs_text(two)
    if a == b and _object(one.get("inputs")) != _object(two.get("inputs")):
        a, b = (f"{a} {'/'.join(str(id)[:6] for id in _object(each.get('inputs')).values())}" for each in (one, two))
    return a, b


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

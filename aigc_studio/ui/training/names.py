"""Trainings of one name told apart: by what differs in their settings, else by when they began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QDateTime, QLocale

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import current_language, tr
from aigc_studio.engines import registry
from aigc_studio.engines.base import Param
from aigc_studio.ui.history.words import value_text

from .words import recipe_title

__all__ = ["Named", "told_apart"]

_MOST = 2
"""Settings that are named."""
_LEFT_OUT = ("name", "start", "licence", "wandb")


@dataclass(frozen=True)
class Named:
    """What is known of a training before it is called something. params: what it was given; created: unix time."""

    title: str
    recipe: str
    params: Mapping[str, Any]
    created: float = 0.0


def told_apart(runs: Sequence[Named]) -> list[str]:
    """For each what tells it from the others of its name ("Batch 16", "14:05"), "" where the name does."""
    groups: dict[str, list[int]] = {}
    for place, run in enumerate(runs):
        groups.setdefault(run.title, []).append(place)
    words = [""] * len(runs)
    for places in groups.values():
        if len(places) > 1:
            for place, said in zip(places, _of_one_name([runs[place] for place in places]), strict=True):
                words[place] = said
    return words


def _of_one_name(runs: Sequence[Named]) -> list[str]:
    parts: list[list[str]] = [[] for _ in runs]
    for words in _settings(runs):
        kinds = len({tuple(each) for each in parts})
        more = [[*each, word] for each, word in zip(parts, words, strict=True)]
        if len({tuple(each) for each in more}) > kinds and len(more[0]) <= _MOST:
            parts = more
    for finer in (_moments(runs, "HH:mm"), _moments(runs, "HH:mm:ss"), [f"#{n + 1}" for n in range(len(runs))]):
        if len({tuple(each) for each in parts}) == len(runs):
            break
        if len(set(finer)) > 1:
            parts = [[*each, word] for each, word in zip(parts, finer, strict=True)]
    return ["  ·  ".join(word for word in each if word) for each in parts]


def _settings(runs: Sequence[Named]) -> list[list[str]]:
    """For every setting that is not the same in all of them, what it is in each."""
    recipes = list(dict.fromkeys(run.recipe for run in runs))
    found = [[recipe_title(run.recipe) for run in runs]] if len(recipes) > 1 else []
    known: dict[str, Param] = {}
    for recipe in recipes:
        try:
            known |= {param.id: param for param in registry.family(recipe).params}
        except StudioError:
            continue
    for id, param in known.items():
        values = [run.params.get(id, param.default) for run in runs]
        if id not in _LEFT_OUT and any(value != values[0] for value in values):
            found.append([_said(param, value) for value in values])
    return found


def _said(param: Param, value: Any) -> str:
    words = value_text(param, value)
    return words if param.kind == "folder" else f"{tr(param.title)} {words}"


def _moments(runs: Sequence[Named], clock: str) -> list[str]:
    """When they began, with the day where that is not the same."""
    moments = [QDateTime.fromSecsSinceEpoch(int(run.created)) if 0 < run.created < 1e11 else None for run in runs]
    days = {moment.date() for moment in moments if moment is not None}
    locale = QLocale(current_language())
    found = []
    for moment in moments:
        day = locale.toString(moment.date(), QLocale.FormatType.ShortFormat) if moment and len(days) > 1 else ""
        found.append(f"{day} {moment.toString(clock)}".strip() if moment is not None else "")
    return found

"""What is said of recipes and of runs: icons, groups, names, states, times."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

from PySide6.QtCore import QDateTime, QLocale

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, current_language, tr
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.runs import RunInfo
from aigc_studio.engines import registry
from aigc_studio.engines.base import Family, Param

__all__ = [
    "GROUPS",
    "active",
    "duration",
    "few_pictures",
    "folder_params",
    "group_of",
    "job_title",
    "learns_words",
    "recipe_icon",
    "recipe_title",
    "recipes",
    "said_state",
    "state_of",
    "state_text",
    "when",
]


class Finishing(Protocol):
    """A run as far as its state goes."""

    @property
    def state(self) -> str:
        """One of ours."""
        ...

    @property
    def finishing(self) -> bool:
        """Whether it was asked to finish."""
        ...


GROUPS = {"images": N_("Pictures"), "texts": N_("Texts")}
"""What a recipe learns from to the name of its group, in order."""

_ICONS = {
    "gan": "texture-box",
    "vae": "tune-variant",
    "vqvae": "view-grid-outline",
    "cyclegan": "swap-horizontal",
    "masked": "puzzle-outline",
    "diffusion": "creation-outline",
    "lora": "brush-variant",
    "inversion": "tag-text-outline",
    "writer": "typewriter",
    "finetune": "fountain-pen-tip",
}
"""Beginnings of recipe ids (without "train-") to icons."""

_FEW = {"lora": 5, "inversion": 3}
"""Recipes that begin from a model which knows much already, to the pictures that are few for them."""

_STATES = {
    "pending": N_("Waiting"),
    "running": N_("Running"),
    "paused": N_("Paused"),
    "done": N_("Done"),
    "failed": N_("Failed"),
    "cancelled": N_("Cancelled"),
    "stopped": N_("Stopped##run"),
    "finishing": N_("Finishing…"),
}


def recipes() -> tuple[Family, ...]:
    """The recipes there are, by group, in the registry's order."""
    found = registry.families("training")
    return tuple(family for group in GROUPS for family in found if group_of(family) == group)


def folder_params(family: Family) -> tuple[Param, ...]:
    """The parameters that are folders of data."""
    return tuple(param for param in family.params if param.kind == "folder")


def group_of(family: Family) -> str:
    """ "images" or "texts": what the recipe learns from."""
    return "texts" if any("texts" in param.of for param in folder_params(family)) else "images"


def learns_words(family: Family) -> bool:
    """Whether what is said of the pictures is learned with them."""
    return any(param.id == "captioner" for param in family.params)


def recipe_icon(id: str) -> str:
    """The sign of a recipe, one for all where it has none of its own."""
    plain = id.removeprefix("train-")
    return next((icon for start, icon in _ICONS.items() if plain.startswith(start)), "school-outline")


def recipe_title(id: str) -> str:
    """The shown name of a recipe, its id where this version does not know it."""
    try:
        return tr(registry.family(id).title)
    except StudioError:
        return id


def job_title(params: Mapping[str, Any], recipe: str) -> str:
    """What a training job is called: the name that the person gave, else that of its recipe."""
    return str(params.get("name", "")).strip() or recipe_title(recipe)


def state_of(run: RunInfo, job: Job | None) -> str:
    """The state in a word of ours: the queue knows it while the job is there, else the run's own record."""
    if job is not None:
        return str(job.state)
    return {"done": "done"}.get(run.state, "stopped")


def said_state(item: Finishing) -> str:
    """The state that is shown: of a run that was asked to finish that it does."""
    return "finishing" if item.finishing else item.state


def state_text(state: str) -> str:
    """A state in the person's language."""
    return tr(_STATES[state]) if state in _STATES else state


def few_pictures(recipe: str) -> int:
    """With fewer pictures than that a recipe mostly repeats them."""
    return _FEW.get(recipe.removeprefix("train-"), 20)


def active(job: Job | None) -> bool:
    """Whether a job goes on or waits for its turn."""
    return job is not None and job.state in (JobState.RUNNING, JobState.PENDING)


def duration(seconds: float) -> str:
    """A time as people say it: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return tr("{count} s", count=max(1, round(seconds)))
    if seconds < 5400:
        return tr("{count} min", count=round(seconds / 60))
    return tr("{count} h", count=f"{seconds / 3600:.1f}")


def when(created: float) -> str:
    """A moment: the time for today, else the date with it. "" for none, and for what no clock of ours shows."""
    if not 0 < created < 1e11:
        return ""
    moment = QDateTime.fromSecsSinceEpoch(int(created))
    if time.strftime("%Y%j", time.localtime(created)) == time.strftime("%Y%j"):
        return moment.toString("HH:mm")
    return QLocale(current_language()).toString(moment.date(), QLocale.FormatType.ShortFormat)

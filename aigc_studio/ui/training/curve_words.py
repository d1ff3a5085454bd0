"""What curves are called, which of them belong in one plot, and how their values and the ends of runs are said."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QLocale

from aigc_studio.core.i18n import N_, current_language, tr

from .report_words import number_text
from .words import duration

__all__ = [
    "COLOURS", "GROUPS", "curve_title", "ended_text", "group_of_curve", "groups_of", "held_out", "plain_name",
    "shown_first", "speed_of", "value_text",
]  # fmt: skip

COLOURS = tuple(f"series-{number}" for number in range(1, 9))
"""Names of the colours that tell curves apart, in the order of their use."""

GROUPS = {
    "loss": N_("Losses"),
    "perplexity": N_("Perplexity"),
    "score": N_("Critics"),
    "augmentation": N_("Augmentation"),
    "speed": N_("Throughput"),
    "rate": N_("Learning rate"),
    "memory": N_("Memory"),
}
"""Curves that share a plot, for they have one measure."""

_HELD_OUT = "validation/"

_CURVES = {
    "loss": N_("Loss"),
    "error": N_("Error"),
    "seen_error": N_("Error as the encoder sees it"),
    "divergence": N_("Divergence"),
    "perplexity": N_("Perplexity"),
    "reconstruction": N_("Reconstruction"),
    "commitment": N_("Commitment"),
    "generator": N_("Generator"),
    "critic": N_("Critic"),
    "critic_a": N_("Critic of the first kind"),
    "critic_b": N_("Critic of the second kind"),
    "fooled": N_("What the critics see"),
    "cycle": N_("There and back"),
    "cycle_a": N_("There and back, first kind"),
    "cycle_b": N_("There and back, second kind"),
    "identity": N_("Keeping its own kind"),
    "r1": N_("Gradient penalty"),
    "redrawn": N_("Redrawn by the critic"),
    "pulled": N_("Distance to the pictures"),
    "augmentation": N_("Augmentation"),
    "critic_of_held_out": N_("Critic on held-out pictures"),
    "critic_of_learned": N_("Critic on learned pictures"),
    "rate": N_("Learning rate"),
    "memory_mb": N_("Memory"),
    "images_per_second": N_("Pictures a second"),
    "tokens_per_second": N_("Tokens a second"),
}

_ENDS = {
    "steps": N_("Finished: all steps are learned."),
    "minutes": N_("Finished: the time limit was reached."),
    "patience": N_("Finished early: what was held out did not improve any more."),
    "asked": N_("Finished when it was asked to."),
    "paused": N_("Stopped; it can go on from its last checkpoint."),
    "training-nan": N_("Broke down: a loss was not a number any more. The last good checkpoint is kept."),
    "disk": N_("Stopped: the disk is full. The last checkpoint is kept."),
    "data-missing": N_("Stopped: the data folder is not there."),
}


def held_out(name: str) -> bool:
    """Whether a curve was measured on what is never learned."""
    return name.startswith(_HELD_OUT)


def plain_name(name: str) -> str:
    """The curve's name without where it was measured."""
    return name.removeprefix(_HELD_OUT)


def curve_title(name: str) -> str:
    """A curve's name for people; an unknown one as it is written."""
    plain = plain_name(name)
    title = tr(_CURVES[plain]) if plain in _CURVES else plain.replace("_", " ").replace("/", " · ")
    return tr("{curve} (validation)", curve=title) if held_out(name) else title


def group_of_curve(name: str) -> str:
    """Which of `GROUPS` a curve stands in."""
    plain = plain_name(name)
    if plain.endswith("_per_second"):
        return "speed"
    if plain == "rate" or plain.endswith("_rate"):
        return "rate"
    if plain.startswith("memory"):
        return "memory"
    if plain.startswith("critic_of_"):
        return "score"
    return plain if plain in ("perplexity", "augmentation") else "loss"


def groups_of(names: Iterable[str]) -> list[str]:
    """The groups of some curves, in the order in which they are offered."""
    found = {group_of_curve(name) for name in names}
    return [group for group in GROUPS if group in found]


def shown_first(names: Iterable[str]) -> set[str]:
    """Of the curves of one plot those that are shown until a person says otherwise: the loss, where there is one."""
    names = list(names)
    main = {name for name in names if plain_name(name) == "loss"}
    return main or set(names)


def speed_of(names: Iterable[str]) -> str:
    """The curve of the throughput, "" where there is none."""
    return next((name for name in names if name.endswith("_per_second")), "")


def value_text(name: str, value: float) -> str:
    """A value of a curve with its unit."""
    if name.startswith("memory"):
        return tr("{count} GB", count=f"{value / 1024:.1f}") if value >= 1024 else tr("{count} MB", count=round(value))
    if name.startswith("images_"):
        return tr("{count} pictures/s", count=_short(value))
    if name.startswith("tokens_"):
        return tr("{count} tokens/s", count=_short(value))
    if name == "seconds":
        return duration(value)
    return _short(value)


def ended_text(reason: str) -> str:
    """Why a run learns no more, in a sentence."""
    if not reason:
        return ""
    if reason in _ENDS:
        return tr(_ENDS[reason])
    return tr("Stopped: {reason}.", reason=reason)


def _short(value: float) -> str:
    """About four figures of a number."""
    if abs(value) >= 1000:
        return number_text(round(value))
    if value and abs(value) < 0.001:
        return f"{value:.2e}"
    return QLocale(current_language()).toString(value, "g", 4)

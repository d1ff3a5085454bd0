"""Parameters and tasks that the families of our own networks share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Choice, Family, Param, Task

__all__ = [
    "DELIVERY",
    "FIT",
    "GENERATE",
    "INTERPOLATE",
    "MORPH",
    "RECONSTRUCT",
    "SEVERAL",
    "TEMPERATURE",
    "WALK",
    "fit_form",
]

GENERATE = Task("generate", N_("New picture"))
INTERPOLATE = Task("interpolate", N_("Between seeds"))
MORPH = Task("morph", N_("Morph"), ("image",))
"""With "other" as a second input, which it can do without: then it ends at the picture of the seed."""
RECONSTRUCT = Task("reconstruct", N_("Reconstruct"), ("image",))

_STRIPS = ("interpolate", "morph")

DELIVERY = (
    Param.int("enlarge", N_("Enlarge"), 1, 1, 16, unit="×"),
    Param.choice(
        "method",
        N_("Enlarged pixels"),
        "lanczos",
        (Choice("lanczos", N_("Smooth##pixels")), Choice("nearest", N_("Sharp##pixels"))),
        advanced=True,
    ),
    Param.int("gap", N_("Gap"), 0, 0, 64, unit="px", advanced=True, tasks=("generate", "variation", *_STRIPS)),
)
"""How results leave: last in a form."""

SEVERAL = Param.int(
    "sheet",
    N_("Pictures a side"),
    1,
    1,
    8,
    help=N_("From 2 on: one sheet of so many by so many pictures, each of a seed of its own."),
    tasks=("generate", "variation"),
)

WALK = (
    Param.int("frames", N_("Frames"), 8, 2, 64, tasks=_STRIPS),
    Param.int("columns", N_("Frames in a row"), 8, 1, 64, tasks=_STRIPS),
    Param.text("end", N_("Seed at the end"), "", help=N_("Empty: drawn from the first seed."), tasks=("interpolate",)),
    Param.int(
        "stops",
        N_("Pictures on the way"),
        2,
        2,
        8,
        help=N_("How many seeds the walk goes through, first and last included."),
        tasks=("interpolate",),
    ),
    Param.bool(
        "loop",
        N_("Round trip"),
        False,
        help=N_("From the last picture back towards the first, for endless loops."),
        tasks=("interpolate",),
    ),
)

FIT = Param.choice(
    "fit",
    N_("Other shapes"),
    "crop",
    (Choice("crop", N_("Take the middle")), Choice("pad", N_("Add borders")), Choice("stretch", N_("Stretch"))),
    help=N_("What to do with a picture that is not square."),
    tasks=("reconstruct", "morph"),
)

TEMPERATURE = Param.float(
    "temperature", N_("Temperature"), 1.0, 0.0, 2.0, help=N_("Low values give usual pictures, high ones daring ones.")
)

_TITLES = (
    N_("Direction 1"),
    N_("Direction 2"),
    N_("Direction 3"),
    N_("Direction 4"),
    N_("Direction 5"),
    N_("Direction 6"),
    N_("Direction 7"),
    N_("Direction 8"),
)

_AT_ONCE = 4
"""Sliders that are always in sight; weaker ones are behind the form's "Advanced" drawer."""


_SEEN = 256
"""Pixels a side that a picture is enlarged to unless something else is asked for: smaller ones cannot be judged."""


def fit_form(family: Family, facts: Mapping[str, Any], sliders_in: tuple[str, ...] = ()) -> Family:
    """The family for one model: enlarged so that its pictures can be seen, and, in these tasks, with one slider for
    each direction that the model's file has, before what comes last in the form."""
    count = facts.get("directions", 0)
    count = min(count, len(_TITLES)) if isinstance(count, int) and sliders_in else 0
    sliders = tuple(
        Param.float(
            f"direction_{number}",
            title,
            0.0,
            -4.0,
            4.0,
            0.1,
            advanced=number > _AT_ONCE,
            lasting=False,
            help=N_("Found by the training: what changes most from picture to picture. 0 changes nothing."),
            tasks=sliders_in,
        )
        for number, title in enumerate(_TITLES[:count], 1)
    )
    at = len(family.params) - len(DELIVERY)
    side = facts.get("size")
    enlarge = min(16, max(1, _SEEN // side)) if isinstance(side, int) and side > 0 else 1
    delivery = (replace(param, default=enlarge) if param.id == "enlarge" else param for param in family.params[at:])
    return replace(family, params=(*family.params[:at], *sliders, *delivery))

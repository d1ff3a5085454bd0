"""Parameters that text families share: how freely words are chosen, repetition, beams. Declared once, so that a form
keeps its values from one family to the next."""

from __future__ import annotations

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Choice, Param

__all__ = ["BEAMS", "LENGTH_PENALTY", "MIN_P", "NO_REPEAT", "REPETITION", "STYLE", "TEMPERATURE", "TOP_K", "TOP_P"]

STYLE = Param.choice(
    "style",
    N_("Style"),
    "balanced",
    (
        Choice("precise", N_("Precise")),
        Choice("balanced", N_("Balanced")),
        Choice("bold", N_("Bold")),
    ),
    help=N_("How far the choice of words may stray from the likeliest ones."),
)
TEMPERATURE = Param.float(
    "temperature",
    N_("Temperature"),
    0.8,
    0.0,
    2.0,
    0.05,
    advanced=True,
    help=N_("0 always takes the likeliest word. When moved, it replaces what the style says."),
)
TOP_K = Param.int(
    "top_k",
    N_("Top-k"),
    50,
    0,
    1000,
    advanced=True,
    help=N_("Only the k likeliest tokens; 0 for all. When moved, it replaces what the style says."),
)
TOP_P = Param.float(
    "top_p",
    N_("Top-p"),
    0.95,
    0.05,
    1.0,
    0.01,
    advanced=True,
    help=N_("The likeliest tokens that together have this share. When moved, it replaces what the style says."),
)
MIN_P = Param.float(
    "min_p",
    N_("Min-p"),
    0.0,
    0.0,
    0.5,
    0.01,
    advanced=True,
    help=N_("Drops tokens below this share of the likeliest one. When moved, it replaces what the style says."),
)
REPETITION = Param.float(
    "repetition_penalty",
    N_("Repetition penalty"),
    1.0,
    1.0,
    2.0,
    0.01,
    advanced=True,
    help=N_("Above 1, words that occurred become less likely; verse needs its commas, so go gently."),
)
NO_REPEAT = Param.int(
    "no_repeat_ngram",
    N_("No repeated run of"),
    0,
    0,
    20,
    unit=N_("tokens"),
    advanced=True,
    help=N_("No run of this many tokens occurs twice; 0 allows all."),
)
BEAMS = Param.int(
    "beams",
    N_("Beams"),
    1,
    1,
    8,
    advanced=True,
    help=N_("Above 1, searches for the likeliest text as a whole; the result does not depend on the seed."),
)
LENGTH_PENALTY = Param.float(
    "length_penalty",
    N_("Length preference"),
    1.0,
    -2.0,
    4.0,
    0.1,
    advanced=True,
    help=N_("With beams: above 0 prefers long texts, below 0 short ones."),
)

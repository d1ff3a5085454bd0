"""What was measured of a finished model, in words: a title, a value, what it is to be read beside, what it means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QLocale

from aigc_studio.core.i18n import N_, current_language, tr

from .report_words import number_text

__all__ = ["Row", "rows_of"]


@dataclass(frozen=True)
class _Figure:
    """title, about: marked with N_(). share: a value in 0..1 shown in per cent. beside: other figures that it is read
    against, each with a text that takes {value}."""

    title: str
    about: str = ""
    share: bool = False
    beside: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of the table, as shown. key: the figure's own name."""

    key: str
    title: str
    value: str
    beside: str = ""
    about: str = ""


_DATA, _BEFORE, _HELD = N_("the data itself: {value}"), N_("before: {value}"), N_("held-out texts: {value}")

_FIGURES = {
    "held_out_loss": _Figure(N_("Held-out loss"), N_("On data that was never learned. Lower is better.")),
    "held_out_error": _Figure(
        N_("Held-out error"), N_("How far pictures that were never learned come back. Lower is better.")
    ),
    "held_out_seen_error": _Figure(N_("Held-out error, as the encoder sees it"), N_("Lower is better.")),
    "held_out_divergence": _Figure(
        N_("Held-out divergence"), N_("How much the latents say of a picture, in nats a value.")
    ),
    "held_out_nats_per_piece": _Figure(
        N_("Held-out surprise per piece"), N_("How well the next piece of a picture is foreseen. Lower is better.")
    ),
    "held_out_reconstruction": _Figure(
        N_("Held-out reconstruction"), N_("How far pictures that were never learned come back. Lower is better.")
    ),
    "held_out_cycle_a": _Figure(
        N_("There and back, first kind"), N_("What is lost of held-out pictures. Lower is better.")
    ),
    "held_out_cycle_b": _Figure(
        N_("There and back, second kind"), N_("What is lost of held-out pictures. Lower is better.")
    ),
    "pieces_used": _Figure(N_("Pieces in use"), N_("How many of the pieces are needed for the data.")),
    "perplexity": _Figure(
        N_("Perplexity"),
        N_("Among how many words it hesitates in texts that it never learned. Lower is better."),
        beside=(
            ("before_perplexity", _BEFORE),
            ("trigram_perplexity", N_("a trigram model: {value}")),
            ("trigram_tokens", N_("which learned from {value} tokens")),
        ),
    ),
    "bits_per_character": _Figure(
        N_("Bits per character"), N_("Lower is better."), beside=(("before_bits_per_character", _BEFORE),)
    ),
    "bleu": _Figure(
        N_("BLEU"),
        N_("Agreement with the data's own answers, 0 to 100. Higher is better."),
        beside=(("before_bleu", _BEFORE),),
    ),
    "chrf": _Figure(
        N_("chrF"), N_("The same by characters, 0 to 100. Higher is better."), beside=(("before_chrf", _BEFORE),)
    ),
    "references": _Figure(N_("Answers compared")),
    "distinct_1": _Figure(
        N_("Different words"),
        N_("Different ones among all words. Much below held-out texts: it repeats itself."),
        True,
        (("held_out_distinct_1", _HELD), ("before_distinct_1", _BEFORE)),
    ),
    "distinct_2": _Figure(
        N_("Different pairs of words"), "", True, (("held_out_distinct_2", _HELD), ("before_distinct_2", _BEFORE))
    ),
    "distinct_3": _Figure(
        N_("Different triples of words"), "", True, (("held_out_distinct_3", _HELD), ("before_distinct_3", _BEFORE))
    ),
    "form_kept": _Figure(
        N_("Form kept"),
        N_("Verses with the right number and length of lines."),
        True,
        (("before_form_kept", _BEFORE),),
    ),
    "copied_longest": _Figure(
        N_("Longest copied run"),
        N_("Words or characters in a row that the learned texts have, too. Much above held-out texts: it copies."),
        beside=(("held_out_copied_longest", _HELD), ("before_copied_longest", _BEFORE)),
    ),
    "copied_share": _Figure(
        N_("Copied runs"),
        N_("Runs of five words or characters that the learned texts have, too."),
        True,
        (("held_out_copied_share", _HELD), ("before_copied_share", _BEFORE)),
    ),
    "held_out_tokens": _Figure(N_("Tokens held out")),
    "learned_tokens": _Figure(N_("Tokens learned from")),
    "frechet": _Figure(
        N_("Fréchet distance ({network})"),
        N_("How far samples and data lie apart as clouds. Lower is better."),
        beside=(("frechet_of_the_data", N_("two halves of the data: {value}")),),
    ),
    "fid": _Figure(
        N_("FID"),
        N_("How far samples and data lie apart as clouds. Lower is better."),
        beside=(("fid_of_the_data", N_("two halves of the data: {value}")),),
    ),
    "kernel": _Figure(
        N_("Kernel distance ({network})"),
        N_("The same for few samples. Lower is better."),
        beside=(("kernel_spread", N_("± {value}")),),
    ),
    "kid": _Figure(
        N_("KID"), N_("The same for few samples. Lower is better."), beside=(("kid_spread", N_("± {value}")),)
    ),
    "frechet_b": _Figure(
        N_("Fréchet distance of pictures made the second kind"),
        N_("How far they and the second folder lie apart as clouds. Lower is better."),
        beside=(("frechet_of_the_data_b", N_("two halves of the data: {value}")),),
    ),
    "frechet_a": _Figure(
        N_("Fréchet distance of pictures made the first kind"),
        N_("How far they and the first folder lie apart as clouds. Lower is better."),
        beside=(("frechet_of_the_data_a", N_("two halves of the data: {value}")),),
    ),
    "kernel_b": _Figure(
        N_("Kernel distance of pictures made the second kind"),
        N_("The same for few samples. Lower is better."),
        beside=(("kernel_spread_b", N_("± {value}")),),
    ),
    "kernel_a": _Figure(
        N_("Kernel distance of pictures made the first kind"),
        N_("The same for few samples. Lower is better."),
        beside=(("kernel_spread_a", N_("± {value}")),),
    ),
    "inception_score": _Figure(
        N_("Inception Score"),
        N_("Clear and varied pictures. Higher is better."),
        beside=(("inception_score_spread", N_("± {value}")),),
    ),
    "clip_score": _Figure(N_("CLIP score"), N_("How well pictures fit their prompts. Higher is better.")),
    "diversity": _Figure(
        N_("Diversity"),
        N_("How far samples lie apart. Much below the data: it makes the same again and again."),
        beside=(("diversity_of_the_data", _DATA),),
    ),
    "variety": _Figure(
        N_("Variety of pixels"), N_("How far pixels of two samples lie apart."), True, (("variety_of_the_data", _DATA),)
    ),
    "copying": _Figure(
        N_("Nearness to the data"), N_("0.5: samples come as near to learned pictures as others do. Near 1: it copies.")
    ),
    "copying_of_pixels": _Figure(
        N_("Nearness to the data, by pixels"), N_("The same by pixels, mirrored ones as well.")
    ),
    "compared": _Figure(N_("Samples compared"), beside=(("compared_with", N_("with {value} of the data")),)),
    "augmentation": _Figure(
        N_("Augmentation at the end"), N_("How often pictures were varied to keep the critic honest."), True
    ),
    "weights": _Figure(N_("Weights")),
    "parameters": _Figure(N_("Weights")),
    "vectors": _Figure(N_("Vectors")),
    "scaling_factor": _Figure(N_("Scale of the latents")),
    "network": _Figure(N_("Measured by the network")),
    "base": _Figure(N_("Made for the model")),
    "form": _Figure(N_("Form")),
}

_QUIET = ("network",)
"""Said within other lines."""


def rows_of(figures: Mapping[str, Any]) -> list[Row]:
    """Lines of the table in the order of importance; figures that are not known stand at the end, by their own name."""
    flat = dict(_flat(figures))
    network = str(flat.get("network", ""))
    network = tr(network) if network else ""
    rows, used = [], set()
    for key, figure in _FIGURES.items():
        if key not in flat or (key in _QUIET and network and ("frechet" in flat or "kernel" in flat)):
            continue
        beside = []
        for other, text in figure.beside:
            if other in flat:
                used.add(other)
                beside.append(tr(text, value=_value(flat[other], figure.share)))
        title = tr(figure.title, network=network) if "{network}" in figure.title else tr(figure.title)
        about = tr(figure.about) if figure.about else ""
        rows.append(Row(key, title, _value(flat[key], figure.share), "  ·  ".join(beside), about))
    known = used | _FIGURES.keys()
    rows += [Row(key, key.replace("_", " "), _value(value, False)) for key, value in flat.items() if key not in known]
    return rows


def _flat(figures: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in figures.items():
        name = f"{above} · {key}" if above else str(key)
        if isinstance(value, Mapping):
            found += _flat(value, name)
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            found.append((name, value))
    return found


def _value(value: Any, share: bool) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return "—"
    if share and 0 <= value <= 1:
        return tr("{count} %", count=QLocale(current_language()).toString(100.0 * value, "f", 0 if value > 0.1 else 1))
    if isinstance(value, int) or abs(value) >= 10_000:
        return number_text(round(value))
    return QLocale(current_language()).toString(float(value), "g", 4)

"""From what a prompt says and the form's values to a Painting: its palette and its style."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from . import palette as colour
from .cppn import Dice, Painting, Style
from .lexicon import ColourWord, Lexicon, Reading, lexicon

__all__ = ["AUTO", "compose", "names_colours", "tone_of"]

AUTO = "auto"
"""The choice that leaves a parameter to the prompt."""

_WARM_HUE, _COLD_HUE = 0.95, 4.3
"""Hues (OKLCH, radians) that warm and cold moods pull towards: orange and blue."""

_MOST = 8
"""Colours of a palette: more turn to mud when they are blended."""

_LIMITS: Mapping[str, tuple[float, float]] = {
    "scale": (0.15, 8.0),
    "detail": (0.0, 1.0),
    "contrast": (0.15, 8.0),
    "ramp": (0.0, 0.95),
    "warp": (0.0, 3.0),
    "relief": (0.0, 1.4),
    "gloss": (0.0, 1.2),
    "exposure": (0.0, 1.2),
    "stripes": (0.0, 1.5),
    "waves": (0.0, 1.5),
    "rings": (0.0, 1.5),
    "rays": (0.0, 1.5),
    "cells": (0.0, 1.5),
    "grain": (0.0, 1.0),
    "vignette": (0.0, 1.0),
}


@dataclass(frozen=True)
class Tone:
    """What moods do to a palette: `light` is added to lightness, `chroma` multiplies, the others are amounts."""

    light: float = 0.0
    chroma: float = 1.0
    warm: float = 0.0
    pastel: float = 0.0
    neon: float = 0.0
    mono: float = 0.0


def compose(reading: Reading, values: Mapping[str, Any], seed: int, surroundings: np.ndarray | None = None) -> Painting:
    """The painting for a prompt, checked parameter values and a seed.

    `surroundings`: colours (linear light, (n, 3)) to use where neither the prompt nor the form names any.
    """
    words = lexicon()
    dice = Dice(seed, 3)
    moods = _moods(reading, words)
    style = _style(moods, values, dice)
    palette, weights = _palette(reading, moods, values, dice, words, surroundings)
    return Painting(seed, tuple(colour.to_hex(palette)), weights, style)


def names_colours(reading: Reading, values: Mapping[str, Any]) -> bool:
    """Whether the prompt or the form says which colours to use."""
    scenes = any("palettes" in lexicon().moods[mood] for mood in reading.moods)
    return bool(reading.colours) or scenes or values.get("palette", AUTO) != AUTO


def _moods(reading: Reading, words: Lexicon) -> list[Mapping[str, Any]]:
    """Entries of the moods to apply: those named, then the opposites of those refused."""
    ids = list(reading.moods)
    for refused in reading.no_moods:
        opposite = words.moods[refused].get("opposite")
        if opposite and opposite not in ids:
            ids.append(opposite)
    return [words.moods[id] for id in ids]


# ---- style


def _style(moods: Sequence[Mapping[str, Any]], values: Mapping[str, Any], dice: Dice) -> Style:
    numbers: dict[str, Any] = {item.name: getattr(Style(), item.name) for item in fields(Style)}
    # Every seed its own character; always drawn, so that a mood does not shift the numbers drawn after it.
    numbers["scale"] *= 2 ** dice.between(-0.35, 0.35)
    numbers["detail"] += dice.between(-0.15, 0.15)
    numbers["ramp"] = dice.between(0.3, 0.75)
    numbers["warp"] *= 2 ** dice.between(-0.6, 0.6)
    numbers["relief"] += dice.between(-0.15, 0.25)
    numbers["gloss"] += dice.between(-0.1, 0.2)
    numbers["contrast"] *= 2 ** dice.between(-0.25, 0.3)
    for operation in ("set", "add", "times"):
        for mood in moods:
            for name, value in mood.get(operation, {}).items():
                if operation == "add":
                    numbers[name] += value
                elif operation == "times":
                    numbers[name] *= value
                elif isinstance(value, float):  # two patterns stay two patterns, "matte" wins over chance
                    numbers[name] = max(numbers[name], value) if value else 0.0
                else:
                    numbers[name] = value
    refused = {
        name for mood in moods for name, value in mood.get("set", {}).items() if value == 0 and value is not False
    }
    numbers["scale"] *= values.get("scale", 1.0)
    numbers["detail"] += (values.get("detail", 0.5) - 0.5) * 1.6
    numbers["contrast"] *= values.get("contrast", 1.0)
    for name in ("relief", "gloss"):
        numbers[name] = 0.0 if name in refused else numbers[name] * values.get("light", 1.0)
    numbers["grain"] = 0.0 if "grain" in refused else numbers["grain"] + values.get("grain", 0.2) - 0.2
    if values.get("symmetry", AUTO) != AUTO:
        numbers["symmetry"] = values["symmetry"]
    numbers["folds"] = int(values.get("folds", 6))
    numbers["seamless"] = bool(numbers["seamless"] or values.get("seamless", False))
    for name, (low, high) in _LIMITS.items():
        numbers[name] = round(float(min(high, max(low, numbers[name]))), 4)
    return Style(**numbers)


# ---- palette


def tone_of(moods: Iterable[Mapping[str, Any]]) -> Tone:
    """All tones of the moods together."""
    tone = Tone()
    for mood in moods:
        for name, value in mood.get("tone", {}).items():
            old = getattr(tone, name)
            tone = replace(tone, **{name: old * value if name == "chroma" else old + value})
    return replace(
        tone,
        light=float(np.clip(tone.light, -0.3, 0.3)),
        chroma=float(np.clip(tone.chroma, 0.2, 1.7)),
        warm=float(np.clip(tone.warm, -1, 1)),
    )


def _palette(
    reading: Reading,
    moods: Sequence[Mapping[str, Any]],
    values: Mapping[str, Any],
    dice: Dice,
    words: Lexicon,
    surroundings: np.ndarray | None,
) -> tuple[np.ndarray, tuple[float, ...]]:
    """Colours in linear light and how much of each."""
    tone = tone_of(moods)
    accent = dice.between(0.35, 0.7) * (1 if dice.between(0, 1) < 0.5 else -1)
    chance = dice.uniform(4)
    named = bool(reading.colours)
    chosen = values.get("palette", AUTO)
    scene = _scenes(moods, words)
    if chosen != AUTO:
        lch, weights = _swatch(words, chosen)
    elif named:
        strong = _scenes([mood for mood in moods if not mood.get("weak")], words)
        lch, weights = _from_words(reading.colours, words, accent, alone=strong is None)
        if strong is not None:
            some = _spread(len(strong[0]), min(5, max(0, _MOST - len(lch))))
            lch, weights = np.concatenate([lch, strong[0][some]]), np.concatenate([weights, strong[1][some] * 0.8])
    elif scene is not None:
        lch, weights = scene
    elif surroundings is not None:
        lch = colour.to_oklch(surroundings)
        weights = np.ones(len(lch))
    else:
        lch, weights = _swatch(words, _free(words, tone, chance))
    # A named colour is what was asked for: moods move it less than what the painter chose itself.
    lch = _toned(lch, tone, 0.35 if named else 1.0)
    lch, weights = _without(lch, weights, reading.no_colours, words, chance)
    if not named and chosen == AUTO and surroundings is None:
        # One palette serves many seeds: let some of its colours lead.
        weights = weights * (0.6 + dice.uniform(len(weights)) * 1.2)
    # Along the ramp light follows dark, except where a palette is a circle of hues (rainbow).
    if np.ptp(lch[:, 0]) > 0.3:
        order = np.argsort(lch[:, 0], kind="stable")
        lch, weights = lch[order], weights[order]
    return colour.from_oklch(lch), tuple(round(float(weight), 3) for weight in weights)


def _swatch(words: Lexicon, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(lightness, chroma, hue) and weights of a named palette."""
    lch = colour.to_oklch(colour.from_hex(words.palettes[name]))
    return lch, np.array(words.palette_weights.get(name, [1.0] * len(lch)))


def _spread(length: int, count: int) -> np.ndarray:
    """`count` places spread evenly over 0 to `length` - 1, both ends included; all where there are fewer."""
    return np.linspace(0, length - 1, min(length, count)).round().astype(int)


def _from_words(
    asked: Sequence[ColourWord], words: Lexicon, accent: float, *, alone: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(lightness, chroma, hue) and weights of a palette around the colours that were asked for.

    `alone`: they make the whole palette, not one together with a scene's.
    """
    lch = colour.to_oklch(colour.from_hex(words.colours[word.id]["hex"] for word in asked[:_MOST]))
    for row, word in zip(lch, asked, strict=False):
        row[0] = np.clip(row[0] + word.light, 0.05, 0.98)
        row[1] *= word.chroma
    if not alone:
        return lch, np.full(len(lch), 2.2 if len(lch) == 1 else 1.6)
    if len(lch) == 1:
        light, chroma, hue = lch[0]
        side = hue + accent * (0.55 if chroma > 0.03 else 0)
        made = [
            (max(0.1, light * 0.36), chroma * 0.6, hue - accent * 0.25),
            (max(0.16, light * 0.66), chroma * 0.95, hue - accent * 0.12),
            (light, chroma, hue),
            (light + (0.97 - light) * 0.28, chroma * 0.95, side),
            (light + (0.97 - light) * 0.62, chroma * 0.55, hue + accent * 0.2),
            (0.97 if light > 0.3 else 0.8, chroma * 0.14, hue),
        ]
        return np.array(made), np.array([0.8, 1.0, 2.2, 0.9, 0.7, 0.4])
    weights = np.full(len(lch), 1.6)
    made, extra = [lch], []
    low, high = lch[lch[:, 0].argmin()], lch[lch[:, 0].argmax()]
    if low[0] > 0.32 and len(lch) < 5:
        extra.append((low[0] * 0.5, low[1] * 0.75, low[2]))
    if high[0] < 0.85 and len(lch) < 5:
        extra.append((high[0] + (1 - high[0]) * 0.72, high[1] * 0.3, high[2]))
    if len(lch) == 2:
        # Between them, on the way around the colour circle that is shorter and never through grey.
        turn = (lch[1, 2] - lch[0, 2] + np.pi) % (2 * np.pi) - np.pi
        grey = min(lch[0, 1], lch[1, 1]) < 0.03
        hue = lch[lch[:, 1].argmax(), 2] if grey else lch[0, 2] + turn / 2
        extra.append((lch[:, 0].mean(), lch[:, 1].mean() * 0.85, hue))
    if extra:
        made.append(np.array(extra))
    return np.concatenate(made), np.concatenate([weights, np.full(len(extra), 0.55)])


def _scenes(moods: Sequence[Mapping[str, Any]], words: Lexicon) -> tuple[np.ndarray, np.ndarray] | None:
    """The colours and weights of the moods' own palettes together, at most `_MOST`; None where no mood has one.

    Weak moods have a say only where no other has.
    """
    strong = [name for mood in moods if not mood.get("weak") for name in mood.get("palettes", ())]
    names = strong or [name for mood in moods for name in mood.get("palettes", ())]
    names = list(dict.fromkeys(names))[:4]
    if not names:
        return None
    each = max(2, _MOST // len(names))
    parts = []
    for name in names:
        lch, weights = _swatch(words, name)
        kept = _spread(len(lch), each)
        parts.append((lch[kept], weights[kept]))
    return np.concatenate([lch for lch, _ in parts]), np.concatenate([weights for _, weights in parts])


def _warmth(lch: np.ndarray) -> float:
    """-1 for a palette that is all blue, 1 for one that is all orange."""
    chroma = lch[:, 1]
    return float((np.cos(lch[:, 2] - _WARM_HUE) * chroma).sum() / max(1e-6, chroma.sum()))


def _free(words: Lexicon, tone: Tone, chance: np.ndarray) -> str:
    """A palette by chance, of fitting temperature where one was asked for."""
    names = list(words.free_palettes)
    if tone.warm:
        warmth = {name: _warmth(colour.to_oklch(colour.from_hex(words.palettes[name]))) for name in names}
        names = sorted(names, key=lambda name: -np.sign(tone.warm) * warmth[name])[: max(4, len(names) // 3)]
    return names[int(chance[0] * len(names))]


def _toned(lch: np.ndarray, tone: Tone, freedom: float) -> np.ndarray:
    """The palette after the moods; `freedom` 0 to 1 says how far hues may move."""
    lch = lch.copy()
    light, chroma, hue = lch.T
    if tone.warm:
        target = _WARM_HUE if tone.warm > 0 else _COLD_HUE
        turn = (target - hue + np.pi) % (2 * np.pi) - np.pi
        hue += turn * 0.6 * abs(tone.warm) * freedom
        chroma[chroma < 0.02] += 0.015 * abs(tone.warm)
    chroma *= tone.chroma
    light += tone.light * (1.0 if tone.light < 0 else 1.15)
    if tone.pastel:
        amount = min(1.0, tone.pastel)
        rank = np.argsort(np.argsort(light)) / max(1, len(light) - 1)
        light += (0.8 + 0.16 * rank - light) * amount
        chroma += (np.clip(chroma, 0.045, 0.085) * np.where(rank > 0.95, 0.4, 1) - chroma) * amount
    if tone.neon:
        amount = min(1.0, tone.neon)
        deep = light < 0.4
        light += np.where(deep, light * -0.45, np.clip(light, 0.66, 0.88) - light) * amount
        chroma += np.where(deep, 0.0, np.maximum(chroma * 1.25, np.where(chroma > 0.03, 0.24, 0.0)) - chroma) * amount
    if tone.mono:
        lead = int(np.argmax(chroma))
        keep = 0.75 if freedom < 1 and chroma[lead] > 0.04 else 0.0
        chroma *= 1 - min(1.0, tone.mono) * (1 - keep)
        hue[:] = hue[lead]
    lch[:, 0] = np.clip(light, 0.03, 0.985)
    lch[:, 1] = np.clip(chroma, 0, 0.33)
    return lch


def _without(
    lch: np.ndarray, weights: np.ndarray, refused: Sequence[str], words: Lexicon, chance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The palette without what looks like a refused colour; at least three colours are left."""
    if not refused:
        return lch, weights
    unwanted = colour.to_oklch(colour.from_hex(words.colours[id]["hex"] for id in refused))

    def allowed(colours: np.ndarray) -> np.ndarray:
        keep = np.ones(len(colours), bool)
        for light, chroma, hue in unwanted:
            near = np.abs(colours[:, 0] - light) < 0.22
            if chroma < 0.03:
                alike = near & ((colours[:, 1] < 0.04) | (light < 0.25) | (light > 0.93))
            else:
                alike = (colour.hue_distance(colours[:, 2], hue) < 0.62) & (colours[:, 1] > 0.03)
            keep &= ~alike
        return keep

    keep = allowed(lch)
    lch, weights = lch[keep], weights[keep]
    if len(lch) < 3:
        start = int(chance[1] * len(words.free_palettes))
        names = words.free_palettes[start:] + words.free_palettes[:start]
        for name in names:
            spare = colour.to_oklch(colour.from_hex(words.palettes[name]))
            spare = spare[allowed(spare)]
            lch = np.concatenate([lch, spare])[:6]
            weights = np.concatenate([weights, np.full(len(lch) - len(weights), 0.7)])
            if len(lch) >= 3:
                break
    if len(lch) < 2:  # everything was refused: greys in the middle, which no list of colours can all exclude
        lch = np.array([(0.35, 0.0, 0.0), (0.55, 0.0, 0.0), (0.75, 0.0, 0.0)])
        weights = np.ones(3)
    return lch, weights

"""The icon painter's model card: what it can paint and what not, measured, with its samples unpicked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .icon_scenes import COLOURS

__all__ = ["icon_card"]


def icon_card(figures: Mapping[str, Any], prompts: Sequence[str]) -> str:
    """The card as Markdown. figures: of `icon_evaluation.evaluate`, and how it was trained. prompts: of samples.png,
    row after row."""
    rows = "\n".join(
        f"| {title} | {100 * figures[key]['named_drawing']:.0f} % | {100 * figures[key]['background']:.0f} % "
        f"| {figures[key]['pictures']} |"
        for key, title in _TITLES.items()
        if key in figures
    )
    return _CARD.format(
        rows=rows,
        colours=", ".join(colour.en for colour in COLOURS),
        shown="\n".join(f"{number}. {prompt}" for number, prompt in enumerate(prompts, 1)),
        **{key: figures[key] for key in _PLAIN},
        weights=figures["parameters"] / 1e6,
    )


_TITLES = {
    "en": "the name alone, English",
    "zh": "the name alone, Chinese",
    "unseen": "subject, colour and place never shown together",
}
_PLAIN = (
    *("steps", "guidance", "seconds_per_picture", "drawings", "side"),
    *("training_steps", "training_minutes", "batch", "device", "seed"),
)

_CARD = """---
license: apache-2.0
language: [zh, en]
library_name: diffusers
pipeline_tag: text-to-image
tags: [aigc-studio, ai-generated-samples]
---

# Starter icons

A small picture model that paints icons from words, in English and Chinese: "a red apple on a blue background",
“蓝色背景上的苹果”. **It knows {drawings} drawings and nothing else**: what they do not show it cannot paint. It makes,
varies and changes pictures as every StableDiffusionPipeline does.

| | |
| --- | --- |
| class | StableDiffusionPipeline, {weights:.1f} million weights, float16, {side} x {side} px |
| learned | {training_steps} steps of {batch} pictures from scratch, {training_minutes} min on {device}, seed {seed} |
| predicts | velocity, cosine schedule with zero terminal SNR, min-SNR weights; one caption in ten was left out |
| paints | {steps} steps, guidance {guidance}; {seconds_per_picture} s a picture on {device} |

## Data
Drawings of googlefonts/noto-emoji (Apache-2.0), one to a picture, on plain grounds and gradients of named colours
({colours}), in eight places and two sizes, mirrored where that changes no meaning; their CLDR names in English and
Chinese. One composition of subject, colour and place in twenty was never shown.

## Measured
Fresh seeds, first results. The nearest of all drawings, in pixels at 32 px, is the named one; the border's median is
the named colour.

| asked for | drawing right | ground right | pictures |
| --- | --- | --- | --- |
{rows}

## Samples
![Samples](samples.png)

Row after row, not picked:

{shown}

Made with `python -m aigc_studio train starter-icons --data DIR --out DIR --model DIR`.
"""

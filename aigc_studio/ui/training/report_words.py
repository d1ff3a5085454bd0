"""What is said of a folder of data: its figures, and what of it cannot be used or should be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from PySide6.QtCore import QLocale

from aigc_studio.core.datasets.images import ImageReport
from aigc_studio.core.i18n import current_language, tr
from aigc_studio.ui.models.words import size_text

from .look import TextFacts

__all__ = ["Concern", "concerns", "empty_reason", "figures", "number_text"]

MOST_ROWS = 500
"""So many files are listed by name."""


@dataclass(frozen=True)
class Concern:
    """Something to know about some files: a sentence, and (file, reason) of each. serious: they cannot be used."""

    text: str
    rows: Sequence[tuple[str, str]]
    serious: bool = False


def number_text(number: int) -> str:
    """With the separators of the language: "1,648"."""
    return QLocale(current_language()).toString(number)


@singledispatch
def figures(report: Any) -> list[tuple[str, str]]:
    """(value, what it is) in the order of importance."""
    return []


@figures.register
def _(report: ImageReport) -> list[tuple[str, str]]:
    files = report.files
    rows = [(number_text(len(files)), tr("pictures##figure"))]
    if files:
        rows.append((size_text(sum(file.bytes for file in files)), tr("on disk")))
        sides = sorted({(file.width, file.height) for file in files}, key=lambda size: size[0] * size[1])
        low, high = sides[0], sides[-1]
        text = f"{low[0]} × {low[1]}" if low == high else f"{min(low)} – {max(high)}"
        rows.append((text, tr("pixels")))
        rows.append((number_text(len(files) - report.missing), tr("with a caption")))
    return rows


@figures.register
def _(report: TextFacts) -> list[tuple[str, str]]:
    facts = report.summary
    rows = [(number_text(facts["documents"]), tr("texts##figure"))]
    if facts["documents"]:
        rows.append((number_text(facts["characters"]), tr("characters")))
        names = {"zh": tr("in Chinese"), "en": tr("in English"), "other": tr("in other languages")}
        rows += [(number_text(facts["languages"][id]), name) for id, name in names.items() if id in facts["languages"]]
    return rows


@singledispatch
def concerns(report: Any) -> list[Concern]:
    """What of it should be looked at, the worst first."""
    return []


@concerns.register
def _(report: ImageReport) -> list[Concern]:
    found = _problems(report)
    copies = sum(len(group) - 1 for group in report.duplicates)
    if copies:
        rows = [(group[0], tr("the same as {files}", files=", ".join(group[1:6]))) for group in report.duplicates]
        found.append(Concern(tr("Copies of other files: {count}", count=number_text(copies)), rows[:MOST_ROWS]))
    alike = sum(len(group) - 1 for group in report.similar)
    if alike:
        rows = [(group[0], tr("looks like {files}", files=", ".join(group[1:6]))) for group in report.similar]
        found.append(Concern(tr("Pictures that look alike: {count}", count=number_text(alike)), rows[:MOST_ROWS]))
    if report.animated:
        rows = [(file.file, tr("{count} frames", count=file.frames)) for file in report.files if file.frames > 1]
        text = tr("Animations, of which the first frame is used: {count}", count=number_text(report.animated))
        found.append(Concern(text, rows[:MOST_ROWS]))
    return found


@concerns.register
def _(report: TextFacts) -> list[Concern]:
    found = _problems(report)
    if copies := report.summary["duplicates"]:
        found.append(Concern(tr("Copies of other texts, left out: {count}", count=number_text(copies)), ()))
    return found


def _problems(report: ImageReport | TextFacts) -> list[Concern]:
    rows = [(problem.file, problem.text) for problem in report.problems[:MOST_ROWS]]
    if not rows:
        return []
    text = tr("Files that cannot be used: {count}", count=number_text(len(report.problems)))
    return [Concern(text, rows, serious=True)]


def empty_reason(report: ImageReport | TextFacts) -> str:
    """Why nothing can be learned from a folder, "" when something can."""
    if isinstance(report, ImageReport):
        return "" if report.files else tr("There is no picture in this folder that can be used.")
    return "" if report.summary["documents"] else tr("There is no text in this folder that can be used.")

"""What is said of a folder of data: its figures, and what of it cannot be used or should be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from PySide6.QtCore import QLocale

from aigc_studio.core.i18n import N_, current_language, tr
from aigc_studio.ui.models.words import size_text

from .look import ImageFacts, TextFacts

__all__ = ["Concern", "concerns", "empty_reason", "figures", "number_text", "usable_pictures"]


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
def _(report: ImageFacts) -> list[tuple[str, str]]:
    facts = report.summary
    rows = [(number_text(facts["files"]), tr("pictures##figure"))]
    if facts["files"]:
        rows.append((size_text(facts["bytes"]), tr("on disk")))
        low, high = facts["smallest"], facts["largest"]
        text = f"{low[0]} × {low[1]}" if low == high else f"{min(low)} – {max(high)}"
        rows.append((text, tr("pixels")))
        rows.append((number_text(facts["captions"]), tr("with a caption")))
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
def _(report: ImageFacts) -> list[Concern]:
    found, facts = _problems(report), report.summary
    for count, groups, title, reason in (
        (facts["duplicates"], report.duplicates, N_("Copies of other files: {count}"), N_("the same as {files}")),
        (facts["similar"], report.similar, N_("Pictures that look alike: {count}"), N_("looks like {files}")),
    ):
        if count:
            rows = [(group[0], tr(reason, files=", ".join(group[1:6]))) for group in groups]
            found.append(Concern(tr(title, count=number_text(count)), rows))
    if report.animated:
        rows = [(file, tr("{count} frames", count=frames)) for file, frames in report.animated]
        text = tr("Animations, of which the first frame is used: {count}", count=number_text(facts["animated"]))
        found.append(Concern(text, rows))
    if report.unsaved:
        text = tr(
            "Captions that are not saved yet, and that no training sees: {count}", count=number_text(report.unsaved)
        )
        found.append(Concern(text, ()))
    if told := [(file.file, " | ".join(file.captions)) for file in report.files if file.captions]:
        found.append(Concern(tr("Captions of some of the pictures"), told))
    return found


@concerns.register
def _(report: TextFacts) -> list[Concern]:
    found = _problems(report)
    if copies := report.summary["duplicates"]:
        found.append(Concern(tr("Copies of other texts, left out: {count}", count=number_text(copies)), ()))
    return found


def _problems(report: ImageFacts | TextFacts) -> list[Concern]:
    rows = [(problem.file, problem.text) for problem in report.problems]
    if not rows:
        return []
    count = sum(report.summary["problems"].values())
    return [Concern(tr("Files that cannot be used: {count}", count=number_text(count)), rows, serious=True)]


def usable_pictures(report: ImageFacts | TextFacts | None) -> int | None:
    """How many different pictures there are; None where it is about something else."""
    if not isinstance(report, ImageFacts):
        return None
    return int(report.summary["files"])


def empty_reason(report: ImageFacts | TextFacts) -> str:
    """Why nothing can be learned from a folder, "" when something can."""
    if isinstance(report, ImageFacts):
        return "" if report.summary["files"] else tr("There is no picture in this folder that can be used.")
    return "" if report.summary["documents"] else tr("There is no text in this folder that can be used.")

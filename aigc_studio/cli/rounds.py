"""Runs of a project as people name them, what they made, and what is said of it: the next round learns from that."""

from __future__ import annotations

import argparse
from pathlib import Path

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.project import is_project
from aigc_studio.core.runs import RunFolder, RunInfo, Sample, runs
from aigc_studio.core.store.files import plain_errors

from .codes import DONE
from .output import Output, table

__all__ = ["list_samples", "project_of", "rate", "run_of", "short"]


def short(id: str) -> str:
    """What people see and type of a run's id."""
    return id[:8]


def project_of(folder: Path | None) -> Path:
    """The project that is meant: the one that is named, or the working folder."""
    place = Path.cwd() if folder is None else folder
    if not is_project(place):
        raise StudioError(
            N_('"{folder}" is not a project; name the project of the training with --project.'),
            code="not-a-project",
            folder=str(place),
        )
    return place


def run_of(project: Path, text: str) -> RunInfo:
    """The run whose id begins like this."""
    found = [run for run in runs(project) if run.id.startswith(text)] if text else []
    if len(found) != 1:
        raise StudioError(
            N_('There is no one training "{run}" in this project; see: aigc-studio train runs --project {project}.'),
            code="run",
            run=text[:40],
            project=str(project),
        )
    return found[0]


def list_samples(options: argparse.Namespace) -> int:
    """What a finished run made, with what was said of it; the exit status."""
    output = Output.of(options)
    run = RunFolder(run_of(project_of(options.project), options.id).folder)
    _show(output, run, list(enumerate(run.final_samples())))
    return DONE


def rate(options: argparse.Namespace) -> int:
    """Keep what a person says of some samples; the exit status."""
    output = Output.of(options)
    run = RunFolder(run_of(project_of(options.project), options.id).folder)
    samples = run.final_samples()
    for number in options.samples:
        if not 0 <= number < len(samples):
            raise StudioError(
                N_("There is no sample {number}; this training made {count}, from number 0 on."),
                code="value",
                number=number,
                count=len(samples),
            )
    with plain_errors():
        for number in options.samples:
            run.rate(samples[number].file, "" if options.rating == "none" else options.rating)
    _show(output, run, [(number, samples[number]) for number in options.samples])
    return DONE


def _show(output: Output, run: RunFolder, samples: list[tuple[int, Sample]]) -> None:
    ratings = run.ratings()
    rows = [["", tr("Rating"), tr("Seed"), tr("File"), tr("Prompt")]]
    for number, sample in samples:
        file, rating = run.path / sample.file, ratings.get(sample.file, "")
        if output.json:
            row = {"number": number, "rating": rating or None, "seed": sample.seed, "prompt": sample.prompt}
            output.result(row | {"file": str(file.resolve()), "text": sample.text or None}, "")
        rows.append([str(number), rating, str(sample.seed), str(file), " ".join(sample.prompt.split())[:60]])
    for line in table(rows, right=(0, 2)):
        output.say(line)

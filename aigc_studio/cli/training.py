"""What `aigc-studio train` does: one training as a job of a project, seen in its losses, stopped and gone on with."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aigc_studio.core import catalogue
from aigc_studio.core.datasets.walk import missing_folder
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import JobState, new_job_id
from aigc_studio.core.library.detect import slug
from aigc_studio.core.project import Project
from aigc_studio.core.requests import MAX_SEED, Request, new_seed
from aigc_studio.core.runs import WORKSHOPS, RunFolder, RunInfo, runs
from aigc_studio.engines.base import Family
from aigc_studio.engines.direct import run_now, run_queued
from aigc_studio.engines.engine import Preview
from aigc_studio.engines.runner import check_request, find_parts

from . import values
from .choosing import Choosing
from .codes import DONE
from .making import device_of, engine, free, opened
from .output import Output, ReaderGone, table
from .progress import Listener, Watch
from .rounds import project_of, run_of, short
from .stopping import stoppable
from .train import OPTIONS

__all__ = ["list_runs", "train"]


def train(options: argparse.Namespace, family: Family) -> int:
    """Train a model, or go on with a run; the exit status."""
    output = Output.of(options)
    choosing = Choosing()
    if options.resume:
        return _resume(options, family, output, choosing)
    request = _request(options, family, choosing)
    with device_of(options.device):
        check_request(request, choosing.find)
        find_parts(request, choosing.find)
        for param in family.task_params("train"):
            chosen = str(request.params.get(param.id, ""))
            if param.kind == "folder" and chosen and not Path(chosen).is_dir():
                raise missing_folder(Path(chosen))
        if options.dry_run:
            print(json.dumps(request.to_json(), ensure_ascii=False, indent=None if output.json else 2))
            return DONE
        with _place(options, request) as project:
            return _run(options, output, choosing, project, new_job_id(), request)


def list_runs(options: argparse.Namespace) -> int:
    """The trainings of a project, newest first; the exit status."""
    output = Output.of(options)
    found = runs(project_of(options.project))
    if output.json:
        for run in found:
            output.result(_row(run), "")
        return DONE
    rows = [[tr("Run"), tr("Recipe##training"), tr("Name"), tr("State"), tr("Steps"), tr("Model")]]
    for run in found:
        recipe, steps = run.recipe.removeprefix("train-"), f"{run.step}/{run.steps}"
        rows.append([short(run.id), recipe, run.title, _state(run), steps, Path(run.model).name if run.model else ""])
    for line in table(rows):
        output.say(line)
    return DONE


# What is trained ------------------------------------------------------------------------------------------------------


def _request(options: argparse.Namespace, family: Family, choosing: Choosing) -> Request:
    if options.seed is not None and not 0 <= options.seed <= MAX_SEED:
        raise StudioError(
            N_("A seed is a whole number from 0 to {most}, not {seed}."), code="seed", most=MAX_SEED, seed=options.seed
        )
    known = {param.id: param for param in family.task_params("train")}
    chosen: dict[str, Any] = {}
    for name in OPTIONS:
        text = getattr(options, name, None)
        if name in known and text is not None:
            chosen[name] = values.value(known[name], text, choosing.id_of)
    chosen |= dict(values.assignment(family, "train", text, choosing.id_of) for text in options.set)
    if chosen.get("start"):
        chosen["start"] = run_of(project_of(options.project), chosen["start"]).id
    for param in known.values():
        if param.kind == "folder" and param.id == "data" and not chosen.get("data"):
            raise StudioError(N_("There is no data to learn from; choose a folder."), code="data-missing")
    seed = new_seed() if options.seed is None else options.seed
    return Request("training", "train", family.id, "", str(chosen.get("name", "")), chosen, seed)


@contextlib.contextmanager
def _place(options: argparse.Namespace, request: Request) -> Iterator[Project]:
    """The project that keeps the run: the one that is named, else a new one in the working folder, which goes again
    when nothing was learned in it."""
    if options.project is not None:
        with opened(options.project) as project:
            yield project
        return
    folder = free(Path.cwd() / slug(str(request.params.get("name", "")) or options.recipe))
    try:
        with opened(folder) as project:
            yield project
    except BaseException:
        if all(run.step == 0 for run in runs(folder)):
            shutil.rmtree(folder, ignore_errors=True)
        raise


# One run --------------------------------------------------------------------------------------------------------------


def _resume(options: argparse.Namespace, family: Family, output: Output, choosing: Choosing) -> int:
    place = project_of(options.project)
    run = run_of(place, options.resume)
    if run.recipe != family.id:
        raise StudioError(
            N_('The training "{run}" is one of the recipe "{recipe}"; go on with that one.'),
            code="run",
            run=short(run.id),
            recipe=run.recipe.removeprefix("train-"),
        )
    with device_of(options.device), opened(place) as project:
        job = project.queue.get(run.id)
        if run.state == "done" and (job is None or job.state is JobState.DONE):
            raise StudioError(
                N_('The training "{run}" is finished; train a further round with --start {run}.'),
                code="run-done",
                run=short(run.id),
            )
        stored = RunFolder(run.folder).info().get("request")
        request = job.request if job is not None else Request.from_json(stored if isinstance(stored, dict) else {})
        if options.dry_run:
            print(json.dumps(request.to_json(), ensure_ascii=False, indent=None if output.json else 2))
            return DONE
        return _run(options, output, choosing, project, run.id, request)


def _run(
    options: argparse.Namespace, output: Output, choosing: Choosing, project: Project, id: str, request: Request
) -> int:
    """Run the job to its end. Ctrl-C leaves it paused, here and in the window."""
    known = project.queue.get(id) is not None
    run = RunFolder(project.folder / WORKSHOPS / id)
    with stoppable() as token, engine() as runner, Watch(output, 1) as watch:
        listener = _Losses(watch, run)
        try:
            with output.alone():
                if known:
                    run_queued(project, id, runner, listener, token, find=choosing.find)
                else:
                    run_now(project, request, runner, listener, token, find=choosing.find, id=id)
        except (Cancelled, KeyboardInterrupt):
            watch.clear()
            if output.gone:
                raise ReaderGone from None
            _pause(project, id)
            summary = run.summary()
            if summary is not None and summary.step:
                folder = shlex.quote(str(project.folder.resolve()))
                line = f"aigc-studio train {options.recipe} --resume {short(id)} --project {folder}"
                output.hint(
                    tr("Paused at step {step} of {steps}; go on with:", step=summary.step, steps=summary.steps)
                    + f"\n  {line}"
                )
            raise
    summary = run.summary()
    assert summary is not None
    catalogue.rescan()
    output.result(_row(summary) | {"project": str(project.folder.resolve())}, summary.model)
    rows = [[name.replace("_", " "), _number(value)] for name, value in summary.figures.items()]
    for line in table(rows):
        output.say("  " + line)
    return DONE


def _pause(project: Project, id: str) -> None:
    """A job that was stopped waits to be gone on with."""
    job = project.queue.get(id)
    if job is not None and job.state is JobState.CANCELLED:
        project.queue.retry(id)
        project.queue.pause(id)


class _Losses(Listener):
    """Shows the newest figures of the run's log beside the steps."""

    def __init__(self, watch: Watch, run: RunFolder) -> None:
        super().__init__(watch)
        self._run = run
        self._offset = 0
        self._values: dict[str, Any] = {}
        self._next = 0.0

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """See `RunListener`."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 0.5
            lines, self._offset = self._run.read(self._offset)
            for line in lines:
                if isinstance(line.get("values"), Mapping):
                    self._values |= line["values"]
            self.watch.note = self._note() if done < total else ""
        super().progress(index, done, total, stage, preview)

    def _note(self) -> str:
        """The first two losses, that of what was held out, and how fast it goes: what fits beside a bar."""
        plain = {"rate", "memory_mb", "seconds"}
        losses = [name for name in self._values if name not in plain and "/" not in name and "_per_" not in name][:2]
        if "validation/loss" in self._values:
            losses = [*losses[:1], "validation/loss"]
        words = [f"{name} {_number(self._values[name])}" for name in losses]
        speed = next((value for name, value in self._values.items() if name.endswith("_per_second")), None)
        return "  ".join([*words, *([f"{_number(speed)}/s"] if speed is not None else [])])


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _state(run: RunInfo) -> str:
    return {"running": tr("Running"), "done": tr("Done")}.get(run.state, tr("Stopped##run"))


def _row(run: RunInfo) -> dict[str, Any]:
    return {
        "run": run.id,
        "recipe": run.recipe.removeprefix("train-"),
        "title": run.title,
        "state": run.state,
        "step": run.step,
        "steps": run.steps,
        "seconds": run.seconds,
        "created": run.created,
        "folder": str(run.folder),
        "model": run.model or None,
        "figures": dict(run.figures),
    }

"""`aigc-studio image|write|speak`: one result, as a file anywhere or in a project."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import soundfile

from aigc_studio.core import catalogue
from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.export import EXPORT_SUFFIXES, export_image
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.metadata import write_audio
from aigc_studio.core.project import Project, is_project
from aigc_studio.core.requests import Request, new_seed
from aigc_studio.engines import registry
from aigc_studio.engines.base import Family
from aigc_studio.engines.direct import run_now
from aigc_studio.engines.engine import Preview
from aigc_studio.engines.local import LocalEngine

__all__ = ["engine", "main"]


def main(parser: argparse.ArgumentParser, kind: str, task: str, arguments: Sequence[str]) -> int:
    """Make a picture, a text or a voice-over: into a project, or as a file anywhere. The exit status."""
    parser.add_argument("prompt", help=tr("the words, or - to read them from standard input"))
    parser.add_argument("--out", type=Path, help=tr("the file to write; several results are numbered"))
    parser.add_argument("--project", type=Path, help=tr("the project to put the result in"))
    parser.add_argument("--model", default="", help=tr("id of a model, as listed by: aigc-studio models"))
    parser.add_argument("--seed", type=int, help=tr("the same seed makes the same result"))
    parser.add_argument("--count", type=int, default=1, help=tr("how many results"))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=tr("a parameter of the model"))
    if kind == "image":
        parser.add_argument("--size", help=tr("width and height, as in 1024x768"))
    options = parser.parse_args(arguments)
    entry = _model(kind, options.model)
    family = registry.family(entry.family)
    params = dict(_parameter(family, task, text) for text in options.set)
    if kind == "image" and options.size:
        params["size"] = _size(options.size)
    prompt = sys.stdin.read() if options.prompt == "-" else options.prompt
    seed = new_seed() if options.seed is None else options.seed
    request = Request(kind, task, family.id, entry.id, prompt, params, seed, options.count)
    if options.out is not None:
        _check_target(kind, options.out)
    with _place(options.project) as project, engine() as runner:
        return _run(project, request, runner, options.out, keep=options.project is not None)


def _run(project: Project, request: Request, runner: LocalEngine, out: Path | None, *, keep: bool) -> int:
    """Run a request and say where its files are: in a kept project, else copied to `out` or the working folder."""
    stream = request.kind == "text"
    assets = run_now(project, request, runner, _Terminal(stream))
    for number, asset in enumerate(assets):
        source = project.path(asset)
        if keep and out is None:
            print(source)
            continue
        if out is None and stream:
            continue
        target = _numbered(out or Path.cwd() / source.name, number, len(assets))
        try:
            _export(request.kind, source, target, project.recipe(asset.id))
        except OSError as error:
            raise StudioError(
                N_('"{name}" could not be written ({reason}); choose another folder.'),
                code="write",
                name=str(target),
                reason=error.strerror or str(error),
            ) from error
        print(target)
    return 0


def _export(kind: str, source: Path, target: Path, recipe: Mapping[str, Any] | None) -> None:
    """Copy a result out of its project, in the format that the target's name asks for."""
    if kind == "image":
        export_image(source, target, recipe)
    elif kind == "speech" and target.suffix.lower() != source.suffix:
        samples, rate = soundfile.read(source, dtype="float32")
        write_audio(target, samples, rate, recipe or {})
    else:
        shutil.copyfile(source, target)


_SUFFIXES = {
    "image": (*EXPORT_SUFFIXES, ".jpeg"),
    "text": (".md", ".txt"),
    "speech": (".wav", ".flac", ".ogg", ".opus", ".mp3"),
}


def _check_target(kind: str, target: Path) -> None:
    """Before anything is made: a file of this name could be written."""
    if target.suffix.lower() not in _SUFFIXES[kind]:
        raise StudioError(
            N_('This cannot be written as "{name}"; its name can end in {suffixes}.'),
            code="suffix",
            name=target.name,
            suffixes=", ".join(_SUFFIXES[kind]),
        )
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise StudioError(
            N_('The folder "{folder}" does not exist or cannot be written; choose another one.'),
            code="write",
            folder=str(target.parent),
        )


def _numbered(path: Path, number: int, count: int) -> Path:
    return path if count == 1 else path.with_name(f"{path.stem}-{number + 1}{path.suffix}")


class _Terminal:
    """A listener that shows progress on a terminal, and streams text."""

    def __init__(self, stream: bool) -> None:
        self._stream = stream
        self._live = sys.stderr is not None and sys.stderr.isatty() and not stream

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """See `RunListener`."""
        if self._live:
            label = tr(stage) if stage else ""
            print(f"\r\033[K{index + 1}: {done}/{total} {label}", end="", file=sys.stderr, flush=True)

    def partial(self, index: int, piece: str) -> None:
        """See `RunListener`."""
        if self._stream:
            try:
                print(piece, end="", flush=True)
            except BrokenPipeError:  # the reader of our output has gone
                raise Cancelled from None

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """See `RunListener`."""
        print(("\r\033[K" if self._live else "") + tr(text, **params), file=sys.stderr, flush=True)

    def stored(self, index: int, asset: Asset) -> None:
        """See `RunListener`."""
        if self._live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        elif self._stream:
            print(flush=True)


@contextlib.contextmanager
def engine() -> Iterator[LocalEngine]:
    """The engine of the command line: in this process, closed at the end."""
    runner = LocalEngine()
    try:
        yield runner
    finally:
        runner.close()


@contextlib.contextmanager
def _place(folder: Path | None) -> Iterator[Project]:
    """The project a result goes to: the given one (made when it does not exist), else one that is thrown away."""
    if folder is not None:
        known = folder.exists() and is_project(folder)
        with contextlib.closing(Project.open(folder) if known else Project.create(folder)) as project:
            if project.read_only:
                raise StudioError(
                    N_("The project is open elsewhere or cannot be written; close it there, then try again."),
                    code="read-only",
                )
            yield project
        return
    with (
        tempfile.TemporaryDirectory(prefix="aigc-studio-") as temporary,
        contextlib.closing(Project.create(Path(temporary) / "once")) as project,
    ):
        yield project


def _model(kind: str, chosen: str) -> catalogue.Entry:
    if not chosen:
        for entry in catalogue.models(kind):
            if entry.problem is None:
                return entry
    entry = catalogue.find(chosen) if chosen else None
    if entry is None or entry.kind != kind:
        raise StudioError(
            N_('There is no model "{model}" for this; aigc-studio models lists them.'),
            code="model",
            model=chosen or kind,
        )
    return entry


def _size(text: str) -> list[int]:
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.strip().isdecimal() and height.strip().isdecimal()):
        raise StudioError(N_('A size is written like 1024x768, not "{text}".'), code="size", text=text[:40])
    return [int(width), int(height)]


def _parameter(family: Family, task: str, text: str) -> tuple[str, Any]:
    """NAME=VALUE as a parameter of the family; its own check says what it takes."""
    name, separator, value = text.partition("=")
    known = {param.id: param for param in family.task_params(task)}
    if not separator or name not in known:
        raise StudioError(
            N_('There is no parameter "{name}"; there are: {names}.'),
            code="param",
            name=name[:40],
            names=", ".join(known),
        )
    param = known[name]
    match param.kind:
        case "bool":
            return name, value.lower() in ("1", "true", "yes", "on")
        case "size":
            return name, _size(value)
        case "int" | "float":
            try:
                return name, int(value) if param.kind == "int" else float(value)
            except ValueError:
                return name, param.check(value)
    return name, param.check(value)

"""`aigc-studio project ...`: what can be done with a project without a window."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from aigc_studio.core.assets import Asset, AssetQuery
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import JobState
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.package import pack, unpack
from aigc_studio.core.project import Project, ProjectReader
from aigc_studio.core.store.database import INDEX, index_problem
from aigc_studio.engines.reproduce import reproduce

from .results import engine

__all__ = ["main"]

_PAGE = 500


def main(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Run one of the project commands; the exit status."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, summary: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=tr(summary), description=tr(summary))
        command.add_argument("project", type=Path, help=tr("the project's folder"))
        command.set_defaults(run=run)
        return command

    add("info", N_("Say what is in a project."), _info)
    listing = add("list", N_("List the assets, the newest first."), _list)
    listing.add_argument("--search", default="", help=tr("only those with these words"))
    listing.add_argument("--json", action="store_true", help=tr("one JSON object a line, with recipes"))
    add("check", N_("Look for damage, without changing anything."), _check)
    add("repair", N_("Put right what can be: adopt files, rebuild a damaged index."), _repair)
    export = add("export", N_("Copy assets out of the project, each with its recipe inside."), _export)
    export.add_argument("folder", type=Path, help=tr("where they are copied to"))
    export.add_argument("--search", default="", help=tr("only those with these words"))
    again = add("reproduce", N_("Make assets again from their recipes and say whether they are the same."), _reproduce)
    again.add_argument(
        "assets", nargs="*", metavar="ASSET", help=tr("ids or files; all that were generated when left out")
    )
    packing = add("pack", N_("Make one file of the project, to pass on or to keep."), _pack)
    packing.add_argument("file", type=Path, help=tr("the package to write"))
    unpacking = add("unpack", N_("Make a project folder of a package."), _unpack)
    unpacking.add_argument("file", type=Path, help=tr("the package to open"))
    options = parser.parse_args(list(arguments))
    return options.run(options)


def _reader(folder: Path) -> ProjectReader:
    """A reader of an existing project; opening it for writing first where its index needs that."""
    with contextlib.closing(Project.open(folder, read_only=True)):
        return ProjectReader(folder)


def _all(reader: ProjectReader | Project, query: AssetQuery) -> list[Asset]:
    """Every asset of a query, read by page."""
    found: list[Asset] = []
    while page := reader.assets(query, len(found), _PAGE):
        found += page
    return found


_EVERYTHING = ("image", "audio", "text", "other", "mask")


def _info(options: argparse.Namespace) -> int:
    with contextlib.closing(_reader(options.project)) as reader:
        print(reader.name)
        print(tr("Folder: {folder}", folder=options.project.resolve()))
        for kind, text in (
            ("image", N_("Pictures: {count}")),
            ("audio", N_("Sounds: {count}")),
            ("text", N_("Texts: {count}")),
            ("mask", N_("Masks: {count}")),
            ("other", N_("Other files: {count}")),
        ):
            print(tr(text, count=reader.count(AssetQuery(kinds=(kind,)))))
        print(tr("In the trash: {count}", count=reader.count(AssetQuery(kinds=_EVERYTHING, trashed=True))))
        print(tr("Documents: {count}", count=len(reader.documents())))
        print(tr("Boards: {count}", count=len(reader.boards())))
        waiting = sum(job.state in (JobState.PENDING, JobState.PAUSED) for job in reader.jobs())
        print(tr("Jobs waiting: {count}", count=waiting))
    return 0


def _list(options: argparse.Namespace) -> int:
    with contextlib.closing(_reader(options.project)) as reader:
        for asset in _all(reader, AssetQuery(text=options.search, kinds=_EVERYTHING)):
            if options.json:
                row = {"id": asset.id, "kind": asset.kind, "title": asset.title, "file": asset.file}
                print(json.dumps({**row, "recipe": reader.recipe(asset.id)}, ensure_ascii=False))
            else:
                moment = datetime.datetime.fromtimestamp(asset.created).strftime("%Y-%m-%d %H:%M")
                print(f"{asset.id}  {moment}  {asset.kind:5}  {asset.file}")
    return 0


def _check(options: argparse.Namespace) -> int:
    folder = options.project
    if (folder / INDEX).is_file() and index_problem(folder / INDEX, thorough=True):
        print(tr("The index is damaged; repair the project."))
        return 1
    with contextlib.closing(_reader(folder)) as reader:
        problems = []
        assets = _all(reader, AssetQuery(kinds=_EVERYTHING))
        known = set()
        for asset in assets + _all(reader, AssetQuery(kinds=_EVERYTHING, trashed=True)):
            path = reader.path(asset)
            known.add(path.resolve())
            if not path.is_file():
                problems.append(tr("missing: {file}", file=asset.file))
            elif path.stat().st_size != asset.bytes and asset.bytes:
                problems.append(tr("changed outside the program: {file}", file=asset.file))
            elif asset.origin == "generated" and read_recipe(path) is None:
                problems.append(tr("without its recipe: {file}", file=asset.file))
        strangers = [path for path in sorted((folder / "assets").rglob("*")) if path.is_file()]
        problems += [
            tr("not in the index: {file}", file=path.relative_to(folder).as_posix())
            for path in strangers
            if path.resolve() not in known
        ]
    for problem in problems:
        print(problem)
    if problems:
        print(tr("{count} problems; repair the project to put right what can be.", count=len(problems)))
        return 1
    print(tr("{count} assets checked: no problem found.", count=len(assets)))
    return 0


def _repair(options: argparse.Namespace) -> int:
    with contextlib.closing(Project.open(options.project)) as project:
        if project.read_only:
            raise StudioError(
                N_("The project is open elsewhere or cannot be written; close it there, then try again."),
                code="read-only",
            )
        report = project.report
        project.maintenance()
        if report.rebuilt:
            print(tr("The index was lost or damaged; it was made anew from the files."))
        if report.adopted:
            print(tr("Files taken into the index: {count}", count=len(report.adopted)))
        if report.missing:
            print(tr("Files that are gone: {count}", count=report.missing))
        if not report:
            print(tr("There was nothing to put right."))
    return 0


def _export(options: argparse.Namespace) -> int:
    target: Path = options.folder
    copied = 0
    with contextlib.closing(_reader(options.project)) as reader:
        for asset in _all(reader, AssetQuery(text=options.search)):
            source = reader.path(asset)
            try:
                target.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, _free(target / source.name))
            except FileNotFoundError:
                print(tr("missing: {file}", file=asset.file), file=sys.stderr)
            except OSError as error:
                raise StudioError(
                    N_('"{name}" could not be written ({reason}); choose another folder.'),
                    code="write",
                    name=str(target),
                    reason=error.strerror or str(error),
                ) from error
            else:
                copied += 1
    print(tr("{count} files copied to {folder}", count=copied, folder=target))
    return 0


def _reproduce(options: argparse.Namespace) -> int:
    """0 when all are the same, 1 when one differs or cannot be made."""
    worst = 0
    with contextlib.closing(Project.open(options.project, read_only=True)) as project, engine() as runner:
        everything = _all(project, AssetQuery(kinds=_EVERYTHING, order="oldest"))
        for asset in _chosen(everything, options.assets):
            try:
                made = reproduce(project, asset.id, runner)
            except StudioError as error:
                print(tr("cannot be made: {file} ({reason})", file=asset.file, reason=str(error)), flush=True)
                worst = 1
                continue
            if made.same:
                print(tr("the same: {file}", file=asset.file), flush=True)
                continue
            worst = 1
            share = f"{made.difference:.2%}"
            print(tr("different: {file} ({share} of it)", file=asset.file, share=share), flush=True)
            for name, (before, now) in made.changed.items():
                print(f"    {name}: {before} -> {now}")
    return worst


def _chosen(assets: list[Asset], wanted: Sequence[str]) -> list[Asset]:
    """The assets named by id, the beginning of an id or file; without names all that were generated."""
    if not wanted:
        return [asset for asset in assets if asset.origin == "generated"]
    found = []
    for name in wanted:
        matching = [asset for asset in assets if asset.id.startswith(name) or Path(asset.file).name == Path(name).name]
        if len(matching) != 1:
            raise StudioError(
                N_('"{name}" names {count} assets of this project; give an id as "project list" shows it.'),
                code="asset",
                name=name,
                count=len(matching),
            )
        found += matching
    return found


def _pack(options: argparse.Namespace) -> int:
    print(pack(options.project, options.file))
    return 0


def _unpack(options: argparse.Namespace) -> int:
    unpack(options.file, options.project)
    print(options.project)
    return 0


def _free(path: Path) -> Path:
    """This path, or one with a number when something is there."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.stem}-{number}{path.suffix}"), number + 1
    return free

"""What `aigc-studio project` does: lists, upkeep, and what goes out of a project and comes in."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import shutil
from pathlib import Path
from typing import Any

from aigc_studio.core.assets import Asset, AssetQuery
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import JobState
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.package import pack, unpack
from aigc_studio.core.project import Project, ProjectReader, is_project
from aigc_studio.core.settings import Settings
from aigc_studio.core.store.database import INDEX, index_problem

from .codes import DONE, FAILED
from .making import free
from .output import Output, table

__all__ = ["ACTIONS"]

_PAGE = 500
KINDS = ("image", "audio", "text", "mask", "other")
"""All kinds of assets, masks too."""


def reader_of(folder: Path) -> ProjectReader:
    """A reader of an existing project; opening it for writing first where its index needs that."""
    with contextlib.closing(Project.open(folder, read_only=True)):
        return ProjectReader(folder)


def every(reader: ProjectReader | Project, query: AssetQuery) -> list[Asset]:
    """Every asset of a query, read by page."""
    found: list[Asset] = []
    while page := reader.assets(query, len(found), _PAGE):
        found += page
    return found


# Lists ----------------------------------------------------------------------------------------------------------------


def _list(options: argparse.Namespace) -> int:
    if options.project is not None:
        return _assets(options)
    output = Output.of(options)
    settings = Settings()
    folders = dict.fromkeys(settings.recent())
    with contextlib.suppress(OSError):
        folders |= dict.fromkeys(sorted(path for path in settings.projects_folder.iterdir() if is_project(path)))
    rows = []
    for folder in folders:
        row = _project_row(folder)
        if output.json:
            output.result(row, "")
        counts = "" if row["assets"] is None else tr("{count} assets", count=row["assets"])
        rows.append([row["name"], counts if row["problem"] is None else row["problem"], row["folder"]])
    for line in table(rows):
        output.say(line)
    if not rows:
        output.say(tr("There is no project yet; any command that makes something makes one with --project FOLDER."))
    return DONE


def _project_row(folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"folder": str(folder), "name": folder.name, "assets": None, "problem": None}
    if not is_project(folder):
        return row | {"problem": tr("(not there)")}
    try:
        with contextlib.closing(ProjectReader(folder)) as reader:
            return row | {"name": reader.name, "assets": reader.count(AssetQuery())}
    except StudioError as error:
        return row | {"problem": str(error)}


def _assets(options: argparse.Namespace) -> int:
    output = Output.of(options)
    words = " ".join(getattr(options, "words", [])) or getattr(options, "search", "")
    kinds = (options.kind,) if options.kind else KINDS
    with contextlib.closing(reader_of(options.project)) as reader:
        for asset in every(reader, AssetQuery(text=words, kinds=kinds)):
            moment = datetime.datetime.fromtimestamp(asset.created).strftime("%Y-%m-%d %H:%M")
            row = asset_row(asset) | {"recipe": reader.recipe(asset.id)} if output.json else {}
            output.result(row, f"{asset.id}  {moment}  {asset.kind:5}  {asset.file}")
    return DONE


def asset_row(asset: Asset) -> dict[str, Any]:
    """An asset as JSON."""
    names = ("id", "kind", "title", "file", "created", "starred", "origin", "bytes")
    row: dict[str, Any] = {name: getattr(asset, name) for name in names}
    if asset.width:
        row["size"] = [asset.width, asset.height]
    if asset.seconds:
        row["seconds"] = asset.seconds
    return row


def _info(options: argparse.Namespace) -> int:
    output = Output.of(options)
    with contextlib.closing(reader_of(options.project)) as reader:
        row: dict[str, Any] = {"name": reader.name, "folder": str(options.project.resolve())}
        lines = [reader.name, tr("Folder: {folder}", folder=options.project.resolve())]
        for kind, text in (
            ("image", N_("Pictures: {count}")),
            ("audio", N_("Sounds: {count}")),
            ("text", N_("Texts: {count}")),
            ("mask", N_("Masks: {count}")),
            ("other", N_("Other files: {count}")),
        ):
            row[kind] = reader.count(AssetQuery(kinds=(kind,)))
            lines.append(tr(text, count=row[kind]))
        row["trash"] = reader.count(AssetQuery(kinds=KINDS, trashed=True))
        row["documents"] = len(reader.documents())
        row["boards"] = len(reader.boards())
        row["waiting"] = sum(job.state in (JobState.PENDING, JobState.PAUSED) for job in reader.jobs())
    lines.append(tr("In the trash: {count}", count=row["trash"]))
    lines.append(tr("Documents: {count}", count=row["documents"]))
    lines.append(tr("Boards: {count}", count=row["boards"]))
    lines.append(tr("Jobs waiting: {count}", count=row["waiting"]))
    output.result(row, "\n".join(lines))
    return DONE


# Upkeep ---------------------------------------------------------------------------------------------------------------


def _check(options: argparse.Namespace) -> int:
    output = Output.of(options)
    folder = options.project
    if (folder / INDEX).is_file() and index_problem(folder / INDEX, thorough=True):
        output.result({"problem": "index", "file": INDEX}, tr("The index is damaged; repair the project."))
        return FAILED
    problems = 0

    def tell(problem: str, text: str, file: str) -> None:
        nonlocal problems
        problems += 1
        output.result({"problem": problem, "file": file}, tr(text, file=file))

    with contextlib.closing(reader_of(folder)) as reader:
        assets = every(reader, AssetQuery(kinds=KINDS))
        known = set()
        for asset in assets + every(reader, AssetQuery(kinds=KINDS, trashed=True)):
            path = reader.path(asset)
            known.add(path.resolve())
            if not path.is_file():
                tell("missing", N_("missing: {file}"), asset.file)
            elif path.stat().st_size != asset.bytes and asset.bytes:
                tell("changed", N_("changed outside the program: {file}"), asset.file)
            elif asset.origin == "generated" and read_recipe(path) is None:
                tell("recipe", N_("without its recipe: {file}"), asset.file)
        for path in sorted((folder / "assets").rglob("*")):
            if path.is_file() and path.resolve() not in known:
                tell("unknown", N_("not in the index: {file}"), path.relative_to(folder).as_posix())
    if problems:
        output.say(tr("{count} problems; repair the project to put right what can be.", count=problems))
        return FAILED
    output.say(tr("{count} assets checked: no problem found.", count=len(assets)))
    return DONE


def _repair(options: argparse.Namespace) -> int:
    output = Output.of(options)
    with contextlib.closing(Project.open(options.project)) as project:
        if project.read_only:
            raise StudioError(
                N_("The project is open elsewhere or cannot be written; close it there, then try again."),
                code="read-only",
            )
        report = project.report
        project.maintenance()
        if report.rebuilt:
            output.say(tr("The index was lost or damaged; it was made anew from the files."))
        if report.adopted:
            output.say(tr("Files taken into the index: {count}", count=len(report.adopted)))
        if report.missing:
            output.say(tr("Files that are gone: {count}", count=report.missing))
        if not report:
            output.say(tr("There was nothing to put right."))
        if output.json:
            counts = {"adopted": len(report.adopted), "missing": report.missing}
            output.result({"rebuilt": bool(report.rebuilt), **counts}, "")
    return DONE


# Out and in -----------------------------------------------------------------------------------------------------------


def _export(options: argparse.Namespace) -> int:
    output = Output.of(options)
    target: Path = options.folder
    copied = 0
    query = AssetQuery(text=options.search)
    if options.kind:
        query = AssetQuery(text=options.search, kinds=(options.kind,))
    with contextlib.closing(reader_of(options.project)) as reader:
        for asset in every(reader, query):
            source = reader.path(asset)
            try:
                target.mkdir(parents=True, exist_ok=True)
                copy = free(target / source.name)
                shutil.copyfile(source, copy)
            except FileNotFoundError:
                output.hint(tr("missing: {file}", file=asset.file))
            except OSError as error:
                raise StudioError(
                    N_('"{name}" could not be written ({reason}); choose another folder.'),
                    code="write",
                    name=str(target),
                    reason=error.strerror or str(error),
                ) from error
            else:
                copied += 1
                if output.json:
                    output.result({"id": asset.id, "file": str(copy)}, "")
    output.say(tr("{count} files copied to {folder}", count=copied, folder=target))
    return DONE


def _pack(options: argparse.Namespace) -> int:
    file = pack(options.project, options.file)
    Output.of(options).result({"file": str(file)}, str(file))
    return DONE


def _unpack(options: argparse.Namespace) -> int:
    unpack(options.file, options.project)
    Output.of(options).result({"folder": str(options.project)}, str(options.project))
    return DONE


ACTIONS = {
    "list": _list,
    "info": _info,
    "assets": _assets,
    "search": _assets,
    "check": _check,
    "repair": _repair,
    "export": _export,
    "pack": _pack,
    "unpack": _unpack,
}
"""Name of a command to what it does."""

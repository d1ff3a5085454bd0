"""`aigc-studio models`: what there is, what a model takes, and the folders that are looked in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.i18n import N_, tr
from aigc_studio.engines import registry
from aigc_studio.engines.listing import model_row, task_rows, type_of

from .choosing import Choosing
from .codes import DONE, MISSING
from .output import Output, table
from .parser import Parser, add_listing, complete_with
from .values import takes, typed

__all__ = ["configure", "row_of", "run", "size_of"]

KINDS = ("text", "image", "speech", "part", "other")


def configure(parser: Parser) -> None:
    """The commands about models; without one the list."""
    parser.examples(
        "aigc-studio models",
        "aigc-studio models add-folder /data/models",
        "aigc-studio models info MODEL --json",
    )
    parser.set_defaults(action=_list, kind="", problems=False)
    add_listing(parser)
    commands = parser.add_subparsers(metavar="COMMAND", title=tr("subcommands"), dest="command")

    def add(name: str, summary: str, action: Any, example: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=tr(summary), summary=tr(summary), examples=[example], prog=f"aigc-studio models {name}"
        )
        command.set_defaults(action=action)
        add_listing(command)
        return command

    listing = add("list", N_("List the models."), _list, "aigc-studio models list --kind image")
    listing.add_argument("--kind", choices=KINDS, default="", help=tr("only models that make this, or parts"))
    listing.add_argument("--problems", action="store_true", help=tr("only those that cannot be used, with the reason"))
    info = add(
        "info",
        N_("Say all about a model: its files, what it can do, its parameters."),
        _info,
        "aigc-studio models info painter",
    )
    complete_with(info.add_argument("model", help=tr("id of a model, or the path of a folder or file")), "file")
    for name, summary, action in (
        ("add-folder", N_("Look for models in one more folder."), _add),
        ("remove-folder", N_("Look in a folder no more; nothing in it is touched."), _remove),
    ):
        command = add(name, summary, action, f"aigc-studio models {name} /data/models")
        complete_with(command.add_argument("folder", type=Path, help=tr("a folder of models")), "directory")
    add("folders", N_("List the folders that are looked in."), _folders, "aigc-studio models folders")
    add("rescan", N_("Look at the disk again."), _rescan, "aigc-studio models rescan")


def run(options: argparse.Namespace) -> int:
    """Do what was asked; the exit status."""
    return options.action(options)


def row_of(entry: Entry) -> dict[str, Any]:
    """A model as JSON, with where it lies and all that is known of it."""
    path = None if entry.path is None else str(entry.path)
    return model_row(entry) | {"path": path, "facts": dict(entry.facts)}


def size_of(count: Any) -> str:
    """A number of bytes for people, "" for none."""
    if not isinstance(count, int) or count <= 0:
        return ""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return f"{count} B"


def _entries(kind: str) -> tuple[Entry, ...]:
    if kind:
        return catalogue.models(kind)
    return (*catalogue.models(), *catalogue.parts(), *catalogue.others())


def _list(options: argparse.Namespace) -> int:
    output = Output.of(options)
    _look(options)
    entries = {entry.id: entry for entry in _entries(options.kind)}.values()
    shown = [entry for entry in entries if not options.problems or entry.problem is not None]
    if output.json:
        for entry in shown:
            output.result(row_of(entry), "")
        return DONE
    rows = [[tr("ID"), tr("Kind"), tr("Type"), tr("Size"), tr("Name")]]
    for entry in shown:
        note = "" if entry.problem is None else f"  ({entry.problem})"
        rows.append([entry.id, entry.kind, type_of(entry), size_of(entry.facts.get("bytes")), entry.title + note])
    for line in table(rows, right=(3,)):
        output.say(line)
    return DONE


def _info(options: argparse.Namespace) -> int:
    output = Output.of(options)
    _look(options)
    entry = Choosing().named(options.model)
    row = row_of(entry) | {"tasks": task_rows(entry)}
    if output.json:
        output.result(row, "")
        return DONE if row["usable"] else MISSING
    lines = [[tr(name), str(row[key])] for name, key in _LINES if row[key]]
    lines += [[tr("Size"), size_of(row["bytes"])]] if row["bytes"] else []
    for line in table(lines):
        output.say(line)
    if entry.problem is not None:
        output.say(str(entry.problem))
    if entry.problem is None and entry.kind != "part":
        family = registry.declared(entry.family, entry.facts)
        for task in family.tasks:
            needs = ", ".join(task.inputs)
            output.say(
                f"\n{task.id}: {tr(task.title)}" + (f"  ({tr('needs {inputs}', inputs=needs)})" if needs else "")
            )
            rows = [[f"  {p.id}", typed(p, p.default), tr(p.title), takes(p)] for p in family.task_params(task.id)]
            for line in table(rows):
                output.say(line)
    return DONE if entry.problem is None else MISSING


_LINES = (
    (N_("ID"), "id"),
    (N_("Name"), "title"),
    (N_("Kind"), "kind"),
    (N_("Type"), "type"),
    (N_("Family"), "family"),
    (N_("Place"), "path"),
    (N_("Licence"), "licence"),
)


# Folders --------------------------------------------------------------------------------------------------------------


def _add(options: argparse.Namespace) -> int:
    catalogue.add_folder(options.folder.expanduser().resolve())
    _look(options)
    return _folders(options)


def _remove(options: argparse.Namespace) -> int:
    catalogue.remove_folder(options.folder.expanduser().resolve())
    _look(options)
    return _folders(options)


def _folders(options: argparse.Namespace) -> int:
    output = Output.of(options)
    for folder in catalogue.folders():
        note = "" if folder.is_dir() else "  " + tr("(not there)")
        output.result({"folder": str(folder), "there": folder.is_dir()}, f"{folder}{note}")
    return DONE


def _rescan(options: argparse.Namespace) -> int:
    _look(options)
    output = Output.of(options)
    counts = {kind: len(_entries(kind)) for kind in KINDS}
    broken = sum(entry.problem is not None for entry in _entries(""))
    line = tr(
        "{count} models and {parts} parts, {broken} of them cannot be used.",
        count=sum(counts[kind] for kind in ("text", "image", "speech")),
        parts=counts["part"],
        broken=broken,
    )
    output.result({**counts, "problems": broken}, line)
    return DONE


def _look(options: argparse.Namespace) -> None:
    """Look at the disk, with Ctrl-C heard between two folders; what is being looked at shows on a terminal."""
    from .stopping import stoppable

    output = Output.of(options)

    def show(_count: int, name: str) -> None:
        if output.live:
            print(f"\r\033[K{name[-60:]}", end="", file=sys.stderr, flush=True)

    with stoppable() as token:
        try:
            catalogue.rescan(token.check, show)
        finally:
            if output.live:
                print("\r\033[K", end="", file=sys.stderr, flush=True)

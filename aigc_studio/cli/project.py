"""`aigc-studio project ...`: what can be done with a project without a window."""

from __future__ import annotations

import argparse
from pathlib import Path

from aigc_studio.core.i18n import N_, tr

from .parser import Parser, add_common, add_listing, complete_with

__all__ = ["configure", "run"]

KINDS = ("image", "audio", "text", "mask", "other")


def configure(parser: Parser) -> None:
    """The commands about projects."""
    parser.examples(
        "aigc-studio project list",
        "aigc-studio project search Harbour sunset --json",
        "aigc-studio project reproduce Harbour",
    )
    add_common(parser)
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title=tr("subcommands"), dest="command")

    def add(name: str, summary: str, example: str, *, folder: bool = True) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=tr(summary),
            summary=tr(summary),
            examples=[f"aigc-studio project {name} {example}".rstrip()],
            prog=f"aigc-studio project {name}",
        )
        add_listing(command)
        if folder:
            complete_with(command.add_argument("project", type=Path, help=tr("the project's folder")), "directory")
        return command

    listing = add("list", N_("List the projects opened last, and those in your projects folder."), "", folder=False)
    old = listing.add_argument(
        "project", type=Path, nargs="?", help=tr("a project's folder lists its assets, as project assets does")
    )
    complete_with(old, "directory")
    _add_query(listing)
    add("info", N_("Say what is in a project."), "Harbour")
    _add_query(add("assets", N_("List the assets, the newest first."), "Harbour --kind image"))
    search = add("search", N_("List the assets with these words in title, prompt or text."), "Harbour sunset")
    search.add_argument("words", nargs="+", help=tr("words; all of them are found"))
    search.add_argument("--kind", choices=KINDS, help=tr("only assets of this kind"))
    add("check", N_("Look for damage, without changing anything."), "Harbour")
    add("repair", N_("Put right what can be: adopt files, rebuild a damaged index."), "Harbour")
    export = add("export", N_("Copy assets out of the project, each with its recipe inside."), "Harbour Copies")
    complete_with(export.add_argument("folder", type=Path, help=tr("where they are copied to")), "directory")
    _add_query(export)
    again = add(
        "reproduce",
        N_("Make assets again from their recipes and say whether they are the same."),
        "Harbour waves-3f2a9c.png",
    )
    again.add_argument(
        "assets", nargs="*", metavar="ASSET", help=tr("ids or files; all that were generated when left out")
    )
    again.add_argument(
        "--model", default="", metavar="MODEL", help=tr("id or path of the model to use where a recipe's is not here")
    )
    again.add_argument("--device", default="", metavar="DEVICE", help=tr("where it runs: cpu, cuda, cuda:1, mps"))
    packing = add("pack", N_("Make one file of the project, to pass on or to keep."), "Harbour harbour.aigcpack")
    packing.add_argument("file", type=Path, help=tr("the package to write"))
    unpacking = add("unpack", N_("Make a project folder of a package."), "Copy harbour.aigcpack")
    complete_with(unpacking.add_argument("file", type=Path, help=tr("the package to open")), "file")


def _add_query(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--search", default="", metavar="WORDS", help=tr("only those with these words"))
    parser.add_argument("--kind", choices=KINDS, help=tr("only assets of this kind"))


def run(options: argparse.Namespace) -> int:
    """Do what was asked; the exit status."""
    if options.command == "reproduce":
        from . import reproducing

        return reproducing.run(options)
    from .projects import ACTIONS

    return ACTIONS[options.command](options)

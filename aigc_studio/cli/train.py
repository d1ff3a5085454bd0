"""`aigc-studio train`: a model from a folder of data, by a recipe; and the makers of the starter models."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

from aigc_studio.core.i18n import N_, tr
from aigc_studio.engines import registry
from aigc_studio.engines.base import Family

from .codes import DONE
from .output import Output, table
from .parser import Parser, add_common, add_listing, complete_with
from .values import takes, typed

__all__ = ["OPTIONS", "RECIPES", "configure", "recipes", "run"]

RECIPES = {
    "starter-writer": "aigc_studio.training.starter_writer",
    "starter-icons": "aigc_studio.training.starter_icons",
}
"""Makers of the models that ship with the program: name to the module whose `main` reads the rest of the line."""

OPTIONS = {
    "data": "FOLDER",
    "data_b": "FOLDER",
    "name": "NAME",
    "base": "MODEL",
    "size": "N",
    "steps": "N",
    "minutes": "N",
    "batch": "N",
    "start": "RUN",
    "licence": "TEXT",
}
"""Parameters that have an option of their own where a recipe has them, with what stands for its value; all others are
set by --set."""

_PREFIX = "train-"


class _Command(Parser):
    """A command below `train`. own: it reads its arguments itself, `--help` included."""

    own = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # pyright: ignore
        """Of a command of its own everything as it stands, in `options`."""
        if not self.own:
            return super().parse_known_args(args, namespace)
        namespace = namespace or argparse.Namespace()
        namespace.options = list(args or ())
        return namespace, []


def recipes() -> dict[str, Family]:
    """Name to recipe: the family's id without what all have in common."""
    return {family.id.removeprefix(_PREFIX): family for family in registry.families("training")}


def configure(parser: Parser) -> None:
    """The recipes, and what is said of recipes and runs."""
    parser.examples(
        "aigc-studio train list",
        "aigc-studio train vae --data photos --name Leaves --steps 4000",
        "aigc-studio train runs --project leaves",
        "aigc-studio train starter-writer --help",
    )
    add_common(parser)
    commands = parser.add_subparsers(
        metavar="RECIPE", title=tr("recipes"), dest="recipe", required=True, parser_class=_Command
    )
    listing = commands.add_parser(
        "list",
        help=tr("List the recipes, or the parameters of one."),
        summary=tr("List the recipes, or the parameters of one."),
        examples=["aigc-studio train list", "aigc-studio train list vae"],
        prog="aigc-studio train list",
    )
    listing.add_argument("name", nargs="?", metavar="RECIPE", choices=list(recipes()), help=tr("one recipe"))
    listing.set_defaults(action=_list)
    add_listing(listing)
    _add_rounds(commands)
    for name, family in recipes().items():
        command = commands.add_parser(
            name,
            help=tr(family.title),
            summary=tr(family.summary),
            examples=[f"aigc-studio train {name} --data FOLDER --name NAME"],
            prog=f"aigc-studio train {name}",
        )
        _add_options(command, family)
        command.set_defaults(action=_train, family=family)
    for name in RECIPES:
        starter = commands.add_parser(
            name,
            help=tr("make a model that ships with the program; --help lists its options"),
            add_help=False,
            prog=f"aigc-studio train {name}",
        )
        starter.own = True


def _add_rounds(commands: Any) -> None:
    """What is done with the runs of a project, and what is said of their samples."""

    def add(name: str, summary: str, action: Any, example: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=tr(summary), summary=tr(summary), examples=[example], prog=f"aigc-studio train {name}"
        )
        project = command.add_argument(
            "--project", type=Path, metavar="FOLDER", help=tr("the project; without it the working folder")
        )
        complete_with(project, "directory")
        command.set_defaults(action=action)
        add_listing(command)
        return command

    add("runs", N_("List the trainings of a project."), _runs, "aigc-studio train runs --project leaves")
    samples = add(
        "samples",
        N_("List what a finished training made to be judged."),
        _samples,
        "aigc-studio train samples 3f2a --project leaves",
    )
    samples.add_argument("id", metavar="RUN", help=tr("the beginning of a training's id"))
    rate = add(
        "rate",
        N_("Keep or reject samples: the next round learns from it."),
        _rate,
        "aigc-studio train rate 3f2a keep 0 3 7 --project leaves",
    )
    rate.add_argument("id", metavar="RUN", help=tr("the beginning of a training's id"))
    rate.add_argument("rating", choices=("keep", "reject", "none"), help=tr("what is said of them"))
    rate.add_argument("samples", nargs="+", type=int, metavar="N", help=tr("numbers of samples, as they are listed"))


def _add_options(command: argparse.ArgumentParser, family: Family) -> None:
    for param in family.task_params("train"):
        if param.id in OPTIONS:
            default = typed(param, param.default)
            action = command.add_argument(
                "--" + param.id.replace("_", "-"),
                metavar=OPTIONS[param.id],
                help=(tr(param.title) + (f" ({default})" if default else "")).replace("%", "%%"),
            )
            if param.kind == "folder":
                complete_with(action, "directory")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=tr(
            "another parameter, as listed by: aigc-studio train list {recipe}", recipe=family.id.removeprefix(_PREFIX)
        ),
    )
    project = command.add_argument(
        "--project",
        type=Path,
        metavar="FOLDER",
        help=tr("the project that keeps the run; without it one is made in the working folder"),
    )
    complete_with(project, "directory")
    command.add_argument(
        "--resume", metavar="RUN", help=tr("go on with a training that was stopped; runs are listed by: train runs")
    )
    command.add_argument("--seed", type=int, metavar="N", help=tr("the same seed makes the same result"))
    command.add_argument("--device", default="", metavar="DEVICE", help=tr("where it runs: cpu, cuda, cuda:1, mps"))
    command.add_argument("--dry-run", action="store_true", help=tr("check and print the request, make nothing"))
    command.add_argument("--json", action="store_true", help=tr("one JSON object a result, nothing else on stdout"))
    command.add_argument("--quiet", action="store_true", help=tr("no progress and no notices"))
    add_common(command)


def run(options: argparse.Namespace) -> int:
    """Do what was asked; the exit status."""
    if options.recipe in RECIPES:
        return importlib.import_module(RECIPES[options.recipe]).main(options.options)
    return options.action(options)


def _train(options: argparse.Namespace) -> int:
    from .training import train

    return train(options, options.family)


def _runs(options: argparse.Namespace) -> int:
    from .training import list_runs

    return list_runs(options)


def _samples(options: argparse.Namespace) -> int:
    from .rounds import list_samples

    return list_samples(options)


def _rate(options: argparse.Namespace) -> int:
    from .rounds import rate

    return rate(options)


def _list(options: argparse.Namespace) -> int:
    output = Output.of(options)
    chosen = {options.name: recipes()[options.name]} if options.name else recipes()
    if output.json:
        for name, family in chosen.items():
            output.result(_row(name, family), "")
        return DONE
    if not options.name:
        rows = [[name, tr(family.title)] for name, family in chosen.items()]
        for line in table([[tr("Recipe##training"), tr("What it makes")], *rows]):
            output.say(line)
        return DONE
    family = chosen[options.name]
    output.say(f"{tr(family.title)}\n{tr(family.summary)}\n")
    for line in table([[p.id, typed(p, p.default), tr(p.title), takes(p)] for p in family.task_params("train")]):
        output.say(line)
    return DONE


def _row(name: str, family: Family) -> dict[str, Any]:
    return {
        "recipe": name,
        "family": family.id,
        "title": tr(family.title),
        "summary": tr(family.summary),
        "params": [
            {
                "id": param.id,
                "title": tr(param.title),
                "help": tr(param.help) if param.help else "",
                "kind": param.kind,
                "default": param.default,
                "takes": takes(param),
                "advanced": param.advanced,
            }
            for param in family.task_params("train")
        ],
    }

"""`aigc-studio train`: a model from scratch, by a recipe of the training package."""

from __future__ import annotations

import argparse
import importlib

from aigc_studio.core.i18n import tr

from .parser import Parser, add_common

__all__ = ["configure", "run"]

RECIPES = {
    "starter-writer": "aigc_studio.training.starter_writer",
    "starter-icons": "aigc_studio.training.starter_icons",
}


def configure(parser: Parser) -> None:
    """The recipe; the rest of the line is its own."""
    parser.examples("aigc-studio train starter-writer --help")
    add_common(parser)
    parser.add_argument("recipe", choices=list(RECIPES), help=tr("what is trained"))
    parser.add_argument("options", nargs=argparse.REMAINDER, help=tr("options of the recipe; --help lists them"))


def run(options: argparse.Namespace) -> int:
    """Train; the exit status."""
    return importlib.import_module(RECIPES[options.recipe]).main(options.options)

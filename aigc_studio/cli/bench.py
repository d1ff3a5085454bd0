"""`aigc-studio bench`: how fast a model runs on this machine."""

from __future__ import annotations

import argparse

from aigc_studio.core.i18n import tr

from .parser import Parser, add_common

__all__ = ["configure", "run"]


def configure(parser: Parser) -> None:
    """The options."""
    parser.examples(
        "aigc-studio bench",
        "aigc-studio bench --model MODEL --set size=1024x1024 --set steps=20 --runs 5 --json",
    )
    parser.add_argument(
        "--model", default="", metavar="MODEL", help=tr("id or path of a model; the first of each kind when left out")
    )
    parser.add_argument("--runs", type=int, default=3, metavar="N", help=tr("how often it is measured when it is warm"))
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=tr("a parameter of the model, as listed by: aigc-studio models info MODEL"),
    )
    parser.add_argument("--prompt", default="", metavar="TEXT", help=tr("other words than the usual ones"))
    parser.add_argument("--here", action="store_true", help=tr("in this process instead of one of its own"))
    parser.add_argument("--device", default="", metavar="DEVICE", help=tr("where it runs: cpu, cuda, cuda:1, mps"))
    parser.add_argument("--json", action="store_true", help=tr("one JSON object a line, nothing else on stdout"))
    parser.add_argument("--quiet", action="store_true", help=tr("no progress and no notices"))
    add_common(parser)


def run(options: argparse.Namespace) -> int:
    """Measure; the exit status."""
    from . import measuring

    return measuring.run(options)

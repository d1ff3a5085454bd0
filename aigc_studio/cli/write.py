"""`aigc-studio write`: a text continued, answered, translated or summarised."""

from __future__ import annotations

import argparse
from pathlib import Path

from aigc_studio.core.i18n import tr
from aigc_studio.core.instructions import compose

from .asked import Plan, add_making, text_of
from .parser import Parser, complete_with

__all__ = ["configure", "run"]

TASKS = ("continue", "chat", "translate", "summarise")


def configure(parser: Parser) -> None:
    """The options."""
    parser.examples(
        'aigc-studio write "Blue is the sea and gold the day," --set style=precise',
        'aigc-studio write --task chat --model MODEL "Three slogans for a bakery"',
        "aigc-studio write --task translate --model MODEL --file letter.txt --out brief.md",
    )
    parser.add_argument("prompt", nargs="?", default="", help=tr("the words, or - to read them from standard input"))
    parser.add_argument(
        "--task", choices=TASKS, default="continue", help=tr("what is done with the text; continue when left out")
    )
    add_file(parser)
    add_making(parser)


def add_file(parser: argparse.ArgumentParser) -> None:
    """`--file`, for commands that work on a text."""
    file = parser.add_argument("--file", type=Path, metavar="FILE", help=tr("a text file to take the words from"))
    complete_with(file, "file")


def run(options: argparse.Namespace) -> int:
    """Write; the exit status."""
    from .making import make

    if options.task == "chat" and options.prompt and options.file is not None:
        prompt = compose(text_of(options.prompt, None), text_of("", options.file))
    else:
        prompt = text_of(options.prompt, options.file)
    return make(options, Plan("text", (options.task,), prompt))

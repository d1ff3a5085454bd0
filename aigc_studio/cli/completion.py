"""`aigc-studio completion bash|zsh|fish`: the script that completes our commands, made from the parsers themselves."""

from __future__ import annotations

import argparse
import sys

from aigc_studio.core.i18n import tr

from .codes import DONE
from .parser import Parser, add_common

__all__ = ["configure", "run", "whole"]

SHELLS = ("bash", "zsh", "fish")


def configure(parser: Parser) -> None:
    """The shell."""
    parser.examples(
        "aigc-studio completion bash > ~/.local/share/bash-completion/completions/aigc-studio",
        "aigc-studio completion zsh > ~/.zfunc/_aigc-studio",
        "aigc-studio completion fish > ~/.config/fish/completions/aigc-studio.fish",
    )
    parser.add_argument("shell", choices=SHELLS, help=tr("the shell it is for"))
    add_common(parser)


def run(options: argparse.Namespace) -> int:
    """Print the script; the exit status."""
    import shtab

    sys.stdout.write(shtab.complete(whole(), options.shell).rstrip("\n") + "\n")
    return DONE


def whole() -> Parser:
    """One parser with every command in it."""
    from . import COMMANDS, _module

    parser = Parser(prog="aigc-studio")
    parser.add_argument("--version", action="store_true", help=tr("print the version"))
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, command in COMMANDS.items():
        summary = tr(command.summary)
        below = commands.add_parser(name, help=summary, summary=summary, prog=f"aigc-studio {name}")
        module = _module(command.module)
        if hasattr(module, "configure"):
            module.configure(below)
    return parser

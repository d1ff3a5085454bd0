"""How a command reads its arguments: one shape for all, help in the person's language, and an example in each help.

argparse has its own words ("usage", "the following arguments are required"). It looks them up by gettext, whose
tables we do not have; while a command line is read, its look-up is ours.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from aigc_studio.core import i18n
from aigc_studio.core.i18n import N_, tr

__all__ = ["Parser", "add_common", "add_listing", "complete_with", "language_of", "our_words"]

_WORDS = (
    N_("usage: "),
    N_("options"),
    N_("positional arguments"),
    N_("subcommands"),
    N_("show this help message and exit"),
    N_("%(prog)s: error: %(message)s\n"),
    N_("argument %(argument_name)s: %(message)s"),
    N_("the following arguments are required: %s"),
    N_("one of the arguments %s is required"),
    N_("unrecognized arguments: %s"),
    N_("not allowed with argument %s"),
    N_("ambiguous option: %(option)s could match %(matches)s"),
    N_("expected one argument"),
    N_("expected at most one argument"),
    N_("expected at least one argument"),
    N_("ignored explicit argument %r"),
    N_("invalid choice: %(value)r (choose from %(choices)s)"),
    N_("invalid %(type)s value: %(value)r"),
    N_("unknown parser %(parser_name)r (choices: %(choices)s)"),
    N_("expected %s argument"),
    N_("expected %s arguments"),
)
"""Every text of argparse that a person can meet here, as it stands in argparse."""


@contextlib.contextmanager
def our_words() -> Iterator[None]:
    """Let argparse speak the current language while parsers are built, read with and printed."""
    ours = {
        "_": lambda text: tr(text) if text else text,
        "ngettext": lambda one, many, count: tr(one if count == 1 else many),
    }
    before = {name: getattr(argparse, name) for name in ours}
    for name, speak in ours.items():
        setattr(argparse, name, speak)
    try:
        yield
    finally:
        for name, speak in before.items():
            setattr(argparse, name, speak)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Descriptions and examples as they are written; no column of help narrower than it must be."""

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, **{"max_help_position": 30, **more})


class Parser(argparse.ArgumentParser):
    """A parser of one command. Wrong usage ends the process with status 2, as argparse has it."""

    def __init__(self, *, prog: str = "", summary: str = "", examples: Sequence[str] = (), **more: Any) -> None:
        """summary: shown above the options. examples: whole command lines, shown below them."""
        more.setdefault("formatter_class", _Formatter)
        more.setdefault("allow_abbrev", False)
        if examples:
            shown = "\n".join(f"  {line}" for line in examples)
            more.setdefault("epilog", tr("Examples:") + "\n" + shown)
        super().__init__(prog=prog or None, description=summary or None, **more)

    def examples(self, *lines: str) -> None:
        """Set the examples afterwards."""
        self.epilog = tr("Examples:") + "\n" + "\n".join(f"  {line}" for line in lines)


def add_common(parser: argparse.ArgumentParser) -> None:
    """What every command takes."""
    parser.add_argument("--language", choices=list(i18n.LANGUAGES), help=tr("language of what is said"))


def add_listing(parser: argparse.ArgumentParser) -> None:
    """What every command takes that answers with a list."""
    add_common(parser)
    parser.add_argument("--json", action="store_true", help=tr("one JSON object a line, nothing else on stdout"))


def complete_with(action: argparse.Action, what: str) -> None:
    """Tell the shell's completion what an argument is: "file" or "directory"."""
    vars(action)["complete"] = {
        "file": {
            "bash": "_shtab_compgen_files",
            "zsh": "_files",
            "fish": "(__fish_complete_path (commandline -ct))",
        },
        "directory": {
            "bash": "_shtab_compgen_dirs",
            "zsh": "_files -/",
            "fish": "(__fish_complete_directories)",
        },
    }[what]


def language_of(arguments: Sequence[str]) -> str:
    """The language that a command line asks for, "" when it asks for none: read before any help is made."""
    for number, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == "--language" and number + 1 < len(arguments):
            return arguments[number + 1]
        if argument.startswith("--language="):
            return argument.partition("=")[2]
    return ""

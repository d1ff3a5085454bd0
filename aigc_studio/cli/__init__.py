"""The command line: the window by default, and everything else on the same core, one small module a command.

A command's module is imported when it is asked for: the window and `--help` wait for nothing that they do not use.
Each has `configure(parser)` and `run(options) -> int`, or, where it reads the arguments itself, `main(arguments)`.
The exit statuses are those of `codes`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from aigc_studio import __version__
from aigc_studio.core import i18n
from aigc_studio.core.errors import Cancelled, StudioError, describe
from aigc_studio.core.i18n import N_, tr

from .codes import DONE, FAILED, MEANINGS, STOPPED, exit_status
from .output import ReaderGone
from .parser import Parser, language_of, our_words

__all__ = ["COMMANDS", "Command", "main", "program"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Command:
    """A command: the module beside this one that does it, and its line in the help, marked with N_().

    own: the module reads the arguments itself. log: whether what goes wrong behind a sentence goes to the log file.
    """

    module: str
    summary: str
    own: bool = False
    log: bool = True


COMMANDS = {
    "demo": Command(
        "demonstration",
        N_("Make a first project: a line of copy, a picture, a change of it, a voice-over."),
        own=True,
        log=False,
    ),
    "image": Command("image", N_("Make a picture.")),
    "edit": Command("edit", N_("Change a part of a picture, or make a variation of it.")),
    "write": Command("write", N_("Continue, answer, translate or summarise a text.")),
    "speak": Command("speak", N_("Speak a text into a sound file.")),
    "models": Command("models", N_("List the models on this machine; add and remove folders of models.")),
    "devices": Command("devices", N_("List what models can run on, with its memory.")),
    "project": Command("project", N_("List, search, check, repair, package or reproduce what is in a project.")),
    "bench": Command("bench", N_("Measure how fast a model runs on this machine.")),
    "serve": Command("serve", N_("Let other programs on this machine ask for generations, over HTTP.")),
    "engine": Command("install", N_("Install the engine for the large models: torch, diffusers, transformers.")),
    "train": Command("train", N_("Train a model from a folder of pictures or texts.")),
    "completion": Command("completion", N_("Print the script that completes these commands in your shell.")),
    "test": Command("test", N_("Run the tests; the arguments are pytest's."), own=True, log=False),
}
"""Name to command, in the order of the help."""

WINDOW_SUMMARY = N_("Open the studio.")


def program(arguments: Sequence[str]) -> int:
    """`main` as a process of its own: what goes wrong behind a sentence goes to the log file."""
    command = COMMANDS.get(_name_of(arguments))
    helping = any(argument in ("-h", "--help") for argument in arguments)
    if command is not None and command.log and not helping:
        from aigc_studio.core.logs import start_logging

        start_logging(terminal=False)
    try:
        return main(arguments)
    except Exception as error:  # noqa: BLE001  the last place that can say something
        log.exception("nobody caught this")
        if os.environ.get("AIGC_STUDIO_DEBUG"):
            raise
        _complain(describe(error), as_json="--json" in arguments)
        return FAILED


def main(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name); the exit status."""
    arguments = list(arguments)
    i18n.set_language(language_of(arguments))
    name = _name_of(arguments)
    try:
        if name in COMMANDS:
            return _run(name, arguments[arguments.index(name) + 1 :])
        if arguments and arguments[0] in ("-h", "--help"):
            print(overview())
            return DONE
        if arguments and arguments[0] == "--version":
            print(f"AIGC Studio {__version__}")
            return DONE
        return _module("window").main(arguments)
    except StudioError as error:
        _complain(error, as_json="--json" in arguments)
        return exit_status(error)
    except (BrokenPipeError, ReaderGone):  # of `| head`
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILED
    except (Cancelled, KeyboardInterrupt):
        with contextlib.suppress(OSError):
            print(tr("Stopped."), file=sys.stderr)
        return STOPPED


def _name_of(arguments: Sequence[str]) -> str:
    """The command of a command line, "" for the window; --language may stand before it."""
    rest = list(arguments)
    if rest[:1] == ["--language"]:
        rest = rest[2:]
    elif rest and rest[0].startswith("--language="):
        rest = rest[1:]
    return rest[0] if rest and rest[0] in COMMANDS else ""


def _module(name: str):  # noqa: ANN202  a module
    return importlib.import_module(f"{__name__}.{name}")


def _run(name: str, arguments: list[str]) -> int:
    command = COMMANDS[name]
    module = _module(command.module)
    if command.own:
        return module.main(arguments)
    with our_words():
        parser = parser_of(name)
        options = parser.parse_args(arguments)
    return options.run(options)


def parser_of(name: str) -> Parser:
    """The parser of a command that has one; its namespace's `run` does what was asked."""
    module = _module(COMMANDS[name].module)
    parser = Parser(prog=f"aigc-studio {name}", summary=tr(COMMANDS[name].summary))
    if hasattr(module, "run"):
        parser.set_defaults(run=module.run)
    module.configure(parser)
    return parser


def overview() -> str:
    """The help of the whole program."""
    wide = max(map(len, COMMANDS))
    lines = [f"AIGC Studio {__version__}", "", f"  aigc-studio [{tr('PROJECT')}]    {tr(WINDOW_SUMMARY)}", ""]
    lines += [f"  aigc-studio {name:{wide}}  {tr(command.summary)}" for name, command in COMMANDS.items()]
    lines += [
        "",
        tr("aigc-studio COMMAND --help says more, with examples; --language en|zh_CN sets the language."),
    ]
    lines += ["", tr("Exit status:")]
    lines += [f"  {code:3}  {tr(meaning)}" for code, meaning in MEANINGS.items()]
    return "\n".join(lines)


def _complain(error: StudioError, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": {"code": error.code, "message": str(error)}}, ensure_ascii=False), file=sys.stderr)
    else:
        print(error, file=sys.stderr)
    if error.detail and os.environ.get("AIGC_STUDIO_DEBUG"):
        print(error.detail, file=sys.stderr)

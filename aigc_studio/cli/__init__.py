"""The command line: the window by default, the demo, the tests, projects, and single results on the same core.

What a command needs is imported in it: the window is not to wait for what it does not use.

Every command returns its exit status: 0 done, 1 a sentence was printed that says what to do, 2 wrong usage,
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from aigc_studio import __version__
from aigc_studio.core import i18n, system
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.logs import start_logging

__all__ = ["main", "program"]

EXIT_STOPPED = 130


def program(arguments: Sequence[str]) -> int:
    """`main` as a process of its own: what goes wrong behind a sentence goes to the log file."""
    if arguments and arguments[0] not in ("test", "demo") and arguments[0] in _COMMANDS:
        start_logging(terminal=False)
    return main(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name); the exit status."""
    arguments = list(arguments)
    i18n.set_language("")
    try:
        if arguments and arguments[0] in _COMMANDS:
            return _COMMANDS[arguments[0]](arguments[1:])
        if arguments and arguments[0] in ("-h", "--help"):
            print(_help())
            return 0
        if arguments and arguments[0] == "--version":
            print(f"AIGC Studio {__version__}")
            return 0
        return _window(arguments)
    except StudioError as error:
        _complain(error)
        return 1
    except (Cancelled, KeyboardInterrupt):
        print(tr("Stopped."), file=sys.stderr)
        return EXIT_STOPPED
    except BrokenPipeError:  # the reader of our output has gone (`| head`)
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1


def _complain(error: StudioError) -> None:
    print(error, file=sys.stderr)
    if error.detail and os.environ.get("AIGC_STUDIO_DEBUG"):
        print(error.detail, file=sys.stderr)


def _help() -> str:
    lines = [f"AIGC Studio {__version__}", ""]
    lines += ["aigc-studio [PROJECT] [--language en|zh_CN]", f"    {tr(_WINDOW_HELP)}"]
    for name, summary in _SUMMARIES.items():
        lines += [f"aigc-studio {name} ...", f"    {tr(summary)}"]
    return "\n".join(lines)


def _parser(name: str) -> argparse.ArgumentParser:
    summary = tr(_SUMMARIES.get(name, _WINDOW_HELP))
    return argparse.ArgumentParser(prog=f"aigc-studio {name}".strip(), description=summary)


# The window and the demo ----------------------------------------------------------------------------------------------


def _window(arguments: list[str]) -> int:
    """Open the window: on a project, the last one or the start page. The window reads the arguments itself."""
    platform = system.window_platform()
    if not system.display_answers(platform):
        raise StudioError(
            N_("There is no display to open a window on; start it on a desktop, or make the demo without one: {line}"),
            code="no-display",
            line="python3 -m aigc_studio demo",
        )
    system.require_window()
    if (advice := system.font_advice()) is not None:
        print(advice, file=sys.stderr)
    return importlib.import_module("aigc_studio.ui.app").main(arguments)


def _demo(arguments: list[str]) -> int:
    """Make the first project: in the window, or without one where there is no display."""
    parser = _parser("demo")
    parser.add_argument("--headless", action="store_true", help=tr("without a window"))
    parser.add_argument("--folder", type=Path, help=tr("where the project is made"))
    parser.add_argument("--language", choices=list(i18n.LANGUAGES), help=tr("of the window"))
    options, others = parser.parse_known_args(arguments)
    if not options.headless and options.folder is None:
        if system.display_answers(system.window_platform()):
            return _window(["--demo", *(["--language", options.language] if options.language else []), *others])
        print(tr("There is no display; the demo project is made without a window."))
    if others:
        parser.error(" ".join(others))
    if options.language:
        i18n.set_language(options.language)
    return _demo_without_window(options.folder)


def _demo_without_window(folder: Path | None) -> int:
    from aigc_studio import demo
    from aigc_studio.core.project import Project
    from aigc_studio.core.settings import Settings

    from . import results

    recipe = demo.Demo.here(i18n.current_language())
    if folder is None:
        folder = demo.free_folder(Settings().projects_folder, recipe.name)

    def say(text: str, file: Path | None) -> None:
        if text in demo.STEPS:
            print(f"{tr(text)} ...", flush=True)
        else:
            print("    " + "  ".join(part for part in (text, file.name if file else "") if part), flush=True)

    with contextlib.closing(Project.create(folder, recipe.name)) as project, results.engine() as engine:
        demo.make(project, engine, recipe, say)
    print(tr("The demo project is in {folder}", folder=folder))
    return 0


# Tests ----------------------------------------------------------------------------------------------------------------


def _test(arguments: list[str]) -> int:
    """Run the test suite of a checkout with pytest; arguments are pytest's."""
    checkout = Path(__file__).resolve().parent.parent.parent
    if not (checkout / "tests" / "conftest.py").is_file():
        raise StudioError(
            N_("The tests are not part of an installed copy; run them in a source checkout."), code="no-tests"
        )
    pytest = importlib.import_module("pytest")
    os.chdir(checkout)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    own = any(argument.startswith(("-n", "-p", "--pdb", "--collect-only", "--co")) for argument in arguments)
    chosen = any(not argument.startswith("-") for argument in arguments)
    if not own and not chosen and (os.cpu_count() or 1) > 1:
        arguments = ["-n", str(min(os.cpu_count() or 1, 8)), "--dist", "worksteal", *arguments]
    return int(pytest.main(arguments))


# Models, engine, training ---------------------------------------------------------------------------------------------


def _models(arguments: list[str]) -> int:
    """List the models on this machine."""
    from aigc_studio.core import catalogue

    _parser("models").parse_args(arguments)
    for entry in catalogue.models():
        state = "" if entry.problem is None else f"  ({entry.problem})"
        print(f"{entry.id:18} {entry.kind:7} {entry.title}{state}")
    return 0


def _install_engine(arguments: list[str]) -> int:
    """Install torch, diffusers and transformers into this environment."""
    from aigc_studio.core import installer

    _parser("engine").parse_args(arguments)
    return installer.main(["--if-needed"])


def _train(arguments: list[str]) -> int:
    """Train a model from scratch, by the recipe's own options."""
    recipes = {"starter-writer": "aigc_studio.training.starter_writer"}
    parser = _parser("train")
    parser.add_argument("recipe", choices=list(recipes))
    parser.add_argument("options", nargs=argparse.REMAINDER, help=tr("options of the recipe; --help lists them"))
    options = parser.parse_args(arguments)
    return importlib.import_module(recipes[options.recipe]).main(options.options)


def _result(name: str, kind: str, task: str, arguments: list[str]) -> int:
    """One picture, text or voice-over."""
    from . import results

    return results.main(_parser(name), kind, task, arguments)


def _project(arguments: list[str]) -> int:
    """What can be done with a project without a window."""
    from . import projects

    return projects.main(_parser("project"), arguments)


_WINDOW_HELP = N_("Open the studio.")

_SUMMARIES = {
    "demo": N_("Make a first project: a line of copy, a picture, a change of it, a voice-over."),
    "test": N_("Run the tests; the arguments are pytest's."),
    "image": N_("Make a picture."),
    "write": N_("Continue a text."),
    "speak": N_("Speak a text into a sound file."),
    "models": N_("List the models on this machine."),
    "engine": N_("Install the engine for the large models: torch, diffusers, transformers."),
    "train": N_("Train a model from scratch."),
    "project": N_("List, check, repair, package or reproduce what is in a project."),
}

_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "demo": _demo,
    "test": _test,
    "image": lambda arguments: _result("image", "image", "generate", arguments),
    "write": lambda arguments: _result("write", "text", "continue", arguments),
    "speak": lambda arguments: _result("speak", "speech", "speak", arguments),
    "models": _models,
    "engine": _install_engine,
    "train": _train,
    "project": _project,
}

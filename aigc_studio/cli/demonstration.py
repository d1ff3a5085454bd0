"""`aigc-studio demo`: the first project, made in the window, or without one where there is no display."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path

from aigc_studio.core import i18n, system
from aigc_studio.core.i18n import tr

from . import window
from .parser import Parser, our_words

__all__ = ["configure", "main"]


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--headless", action="store_true", help=tr("without a window"))
    parser.add_argument("--folder", type=Path, help=tr("where the project is made"))
    parser.add_argument("--language", choices=list(i18n.LANGUAGES), help=tr("of the window"))


def main(arguments: Sequence[str]) -> int:
    """Make the demo; what is not ours goes to the window."""
    from . import COMMANDS

    with our_words():
        parser = Parser(
            prog="aigc-studio demo",
            summary=tr(COMMANDS["demo"].summary),
            examples=["aigc-studio demo --headless --folder First"],
        )
        configure(parser)
        options, others = parser.parse_known_args(arguments)
    if not options.headless and options.folder is None:
        if system.display_answers(system.window_platform()):
            return window.main(["--demo", *(["--language", options.language] if options.language else []), *others])
        print(tr("There is no display; the demo project is made without a window."))
    if others:
        with our_words():
            parser.error(tr("unrecognized arguments: %s") % " ".join(others))
    return _without_window(options.folder)


def _without_window(folder: Path | None) -> int:
    from aigc_studio import demo
    from aigc_studio.core.project import Project
    from aigc_studio.core.settings import Settings

    from .making import engine

    recipe = demo.Demo.here(i18n.current_language())
    if folder is None:
        folder = demo.free_folder(Settings().projects_folder, recipe.name)

    def say(text: str, file: Path | None) -> None:
        if text in demo.STEPS:
            print(f"{tr(text)} ...", flush=True)
        else:
            print("    " + "  ".join(part for part in (text, file.name if file else "") if part), flush=True)

    with contextlib.closing(Project.create(folder, recipe.name)) as project, engine() as runner:
        demo.make(project, runner, recipe, say)
    print(tr("The demo project is in {folder}", folder=folder))
    return 0

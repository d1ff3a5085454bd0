"""`aigc-studio speak`: a text as sound."""

from __future__ import annotations

import argparse

from aigc_studio.core.i18n import tr

from .asked import Plan, add_making, text_of
from .parser import Parser, complete_with
from .write import add_file

__all__ = ["configure", "run"]


def configure(parser: Parser) -> None:
    """The options."""
    parser.examples(
        'aigc-studio speak "Hello, 你好。" --out hello.wav --set speed=180',
        "aigc-studio speak --file chapter.txt --model MODEL --voice me.wav --consent --out chapter.mp3",
    )
    parser.add_argument("prompt", nargs="?", default="", help=tr("the words, or - to read them from standard input"))
    add_file(parser)
    voice = parser.add_argument(
        "--voice",
        metavar="FILE",
        help=tr("a recording whose voice is taken, or a speaker's vector, for models that can do that"),
    )
    complete_with(voice, "file")
    parser.add_argument(
        "--consent",
        action="store_true",
        help=tr("the person who is heard in the recording has agreed; kept in the recipe"),
    )
    add_making(parser)


def run(options: argparse.Namespace) -> int:
    """Speak; the exit status."""
    from .making import make

    inputs = {"voice": options.voice} if options.voice else {}
    params = {"consent": "true"} if options.consent else {}
    return make(options, Plan("speech", ("speak",), text_of(options.prompt, options.file), inputs, params))

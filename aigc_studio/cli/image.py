"""`aigc-studio image`: a picture from words, or from a seed alone where the model needs no words."""

from __future__ import annotations

import argparse

from aigc_studio.core.i18n import tr

from .asked import Plan, add_making, text_of
from .parser import Parser

__all__ = ["configure", "run"]


def configure(parser: Parser) -> None:
    """The options."""
    parser.examples(
        'aigc-studio image "calm blue waves" --size 1024x768 --out waves.png',
        'aigc-studio image "a red fox" --model MODEL --negative "blurry" --lora STYLE:0.8 --set steps=30 --count 4',
        "aigc-studio image --model MY-GAN --strip --seed 3 --set end=8 --set frames=16 --out strip.png",
    )
    parser.add_argument(
        "prompt",
        nargs="?",
        default="",
        help=tr("the words, or - to read them from standard input; none for models that need none"),
    )
    parser.add_argument("--strip", action="store_true", help=tr("a film strip from one seed to another (GAN, VAE)"))
    add_size(parser)
    add_making(parser, negative=True, lora=True)


def add_size(parser: argparse.ArgumentParser) -> None:
    """`--size`, for commands that make pictures."""
    parser.add_argument("--size", metavar="WxH", help=tr("width and height, as in 1024x768"))


def run(options: argparse.Namespace) -> int:
    """Make pictures; the exit status."""
    from .making import make

    params = {"size": options.size} if options.size else {}
    tasks = ("interpolate",) if options.strip else ("generate",)
    return make(options, Plan("image", tasks, text_of(options.prompt, None), params=params))

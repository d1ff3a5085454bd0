"""`aigc-studio edit`: a part of a picture made new (with a mask), a variation of all of it, or the way to another."""

from __future__ import annotations

import argparse
from pathlib import Path

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr

from .asked import Plan, add_making, text_of
from .image import add_size
from .parser import Parser, complete_with

__all__ = ["configure", "run"]


def configure(parser: Parser) -> None:
    """The options."""
    parser.examples(
        'aigc-studio edit room.png "a green sofa" --mask sofa-mask.png --out room-green.png',
        'aigc-studio edit sketch.jpg "oil painting, harbour" --strength 0.6 --project Harbour',
    )
    picture = parser.add_argument(
        "file", metavar="FILE", help=tr("the picture to work on; with --project, an asset's id too")
    )
    complete_with(picture, "file")
    parser.add_argument("prompt", nargs="?", default="", help=tr("what is to be there; - reads standard input"))
    mask = parser.add_argument(
        "--mask", metavar="FILE", help=tr("where it changes: white, or what is not transparent; all of it without")
    )
    complete_with(mask, "file")
    other = parser.add_argument(
        "--to", metavar="FILE", help=tr("another picture: makes a film strip from the one to the other (GAN, VAE)")
    )
    complete_with(other, "file")
    parser.add_argument("--strength", metavar="S", help=tr("how much it changes, 0 to 1"))
    add_size(parser)
    add_making(parser, negative=True, lora=True)


def run(options: argparse.Namespace) -> int:
    """Edit a picture; the exit status."""
    from .making import make

    for given in (options.file, options.mask, options.to):
        if given is not None and options.project is None and not Path(given).expanduser().is_file():
            raise StudioError(N_('"{name}" is not there; check the path.'), code="not-a-file", name=given)
    inputs = {"image": options.file}
    inputs |= {"mask": options.mask} if options.mask else {}
    inputs |= {"other": options.to} if options.to else {}
    params = {"size": options.size} if options.size else {}
    if options.strength is not None:
        params["strength"] = options.strength
    tasks = ("inpaint",) if options.mask else ("morph",) if options.to else ("variation", "reconstruct")
    return make(options, Plan("image", tasks, text_of(options.prompt, None), inputs, params))

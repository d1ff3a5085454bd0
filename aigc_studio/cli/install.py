"""`aigc-studio engine`: torch, diffusers and transformers, installed into this environment."""

from __future__ import annotations

import argparse

from .parser import Parser, add_common

__all__ = ["configure", "run"]


def configure(parser: Parser) -> None:
    """No options but the common ones."""
    parser.examples("aigc-studio engine")
    add_common(parser)


def run(_options: argparse.Namespace) -> int:
    """Install what is missing; the exit status."""
    from aigc_studio.core import installer

    return installer.main(["--if-needed"])

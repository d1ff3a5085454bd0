"""`aigc-studio devices`: what models can run on."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from aigc_studio.core.i18n import tr

from .codes import DONE
from .models import size_of
from .output import Output, table
from .parser import Parser, add_listing

__all__ = ["configure", "run"]


def configure(parser: Parser) -> None:
    """No options but the common ones."""
    parser.examples("aigc-studio devices", "aigc-studio devices --json")
    add_listing(parser)


def run(options: argparse.Namespace) -> int:
    """List the devices, the best first; the exit status."""
    from aigc_studio.core.hardware import devices

    output = Output.of(options)
    rows = [[tr("ID"), tr("Memory"), tr("Free##memory"), tr("Name")]]
    for device in devices():
        if output.json:
            output.result(asdict(device), "")
        rows.append([device.id, size_of(device.total), size_of(device.free), device.name])
    for line in table(rows, right=(1, 2)):
        output.say(line)
    return DONE

"""What `image`, `edit`, `write` and `speak` ask for: their common options and the plan. All that their help needs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr

from .parser import add_common, complete_with

__all__ = ["Plan", "add_making", "text_of"]


def add_making(parser: argparse.ArgumentParser, *, negative: bool = False, lora: bool = False) -> None:
    """The options that every generation takes; negative and lora where models have such a thing."""
    out = parser.add_argument("--out", type=Path, metavar="FILE", help=tr("the file to write; several are numbered"))
    complete_with(out, "file")
    project = parser.add_argument(
        "--project", type=Path, metavar="FOLDER", help=tr("the project to put the result in; made when it is not there")
    )
    complete_with(project, "directory")
    parser.add_argument(
        "--model", default="", metavar="MODEL", help=tr("id of a model as listed by: aigc-studio models; or its path")
    )
    parser.add_argument("--seed", type=int, metavar="N", help=tr("the same seed makes the same result"))
    parser.add_argument("--count", type=int, default=1, metavar="N", help=tr("how many results"))
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=tr("a parameter of the model, as listed by: aigc-studio models info MODEL"),
    )
    if negative:
        parser.add_argument("--negative", metavar="TEXT", help=tr("what is not to be seen"))
    if lora:
        parser.add_argument(
            "--lora", action="append", default=[], metavar="LORA[:WEIGHT]", help=tr("a LoRA by id or path; repeatable")
        )
    parser.add_argument("--device", default="", metavar="DEVICE", help=tr("where it runs: cpu, cuda, cuda:1, mps"))
    parser.add_argument("--dry-run", action="store_true", help=tr("check and print the request, make nothing"))
    parser.add_argument("--json", action="store_true", help=tr("one JSON object a result, nothing else on stdout"))
    parser.add_argument("--quiet", action="store_true", help=tr("no progress and no notices"))
    add_common(parser)


@dataclass(frozen=True)
class Plan:
    """What a command wants made. tasks: the first one that the model does. inputs: role to a file, or to an asset's id.

    params: values of options of the command's own, by parameter id; the ones of --set come over them.
    """

    kind: str
    tasks: Sequence[str]
    prompt: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)


def text_of(given: str, file: Path | None) -> str:
    """The words of a command: as typed, of standard input for "-", or of a text file."""
    if file is None:
        return sys.stdin.read() if given == "-" else given
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StudioError(
            N_('"{name}" is not text in UTF-8; save it as UTF-8 and try again.'), code="text-encoding", name=file.name
        ) from error
    except OSError as error:
        raise StudioError(
            N_('"{name}" could not be read ({reason}); choose another file.'),
            code="unreadable",
            name=str(file),
            reason=error.strerror or str(error),
        ) from error
    return f"{given}\n{text}" if given else text

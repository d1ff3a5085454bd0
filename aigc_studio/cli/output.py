"""What a command writes: results to standard output, as lines or as JSON, and everything else to standard error."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from aigc_studio.core.errors import Cancelled

__all__ = ["Output", "ReaderGone", "table"]


class ReaderGone(Cancelled):
    """Nobody reads what we write any more (`| head`): the work stops, and there is nothing to say about it."""


class Output:
    """The two streams of one command.

    json: each result is one JSON object on a line of its own, and nothing else reaches standard output. quiet: no
    progress and no notices; results and errors only.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self.json = json
        self.quiet = quiet
        self.gone = False
        """Whether the reader of standard output has gone."""
        self._out: TextIO = sys.stdout

    @classmethod
    def of(cls, options: argparse.Namespace) -> Output:
        """As the options of a command say."""
        return cls(json=getattr(options, "json", False), quiet=getattr(options, "quiet", False))

    @property
    def live(self) -> bool:
        """Whether somebody watches: progress may be drawn over what was drawn before."""
        return not self.quiet and sys.stderr is not None and sys.stderr.isatty()

    def result(self, row: Mapping[str, Any], line: str) -> None:
        """One result: `row` for programs, `line` for people."""
        text = json.dumps(row, ensure_ascii=False) if self.json else line
        text = text.encode("utf-8", "replace").decode("utf-8")  # half a character of a damaged name
        self._write(text + "\n")

    def say(self, line: str) -> None:
        """Something for people that is part of the answer; left out in JSON."""
        if not self.json:
            self._write(line + "\n")

    def piece(self, text: str) -> None:
        """A piece of a text as it comes. What a model writes must not steer a terminal: control characters are left out
        there."""
        if self._out.isatty():
            text = "".join(each for each in text if each in "\n\t" or unicodedata.category(each) != "Cc")
        self._write(text)

    def _write(self, text: str) -> None:
        try:
            print(text, end="", file=self._out, flush=True)
        except BrokenPipeError:
            self.gone = True
            raise ReaderGone from None

    def hint(self, line: str) -> None:
        """Something worth knowing that is no result."""
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """What a library prints meanwhile goes to standard error: standard output is for results."""
        with contextlib.redirect_stdout(sys.stderr):
            yield


def table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Rows of texts as lines with their columns below each other. right: columns set to the right."""
    widths = [max(map(_width, column)) for column in zip(*rows)] if rows else []
    lines = []
    for row in rows:
        cells = [
            " " * (wide - _width(cell)) + cell if number in right else cell + " " * (wide - _width(cell))
            for number, (cell, wide) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _width(text: str) -> int:
    """Columns of a terminal that a text takes: Chinese characters take two."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )

"""How a running job is shown: a bar on a terminal, a line now and then in a log, and nothing for who wants nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_studio.core.i18n import tr

from .output import Output

if TYPE_CHECKING:
    from rich.progress import Progress

    from aigc_studio.core.assets import Asset
    from aigc_studio.engines.engine import Preview

__all__ = ["Watch"]

FIRST_LINE_SECONDS = 2.0
"""A job that is done sooner writes no line of progress into a log."""

LINE_SECONDS = 5.0


class Watch:
    """Shows the progress of one job on standard error. Used as a context, so that a bar is always taken away again."""

    def __init__(self, output: Output, count: int) -> None:
        """count: how many results are made."""
        self._output = output
        self._count = count
        self._bar: Progress | None = None
        self._task: Any = None
        self._at: tuple[int, str] = (-1, "")
        self._next_line = time.monotonic() + FIRST_LINE_SECONDS
        self.note = ""
        """What else is said beside the stage: figures of the moment."""

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def step(self, index: int, done: int, total: int, stage: str) -> None:
        """Result `index` is at step `done` of `total` (0: nobody knows) of a stage."""
        if self._output.live:
            self._draw(index, done, total, stage)
        elif not self._output.quiet and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_SECONDS
            steps = tr("step {done} of {total}", done=done, total=total) if total else ""
            self._output.hint("  ".join(part for part in (self._label(index, stage), steps, self.note) if part))

    def clear(self) -> None:
        """Take the bar away, before something else is written."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """A sentence that is no error."""
        self.clear()
        self._output.hint(tr(text, **params))

    def _label(self, index: int, stage: str) -> str:
        place = tr("{number} of {count}##results", number=index + 1, count=self._count) if self._count > 1 else ""
        return "  ".join(part for part in (place, tr(stage) if stage else "") if part)

    def _draw(self, index: int, done: int, total: int, stage: str) -> None:
        bar = self._bar
        if bar is None:
            self._bar = bar = _bar()
            self._task = bar.add_task("", total=None)
            self._at = (-1, "")
            bar.start()
        if self._at != (index, stage):
            self._at = (index, stage)
            bar.reset(self._task, description=self._label(index, stage), total=total or None)
        label = "  ".join(part for part in (self._label(index, stage), self.note) if part)
        bar.update(self._task, description=label, completed=done if total else 0, total=total or None)


def _bar() -> Progress:
    """A bar with stage, steps and the time that is left; imported late, a run without a terminal does not need it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=Console(file=sys.stderr, highlight=False),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


class Listener:
    """A `RunListener` that shows progress and passes texts and results on."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """See `RunListener`."""
        self.watch.step(index, done, total, stage)

    def partial(self, index: int, piece: str) -> None:
        """See `RunListener`."""

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """See `RunListener`."""
        self.watch.notice(text, params)

    def stored(self, index: int, asset: Asset) -> None:
        """See `RunListener`."""

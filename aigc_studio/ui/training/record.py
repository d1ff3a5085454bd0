"""What the log of a run says, as curves and events that grow with it and are cut where the run went back."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aigc_studio.core.runs import is_inside

__all__ = ["Happened", "Piece", "Record", "Series", "Shot", "pieces_of"]

CLOCK = "seconds"
"""Name under which a piece carries the seconds that were spent learning."""


@dataclass(frozen=True)
class Piece:
    """Lines of a log in their order. cut: what lies above this step was lost before them; None for nothing.

    values: name to steps and values, float64 both, steps rising. events: the lines that are no values.
    """

    cut: int | None = None
    values: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Shot:
    """What the model made after a step: a picture below the run's folder, or texts."""

    step: int
    file: str = ""
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Happened:
    """Something that was said of the run at a step. source: English, marked where it was written."""

    step: int
    source: str
    params: Mapping[str, Any]


def pieces_of(lines: Iterable[Mapping[str, Any]], last: int) -> tuple[list[Piece], int]:
    """Pieces of some lines, and the last step then. last: that of the lines before them.

    A run that is resumed says from which step; one that had no checkpoint yet begins again without a word.
    """
    pieces: list[Piece] = []
    building = _Building()
    for line in lines:
        step = line.get("step")
        if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step < 2**53:
            continue
        values = line.get("values")
        resumed = line.get("event") == "resume"
        if step < last:
            pieces += building.finished()
            building = _Building(step if resumed else step - 1)
        last = step
        if isinstance(values, dict):
            building.add(step, line.get("seconds"), values)
        elif isinstance(line.get("event"), str):
            building.events.append(dict(line))
    return pieces + building.finished(), last


class _Building:
    def __init__(self, cut: int | None = None) -> None:
        self.cut = cut
        self.events: list[dict[str, Any]] = []
        self._values: dict[str, tuple[array[float], array[float]]] = {}

    def add(self, step: int, seconds: Any, values: Mapping[str, Any]) -> None:
        for name, value in (*values.items(), (CLOCK, seconds)):
            if (number := _number(value)) is not None:
                if name not in self._values:
                    self._values[name] = array("d"), array("d")
                steps, found = self._values[name]
                steps.append(step)
                found.append(number)

    def finished(self) -> list[Piece]:
        if self.cut is None and not self.events and not self._values:
            return []
        values = {name: (np.array(steps), np.array(found)) for name, (steps, found) in self._values.items()}
        return [Piece(self.cut, values, tuple(self.events))]


class Series:
    """One curve: steps and values, both growing at their end.

    number: which of a record's curves it is. Their rooms double at different times: all at once would be felt.
    """

    def __init__(self, number: int = 0) -> None:
        room = round(256 * 2 ** (number % 8 / 8))
        self._steps, self._values, self._count = np.empty(room), np.empty(room), 0

    def __len__(self) -> int:
        return self._count

    @property
    def steps(self) -> np.ndarray:
        """float64 (n,), never falling."""
        return self._steps[: self._count]

    @property
    def values(self) -> np.ndarray:
        """float64 (n,), all finite."""
        return self._values[: self._count]

    def extend(self, steps: np.ndarray, values: np.ndarray) -> None:
        """Some more points."""
        count = self._count + len(steps)
        if count > len(self._steps):
            room = max(count, 2 * len(self._steps))
            self._steps = np.concatenate([self.steps, np.empty(room - self._count)])
            self._values = np.concatenate([self.values, np.empty(room - self._count)])
        self._steps[self._count : count] = steps
        self._values[self._count : count] = values
        self._count = count

    def cut(self, step: int) -> None:
        """Drop what lies above a step."""
        self._count = int(np.searchsorted(self.steps, step, "right"))

    def at(self, step: float) -> tuple[float, float] | None:
        """(step, value) of the point nearest to a step, None where there is no point."""
        if not self._count:
            return None
        place = int(np.searchsorted(self.steps, step))
        near = [index for index in (place - 1, place) if 0 <= index < self._count]
        best = min(near, key=lambda index: abs(self._steps[index] - step))
        return float(self._steps[best]), float(self._values[best])


class Record:
    """All that a run's log has said so far."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self.clock = Series()
        """Seconds that were spent learning, by steps."""
        self.shots: list[Shot] = []
        self.notices: list[Happened] = []
        self.ended = ""
        """Why it learns no more: "steps", "asked", "paused", "training-nan", ...; "" while it goes on."""
        self.best: int | None = None
        """Step whose weights were taken in the end, where a later one was worse."""
        self.last = 0

    def take(self, piece: Piece) -> None:
        """Go on by a piece of the log."""
        if piece.cut is not None:
            self._cut(piece.cut)
        for name, (steps, values) in piece.values.items():
            if name == CLOCK:
                series = self.clock
            elif (series := self.series.get(name)) is None:
                series = self.series[name] = Series(1 + len(self.series))
            series.extend(steps, values)
            if len(steps):
                self.last = max(self.last, int(steps[-1]))
                self.ended = ""
        for event in piece.events:
            self._happened(event)

    def latest(self, name: str) -> float | None:
        """The newest value of a curve."""
        series = self.series.get(name)
        return float(series.values[-1]) if series is not None and len(series) else None

    def _cut(self, step: int) -> None:
        for series in (*self.series.values(), self.clock):
            series.cut(step)
        self.shots = [shot for shot in self.shots if shot.step <= step]
        self.notices = [notice for notice in self.notices if notice.step <= step]
        self.last = min(self.last, max(0, step))
        self.best = None

    def _happened(self, event: Mapping[str, Any]) -> None:
        step, kind = int(event["step"]), event["event"]
        self.last = max(self.last, step)
        if kind == "sample":
            self._sampled(step, event)
        elif kind == "notice" and isinstance(event.get("text"), str):
            params = event.get("params")
            self.notices.append(Happened(step, event["text"], params if isinstance(params, dict) else {}))
        elif kind in ("end", "stop"):
            self.ended = str(event.get("reason", "")) or "steps"
        elif kind == "resume":
            self.ended = ""
        elif kind == "best" and isinstance(event.get("of"), int):
            self.best = event["of"]

    def _sampled(self, step: int, event: Mapping[str, Any]) -> None:
        texts = event.get("texts")
        file = event.get("file")
        if isinstance(texts, list):
            shot = Shot(step, texts=tuple(str(text) for text in texts))
        elif isinstance(file, str) and file and is_inside(file):
            shot = Shot(step, file=file)
        else:
            return
        if self.shots and self.shots[-1].step == step:
            self.shots[-1] = shot
        else:
            self.shots.append(shot)


def _number(value: Any) -> float | None:
    """A figure of a log, None for what is none: a log may come from anywhere, and JSON's whole numbers have no end."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None

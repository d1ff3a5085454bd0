"""What `aigc-studio bench` measures: the same request cold and warm, through the engine that the window uses."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import new_job_id
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Family
from aigc_studio.engines.engine import CancelToken, Engine, Order, Preview
from aigc_studio.engines.interpreter import missing_engine
from aigc_studio.engines.runner import check_request, find_model, find_parts

from . import values
from .choosing import Choosing
from .codes import DONE
from .output import Output, table
from .progress import Watch
from .stopping import stoppable

__all__ = ["measure", "run"]

KINDS = ("image", "text", "speech")
SEED = 7
PROMPTS = {
    "image": "calm blue waves under a golden sky",
    "text": "Blue is the sea and gold the day,",
    "speech": "Every day begins with a colour: let the sea wake up in blue and gold.",
}


def run(options: argparse.Namespace) -> int:
    """Measure; the exit status."""
    from .making import device_of

    if not 1 <= options.runs <= 1000:
        raise StudioError(N_("Measure 1 to 1000 times, not {runs}."), code="value", runs=options.runs)
    output = Output.of(options)
    choosing = Choosing()
    chosen = [choosing.named(options.model)] if options.model else _first_of_each(choosing)
    rows = []
    with device_of(options.device), stoppable() as token:
        for entry in chosen:
            _, family, task = choosing.model(entry.kind, _TASKS.get(entry.kind, ("",)), options.model or entry.id)
            params = dict(values.assignment(family, task, text, choosing.id_of) for text in options.set)
            prompt = options.prompt or PROMPTS[entry.kind]
            request = Request(entry.kind, task, family.id, entry.id, prompt, params, SEED)
            check_request(request, choosing.find)
            with _engine(options.here, request.lane) as engine, Watch(output, 1) as watch, output.alone():
                row = measure(request, family, choosing, engine, options.runs, token, watch)
            if output.json:
                output.result(row, "")
            rows.append(row)
    if not output.json:
        _print(output, rows)
    return DONE


_TASKS = {"image": ("generate",), "text": ("continue", "chat", "translate", "summarise"), "speech": ("speak",)}


def _first_of_each(choosing: Choosing) -> list[Any]:
    """The first model of each kind that can run here."""
    found = []
    for kind in KINDS:
        with contextlib.suppress(StudioError):
            entry, family, _ = choosing.model(kind, _TASKS[kind])
            if missing_engine(family.needs) is None:
                found.append(entry)
    return found


@contextlib.contextmanager
def _engine(here: bool, lane: str):
    """The engine in a process of its own, as the window has it, or in this one."""
    if here:
        from .making import engine

        with engine() as local:
            yield local
        return
    from aigc_studio.engines.child import ChildEngine

    child = ChildEngine(lane)
    try:
        yield child
    finally:
        child.close()


def measure(
    request: Request,
    family: Family,
    choosing: Choosing,
    engine: Engine,
    runs: int,
    token: CancelToken,
    watch: Watch,
) -> dict[str, Any]:
    """One cold run and `runs` warm ones of the same request; the medians of the warm ones.

    cold_first_step: s from the order to the first step of the first run: process, imports, load and all. first_step: s
    from the order to the first step of a warm run. load: the difference of the two. seconds: of a whole warm run, with
    the file written. steps_per_second: between the first and the last step. tokens_per_second: as the engine counts
    them. real_time_factor: s of work for one second of sound.
    """
    laps = [_lap(request, choosing, engine, token, watch) for _ in range(runs + 1)]
    cold, warm = laps[0], laps[1:]
    row: dict[str, Any] = {
        "model": request.model,
        "family": family.id,
        "kind": request.kind,
        "task": request.task,
        "device": cold.engine.get("device", ""),
        "dtype": cold.engine.get("dtype", ""),
        "threads": cold.engine.get("threads"),
        "versions": cold.engine.get("versions", {}),
        "params": cold.engine.get("params", {}),
        "runs": runs,
        "cold_first_step": round(cold.first, 4),
        "first_step": _median([lap.first for lap in warm]),
        "load": round(max(0.0, cold.first - statistics.median(lap.first for lap in warm)), 4),
        "seconds": _median([lap.seconds for lap in warm]),
    }
    for name, of in (
        ("steps_per_second", [lap.pace for lap in warm if lap.pace]),
        ("tokens_per_second", [lap.tokens for lap in warm if lap.tokens]),
        ("real_time_factor", [lap.seconds / lap.sound for lap in warm if lap.sound]),
    ):
        if of:
            row[name] = _median(of)
    return row


def _median(numbers: list[float]) -> float:
    return round(statistics.median(numbers), 4)


@dataclass
class _Lap:
    """What was seen of one run. first, seconds: s. pace: steps a second. tokens: a second. sound: s of it."""

    first: float = 0.0
    seconds: float = 0.0
    pace: float = 0.0
    tokens: float = 0.0
    sound: float = 0.0
    engine: dict[str, Any] = field(default_factory=dict)


def _lap(request: Request, choosing: Choosing, engine: Engine, token: CancelToken, watch: Watch) -> _Lap:
    with tempfile.TemporaryDirectory(prefix="aigc-studio-bench-") as folder:
        model, parts = find_model(request, choosing.find), find_parts(request, choosing.find)
        order = Order(new_job_id(), request, Path(folder), model=model, parts=parts)
        clock = _Clock(watch)
        engine.run(order, clock, token)
        lap = _Lap(clock.first or clock.ended, clock.ended, clock.pace)
        recipe = read_recipe(clock.path) or {}
        lap.engine = recipe.get("engine", {})
        info = recipe.get("info", {})
        if request.kind == "text":
            lap.tokens = float(info.get("tokens_per_second") or 0.0)
        elif request.kind == "speech":
            import soundfile

            sound = soundfile.info(str(clock.path))
            lap.sound = sound.frames / sound.samplerate
        return lap


class _Clock:
    """A listener that looks at the clock."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._began = time.perf_counter()
        self._steps: list[tuple[float, int]] = []
        self._total = 0
        self.first = 0.0
        self.ended = 0.0
        self.path = Path()

    @property
    def pace(self) -> float:
        """Steps a second, from the first step that was told to the last; 0 when there was only one."""
        if len(self._steps) < 2:
            return 0.0
        (start, first), (end, last) = self._steps[0], self._steps[-1]
        return (last - first) / (end - start) if end > start and last > first else 0.0

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """See `Listener`: the first known step, and the longest row of steps of one length."""
        now = time.perf_counter() - self._began
        self._watch.step(index, done, total, stage)
        if not total:
            return
        self.first = self.first or now
        if total != self._total and total > self._total:
            self._total, self._steps = total, []
        if total == self._total and done:
            self._steps.append((now, done))

    def partial(self, index: int, piece: str) -> None:
        """See `Listener`: a first word is a first step."""
        self.first = self.first or time.perf_counter() - self._began

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """See `Listener`."""

    def output(self, index: int, path: Path) -> None:
        """See `Listener`."""
        self.ended = time.perf_counter() - self._began
        self.path = path

    def silent(self, seconds: float) -> None:
        """See `Listener`."""


_LINES = (
    (N_("load##time"), "load", "s"),
    (N_("first step, cold"), "cold_first_step", "s"),
    (N_("first step, warm"), "first_step", "s"),
    (N_("whole run, warm"), "seconds", "s"),
    (N_("steps a second"), "steps_per_second", ""),
    (N_("tokens a second"), "tokens_per_second", ""),
    (N_("real-time factor"), "real_time_factor", ""),
)


def _print(output: Output, rows: list[dict[str, Any]]) -> None:
    heads = ["", *(f"{row['model']} ({row['device']}, {row['dtype']})" for row in rows)]
    lines = [heads]
    for name, key, unit in _LINES:
        cells = [f"{row[key]:.3g} {unit}".strip() if key in row else "" for row in rows]
        if any(cells):
            lines.append([tr(name), *cells])
    for line in table(lines, right=tuple(range(1, len(heads)))):
        output.say(line)
    if not rows:
        output.hint(tr("There is no model that could be measured here."))

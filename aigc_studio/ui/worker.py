"""The worker thread of a lane: takes orders one by one, drives the lane's engine, says by signals how it goes."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal
from PySide6.QtGui import QImage

from aigc_studio.core.errors import Cancelled, StudioError, describe
from aigc_studio.core.i18n import N_
from aigc_studio.engines.engine import CancelToken, Engine, Order, Preview

from .events import Notice, Progress

__all__ = ["GenerationWorker"]

log = logging.getLogger(__name__)

PROGRESS_INTERVAL = 0.05


@dataclass(frozen=True)
class _Run:
    order: Order
    token: CancelToken


class GenerationWorker(QThread):
    """One lane's thread and engine. Methods are for the UI thread; signals reach it.

    progressed: job id, Progress. said: job id, index, text. noticed: job id, Notice. ended: job id and None (done),
    Cancelled or StudioError. silent: job id, seconds without a sign of life.
    """

    progressed = Signal(str, object)
    said = Signal(str, int, str)
    noticed = Signal(str, object)
    ended = Signal(str, object)
    silent = Signal(str, float)

    def __init__(
        self,
        lane: str,
        make_engine: Callable[[], Engine],
        store_output: Callable[[str, int, Path], None],
        parent: QObject | None = None,
    ) -> None:
        """make_engine: called in the thread. store_output(job id, index, file): called there too, must not wait."""
        super().__init__(parent)
        self.setObjectName(f"lane-{lane}")
        self._make_engine = make_engine
        self._store_output = store_output
        self._work: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def do(self, order: Order, token: CancelToken) -> None:
        """Run an order; `ended` follows, whatever happens."""
        self._work.put(_Run(order, token))

    def warm(self, family: str) -> None:
        """Let the engine import what this family needs."""
        self._work.put(lambda engine: engine.warm(family))

    def unload(self) -> None:
        """Let the engine give its memory back."""
        self._work.put(lambda engine: engine.unload())

    def stop(self) -> None:
        """End the engine and the thread after what is being done."""
        self._work.put(None)

    def run(self) -> None:
        """The thread: one engine from first to last order."""
        engine = self._make_engine()
        while (work := self._work.get()) is not None:
            if isinstance(work, _Run):
                self._run(engine, work)
            else:
                self._quietly(work, engine)
            del work
        self._quietly(lambda each: each.close(), engine)

    def _run(self, engine: Engine, work: _Run) -> None:
        outcome: object = None
        try:
            engine.run(work.order, _Relay(self, work.order), work.token)
        except Cancelled as cancelled:
            outcome = cancelled
        except Exception as error:
            outcome = describe(error)
            if outcome is not error:
                log.exception("lane: job %s failed", work.order.job_id)
        self.ended.emit(work.order.job_id, outcome)

    def _quietly(self, call: Callable[[Engine], None], engine: Engine) -> None:
        try:
            call(engine)
        except StudioError as error:
            log.warning("lane: %s %s", error, error.detail)
        except Exception:
            log.exception("lane: engine failed outside of a job")

    def store(self, job_id: str, index: int, path: Path) -> None:
        """Hand a finished file on (worker thread)."""
        self._store_output(job_id, index, path)


class _Relay:
    """The engine's listener: rates limited, time left estimated, pixels made a QImage, all in the worker's thread."""

    def __init__(self, worker: GenerationWorker, order: Order) -> None:
        self._worker = worker
        self._job = order.job_id
        self._count = order.request.count
        self._told_at = 0.0
        self._stage: str | None = None
        self._begun: tuple[float, float] | None = None

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        now = time.monotonic()
        quick = now - self._told_at < PROGRESS_INTERVAL
        if quick and preview is None and stage == self._stage:
            return
        self._told_at, self._stage = now, stage
        image = None
        if preview is not None:
            size = preview.width, preview.height
            image = QImage(preview.pixels, *size, 3 * preview.width, QImage.Format.Format_RGB888).copy()
        progress = Progress(index, self._count, done, total, stage, self._eta(now, index, done, total), image)
        self._worker.progressed.emit(self._job, progress)

    def partial(self, index: int, piece: str) -> None:
        self._worker.said.emit(self._job, index, piece)

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        self._worker.noticed.emit(self._job, Notice(text, params))

    def output(self, index: int, path: Path) -> None:
        self._worker.store(self._job, index, path)

    def silent(self, seconds: float) -> None:
        self._worker.silent.emit(self._job, seconds)

    def _eta(self, now: float, index: int, done: int, total: int) -> float | None:
        """From the pace since the first step, which leaves loading out."""
        if not total:
            return None
        part = (index + min(done / total, 1.0)) / self._count
        if self._begun is None:
            self._begun = (now, part)
        since, first = self._begun
        if part <= first or now - since < 0.3:
            return None
        return (now - since) * (1.0 - part) / (part - first)


def silence_problem(seconds: float) -> StudioError:
    """What to tell about an engine that has not been heard for so long."""
    return StudioError(
        N_("The engine has not answered for {seconds} seconds; wait, or cancel the job to restart it."),
        code="engine-silent",
        seconds=round(seconds),
    )

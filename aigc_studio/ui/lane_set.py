"""All lanes of a studio: which one has a job, which may be closed, warmed, or asked for its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import Job
from aigc_studio.core.requests import LANES
from aigc_studio.core.settings import Settings
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.engine import Engine, Order
from aigc_studio.engines.interpreter import missing_engine
from aigc_studio.engines.local import LocalEngine

from .lanes import Lane

__all__ = ["Arbiter", "LaneSet"]

_LAST_RUN = "last_run"
_IDLE_LOOK_MS = 30_000

Arbiter = Callable[[Order, Model | None, Sequence[str]], Sequence[str]]
"""Asked before an order runs, with the model its lane has loaded already and the names of the idle lanes: which of
them should give their memory back first."""


class LaneSet(QObject):
    """UI thread. Signals are those of `Lane`, whichever lane they come from."""

    progressed = Signal(str, object)
    said = Signal(str, int, str)
    noticed = Signal(str, object)
    ended = Signal(str, object, object)
    troubled = Signal(object)

    def __init__(
        self,
        settings: Settings,
        engine: str,
        arbiter: Arbiter | None,
        store_output: Callable[[str, int, Path], None],
        parent: QObject | None = None,
    ) -> None:
        """engine: "child" or "thread". store_output is called in the lanes' threads."""
        super().__init__(parent)
        self._settings, self._arbiter = settings, arbiter
        make = self._child_engine if engine == "child" else _local_engine
        self._device = str(settings.get("device"))
        self._lanes = {name: self._make(name, make, store_output) for name in LANES}
        self._outdated: set[str] = set()
        """Lanes whose engine was started for another device, and are busy with it."""
        self._idle_timer = QTimer(self, interval=_IDLE_LOOK_MS)
        self._idle_timer.timeout.connect(self.close_idle)
        self._idle_timer.start()

    def __getitem__(self, name: str) -> Lane:
        return self._lanes[name]

    def __iter__(self) -> Iterator[Lane]:
        """Every lane."""
        return iter(self._lanes.values())

    def running(self, job_id: str) -> Lane | None:
        """The lane that is on this job."""
        return next((lane for lane in self if lane.job is not None and lane.job.id == job_id), None)

    def start(self, lane: Lane, job: Job, order: Order) -> None:
        """Run a claimed job, after other lanes were asked for the memory it needs."""
        if self._arbiter is not None:
            idle = [other.name for other in self if other is not lane and other.idle_seconds > 0]
            for name in self._arbiter(order, lane.model, idle):
                self._lanes[name].unload()
        lane.start(job, order)
        self._settings.set_state(_LAST_RUN, [lane.name, job.request.family])

    def warm_last(self) -> None:
        """Start the lane of the job that ran last: most likely the next one is of its kind."""
        last = self._settings.state(_LAST_RUN)
        if not isinstance(last, list) or len(last) != 2 or last[0] not in self._lanes:
            return
        lane, family = last
        try:
            needs = registry.family(family).needs
        except StudioError:
            return
        if missing_engine(needs) is None:
            self._lanes[lane].warm(family)

    def close_idle(self) -> None:
        """A lane that had nothing to do for long gives its process, and all its memory, back."""
        limit = 60.0 * self._settings.get("idle_minutes")
        for lane in self:
            if lane.idle_seconds > limit:
                lane.close()

    def use_device(self) -> None:
        """The setting has changed: engines that are idle end now, the others after their job; new ones follow it."""
        device = str(self._settings.get("device"))
        if device == self._device:
            return
        self._device = device
        for lane in self:
            if lane.job is None:
                lane.close()
            else:
                self._outdated.add(lane.name)

    def close(self) -> None:
        """End every worker and its engine."""
        self._idle_timer.stop()
        for lane in self:
            lane.close()

    def wait(self) -> None:
        """Wait until they have ended; after `close`."""
        for lane in self:
            lane.wait()

    def _make(
        self, name: str, make_engine: Callable[[str], Engine], store_output: Callable[[str, int, Path], None]
    ) -> Lane:
        lane = Lane(name, make_engine, store_output, self)
        lane.progressed.connect(self.progressed)
        lane.said.connect(self.said)
        lane.noticed.connect(self.noticed)
        lane.ended.connect(lambda *what: self._on_ended(lane, *what))
        lane.troubled.connect(self.troubled)
        return lane

    def _child_engine(self, name: str) -> Engine:
        """Called in the lane's thread: the device is that of the moment it starts."""
        environment = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}  # as `core.hardware` counts the cards
        if self._device:
            environment["AIGC_STUDIO_DEVICE"] = self._device
        return ChildEngine(name, environment=environment)

    def _on_ended(self, lane: Lane, *what: object) -> None:
        if lane.name in self._outdated:
            self._outdated.discard(lane.name)
            lane.close()
        self.ended.emit(*what)


def _local_engine(_lane: str) -> Engine:
    return LocalEngine(collect=False)  # `GarbageCollector` says why

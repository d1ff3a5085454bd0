"""Installs the engine group while the window is in use: one thread, signals, cancel and another try."""

from __future__ import annotations

import logging
import threading
from enum import StrEnum

from PySide6.QtCore import QObject, QThread, Signal

from aigc_studio.core.errors import Cancelled, StudioError, describe
from aigc_studio.core.installer import EngineState, Plan, Progress, engine_state, install_engine, plan_engine

__all__ = ["EngineInstall", "Stage"]

log = logging.getLogger(__name__)


class Stage(StrEnum):
    """Where the installation stands."""

    IDLE = "idle"
    PLANNING = "planning"
    PLANNED = "planned"
    INSTALLING = "installing"
    DONE = "done"
    FAILED = "failed"


class _Work(QThread):
    """One step, plan or install, on its own thread. Signals carry what the installer says."""

    planned = Signal(object)
    progress = Signal(object)
    line = Signal(str)
    installed = Signal(object)
    failed = Signal(object)
    """StudioError, or None when the user cancelled."""

    def __init__(self, plan: Plan | None, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("engine installation")
        self._plan = plan
        self.cancel = threading.Event()

    def run(self) -> None:
        """Qt's call in the new thread."""
        try:
            if self._plan is None:
                self.planned.emit(plan_engine(line=self.line.emit, cancelled=self.cancel.is_set))
            else:
                state = install_engine(
                    self._plan, progress=self.progress.emit, line=self.line.emit, cancelled=self.cancel.is_set
                )
                self.installed.emit(state)
        except Cancelled:
            self.failed.emit(None)
        except Exception as error:
            log.info("installing the engine", exc_info=True)
            self.failed.emit(describe(error))


class EngineInstall(QObject):
    """The installation, whoever watches it. One per window."""

    changed = Signal()
    """Stage, plan, progress or error changed."""
    said = Signal(str)
    """A line of the installer's output."""
    finished = Signal(object)
    """EngineState after an installation that worked."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.stage = Stage.IDLE
        self.plan: Plan | None = None
        self.progress: Progress | None = None
        self.error: StudioError | None = None
        self.lines: list[str] = []
        self._work: _Work | None = None

    @property
    def busy(self) -> bool:
        """Whether its thread is at work."""
        return self.stage in (Stage.PLANNING, Stage.INSTALLING)

    def state(self) -> EngineState:
        """What is installed now."""
        return engine_state()

    def find_out(self) -> None:
        """Ask what an installation would fetch; nothing while one is running."""
        if not self.busy:
            self._start(Stage.PLANNING, None)

    def install(self) -> None:
        """Install what was planned; after a failure go on from there, planning first where there is no plan."""
        if self.busy:
            return
        if self.plan is None:
            self.find_out()
        else:
            self._start(Stage.INSTALLING, self.plan)

    def cancel(self) -> None:
        """Stop; what was fetched is kept for the next time."""
        if self._work is not None:
            self._work.cancel.set()

    def close(self) -> None:
        """Stop and wait: the last call."""
        self.cancel()
        if self._work is not None:
            self._work.wait()

    def _start(self, stage: Stage, plan: Plan | None) -> None:
        self.stage, self.error, self.progress = stage, None, None
        work = self._work = _Work(plan, self)
        work.planned.connect(self._planned)
        work.progress.connect(self._progressed)
        work.line.connect(self._line)
        work.installed.connect(self._installed)
        work.failed.connect(self._failed)
        work.finished.connect(work.deleteLater)
        work.finished.connect(lambda: setattr(self, "_work", None) if self._work is work else None)
        work.start(QThread.Priority.LowPriority)
        self.changed.emit()

    def _planned(self, plan: Plan) -> None:
        self.plan, self.stage = plan, Stage.PLANNED
        self.changed.emit()

    def _progressed(self, progress: Progress) -> None:
        self.progress = progress
        self.changed.emit()

    def _line(self, text: str) -> None:
        self.lines.append(text)
        del self.lines[:-2000]
        self.said.emit(text)

    def _installed(self, state: EngineState) -> None:
        self.stage, self.plan = Stage.DONE, None
        self.changed.emit()
        self.finished.emit(state)

    def _failed(self, error: StudioError | None) -> None:
        self.error = error
        self.stage = Stage.FAILED if error is not None else (Stage.PLANNED if self.plan else Stage.IDLE)
        self.changed.emit()

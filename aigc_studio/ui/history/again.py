"""Making a result again from its recipe, beside the queue and beside the project, to see whether it is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import Cancelled, StudioError, describe
from aigc_studio.core.i18n import N_
from aigc_studio.core.reader import ProjectReader
from aigc_studio.core.requests import LANES
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.engine import CancelToken, Engine
from aigc_studio.engines.reproduce import Reproduction, reproduce
from aigc_studio.ui.studio import Studio

__all__ = ["Again"]


class _Thread(QThread):
    made = Signal(object)
    """A Reproduction, a StudioError, or None when it was cancelled."""

    def __init__(self, folder: Path, asset_id: str, make: Callable[[], Engine], keep: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._folder, self._asset_id, self._make, self._keep = folder, asset_id, make, keep
        self.token = CancelToken()
        self.setObjectName("history-again")

    def run(self) -> None:
        """An engine and a reader of its own."""
        answer: Reproduction | StudioError | None = None
        try:
            reader, engine = ProjectReader(self._folder), self._make()
            try:
                answer = reproduce(reader, self._asset_id, engine, self.token, keep=self._keep)
            finally:
                engine.close()
                reader.close()
        except Cancelled:
            answer = None
        except Exception as error:  # noqa: BLE001  shown to the person; a thread must not die silently
            answer = describe(error)
        self.made.emit(answer)


class Again(QObject):
    """One at a time. make_engine(lane): the engine that makes it, by default a child process as the queue's."""

    finished = Signal(object)
    """A Reproduction."""
    failed = Signal(object)
    """A StudioError."""
    changed = Signal()
    """It began or ended."""

    def __init__(
        self, studio: Studio, parent: QObject | None = None, make_engine: Callable[[str], Engine] | None = None
    ) -> None:
        super().__init__(parent)
        self._studio = studio
        self._make = make_engine or self._child
        self._thread: _Thread | None = None
        self._kept: tempfile.TemporaryDirectory[str] | None = None
        studio.projectClosed.connect(self.close)

    @property
    def running(self) -> bool:
        """Whether something is being made again."""
        return self._thread is not None

    def start(self, asset: Asset, kind: str) -> None:
        """Make `asset` again. kind: of its request. The queue's own engine gives its memory back first."""
        info = self._studio.info
        if self._thread is not None or info is None:
            return
        lane = next((name for name, kinds in LANES.items() if kind in kinds), "")
        if not lane:
            return
        if not self._studio.give_way(lane):
            self.failed.emit(
                StudioError(
                    N_("The queue is making something of this kind; try again when it is done."), code="lane-busy"
                )
            )
            return
        self._forget_file()
        self._kept = tempfile.TemporaryDirectory(prefix="aigc-again-")
        thread = self._thread = _Thread(info.folder, asset.id, lambda: self._make(lane), Path(self._kept.name), self)
        thread.made.connect(self._made)
        thread.start()
        self.changed.emit()

    def cancel(self) -> None:
        """Stop it."""
        if self._thread is not None:
            self._thread.token.cancel()

    def close(self) -> None:
        """Stop it and wait: the project or the window goes."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.token.cancel()
            thread.wait()
            self.changed.emit()
        self._forget_file()

    def _made(self, answer: Reproduction | StudioError | None) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return  # closed meanwhile
        thread.wait()
        thread.deleteLater()
        self.changed.emit()
        if isinstance(answer, Reproduction):
            self.finished.emit(answer)
        elif answer is not None:
            self.failed.emit(answer)

    def _forget_file(self) -> None:
        if self._kept is not None:
            self._kept.cleanup()
            self._kept = None

    def _child(self, lane: str) -> Engine:
        device = str(self._studio.settings.get("device"))
        environment = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **({"AIGC_STUDIO_DEVICE": device} if device else {})}
        return ChildEngine(lane, environment=environment)

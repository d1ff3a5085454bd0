"""The bar at the bottom: what is being made and how far, the queue in a few words, the device, and the
engine where it needs something."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QStatusBar, QToolButton, QWidget

from aigc_studio.core.i18n import tr
from aigc_studio.core.installer import EngineState
from aigc_studio.core.jobs import JobState
from aigc_studio.ui.devices import device_text
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.widgets.job_bar import progress_text

from .device_card import DeviceCard

__all__ = ["StatusBar", "queue_text"]


class StatusBar(Translated, QStatusBar):
    """Follows the studio's signals; a click on the queue's or the engine's words asks for more."""

    queueWanted = Signal()
    engineWanted = Signal()

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._engine: EngineState | None = None
        self.setSizeGripEnabled(False)
        self.setFixedHeight(28)
        self.stage = QLabel(self)
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setFixedWidth(160)
        self.bar.setTextVisible(False)
        left = QWidget(self)
        line = QHBoxLayout(left)
        line.setContentsMargins(8, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(self.stage, 1)
        self.addWidget(left, 1)
        self.queue = self._button("playlist-play")
        self.queue.clicked.connect(self.queueWanted)
        self.engine = self._button("chip")
        self.engine.clicked.connect(self.engineWanted)
        self.device = self._button("expansion-card-variant")
        self.device.hide()
        self.device.clicked.connect(lambda: self.card.open_above(self.device))
        self.card = DeviceCard(studio.devices, studio.settings, self)
        self.addPermanentWidget(self.queue)
        self.addPermanentWidget(self.device)
        self.addPermanentWidget(self.engine)
        studio.devices.changed.connect(self._show_device)
        studio.jobsChanged.connect(self.refresh)
        studio.jobProgress.connect(lambda _id, _progress: self.refresh())
        studio.jobFinished.connect(lambda _id, _job: self.refresh())
        self.refresh()

    def show_engine(self, state: EngineState) -> None:
        """Say which engine is installed."""
        self._engine = state
        self.refresh()

    def retranslate(self) -> None:
        """Everything here is made of several texts."""
        super().retranslate()
        self.refresh()
        self._show_device()

    def _show_device(self) -> None:
        device = self._studio.devices.current
        self.device.setVisible(device is not None)
        if device is not None:
            self.device.setText(device_text(device))
            self.device.setToolTip(tr("What models run on. Click for all devices."))

    def refresh(self) -> None:
        """Read the queue again: cheap, the studio keeps a copy."""
        jobs = self._studio.jobs()
        running = [job for job in jobs if job.state == JobState.RUNNING]
        self.bar.setVisible(bool(running))
        text = ""
        if running:
            progress = self._studio.progress(running[0].id)
            self.bar.setValue(round(1000 * progress.fraction) if progress else 0)
            text = progress_text(progress)
        self.stage.setText(text)
        self.queue.setText(queue_text(jobs))
        if self._studio.held:
            self.queue.setText(tr("Queue paused"))
        self.queue.setToolTip(tr("Show the queue"))
        self.queue.setVisible(self._studio.info is not None)
        state = self._engine  # one that is ready needs no word: the device beside it says what models run on
        self.engine.setVisible(state is not None and (not state.ready or state.outdated))
        if state is not None:
            self.engine.setText(tr("Engine outdated") if state.ready else tr("Engine not installed"))
            self.engine.setToolTip(
                tr("This version asks for newer packages. Click to install the engine anew.")
                if state.ready
                else tr("Painter and basic voice work without it. Click to install the engine for large models.")
            )

    def _button(self, picture: str) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("role", "status")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIcon(icon(picture))
        button.setIconSize(QSize(16, 16))
        return button


def queue_text(jobs: list) -> str:
    """The queue in a few words, in the current language."""
    texts = (
        (JobState.RUNNING, tr("{count} running", count=_count(jobs, JobState.RUNNING))),
        (JobState.PENDING, tr("{count} waiting", count=_count(jobs, JobState.PENDING))),
        (JobState.PAUSED, tr("{count} paused", count=_count(jobs, JobState.PAUSED))),
    )
    shown = [text for state, text in texts if _count(jobs, state)]
    return " · ".join(shown) if shown else tr("Queue empty")


def _count(jobs: list, state: JobState) -> int:
    return sum(job.state == state for job in jobs)

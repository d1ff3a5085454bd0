"""One job of a panel: what it is doing, how far it is, and the button that stops it."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QToolButton, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import JobState
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.studio import Studio

__all__ = ["JobBar", "progress_text", "time_text"]


def time_text(seconds: float) -> str:
    """A remaining time, rounded as people say it."""
    if seconds < 1.5:
        return tr("about a second left")
    if seconds < 90:
        return tr("about {seconds} s left", seconds=round(seconds) if seconds < 10 else 5 * round(seconds / 5))
    if seconds < 5400:
        return tr("about {minutes} min left", minutes=round(seconds / 60))
    return tr("about {hours} h left", hours=f"{seconds / 3600:.1f}")


def progress_text(progress) -> str:
    """A Progress in words: stage, result n of m, time left. None: it is starting."""
    if progress is None:
        return tr("Starting")
    parts = [tr(progress.stage) if progress.stage else tr("Working")]
    if progress.count > 1:
        parts.append(tr("{index} of {count}", index=progress.index + 1, count=progress.count))
    if progress.eta_s is not None:
        parts.append(time_text(progress.eta_s))
    return "  ·  ".join(parts)


class JobBar(Translated, QFrame):
    """Hidden while it has no job or its job is over."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._id = ""
        self.text = QLabel(self)
        self.text.setProperty("role", "faint")
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.cancel = QToolButton(self)
        self.cancel.setIcon(icon("stop-circle-outline"))
        self.cancel.setIconSize(QSize(20, 20))
        self.tr_bind(self.cancel.setToolTip, N_("Cancel"))
        self.tr_bind(self.cancel.setAccessibleName, N_("Cancel"))
        self.cancel.clicked.connect(self._cancel)
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addWidget(self.text)
        column.addWidget(self.bar)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addLayout(column, 1)
        line.addWidget(self.cancel)
        studio.jobsChanged.connect(self._refresh)
        studio.jobProgress.connect(lambda id, _progress: self._refresh() if id == self._id else None)
        studio.jobFinished.connect(lambda id, _job: self._refresh() if id == self._id else None)
        self.hide()

    def bind(self, job_id: str) -> None:
        """Follow this job; "" for none."""
        self._id = job_id
        self._refresh()

    def retranslate(self) -> None:
        """The text is made of several."""
        super().retranslate()
        self._refresh()

    def _cancel(self) -> None:
        if self._id:
            self._studio.cancel(self._id)

    def _refresh(self) -> None:
        job = self._studio.job(self._id) if self._id else None
        active = job is not None and job.state in (JobState.PENDING, JobState.RUNNING)
        self.setVisible(active)
        if job is None or not active:
            return
        progress = self._studio.progress(self._id)
        waiting = job.state == JobState.PENDING
        self.text.setText(tr("Waiting in the queue") if waiting else progress_text(progress))
        known = waiting or (progress is not None and bool(progress.total))
        self.bar.setRange(0, 1000 if known else 0)
        if known:
            self.bar.setValue(0 if waiting or progress is None else round(1000 * progress.fraction))

"""The queue as a list: what runs, what waits in its order, then what has ended, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.ui.history.words import title_of
from aigc_studio.ui.studio import Studio

__all__ = ["JOB_MIME", "STATE_TITLES", "JobModel", "ordered"]

JOB_MIME = "application/x-aigc-job"

STATE_TITLES = {
    JobState.PENDING: N_("Waiting"),
    JobState.RUNNING: N_("Running"),
    JobState.PAUSED: N_("Paused"),
    JobState.DONE: N_("Done"),
    JobState.FAILED: N_("Failed"),
    JobState.CANCELLED: N_("Cancelled"),
}
"""A state in a word."""

_Index = QModelIndex | QPersistentModelIndex


def ordered(jobs: Sequence[Job]) -> list[Job]:
    """Jobs as they are listed."""
    running = [job for job in jobs if job.state == JobState.RUNNING]
    waiting = sorted((job for job in jobs if job.state.waiting), key=lambda job: (job.position, job.created, job.id))
    ended = sorted((job for job in jobs if job.state.ended), key=lambda job: -job.finished)
    return running + waiting + ended


class JobModel(QAbstractListModel):
    """Follows the studio. `JobRole` is the Job; waiting jobs can be dragged among themselves."""

    JobRole = Qt.ItemDataRole.UserRole + 1

    moved = Signal(str, int)
    """A job was dropped: its id, and its new place among the waiting jobs."""

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.jobs: list[Job] = []
        studio.jobsChanged.connect(self.refresh)
        studio.jobProgress.connect(lambda id, _progress: self._touch(id))
        self.refresh()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  Qt's default
        """How many jobs there are."""
        return 0 if parent.isValid() else len(self.jobs)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The Job, and a text for assistive technology."""
        if not index.isValid():
            return None
        job = self.jobs[index.row()]
        if role == self.JobRole:
            return job
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{title_of(job.request)[:200]} · {tr(STATE_TITLES[job.state])}"
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """Waiting jobs can be dragged; things are dropped between rows."""
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        base = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        return base | Qt.ItemFlag.ItemIsDragEnabled if self.jobs[index.row()].state.waiting else base

    def refresh(self) -> None:
        """Read the queue again; what is selected stays so."""
        jobs = ordered(self._studio.jobs())
        if [job.id for job in jobs] != [job.id for job in self.jobs]:
            self._rearrange(jobs)
            return
        changed = [row for row, (old, new) in enumerate(zip(self.jobs, jobs, strict=True)) if old != new]
        self.jobs = jobs
        for row in changed:
            self.dataChanged.emit(self.index(row), self.index(row))

    def row_of(self, id: str) -> int:
        """Where a job is; -1 when it is not in the list."""
        return next((row for row, job in enumerate(self.jobs) if job.id == id), -1)

    def waiting(self) -> list[Job]:
        """The jobs that wait, in their order."""
        return [job for job in self.jobs if job.state.waiting]

    def place(self, id: str) -> int:
        """A job's place among the waiting ones, from 0; -1 when it does not wait."""
        return next((place for place, job in enumerate(self.waiting()) if job.id == id), -1)

    # -- dragging
    def supportedDropActions(self) -> Qt.DropAction:
        """Moving only."""
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        """Ours; a job means nothing elsewhere."""
        return [JOB_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """The id of the dragged job."""
        data = QMimeData()
        if indexes:
            data.setData(JOB_MIME, self.jobs[indexes[0].row()].id.encode())
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: _Index) -> bool:
        """Ask for the move; the queue answers through the studio. False: the view must not remove the row itself."""
        if not data.hasFormat(JOB_MIME):
            return False
        id = bytes(data.data(JOB_MIME).data()).decode()
        target = row if row >= 0 else parent.row() if parent.isValid() else len(self.jobs)
        place = sum(job.state.waiting and job.id != id for job in self.jobs[:target])
        if place != self.place(id):
            self.moved.emit(id, place)
        return False

    def _touch(self, id: str) -> None:
        row = self.row_of(id)
        if row >= 0:
            self.dataChanged.emit(self.index(row), self.index(row))

    def _rearrange(self, jobs: list[Job]) -> None:
        """Rows that went, then rows that came; what is left is brought into order."""
        wanted = {job.id for job in jobs}
        for row in range(len(self.jobs) - 1, -1, -1):
            if self.jobs[row].id not in wanted:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self.jobs[row]
                self.endRemoveRows()
        known = {job.id for job in self.jobs}
        if new := [job for job in jobs if job.id not in known]:
            self.beginInsertRows(QModelIndex(), len(self.jobs), len(self.jobs) + len(new) - 1)
            self.jobs.extend(new)
            self.endInsertRows()
        self.layoutAboutToBeChanged.emit()
        kept = [(index, self.jobs[index.row()].id) for index in self.persistentIndexList()]
        rows = {job.id: row for row, job in enumerate(jobs)}
        self.jobs = jobs
        for index, id in kept:
            self.changePersistentIndex(index, self.index(rows[id]))
        self.layoutChanged.emit()

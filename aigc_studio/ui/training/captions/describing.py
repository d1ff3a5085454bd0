"""Pictures without a caption described by a model: the job, and the line that offers what it said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from aigc_studio.core.catalogue import Entry
from aigc_studio.core.datasets.descriptions import Described, Descriptions, described
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.library.captioners import CAPTIONER
from aigc_studio.core.project import Project
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import WORKSHOPS
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.training.report_words import number_text
from aigc_studio.ui.widgets.job_bar import JobBar
from aigc_studio.ui.widgets.part_fields import fitting

__all__ = ["Describing", "OfferBar"]

FAMILY = "describe-pictures"


class Describing(QObject):
    """The jobs that describe one folder. `changed`: another one is under way, or there is something new to offer."""

    changed = Signal()

    def __init__(self, studio: Studio, folder: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._studio, self._folder = studio, folder
        self._jobs: dict[str, object] = {}
        self._looking = self._again = False
        self._answered: set[str] = set()
        self.offers: Mapping[str, Described] = {}
        """Jobs that ended to what they said, until that is answered."""
        studio.jobsChanged.connect(self._jobs_changed)
        self._jobs_changed()
        self.look()

    @property
    def job(self) -> Job | None:
        """The one that is under way, waits or pauses."""
        return next((job for job in self._all() if not job.state.ended), None)

    @property
    def possible(self) -> bool:
        """Whether jobs can be made here at all."""
        info = self._studio.info
        return info is not None and not info.read_only

    @staticmethod
    def models() -> list[Entry]:
        """What can describe pictures."""
        return fitting((CAPTIONER,))

    def texts(self) -> dict[str, str]:
        """All that is offered: picture to words."""
        found: dict[str, str] = {}
        for said in self.offers.values():
            found |= {file: text for file, text in said.files.items() if text}
        return found

    def start(self, model: str) -> None:
        """Describe what has no caption on the disk."""
        if self.job is None:
            params = {"data": str(self._folder), "captioner": model}
            self._studio.submit(Request("captions", "describe", FAMILY, "", self._folder.name, params))

    def go_on(self) -> None:
        """What is paused is described further."""
        if (job := self.job) is not None:
            self._studio.resume(job.id)

    def cancel(self) -> None:
        """What was said so far is offered, and no more is said."""
        if (job := self.job) is not None:
            self._studio.cancel(job.id)

    def answer(self) -> None:
        """What is offered was used, or is not wanted: it is not offered again."""
        info, ids = self._studio.info, list(self.offers)
        self._answered |= set(ids)
        self.offers = {}
        self.changed.emit()
        if info is None or not ids:
            return
        places = [info.folder / WORKSHOPS / id for id in ids]

        def work(_project: Project) -> None:
            for place in places:
                Descriptions(place).delete()

        self._studio.store(work)

    def look(self) -> None:
        """Look for what was said, off the UI thread."""
        info = self._studio.info
        if info is None or self._looking:
            self._again = self._looking
            return
        self._looking = True
        project, folder = info.folder, self._folder
        self._studio.models.run(
            "descriptions", lambda _check, _tell: described(project, folder), self._found, self._not_found
        )

    def _all(self) -> list[Job]:
        return [
            job
            for job in self._studio.jobs()
            if job.request.family == FAMILY and job.request.params.get("data") == str(self._folder)
        ]

    def _jobs_changed(self) -> None:
        jobs: dict[str, object] = {job.id: job.state for job in self._all()}
        if jobs != self._jobs:
            self._jobs = jobs
            self.changed.emit()
            self.look()

    def _found(self, offers: Mapping[str, Described]) -> None:
        active = {job.id for job in self._all() if not job.state.ended}
        self.offers = {id: said for id, said in offers.items() if id not in active | self._answered}
        self._looked()

    def _not_found(self, _error: StudioError | None) -> None:
        self._looked()

    def _looked(self) -> None:
        self._looking = False
        self.changed.emit()
        if self._again:
            self._again = False
            self.look()


class OfferBar(Translated, QWidget):
    """The job while it runs; then what it said, to be used or not."""

    useWanted = Signal()
    refuseWanted = Signal()

    def __init__(self, studio: Studio, describing: Describing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._describing = describing
        self.running = JobBar(studio, self)
        self.offer = QFrame(self)
        self.offer.setProperty("role", "banner")
        self.text = QLabel(self.offer, wordWrap=True)
        self.use = QPushButton(self.offer, autoDefault=False)
        self.refuse = QPushButton(self.offer, autoDefault=False)
        self.tr_bind(self.use.setText, N_("Use them"))
        self.tr_bind(self.refuse.setText, N_("Throw them away"))
        line = QHBoxLayout(self.offer)
        line.setContentsMargins(12, 6, 8, 6)
        line.setSpacing(8)
        line.addWidget(self.text, 1)
        line.addWidget(self.use)
        line.addWidget(self.refuse)
        self.paused = QFrame(self)
        self.paused.setProperty("role", "banner")
        waits = QLabel(self.paused)
        self.tr_bind(waits.setText, N_("Describing the pictures is paused."))
        self.go_on = QPushButton(self.paused, autoDefault=False)
        self.cancel = QPushButton(self.paused, autoDefault=False)
        self.tr_bind(self.go_on.setText, N_("Go on"))
        self.tr_bind(self.cancel.setText, N_("Cancel"))
        line = QHBoxLayout(self.paused)
        line.setContentsMargins(12, 6, 8, 6)
        line.setSpacing(8)
        line.addWidget(waits, 1)
        line.addWidget(self.go_on)
        line.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.running)
        column.addWidget(self.paused)
        column.addWidget(self.offer)
        self.use.clicked.connect(self.useWanted)
        self.refuse.clicked.connect(self.refuseWanted)
        self.go_on.clicked.connect(describing.go_on)
        self.cancel.clicked.connect(describing.cancel)
        self.offer.hide()
        self.hide()

    def show_offer(self, count: int) -> None:
        """So many pictures got words that could be used; and the job under way."""
        job = self._describing.job
        self.running.bind(job.id if job is not None else "")
        words = N_("A model described pictures without a caption: {count}. Its words may be wrong; look at them.")
        self.tr_bind(self.text.setText, words, count=number_text(count))
        self.offer.setVisible(bool(count))
        self.paused.setVisible(job is not None and job.state is JobState.PAUSED)
        self.setVisible(bool(count) or job is not None)

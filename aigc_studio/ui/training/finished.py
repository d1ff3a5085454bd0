"""A model that was trained comes into the list of models, and the person is told, whatever panel is in front."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.i18n import N_
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.runs import WORKSHOPS, RunFolder

if TYPE_CHECKING:
    from aigc_studio.ui.studio import Studio
    from aigc_studio.ui.widgets.banner import BannerArea

__all__ = ["USE", "TrainedModels", "entry_of"]

USE = {"image": N_("Use in Picture"), "text": N_("Use in Write"), "part": N_("Use in Picture")}
"""Kind of a model to what is offered when it is made."""


def entry_of(model: str) -> Entry | None:
    """The model of a folder as the list of models has it; None while it is not there."""
    if not model:
        return None
    path = Path(model) if Path(model).is_absolute() else catalogue.models_folder() / model
    for entry in (*catalogue.models(), *catalogue.parts()):
        if entry.path is not None and (entry.path == path or (entry.kind == "part" and entry.path.parent == path)):
            return entry
    return None


class TrainedModels(QObject):
    """One per window. choose(entry): choose a model in the panel that works with it."""

    def __init__(self, studio: Studio, banners: BannerArea, choose: Callable[[Entry], object], parent: QObject) -> None:
        super().__init__(parent)
        self._studio, self._banners, self._choose = studio, banners, choose
        studio.jobFinished.connect(self._finished)
        studio.models.modelWanted.connect(lambda entry: choose(entry))

    def _finished(self, id: str, job: Job) -> None:
        info = self._studio.info
        if job.request.kind != "training" or job.state is not JobState.DONE or info is None:
            return
        folder = info.folder / WORKSHOPS / id
        self._studio.models.rescan(lambda: self._ask(folder))

    def _ask(self, folder: Path) -> None:
        self._studio.models.run(
            "trained model", lambda _check, _tell: RunFolder(folder).summary(), self._told, lambda _error: None
        )

    def _told(self, run) -> None:  # noqa: ANN001  RunInfo | None
        entry = entry_of(run.model) if run is not None else None
        if run is None or entry is None:
            return
        use = (USE[entry.kind], lambda: self._choose(entry)) if entry.kind in USE else None
        self._banners.show_text("success", N_("“{name}” has learned: its model is ready."), use, name=run.title)

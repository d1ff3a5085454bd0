"""The samples of a finished model and what a person says of them: kept in the run's folder, with undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.runs import KEEP, REJECT, RunFolder, Sample
from aigc_studio.ui.studio import Studio

__all__ = ["FILTERS", "RATED", "Judgements", "SampleModel"]

FILTERS = {
    "all": N_("All {count}"),
    "open": N_("Open {count}"),
    KEEP: N_("Kept {count}"),
    REJECT: N_("Rejected {count}"),
}
"""Which samples are shown, with how many they are."""

_Index = QModelIndex | QPersistentModelIndex
RATED = {KEEP: N_("Kept##sample"), REJECT: N_("Rejected##sample")}
"""What was said of a sample, in words."""


class Judgements(QObject):
    """Ratings of one run. What is said here counts at once; the disk follows in the storage thread, in order."""

    changed = Signal()

    def __init__(self, studio: Studio, parent: QObject) -> None:
        super().__init__(parent)
        self._studio = studio
        self._run: RunFolder | None = None
        self._done: list[dict[str, str]] = []
        self._waiting = 0
        self.samples: Sequence[Sample] = ()
        self.ratings: dict[str, str] = {}

    def show(self, folder: Path | None, samples: Sequence[Sample], ratings: Mapping[str, str]) -> None:
        """A run as it was read. Ratings that are on their way to the disk are not forgotten for older ones."""
        run = RunFolder(folder) if folder is not None else None
        same = run is not None and self._run is not None and run.path == self._run.path
        self._run = run
        if not same:
            self._done.clear()
            self._waiting = 0
        if self.samples == tuple(samples) and same and (self._waiting or dict(ratings) == self.ratings):
            return
        self.samples = tuple(samples)
        if not (same and self._waiting):
            self.ratings = dict(ratings)
        self.changed.emit()

    @property
    def writable(self) -> bool:
        """Whether something may be said here."""
        info = self._studio.info
        return self._run is not None and info is not None and not info.read_only

    @property
    def undoable(self) -> bool:
        """Whether something was said since this run is shown."""
        return bool(self._done) and self.writable

    def count(self, which: str) -> int:
        """How many samples a filter shows."""
        return sum(self.shows(which, sample) for sample in self.samples)

    def shows(self, which: str, sample: Sample) -> bool:
        """Whether a filter shows a sample."""
        rating = self.ratings.get(sample.file, "")
        return which == "all" or rating == ("" if which == "open" else which)

    def rate(self, files: Sequence[str], rating: str) -> None:
        """Say `KEEP`, `REJECT` or "" of some samples."""
        self._put({file: rating for file in files if self.ratings.get(file, "") != rating}, remember=True)

    def undo(self) -> Sequence[str]:
        """Take back what was said last; the samples it was said of."""
        if not self.undoable:
            return ()
        before = self._done.pop()
        self._put(before, remember=False)
        return tuple(before)

    def _put(self, said: dict[str, str], *, remember: bool) -> None:
        run = self._run
        if not said or run is None or not self.writable:
            return
        before = {file: self.ratings.get(file, "") for file in said}
        if remember:
            self._done.append(before)
        self._set(said)
        self._waiting += 1

        def work(_project: object) -> None:
            for file, rating in said.items():
                run.rate(file, rating)

        self._studio.store(work, lambda _nothing: self._stored(run), lambda error: self._not_stored(run, before, error))

    def _set(self, said: Mapping[str, str]) -> None:
        for file, rating in said.items():
            if rating:
                self.ratings[file] = rating
            else:
                self.ratings.pop(file, None)
        self.changed.emit()

    def _stored(self, run: RunFolder) -> None:
        if self._run is run or (self._run is not None and self._run.path == run.path):
            self._waiting = max(0, self._waiting - 1)

    def _not_stored(self, run: RunFolder, before: Mapping[str, str], error: StudioError) -> None:
        if self._run is not None and self._run.path == run.path:
            self._waiting = max(0, self._waiting - 1)
            self._done = [each for each in self._done if each is not before]
            self._set(before)
        self._studio.problem.emit(error)


class SampleModel(QAbstractListModel):
    """The samples that a filter shows."""

    SampleRole = Qt.ItemDataRole.UserRole + 1

    def __init__(self, judgements: Judgements, parent: QObject) -> None:
        super().__init__(parent)
        self.judgements = judgements
        self.filter = "all"
        self.rows: list[Sample] = []

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  Qt's default
        """Qt's."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Qt's."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        sample = self.rows[index.row()]
        rating = self.judgements.ratings.get(sample.file, "")
        if role == self.SampleRole:
            return sample
        if role == Qt.ItemDataRole.AccessibleTextRole:
            words = (sample.prompt or sample.text[:60] or sample.file, tr(RATED[rating]) if rating else "")
            return ", ".join(word for word in words if word)
        if role == Qt.ItemDataRole.ToolTipRole:
            seed = tr("Seed {seed}", seed=sample.seed) if sample.seed else ""
            return "\n".join(line for line in (sample.prompt, seed) if line) or None
        return None

    def refresh(self) -> None:
        """Samples or ratings are others."""
        rows = [sample for sample in self.judgements.samples if self.judgements.shows(self.filter, sample)]
        if rows == self.rows:
            if rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

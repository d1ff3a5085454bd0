"""Takes dropped or chosen files and folders into the project, one after another, and says what became of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.studio import Studio

__all__ = ["ImportReport", "Importer", "files_below"]

MOST_FILES = 20_000
"""A folder with more files than this is probably the wrong one (a home folder, a disk)."""


def files_below(paths: Iterable[Path]) -> list[Path]:
    """The files named, and those in the folders named; hidden files and links are left out. Touches the disk."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            inside = (
                file
                for file in path.rglob("*")
                if not any(part.startswith(".") for part in file.relative_to(path).parts)
            )
            for file in inside:
                if file.is_file() and not file.is_symlink():
                    found.append(file)
                if len(found) > MOST_FILES:
                    raise StudioError(
                        N_("This folder holds more than {most} files; choose a smaller one."),
                        code="too-many-files",
                        most=MOST_FILES,
                    )
        else:
            found.append(path)
    return sorted(found)


class ImportReport:
    """What became of one drop."""

    def __init__(self) -> None:
        self.assets: list[Asset] = []
        self.refused: list[tuple[Path, StudioError]] = []

    def summary(self) -> str:
        """One sentence about what arrived."""
        return tr("{count} imported.", count=len(self.assets))

    def problem(self) -> StudioError:
        """One sentence about what did not: why the first of them was left out, and how many there are."""
        _, error = self.refused[0]
        if len(self.refused) == 1 and not self.assets:
            return error
        return StudioError(
            N_("{count} imported, {refused} left out: {reason}"),
            code="import-partial",
            count=len(self.assets),
            refused=len(self.refused),
            reason=str(error),
        )


class Importer(QObject):
    """Imports files through the storage thread, one closure a file, so that other work gets its turn in between."""

    progress = Signal(int, int)  # files done, files in all
    finished = Signal(object)  # ImportReport

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._waiting: deque[tuple[Path, str]] = deque()
        self._report = ImportReport()
        self._total = 0
        self._busy = False

    @property
    def busy(self) -> bool:
        """Whether files are still to be read."""
        return self._busy

    def start(self, paths: Iterable[Path], board: str = "") -> None:
        """Import files and folders; added behind what is under way."""
        given = list(paths)
        self._studio.store(lambda _: files_below(given), lambda files: self._found(files, board), self._failed)

    def cancel(self) -> None:
        """Leave out what has not been read yet."""
        self._waiting.clear()

    def _failed(self, error: StudioError) -> None:
        self._report.refused.append((Path(), error))
        if not self._busy:
            self._next()

    def _found(self, files: list[Path], board: str) -> None:
        self._waiting.extend((file, board) for file in files)
        self._total += len(files)
        if not self._busy:
            self._next()

    def _next(self) -> None:
        if not self._waiting:
            report, self._report = self._report, ImportReport()
            self._total, self._busy = 0, False
            if report.assets or report.refused:
                self.finished.emit(report)
            return
        self._busy = True
        path, board = self._waiting.popleft()
        self.progress.emit(self._total - len(self._waiting) - 1, self._total)
        self._studio.store(
            lambda project: project.import_file(path, board=board),
            self._arrived,
            lambda error: self._refused(path, error),
        )

    def _arrived(self, asset: Asset) -> None:
        self._report.assets.append(asset)
        self._next()

    def _refused(self, path: Path, error: StudioError) -> None:
        self._report.refused.append((path, error))
        self._next()

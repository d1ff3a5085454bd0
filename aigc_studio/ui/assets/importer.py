"""Takes what was dropped, pasted or chosen into the project, one thing after another, and says what became of it."""

from __future__ import annotations

import base64
import mimetypes
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PIL import Image
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.project import Project
from aigc_studio.ui.dropping.payload import Payload
from aigc_studio.ui.studio import Studio

__all__ = ["ImportReport", "Importer", "files_below", "pillow_of"]

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
    """What became of one drop: what is in the project now, and what was left out and why."""

    def __init__(self) -> None:
        self.assets: list[Asset] = []
        self.refused: list[tuple[Path, StudioError]] = []

    def of(self, kind: str) -> list[Asset]:
        """What arrived of one kind."""
        return [asset for asset in self.assets if asset.kind == kind]

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
        self._waiting: deque[tuple[Path, Callable[[Project], Asset]]] = deque()
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
        self._studio.store(lambda _: files_below(given), lambda files: self._found(given, files, board), self._failed)

    def take(self, payload: Payload, board: str = "") -> None:
        """Import whatever a drop holds: files and folders, pixels without a file, words; an address is told of."""
        if payload.paths:
            self.start(payload.paths, board)
        elif payload.image is not None and not payload.text.strip():
            title, image = tr("Pasted picture"), payload.image
            self._add(Path(title), lambda project: _on_board(project, _store_pixels(project, image, title), board))
        elif payload.inline and not payload.text.strip():
            title, inline = tr("Pasted picture"), payload.inline
            self._add(Path(title), lambda project: _store_inline(project, inline, title, board))
        elif payload.text.strip():
            title, text = tr("Pasted text"), payload.text
            self._add(Path(title), lambda project: _store_words(project, text, title, board))
        elif payload.links:
            self._failed(
                StudioError(
                    N_("This program does not use the network; save “{link}” in the browser, then drop the file."),
                    code="drop-link",
                    link=payload.links[0][:80],
                )
            )

    def cancel(self) -> None:
        """Leave out what has not been read yet."""
        self._waiting.clear()

    def _failed(self, error: StudioError) -> None:
        self._report.refused.append((Path(), error))
        if not self._busy:
            self._next()

    def _found(self, given: list[Path], files: list[Path], board: str) -> None:
        if given and not files:
            problem = N_('There is no file in "{name}"; drop pictures, sounds or texts here.')
            self._failed(StudioError(problem, code="import-empty", name=given[0].name or str(given[0])))
            return
        self._extend([(file, lambda project, file=file: project.import_file(file, board=board)) for file in files])

    def _add(self, name: Path, bring: Callable[[Project], Asset]) -> None:
        self._extend([(name, bring)])

    def _extend(self, items: Sequence[tuple[Path, Callable[[Project], Asset]]]) -> None:
        self._waiting.extend(items)
        self._total += len(items)
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
        path, bring = self._waiting.popleft()
        self.progress.emit(self._total - len(self._waiting) - 1, self._total)
        self._studio.store(bring, self._arrived, lambda error: self._refused(path, error))

    def _arrived(self, asset: Asset) -> None:
        self._report.assets.append(asset)
        self._next()

    def _refused(self, path: Path, error: StudioError) -> None:
        self._report.refused.append((path, error))
        self._next()


def pillow_of(image: QImage) -> Image.Image:
    """A QImage as an "RGBA" picture, "RGB" where nothing shows through."""
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    size = (image.width(), image.height())
    picture = Image.frombytes("RGBA", size, bytes(image.constBits()), "raw", "RGBA", image.bytesPerLine())
    return picture.convert("RGB") if picture.getchannel("A").getextrema() == (255, 255) else picture


def _store_pixels(project: Project, image: QImage, title: str) -> Asset:
    return project.store_image(pillow_of(image), title=title)


def _store_inline(project: Project, address: str, title: str, board: str) -> Asset:
    """The picture in a "data:" address (RFC 2397): it becomes a file first, and is looked at like any other."""
    kind, _, body = address.partition(",")
    data = unquote_to_bytes(body)
    try:
        data = base64.b64decode(data) if ";base64" in kind.lower() else data
    except ValueError:
        data = b""
    suffix = mimetypes.guess_extension(kind.removeprefix("data:").partition(";")[0].lower()) or ".png"
    with tempfile.TemporaryDirectory(prefix="aigc-drop-") as folder:
        file = Path(folder) / f"{title}{suffix}"
        file.write_bytes(data)
        return project.import_file(file, board=board)


def _on_board(project: Project, asset: Asset, board: str) -> Asset:
    if board:
        project.add_to_board(board, [asset.id])
    return asset


def _store_words(project: Project, text: str, title: str, board: str) -> Asset:
    """Words as a text file of their own, named by their first line."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")[:60]
    name = "".join(c if c.isalnum() or c in " -_" else " " for c in first).strip() or title
    with tempfile.TemporaryDirectory(prefix="aigc-drop-") as folder:
        file = Path(folder) / f"{name.encode('utf-8')[:150].decode('utf-8', 'ignore')}.txt"
        file.write_text(text.encode("utf-8", "replace").decode("utf-8"), encoding="utf-8")
        return project.import_file(file, board=board)

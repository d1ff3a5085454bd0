"""Looking at a folder of data in another thread: what is in it, small pictures of it, how it would be varied."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from aigc_studio.core.datasets import images, texts
from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.datasets.caption_drafts import Drafts
from aigc_studio.core.datasets.problem import Problem, Progress
from aigc_studio.core.errors import StudioError
from aigc_studio.ui.background import Background, Check, Tell
from aigc_studio.ui.studio import Studio

__all__ = ["DataLook", "Glimpse", "ImageFacts", "TextFacts", "qimage", "small_picture", "spread"]

_TELL_S = 0.1
_AT_ONCE = 8
MOST_ROWS = 500
"""So many files are listed by name."""
GLIMPSES = 60
"""So many pictures of a folder are shown."""
_SIDE = 96
_EXCERPTS, _EXCERPT = 6, 240
VARIED, VARIATIONS = 3, 5
"""Pictures whose variations are shown, and how many of each."""


@dataclass(frozen=True)
class Glimpse:
    """A small picture of one file. file: relative to the folder. image: at most 2 x 96 px a side, null if broken."""

    file: str
    words: str
    image: QImage


def qimage(image: Image.Image) -> QImage:
    """Pixels of their own, whatever becomes of the Pillow image."""
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    data = rgba.tobytes()
    return QImage(data, rgba.width, rgba.height, 4 * rgba.width, QImage.Format.Format_RGBA8888).copy()


def spread(items: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of them, evenly from first to last."""
    if len(items) <= most:
        return list(items)
    if most == 1:
        return [items[0]]
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


class DataLook(QObject):
    """One folder at a time; a new wish ends the old one. Signals come in the UI thread.

    told: done, total (0: not known), stage in English. found: the report of `core.datasets`. failed: StudioError, or
    None where it was cancelled. glimpsed: list of Glimpse, a few at a time. varied: list of lists of QImage, the first
    of each the picture itself.
    """

    told = Signal(int, int, str)
    found = Signal(object)
    failed = Signal(object)
    glimpsed = Signal(object)
    varied = Signal(object)

    def __init__(self, studio: Studio, parent: QObject) -> None:
        super().__init__(parent)
        self._studio = studio
        self._works: dict[str, Background] = {}
        self._turn = {"scan": 0, "glimpses": 0, "varied": 0}

    @property
    def busy(self) -> bool:
        """Whether a folder is being looked at."""
        return "scan" in self._works

    def scan(self, folder: Path, kind: str) -> None:
        """Look at everything in `folder`. kind: "images" or "texts"."""
        self.stop()
        info = self._studio.info
        drafts = Drafts(info.folder, folder) if info is not None else None
        look: Any = _read_texts if kind == "texts" else partial(_look_at_images, drafts)

        def work(check: Check, _tell: Tell) -> Any:
            last = 0.0

            def progress(done: int, total: int, stage: str) -> None:
                nonlocal last
                if (now := time.monotonic()) - last >= _TELL_S:
                    last = now
                    self.told.emit(done, total, stage)

            return look(folder, check, progress)

        self._begin("scan", work, self.found)

    def glimpse(self, folder: Path, files: Sequence[Any]) -> None:
        """Small pictures of files (ImageFile)."""
        chosen = list(files)

        def work(check: Check, _tell: Tell) -> list[Glimpse]:
            ready: list[Glimpse] = []
            for file in chosen:
                check()
                ready.append(Glimpse(file.file, file.caption, small_picture(folder / file.file)))
                if len(ready) == _AT_ONCE:
                    self.glimpsed.emit(ready)
                    ready = []
            return ready

        self._begin("glimpses", work, self.glimpsed)

    def vary(self, folder: Path, files: Sequence[Any], augment: Augment, seed: int = 0, most: int = VARIED) -> None:
        """What becomes of `most` pictures when they are varied as the recipe would."""
        chosen = spread(files, most)

        def work(check: Check, _tell: Tell) -> list[list[QImage]]:
            rows: list[list[QImage]] = []
            for number, file in enumerate(chosen):
                check()
                picture = _open(folder / file.file)
                if picture is None:
                    continue
                rng = np.random.default_rng((seed, number))
                row = [qimage(picture)]
                for _ in range(VARIATIONS):
                    check()
                    row.append(qimage(augment.apply(picture, rng)))
                rows.append(row)
            return rows

        self._begin("varied", work, self.varied)

    def stop(self) -> None:
        """End all of it; nothing more is told of it but one `failed(None)` for a scan that was under way."""
        for what in list(self._works):
            self._end(what)

    def _begin(self, what: str, work: Any, answer: Any) -> None:
        self._end(what)
        self._turn[what] += 1
        turn = self._turn[what]
        call = _Answer(self, what, turn, answer)
        self._works[what] = self._studio.models.run(f"data {what}", work, call.done, call.failed)

    def _end(self, what: str) -> None:
        work = self._works.pop(what, None)
        self._turn[what] += 1
        if work is not None:
            work.cancel()
            if what == "scan":
                self.failed.emit(None)

    def over(self, what: str, turn: int) -> bool:
        """An answer has come; whether it is to the present wish."""
        if self._turn[what] != turn:
            return False
        self._works.pop(what, None)
        return True


class _Answer(QObject):
    """Passes an answer on where it is still wanted."""

    def __init__(self, look: DataLook, what: str, turn: int, signal: Any) -> None:
        super().__init__(look)
        self._look, self._what, self._turn, self._signal = look, what, turn, signal

    def done(self, answer: Any) -> None:
        """See `ModelScan.run`."""
        if self._look.over(self._what, self._turn):
            self._signal.emit(answer)
        self.deleteLater()

    def failed(self, error: StudioError | None) -> None:
        """See `ModelScan.run`."""
        if self._look.over(self._what, self._turn) and self._what == "scan":
            self._look.failed.emit(error)
        self.deleteLater()


@dataclass(frozen=True)
class ImageFacts:
    """What the window keeps of an `ImageReport`, which may be about a hundred thousand files. summary: its figures.
    problems, duplicates, similar: the first ones. animated: (file, frames). files: some, spread over all of them.
    unsaved: how many captions were written in the window and are not saved beside the pictures yet."""

    folder: Path
    summary: Mapping[str, Any]
    problems: tuple[Problem, ...]
    duplicates: tuple[tuple[str, ...], ...]
    similar: tuple[tuple[str, ...], ...]
    animated: tuple[tuple[str, int], ...]
    files: tuple[images.ImageFile, ...]
    unsaved: int = 0


@dataclass(frozen=True)
class TextFacts:
    """What the window keeps of texts, which may be gigabytes. summary: its figures. first: of the first texts
    title and beginning."""

    folder: Path
    summary: Mapping[str, Any]
    problems: tuple[Problem, ...]
    first: tuple[tuple[str, str], ...]


def _look_at_images(drafts: Drafts | None, folder: Path, check: Check, progress: Progress) -> ImageFacts:
    report = images.scan(folder, check, progress)
    animated = [(file.file, file.frames) for file in report.files if file.frames > 1]
    return ImageFacts(
        folder,
        report.summary(),
        report.problems[:MOST_ROWS],
        report.duplicates[:MOST_ROWS],
        report.similar[:MOST_ROWS],
        tuple(animated[:MOST_ROWS]),
        tuple(spread(report.files, GLIMPSES)),
        _unsaved(drafts, report) if drafts is not None else 0,
    )


def _unsaved(drafts: Drafts, report: images.ImageReport) -> int:
    written = drafts.read()
    known = (file for file in report.files if file.file in written) if written else ()
    return sum(written[file.file].after != file.captions for file in known)


def _read_texts(folder: Path, check: Check, progress: Progress) -> TextFacts:
    found = texts.survey(folder, check, progress, excerpts=_EXCERPTS, length=_EXCERPT)
    return TextFacts(folder, found.figures, found.problems[:MOST_ROWS], found.first)


def _open(path: Path) -> Image.Image | None:
    """The whole picture at preview size, RGB or RGBA; None for one that cannot be read."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (4 * _SIDE, 4 * _SIDE))
            image = ImageOps.exif_transpose(image)
            transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            picture = image.convert("RGBA" if transparent else "RGB")
    except Exception:  # noqa: BLE001  Pillow raises many kinds for broken files; the report names them
        return None
    picture.thumbnail((2 * _SIDE, 2 * _SIDE), Image.Resampling.LANCZOS)
    return picture


def small_picture(path: Path) -> QImage:
    """A file at preview size, null for one that cannot be read; for other threads than the UI's."""
    picture = _open(path)
    return qimage(picture) if picture is not None else QImage()

"""What a run has come to, read from its folder off the UI thread: samples, ratings, figures, pairs, the card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QImageReader

from aigc_studio.core import catalogue
from aigc_studio.core.runs import RunFolder, Sample

__all__ = ["NearPair", "Results", "read_results"]

_MOST_BYTES = 8 << 20
_MOST_CARD = 1 << 18
_PAIRS = 16
_PAIR_SIDE = 256
_SHEET_SIDE = 1024


@dataclass(frozen=True)
class NearPair:
    """A sample beside the learned picture that it comes nearest to. source: that one's file in the folder of data.

    share: of pictures that are none of the learned ones so many come as near.
    """

    sample: QImage
    training: QImage
    source: str
    share: float | None = None


@dataclass(frozen=True)
class Results:
    """figures: name to number, or nested. pairs: the least usual first. before, after: texts of the same prompts by the
    untouched and by the finished model. card: Markdown without its front matter; sheet: the picture that it shows.
    """

    samples: tuple[Sample, ...] = ()
    ratings: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    usual: str = ""
    pairs: tuple[NearPair, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    card: str = ""
    sheet: QImage = field(default_factory=QImage)
    model: Path | None = None


def read_results(folder: Path) -> Results:
    """Everything; what is missing or damaged is left out. Slow: pictures are read."""
    run = RunFolder(folder)
    info = run.info()
    report = _json(folder / "report.json")
    figures = {**_mapping(report.get("figures")), **_mapping(info.get("figures"))}
    name = str(_mapping(info.get("model")).get("folder", ""))
    model = _model(name)
    card = _card(model / "README.md") if model is not None else ""
    sheet = _image(model / "samples.png", _SHEET_SIDE) if model is not None else QImage()
    return Results(
        tuple(run.final_samples()),
        run.ratings(),
        figures,
        str(report.get("usual", "")),
        tuple(_pairs(folder, report.get("nearest"))),
        _texts(report.get("before")),
        _texts(report.get("after")),
        card,
        sheet,
        model,
    )


def _model(name: str) -> Path | None:
    """The finished model's folder, where it lies in a folder of models: a project from elsewhere may name any place."""
    path = catalogue.models_folder() / name  # an absolute path stays one
    if not name or ".." in path.parts or path.parent not in catalogue.folders() or not path.is_dir():
        return None
    return path


def _pairs(folder: Path, rows: Any) -> list[NearPair]:
    found = []
    for row in rows[:_PAIRS] if isinstance(rows, list) else ():
        if not isinstance(row, dict):
            continue
        places = [_below(folder, row.get(name)) for name in ("sample", "training")]
        sample, training = (_image(place, _PAIR_SIDE) if place is not None else QImage() for place in places)
        if not (sample.isNull() or training.isNull()):
            share = row.get("share")
            number = isinstance(share, int | float) and not isinstance(share, bool)
            known = float(share) if number and share is not None else None
            found.append(NearPair(sample, training, str(row.get("source", "")), known))
    return found


def _below(folder: Path, file: Any) -> Path | None:
    """A file that a report names, if it lies in the run's folder."""
    path = Path(file) if isinstance(file, str) and file else None
    if path is None or path.is_absolute() or path.drive or ".." in path.parts:
        return None
    return folder / path


def _texts(report: Any) -> tuple[str, ...]:
    rows = _mapping(report).get("samples")
    return tuple(
        "\n".join(part for part in (str(row.get("prompt", "")).strip(), str(row.get("text", "")).strip()) if part)
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict)
    )


def _card(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            text = file.read(_MOST_CARD).decode("utf-8", "replace")
    except OSError:
        return ""
    if text.startswith("---\n") and (end := text.find("\n---\n", 4)) >= 0:
        text = text[end + 5 :]
    return text.strip()


def _image(path: Path, side: int) -> QImage:
    reader = QImageReader(str(path))
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > side:
        reader.setScaledSize(size.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio))
    return reader.read()


def _json(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return _mapping(json.loads(file.read(_MOST_BYTES)))
    except (OSError, ValueError, RecursionError):
        return {}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

"""What a text or a recording shows in the grid instead of a picture: its first lines, or its waveform."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import soundfile
from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, Slot

from aigc_studio.core.assets import Asset
from aigc_studio.core.audio import peaks
from aigc_studio.core.metadata import read_text

__all__ = ["BARS", "GlimpseLoader"]

BARS = 40
"""Columns of a waveform's glimpse."""

_CHARACTERS = 400
_LONGEST_S = 1200.0  # a longer recording keeps its plain sign: reading it costs more than the glimpse is worth
_LARGEST_TEXT = 4_000_000
_KEPT = 400

Glimpse = str | np.ndarray


class _Signals(QObject):
    read = Signal(str, object)


class _Read(QRunnable):
    def __init__(self, asset: Asset, path: Path, signals: _Signals) -> None:
        super().__init__()
        self._asset = asset
        self._path = path
        self._signals = signals

    def run(self) -> None:
        """Read and report; "" for what cannot be read."""
        try:
            glimpse = _text(self._path) if self._asset.kind == "text" else _wave(self._path)
        except (OSError, ValueError, soundfile.LibsndfileError):
            glimpse = ""
        try:
            self._signals.read.emit(self._asset.id, glimpse)
        except RuntimeError:  # the window closed meanwhile and took the receiver with it
            return


class GlimpseLoader(QObject):
    """Reads glimpses in the pool and keeps the last 400: text (at most 400 characters) or peaks (BARS, 2), float32."""

    ready = Signal(str)
    """Asset id whose glimpse can be had now."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._known: OrderedDict[str, Glimpse] = OrderedDict()
        self._waiting: set[str] = set()
        self._signals = _Signals(self)
        self._signals.read.connect(self._read)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)

    def glimpse(self, asset: Asset, path: Path) -> Glimpse | None:
        """What is known; None when there is nothing (yet): `ready` follows when it comes."""
        known = self._known.get(asset.id)
        if known is not None:
            self._known.move_to_end(asset.id)
            return known
        large = asset.seconds > _LONGEST_S if asset.kind == "audio" else asset.bytes > _LARGEST_TEXT
        if asset.kind in ("text", "audio") and not large and asset.id not in self._waiting and len(self._waiting) < 64:
            self._waiting.add(asset.id)
            self._pool.start(_Read(asset, path, self._signals))
        return None

    def forget(self) -> None:
        """Drop everything, after the reads under way: another project opens, or the window goes."""
        self._pool.clear()
        self._pool.waitForDone()
        self._waiting.clear()
        self._known.clear()

    @Slot(str, object)
    def _read(self, id: str, glimpse: Glimpse) -> None:
        self._waiting.discard(id)
        self._known[id] = glimpse
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        self.ready.emit(id)


def _text(path: Path) -> str:
    return " ".join(line.strip() + "\n" for line in read_text(path)[: 4 * _CHARACTERS].splitlines() if line.strip())[
        :_CHARACTERS
    ]


def _wave(path: Path) -> np.ndarray:
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return peaks(samples.mean(axis=1), BARS)

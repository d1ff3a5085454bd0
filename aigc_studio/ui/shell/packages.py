"""Saves a project as a package and opens packages, on a thread, with progress and cancel in a banner."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal, SignalInstance

from aigc_studio.core.errors import Cancelled, describe
from aigc_studio.core.i18n import N_
from aigc_studio.core.package import pack, unpack
from aigc_studio.ui.widgets.banner import BannerArea

__all__ = ["PackageWork"]

_STEP_S = 0.1


class _Copy(QThread):
    """Runs pack or unpack. `progressed` in 0..1, at most ten times a second; `failed` with None when cancelled."""

    progressed = Signal(float)
    done = Signal(object)
    failed = Signal(object)

    def __init__(self, work: Callable[..., Path], source: Path, target: Path, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("package")
        self._work, self._source, self._target = work, source, target
        self._last = 0.0
        self.cancel = threading.Event()

    def run(self) -> None:
        """Qt's call in the new thread."""
        try:
            self.done.emit(self._work(self._source, self._target, self._progress, self._check))
        except Cancelled:
            self.failed.emit(None)
        except Exception as error:  # noqa: BLE001  a disk may fail in any way; the person hears of it
            self.failed.emit(describe(error))

    def _progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if total and now - self._last >= _STEP_S:
            self._last = now
            self.progressed.emit(done / total)

    def _check(self) -> None:
        if self.cancel.is_set():
            raise Cancelled


class PackageWork(QObject):
    """One at a time; `busy` says whether one is under way."""

    packed = Signal(object)
    """Path of the package."""
    unpacked = Signal(object)
    """Folder of the project."""
    problem = Signal(object)

    def __init__(self, banners: BannerArea, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._banners = banners
        self._copy: _Copy | None = None

    @property
    def busy(self) -> bool:
        """Whether one is under way."""
        return self._copy is not None

    def pack(self, folder: Path, target: Path) -> None:
        """Save the project in `folder` as the file `target`."""
        self._start(pack, folder, target, N_("Saving the package {name}"), self.packed)

    def unpack(self, package: Path, folder: Path) -> None:
        """Make the project `folder` from a package."""
        self._start(unpack, package, folder, N_("Opening the package {name}"), self.unpacked)

    def close(self) -> None:
        """Stop and wait: the last call."""
        for copy in self.findChildren(_Copy):
            copy.cancel.set()
            copy.wait()

    def _start(self, work: Callable[..., Path], source: Path, target: Path, text: str, done: SignalInstance) -> None:
        if self.busy:
            self._banners.show_text("info", N_("One package at a time: try again when the other one is done."))
            return
        copy = self._copy = _Copy(work, source, target, self)
        name = target.name if work is pack else source.name
        banner = self._banners.show_task(text, copy.cancel.set, name=name)

        def over(signal: SignalInstance, value: object) -> None:
            self._copy = None  # before anybody hears of it: the next one may be asked for at once
            banner.dismiss()
            if value is not None:
                signal.emit(value)

        copy.progressed.connect(banner.set_fraction)
        copy.done.connect(lambda path: over(done, path))
        copy.failed.connect(lambda error: over(self.problem, error))
        copy.finished.connect(copy.deleteLater)
        copy.start(QThread.Priority.LowPriority)

"""Opens viewers and comparisons for the panels, and connects what they ask for with the window."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from aigc_studio.core.assets import Asset
from aigc_studio.ui.studio import Studio

from .compare import Compare
from .reel import Reel
from .viewer import Viewer

__all__ = ["Viewing"]


class Viewing(QObject):
    """One per window."""

    reuseRequested = Signal(object)
    """A recipe."""
    closed = Signal(str)
    """Id of the asset a viewer showed last."""

    def __init__(self, studio: Studio, window: QWidget) -> None:
        super().__init__(window)
        self._studio, self._window = studio, window

    def view(self, reel: Reel, row: int) -> Viewer | None:
        """Show what stands in `row` over the whole screen; None while no project is open."""
        if self._studio.reader is None or not 0 <= row < reel.count():
            return None
        viewer = Viewer(self._studio, reel, row, self._window)
        viewer.reuseRequested.connect(self.reuseRequested)
        viewer.compareRequested.connect(lambda one, two: self._compare(one, two, viewer))
        viewer.closed.connect(self._viewed)
        viewer.showFullScreen()
        return viewer

    def compare(self, one: Asset, two: Asset, other: Path | None = None) -> Compare | None:
        """Compare two pictures; other: the second one's file where it is no asset."""
        return self._compare(one, two, self._window, other)

    def _viewed(self, id: str) -> None:
        self._window.activateWindow()
        self.closed.emit(id)

    def _compare(self, one: Asset, two: Asset, parent: QWidget, other: Path | None = None) -> Compare | None:
        if self._studio.reader is None:
            return None
        window = Compare(self._studio, one, two, parent, other=other)
        if parent is not self._window:
            window.showFullScreen()
        else:
            window.show()
        return window

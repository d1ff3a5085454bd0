"""Draw the selection with a round brush."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt

from aigc_studio.core.brush import stroke
from aigc_studio.core.i18n import N_, tr

from .base import Surface, Tool

__all__ = ["BrushTool"]


class BrushTool(Tool):
    """Draws; with Alt held it erases. A click with Shift held draws a straight line from the end of the last stroke."""

    id = "brush"
    title = N_("Brush##mask tool")
    icon = "brush"
    key = "B"
    ring = True
    cursor = Qt.CursorShape.BlankCursor
    dragging_cursor = Qt.CursorShape.BlankCursor
    erases = False

    def __init__(self) -> None:
        self._last: QPointF | None = None
        self._erase = False

    def press(self, surface: Surface, point: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """Begin a stroke with one dab."""
        self._erase = self.erases != bool(modifiers & Qt.KeyboardModifier.AltModifier)
        surface.selection.begin()
        line = self._last if self._last is not None and modifiers & Qt.KeyboardModifier.ShiftModifier else point
        self._draw(surface, line, point)

    def move(self, surface: Surface, point: QPointF) -> None:
        """Go on to `point`."""
        self._draw(surface, self._last if self._last is not None else point, point)

    def release(self, surface: Surface, point: QPointF) -> None:
        """The stroke becomes one undo step."""
        surface.selection.commit(tr("Erase stroke") if self._erase else tr("Brush stroke"))

    def _draw(self, surface: Surface, start: QPointF, end: QPointF) -> None:
        box = stroke(
            surface.selection.pixels,
            start.toTuple(),  # pyright: ignore[reportArgumentType]
            end.toTuple(),  # pyright: ignore[reportArgumentType]
            max(1.0, surface.brush.diameter * surface.pressure),
            surface.brush.hardness,
            erase=self._erase,
        )
        self._last = QPointF(end)
        surface.selection.touched(box)

"""Move the picture."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt

from aigc_studio.core.i18n import N_

from .base import Surface, Tool

__all__ = ["HandTool"]


class HandTool(Tool):
    """Drags the picture about; the same as the middle button or the space bar with any tool."""

    id = "hand"
    title = N_("Hand##canvas tool")
    icon = "hand-back-right-outline"
    key = "H"
    edits = False
    cursor = Qt.CursorShape.OpenHandCursor
    dragging_cursor = Qt.CursorShape.ClosedHandCursor

    def __init__(self) -> None:
        self._grip: QPointF | None = None

    def press(self, surface: Surface, point: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """Hold the picture at `point`."""
        self._grip = QPointF(point)

    def move(self, surface: Surface, point: QPointF) -> None:
        """The held point follows the pointer."""
        if self._grip is not None:
            surface.pan(surface.transform.to_view(point) - surface.transform.to_view(self._grip))

    def release(self, surface: Surface, point: QPointF) -> None:
        """Let go."""
        self._grip = None

    def cancel(self, surface: Surface) -> None:
        """Let go."""
        self._grip = None

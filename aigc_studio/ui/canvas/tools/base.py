"""What a canvas tool is, and what it may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter

from aigc_studio.core.brush import MAX_DIAMETER
from aigc_studio.ui.canvas.mask import MaskLayer
from aigc_studio.ui.canvas.transform import ViewTransform

__all__ = ["Brush", "Surface", "Tool"]


@dataclass
class Brush:
    """The round brush that drawing and erasing share. diameter: picture pixels; hardness: 0 soft … 1 hard."""

    diameter: float = 64.0
    hardness: float = 0.8

    def resize(self, direction: int) -> None:
        """One step larger (1) or smaller (-1): a fifth of the size, at least one pixel."""
        step = max(1.0, self.diameter * 0.2)
        self.diameter = float(round(min(MAX_DIAMETER, max(1.0, self.diameter + direction * step))))


class Surface(Protocol):
    """The canvas as a tool sees it."""

    selection: MaskLayer
    brush: Brush
    transform: ViewTransform

    @property
    def pressure(self) -> float:
        """Of a pen, 0..1; 1 for the mouse."""
        ...

    def pan(self, delta: QPointF) -> None:
        """Move the picture by logical pixels."""

    def refresh(self) -> None:
        """Paint the canvas again."""


class Tool:
    """One tool: a subclass in its own file, listed in `TOOLS`. One object per canvas; it keeps the gesture under way.

    id: stable. title: marked with N_(). icon: a name of `ui.icons`. key: the single key that chooses it.
    edits: whether it changes the mask. ring: whether the pointer is the brush's ring.
    """

    id = ""
    title = ""
    icon = ""
    key = ""
    edits = True
    ring = False
    cursor = Qt.CursorShape.CrossCursor
    dragging_cursor = Qt.CursorShape.CrossCursor

    def press(self, surface: Surface, point: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The button went down at `point` (picture pixels; may lie outside the picture)."""

    def move(self, surface: Surface, point: QPointF) -> None:
        """The pointer moved with the button down."""

    def release(self, surface: Surface, point: QPointF) -> None:
        """The button came up: finish the edit."""

    def cancel(self, surface: Surface) -> None:
        """Esc, or the picture was changed: leave no trace of the gesture."""
        surface.selection.abandon()

    def paint(self, painter: QPainter, surface: Surface) -> None:
        """Draw the gesture under way over the picture, in logical pixels of the view."""

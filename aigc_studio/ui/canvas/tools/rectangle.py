"""Select a rectangle."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from aigc_studio.core.brush import fill_rectangle
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.theme import theme_of

from .base import Surface, Tool

__all__ = ["RectangleTool"]


class RectangleTool(Tool):
    """Adds a rectangle to the selection; with Alt held takes it out, with Shift held it is a square."""

    id = "rectangle"
    title = N_("Rectangle##mask tool")
    icon = "selection"
    key = "R"

    def __init__(self) -> None:
        self._start: QPointF | None = None
        self._end = QPointF()
        self._erase = self._square = False

    def press(self, surface: Surface, point: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """One corner."""
        self._erase = bool(modifiers & Qt.KeyboardModifier.AltModifier)
        self._square = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        self._start, self._end = QPointF(point), QPointF(point)

    def move(self, surface: Surface, point: QPointF) -> None:
        """The opposite corner, so far."""
        if self._start is None:
            return
        self._end = QPointF(point)
        if self._square:
            dx, dy = point.x() - self._start.x(), point.y() - self._start.y()
            side = max(abs(dx), abs(dy))
            self._end = self._start + QPointF(side if dx >= 0 else -side, side if dy >= 0 else -side)
        surface.refresh()

    def release(self, surface: Surface, point: QPointF) -> None:
        """Select it."""
        self.move(surface, point)
        if self._start is None:
            return
        start, self._start = self._start, None
        surface.selection.begin()
        box = fill_rectangle(
            surface.selection.pixels, (start.x(), start.y()), (self._end.x(), self._end.y()), erase=self._erase
        )
        surface.selection.touched(box)
        surface.selection.commit(tr("Rectangle selection"))
        surface.refresh()

    def cancel(self, surface: Surface) -> None:
        """Forget the corner."""
        self._start = None
        super().cancel(surface)
        surface.refresh()

    def paint(self, painter: QPainter, surface: Surface) -> None:
        """A two-coloured dashed frame, seen on any picture."""
        if self._start is None:
            return
        rect = QRectF(surface.transform.to_view(self._start), surface.transform.to_view(self._end)).normalized()
        fill = theme_of().color("mask").toRgb()
        fill.setAlpha(50)
        painter.fillRect(rect, fill)
        dashed_outline(painter, lambda: painter.drawRect(rect))


def dashed_outline(painter: QPainter, draw) -> None:
    """Call `draw` twice, with a dark and a dashed light pen: visible on every picture."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, style in ((Qt.GlobalColor.black, Qt.PenStyle.SolidLine), (Qt.GlobalColor.white, Qt.PenStyle.DashLine)):
        pen = QPen(color, 1, style)
        pen.setCosmetic(True)
        painter.setPen(pen)
        draw()

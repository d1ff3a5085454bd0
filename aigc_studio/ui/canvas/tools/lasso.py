"""Select the inside of a freely drawn outline."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPolygonF

from aigc_studio.core.brush import fill_polygon
from aigc_studio.core.i18n import N_, tr

from .base import Surface, Tool
from .rectangle import dashed_outline

__all__ = ["LassoTool"]


class LassoTool(Tool):
    """Adds what the outline encloses to the selection; with Alt held takes it out."""

    id = "lasso"
    title = N_("Lasso##mask tool")
    icon = "lasso"
    key = "L"

    def __init__(self) -> None:
        self._points: list[QPointF] = []
        self._erase = False

    def press(self, surface: Surface, point: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """Begin the outline."""
        self._erase = bool(modifiers & Qt.KeyboardModifier.AltModifier)
        self._points = [QPointF(point)]

    def move(self, surface: Surface, point: QPointF) -> None:
        """Go on with it."""
        if self._points and point != self._points[-1]:
            self._points.append(QPointF(point))
            surface.refresh()

    def release(self, surface: Surface, point: QPointF) -> None:
        """Close the outline and select the inside."""
        self.move(surface, point)
        points, self._points = self._points, []
        surface.selection.begin()
        box = fill_polygon(surface.selection.pixels, [(item.x(), item.y()) for item in points], erase=self._erase)
        surface.selection.touched(box)
        surface.selection.commit(tr("Lasso selection"))
        surface.refresh()

    def cancel(self, surface: Surface) -> None:
        """Forget the outline."""
        self._points = []
        super().cancel(surface)
        surface.refresh()

    def paint(self, painter: QPainter, surface: Surface) -> None:
        """The outline so far, closed by a straight line."""
        if len(self._points) > 1:
            outline = QPolygonF([surface.transform.to_view(point) for point in self._points])
            dashed_outline(painter, lambda: painter.drawPolygon(outline))

"""The plot itself, on pyqtgraph. Imported only by `CurvesView` when curves are first shown: it takes half a second."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QGraphicsItem, QWidget

from aigc_studio.ui.theme import theme_of

__all__ = ["Line", "Plot"]

_ZOOM = 1.4
_TICK_PX = 11
_SURE = 12
"""With fewer points nothing is taken for an outlier."""
_BEGINNING = 0.03
"""Share of a curve in which it may stand where it will never stand again."""
_FLAT = 1.8
"""What makes a plot so many times as high presses the others flat."""
_FINE = 700
"""More points than that are drawn without soft edges: together they would take half a second."""


@dataclass(frozen=True)
class Line:
    """A curve as it is drawn: few points, logarithms already taken. key: which of the former lines it replaces."""

    key: str
    x: np.ndarray
    y: np.ndarray
    colour: QColor
    width: float = 1.5
    dashed: bool = False
    dots: bool = False


class _Axis(pg.AxisItem):
    """Ticks said by a function of ours: pyqtgraph knows neither languages nor minutes."""

    def __init__(self, orientation: str, say: Callable[[float], str]) -> None:
        super().__init__(orientation)
        self._say = say
        self.enableAutoSIPrefix(False)

    def tickStrings(self, values, scale, spacing) -> list[str]:  # noqa: ANN001  pyqtgraph's
        """What stands at each tick."""
        return [self._say(value) for value in values]


class Plot(pg.PlotWidget):
    """Lines over steps or seconds. The wheel zooms along x at the pointer, a drag moves, a double click shows all;
    what is high enough for y follows from what is in sight. A few values far from all others, as of the first step,
    do not press the others flat: they are out of sight until all is asked for; asked for once more, they go again.

    Keys: left and right move the cursor, with Shift the picture; + and - zoom, 0 shows all, Home and
    End go to the ends.
    """

    ranged = Signal()
    """Another part of x, or another width, is in sight."""
    pointed = Signal(object)
    """Where the cursor is (x), None for nowhere."""

    def __init__(
        self, say_x: Callable[[float], str], say_y: Callable[[float], str], parent: QWidget | None = None
    ) -> None:
        super().__init__(
            parent, axisItems={"bottom": _Axis("bottom", say_x), "left": _Axis("left", say_y)}, enableMenu=False
        )
        self.cursor_at: float | None = None
        self._items: dict[str, pg.PlotCurveItem] = {}
        self._dots: dict[str, pg.ScatterPlotItem] = {}
        self._end = 1.0
        self._all, self._own, self._kept = True, False, False
        self._far = False
        """Whether values far from all others are shown, too."""
        self.cut = False
        """Whether there are such values out of sight."""
        self._lines: Sequence[Line] = ()
        self._logarithms = False
        self.hideButtons()
        self.setFrameShape(self.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        item: Any = self.getPlotItem()
        box = self._box = item.getViewBox()
        box.setMouseEnabled(x=True, y=False)
        box.disableAutoRange()
        box.setDefaultPadding(0.0)
        box.sigXRangeChanged.connect(self._moved)
        self._rule = pg.InfiniteLine(angle=90, movable=False)
        self._rule.hide()
        item.addItem(self._rule, ignoreBounds=True)
        scene: Any = self.scene()
        scene.sigMouseMoved.connect(self._mouse)
        theme_of(self).changed.connect(self._restyle)
        self._restyle()

    # -- what is shown
    def show_lines(self, lines: Sequence[Line]) -> None:
        """Draw these, and nothing else; y is fitted to them."""
        wanted = {line.key for line in lines}
        for items in (self._items, self._dots):
            for key in [key for key in items if key not in wanted]:
                self.removeItem(items.pop(key))
        self._keep_pixels(False)
        for order, line in enumerate(lines):
            self._draw(line, order)
        self._lines = lines
        self._fit_y(lines)

    def set_end(self, end: float) -> None:
        """The last x there is. Who sees all of them goes on to see all."""
        self._end = max(end, 1e-9)
        box = self._box
        box.setLimits(xMin=-0.02 * self._end, xMax=1.04 * self._end)
        if self._all:
            self._show_all()

    def in_sight(self) -> tuple[float, float]:
        """The part of x that is shown."""
        low, high = self._box.viewRange()[0]
        return float(low), float(high)

    @property
    def whole(self) -> bool:
        """Whether all of x is shown."""
        return self._all

    def points(self) -> int:
        """As many points as a curve can use here."""
        return max(200, 2 * int(self._box.width()))

    def reset(self) -> None:
        """Show all of x, and of y what is not far from all others."""
        self._far = False
        self._all = True
        self._show_all()
        self.ranged.emit()

    def show_everything(self) -> None:
        """All there is, values far from the others included; without these where all is in sight already."""
        far = not (self._all and self._far)
        self.reset()
        self._far = far
        self._fit_y(self._lines)

    def zoom(self, factor: float, around: float | None = None) -> None:
        """Show a part of x that is smaller by `factor`, `around` staying where it is (default: cursor or middle)."""
        low, high = self.in_sight()
        middle = around if around is not None else self.cursor_at
        if middle is None or not low <= middle <= high:
            middle = (low + high) / 2
        self._look(middle - (middle - low) / factor, middle + (high - middle) / factor)

    def point_at(self, x: float | None) -> None:
        """Put the cursor there; None takes it away."""
        self.cursor_at = x
        self._keep_pixels(x is not None)
        self._rule.setVisible(x is not None)
        if x is not None:
            self._rule.setPos(x)
        self.pointed.emit(x)

    def use_logarithms(self, on: bool) -> None:
        """Whether y is a logarithm: the ticks stand at its decades then."""
        self._logarithms = on
        self._axis("left").setLogMode(x=False, y=on)

    def left_of(self, x: float) -> float:
        """Where x lies in the widget, in its pixels."""
        point = self._box.mapViewToScene(QPointF(x, 0.0))
        return float(self.mapFromScene(point).x())

    def set_tick_texts(self) -> None:
        """The words of the axes are others."""
        for name in ("bottom", "left"):
            axis = self._axis(name)
            axis.picture = None
            axis.update()

    # -- drawing
    def _axis(self, name: str) -> Any:
        item: Any = self.getPlotItem()
        return item.getAxis(name)

    def _keep_pixels(self, on: bool) -> None:
        """Curves as pixels while only the cursor moves over them: they need not be drawn again for each of its moves.
        Not while one zooms, for then whole curves, out of sight too, would become pixels."""
        if on != self._kept:
            self._kept = on
            mode = QGraphicsItem.CacheMode.DeviceCoordinateCache if on else QGraphicsItem.CacheMode.NoCache
            for item in (*self._items.values(), *self._dots.values()):
                item.setCacheMode(mode)

    def _add(self, part: Any) -> None:
        """Without a say in what is in sight."""
        item: Any = self.getPlotItem()
        item.addItem(part, ignoreBounds=True)

    def _draw(self, line: Line, order: int) -> None:
        item = self._items.get(line.key)
        if item is None:
            item = self._items[line.key] = pg.PlotCurveItem()
            self._add(item)
        fine = len(line.x) <= _FINE
        width = line.width if fine else min(line.width, 1.0)
        pen = QPen(line.colour, width * self.devicePixelRatioF())  # a cosmetic pen counts the screen's own pixels
        pen.setCosmetic(True)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        if line.dashed:
            pen.setDashPattern([5.0, 3.0])
        item.setSegmentedLineMode("off" if line.dashed else "on")  # one long path takes Qt many times as long
        item.setZValue(order)
        item.setData(line.x, line.y, pen=pen, antialias=fine)
        if not line.dots:
            if line.key in self._dots:
                self.removeItem(self._dots.pop(line.key))
            return
        dots = self._dots.get(line.key)
        if dots is None:
            dots = self._dots[line.key] = pg.ScatterPlotItem(size=6, pxMode=True)
            self._add(dots)
        dots.setZValue(order)
        dots.setData(line.x, line.y, pen=None, brush=line.colour)

    def _fit_y(self, lines: Sequence[Line]) -> None:
        found = [line.y for line in lines if len(line.y)]
        if not found:
            return
        low, high = min(float(y.min()) for y in found), max(float(y.max()) for y in found)
        if not (math.isfinite(low) and math.isfinite(high)):
            return
        near = _usual(lines) if self._all and not self._logarithms else (low, high)
        self.cut = near != (low, high)
        if not self._far:
            low, high = near
        room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
        self._box.setYRange(low - room, high + room, padding=0)

    def _restyle(self) -> None:
        theme = theme_of(self)
        self.setBackground(theme.color("panel"))
        font = self.font()
        font.setPixelSize(_TICK_PX)
        for name in ("bottom", "left"):
            axis = self._axis(name)
            axis.setPen(QPen(theme.color("line-strong"), 1))
            axis.setTextPen(theme.color("text-muted"))
            axis.setTickFont(font)
            axis.setStyle(tickLength=-4)
        self.showGrid(x=False, y=True, alpha=0.35 if theme.dark else 0.25)
        pen = QPen(theme.color("text-faint"), 1)
        pen.setCosmetic(True)
        self._rule.setPen(pen)

    # -- moving
    def _show_all(self) -> None:
        self._own = True  # axes and cursor must hear of it, we need not
        self._box.setXRange(0.0, self._end, padding=0.01)
        self._own = False

    def _look(self, low: float, high: float) -> None:
        span = min(high - low, self._end)
        if span < self._end * 1e-5:
            return
        low = min(max(low, 0.0), self._end - span)
        if span >= self._end * 0.999:
            self.reset()
            return
        self._all = False
        self._box.setXRange(low, low + span, padding=0)

    def _moved(self) -> None:
        self._keep_pixels(False)
        if not self._own:
            low, high = self.in_sight()
            self._all = low <= 0.0 and high >= self._end
            self.ranged.emit()

    def _mouse(self, point: QPointF) -> None:
        box = self._box
        inside = box.sceneBoundingRect().contains(point)
        self.point_at(float(box.mapSceneToView(point).x()) if inside else None)

    # -- events
    def resizeEvent(self, ev: QResizeEvent) -> None:
        """More room shows more points."""
        super().resizeEvent(ev)
        if hasattr(self, "_rule"):
            self.ranged.emit()

    def leaveEvent(self, ev) -> None:  # noqa: ANN001  QEvent
        """The pointer went elsewhere."""
        super().leaveEvent(ev)
        self.point_at(None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Who comes by the keyboard sees where the cursor is."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.point_at(self.cursor_at if self.cursor_at is not None else self.in_sight()[1])

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The cursor goes with the keyboard."""
        super().focusOutEvent(event)
        if not self.underMouse():
            self.point_at(None)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show all."""
        self.show_everything()

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        """See the class."""
        key, shift = ev.key(), bool(ev.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if ev.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            ev.ignore()
            return
        low, high = self.in_sight()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            way = 1 if key == Qt.Key.Key_Right else -1
            if shift:
                self._look(low + way * (high - low) / 10, high + way * (high - low) / 10)
            else:
                at = self.cursor_at if self.cursor_at is not None else (low + high) / 2
                self.point_at(min(max(at + way * (high - low) / 100, max(0.0, low)), min(high, self._end)))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(_ZOOM)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / _ZOOM)
        elif key == Qt.Key.Key_0:
            self.show_everything()
        elif key == Qt.Key.Key_Home:
            self.point_at(max(0.0, low))
        elif key == Qt.Key.Key_End:
            self.point_at(min(high, self._end))
        else:
            ev.ignore()


def _usual(lines: Sequence[Line]) -> tuple[float, float]:
    """The least and the highest value that are not far from all others; finite ones only come in."""
    every = np.concatenate([line.y for line in lines if len(line.y)])
    low, high = float(every.min()), float(every.max())
    later = [line.y[line.x >= line.x[0] + _BEGINNING * (line.x[-1] - line.x[0])] for line in lines if len(line.y)]
    rest = np.concatenate(later)
    if len(rest) < _SURE:
        return low, high
    under, over = (float(value) for value in np.percentile(rest, (2, 98)))
    room = over - under
    near = max(low, under - room), min(high, over + room)
    return near if high - low > _FLAT * (near[1] - near[0]) else (low, high)

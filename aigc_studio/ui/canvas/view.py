"""The canvas: a `Scene` that answers to mouse, wheel, pen, keys, pinch and drop, and holds the tools."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDropEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPen,
    QRegion,
    QTabletEvent,
    QUndoStack,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QWidget

from aigc_studio.core.brush import MAX_DIAMETER
from aigc_studio.core.i18n import tr
from aigc_studio.ui.dropping.payload import welcome
from aigc_studio.ui.theme import theme_of

from . import painting
from .pyramid import Pyramid
from .scene import Scene
from .tools import TOOLS, Brush, Tool

__all__ = ["ASSETS_MIME", "Canvas"]

ASSETS_MIME = "application/x-aigc-assets"
"""Assets dragged between panels: a JSON list of asset ids."""

_GRIP = 10
"""How near (logical pixels) the pointer must be to take the compare slider."""


class Canvas(Scene):
    """The picture view with its tools. Coordinates handed out are picture pixels."""

    toolChanged = Signal(str)
    brushChanged = Signal()
    maskBegun = Signal()
    """An edit of the selection is about to start."""
    dropped = Signal(object)
    """QMimeData with files or assets."""
    menuWanted = Signal(QPoint)
    """Global position for a context menu."""

    def __init__(self, undo_stack: QUndoStack, parent: QWidget | None = None) -> None:
        super().__init__(undo_stack, parent)
        self.setObjectName("canvas")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.brush = Brush()
        self.tools: dict[str, Tool] = {tool.id: tool() for tool in TOOLS}
        self._tool = self.tools["hand"]
        self.editable = True
        """Whether the tools may change the selection."""
        self._brush_side = 0
        """Longer side of the picture that the brush's size was meant for; 0 while nobody has seen one."""
        self._brush_chosen = False
        self._pressed: Tool | None = None
        self._pan_grip: QPointF | None = None
        self._space = False
        self._pointer: QPointF | None = None
        self._pressure = 1.0
        self._drop_over = False

    def set_picture(self, picture: Pyramid | None, *, keep_view: bool = False) -> None:
        """Show a picture; the gesture under way belonged to the former one and is taken back."""
        self.cancel_gesture()
        super().set_picture(picture, keep_view=keep_view)
        self._fit_brush()
        self._cursor_now()

    def set_placeholder(self, image: QImage, size: QSize, *, keep_view: bool = False) -> None:
        """Show a stand-in; nothing can be drawn on it."""
        self.cancel_gesture()
        super().set_placeholder(image, size, keep_view=keep_view)
        self._cursor_now()

    # -- tools
    @property
    def tool(self) -> Tool:
        """The chosen tool."""
        return self._tool

    def choose_tool(self, id: str) -> None:
        """Choose a tool by its id."""
        self.cancel_gesture()
        self._tool = self.tools[id]
        self._cursor_now()
        self.update()
        self.toolChanged.emit(id)

    def set_brush(self, *, diameter: float | None = None, hardness: float | None = None) -> None:
        """Change the brush."""
        if diameter is not None:
            self.brush.diameter = float(diameter)
            self._brush_chosen = True
        if hardness is not None:
            self.brush.hardness = float(hardness)
        self.update()
        self.brushChanged.emit()

    def _fit_brush(self) -> None:
        """The brush covers the same part of a picture of any size; first an eighth of it."""
        side = max(self._size.width(), self._size.height())
        if side <= 0 or side == self._brush_side:
            return
        if self._brush_side:
            wanted = self.brush.diameter * side / self._brush_side
        else:
            wanted = self.brush.diameter if self._brush_chosen else side / 8
        self._brush_side = side
        self.set_brush(diameter=min(MAX_DIAMETER, max(1.0, round(wanted))))

    def resize_brush(self, direction: int) -> None:
        """One step larger (1) or smaller (-1)."""
        self.brush.resize(direction)
        self.set_brush()

    def cancel_gesture(self) -> bool:
        """Take back the stroke or rectangle being drawn; whether there was one."""
        pressed, self._pressed = self._pressed, None
        if pressed is None:
            return False
        pressed.cancel(self)
        return True

    @property
    def pressure(self) -> float:
        """Of a pen, 0..1; 1 for the mouse."""
        return self._pressure

    def refresh(self) -> None:
        """Paint again."""
        self.update()

    def paint_gesture(self, painter: QPainter) -> None:
        """The gesture under way, the brush's ring, the frame for a drop."""
        if self._pressed is not None and not self._size.isEmpty():
            self._pressed.paint(painter, self)
        if self._pointer is not None and self._tool.ring and self._can_draw() and not self._panning():
            radius = self.brush.diameter / 2 * self.transform.scale / self.transform.ratio
            painting.ring(painter, self._pointer, radius, radius * self.brush.hardness)
        if self._drop_over:
            self._paint_drop(painter)

    def _paint_drop(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill = theme_of(self).color("accent-soft").toRgb()
        fill.setAlpha(120)
        painter.setBrush(fill)
        painter.setPen(QPen(theme_of(self).color("accent"), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(9, 9, -9, -9), 8, 8)
        painting.badge(painter, QPointF(24, 24), tr("Drop to open it here"))

    # -- events
    def event(self, event: QEvent) -> bool:
        """Gestures, and a move to a screen of another resolution."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.transform.resize(QSizeF(self.size()), self.devicePixelRatioF())
            self._view_changed()
        elif isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom(self.transform.scale * (1 + event.value()), event.position())
                return True
        elif isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                self.pan(pinch.centerPoint() - pinch.lastCenterPoint())
                anchor = QPointF(self.mapFromGlobal(pinch.hotSpot().toPoint()))
                self.zoom(self.transform.scale * pinch.scaleFactor(), anchor)
                return True
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel zooms to the pointer, with Shift or Alt moves; two fingers on a touch pad move, with Ctrl zoom."""
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        sideways = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        by_pixels = not event.pixelDelta().isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
        if by_pixels and not control:
            self.pan(QPointF(event.pixelDelta()))
        elif sideways:
            delta = event.angleDelta()
            self.pan(QPointF(delta.y() or delta.x(), 0))
        else:
            self.zoom(self.transform.scale * 1.2 ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def tabletEvent(self, event: QTabletEvent) -> None:
        """Only the pressure is taken; the pen then comes as a mouse."""
        pen_down = event.type() in (QEvent.Type.TabletPress, QEvent.Type.TabletMove)
        self._pressure = max(0.05, event.pressure()) if pen_down and event.pressure() > 0 else 1.0
        event.ignore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pan, take the slider, or begin the tool's gesture."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self._size.isEmpty():
            return
        panning = event.button() == Qt.MouseButton.MiddleButton or self._space
        if panning and self._pressed is None:
            self._pan_grip = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton and self._pressed is None:
            if self._over_slider(event.position()):
                self.sliding = True
            elif not self._tool.edits or self._can_draw():
                if self._tool.edits:
                    self.maskBegun.emit()
                if not self._can_draw() and self._tool.edits:
                    return  # the answer to maskBegun may replace the picture
                self._pressed = self._tool
                self._pressed.press(self, self.transform.to_picture(event.position()), event.modifiers())
                self._cursor_now()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with what was begun; the ring follows the pointer."""
        position = event.position()
        if self._pan_grip is not None:
            self.pan(position - self._pan_grip)
            self._pan_grip = position
        elif self.sliding:
            self.set_split(self.transform.to_picture(position).x() / max(1, self._size.width()))
        elif self._pressed is not None:
            self._pressed.move(self, self.transform.to_picture(position))
        else:
            self._cursor_now(position)
        self._move_pointer(position)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End it."""
        if self._pan_grip is not None:
            self._pan_grip = None
        elif self.sliding:
            self.sliding = False
            self.update()
        elif event.button() == Qt.MouseButton.LeftButton and self._pressed is not None:
            pressed, self._pressed = self._pressed, None
            pressed.release(self, self.transform.to_picture(event.position()))
        self._cursor_now(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        """The ring leaves with the pointer."""
        self._move_pointer(None)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the picture."""
        self.menuWanted.emit(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space pans while held, C shows the former version while held, the arrows move."""
        arrows = {
            Qt.Key.Key_Left: QPointF(64, 0),
            Qt.Key.Key_Right: QPointF(-64, 0),
            Qt.Key.Key_Up: QPointF(0, 64),
            Qt.Key.Key_Down: QPointF(0, -64),
        }
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape and self.cancel_gesture():
            return
        if not plain:
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Space:
            self._space = True
            self._cursor_now()
        elif key == Qt.Key.Key_C:
            if not event.isAutoRepeat():
                self.peek(True)
        elif key in arrows and not self._size.isEmpty():
            if self._slider and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
                self.set_split(self._split + (0.02 if key == Qt.Key.Key_Right else -0.02))
            else:
                self.pan(arrows[key])
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """The end of what a held key does."""
        if event.isAutoRepeat():
            return
        if event.key() == Qt.Key.Key_Space:
            self._space = False
            self._cursor_now()
        elif event.key() == Qt.Key.Key_C:
            self.peek(False)
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event) -> None:
        """A key released elsewhere must not stay held here."""
        self._space = False
        if self._peek:
            self.peek(False)
        super().focusOutEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files and assets are welcome."""
        if welcome(event.mimeData(), words=False) and event.source() is not self:
            event.acceptProposedAction()
            self._drop_over = True
            self.update()

    def dragLeaveEvent(self, event) -> None:
        """Gone again."""
        self._drop_over = False
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        """Say what was dropped."""
        self._drop_over = False
        self.update()
        event.acceptProposedAction()
        self.dropped.emit(event.mimeData())

    # -- pointer
    def _can_draw(self) -> bool:
        return self.editable and self._picture is not None and not self._peek and not self._slider

    def _panning(self) -> bool:
        return self._space or self._pan_grip is not None

    def _over_slider(self, position: QPointF) -> bool:
        if not self._slider:
            return False
        x = self.transform.to_view(QPointF(self._split * self._size.width(), 0)).x()
        return abs(position.x() - x) <= _GRIP

    def _cursor_now(self, position: QPointF | None = None) -> None:
        if self._size.isEmpty():
            self.setCursor(Qt.CursorShape.ArrowCursor)
        elif self._pan_grip is not None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._space:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        elif position is not None and self._over_slider(position):
            self.setCursor(Qt.CursorShape.SplitHCursor)
        elif self._tool.edits and not self._can_draw():
            self.setCursor(Qt.CursorShape.ArrowCursor)
        else:
            self.setCursor(self._tool.dragging_cursor if self._pressed else self._tool.cursor)

    def _move_pointer(self, position: QPointF | None) -> None:
        if not self._tool.ring:
            self._pointer = position
            return
        radius = self.brush.diameter / 2 * self.transform.scale / self.transform.ratio + 14
        region = QRegion()
        for point in (self._pointer, position):
            if point is not None:
                region |= QRectF(point.x() - radius, point.y() - radius, 2 * radius, 2 * radius).toAlignedRect()
        self._pointer = position
        self.update(region)


def mask_bounds(pixels: np.ndarray, margin: int = 0) -> QRect:
    """The box around everything selected, grown by `margin`."""
    rows = np.flatnonzero(pixels.max(axis=1))
    if not rows.size:
        return QRect()
    columns = np.flatnonzero(pixels[rows[0] : rows[-1] + 1].max(axis=0))
    box = QRect(QPoint(int(columns[0]), int(rows[0])), QPoint(int(columns[-1]), int(rows[-1])))
    return box.adjusted(-margin, -margin, margin, margin)

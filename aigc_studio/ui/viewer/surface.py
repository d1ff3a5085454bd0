"""A place where pictures are looked at: wheel, keys, pinch and drag move one view, whatever is painted into it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QWidget

from aigc_studio.ui.canvas import painting
from aigc_studio.ui.canvas.transform import ViewTransform
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.theme import theme_of

__all__ = ["LARGEST_FIT", "Surface"]

LARGEST_FIT = 2.0
"""Where there is nothing but the picture, a small one is shown at up to twice its pixels."""

_WHEEL = 1.2
_CLICK = 4
"""Logical pixels that the pointer may move between press and release of a click."""


class Surface(Translated, QWidget):
    """Zoom and pan over a frame of `transform.picture` pixels. Subclasses paint into it with `paint_frame`.

    Keys: + and - zoom, 0 fits, 1 is pixel for pixel; arrows pan while the picture is larger than the view, else they
    are left to the parent.
    """

    zoomChanged = Signal(float)
    """Screen pixels per picture pixel."""
    clicked = Signal()
    doubleClicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.transform = ViewTransform()
        self.background = "canvas"
        self._checker = painting.checkerboard(theme_of(self))
        self._grip: QPointF | None = None
        self._press: QPointF | None = None
        theme_of(self).changed.connect(self._theme_changed)

    # -- the view
    def set_frame(self, width: int, height: int, *, keep_view: bool = False) -> None:
        """The size of what is shown, in picture pixels. keep_view: same zoom and place, where the size is the same."""
        size = QSizeF(max(1, width), max(1, height))
        same = size == self.transform.picture
        self.transform.picture = size
        if not (keep_view and same):
            self.fit()
        self.update()

    def fit(self) -> None:
        """Show the whole picture."""
        self.transform.fit()
        self._moved()

    def zoom(self, scale: float, anchor: QPointF | None = None) -> None:
        """Screen pixels per picture pixel, around `anchor` (default: the middle)."""
        self.transform.zoom_to(scale, anchor or QPointF(self.width() / 2, self.height() / 2))
        self._moved()

    def zoom_step(self, direction: int) -> None:
        """To the next stop, larger (1) or smaller (-1)."""
        self.zoom(self.transform.step(direction))

    def pan(self, delta: QPointF) -> None:
        """Move the picture by logical pixels."""
        self.transform.pan(delta)
        self._moved()

    @property
    def larger_than_view(self) -> bool:
        """Whether a part of the picture is out of sight."""
        room = QRectF(QPointF(0, 0), QSizeF(self.size()) * self.transform.ratio)
        return not room.adjusted(-1, -1, 1, 1).contains(self.transform.device_rect())

    def _moved(self) -> None:
        self.update()
        self.zoomChanged.emit(self.transform.scale)

    # -- painting
    def paintEvent(self, event: QPaintEvent) -> None:
        """Background, then the frame in device pixels, then what lies over it in logical ones."""
        painter = QPainter(self)
        ratio = self.transform.ratio
        clip = QRectF(event.rect())
        device = QRectF(clip.topLeft() * ratio, clip.size() * ratio).toAlignedRect()
        painter.save()
        painter.scale(1 / ratio, 1 / ratio)
        painter.fillRect(device, theme_of(self).color(self.background))
        self.paint_frame(painter, self.transform.device_rect(), device)
        painter.restore()
        self.paint_over(painter)
        painter.end()

    def paint_frame(self, painter: QPainter, target: QRectF, clip: QRect) -> None:
        """Paint the picture into `target`, only within `clip`; device pixels."""

    def paint_over(self, painter: QPainter) -> None:
        """Paint what is not part of the picture, in logical pixels."""

    def _theme_changed(self) -> None:
        self._checker = painting.checkerboard(theme_of(self))
        self.update()

    # -- events
    def event(self, event: QEvent) -> bool:
        """Pinch, and a move to a screen of another resolution."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._resized()
        elif isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom(self.transform.scale * (1 + event.value()), event.position())
                return True
        elif isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                self.pan(pinch.centerPoint() - pinch.lastCenterPoint())
                self.zoom(
                    self.transform.scale * pinch.scaleFactor(), QPointF(self.mapFromGlobal(pinch.hotSpot().toPoint()))
                )
                return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep fitting, or the middle in the middle."""
        self._resized()

    def _resized(self) -> None:
        self.transform.resize(QSizeF(self.size()), self.devicePixelRatioF())
        self._moved()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel zooms to the pointer; two fingers on a touch pad move, with Ctrl zoom."""
        by_pixels = not event.pixelDelta().isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
        if by_pixels and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.pan(QPointF(event.pixelDelta()))
        elif event.angleDelta().y():
            self.zoom(self.transform.scale * _WHEEL ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the picture."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._grip = self._press = event.position()
            if self.larger_than_view:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move it along."""
        if self._grip is None:
            return
        if self.larger_than_view:
            self.pan(event.position() - self._grip)
        self._grip = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go; a press that did not move is a click."""
        pressed, self._press, self._grip = self._press, None, None
        self.unsetCursor()
        if (
            pressed is not None
            and event.button() == Qt.MouseButton.LeftButton
            and (event.position() - pressed).manhattanLength() < _CLICK
        ):
            self.clicked.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """For who uses the surface to say what it means."""
        self.doubleClicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom keys; arrows where there is something to pan."""
        key = Qt.Key(event.key())
        arrows = {
            Qt.Key.Key_Left: QPointF(64, 0),
            Qt.Key.Key_Right: QPointF(-64, 0),
            Qt.Key.Key_Up: QPointF(0, 64),
            Qt.Key.Key_Down: QPointF(0, -64),
        }
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_step(1)
        elif key == Qt.Key.Key_Minus:
            self.zoom_step(-1)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.zoom(1.0)
        elif key in arrows and self.larger_than_view and not self.transform.fitted:
            self.pan(arrows[key])
        else:
            super().keyPressEvent(event)

    # -- for subclasses
    def paint_checker(self, painter: QPainter, rect: QRect) -> None:
        """What is seen through transparent pixels."""
        painter.fillRect(rect, self._checker)

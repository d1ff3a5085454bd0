"""The canvas: one picture, seen at any zoom, with a mask to draw, a former version to compare, a preview to watch.

It knows pictures as `Pyramid`s and the mask as a `MaskLayer`; it knows neither assets, jobs nor projects.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDropEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRegion,
    QResizeEvent,
    QTabletEvent,
    QUndoStack,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QWidget

from aigc_studio.core.i18n import tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.theme import theme_of

from . import painting
from .mask import MaskLayer
from .pyramid import Pyramid
from .tools import TOOLS, Brush, Tool
from .transform import ViewTransform

__all__ = ["ASSETS_MIME", "Canvas"]

ASSETS_MIME = "application/x-aigc-assets"
"""Assets dragged between panels: a JSON list of asset ids."""

_GRIP = 10
"""How near (logical pixels) the pointer must be to take the compare slider."""


class Canvas(Translated, QWidget):
    """The picture view. Coordinates handed out are picture pixels."""

    zoomChanged = Signal(float)
    """Screen pixels per picture pixel."""
    toolChanged = Signal(str)
    brushChanged = Signal()
    maskBegun = Signal()
    """The first edit of a mask on this picture is about to start."""
    dropped = Signal(object)
    """QMimeData with files or assets."""
    menuWanted = Signal(QPoint)
    """Global position for a context menu."""
    compareChanged = Signal()

    def __init__(self, undo_stack: QUndoStack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("canvas")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.setMinimumSize(240, 200)
        self.transform = ViewTransform()
        self.selection = MaskLayer(undo_stack, self)
        self.selection.changed.connect(self._mask_changed)
        self.brush = Brush()
        self.tools: dict[str, Tool] = {tool.id: tool() for tool in TOOLS}
        self._tool = self.tools["hand"]
        self._picture: Pyramid | None = None
        self._before: Pyramid | None = None
        self._placeholder = QImage()
        self._size = QSize()
        self._preview = QImage()
        self._preview_box: QRect | None = None
        self._working: tuple[str, float] | None = None
        self._peek = self._slider = self._sliding = False
        self._split = 0.5
        self._mask_visible = True
        self.editable = True
        self._pressed: Tool | None = None
        self._pan_grip: QPointF | None = None
        self._space = False
        self._pointer: QPointF | None = None
        self._pressure = 1.0
        self._drop_over = False
        self._checker = painting.checkerboard(theme_of(self))
        self.last_paint_ms = 0.0
        theme_of(self).changed.connect(self._theme_changed)
        self._theme_changed()
        self.tr_bind(self.setAccessibleName, "Picture canvas")

    # -- what is shown
    @property
    def picture(self) -> Pyramid | None:
        """The picture on show."""
        return self._picture

    @property
    def picture_size(self) -> QSize:
        """In pixels; empty when nothing is shown."""
        return self._size

    @property
    def pressure(self) -> float:
        """Of a pen, 0..1; 1 for the mouse."""
        return self._pressure

    def set_picture(self, picture: Pyramid | None, *, keep_view: bool = False) -> None:
        """Show a picture. keep_view: same place and zoom as before, where the size is the same."""
        self.cancel_gesture()
        self._picture = picture
        self._placeholder = QImage()
        self._set_size(picture.size if picture else QSize(), keep_view)

    def set_placeholder(self, image: QImage, size: QSize, *, keep_view: bool = False) -> None:
        """Show a small stand-in at the size of the picture that is still being read."""
        self.cancel_gesture()
        self._picture = None
        self._placeholder = painting.soften(image)
        self._set_size(size, keep_view)

    def _set_size(self, size: QSize, keep_view: bool) -> None:
        same = size == self._size
        self._size = QSize(size)
        self.transform.picture = QSizeF(max(1, size.width()), max(1, size.height()))
        if not (keep_view and same):
            self.fit()
        self._cursor_now()
        self.update()

    def set_before(self, before: Pyramid | None) -> None:
        """The former version that compare shows; None when there is nothing to compare with."""
        self._before = before
        if before is None:
            self._peek = self._slider = False
            self.compareChanged.emit()
        self.update()

    @property
    def can_compare(self) -> bool:
        """Whether there is a former version to compare with."""
        return self._before is not None

    def set_preview(self, image: QImage, box: QRect | None = None) -> None:
        """What a running job has so far, over the whole picture or over `box` only (picture pixels); null to end."""
        self._preview = painting.soften(image)
        self._preview_box = box
        self.update()

    def set_working(self, text: str, fraction: float = 0.0) -> None:
        """A running job's state, shown on the picture; "" when there is none."""
        working = (text, fraction) if text else None
        if working != self._working:
            self._working = working
            self.update()

    def show_mask(self, on: bool) -> None:
        """Show or hide the tint of the selection."""
        self._mask_visible = on
        self.update()

    # -- view
    def fit(self) -> None:
        """Show the whole picture."""
        self.transform.fit()
        self._view_changed()

    def zoom(self, scale: float, anchor: QPointF | None = None) -> None:
        """Screen pixels per picture pixel, around `anchor` (default: the middle of the view)."""
        self.transform.zoom_to(scale, anchor or QPointF(self.width() / 2, self.height() / 2))
        self._view_changed()

    def zoom_step(self, direction: int) -> None:
        """To the next stop, larger (1) or smaller (-1)."""
        self.zoom(self.transform.step(direction))

    def pan(self, delta: QPointF) -> None:
        """Move the picture by logical pixels."""
        self.transform.pan(delta)
        self._view_changed()

    def view_state(self) -> dict[str, float | bool]:
        """Zoom and place, to be remembered."""
        middle = self.transform.to_picture(QPointF(self.width() / 2, self.height() / 2))
        return {"fit": self.transform.fitted, "scale": self.transform.scale, "x": middle.x(), "y": middle.y()}

    def restore_view(self, state: dict) -> None:
        """The inverse of `view_state`, for the picture now shown."""
        if state.get("fit", True):
            self.fit()
            return
        self.zoom(float(state["scale"]))
        point = self.transform.to_view(QPointF(float(state["x"]), float(state["y"])))
        self.pan(QPointF(self.width() / 2, self.height() / 2) - point)

    def refresh(self) -> None:
        """Paint again."""
        self.update()

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
        if hardness is not None:
            self.brush.hardness = float(hardness)
        self.update()
        self.brushChanged.emit()

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

    # -- compare
    @property
    def slider(self) -> bool:
        """Whether the compare slider is on."""
        return self._slider

    def set_slider(self, on: bool) -> None:
        """Divide the view: the former version left of the slider, the present one right of it."""
        self._slider = on and self.can_compare
        self.compareChanged.emit()
        self.update()

    @property
    def split(self) -> float:
        """Where the slider stands, 0..1 of the picture's width."""
        return self._split

    def set_split(self, split: float) -> None:
        """Move the slider."""
        self._split = min(1.0, max(0.0, split))
        self.update()

    @property
    def peeking(self) -> bool:
        """Whether the former version is shown alone."""
        return self._peek

    def peek(self, on: bool) -> None:
        """Show the former version alone, as long as a key or button is held."""
        self._peek = on and self.can_compare
        self.compareChanged.emit()
        self.update()

    # -- painting
    def paintEvent(self, event: QPaintEvent) -> None:
        """Background, picture, mask, preview, then what belongs to the pointer."""
        started = time.perf_counter()
        painter = QPainter(self)
        ratio = self.transform.ratio
        clip = QRectF(event.rect())
        painter.save()
        painter.scale(1 / ratio, 1 / ratio)  # from here on in device pixels
        device_clip = QRectF(clip.topLeft() * ratio, clip.size() * ratio).toAlignedRect()
        painter.fillRect(device_clip, theme_of(self).color("canvas"))
        if not self._size.isEmpty():
            self._paint_picture(painter, device_clip)
        painter.restore()
        if not self._size.isEmpty():
            self._paint_overlays(painter)
        if self._drop_over:
            self._paint_drop(painter)
        painter.end()
        self.last_paint_ms = (time.perf_counter() - started) * 1000

    def _paint_picture(self, painter: QPainter, clip: QRect) -> None:
        target = self.transform.device_rect()
        shown = self._before if self._peek else self._picture
        inside = target.toAlignedRect().intersected(clip)
        if shown is None or shown.transparent:
            painter.fillRect(inside, self._checker)
        if shown is not None:
            shown.paint(painter, target, clip)
        elif not self._placeholder.isNull():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(target, self._placeholder, QRectF(self._placeholder.rect()))
        if self._slider and not self._peek and self._before is not None:
            edge = round(target.left() + target.width() * self._split)
            left = QRect(QPoint(inside.left(), inside.top()), QPoint(edge - 1, inside.bottom())).intersected(clip)
            if not left.isEmpty():
                painter.save()
                painter.setClipRect(left)
                if self._before.transparent:
                    painter.fillRect(left, self._checker)
                self._before.paint(painter, target, left)
                painter.restore()
        if not self._preview.isNull() and not self._peek:
            self._paint_preview(painter, target)
        if self._mask_visible and not self._peek and not self._slider:
            self.selection.paint(painter, target, clip)
        painting.pixel_grid(painter, target, self.transform.scale, clip)
        painter.setPen(QPen(theme_of(self).color("line-strong"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(target.adjusted(-0.5, -0.5, 0.5, 0.5))

    def _paint_preview(self, painter: QPainter, target: QRectF) -> None:
        painter.save()
        if self._preview_box is not None:
            scale = self.transform.scale
            box = QRectF(self._preview_box)
            painter.setClipRect(
                QRectF(target.topLeft() + box.topLeft() * scale, box.size() * scale).intersected(target)
            )
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, self._preview, QRectF(self._preview.rect()))
        painter.restore()

    def _paint_overlays(self, painter: QPainter) -> None:
        view = QRectF(self.rect())
        target = QRectF(
            self.transform.to_view(QPointF(0, 0)), self.transform.picture * self.transform.scale / self.transform.ratio
        )
        seen = target.intersected(view)
        if self._pressed is not None:
            self._pressed.paint(painter, self)
        if self._before is not None and (self._slider or self._peek):
            top = seen.top() + 12
            if self._peek:
                painting.badge(painter, QPointF(seen.left() + 12, top), tr("Original"))
            else:
                x = target.left() + target.width() * self._split
                painting.compare_handle(painter, x, seen.top(), seen.bottom(), self._sliding)
                painting.badge(painter, QPointF(seen.left() + 12, top), tr("Original"))
                painting.badge(painter, QPointF(seen.right() - 12, top), tr("New##picture"), right=True)
        if self._working is not None:
            text, fraction = self._working
            painting.badge(painter, QPointF(seen.left() + 12, seen.bottom() - 40), text)
            painting.step_bar(painter, seen, fraction, theme_of(self))
        if self._pointer is not None and self._tool.ring and self._can_draw() and not self._panning():
            radius = self.brush.diameter / 2 * self.transform.scale / self.transform.ratio
            painting.ring(painter, self._pointer, radius, radius * self.brush.hardness)

    def _paint_drop(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill = theme_of(self).color("accent-soft").toRgb()
        fill.setAlpha(120)
        painter.setBrush(fill)
        painter.setPen(QPen(theme_of(self).color("accent"), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(9, 9, -9, -9), 8, 8)
        painting.badge(painter, QPointF(24, 24), tr("Drop to open it here"))

    def _mask_changed(self, box: tuple[int, int, int, int]) -> None:
        left, top, right, bottom = box
        a, b = self.transform.to_view(QPointF(left, top)), self.transform.to_view(QPointF(right, bottom))
        margin = 2 + int(2 * self.transform.scale / self.transform.ratio)  # the outline is one pixel wider
        self.update(QRectF(a, b).toAlignedRect().adjusted(-margin, -margin, margin, margin))

    def _theme_changed(self) -> None:
        self._checker = painting.checkerboard(theme_of(self))
        self.selection.set_tint(theme_of(self).color("mask"), 0.5)
        self.update()

    def _view_changed(self) -> None:
        self.update()
        self.zoomChanged.emit(self.transform.scale)

    def retranslate(self) -> None:
        """The badges are drawn."""
        super().retranslate()
        self.update()

    # -- events
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the picture fitted, or what is in the middle in the middle."""
        self.transform.resize(QSizeF(self.size()), self.devicePixelRatioF())
        self._view_changed()

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
                self._sliding = True
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
        elif self._sliding:
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
        elif self._sliding:
            self._sliding = False
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
        if acceptable(event.mimeData()) and event.source() is not self:
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


def acceptable(data: QMimeData) -> bool:
    """Whether something dragged can be opened here."""
    return data.hasFormat(ASSETS_MIME) or any(url.isLocalFile() for url in data.urls())


def local_files(data: QMimeData) -> list[Path]:
    """The files that were dropped."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def mask_bounds(pixels: np.ndarray, margin: int = 0) -> QRect:
    """The box around everything selected, grown by `margin`."""
    rows, columns = np.flatnonzero(pixels.max(axis=1)), np.flatnonzero(pixels.max(axis=0))
    if not rows.size:
        return QRect()
    box = QRect(QPoint(int(columns[0]), int(rows[0])), QPoint(int(columns[-1]), int(rows[-1])))
    return box.adjusted(-margin, -margin, margin, margin)

"""What the canvas shows: a picture at any zoom, its selection, a former version to compare, a preview to watch.

It knows pictures as `Pyramid`s and the selection as a `MaskLayer`; it knows neither assets, jobs nor projects, and no
pointer: that is `view`.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, QResizeEvent, QUndoStack
from PySide6.QtWidgets import QWidget

from aigc_studio.core.i18n import tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.theme import theme_of

from . import painting
from .mask import MaskLayer
from .pyramid import Pyramid
from .transform import ViewTransform

__all__ = ["Scene"]


class Scene(Translated, QWidget):
    """The picture view without its tools."""

    zoomChanged = Signal(float)
    """Screen pixels per picture pixel; 0 while nothing is shown."""
    compareChanged = Signal()

    def __init__(self, undo_stack: QUndoStack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(240, 200)
        self.transform = ViewTransform()
        self.selection = MaskLayer(undo_stack, self)
        self.selection.changed.connect(self._mask_changed)
        self._picture: Pyramid | None = None
        self._before: Pyramid | None = None
        self._placeholder = QImage()
        self._size = QSize()
        self._preview = QImage()
        self._preview_box: QRect | None = None
        self._working: tuple[str, float] | None = None
        self._peek = self._slider = False
        self.sliding = False
        """Whether the slider is being moved."""
        self._split = 0.5
        self._mask_visible = True
        self._checker = painting.checkerboard(theme_of(self))
        self.last_paint_ms = 0.0
        """How long the last paint took, for measurements."""
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

    def set_picture(self, picture: Pyramid | None, *, keep_view: bool = False) -> None:
        """Show a picture. keep_view: same place and zoom as before, where the size is the same."""
        self._picture = picture
        self._placeholder = QImage()
        self._set_size(picture.size if picture else QSize(), keep_view)

    def set_placeholder(self, image: QImage, size: QSize, *, keep_view: bool = False) -> None:
        """Show a small stand-in at the size of the picture that is still being read."""
        self._picture = None
        self._placeholder = painting.soften(image)
        self._set_size(size, keep_view)

    def _set_size(self, size: QSize, keep_view: bool) -> None:
        same = size == self._size
        self._size = QSize(size)
        self.transform.picture = QSizeF(max(1, size.width()), max(1, size.height()))
        if not (keep_view and same):
            self.fit()
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
        self.paint_gesture(painter)
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
        if self._before is not None and (self._slider or self._peek):
            top = seen.top() + 12
            if self._peek:
                painting.badge(painter, QPointF(seen.left() + 12, top), tr("Original"))
            else:
                x = target.left() + target.width() * self._split
                painting.compare_handle(painter, x, seen.top(), seen.bottom(), self.sliding)
                painting.badge(painter, QPointF(seen.left() + 12, top), tr("Original"))
                painting.badge(painter, QPointF(seen.right() - 12, top), tr("New##picture"), right=True)
        if self._working is not None:
            text, fraction = self._working
            room = view.adjusted(8, 0, -8, 0)  # not the picture's: a small one is narrower than the sentence
            painting.badge(painter, QPointF(seen.left() + 12, seen.bottom() - 40), text, within=room)
            painting.step_bar(painter, seen, fraction, theme_of(self))

    def paint_gesture(self, painter: QPainter) -> None:
        """For what belongs to the pointer, in logical pixels; nothing here."""

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
        self.zoomChanged.emit(0.0 if self._size.isEmpty() else self.transform.scale)

    def retranslate(self) -> None:
        """The badges are drawn."""
        super().retranslate()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the picture fitted, or what is in the middle in the middle."""
        self.transform.resize(QSizeF(self.size()), self.devicePixelRatioF())
        self._view_changed()

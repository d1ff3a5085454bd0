"""Two pictures in one frame: divided by a slider, side by side, one over the other, or what differs between them."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.canvas import painting
from aigc_studio.ui.canvas.pyramid import Pyramid
from aigc_studio.ui.theme import theme_of

from .surface import LARGEST_FIT, Surface

__all__ = ["MODES", "PairView", "amplified", "placed"]

MODES = ("slider", "side", "difference", "blink")
"""Ways to compare."""

_GRIP = 12
_STRONGER = 8
"""By how much small differences are made visible."""


def placed(size: QSize, frame: QSize) -> QRectF:
    """Where a picture of `size` lies in `frame` (both pixels): as large as fits, its middle in the frame's middle."""
    if size.isEmpty() or frame.isEmpty():
        return QRectF()
    scale = min(frame.width() / size.width(), frame.height() / size.height())
    width, height = size.width() * scale, size.height() * scale
    return QRectF((frame.width() - width) / 2, (frame.height() - height) / 2, width, height)


def amplified(image: QImage, factor: int) -> QImage:
    """Every channel times `factor`, at most 255. image: RGB32, whose fourth byte stays."""
    height, width = image.height(), image.width()
    line = image.bytesPerLine() // 4
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(height, line, 4)[:, :width]
    strong = np.minimum(pixels.astype(np.uint16) * factor, 255).astype(np.uint8)
    strong[..., 3] = 255
    return QImage(strong.tobytes(), width, height, width * 4, QImage.Format.Format_RGB32).copy()


class PairView(Surface):
    """The frame has the size of the larger picture; the other one is brought to it, so that both lie on each other.

    Keys besides a surface's: the arrows move the slider, Space shows the second picture while it is held.
    """

    heldChanged = Signal(bool)
    """Whether the second picture is shown alone, as long as a key or the button is down."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures: list[Pyramid | None] = [None, None]
        self._names = ["", ""]
        self._frame = QSize()
        self.transform.largest_fit = LARGEST_FIT
        self._mode = MODES[0]
        self._split = 0.5
        self._stronger = False
        self._held = False
        self._sliding = False
        self.setMouseTracking(True)
        self.tr_bind(self.setAccessibleName, N_("Comparison"))

    # -- what is shown
    def set_picture(self, place: int, picture: Pyramid | None) -> None:
        """The first (0) or the second (1) picture."""
        self._pictures[place] = picture
        sizes = [each.size for each in self._pictures if each is not None]
        if sizes:
            frame = max(sizes, key=lambda size: size.width() * size.height())
            self._frame = QSize(frame)
            self._fit_frame(keep=True)
        self.update()

    def set_names(self, first: str, second: str) -> None:
        """What the badges call them."""
        self._names = [first, second]
        self.update()

    @property
    def mode(self) -> str:
        """One of `MODES`."""
        return self._mode

    def set_mode(self, mode: str) -> None:
        """Compare in another way; zoom and place stay, but for side by side, which has half the room."""
        if mode == self._mode:
            return
        fitted = self.transform.fitted
        self._mode = mode
        self._resized()
        if fitted:
            self.fit()
        self.hold(False)
        self.update()

    @property
    def split(self) -> float:
        """Where the slider stands, 0..1 of the frame's width."""
        return self._split

    def set_split(self, split: float) -> None:
        """Move the slider."""
        self._split = min(1.0, max(0.0, split))
        self.update()

    @property
    def stronger(self) -> bool:
        """Whether small differences are made visible."""
        return self._stronger

    def set_stronger(self, on: bool) -> None:
        """Show differences eight times as strong."""
        self._stronger = on
        self.update()

    @property
    def held(self) -> bool:
        """Whether the second picture is shown alone."""
        return self._held

    def hold(self, on: bool) -> None:
        """Show the second picture alone, or not any more."""
        if on != self._held:
            self._held = on
            self.heldChanged.emit(on)
            self.update()

    def _fit_frame(self, *, keep: bool) -> None:
        self.set_frame(self._frame.width(), self._frame.height(), keep_view=keep)

    # -- geometry
    @property
    def _halves(self) -> bool:
        return self._mode == "side"

    def _resized(self) -> None:
        width = self.width() / 2 if self._halves else self.width()
        self.transform.resize(QSizeF(width, self.height()), self.devicePixelRatioF())
        self._moved()

    def zoom(self, scale: float, anchor: QPointF | None = None) -> None:
        """Both at once, around the pointer in whichever half it is."""
        width = self.transform.view.width()
        point = anchor if anchor is not None else QPointF(width / 2, self.height() / 2)
        if self._halves and point.x() > width:
            point = point - QPointF(width, 0)
        super().zoom(scale, point)

    @property
    def larger_than_view(self) -> bool:
        """Whether a part is out of sight."""
        room = QRectF(QPointF(0, 0), self.transform.view * self.transform.ratio)
        return not room.adjusted(-1, -1, 1, 1).contains(self.transform.device_rect())

    def _target(self, place: int, target: QRectF) -> QRectF:
        """Where one picture is painted: the frame's place on the screen, less what its own shape leaves free."""
        picture = self._pictures[place]
        assert picture is not None
        part, scale = placed(picture.size, self._frame), self.transform.scale
        return QRectF(target.topLeft() + part.topLeft() * scale, part.size() * scale)

    # -- painting
    def paint_frame(self, painter: QPainter, target: QRectF, clip: QRect) -> None:
        """Both pictures, in the way that was chosen."""
        if self._frame.isEmpty():
            return
        if self._halves:
            half = round(self.transform.view.width() * self.transform.ratio)
            for place in (0, 1):
                room = QRect(place * half, 0, half, round(self.height() * self.transform.ratio)).intersected(clip)
                self._paint_one(painter, place, target.translated(place * half, 0), room)
            painter.fillRect(QRect(half - 1, 0, 2, round(self.height() * self.transform.ratio)), self._line())
        elif self._mode == "difference" and not self._held:
            self._paint_difference(painter, target, clip)
        elif self._mode == "slider" and not self._held:
            edge = round(target.left() + target.width() * self._split)
            self._paint_one(
                painter, 0, target, QRect(clip.topLeft(), QPoint(edge - 1, clip.bottom())).intersected(clip)
            )
            self._paint_one(painter, 1, target, QRect(QPoint(edge, clip.top()), clip.bottomRight()).intersected(clip))
        else:
            self._paint_one(painter, 1 if self._held else 0, target, clip)

    def _line(self) -> QColor:
        return theme_of(self).color("line-strong")

    def _paint_one(self, painter: QPainter, place: int, target: QRectF, clip: QRect) -> None:
        picture = self._pictures[place]
        if picture is None or clip.isEmpty():
            return
        own = self._target(place, target)
        painter.save()
        painter.setClipRect(clip)
        if picture.transparent:
            self.paint_checker(painter, own.toAlignedRect().intersected(clip))
        picture.paint(painter, own, clip)
        painting.pixel_grid(painter, own, own.width() / picture.size.width(), clip)
        painter.restore()

    def _paint_difference(self, painter: QPainter, target: QRectF, clip: QRect) -> None:
        inside = target.toAlignedRect().intersected(clip)
        if None in self._pictures or inside.isEmpty():
            self._paint_one(painter, 0, target, clip)
            return
        image = QImage(inside.size(), QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.black)
        over = QPainter(image)
        over.translate(-inside.topLeft())
        for place, mode in (
            (0, QPainter.CompositionMode.CompositionMode_SourceOver),
            (1, QPainter.CompositionMode.CompositionMode_Difference),
        ):
            picture = self._pictures[place]
            assert picture is not None
            over.setCompositionMode(mode)
            picture.paint(over, self._target(place, target), inside)
        over.end()
        painter.drawImage(inside.topLeft(), amplified(image, _STRONGER) if self._stronger else image)

    def paint_over(self, painter: QPainter) -> None:
        """The handle, and what is what."""
        if self._frame.isEmpty():
            return
        scale, ratio = self.transform.scale, self.transform.ratio
        origin = self.transform.to_view(QPointF(0, 0))
        target = QRectF(origin, self.transform.picture * scale / ratio)
        seen = target.intersected(QRectF(QPointF(0, 0), self.transform.view))
        left, right, top = seen.left() + 12, seen.right() - 12, seen.top() + 12
        if self._halves:
            painting.badge(painter, QPointF(left, top), self._names[0])
            painting.badge(painter, QPointF(left + self.transform.view.width(), top), self._names[1])
        elif self._mode == "slider" and not self._held:
            x = target.left() + target.width() * self._split
            painting.compare_handle(painter, x, seen.top(), seen.bottom(), self._sliding)
            room = max(40.0, (right - left) / 2 - 28)
            painting.badge(painter, QPointF(left, top), self._elided(0, room))
            painting.badge(painter, QPointF(right, top), self._elided(1, room), right=True)
        elif self._mode == "difference" and not self._held:
            text = tr("Difference × {factor}", factor=_STRONGER) if self._stronger else tr("Difference##compare")
            painting.badge(painter, QPointF(left, top), text)
        else:
            painting.badge(painter, QPointF(left, top), self._names[1 if self._held else 0])
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme_of(self).color("focus"), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _elided(self, place: int, width: float) -> str:
        return self.fontMetrics().elidedText(self._names[place], Qt.TextElideMode.ElideRight, int(width))

    # -- pointer and keys
    def _over_handle(self, position: QPointF) -> bool:
        if self._mode != "slider" or self._held or self._frame.isEmpty():
            return False
        x = self.transform.to_view(QPointF(self._split * self._frame.width(), 0)).x()
        return abs(position.x() - x) <= _GRIP

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The slider, the second picture, or the view."""
        left = event.button() == Qt.MouseButton.LeftButton
        if left and self._over_handle(event.position()):
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._sliding = True
            self.update()
            return
        if left and self._mode == "blink":
            self.hold(True)
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what was taken."""
        if self._sliding:
            self.set_split(self.transform.to_picture(event.position()).x() / max(1, self._frame.width()))
            return
        super().mouseMoveEvent(event)
        if not event.buttons():
            self.setCursor(
                Qt.CursorShape.SplitHCursor if self._over_handle(event.position()) else Qt.CursorShape.ArrowCursor
            )

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._sliding:
            self._sliding = False
            self.update()
            return
        self.hold(False)
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The slider by arrows, the second picture by Space."""
        key = event.key()
        if key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self.hold(True)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._mode == "slider" and not event.modifiers():
            self.set_split(self._split + (0.02 if key == Qt.Key.Key_Right else -0.02))
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """The end of what a held key does."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.hold(False)
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event) -> None:  # noqa: ANN001  Qt's signature
        """A key released elsewhere must not stay held here."""
        self.hold(False)
        super().focusOutEvent(event)

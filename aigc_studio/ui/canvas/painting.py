"""The small drawings on the canvas: checkerboard, pixel grid, brush ring, compare handle, badges."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QImage, QPainter, QPen, QPixmap

from aigc_studio.ui.theme import Theme, theme_of

__all__ = ["badge", "checkerboard", "compare_handle", "pixel_grid", "ring", "step_bar"]

GRID_FROM = 8.0
"""Device pixels per picture pixel from which the pixel grid is drawn."""


def checkerboard(theme: Theme, side: int = 8) -> QBrush:
    """The pattern behind transparent pixels, squares of `side` device pixels."""
    tile = QPixmap(2 * side, 2 * side)
    tile.fill(theme.color("canvas-check"))
    painter = QPainter(tile)
    light = theme.color("panel")
    painter.fillRect(0, 0, side, side, light)
    painter.fillRect(side, side, side, side, light)
    painter.end()
    return QBrush(tile)


def pixel_grid(painter: QPainter, target: QRectF, scale: float, clip: QRect) -> None:
    """Lines between the picture's pixels, in device pixels; nothing where pixels are small."""
    if scale < GRID_FROM:
        return
    visible = QRectF(clip).intersected(target)
    strength = int(min(70.0, 20 + (scale - GRID_FROM) * 5))
    pen = QPen(QColor(128, 128, 128, strength))
    pen.setWidth(0)
    painter.setPen(pen)
    first = int((visible.left() - target.left()) / scale)
    for column in range(first, int((visible.right() - target.left()) / scale) + 1):
        x = round(target.left() + column * scale)
        painter.drawLine(QPointF(x, visible.top()), QPointF(x, visible.bottom()))
    first = int((visible.top() - target.top()) / scale)
    for row in range(first, int((visible.bottom() - target.top()) / scale) + 1):
        y = round(target.top() + row * scale)
        painter.drawLine(QPointF(visible.left(), y), QPointF(visible.right(), y))


def ring(painter: QPainter, centre: QPointF, radius: float, inner: float) -> None:
    """The brush: its reach, and where it is at full strength, in logical pixels. Seen on any picture."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for radius_now, dark, light in ((radius, 150, 235), (inner, 60, 110)):
        if radius_now < 1.5:
            continue
        painter.setPen(QPen(QColor(0, 0, 0, dark), 2.4))
        painter.drawEllipse(centre, radius_now, radius_now)
        painter.setPen(QPen(QColor(255, 255, 255, light), 1.2))
        painter.drawEllipse(centre, radius_now, radius_now)
        if inner > radius - 2:
            break
    if radius < 4:  # too small to be seen: a cross marks the place
        painter.setPen(QPen(QColor(0, 0, 0, 160), 2.4))
        _cross(painter, centre)
        painter.setPen(QPen(QColor(255, 255, 255, 240), 1.2))
        _cross(painter, centre)


def _cross(painter: QPainter, centre: QPointF) -> None:
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        painter.drawLine(centre + QPointF(dx * 6, dy * 6), centre + QPointF(dx * 10, dy * 10))


def compare_handle(painter: QPainter, x: float, top: float, bottom: float, active: bool) -> None:
    """The dividing line of the compare slider with its grip, in logical pixels."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(0, 0, 0, 90), 3))
    painter.drawLine(QPointF(x, top), QPointF(x, bottom))
    painter.setPen(QPen(QColor(255, 255, 255), 1.5))
    painter.drawLine(QPointF(x, top), QPointF(x, bottom))
    middle = QPointF(x, (top + bottom) / 2)
    painter.setBrush(QColor(255, 255, 255))
    painter.setPen(QPen(QColor(0, 0, 0, 60), 1))
    painter.drawEllipse(middle, 14, 14)
    color = theme_of().color("accent") if active else QColor(70, 70, 80)
    painter.setPen(QPen(color, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for side in (-1, 1):
        tip = middle + QPointF(side * 8, 0)
        painter.drawLine(tip, tip - QPointF(side * 4, 4))
        painter.drawLine(tip, tip - QPointF(side * 4, -4))


def badge(
    painter: QPainter, anchor: QPointF, text: str, *, right: bool = False, within: QRectF | None = None
) -> QRectF:
    """A small dark label whose top left (or top right) corner is at `anchor`; returns its rectangle.

    within: what it must not stick out of to the right: it is moved to the left, and its text ends in "…" at last.
    """
    metrics = QFontMetricsF(painter.font())
    if within is not None:
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, within.width() - 20)
    rect = QRectF(anchor.x(), anchor.y(), metrics.horizontalAdvance(text) + 20, metrics.height() + 8)
    if right:
        rect.moveRight(anchor.x())
    if within is not None and rect.right() > within.right():
        rect.moveRight(within.right())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(20, 20, 24, 200))
    painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    return rect


def step_bar(painter: QPainter, rect: QRectF, fraction: float, theme: Theme) -> None:
    """A thin progress bar along the bottom edge of `rect`."""
    bar = QRectF(rect.left(), rect.bottom() - 3, rect.width(), 3)
    painter.fillRect(bar, QColor(0, 0, 0, 60))
    bar.setWidth(rect.width() * max(0.0, min(1.0, fraction)))
    painter.fillRect(bar, theme.color("accent"))


def soften(image: QImage) -> QImage:
    """A preview in the format that paints fastest."""
    return image if image.isNull() else image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)

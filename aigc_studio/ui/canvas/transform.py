"""Where a picture lies in the view: the one place that turns view coordinates into picture coordinates and back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, QSizeF

__all__ = ["ZOOM_STOPS", "ViewTransform"]

ZOOM_STOPS = (
    0.05,
    0.1,
    0.167,
    0.25,
    0.333,
    0.5,
    0.667,
    1.0,
    1.5,
    2.0,
    3.0,
    4.0,
    6.0,
    8.0,
    12.0,
    16.0,
    24.0,
    32.0,
    48.0,
    64.0,
)
"""Where the zoom keys and buttons stop."""

_MARGIN = 24
"""Free space around a fitted picture, in logical pixels."""


@dataclass
class ViewTransform:
    """Scale and offset of a picture in a view.

    scale: screen (device) pixels per picture pixel, so 1.0 is pixel for pixel on every screen. offset: screen position
    of the picture's top left corner, in device pixels. ratio: device pixels per logical pixel. view, picture: sizes in
    logical and picture pixels. fitted: the picture follows the size of the view until the user zooms or pans.
    largest_fit: the scale up to which a small picture is enlarged to fill the view.
    """

    scale: float = 1.0
    offset: QPointF = field(default_factory=QPointF)
    ratio: float = 1.0
    view: QSizeF = field(default_factory=lambda: QSizeF(1, 1))
    picture: QSizeF = field(default_factory=lambda: QSizeF(1, 1))
    fitted: bool = True
    largest_fit: float = 1.0

    def to_picture(self, point: QPointF) -> QPointF:
        """A point of the view (logical pixels) in picture pixels; outside the picture it lies outside [0, size)."""
        return (point * self.ratio - self.offset) / self.scale

    def to_view(self, point: QPointF) -> QPointF:
        """The inverse of `to_picture`."""
        return (point * self.scale + self.offset) / self.ratio

    def device_rect(self) -> QRectF:
        """The picture's rectangle in device pixels."""
        return QRectF(self.offset, self.picture * self.scale)

    def fit_scale(self) -> float:
        """The scale at which the whole picture is seen; small pictures are enlarged no further than `largest_fit`."""
        room = (
            QSizeF(max(16.0, self.view.width() - 2 * _MARGIN), max(16.0, self.view.height() - 2 * _MARGIN)) * self.ratio
        )
        return min(self.largest_fit, room.width() / self.picture.width(), room.height() / self.picture.height())

    def bounds(self) -> tuple[float, float]:
        """Smallest and largest scale allowed for this picture."""
        return min(self.fit_scale(), ZOOM_STOPS[0]), ZOOM_STOPS[-1]

    def fit(self) -> None:
        """Show the whole picture, centred, and follow the view from now on."""
        self.scale = self.fit_scale()
        self.fitted = True
        self._centre()

    def resize(self, view: QSizeF, ratio: float) -> None:
        """The view changed: keep fitting, or keep the picture point at the view's centre where it is."""
        middle = self.to_picture(QPointF(self.view.width() / 2, self.view.height() / 2))
        self.view, self.ratio = QSizeF(view), ratio
        if self.fitted:
            self.fit()
        else:
            self.offset = QPointF(view.width() / 2, view.height() / 2) * ratio - middle * self.scale
            self._keep_in_sight()

    def zoom_to(self, scale: float, anchor: QPointF) -> None:
        """Set the scale while the picture point under `anchor` (logical pixels) stays there."""
        low, high = self.bounds()
        scale = min(high, max(low, scale))
        point = self.to_picture(anchor)
        self.scale = scale
        self.offset = anchor * self.ratio - point * scale
        self.fitted = False
        self._keep_in_sight()

    def step(self, direction: int) -> float:
        """The next zoom stop above (1) or below (-1) the present scale."""
        if direction > 0:
            return next((stop for stop in ZOOM_STOPS if stop > self.scale * 1.001), ZOOM_STOPS[-1])
        return next((stop for stop in reversed(ZOOM_STOPS) if stop < self.scale * 0.999), self.bounds()[0])

    def pan(self, delta: QPointF) -> None:
        """Move the picture by `delta` logical pixels."""
        self.offset = self.offset + delta * self.ratio
        self.fitted = False
        self._keep_in_sight()

    def _centre(self) -> None:
        size = self.picture * self.scale
        self.offset = QPointF(
            math.floor((self.view.width() * self.ratio - size.width()) / 2),
            math.floor((self.view.height() * self.ratio - size.height()) / 2),
        )

    def _keep_in_sight(self) -> None:
        """At least a finger's breadth of the picture stays in the view, so that nobody loses it."""
        keep = 48 * self.ratio
        size = self.picture * self.scale
        width, height = self.view.width() * self.ratio, self.view.height() * self.ratio
        keep_x, keep_y = min(keep, size.width()), min(keep, size.height())
        # On whole device pixels: what is painted and what the pointer hits agree exactly, and 1:1 stays sharp.
        self.offset = QPointF(
            round(min(width - keep_x, max(keep_x - size.width(), self.offset.x()))),
            round(min(height - keep_y, max(keep_y - size.height(), self.offset.y()))),
        )

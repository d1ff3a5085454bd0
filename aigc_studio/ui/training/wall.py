"""Small pictures on a wall: those of a folder, and what becomes of a few of them when they are varied."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from aigc_studio.ui.theme import theme_of

from .look import Glimpse

__all__ = ["VariedWall", "Wall"]

_CELL, _GAP = 72, 8


def _draw(painter: QPainter, place: QRect, image: QImage, theme) -> None:  # noqa: ANN001  Theme
    """A picture in a rounded cell, the whole of it."""
    outline = QPainterPath()
    outline.addRoundedRect(QRectF(place), 6, 6)
    painter.fillPath(outline, theme.color("sunken"))
    if image.isNull():
        return
    size = image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
    target = QRect(QPoint(0, 0), size)
    target.moveCenter(place.center())
    painter.save()
    painter.setClipPath(outline)
    painter.drawImage(target, image)
    painter.restore()


class Wall(QWidget):
    """Pictures in as many columns as there is room for; the tool tip says file and caption."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.glimpses: list[Glimpse] = []
        self._most_rows = 0
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def clear(self) -> None:
        """Show nothing."""
        self.glimpses = []
        self._changed()

    def add(self, glimpses: Sequence[Glimpse]) -> None:
        """Some more of them."""
        self.glimpses += glimpses
        self._changed()

    def show_rows(self, most: int) -> None:
        """So many rows at most, 0 for all."""
        self._most_rows = most
        self._changed()

    def hidden(self) -> int:
        """How many pictures have no room in the rows that are shown."""
        columns = self._columns(self.width())
        return max(0, len(self.glimpses) - columns * self._most_rows) if self._most_rows else 0

    def hasHeightForWidth(self) -> bool:
        """Rows follow the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """All rows that are shown."""
        columns = self._columns(width)
        rows = -(-len(self.glimpses) // columns)
        rows = min(rows, self._most_rows) if self._most_rows else rows
        return rows * (_CELL + _GAP) - _GAP if rows else 0

    def sizeHint(self) -> QSize:
        """As wide as it may be."""
        return QSize(6 * (_CELL + _GAP), self.heightForWidth(max(self.width(), _CELL)))

    def cell(self, number: int) -> QRect:
        """Where a picture is."""
        columns = self._columns(self.width())
        return QRect((number % columns) * (_CELL + _GAP), (number // columns) * (_CELL + _GAP), _CELL, _CELL)

    def event(self, event: QEvent) -> bool:
        """What a picture is called."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            for number, glimpse in enumerate(self.glimpses):
                if self.cell(number).contains(event.pos()):
                    words = glimpse.words if glimpse.words and glimpse.words != glimpse.file else ""
                    text = f"{glimpse.file}\n{words}" if words else glimpse.file
                    QToolTip.showText(event.globalPos(), text, self)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Those that are in sight."""
        theme, painter = theme_of(self), QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        for number, glimpse in enumerate(self.glimpses[: len(self.glimpses) - self.hidden()]):
            place = self.cell(number)
            if place.intersects(event.rect()):
                _draw(painter, place, glimpse.image, theme)
        painter.end()

    def _columns(self, width: int) -> int:
        return max(1, (width + _GAP) // (_CELL + _GAP))

    def _changed(self) -> None:
        self.updateGeometry()
        self.update()


class VariedWall(QWidget):
    """One row for each picture: itself, framed, then how it is varied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[list[QImage]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_rows(self, rows: list[list[QImage]]) -> None:
        """Show these; none hides it."""
        self.rows = rows
        self.setVisible(bool(rows))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """All rows."""
        count = len(self.rows)
        return QSize(6 * (_CELL + _GAP), count * (_CELL + _GAP) - _GAP if count else 0)

    def minimumSizeHint(self) -> QSize:
        """It may be narrow; what has no room is not drawn."""
        return QSize(_CELL, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The pictures, an accent line around what is not varied."""
        theme, painter = theme_of(self), QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        for down, row in enumerate(self.rows):
            for across, image in enumerate(row):
                left = across * (_CELL + _GAP) + (_GAP if across else 0)
                place = QRect(left, down * (_CELL + _GAP), _CELL, _CELL)
                if place.right() > self.width():
                    break
                _draw(painter, place, image, theme)
                if not across:
                    pen = painter.pen()
                    pen.setColor(theme.color("accent"))
                    pen.setWidthF(1.5)
                    painter.setPen(pen)
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRoundedRect(QRectF(place).adjusted(0.75, 0.75, -0.75, -0.75), 6, 6)
        painter.end()

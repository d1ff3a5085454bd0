"""The little table beside the cursor in a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QWidget

from aigc_studio.ui.theme import theme_of

__all__ = ["Reading", "Readout"]

_MOST = 12
_AWAY = 12


@dataclass(frozen=True)
class Reading:
    """colour: a name of the theme."""

    colour: str
    title: str
    value: str


class _Dot(QWidget):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.colour = "text"
        self.setFixedSize(8, 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme_of(self).color(self.colour))
        painter.drawEllipse(self.rect())
        painter.end()


class Readout(QFrame):
    """Hidden until there is something to read; the pointer goes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "popup")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._title = QLabel(self)
        self._title.setProperty("role", "section")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(10, 8, 10, 8)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.addWidget(self._title, 0, 0, 1, 3)
        self._rows: list[tuple[_Dot, QLabel, QLabel]] = []
        self.hide()

    def text(self) -> str:
        """All of it in one line, for tests and for who listens."""
        rows = [f"{name.text()} {value.text()}" for _, name, value in self._rows if not name.isHidden()]
        return " | ".join([self._title.text(), *rows])

    def show_readings(self, title: str, readings: Sequence[Reading]) -> None:
        """Show these, the first ones of many."""
        self._title.setText(title)
        while len(self._rows) < min(_MOST, len(readings)):
            row = (_Dot(self), QLabel(self), QLabel(self, alignment=Qt.AlignmentFlag.AlignRight))
            row[1].setProperty("role", "label")
            line = len(self._rows) + 1
            for column, widget in enumerate(row):
                self._grid.addWidget(widget, line, column, Qt.AlignmentFlag.AlignVCenter)
            self._rows.append(row)
        for place, row in enumerate(self._rows):
            for widget in row:
                widget.setVisible(place < len(readings))
            if place < len(readings):
                row[0].colour = readings[place].colour
                row[0].update()
                row[1].setText(readings[place].title)
                row[2].setText(readings[place].value)
        self.adjustSize()
        self.show()
        self.raise_()

    def place(self, point: QPoint, room: QRect) -> None:
        """Beside a point, inside of a room."""
        left = point.x() + _AWAY
        if left + self.width() > room.right() - 4:
            left = point.x() - _AWAY - self.width()
        self.move(max(room.left() + 4, left), min(point.y(), max(room.top(), room.bottom() - self.height())))

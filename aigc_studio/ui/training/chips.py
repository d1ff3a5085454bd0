"""Small switches in as many lines as they need, each with the colour of what it switches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QLayout, QLayoutItem, QSizePolicy, QToolButton, QWidget

from aigc_studio.ui.icons import icon

__all__ = ["Chip", "Chips", "FlowLayout"]

_GAP = 6
_MOST_WIDTH = 220


class FlowLayout(QLayout):
    """Items from left to right, in the next line where there is no more room."""

    def __init__(self, parent: QWidget | None = None, gap: int = _GAP) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._gap = gap
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  Qt's arg__1
        """Qt's."""
        self._items.append(item)

    def count(self) -> int:
        """Qt's."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Qt's."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Qt's."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """None of them."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Lines follow the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """All lines."""
        return self._place(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        """Put them in their places."""
        super().setGeometry(rect)
        self._place(rect, move=True)

    def sizeHint(self) -> QSize:
        """One line of them."""
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        """The largest of them."""
        size = QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        return size

    def _place(self, rect: QRect, *, move: bool) -> int:
        x, y, line = rect.left(), rect.top(), 0
        for item in self._items:
            size = item.sizeHint()
            if x > rect.left() and x + size.width() > rect.right() + 1:
                x, y, line = rect.left(), y + line + self._gap, 0
            if move:
                item.setGeometry(QRect(QPoint(x, y), size))
            x += size.width() + self._gap
            line = max(line, size.height())
        return y + line - rect.top()


@dataclass(frozen=True)
class Chip:
    """id; text as shown; colour: a name of the theme; on: whether it is switched on."""

    id: str
    text: str
    colour: str
    on: bool = True


class Chips(QWidget):
    """Switches by id; arrow keys go from one to the next."""

    toggled = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: dict[str, QToolButton] = {}
        self._flow = FlowLayout(self)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_chips(self, chips: Sequence[Chip]) -> None:
        """These and no others; those that stay keep the keyboard."""
        if list(self.buttons) != [chip.id for chip in chips]:
            for button in self.buttons.values():
                self._flow.removeWidget(button)
                button.hide()
                button.deleteLater()
            self.buttons = {chip.id: self._made(chip) for chip in chips}
        for chip in chips:
            button = self.buttons[chip.id]
            text = QFontMetrics(button.font()).elidedText(chip.text, Qt.TextElideMode.ElideMiddle, _MOST_WIDTH)
            button.setText(text.replace("&", "&&"))
            button.setToolTip(chip.text if text != chip.text else "")
            button.setAccessibleName(chip.text)
            button.setIcon(icon("circle" if chip.on else "circle-outline", chip.colour, on=chip.colour))
            button.setChecked(chip.on)
        self.setVisible(bool(chips))
        self.updateGeometry()

    def _made(self, chip: Chip) -> QToolButton:
        button = QToolButton(self)
        button.setCheckable(True)
        button.setProperty("role", "chip")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(10, 10))
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(lambda on, id=chip.id: self.toggled.emit(id, on))
        self._flow.addWidget(button)
        button.show()
        return button

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """From one to the next."""
        buttons = list(self.buttons.values())
        ways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        way = ways.get(Qt.Key(event.key()))
        place = next((number for number, button in enumerate(buttons) if button.hasFocus()), -1)
        if way is None or place < 0:
            super().keyPressEvent(event)
            return
        buttons[min(max(place + way, 0), len(buttons) - 1)].setFocus(Qt.FocusReason.TabFocusReason)

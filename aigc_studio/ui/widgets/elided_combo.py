"""A list to choose from whose choice ends in "…" where it has no room, and which opens as wide as its entries."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

__all__ = ["ElidedCombo"]

_AROUND = 32
"""Pixels beside an entry: its padding and a scroll bar."""


class ElidedCombo(QComboBox):
    """As a QComboBox; Qt cuts the text off in the middle of a letter."""

    def shown_text(self) -> str:
        """The choice as far as there is room for it."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        return self._elided(option)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, arrow, icon, and the text that fits."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        option.currentText = self._elided(option)  # pyright: ignore[reportAttributeAccessIssue]
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def showPopup(self) -> None:
        """No wider than the screen."""
        view = self.view()
        wanted = view.sizeHintForColumn(0) + _AROUND
        view.setMinimumWidth(min(max(self.width(), wanted), self.screen().availableGeometry().width() // 2))
        super().showPopup()

    def _elided(self, option: QStyleOptionComboBox) -> str:
        place = QStyle.SubControl.SC_ComboBoxEditField
        field = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, place, self)
        room = (
            field.width() - 4 - (self.iconSize().width() + 4 if not self.itemIcon(self.currentIndex()).isNull() else 0)
        )
        return self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, room)

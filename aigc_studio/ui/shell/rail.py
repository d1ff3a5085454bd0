"""The rail on the left: one button for each panel, the settings at the foot."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QLabel, QToolButton, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.actions import Actions
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.panels import PanelInfo

__all__ = ["WIDTH", "Rail"]

WIDTH = 76


class Rail(Translated, QFrame):
    """Buttons that trigger the window's actions "panel.<id>" and show which one is in front."""

    def __init__(self, actions: Actions, panels: tuple[PanelInfo, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "rail")
        self.setFixedWidth(WIDTH)
        self._actions = actions
        self.buttons: dict[str, QToolButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 8, 6, 8)
        column.setSpacing(4)
        for panel in panels:
            button = self._button(panel.title, panel.icon, actions[f"panel.{panel.id}"])
            self.buttons[panel.id] = button
            column.addWidget(button)
        column.addStretch(1)
        self.settings = self._button(N_("Settings"), "cog-outline", actions["app.settings"])
        column.addWidget(self.settings)
        self._badge = QLabel(self)
        self._badge.setProperty("role", "badge")
        self._badge.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._badge.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._badge.hide()
        self.retranslate()

    def set_waiting(self, count: int) -> None:
        """How many jobs run or wait, on the queue's button; 0 hides it."""
        button = self.buttons.get("queue")
        if button is None:
            return
        self._badge.setVisible(count > 0)
        if count:
            self._badge.setText(str(count) if count < 100 else "99+")
            self._badge.adjustSize()
            self._badge.move(button.geometry().right() - self._badge.width() - 4, button.geometry().top() + 4)
            self._badge.raise_()

    def retranslate(self) -> None:
        """Tool tips carry the shortcut."""
        super().retranslate()
        for id, button in self.buttons.items():
            button.setToolTip(self._actions.tip(f"panel.{id}"))
        self.settings.setToolTip(self._actions.tip("app.settings"))

    def _button(self, title: str, picture: str, action: QAction) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("role", "rail")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIcon(icon(picture))
        button.setIconSize(QSize(24, 24))
        button.setFixedWidth(WIDTH - 12)
        button.setCheckable(action.isCheckable())
        self.tr_bind(button.setText, title)
        self.tr_bind(button.setAccessibleName, title)
        button.clicked.connect(action.trigger)
        action.toggled.connect(button.setChecked)
        action.enabledChanged.connect(button.setEnabled)
        return button

    def sizeHint(self) -> QSize:
        """As wide as the longest label in either language."""
        return QSize(WIDTH, super().sizeHint().height())

"""The bar above the panels: the project's name and menu on the left, language and appearance on the right."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.actions import Actions
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

__all__ = ["TopBar"]

_PROJECT_MENU = (
    "project.new", "project.open", "", "project.folder", "project.pack", "", "project.close",
)  # fmt: skip


class TopBar(Translated, QFrame):
    """Shown while a project is open."""

    languageWanted = Signal()
    """The person wants the other language."""
    themeWanted = Signal()
    """The person wants the other appearance."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "toolbar")
        self.setFixedHeight(45)
        self.project = QPushButton(self)
        self.project.setProperty("role", "project")
        self.project.setAutoDefault(False)
        menu = QMenu(self.project)
        for id in _PROJECT_MENU:
            if id:
                menu.addAction(actions[id])
            else:
                menu.addSeparator()
        self.project.setMenu(menu)
        self.tr_bind(self.project.setAccessibleName, N_("Project"))
        self.read_only = QLabel(self)
        self.read_only.setProperty("role", "chip")
        self.tr_bind(self.read_only.setText, N_("Read only"))
        self.read_only.hide()
        self.language = self._tool("translate")
        self.tr_bind(self.language.setToolTip, N_("中文 / English"))
        self.tr_bind(self.language.setAccessibleName, N_("Switch language"))
        self.language.clicked.connect(self.languageWanted)
        self.theme = self._tool("brightness-6")
        self.tr_bind(self.theme.setToolTip, N_("Light or dark"))
        self.tr_bind(self.theme.setAccessibleName, N_("Light or dark"))
        self.theme.clicked.connect(self.themeWanted)
        line = QHBoxLayout(self)
        line.setContentsMargins(8, 0, 12, 0)
        line.setSpacing(4)
        line.addWidget(self.project)
        line.addWidget(self.read_only)
        line.addStretch(1)
        line.addWidget(self.language)
        line.addWidget(self.theme)

    def show_project(self, name: str, folder: str, *, read_only: bool) -> None:
        """Name the open project."""
        shown = self.project.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, 320)
        self.project.setText(shown.replace("&", "&&") + "    ")  # room for the menu's arrow
        self.project.setToolTip(folder)
        self.read_only.setVisible(read_only)

    def free(self) -> QRect:
        """The part of it in which nothing stands."""
        last = self.project if self.read_only.isHidden() else self.read_only
        left = last.geometry().right() + 12
        return QRect(left, 0, max(0, self.language.geometry().left() - 12 - left), self.height())

    def _tool(self, picture: str) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(picture))
        button.setIconSize(QSize(20, 20))
        return button

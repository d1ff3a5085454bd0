"""All shortcuts on one page, from the table of actions and from the panel in front."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QWidget

from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.actions import MENUS, Actions

from .dialog import StudioDialog

__all__ = ["ShortcutsDialog"]


class ShortcutsDialog(StudioDialog):
    """Two columns: what it does, and the keys. panel: the actions of the panel in front."""

    def __init__(self, actions: Actions, panel: Sequence[QAction] = (), parent: QWidget | None = None) -> None:
        super().__init__(N_("Keyboard shortcuts"), parent, width=520)
        page = QWidget(self)
        grid = QGridLayout(page)
        grid.setContentsMargins(16, 12, 16, 12)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(0, 1)
        groups: dict[str, list[QAction]] = {}
        for info, action in actions:
            if not action.shortcut().isEmpty() and action.isVisible():
                groups.setdefault(info.menu.partition("/")[0], []).append(action)
        groups["panel"] = [action for action in panel if not action.shortcut().isEmpty()]
        row = 0
        for id, members in groups.items():
            if not members:
                continue
            heading = QLabel(tr(MENUS[id]).replace("&", "").partition("(")[0], self)
            heading.setProperty("role", "section")
            heading.setContentsMargins(0, 12 if row else 0, 0, 0)
            grid.addWidget(heading, row, 0, 1, 2)
            row += 1
            for action in members:
                keys = QLabel(action.shortcut().toString(QKeySequence.SequenceFormat.NativeText), self)
                keys.setProperty("role", "key")
                grid.addWidget(QLabel(action.text().replace("&", ""), self), row, 0)
                grid.addWidget(keys, row, 1, Qt.AlignmentFlag.AlignRight)
                row += 1
        grid.setRowStretch(row, 1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(page)
        scroll.setMinimumHeight(420)
        scroll.setProperty("role", "list")
        self.body.addWidget(scroll, 1)
        close = self.add_button(N_("Close"), "primary")
        close.clicked.connect(self.accept)
        close.setFocus()

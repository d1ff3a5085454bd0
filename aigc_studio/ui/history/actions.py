"""What the History panel can do with a generation, as actions with a name, an icon and a key."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

__all__ = ["HistoryActions"]


@dataclass(frozen=True)
class _Info:
    """id; title marked with N_(); icon; keys; anywhere: its key works in the whole panel, not in the list only."""

    id: str
    title: str
    icon: str
    keys: tuple[str, ...] = ()
    anywhere: bool = False


_ACTIONS = (
    _Info("find", N_("Search"), "magnify", ("Ctrl+F",), anywhere=True),
    _Info("use_all", N_("Use all"), "recycle-variant", ("U",)),
    _Info("remix", N_("Remix"), "dice-multiple-outline", ("R",)),
    _Info("use_prompt", N_("Use the prompt"), "text-box-outline", ("P",)),
    _Info("use_seed", N_("Use the seed"), "seed-outline", ("Shift+P",)),
    _Info("again", N_("Make again and compare"), "refresh", ("G",)),
    _Info("view", N_("Full screen"), "fullscreen", ("F", "Space")),
    _Info("open", N_("Open"), "open-in-app"),
    _Info("show", N_("Show in Assets"), "view-grid-outline", ("A",)),
    _Info("compare", N_("Compare"), "compare", ("C",)),
    _Info("copy_recipe", N_("Copy the recipe"), "code-json", ("Ctrl+Shift+C",)),
    _Info("copy", N_("Copy"), "content-copy", ("Ctrl+C",)),
    _Info("star", N_("Star"), "star-outline", ("S",)),
    _Info("restore", N_("Put back"), "restore"),
    _Info("trash", N_("Move to trash"), "trash-can-outline", ("Del",)),
)
_BREAKS = ("again", "copy_recipe", "star")
"""The first of each group."""


class HistoryActions(dict[str, QAction]):
    """The actions by id. `panel` translates them; their keys work in `area`, some in all of the panel."""

    def __init__(self, panel: Translated, area: QWidget) -> None:
        super().__init__()
        assert isinstance(panel, QWidget)
        self._breaks: dict[str, QAction] = {}
        for info in _ACTIONS:
            action = QAction(icon(info.icon), "", panel)
            action.setObjectName(info.id)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.setShortcuts([QKeySequence(key) for key in info.keys])
            panel.tr_bind(action.setText, info.title)
            (panel if info.anywhere else area).addAction(action)
            self[info.id] = action
            if info.id in _BREAKS:
                self._breaks[info.id] = QAction(panel)
                self._breaks[info.id].setSeparator(True)

    def listed(self) -> list[QAction]:
        """All of them with separators between groups, for the window's menu and its list of keys."""
        actions: list[QAction] = []
        for id, action in self.items():
            if id in self._breaks:
                actions.append(self._breaks[id])
            actions.append(action)
        return actions

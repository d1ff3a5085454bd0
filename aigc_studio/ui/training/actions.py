"""What the Train panel can do, as actions with a name, an icon and a key."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

__all__ = ["TrainActions"]


@dataclass(frozen=True)
class _Info:
    """id; title marked with N_(); icon; keys; anywhere: its key works in the whole panel, not in the list only."""

    id: str
    title: str
    icon: str
    keys: tuple[str, ...] = ()
    anywhere: bool = False


_ACTIONS = (
    _Info("start", N_("Start training"), "play", ("Ctrl+Return", "Ctrl+Enter"), anywhere=True),
    _Info("new", N_("New training"), "plus", ("Ctrl+Shift+N",), anywhere=True),
    _Info("runs", N_("Show the trainings"), "format-list-bulleted", ("Ctrl+Shift+L",), anywhere=True),
    _Info("browse", N_("Choose the folder…"), "folder-open-outline", ("Ctrl+Shift+F",), anywhere=True),
    _Info("pause", N_("Pause"), "pause", ("Space",)),
    _Info("resume", N_("Go on"), "play"),
    _Info("finish", N_("Finish now"), "flag-checkered"),
    _Info("stop", N_("Cancel##training"), "close"),
    _Info("use", N_("Use the model"), "arrow-top-right", ("U",)),
    _Info("round", N_("Next round"), "autorenew", ("N",)),
    _Info("again", N_("Same settings again…"), "content-copy", ("R",)),
    _Info("folder", N_("Show the folder"), "folder-eye-outline"),
    _Info("model_folder", N_("Show the model's folder"), "package-variant"),
    _Info("delete", N_("Delete…"), "trash-can-outline", ("Del",)),
)
_BREAKS = ("pause", "use", "folder", "delete")
"""The first of each group."""


class TrainActions(dict[str, QAction]):
    """The actions by id. `panel` translates them; their keys work in `area`, some in all of the panel."""

    def __init__(self, panel: Translated, area: QWidget) -> None:
        super().__init__()
        assert isinstance(panel, QWidget)
        self._breaks: dict[str, QAction] = {}
        for info in _ACTIONS:
            action = QAction(icon(info.icon), "", panel)
            action.setObjectName(info.id)
            action.setData(info.icon)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.setShortcuts([QKeySequence(key) for key in info.keys])
            panel.tr_bind(action.setText, info.title)
            (panel if info.anywhere else area).addAction(action)
            self[info.id] = action
            if info.id in _BREAKS:
                self._breaks[info.id] = QAction(panel)
                self._breaks[info.id].setSeparator(True)

    def listed(self, *, beginning: str = "") -> list[QAction]:
        """All of them, or from `beginning` on, with separators between groups."""
        ids = list(self)
        actions: list[QAction] = []
        for id in ids[ids.index(beginning) if beginning else 0 :]:
            if id in self._breaks and actions:
                actions.append(self._breaks[id])
            actions.append(self[id])
        return actions

"""What a panel can do, as actions with a name, an icon and keys: a panel's table becomes QActions here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from .i18n import Translated
from .icons import icon

__all__ = ["PanelAction", "PanelActions"]


@dataclass(frozen=True)
class PanelAction:
    """id; title marked with N_(); icon; keys; anywhere: its key works in the whole panel, not in the list only."""

    id: str
    title: str
    icon: str
    keys: tuple[str, ...] = ()
    anywhere: bool = False


class PanelActions(dict[str, QAction]):
    """The actions of a table by id. `panel` translates them; their keys work in `area`, some in all of the panel.

    breaks: ids of the first of each group, before which a separator stands.
    """

    def __init__(self, table: Iterable[PanelAction], breaks: Collection[str], panel: Translated, area: QWidget) -> None:
        super().__init__()
        assert isinstance(panel, QWidget)
        self._breaks: dict[str, QAction] = {}
        for info in table:
            action = QAction(icon(info.icon), "", panel)
            action.setObjectName(info.id)
            action.setData(info.icon)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.setShortcuts([QKeySequence(key) for key in info.keys])
            panel.tr_bind(action.setText, info.title)
            (panel if info.anywhere else area).addAction(action)
            self[info.id] = action
            if info.id in breaks:
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

"""What the Assets panel can do with the choice, as actions with a name, an icon and a key: for menus and shortcuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from aigc_studio.core.assets import Asset
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

__all__ = ["COMMANDS", "AssetCommands", "CommandInfo"]


@dataclass(frozen=True)
class CommandInfo:
    """id; title marked with N_(); icon name; keys, a space between them; anywhere: its keys work in the whole panel,
    not in the grid only."""

    id: str
    title: str
    icon: str
    key: str = ""
    anywhere: bool = False


COMMANDS = (
    CommandInfo("find", N_("Search"), "magnify", "Ctrl+F", anywhere=True),
    CommandInfo("import", N_("Import…"), "tray-arrow-down", "Ctrl+I", anywhere=True),
    CommandInfo("board", N_("New board"), "folder-plus-outline", "Ctrl+Shift+B", anywhere=True),
    CommandInfo("open", N_("Open"), "open-in-app"),
    CommandInfo("view", N_("Full screen"), "fullscreen", "F Space"),
    CommandInfo("compare", N_("Compare"), "compare", "C"),
    CommandInfo("rename", N_("Rename"), "rename-outline", "F2"),
    CommandInfo("star", N_("Star"), "star-outline", "S"),
    CommandInfo("copy", N_("Copy"), "content-copy", "Ctrl+C"),
    CommandInfo("export", N_("Export…"), "export", "Ctrl+E"),
    CommandInfo("trash", N_("Move to trash"), "trash-can-outline", "Del"),
    CommandInfo("restore", N_("Put back"), "restore", "R"),
    CommandInfo("delete", N_("Delete for ever…"), "delete-forever-outline", "Del"),
    CommandInfo("empty", N_("Empty the trash…"), "delete-sweep-outline"),
)
"""In the order of the menus. Del is "trash" or "delete": only one of them is ever enabled."""

_BREAKS = ("open", "copy", "trash")
"""The first of each group in the window's menu."""


class AssetCommands(dict[str, QAction]):
    """The actions by id. `panel` translates them; their keys work in `grid`, some in all of the panel."""

    def __init__(self, panel: Translated, grid: QWidget) -> None:
        super().__init__()
        assert isinstance(panel, QWidget)
        self._breaks: dict[str, QAction] = {}
        for info in COMMANDS:
            action = QAction(icon(info.icon), "", panel)
            action.setObjectName(info.id)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            if info.key:
                action.setShortcuts([QKeySequence(key) for key in info.key.split(" ")])
            panel.tr_bind(action.setText, info.title)
            (panel if info.anywhere else grid).addAction(action)
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

    def enable(self, chosen: Sequence[Asset], *, count: int, trash: bool, read_only: bool) -> None:
        """Follow the choice. chosen: at least its first assets; count: rows shown; trash: these rows are the trash."""
        some, one = bool(chosen), len(chosen) == 1
        change = some and not read_only
        for id, on in {
            "import": not read_only,
            "board": not read_only,
            "open": one and not trash,
            "view": some,
            "compare": len(chosen) == 2 and all(asset.kind == "image" for asset in chosen),
            "rename": one and change and not trash,
            "star": change and not trash,
            "copy": some,
            "export": some,
            "trash": change and not trash,
            "restore": change and trash,
            "delete": change and trash,
            "empty": trash and count > 0 and not read_only,
        }.items():
            self[id].setEnabled(on)
        starred = some and all(asset.starred for asset in chosen)
        self["star"].setText(tr("Remove star") if starred else tr("Star"))
        self["star"].setIcon(icon("star-off-outline" if starred else "star-outline"))

"""All actions of the window in one table: menus, shortcuts and the shortcut overview are made from it.

To add an action: one row in `ACTIONS`, and `actions["its.id"].triggered.connect(...)` where it is done. A panel's own
actions (`panel.actions()`) are not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from aigc_studio.core.i18n import LANGUAGES, N_, tr

from .i18n import TranslatedObject
from .icons import icon
from .panels import PANELS
from .theme import THEMES

__all__ = ["ACTIONS", "MENUS", "ActionInfo", "Actions"]

MENUS = {
    "file": N_("&File"),
    "edit": N_("&Edit"),
    "view": N_("&View"),
    "queue": N_("&Queue"),
    "panel": N_("&Panel"),
    "help": N_("&Help"),
}
"""Menu id to its title, in the order of the bar. "panel" shows the actions of the panel in front."""

_THEME_TITLES = {"system": N_("As the system"), "light": N_("Light"), "dark": N_("Dark")}


@dataclass(frozen=True)
class ActionInfo:
    """One action. title and help are marked with N_(). menu: an id of `MENUS`, or "view/theme" for a submenu.

    group: a separator stands where it changes within a menu. project: only while a project is open.
    checkable: on or off; those of one submenu exclude each other.
    """

    id: str
    title: str
    menu: str
    shortcut: str = ""
    icon: str = ""
    group: int = 0
    project: bool = False
    checkable: bool = False


ACTIONS: tuple[ActionInfo, ...] = (
    ActionInfo("project.new", N_("New project…"), "file", "Ctrl+N", "folder-plus-outline"),
    ActionInfo("project.open", N_("Open project…"), "file", "Ctrl+O", "folder-open-outline"),
    ActionInfo("project.unpack", N_("Open a package…"), "file", "", "package-variant", 1),
    ActionInfo(
        "project.pack", N_("Save as a package…"), "file", "Ctrl+Shift+S", "package-variant-closed", 1, project=True
    ),
    ActionInfo("project.folder", N_("Show the project's folder"), "file", "", "folder-eye-outline", 1, project=True),
    ActionInfo("project.close", N_("Close project"), "file", "Ctrl+W", "close", 2, project=True),
    ActionInfo("app.models", N_("Models…"), "file", "Ctrl+Shift+M", "package-variant", 3),
    ActionInfo("app.settings", N_("Settings…"), "file", "Ctrl+,", "cog-outline", 3),
    ActionInfo("app.quit", N_("Quit"), "file", "Ctrl+Q", "exit-to-app", 4),
    ActionInfo("edit.undo", N_("Undo"), "edit", "Ctrl+Z", "undo"),
    ActionInfo("edit.redo", N_("Redo"), "edit", "Ctrl+Shift+Z", "redo"),
    *(
        ActionInfo(f"panel.{panel.id}", panel.title, "view", panel.shortcut, panel.icon, project=True, checkable=True)
        for panel in PANELS
    ),
    ActionInfo("view.next", N_("Next panel"), "view", "Ctrl+PgDown", "", 1, project=True),
    ActionInfo("view.previous", N_("Previous panel"), "view", "Ctrl+PgUp", "", 1, project=True),
    ActionInfo("view.message", N_("Go to the message"), "view", "F6", "message-text-outline", 1),
    *(ActionInfo(f"theme.{name}", _THEME_TITLES[name], "view/theme", "", group=2, checkable=True) for name in THEMES),
    ActionInfo("language.", N_("As the system"), "view/language", "", group=2, checkable=True),
    *(
        ActionInfo(f"language.{code}", name, "view/language", "", group=2, checkable=True)
        for code, name in LANGUAGES.items()
    ),
    ActionInfo("view.fullscreen", N_("Full screen"), "view", "F11", "fullscreen", 3, checkable=True),
    ActionInfo("queue.pause", N_("Pause the queue"), "queue", "Ctrl+Shift+P", "pause", project=True, checkable=True),
    ActionInfo("queue.cancel", N_("Cancel what is running"), "queue", "Ctrl+.", "stop-circle-outline", project=True),
    ActionInfo("queue.clear", N_("Clear finished"), "queue", "", "playlist-remove", 1, project=True),
    ActionInfo("help.shortcuts", N_("Keyboard shortcuts"), "help", "F1", "keyboard-outline"),
    ActionInfo("help.engine", N_("Install the engine…"), "help", "", "download-outline", 1),
    ActionInfo("help.demo", N_("Make the demo project"), "help", "", "creation-outline", 1),
    ActionInfo("help.log", N_("Show the log"), "help", "", "text-long", 2),
    ActionInfo("help.about", N_("About AIGC Studio"), "help", "", "information-outline", 3),
)
"""Every action of the window, in menu order."""

_SUBMENUS = {
    "view/theme": (N_("Appearance"), "brightness-6"),
    "view/language": (N_("Language"), "translate"),
}


class Actions(TranslatedObject):
    """The QActions of `ACTIONS`, by id. Owned by the window, which must be its parent."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._actions: dict[str, QAction] = {}
        self.menus: dict[str, QMenu] = {}
        for info in ACTIONS:
            action = QAction(self)
            action.setObjectName(info.id)
            action.setCheckable(info.checkable)
            if info.shortcut:
                action.setShortcut(QKeySequence(info.shortcut))
            if info.icon:
                action.setIcon(icon(info.icon))
            self.tr_bind(action.setText, info.title)
            window.addAction(action)
            self._actions[info.id] = action

    def __getitem__(self, id: str) -> QAction:
        return self._actions[id]

    def __iter__(self) -> Iterator[tuple[ActionInfo, QAction]]:
        """Every row with its QAction."""
        return ((info, self._actions[info.id]) for info in ACTIONS)

    def enable(self, project: bool) -> None:
        """Enable or disable what needs an open project."""
        for info, action in self:
            if info.project:
                action.setEnabled(project)

    def fill(self, bar: QMenuBar) -> None:
        """Build the menus of the bar. `menus` has them by id afterwards."""
        for id, title in MENUS.items():
            menu = QMenu(self._window)
            bar.addMenu(menu)
            self.tr_bind(menu.setTitle, title)
            self.menus[id] = menu
        groups: dict[str, int] = {}
        for info, action in self:
            menu_id = info.menu.partition("/")[0]
            menu = self.menus[menu_id]
            if groups.setdefault(menu_id, info.group) != info.group:
                menu.addSeparator()
                groups[menu_id] = info.group
            if info.menu in _SUBMENUS:
                self._submenu(info.menu, menu).addAction(action)
            else:
                menu.addAction(action)

    def _submenu(self, id: str, parent: QMenu) -> QMenu:
        if id not in self.menus:
            title, picture = _SUBMENUS[id]
            menu = QMenu(self._window)
            menu.setIcon(icon(picture))
            self.tr_bind(menu.setTitle, title)
            parent.addMenu(menu)
            self.menus[id] = menu
        return self.menus[id]

    def tip(self, id: str) -> str:
        """Title and shortcut of an action, for a tool tip, in the current language."""
        action = self._actions[id]
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        title = tr(next(info.title for info in ACTIONS if info.id == id)).replace("&", "")
        return f"{title}  {keys}" if keys else title

"""Everything the Picture panel can do, as actions with a name, an icon and a key."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QUndoStack
from PySide6.QtWidgets import QMenu, QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.canvas.tools import TOOLS
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

__all__ = ["ACTIONS", "ActionInfo", "PictureActions"]


@dataclass(frozen=True)
class ActionInfo:
    """id; title marked with N_(); icon name; keys (the first is shown); checkable."""

    id: str
    title: str
    icon: str = ""
    keys: tuple[str, ...] = ()
    checkable: bool = False


ACTIONS = (
    ActionInfo("swap", N_("Swap brush and eraser"), "swap-horizontal", ("X",)),
    ActionInfo("larger", N_("Larger brush"), "plus", ("]",)),
    ActionInfo("smaller", N_("Smaller brush"), "minus", ("[",)),
    ActionInfo("select_all", N_("Select all"), "select-all", ("Ctrl+A",)),
    ActionInfo("invert", N_("Invert selection"), "invert-colors", ("I", "Ctrl+Shift+I")),
    ActionInfo("clear", N_("Clear selection"), "selection-off", ("Ctrl+D",)),
    ActionInfo("compare", N_("Compare with the original"), "compare", ("Y",), True),
    ActionInfo("view", N_("Full screen"), "fullscreen", ("F",)),
    ActionInfo("compare_two", N_("Compare the two chosen"), "compare", ("Shift+C",)),
    ActionInfo("fit", N_("Fit to window"), "fit-to-page-outline", ("0", "Ctrl+0")),
    ActionInfo("zoom_50", N_("Zoom to 50 %"), ""),
    ActionInfo("zoom_100", N_("Zoom to 100 %"), "", ("1",)),
    ActionInfo("zoom_200", N_("Zoom to 200 %"), "", ("2",)),
    ActionInfo("zoom_400", N_("Zoom to 400 %"), "", ("4",)),
    ActionInfo("zoom_in", N_("Zoom in"), "plus", ("+", "=", "Ctrl++", "Ctrl+=")),
    ActionInfo("zoom_out", N_("Zoom out"), "minus", ("-", "Ctrl+-")),
    ActionInfo("next", N_("Next candidate"), "chevron-right", (".",)),
    ActionInfo("former", N_("Former candidate"), "chevron-left", (",",)),
    ActionInfo("keep", N_("Keep this one"), "check", ("Return", "Enter")),
    ActionInfo("back", N_("Cancel, or back to the former one"), "", ("Esc",)),
    ActionInfo("star", N_("Star"), "star-outline", ("S",), True),
    ActionInfo("variation", N_("Make a variation"), "dice-multiple-outline", ("V",)),
    ActionInfo("start", N_("Vary this picture…"), "image-move"),
    ActionInfo("use_prompt", N_("Use its prompt"), "text-box-outline"),
    ActionInfo("use_seed", N_("Use its seed"), "dice-5-outline"),
    ActionInfo("use_all", N_("Use all its settings"), "tune-variant"),
    ActionInfo("copy", N_("Copy picture"), "content-copy", ("Ctrl+C",)),
    ActionInfo("paste", N_("Paste picture"), "content-paste", ("Ctrl+V",)),
    ActionInfo("open", N_("Open a picture…"), "folder-open-outline"),
    ActionInfo("export", N_("Save as…"), "content-save-outline", ("Ctrl+E",)),
    ActionInfo("trash", N_("Move to trash"), "trash-can-outline", ("Delete",)),
)
"""Those that work while the canvas or the strip has the focus; tools add theirs from `TOOLS`."""

_GROUPS = ("swap", "select_all", "compare", "fit", "next", "star", "variation", "copy", "trash")
"""The first action of each group of the list."""

_MENU = (
    ("view", "compare_two", ""), ("variation", "start", ""), ("use_prompt", "use_seed", "use_all", ""),
    ("copy", "paste", "open", "export", ""), ("trash",),
)  # fmt: skip


class PictureActions(dict[str, QAction]):
    """The panel's actions by id, made for and living with `area`: their keys work only inside it."""

    def __init__(self, owner: Translated, area: QWidget, undo_stack: QUndoStack) -> None:
        super().__init__()
        self._owner, self._area = owner, area
        self.tools = QActionGroup(area)
        for tool in TOOLS:
            keys = (tool.key, "M") if tool.id == "rectangle" else (tool.key,)
            action = self._make(ActionInfo(tool.id, tool.title, tool.icon, keys, True))
            action.setData(tool.id)
            self.tools.addAction(action)
        for info in ACTIONS:
            self._make(info)
        for id, title, name, keys in (
            ("undo", N_("Undo"), "undo", QKeySequence.StandardKey.Undo),
            ("redo", N_("Redo"), "redo", QKeySequence.StandardKey.Redo),
        ):
            action = self._make(ActionInfo(id, title, name), key=QKeySequence(keys).toString())
            (undo_stack.canUndoChanged if id == "undo" else undo_stack.canRedoChanged).connect(action.setEnabled)
            action.triggered.connect(undo_stack.undo if id == "undo" else undo_stack.redo)
            action.setEnabled(False)
        self.menu = QMenu(area)
        for group in _MENU:
            for id in group:
                self.menu.addAction(self[id]) if id else self.menu.addSeparator()

        self._breaks = {first: self._separator() for first in _GROUPS}

    def listed(self) -> list[QAction]:
        """Every action but undo and redo, which the window has itself, with separators between groups."""
        actions: list[QAction] = []
        for id, action in self.items():
            if id in self._breaks:
                actions.append(self._breaks[id])
            if id not in ("undo", "redo"):
                actions.append(action)
        return actions

    def _separator(self) -> QAction:
        action = QAction(self._area)
        action.setSeparator(True)
        return action

    def _make(self, info: ActionInfo, key: str = "") -> QAction:
        """key: shown in the tool tip where the window itself owns the key (undo, redo)."""
        action = QAction(self._area)
        action.setObjectName(info.id)
        if info.icon:
            action.setIcon(icon(info.icon))
        action.setCheckable(info.checkable)
        action.setShortcuts([QKeySequence(key) for key in info.keys])
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._owner.tr_bind(action.setText, info.title)
        self._owner.tr_bind(_ToolTip(action, key), info.title)
        self._area.addAction(action)
        self[info.id] = action
        return action


class _ToolTip:
    """Sets an action's tool tip: its title and its key, which the person may have changed; else `key`."""

    def __init__(self, action: QAction, key: str) -> None:
        self.__self__, self._key = action, key

    def __call__(self, text: str) -> None:
        key = self._key or self.__self__.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        self.__self__.setToolTip(f"{text} ({key})" if key else text)

"""What the History panel can do with a generation, as actions with a name, an icon and a key."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.panel_actions import PanelAction, PanelActions

__all__ = ["HistoryActions"]

_ACTIONS = (
    PanelAction("find", N_("Search"), "magnify", ("Ctrl+F",), anywhere=True),
    PanelAction("use_all", N_("Use all"), "recycle-variant", ("U",)),
    PanelAction("remix", N_("Remix"), "dice-multiple-outline", ("R",)),
    PanelAction("use_prompt", N_("Use the prompt"), "text-box-outline", ("P",)),
    PanelAction("use_seed", N_("Use the seed"), "seed-outline", ("Shift+P",)),
    PanelAction("again", N_("Make again and compare"), "refresh", ("G",)),
    PanelAction("view", N_("Full screen"), "fullscreen", ("F", "Space")),
    PanelAction("open", N_("Open"), "open-in-app"),
    PanelAction("show", N_("Show in Assets"), "view-grid-outline", ("A",)),
    PanelAction("compare", N_("Compare"), "compare", ("C",)),
    PanelAction("copy_recipe", N_("Copy the recipe"), "code-json", ("Ctrl+Shift+C",)),
    PanelAction("copy", N_("Copy"), "content-copy", ("Ctrl+C",)),
    PanelAction("star", N_("Star"), "star-outline", ("S",)),
    PanelAction("restore", N_("Put back"), "restore"),
    PanelAction("trash", N_("Move to trash"), "trash-can-outline", ("Del",)),
)
_BREAKS = ("again", "copy_recipe", "star")
"""The first of each group."""


class HistoryActions(PanelActions):
    """The actions of the History panel by id."""

    def __init__(self, panel: Translated, area: QWidget) -> None:
        super().__init__(_ACTIONS, _BREAKS, panel, area)

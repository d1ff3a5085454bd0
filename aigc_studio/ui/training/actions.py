"""What the Train panel can do, as actions with a name, an icon and a key."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.panel_actions import PanelAction, PanelActions

__all__ = ["TrainActions"]

_ACTIONS = (
    PanelAction("start", N_("Start training"), "play", ("Ctrl+Return", "Ctrl+Enter"), anywhere=True),
    PanelAction("new", N_("New training"), "plus", ("Ctrl+Shift+N",), anywhere=True),
    PanelAction("runs", N_("Show the trainings"), "format-list-bulleted", ("Ctrl+Shift+L",), anywhere=True),
    PanelAction("browse", N_("Choose the folder…"), "folder-open-outline", ("Ctrl+Shift+F",), anywhere=True),
    PanelAction("captions", N_("Edit captions…"), "closed-caption-outline", ("Ctrl+Shift+K",), anywhere=True),
    PanelAction("pause", N_("Pause"), "pause", ("Space",)),
    PanelAction("resume", N_("Go on"), "play"),
    PanelAction("finish", N_("Finish now"), "flag-checkered"),
    PanelAction("stop", N_("Cancel##training"), "close"),
    PanelAction("use", N_("Use the model"), "arrow-top-right", ("U",)),
    PanelAction("round", N_("Next round"), "autorenew", ("N",)),
    PanelAction("again", N_("Same settings again…"), "content-copy", ("R",)),
    PanelAction("folder", N_("Show the folder"), "folder-eye-outline"),
    PanelAction("model_folder", N_("Show the model's folder"), "package-variant"),
    PanelAction("delete", N_("Delete…"), "trash-can-outline", ("Del",)),
)
_BREAKS = ("pause", "use", "folder", "delete")
"""The first of each group."""


class TrainActions(PanelActions):
    """The actions of the Train panel by id."""

    def __init__(self, panel: Translated, area: QWidget) -> None:
        super().__init__(_ACTIONS, _BREAKS, panel, area)

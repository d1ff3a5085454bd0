"""The window's panels, in the order of the rail: each is built the first time it is shown.

To add a panel: one module here with a QWidget subclass `__init__(self, studio, parent=None)`, and one line in `PANELS`.
It may have: `actions() -> list[QAction]` (shown in the "Panel" menu while it is in front), `save_state() -> dict` and
`restore_state(dict)` (JSON types, remembered per project), `open_asset(asset)` (shown for editing).
"""

from __future__ import annotations

from dataclasses import dataclass

from aigc_studio.core.i18n import N_

__all__ = ["PANELS", "PanelInfo"]


@dataclass(frozen=True)
class PanelInfo:
    """One panel: stable `id`, `title` marked with N_(), `icon` name, `shortcut`, and where its `cls` is found."""

    id: str
    title: str
    icon: str
    shortcut: str
    module: str
    cls: str


PANELS = (
    PanelInfo("write", N_("Write"), "text-box-edit-outline", "Ctrl+1", "aigc_studio.ui.panels.write", "WritePanel"),
    PanelInfo("picture", N_("Picture"), "image-outline", "Ctrl+2", "aigc_studio.ui.panels.picture", "PicturePanel"),
    PanelInfo("voice", N_("Voice"), "microphone-outline", "Ctrl+3", "aigc_studio.ui.panels.voice", "VoicePanel"),
    PanelInfo("assets", N_("Assets"), "view-grid-outline", "Ctrl+4", "aigc_studio.ui.panels.assets", "AssetsPanel"),
    PanelInfo("queue", N_("Queue"), "playlist-play", "Ctrl+5", "aigc_studio.ui.panels.queue", "QueuePanel"),
    PanelInfo("history", N_("History"), "history", "Ctrl+6", "aigc_studio.ui.panels.history", "HistoryPanel"),
    PanelInfo("train", N_("Train"), "school-outline", "Ctrl+7", "aigc_studio.ui.panels.train", "TrainPanel"),
)

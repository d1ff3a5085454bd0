"""Take pixels out of the selection with the brush."""

from __future__ import annotations

from aigc_studio.core.i18n import N_

from .brush import BrushTool

__all__ = ["EraserTool"]


class EraserTool(BrushTool):
    """The brush the other way round: erases, with Alt held it draws."""

    id = "eraser"
    title = N_("Eraser##mask tool")
    icon = "eraser"
    key = "E"
    erases = True

"""`aigc-studio [PROJECT]`: the window, after what it needs of the system has been looked at."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from aigc_studio.core import system
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

__all__ = ["main"]


def main(arguments: Sequence[str]) -> int:
    """Open the window: on a project, the last one or the start page. The window reads the arguments itself."""
    platform = system.window_platform()
    if not system.display_answers(platform):
        raise StudioError(
            N_("There is no display to open a window on; start it on a desktop, or make the demo without one: {line}"),
            code="no-display",
            line="python3 -m aigc_studio demo",
        )
    system.require_window()
    if (advice := system.font_advice()) is not None:
        print(advice, file=sys.stderr)
    return importlib.import_module("aigc_studio.ui.app").main(list(arguments))

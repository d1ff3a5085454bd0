"""Drops anywhere on the window: projects and packages are opened, models are offered to the library, the rest goes to
the panel in front.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QDropEvent

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.project import is_project
from aigc_studio.ui.models.drop import candidates, offer

from .payload import Payload, welcome

if TYPE_CHECKING:
    from aigc_studio.ui.main_window import MainWindow

__all__ = ["WindowDrops"]

PACKAGE_SUFFIX = ".zip"


class WindowDrops(QObject):
    """Answers for the whole window. Models are recognised before any panel sees them: a panel would copy their files
    into the project, and they are large.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        window.setAcceptDrops(True)
        window.winId()  # the native window must exist to be watched
        handle = window.windowHandle()
        if handle is not None:
            handle.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take drops of models and projects away from whatever lies under the pointer."""
        if event.type() == QEvent.Type.Drop and isinstance(event, QDropEvent):
            paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
            if paths and self.take_first(paths):
                event.setDropAction(Qt.DropAction.CopyAction)
                event.accept()
                return True
        return False

    def take_first(self, paths: list[Path]) -> bool:
        """Whether these were a project, a package or models, and are being dealt with."""
        window = self._window
        if len(paths) == 1 and (is_project(paths[0]) or paths[0].suffix.lower() == PACKAGE_SUFFIX):
            window.projects.open(paths[0])
            return True
        found = candidates(paths)
        if found:
            offer(window, found)
            others = tuple(path for path in paths if path not in found)
            if others:
                self.take(Payload(paths=others))
        return bool(found)

    def enter(self, event: QDropEvent) -> None:
        """A drag came over a part of the window that has no use of its own for it."""
        if welcome(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def drop(self, event: QDropEvent) -> None:
        """Give it to the panel in front, or to Assets where that panel has no use for drops."""
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        payload = Payload.read(event.mimeData())
        if payload:
            self.take(payload)

    def take(self, payload: Payload) -> None:
        """See `drop`."""
        window = self._window
        if window.studio.info is None:
            if not (payload.paths and self.take_first(list(payload.paths))):
                window.show_problem(
                    StudioError(N_("Open or make a project first, then drop it again."), code="no-project")
                )
            return
        panel = window.panels.panel(window.panels.current)
        if not callable(getattr(panel, "take_drop", None)):
            panel = window.show_panel("assets")
        take = getattr(panel, "take_drop", None)
        if callable(take):
            take(payload)

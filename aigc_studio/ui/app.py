"""Starts the window: first paint within a second of the interpreter's start, everything heavy after it."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer, qInstallMessageHandler
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QApplication

from aigc_studio.core.i18n import N_
from aigc_studio.core.logs import start_logging
from aigc_studio.core.settings import Settings
from aigc_studio.core.system import font_advice

from .i18n import switch_language
from .main_window import MainWindow
from .studio import Studio
from .theme import THEMES, Theme

__all__ = ["main"]

log = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Show the window until it is closed; the exit code. The caller has checked libraries and display."""
    options = _parse(arguments)
    start_logging()
    qInstallMessageHandler(_qt_message)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("AIGC Studio")
    app.setDesktopFileName("aigc-studio")
    settings = Settings()
    told = {"theme": options.theme or None, "language": options.language}
    settings.given = {id: value for id, value in told.items() if value is not None}
    theme = Theme(app, options.theme or settings.get("theme"))
    switch_language(app, options.language if options.language is not None else settings.get("language"))
    studio = Studio(settings, engine=options.engine)
    window = MainWindow(studio, settings, theme)
    for file in settings.set_aside:
        window.banners.show_text(
            "warning",
            N_("The settings could not be read and start anew; the old file is kept as {file}."),
            file=str(file),
        )
    watch = _FirstPaint(window)
    watch.then = lambda: _after_paint(window, options, watch)
    window.show()
    code = app.exec()
    window.hide()
    studio.shutdown()
    _close_settings(settings)
    if studio.models.left:  # everything is stored; a folder that never answers must not keep the program
        logging.shutdown()
        os._exit(code)
    return code


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="aigc-studio")
    parser.add_argument("path", nargs="?", type=Path, help="folder of a project, or a package")
    parser.add_argument("--project", type=Path, help="folder of a project")
    parser.add_argument("--demo", action="store_true", help="make the demo project in front of you")
    parser.add_argument("--engine", choices=("child", "thread"), default="child")
    parser.add_argument("--language", "--lang", default=None)
    parser.add_argument("--theme", choices=THEMES, default="")
    parser.add_argument("--smoke", action="store_true", help="paint once, print timing as JSON and leave")
    return parser.parse_args(list(arguments))


class _FirstPaint(QObject):
    """Notices when the window has been painted for the first time. painted_at: seconds since the epoch, 0 before."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.painted_at = 0.0
        self.then = lambda: None
        self._watched = window.pages
        self._watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and not self.painted_at:
            self.painted_at = -1.0
            QTimer.singleShot(0, self._done)  # after this paint has come to the screen
        return False

    def _done(self) -> None:
        self.painted_at = time.time()
        self._watched.removeEventFilter(self)
        self.then()


def _after_paint(window: MainWindow, options: argparse.Namespace, watch: _FirstPaint) -> None:
    """What can wait until the person sees the window."""
    if options.smoke:
        print(
            json.dumps({"painted_at": watch.painted_at, "rss_mb": _rss_mb(), "torch": "torch" in sys.modules}),
            flush=True,
        )
        window.close()
        return
    if options.demo:
        window.projects.make_demo()
    elif path := options.project or options.path:
        window.projects.open(path)
    elif window.settings.get("reopen") and (recent := window.settings.recent()) and recent[0].exists():
        window.projects.open(recent[0])
    window.read_engine_state()
    window.studio.models.begin(window)
    window.studio.devices.begin()
    if not QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese) and (advice := font_advice()):
        window.banners.show_error(advice, level="warning")


def _rss_mb() -> float:
    """Resident memory of this process in MB; 0 where the system does not say it in a file."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return round(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
    except OSError:
        return 0.0


def _close_settings(settings: Settings) -> None:
    from aigc_studio.core.errors import StudioError

    try:
        settings.save()
    except StudioError as error:
        log.warning("%s", error.detail)


def _qt_message(kind: object, context: object, text: str) -> None:
    """Qt's messages belong in the log, not on the terminal."""
    noise = ("This plugin does not support", "propagateSizeHints")
    if not any(part in text for part in noise):
        log.info("Qt: %s", text)

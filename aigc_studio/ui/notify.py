"""Tells a person who works in another window that something is done: a notification of the desktop, a sign in its bar.

On Linux through D-Bus (org.freedesktop.Notifications), elsewhere through the system's tray. What ends within a moment
is told in one message.
"""

from __future__ import annotations

import html
import logging
import sys
from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QObject, QSocketNotifier, Qt, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from aigc_studio.core.i18n import tr
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.paths import resources
from aigc_studio.ui.studio import Studio

from .session_bus import Arguments, BusError, SessionBus

__all__ = ["DBusSender", "Notifier", "Sender", "TraySender", "desktop_sender"]

log = logging.getLogger(__name__)

COALESCE_MS = 700
"""So long a message waits for others to come."""

_SHOWN_MS = 10_000
_SERVICE, _PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
_PROMPT_LENGTH = 80
_TOLD = (JobState.DONE, JobState.FAILED)


class Sender(Protocol):
    """What shows a message on the desktop. `clicked` is called when the person answers it."""

    clicked: Callable[[], object]

    def send(self, title: str, text: str) -> bool:
        """Show one message in the place of the former; False when there is nobody to show it."""
        ...

    def close(self) -> None:
        """Take back what is shown."""
        ...


class DBusSender(QObject):
    """The desktop's own notifications, over the session bus."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.clicked: Callable[[], object] = lambda: None
        self._bus: SessionBus | None = None
        self._watcher: QSocketNotifier | None = None
        self._id = 0

    def _ready(self) -> SessionBus:
        if self._bus is None:
            bus = SessionBus()
            try:
                bus.start(_SERVICE)
                bus.watch(_SERVICE, "ActionInvoked")
            except BusError:
                bus.close()
                raise
            self._bus = bus
            self._watcher = QSocketNotifier(bus.socket.fileno(), QSocketNotifier.Type.Read, self)
            self._watcher.activated.connect(self._read)
        return self._bus

    def send(self, title: str, text: str) -> bool:
        """See `Sender`."""
        body = Arguments().text("AIGC Studio").number(self._id).text(str(resources() / "icons" / "app.svg"))
        body.text(title).text(html.escape(text, quote=False)).texts(["default", tr("Show")])
        body.table({"desktop-entry": "aigc-studio"}).number(_SHOWN_MS, signed=True)
        try:
            self._id = self._ready().call(_SERVICE, _PATH, _SERVICE, "Notify", body).number
        except BusError as error:
            log.info("no notification over D-Bus: %s", error)
            self._hang_up()
            return False
        return True

    def close(self) -> None:
        """See `Sender`."""
        if self._bus is not None and self._id:
            try:
                self._bus.send(_SERVICE, _PATH, _SERVICE, "CloseNotification", Arguments().number(self._id))
            except BusError:
                self._hang_up()
        self._id = 0

    def _read(self) -> None:
        """Something came over the bus: perhaps that our message was answered; others' are heard here too."""
        try:
            messages = self._bus.read() if self._bus is not None else []
        except BusError:
            self._hang_up()
            return
        if any(message.member == "ActionInvoked" and message.number == self._id for message in messages):
            self.clicked()

    def _hang_up(self) -> None:
        if self._watcher is not None:
            self._watcher.setEnabled(False)
            self._watcher.deleteLater()
            self._watcher = None
        if self._bus is not None:
            self._bus.close()
            self._bus = None


class TraySender(QObject):
    """A message beside the clock; its icon is there only while the message is."""

    def __init__(self, icon: QIcon, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.clicked: Callable[[], object] = lambda: None
        self._tray = QSystemTrayIcon(icon, self)
        self._tray.messageClicked.connect(lambda: self.clicked())
        self._tray.activated.connect(lambda _reason: self.clicked())

    def send(self, title: str, text: str) -> bool:
        """See `Sender`."""
        if not QSystemTrayIcon.isSystemTrayAvailable() or not QSystemTrayIcon.supportsMessages():
            return False
        self._tray.show()
        self._tray.showMessage(title, text, self._tray.icon(), _SHOWN_MS)
        return True

    def close(self) -> None:
        """See `Sender`."""
        self._tray.hide()


class _Desktop(QObject):
    """The first of several senders that can show a message."""

    def __init__(self, senders: list[Sender], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._senders = senders
        self.clicked: Callable[[], object] = lambda: None
        for sender in senders:
            sender.clicked = lambda: self.clicked()

    def send(self, title: str, text: str) -> bool:
        """See `Sender`."""
        return any(sender.send(title, text) for sender in self._senders)

    def close(self) -> None:
        """See `Sender`."""
        for sender in self._senders:
            sender.close()


def desktop_sender(icon: QIcon, parent: QObject) -> Sender:
    """What this system has."""
    senders: list[Sender] = [DBusSender(parent)] if sys.platform.startswith("linux") else []
    return _Desktop([*senders, TraySender(icon, parent)], parent)


class Notifier(QObject):
    """Watches the queue for a window. The setting "notify" says when: "never", "queue" (when it is done) or "job".

    Nothing is said while the window is active.
    """

    showWanted = Signal(object)
    """The person answered: the Job that the message was about, or None for several."""

    def __init__(self, studio: Studio, window: QWidget, sender: Sender | None = None) -> None:
        super().__init__(window)
        self._studio, self._window = studio, window
        self._sender = sender if sender is not None else desktop_sender(window.windowIcon(), self)
        self._sender.clicked = self._answered
        self._ended: list[Job] = []
        self._about: Job | None = None
        self._timer = QTimer(self, singleShot=True, interval=COALESCE_MS)
        self._timer.timeout.connect(self._tell)
        studio.jobFinished.connect(self._finished)
        studio.projectClosed.connect(self._forget)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusWindowChanged.connect(self._focus_changed)

    def _active(self) -> bool:
        return self._window.isActiveWindow() or QApplication.activeWindow() is not None

    def _finished(self, _id: str, job: Job) -> None:
        if job.state not in _TOLD or self._studio.settings.get("notify") == "never":
            return
        if self._active():
            self._ended.clear()  # seen with one's own eyes: later messages are about later jobs
            return
        self._ended.append(job)
        self._timer.start()

    def _tell(self) -> None:
        jobs = self._ended
        waiting = any(job.state in (JobState.PENDING, JobState.RUNNING) for job in self._studio.jobs())
        if not jobs or self._active():
            self._ended = []
            return
        if waiting and self._studio.settings.get("notify") == "queue":
            return  # told when the last one is done
        self._ended = []
        self._about = jobs[0] if len(jobs) == 1 else None
        title, text = message(jobs)
        QApplication.alert(self._window)
        if not self._sender.send(title, text):
            log.info("no desktop notification could be shown: %s", title)

    def _answered(self) -> None:
        self._window.setWindowState(self._window.windowState() & ~Qt.WindowState.WindowMinimized)
        self._window.show()
        self._window.raise_()
        self._window.activateWindow()
        self._sender.close()
        self.showWanted.emit(self._about)

    def _focus_changed(self, focused: object) -> None:
        """Who has come back needs no message."""
        if focused is not None:
            self._ended.clear()
            self._sender.close()

    def _forget(self) -> None:
        self._timer.stop()
        self._ended.clear()


def message(jobs: list[Job]) -> tuple[str, str]:
    """(title, text) about jobs that ended: a failure is named as such."""
    failed = [job for job in jobs if job.state == JobState.FAILED]
    if len(jobs) == 1:
        job = jobs[0]
        prompt = " ".join(job.request.prompt.split())
        prompt = prompt if len(prompt) <= _PROMPT_LENGTH else prompt[: _PROMPT_LENGTH - 1].rstrip() + "…"
        if failed:
            return tr("A job failed"), f"{prompt}\n{job.error}".strip() if job.error is not None else prompt
        titles = {
            "image": tr("The picture is ready"),
            "text": tr("The text is ready"),
            "speech": tr("The recording is ready"),
        }
        several = job.request.kind == "image" and job.request.count > 1
        return (
            tr("{count} pictures are ready", count=job.request.count) if several else titles[job.request.kind],
            prompt,
        )
    done = len(jobs) - len(failed)
    if not failed:
        return tr("{count} jobs are done", count=done), ""
    if not done:
        return tr("{count} jobs failed", count=len(failed)), ""
    return tr("{done} jobs are done, {failed} failed", done=done, failed=len(failed)), ""

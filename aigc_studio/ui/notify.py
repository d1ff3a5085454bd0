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

from PySide6.QtCore import QObject, QRunnable, QSocketNotifier, Qt, QThreadPool, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from aigc_studio.core.i18n import tr
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.paths import resources
from aigc_studio.ui.history.words import title_of
from aigc_studio.ui.studio import Studio

from .session_bus import Arguments, BusError, Incoming, SessionBus

__all__ = ["DBusSender", "Notifier", "Sender", "TraySender", "desktop_sender"]

log = logging.getLogger(__name__)

COALESCE_MS = 700
"""So long a message waits for others to come."""

_SHOWN_MS = 10_000
_SERVICE, _PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
_PROMPT_LENGTH = 80
_TOLD = (JobState.DONE, JobState.FAILED)


class Sender(Protocol):
    """What shows a message on the desktop. `clicked` is called when the person answers it, `refused` with a message
    that nobody showed after all."""

    clicked: Callable[[], object]
    refused: Callable[[str, str], object]

    def send(self, title: str, text: str) -> bool:
        """Show one message in the place of the former; False when it is known that nobody would."""
        ...

    def close(self) -> None:
        """Take back what is shown."""
        ...


class _Answer(QObject):
    shown = Signal(object, int)
    failed = Signal(str)


class _Show(QRunnable):
    """One message to the bus, off the UI thread: a service that is started by it may take a second."""

    def __init__(self, bus: SessionBus | None, body: Arguments, answer: _Answer) -> None:
        super().__init__()
        self._bus, self._body, self._answer = bus, body, answer

    def run(self) -> None:
        """The connection that was used, and the message's number on it; or why not."""
        bus = self._bus
        try:
            if bus is None:
                bus = SessionBus()
                bus.start(_SERVICE)
                bus.watch(_SERVICE, "ActionInvoked")
            number = bus.call(_SERVICE, _PATH, _SERVICE, "Notify", self._body).number
        except BusError as error:
            if bus is not None:
                bus.close()
            self._tell(self._answer.failed.emit, str(error))
        else:
            self._tell(self._answer.shown.emit, bus, number)

    def _tell(self, emit: Callable[..., object], *what: object) -> None:
        try:
            emit(*what)
        except RuntimeError:  # the window closed meanwhile and took the receiver with it
            return


class DBusSender(QObject):
    """The desktop's own notifications, over the session bus."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.clicked: Callable[[], object] = lambda: None
        self.refused: Callable[[str, str], object] = lambda _title, _text: None
        self._bus: SessionBus | None = None
        self._watcher: QSocketNotifier | None = None
        self._id = 0
        self._sending: tuple[str, str] | None = None
        self._next: tuple[str, str] | None = None
        self._answer = _Answer(self)
        self._answer.shown.connect(self._shown)
        self._answer.failed.connect(self._failed)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)

    def send(self, title: str, text: str) -> bool:
        """See `Sender`. Whether somebody shows it is known later."""
        if self._sending is not None:
            self._next = (title, text)
            return True
        self._sending = (title, text)
        if self._watcher is not None:
            self._watcher.setEnabled(False)  # one reader at a time
        body = Arguments().text("AIGC Studio").number(self._id).text(str(resources() / "icons" / "app.svg"))
        body.text(title).text(html.escape(text, quote=False)).texts(["default", tr("Show")])
        body.table({"desktop-entry": "aigc-studio"}).number(_SHOWN_MS, signed=True)
        self._pool.start(_Show(self._bus, body, self._answer))
        return True

    def close(self) -> None:
        """See `Sender`."""
        self._next = None
        if self._bus is not None and self._id and self._sending is None:
            try:
                self._bus.send(_SERVICE, _PATH, _SERVICE, "CloseNotification", Arguments().number(self._id))
            except BusError:
                self._hang_up()
            self._id = 0

    def _shown(self, bus: SessionBus, number: int) -> None:
        self._bus, self._id, self._sending = bus, number, None
        if self._watcher is None:
            self._watcher = QSocketNotifier(bus.socket.fileno(), QSocketNotifier.Type.Read, self)
            self._watcher.activated.connect(self._read)
        self._watcher.setEnabled(True)
        self._heard(bus.waiting())
        self._go_on()

    def _failed(self, reason: str) -> None:
        log.info("no notification over D-Bus: %s", reason)
        message, self._sending = self._sending, None
        self._hang_up()
        if message is not None:
            self.refused(*message)
        self._go_on()

    def _go_on(self) -> None:
        following, self._next = self._next, None
        if following is not None:
            self.send(*following)

    def _read(self) -> None:
        """Something came over the bus: perhaps that our message was answered."""
        try:
            messages = self._bus.read() if self._bus is not None else []
        except BusError:
            self._hang_up()
            return
        self._heard(messages)

    def _heard(self, messages: list[Incoming]) -> None:
        """Answers to other programs' messages are heard here too."""
        if any(message.member == "ActionInvoked" and message.number == self._id for message in messages):
            self.clicked()

    def _hang_up(self) -> None:
        if self._watcher is not None:
            self._watcher.setEnabled(False)
            self._watcher.deleteLater()
            self._watcher = None
        if self._bus is not None:
            self._bus.close()
        self._bus, self._id = None, 0


class TraySender(QObject):
    """A message beside the clock; its icon is there only while the message is."""

    def __init__(self, icon: QIcon, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.clicked: Callable[[], object] = lambda: None
        self.refused: Callable[[str, str], object] = lambda _title, _text: None
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
        self.refused: Callable[[str, str], object] = lambda _title, _text: None
        for place, sender in enumerate(senders):
            sender.clicked = lambda: self.clicked()
            sender.refused = lambda title, text, place=place: self._try(place + 1, title, text)

    def send(self, title: str, text: str) -> bool:
        """See `Sender`."""
        return self._try(0, title, text)

    def _try(self, first: int, title: str, text: str) -> bool:
        return any(sender.send(title, text) for sender in self._senders[first:])

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
        prompt = title_of(job.request)
        prompt = prompt if len(prompt) <= _PROMPT_LENGTH else prompt[: _PROMPT_LENGTH - 1].rstrip() + "…"
        if failed:
            return tr("A job failed"), f"{prompt}\n{job.error}".strip() if job.error is not None else prompt
        titles = {
            "image": tr("The picture is ready"),
            "text": tr("The text is ready"),
            "speech": tr("The recording is ready"),
            "training": tr("The model is ready"),
            "captions": tr("The pictures are described"),
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

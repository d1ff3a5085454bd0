"""Word on the desktop: when, about what, and what an answer does; with a sender that a test looks into."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QWidget

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import set_language
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request
from aigc_studio.core.settings import SETTINGS, Settings
from aigc_studio.ui import notify
from aigc_studio.ui.notify import DBusSender, Notifier, TraySender, message


class FakeSender:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.closed = 0
        self.clicked: Callable[[], object] = lambda: None
        self.refused: Callable[[str, str], object] = lambda _title, _text: None
        self.works = True

    def send(self, title: str, text: str) -> bool:
        self.sent.append((title, text))
        return self.works

    def close(self) -> None:
        self.closed += 1


class FakeStudio(QObject):
    """What a Notifier looks at of a studio."""

    jobFinished = Signal(str, object)
    projectClosed = Signal()

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.settings = Settings(folder)
        self.waiting: list[Job] = []

    def jobs(self) -> list[Job]:
        return self.waiting

    def end(self, job: Job) -> None:
        self.jobFinished.emit(job.id, job)


def job(state: JobState = JobState.DONE, **changes) -> Job:
    request = Request("image", "generate", "painter", prompt="red sea").changed(**changes)
    error = StudioError("It failed; try again.") if state == JobState.FAILED else None
    return Job("a" * 32, request, state, 1.0, (0,) if state == JobState.DONE else (), error)


@pytest.fixture
def scene(qtbot, tmp_path, monkeypatch):
    """(studio, window, sender, notifier); the window is not active, messages wait 20 ms."""
    monkeypatch.setattr(notify, "COALESCE_MS", 20)
    studio, window, sender = FakeStudio(tmp_path), QWidget(), FakeSender()
    qtbot.addWidget(window)
    notifier = Notifier(cast(Any, studio), window, sender)
    monkeypatch.setattr(notifier, "_active", lambda: False)
    return studio, window, sender, notifier


def test_the_setting_has_a_row():
    row = SETTINGS["notify"]
    assert row.default == "queue"
    assert [value for value, _ in row.choices] == ["never", "queue", "job"]


def test_one_job_is_told_with_its_prompt(qtbot, scene):
    studio, _, sender, _ = scene
    studio.end(job())
    qtbot.waitUntil(lambda: sender.sent == [("The picture is ready", "red sea")])


def test_what_ends_within_a_moment_is_one_message(qtbot, scene):
    studio, _, sender, _ = scene
    studio.end(job())
    studio.end(job(JobState.FAILED))
    studio.end(job())
    qtbot.waitUntil(lambda: sender.sent == [("2 jobs are done, 1 failed", "")])


def test_the_queue_is_told_when_its_last_job_ends(qtbot, scene):
    studio, _, sender, notifier = scene
    studio.waiting = [job(JobState.PENDING)]
    studio.end(job())
    qtbot.waitUntil(lambda: not notifier._timer.isActive())
    assert not sender.sent
    studio.waiting = []
    studio.end(job())
    qtbot.waitUntil(lambda: sender.sent == [("2 jobs are done", "")])


def test_each_job_when_asked_for(qtbot, scene):
    studio, _, sender, _ = scene
    studio.settings.set("notify", "job")
    studio.waiting = [job(JobState.PENDING)]
    studio.end(job())
    qtbot.waitUntil(lambda: len(sender.sent) == 1)


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.PAUSED])
def test_what_a_person_stopped_is_not_told(scene, state):
    studio, _, sender, notifier = scene
    studio.end(job(state))
    assert not notifier._timer.isActive()
    assert not sender.sent


def test_never_is_never(scene):
    studio, _, _, notifier = scene
    studio.settings.set("notify", "never")
    studio.end(job())
    assert not notifier._timer.isActive()


def test_who_looks_on_is_not_told(qtbot, scene, monkeypatch):
    studio, _, sender, notifier = scene
    studio.end(job())
    monkeypatch.setattr(notifier, "_active", lambda: True)  # back before the message
    qtbot.waitUntil(lambda: not notifier._timer.isActive())
    studio.end(job())
    assert not sender.sent
    assert not notifier._ended


def test_an_answer_brings_the_window_up_and_says_which_job(qtbot, scene):
    studio, window, sender, notifier = scene
    asked = QSignalSpy(notifier.showWanted)
    ended = job()
    studio.end(ended)
    qtbot.waitUntil(lambda: bool(sender.sent))
    window.showMinimized()
    sender.clicked()
    assert not window.isMinimized()
    assert window.isVisible()
    assert asked.at(0)[0] is ended
    assert sender.closed >= 1


def test_a_closed_project_is_not_told_of(qtbot, scene):
    studio, _, sender, notifier = scene
    studio.end(job())
    studio.projectClosed.emit()
    assert not notifier._timer.isActive()
    assert not sender.sent


def test_nobody_to_show_it_is_no_trouble(qtbot, scene):
    studio, _, sender, _ = scene
    sender.works = False
    studio.end(job())
    qtbot.waitUntil(lambda: bool(sender.sent))


def test_messages_in_words():
    assert message([job(JobState.FAILED)]) == ("A job failed", "red sea\nIt failed; try again.")
    assert message([job(count=4)])[0] == "4 pictures are ready"
    assert message([job(kind="speech")])[0] == "The recording is ready"
    assert message([job(kind="text", prompt="x" * 300)])[1] == "x" * 79 + "…"
    assert message([job(JobState.FAILED), job(JobState.FAILED)]) == ("2 jobs failed", "")
    set_language("zh_CN")
    assert message([job()]) == ("图片已完成", "red sea")


def test_without_a_tray_nothing_is_sent(qtbot):
    assert TraySender(QIcon()).send("a", "b") is False


_DAEMON = """
import sys
from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtDBus import QDBusConnection, QDBusVirtualObject, QDBusMessage

class Daemon(QDBusVirtualObject):
    def introspect(self, path):
        return ""
    def handleMessage(self, message, connection):
        if message.member() == "Notify":
            print("NOTIFY", message.signature(), message.arguments()[1:5], flush=True)
            connection.send(message.createReply(7))
            answer = QDBusMessage.createSignal(message.path(), message.interface(), "ActionInvoked")
            answer.setArguments([7, "default"])
            QTimer.singleShot(50, lambda: print("SIGNAL", bus.send(answer), flush=True))
            return True
        if message.member() == "CloseNotification":
            print("CLOSE", message.signature(), message.arguments(), flush=True)
        return False

app = QCoreApplication(sys.argv)
bus = QDBusConnection.sessionBus()
daemon = Daemon()
assert bus.registerVirtualObject("/org/freedesktop/Notifications", daemon)
assert bus.registerService("org.freedesktop.Notifications")
print("READY", flush=True)
QTimer.singleShot(60_000, app.quit)
app.exec()
"""

_CLIENT = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
app = QGuiApplication(sys.argv)
from aigc_studio.ui.notify import DBusSender
sender = DBusSender()
sender.clicked = lambda: (print("CLICKED", flush=True), sender.close(), QTimer.singleShot(100, app.quit))
print("SENT", sender.send("Title 图", "a < b"), flush=True)
QTimer.singleShot(6_000, app.quit)
app.exec()
"""


@pytest.mark.skipif(shutil.which("dbus-run-session") is None, reason="no D-Bus here")
def test_the_desktops_service_gets_what_it_understands(tmp_path, checkout):
    """A daemon that prints what it is sent: the types must be susssasa{sv}i, or a real one refuses."""
    daemon, client = tmp_path / "daemon.py", tmp_path / "client.py"
    daemon.write_text(_DAEMON, encoding="utf-8")
    client.write_text(_CLIENT, encoding="utf-8")
    script = f'"{sys.executable}" "{daemon}" & D=$!; for i in $(seq 200); do grep -q READY "{tmp_path}/out" && break; '
    script += f'sleep 0.1; done; "{sys.executable}" "{client}"; kill $D'
    with open(tmp_path / "out", "w", encoding="utf-8") as out:
        subprocess.run(
            ["dbus-run-session", "--", "sh", "-c", script],
            stdout=out,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            timeout=90,
            check=False,
        )
    said = (tmp_path / "out").read_text(encoding="utf-8")
    assert "NOTIFY susssasa{sv}i [0, " in said
    assert "'Title 图', 'a &lt; b'" in said
    assert "SENT True" in said
    assert "CLICKED" in said
    assert "CLOSE u [7]" in said


def test_without_a_bus_the_next_sender_is_asked(qtbot, monkeypatch):
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus")
    bus, other = DBusSender(), FakeSender()
    desktop = notify._Desktop([bus, other])
    assert desktop.send("a", "b")
    qtbot.waitUntil(lambda: other.sent == [("a", "b")])
    assert desktop.send("c", "d")
    assert desktop.send("e", "f"), "the newest waits"
    qtbot.waitUntil(lambda: other.sent == [("a", "b"), ("c", "d"), ("e", "f")])
    bus.close()


def test_a_bus_that_talks_nonsense_is_left(qtbot, monkeypatch, tmp_path):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(tmp_path / "bus"))
    server.listen()

    def serve() -> None:
        connection, _ = server.accept()
        connection.recv(100)
        connection.sendall(b"OK 1234\r\n")
        connection.recv(100)
        connection.sendall(b"l\2\0\1" + b"\xff" * 60)
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
    sender, refused = DBusSender(), []
    sender.refused = lambda *message: refused.append(message)
    sender.send("a", "b")
    qtbot.waitUntil(lambda: refused == [("a", "b")])
    thread.join()
    server.close()

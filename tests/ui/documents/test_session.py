"""Saving by itself: in order, on a slow disk, on one that refuses, and through a kill of the whole process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer

from aigc_studio.core.documents import Document, DocumentStore, Segment
from aigc_studio.core.errors import StudioError
from aigc_studio.core.project import Project
from aigc_studio.ui.documents.session import DocumentSession, SaveState


class Page:
    """What stands on the screen."""

    def __init__(self, studio) -> None:
        self.text = ""
        self.session = DocumentSession(studio, "text", self.collect)

    def collect(self, document: Document) -> None:
        document.segments = [Segment(text=self.text)]

    def write(self, text: str) -> None:
        self.text = text
        self.session.touch()


@pytest.fixture
def page(studio) -> Page:
    return Page(studio)


def stored(studio, id: str) -> str:
    return studio.reader.document(id).text()


def shown(page: Page) -> str:
    assert page.session.document is not None
    return page.session.document.text()


def is_saved(page: Page) -> bool:
    return page.session.state is SaveState.SAVED


def test_saves_a_second_after_the_last_change(qtbot, page: Page, studio) -> None:
    page.session.create()
    qtbot.waitUntil(lambda: is_saved(page), timeout=5000)
    started = time.monotonic()
    page.write("one")
    assert page.session.state is SaveState.CHANGED
    qtbot.waitUntil(lambda: is_saved(page), timeout=5000)
    assert time.monotonic() - started >= 0.95
    assert stored(studio, page.session.id) == "one"


def test_saves_at_least_every_three_seconds_while_somebody_types(qtbot, page: Page, studio) -> None:
    page.session.create()
    typing = QTimer(interval=100)
    typing.timeout.connect(lambda: page.write(page.text + "x"))
    typing.start()
    qtbot.waitUntil(
        lambda: "xxxxxxxx" in stored(studio, page.session.id) if not page.session._saves else False, timeout=6000
    )
    typing.stop()


def test_a_document_opened_again_before_it_is_stored_is_the_newest(qtbot, page: Page, studio, monkeypatch) -> None:
    gate = threading.Event()
    page.session.create()
    first = page.session.id
    qtbot.waitUntil(lambda: is_saved(page), timeout=5000)
    studio.store(lambda _: gate.wait(10))
    page.write("newest")
    page.session.create()
    page.session.open(first)
    assert shown(page) == "newest"
    gate.set()
    qtbot.waitUntil(lambda: is_saved(page) and stored(studio, first) == "newest", timeout=5000)


def test_a_slow_disk_queues_no_old_texts(qtbot, page: Page, studio, monkeypatch) -> None:
    saves: list[str] = []
    save = DocumentStore.save

    def slow(self: DocumentStore, document: Document) -> Document:
        saves.append(document.text())
        threading.Event().wait(0.2)
        return save(self, document)

    monkeypatch.setattr(DocumentStore, "save", slow)
    page.session._quiet.setInterval(10)
    page.session._longest.setInterval(10)
    page.session.create()
    late: list[float] = []
    last = [time.perf_counter()]

    def beat() -> None:
        now = time.perf_counter()
        late.append(now - last[0] - 0.005)
        last[0] = now
        page.write(page.text + "x")

    heart = QTimer(interval=5)
    heart.timeout.connect(beat)
    heart.start()
    qtbot.waitUntil(lambda: len(saves) >= 5, timeout=10_000)
    heart.stop()
    assert len(saves) <= 6
    assert sorted(late)[int(0.9 * len(late))] < 0.05
    qtbot.waitUntil(lambda: is_saved(page) and stored(studio, page.session.id) == page.text, timeout=5000)


def test_a_text_the_disk_refuses_is_kept_and_tried_again(qtbot, page: Page, studio, monkeypatch) -> None:
    page.session.create()
    first = page.session.id
    qtbot.waitUntil(lambda: is_saved(page), timeout=5000)
    save = DocumentStore.save

    def refuse(self: DocumentStore, document: Document) -> Document:
        raise StudioError("The disk is full.", code="disk-full")

    page.session._retry.setInterval(50)
    monkeypatch.setattr(DocumentStore, "save", refuse)
    with qtbot.waitSignal(studio.problem, timeout=5000):
        page.write("precious")
        page.session.flush()
    assert page.session.state is SaveState.FAILED
    page.session.create()
    page.session.open(first)
    assert shown(page) == "precious"
    monkeypatch.setattr(DocumentStore, "save", save)
    qtbot.waitUntil(lambda: is_saved(page) and stored(studio, first) == "precious", timeout=5000)


def test_nothing_is_written_in_a_read_only_project(qtbot, tmp_path: Path) -> None:
    from aigc_studio.ui.studio import Studio

    project = Project.create(tmp_path / "locked", "L")
    document = project.documents.save(Document(segments=[Segment(text="fixed")]))
    studio = Studio()
    with qtbot.waitSignal(studio.projectOpened, timeout=10_000) as opened:
        studio.open_project(tmp_path / "locked")  # the other handle holds the lock
    assert opened.args[0].read_only
    page = Page(studio)
    page.session.open(document.id)
    page.write("changed")
    page.session.flush()
    page.session.create()
    assert page.session.id == document.id
    assert stored(studio, document.id) == "fixed"
    studio.shutdown()
    project.close()


WRITER = """
import sys
from pathlib import Path
import aigc_studio.ui
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from aigc_studio.core.documents import Segment
from aigc_studio.core.settings import Settings
from aigc_studio.ui.documents.session import SaveState
from aigc_studio.ui.panels.write import WritePanel
from aigc_studio.ui.studio import Studio

app = QApplication([])
studio = Studio(Settings(Path(sys.argv[1]) / "config"))
count = 0

def opened(_):
    global panel
    panel = WritePanel(studio)
    panel.show()
    panel.session._quiet.setInterval(20)
    panel.session.stateChanged.connect(told)
    panel.session.create(segments=[Segment(text="start")])
    typing.start()

def told(state):
    if state is SaveState.SAVED:
        print(panel.editor.toPlainText().count("word"), flush=True)  # what the window says is saved

def write():
    global count
    count += 1
    panel.editor.insertPlainText(f" word{count}")
    if count % 7 == 0:
        typing.setInterval(60)
    else:
        typing.setInterval(3)

typing = QTimer()
typing.timeout.connect(write)
studio.projectOpened.connect(opened)
studio.create_project(Path(sys.argv[1]) / "project", "P")
app.exec()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("saves", [1, 4, 9])
def test_what_the_window_called_saved_survives_a_kill(tmp_path: Path, checkout: Path, saves: int) -> None:
    """The process is killed at once after its n-th "Saved"; every word it counted is in the project."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=checkout,
        env=dict(os.environ),
    )
    assert child.stdout is not None
    limit = threading.Timer(60, child.kill)  # a line that never comes fails the test, it does not hold up the others
    limit.start()
    said = [int(child.stdout.readline()) for _ in range(saves)]
    limit.cancel()
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    project = Project.open(tmp_path / "project")
    (info,) = project.documents.all()
    text = project.documents.load(info.id).text()
    project.close()
    assert text.startswith("start")
    assert text.count("word") >= said[-1]
    assert text.split()[1:] == [f"word{n}" for n in range(1, text.count("word") + 1)]


def large(studio, qtbot, text: str) -> str:
    document = Document(segments=[Segment(text=text * 100_000)])
    stored_ids: list[str] = []
    studio.store(lambda project: project.documents.save(document), lambda made: stored_ids.append(made.id))
    qtbot.waitUntil(lambda: bool(stored_ids), timeout=5000)
    return document.id


def test_a_large_document_is_read_by_the_storage_thread(qtbot, page: Page, studio, monkeypatch) -> None:
    threads: list[threading.Thread] = []
    load = DocumentStore.load

    def watched(store: DocumentStore, id: str) -> Document:
        threads.append(threading.current_thread())
        return load(store, id)

    id = large(studio, qtbot, "word ")
    page.session.create()
    first = page.session.id
    monkeypatch.setattr(DocumentStore, "load", watched)
    monkeypatch.setattr(type(studio.reader), "document", lambda *_: pytest.fail("the window would wait for this"))
    then: list[str] = []
    page.session.open(id, lambda: then.append(page.session.id))
    assert (page.session.id, page.session.wanted) == (first, id)
    page.write("typed while the other one comes")
    qtbot.waitUntil(lambda: then == [id], timeout=5000)
    assert threads
    assert threading.main_thread() not in threads
    assert shown(page).startswith("word word")
    monkeypatch.undo()
    qtbot.waitUntil(lambda: stored(studio, first) == "typed while the other one comes", timeout=5000)


def test_what_was_asked_for_last_is_shown(qtbot, page: Page, studio) -> None:
    one, two = large(studio, qtbot, "one "), large(studio, qtbot, "two ")
    page.session.open(one)
    page.session.open(two)
    qtbot.waitUntil(lambda: page.session.id == two, timeout=5000)
    page.session.open(one)
    page.session.create()
    new = page.session.id
    qtbot.waitUntil(lambda: is_saved(page), timeout=5000)
    done: list[int] = []
    studio.store(lambda _: 0, done.append)
    qtbot.waitUntil(lambda: bool(done), timeout=5000)
    assert page.session.id == new

"""Do large documents make the window stall? `python -m tests.benchmarks.bench_documents [ROUNDS]`, on a quiet machine.

In a Write panel with a real project: what an autosave of 2,000 passages with five variants each costs the window's
thread (bound: 16 ms), and by how much a 5 ms timer is late while that document, and texts of a megabyte, are opened and
saved (bound: 50 ms).
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

import aigc_studio.ui  # noqa: F401  before PySide6
from aigc_studio.core.documents import Document, Segment, Variant
from aigc_studio.core.settings import Settings
from aigc_studio.ui.documents.session import SaveState
from aigc_studio.ui.panels.write import WritePanel
from aigc_studio.ui.studio import Studio

AUTOSAVE_MS, LATE_MS = 16.0, 50.0
TICK = 0.005
LINE = "海上生明月，天涯共此时。情人怨遥夜，竟夕起相思。"


def documents() -> dict[str, Document]:
    """The texts that are opened, by what they are."""
    takes = [Segment(text=f"{LINE}\n", variants=[Variant(text=f"{LINE}\n") for _ in range(5)]) for _ in range(2000)]
    return {
        "2,000 x 5 variants": Document(segments=takes),
        "1 MB, English": Document(segments=[Segment(text=("word " * 200 + "\n") * 1000)]),
        "1 MB, Chinese": Document(segments=[Segment(text=(LINE * 6 + "\n") * 2400)]),
        "1 MB, short lines": Document(segments=[Segment(text=f"{LINE}\n" * 14000)]),
        "small": Document(segments=[Segment(text=LINE)]),
    }


class Bench:
    """A Write panel on a new project, and a timer whose lateness is kept."""

    def __init__(self, app: QApplication) -> None:
        self.app, self.studio = app, Studio(Settings(Path(tempfile.mkdtemp(prefix="aigc-bench-"))))
        self.studio.create_project(Path(tempfile.mkdtemp(prefix="aigc-bench-")) / "project", "Bench")
        self.until(lambda: self.studio.info is not None)
        self.panel = WritePanel(self.studio)
        self.panel.resize(1300, 900)
        self.panel.show()
        self.worst, self._last = 0.0, time.perf_counter()
        self._timer = QTimer(interval=int(TICK * 1000), timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.worst = max(self.worst, now - self._last - TICK)
        self._last = now

    def until(self, done) -> None:  # noqa: ANN001  a condition
        """Let the window live until something is so."""
        while not done():
            self.app.processEvents()

    def live(self, seconds: float) -> None:
        """Let the window live for a while."""
        end = time.perf_counter() + seconds
        self.until(lambda: time.perf_counter() > end)

    def lateness(self, act, done) -> float:  # noqa: ANN001  an action, a condition
        """The timer's worst lateness in ms while something is done, and the second after it."""
        self.live(0.2)
        self.worst = 0.0
        act()
        self.until(done)
        self.live(1.0)
        return 1000 * self.worst

    def show(self, id: str) -> float:
        """Open a document: lateness in ms."""
        panel = self.panel
        return self.lateness(
            lambda: panel.session.open(id), lambda: panel.session.id == id and not panel.editor.passages.filling
        )

    def autosave(self) -> tuple[float, float]:
        """Change and save the open document: ms in the window's thread, and lateness in ms until it is stored."""
        self.panel.editor.insertPlainText("x")
        cost = 0.0

        def save() -> None:
            nonlocal cost
            began = time.perf_counter()
            self.panel.flush()
            cost = 1000 * (time.perf_counter() - began)

        late = self.lateness(save, lambda: self.panel.session.state is SaveState.SAVED)
        return cost, late


def main() -> int:
    """Measure and print; 1 when a bound is broken."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    bench = Bench(QApplication([]))
    given = documents()
    for document in given.values():
        stored: list[Document] = []
        bench.studio.store(lambda project, document=document: project.documents.save(document), stored.append)
        bench.until(lambda stored=stored: bool(stored))
    opening: dict[str, list[float]] = {name: [] for name in given}
    saving: dict[str, list[tuple[float, float]]] = {name: [] for name in given}
    bench.live(1.0)
    for _ in range(rounds):
        for name, document in given.items():
            opening[name].append(bench.show(document.id))
            saving[name].append(bench.autosave())
    broken = False
    for name in given:
        late = statistics.median(opening[name])
        cost = statistics.median(cost for cost, _ in saving[name])
        stall = statistics.median(late for _, late in saving[name])
        broken |= late > LATE_MS or cost > AUTOSAVE_MS or stall > LATE_MS
        print(f"{name:20} opening late {late:5.1f} ms   autosave {cost:5.1f} ms in the window, late {stall:5.1f} ms")
    bench.studio.shutdown()
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())

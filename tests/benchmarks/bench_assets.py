"""The assets panel over 100,000 assets: opening, first screen, scrolling, resizing, live insertion, search.

`python -m tests.benchmarks.bench_assets [--count N] [--project FOLDER]` prints one line a figure; nothing is asserted.
Times are what the window's thread spends, painting included: the viewport is repainted synchronously.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

import aigc_studio.ui  # noqa: F401  first: it makes PySide6 safe to import
from aigc_studio.core.settings import Settings
from aigc_studio.ui.panels.assets import AssetsPanel
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import Theme

from .big_project import make_big_project

_FRAMES = 300


def _line(what: str, seconds: float, bar: str) -> None:
    print(f"{what:44s} {seconds * 1000:8.1f} ms   (bar {bar})")


def _timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _wait(app: QApplication, done: Callable[[], bool], seconds: float = 30) -> float:
    start = time.perf_counter()
    while not done():
        if time.perf_counter() - start > seconds:
            raise TimeoutError("the panel did not get there")
        app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--project", type=Path, help="a project made by big_project, instead of a new one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIGC_STUDIO_HOME"] = f"{folder}/home"
        project = options.project or make_big_project(Path(folder) / "big", options.count)
        measure(project)


def measure(folder: Path) -> None:
    """Open the project in a Studio and a panel, and use the panel as a person would."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    Theme(app, "light")
    studio = Studio(Settings())
    start = time.perf_counter()
    studio.open_project(folder)
    _wait(app, lambda: studio.info is not None)
    _line("open the project", time.perf_counter() - start, "1000")
    panel: list[AssetsPanel] = []

    def show() -> None:
        panel.append(AssetsPanel(studio))
        panel[0].resize(1280, 800)
        panel[0].show()
        panel[0]._grid.viewport().repaint()

    _line("first screen of the panel", _timed(show), "300")
    grid, model = panel[0]._grid, panel[0]._model
    thumbs = _wait(
        app, lambda: all(grid._loader.pixmap(a.id) for row in grid.visible_rows() if (a := model.asset(row)))
    )
    _line("all thumbnails of the first screen", thumbs, "-")
    frames, bar = [], grid.verticalScrollBar()
    for frame in range(_FRAMES):
        # Half of it a steady pull through some hundred rows, half of it a drag of the scroll bar through all of them.
        place = frame * 60 if frame < _FRAMES // 2 else bar.maximum() * (frame - _FRAMES // 2) // (_FRAMES // 2)

        def draw(place: int = place) -> None:
            bar.setValue(place)
            grid.viewport().repaint()
            app.processEvents()

        frames.append(_timed(draw))
    frames.sort()
    _line("scrolling, median frame", statistics.median(frames), "16")
    _line("scrolling, p95 frame", frames[int(len(frames) * 0.95)], "16")
    _line("scrolling, slowest frame", frames[-1], "50")

    def resize(width: int) -> None:
        panel[0].resize(width, 760)
        app.processEvents()
        grid.viewport().repaint()

    _line("resizing, slowest of 20", max(_timed(partial(resize, 900 + 40 * step)) for step in range(20)), "50")
    before = model.rowCount()
    from PIL import Image

    studio.store(lambda project: project.store_image(Image.new("RGB", (64, 64)), title="fresh"))
    stalls = []
    while model.rowCount() == before:
        stalls.append(_timed(app.processEvents))
    stalls.append(_timed(app.processEvents))
    _line("live insertion, longest stall", max(stalls), "50")
    for words in ("霓虹", "marble", "neon 海浪", "zzz"):
        panel[0]._search.setText(words)
        _line(f"search {words!r}, shown", _timed(lambda: (panel[0]._ask(), grid.viewport().repaint())), "50")
    panel[0]._loader.wait()
    grid.forget()
    panel[0].hide()
    studio.shutdown()


if __name__ == "__main__":
    main()

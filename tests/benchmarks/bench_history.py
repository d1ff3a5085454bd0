"""The History panel over 100,000 generations: first screen, scrolling, search, live insertion, and its queries.

`python -m tests.benchmarks.bench_history [--count N] [--project FOLDER]` prints one line a figure; nothing is asserted.
Times are what the window's thread spends, painting included: the viewport is repainted synchronously.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

import aigc_studio.ui  # noqa: F401  first: it makes PySide6 safe to import
from aigc_studio.core.generations import GenerationQuery
from aigc_studio.core.jobs import new_job_id
from aigc_studio.core.settings import Settings
from aigc_studio.ui.panels.history import HistoryPanel
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import Theme
from tests.core.project_kit import result

from .bench_assets import _line, _timed, _wait
from .big_project import make_big_project

_FRAMES = 300


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--project", type=Path, help="a project made by big_project, instead of a new one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIGC_STUDIO_HOME"] = f"{folder}/home"
        measure(options.project or make_big_project(Path(folder) / "big", options.count))


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
    panels: list[HistoryPanel] = []

    def show() -> None:
        panels.append(HistoryPanel(studio))
        panels[0].resize(1280, 800)
        panels[0].show()
        panels[0]._list.viewport().repaint()

    _line("first screen of the panel", _timed(show), "300")
    panel = panels[0]
    timeline, model = panel._list, panel._model
    _wait(app, lambda: not panel._loader._running and not panel._loader._wanted)
    frames, bar = [], timeline.verticalScrollBar()
    for frame in range(_FRAMES):
        place = frame * 60 if frame < _FRAMES // 2 else bar.maximum() * (frame - _FRAMES // 2) // (_FRAMES // 2)

        def draw(place: int = place) -> None:
            bar.setValue(place)
            timeline.viewport().repaint()
            app.processEvents()

        frames.append(_timed(draw))
    for name, half in (("a steady pull", frames[: _FRAMES // 2]), ("a drag through all", frames[_FRAMES // 2 :])):
        half.sort()
        _line(f"scrolling, {name}, median frame", statistics.median(half), "16")
        _line(f"scrolling, {name}, p95 frame", half[int(len(half) * 0.95)], "16")
    _line("scrolling, slowest frame", max(frames), "50")
    chosen = model.rowCount() // 2
    step = [_timed(lambda row=row: (timeline.setCurrentIndex(model.index(row, 0)), timeline.viewport().repaint()))
            for row in range(chosen, chosen + 20)]  # fmt: skip
    _line("another row chosen, median", statistics.median(step), "16")
    for words in ("霓虹", "marble", "neon 海浪", "zzz"):
        panel.filters.search.setText(words)
        _line(f"search {words!r}, shown", _timed(lambda: (panel._ask(), timeline.viewport().repaint())), "50")
    panel.filters.clear()
    before, job = model.rowCount(), new_job_id()
    path = result(folder, job, 0)
    studio.store(lambda project: project.commit_output(job, 0, path))
    stalls = []
    while model.rowCount() == before:
        stalls.append(_timed(app.processEvents))
    stalls.append(_timed(app.processEvents))
    _line("live insertion, longest stall", max(stalls), "50")
    reader = studio.reader
    assert reader is not None
    count = reader.count_generations(GenerationQuery())
    _line("query: count", _timed(lambda: reader.count_generations(GenerationQuery())), "16")
    _line("query: last page", _timed(lambda: reader.generations(GenerationQuery(), count - 60)), "16")
    _line("query: models used", _timed(reader.models_used), "16")
    panel._loader.wait()
    timeline.forget()
    panel.hide()
    studio.shutdown()


if __name__ == "__main__":
    main()

"""Does the window stall? `python -m tests.benchmarks.bench_lateness [RUNS]`, on a quiet machine.

In a real window a 5 ms timer runs while a child process imports torch, loads the starter writer and writes with it,
and another one paints. Reported is by how much the timer is late; then again with every database commit slowed to
200 ms. The bound: p99 <= 16 ms and the worst <= 50 ms, in nine of ten runs. First, for comparison, the same window with
nothing to do: what is late there is the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

P99_MS, WORST_MS = 16.0, 50.0
TICK = 0.005
SLOW_SECONDS = 0.2


def one_run(kind: str) -> dict[str, float]:
    """Open the window, do the work, return the figures of the timer."""
    from PySide6.QtCore import Qt, QTimer
    from PySide6.QtWidgets import QApplication

    from aigc_studio.core.jobs import Job, JobState
    from aigc_studio.core.requests import Request
    from aigc_studio.core.settings import Settings
    from aigc_studio.core.store.database import Connection
    from aigc_studio.ui.main_window import MainWindow
    from aigc_studio.ui.studio import Studio
    from aigc_studio.ui.theme import Theme

    commits = 0

    class SlowConnection(Connection):
        """A disk that takes 200 ms for every commit."""

        def execute(self, sql: str, *values: object) -> object:  # type: ignore[override]
            nonlocal commits
            if sql.strip().upper() == "COMMIT":
                commits += 1
                time.sleep(SLOW_SECONDS if kind == "slow" else 0.0)
            return super().execute(sql, *values)  # type: ignore[arg-type]

    import aigc_studio.core.store.database as database

    database.Connection = SlowConnection  # type: ignore[misc]

    app = QApplication([])
    folder = Path(tempfile.mkdtemp(prefix="aigc-bench-"))
    settings = Settings(folder / "settings")
    studio = Studio(settings)
    window = MainWindow(studio, settings, Theme(app, "light"))
    window.resize(1280, 800)
    window.show()

    times: list[float] = []
    pieces = pictures = 0
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(round(TICK * 1000))
    timer.timeout.connect(lambda: times.append(time.perf_counter()))
    left: set[str] = set()
    failed: list[str] = []

    def begin() -> None:
        timer.start()
        if kind == "idle":
            QTimer.singleShot(8000, app.quit)
            return
        writing = {"max_tokens": 120}
        left.add(studio.submit(Request("text", "continue", "causal-lm", "starter-writer", "春", writing, 1, 4)))
        left.add(studio.submit(Request("image", "generate", "painter", "", "blue", {"size": (512, 512)}, 1, 12)))

    def ended(id: str, job: Job) -> None:
        left.discard(id)
        if job.state is not JobState.DONE:
            failed.append(f"{job.state} {job.error}")
        if not left:
            timer.stop()
            app.quit()

    def piece() -> None:
        nonlocal pieces
        pieces += 1

    def picture() -> None:
        nonlocal pictures
        pictures += 1

    studio.jobPartial.connect(piece)
    studio.jobOutput.connect(picture)
    studio.jobFinished.connect(ended)
    studio.projectOpened.connect(lambda _info: window.show_panel("queue"))
    studio.projectOpened.connect(lambda _info: QTimer.singleShot(3000, begin))
    studio.create_project(folder / "project")
    QTimer.singleShot(120_000, app.quit)
    app.exec()
    window.hide()
    studio.shutdown()
    late = (np.diff(times) - TICK) * 1000
    assert not failed, failed
    assert kind == "idle" or (pieces > 5 and pictures == 16)
    return {
        "seconds": times[-1] - times[0],
        "ticks": len(times),
        "p50": float(np.percentile(late, 50)),
        "p99": float(np.percentile(late, 99)),
        "max": float(late.max()),
        "commits": commits,
        "torch": float("torch" in sys.modules),
    }


def main() -> int:
    """Runs in processes of their own; 1 when fewer than nine of ten keep the bound."""
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="?", type=int, default=10)
    parser.add_argument("--once", choices=("idle", "quick", "slow"))
    options = parser.parse_args()
    if options.once:
        print(json.dumps(one_run(options.once)))
        return 0
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    good = True
    for kind in ("idle", "quick", "slow"):
        kept = 0
        for number in range(options.runs):
            command = [sys.executable, "-m", "tests.benchmarks.bench_lateness", "--once", kind]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:
                print(f"{kind:>5} {number + 1:2}: ended with {done.returncode}\n{done.stderr[-4000:]}", flush=True)
                continue
            figures = json.loads(done.stdout.splitlines()[-1])
            ok = figures["p99"] <= P99_MS and figures["max"] <= WORST_MS
            kept += ok
            print(
                f"{kind:>5} {number + 1:2}: p50 {figures['p50']:5.1f}  p99 {figures['p99']:5.1f}  "
                f"max {figures['max']:6.1f} ms  ({figures['seconds']:.1f} s, {figures['commits']:.0f} commits)"
                f"  {'ok' if ok else 'MISSED'}",
                flush=True,
            )
        good &= kind == "idle" or kept >= 0.9 * options.runs
        print(f"{kind:>5}: {kept} of {options.runs} within p99 {P99_MS:g} ms and max {WORST_MS:g} ms", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

"""Does the Train panel stall? `python -m tests.benchmarks.bench_train_panel [scan|log|learn ...]`, on a quiet machine.

In a real window a 5 ms timer runs while a folder of 2,000 pictures is looked at (scan), a log of 100 MB with a thousand
samples is read and drawn (log), or a VAE learns in its child process and is watched (learn). Reported is by how much
the timer is late; the bound of the house is 50 ms for the worst. First the same window with nothing to do.
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

from aigc_studio.core.runs import RunFolder
from tests.training.pictures import draw
from tests.ui.training.kit import begin_run, finish_run

KINDS = ("idle", "scan", "log", "learn")
TICK = 0.005
PICTURES, LOG_BYTES, SAMPLES, SECONDS = 2000, 100 << 20, 1000, 20


def pictures(folder: Path, count: int, side: int) -> Path:
    """Drawings as JPEG files."""
    folder.mkdir()
    for number in range(count):
        draw(number, side)[0].save(folder / f"{number:05}.jpg", quality=90)
    return folder


def long_log(run: RunFolder) -> int:
    """Fill the log; its last step."""
    step = 0
    with open(run.path / "log.jsonl", "wb") as file:
        while file.tell() < LOG_BYTES:
            lines = []
            for _ in range(500):
                step += 1
                values = dict.fromkeys(("loss", "error", "divergence", "rate"), 1 / step)
                values |= {"images_per_second": 80.0, "memory_mb": 600}
                lines.append(json.dumps({"step": step, "seconds": 0.5 * step, "values": values}))
            if step // 500 <= SAMPLES:
                path = run.sample_path(step)
                draw(step, 128)[0].save(path)
                lines.append(json.dumps({"step": step, "event": "sample", "file": f"samples/{path.name}"}))
            file.write(("\n".join(lines) + "\n").encode())
    run.update(state={"name": "running", "step": step, "steps": step, "seconds": 0.5 * step, "unit": "images"})
    return step


def one_run(kind: str) -> dict[str, float]:
    """Open the window, do the work, return the figures of the timer."""
    from PySide6.QtCore import Qt, QTimer
    from PySide6.QtWidgets import QApplication

    from aigc_studio.core.project import Project
    from aigc_studio.core.requests import Request
    from aigc_studio.core.settings import Settings
    from aigc_studio.ui.dropping.payload import Payload
    from aigc_studio.ui.main_window import MainWindow
    from aigc_studio.ui.panels.train import TrainPanel
    from aigc_studio.ui.studio import Studio
    from aigc_studio.ui.theme import Theme

    app = QApplication([])
    folder = Path(tempfile.mkdtemp(prefix="aigc-bench-"))
    settings = Settings(folder / "settings")
    studio = Studio(settings)
    window = MainWindow(studio, settings, Theme(app, "light"))
    window.resize(1280, 800)
    window.show()
    data = pictures(folder / "data", PICTURES if kind == "scan" else 64, 512 if kind == "scan" else 64)
    times: list[float] = []
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(round(TICK * 1000))
    timer.timeout.connect(lambda: times.append(time.perf_counter()))
    asking = QTimer()
    asking.setInterval(100)
    panels: list[TrainPanel] = []

    ended, learned = kind in ("idle", "learn"), 0

    def there() -> bool:
        panel = panels[0]
        if kind == "scan":
            return any(report.report is not None for report in panel.stage.reports.values())
        readers = panel.view.readers
        return kind == "log" and bool(readers) and readers[0].complete

    def leave() -> None:
        timer.stop()  # closing the project, with its great collection, is not what is measured
        app.quit()

    def ask() -> None:
        nonlocal ended, learned
        if kind == "learn" and (readers := panels[0].view.readers):
            learned = readers[0].record.last
        if there():
            ended = True
            asking.stop()
            QTimer.singleShot(1000, leave)  # what is drawn last counts, too

    def begin() -> None:
        panel = window.show_panel("train")
        assert isinstance(panel, TrainPanel)
        panels.append(panel)
        QTimer.singleShot(1000, work)  # that it is built when it is first shown is another matter

    def work() -> None:
        panel = panels[0]
        timer.start()
        asking.timeout.connect(ask)
        asking.start()
        if kind == "scan":
            panel.take_drop(Payload(paths=(data,)))
        elif kind == "log":
            panel.show_run("0123abcd")
        elif kind == "learn":
            params = {"data": str(data), "size": "32", "steps": 100_000, "sample_every": 20}
            panel.show_run(studio.submit(Request("training", "train", "train-vae", params=params, seed=1)))
        if kind in ("idle", "learn"):
            QTimer.singleShot(SECONDS * 1000, leave)

    def opened(_info: object) -> None:
        QTimer.singleShot(3000, begin)  # the window shows its last panel when a project is open

    project = folder / "project"
    studio.projectOpened.connect(opened)
    if kind == "log":
        Project.create(project).close()
        run = begin_run(project / "training" / "0123abcd", recipe="train-vae")
        long_log(run)
        finish_run(run, folder / "model")
        studio.open_project(project)
    else:
        studio.create_project(project)
    QTimer.singleShot(120_000, app.quit)
    app.exec()
    timer.stop()
    window.hide()
    studio.shutdown()
    late = (np.diff(times) - TICK) * 1000
    assert ended, "it did not end"
    return {
        "seconds": times[-1] - times[0],
        "p50": float(np.percentile(late, 50)),
        "p99": float(np.percentile(late, 99)),
        "max": float(late.max()),
        "over": int((late > 50).sum()),
        "steps": learned,
    }


def main() -> int:
    """Each kind in a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], default=[])
    parser.add_argument("--once", choices=KINDS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(one_run(options.once)))
        return 0
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    for kind in options.kinds or KINDS:
        command = [sys.executable, "-m", "tests.benchmarks.bench_train_panel", "--once", kind]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            print(f"{kind:>5}: ended with {done.returncode}\n{done.stderr[-4000:]}", flush=True)
            continue
        said = json.loads(done.stdout.splitlines()[-1])
        learned = f", step {said['steps']}" if said["steps"] else ""
        print(
            f"{kind:>5}: p50 {said['p50']:5.1f}  p99 {said['p99']:5.1f}  max {said['max']:6.1f} ms, "
            f"{said['over']} over 50 ms  ({said['seconds']:.1f} s{learned})",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

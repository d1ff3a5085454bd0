"""How long from a click on Cancel to an idle lane: `python -m tests.benchmarks.bench_cancel [RUNS]`.

Through Studio, storage, worker, pipe and child: the painter in the middle of a large picture, the writer in the middle
of a text, torch in the middle of a step that never asks, and a child that does not listen at all (killed after 2 s).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QCoreApplication, QTimer

from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request
from aigc_studio.ui.studio import Studio

FAMILIES = "aigc_studio.engines.fake aigc_studio.engines.image.painter aigc_studio.engines.text.causal_lm"


class Case:
    """One kind of job, cancelled 300 ms after it is seen to work. sign: "progress", "partial" or a file."""

    def __init__(self, app: QCoreApplication, studio: Studio, request: Request, sign: str | Path) -> None:
        self.app, self.studio, self.request, self.sign = app, studio, request, sign
        self.id = ""
        self.seen = False
        self.asked = self.waited = 0.0
        studio.jobProgress.connect(lambda id, _: self.sees("progress", id))
        studio.jobPartial.connect(lambda id, *_: self.sees("partial", id))
        studio.jobFinished.connect(self.ended)

    def run(self) -> float:
        """Milliseconds from the cancel to the end."""
        self.seen = False
        if isinstance(self.sign, Path):
            self.sign.unlink(missing_ok=True)
        self.id = self.studio.submit(self.request)
        self.watch()
        self.app.exec()
        return self.waited * 1000

    def watch(self) -> None:
        """Look for the file that says the work has begun."""
        if isinstance(self.sign, Path):
            if self.sign.exists():
                self.sees(self.sign, self.id)
            else:
                QTimer.singleShot(20, self.watch)

    def sees(self, sign: str | Path, id: str) -> None:
        """The first sign of work."""
        if sign == self.sign and id == self.id and not self.seen:
            self.seen = True
            QTimer.singleShot(300, self.cancel)

    def cancel(self) -> None:
        """The click."""
        self.asked = time.perf_counter()
        self.studio.cancel(self.id)

    def ended(self, id: str, job: Job) -> None:
        """The lane is idle."""
        if id == self.id:
            self.waited = time.perf_counter() - self.asked
            assert job.state is JobState.CANCELLED, f"{job.state} {job.error}"
            self.app.quit()


def main() -> int:
    """Print median and worst of each case; 1 where a bound is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="?", type=int, default=10)
    runs = parser.parse_args().runs
    os.environ["AIGC_STUDIO_FAMILIES"] = FAMILIES
    folder = Path(tempfile.mkdtemp(prefix="aigc-bench-"))
    mark = folder / "mark"
    painting = Request("image", "generate", "painter", "", "blue", {"size": (4096, 4096)})
    writing = Request("text", "continue", "causal-lm", "starter-writer", "春", {"max_tokens": 4000}, count=20)
    working = Request("image", "generate", "fake", params={"script": f"torch forward:{mark}"})
    hanging = Request("image", "generate", "fake", params={"script": "step hang"})
    app = QCoreApplication([])
    studio = Studio()
    studio.projectOpened.connect(app.quit)
    studio.create_project(folder / "project")
    app.exec()
    good = True
    for name, request, sign, times, bound in (
        ("painter 4096 x 4096", painting, "progress", runs, 250.0),
        ("writer", writing, "partial", runs, 100.0),
        ("torch that never asks", working, mark, runs, 100.0),
        ("a child that hangs", hanging, "progress", 3, 2500.0),
    ):
        case = Case(app, studio, request, sign)
        waits = [case.run() for _ in range(times)]
        ok = max(waits) <= bound
        good &= ok
        print(
            f"{name:<24} median {np.median(waits):7.1f}  worst {max(waits):7.1f} ms  "
            f"(bound {bound:g})  {'ok' if ok else 'MISSED'}",
            flush=True,
        )
    studio.shutdown()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

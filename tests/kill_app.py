"""The whole studio without a window, for `test_kill.py`: opens a project, works on its queue, tells what it shows.

Each line on stdout is something the person at the screen has seen: `opened`, `queued JOB`, `shown JOB INDEX ASSET`,
`ended JOB STATE`, `idle`. With `fill` it keeps the queue filled; with `drain` it ends when the queue is empty.

`kill_app.py nest` starts many of them: importing the program takes longer than most of their lives.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QTimer

import aigc_studio.ui  # noqa: F401  the guard of None comes before PySide6
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request, new_seed
from aigc_studio.ui.studio import Studio

COUNT = 4
WAITING = 6


def tell(*words: object) -> None:
    """One line, at once."""
    print(*words, flush=True)


class App:
    """Keeps the queue of one project busy."""

    def __init__(self, folder: Path, fill: bool) -> None:
        self.fill = fill
        self.studio = Studio()
        self.told: set[str] = set()
        self.studio.projectOpened.connect(self.opened)
        self.studio.problem.connect(lambda error: tell("problem", error.code, error.detail))
        self.studio.jobOutput.connect(lambda job, index, asset: tell("shown", job, index, asset.id))
        self.studio.jobFinished.connect(self.ended)
        self.studio.jobsChanged.connect(self.check)
        self.studio.open_project(folder)

    def opened(self) -> None:
        """Ask for more and go on with what was interrupted."""
        tell("opened")
        if self.fill:
            for number in range(WAITING):
                self.submit(number)
        self.studio.store(lambda project: project.queue.list(), self.resume)

    def submit(self, number: int) -> None:
        """A small picture in several variants."""
        words = ("blue calm waves", "红色 条纹", "wild neon", "marble")[number % 4]
        params = {"size": (48, 32)}
        self.studio.submit(Request("image", "generate", "painter", "", words, params, new_seed(), COUNT))

    def resume(self, jobs: list[Job]) -> None:
        """What a person does with the jobs that came back paused."""
        for job in jobs:
            if job.state is JobState.PAUSED:
                self.studio.resume(job.id)

    def ended(self, id: str, job: Job) -> None:
        """Tell, and keep the queue filled."""
        tell("ended", id, job.state, job.error.detail if job.error else "")
        if self.fill:
            self.submit(hash(id))

    def check(self) -> None:
        """Tell jobs whose row is in the database, and when nothing is left to do."""
        jobs = self.studio._jobs
        for job in jobs:
            if job.id not in self.told:
                self.told.add(job.id)
                tell("queued", job.id)
        if not self.fill and jobs and all(job.state.ended for job in self.studio.jobs()):
            tell("idle")
            QTimer.singleShot(0, QCoreApplication.quit)


def live(folder: Path, mode: str) -> None:
    """One life, in this process."""
    application = QCoreApplication([])
    app = App(folder, mode == "fill")
    application.exec()
    app.studio.shutdown()


def nest() -> None:
    """For each line [folder, mode, pipe] (JSON) on stdin one life in a process group of its own, a fork of this process
    that tells what it shows to the named pipe; its process id is told here."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are taken away at once
    for line in sys.stdin:
        folder, mode, pipe = json.loads(line)
        pid = os.fork()
        if not pid:
            os.setsid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(os.open(pipe, os.O_WRONLY), sys.stdout.fileno())
            live(Path(folder), mode)
            os._exit(0)
        tell(pid)


def main() -> None:
    """`kill_app.py FOLDER fill|drain` or `kill_app.py nest`."""
    if sys.argv[1:] == ["nest"]:
        nest()
    else:
        live(Path(sys.argv[1]), sys.argv[2])


if __name__ == "__main__":
    main()

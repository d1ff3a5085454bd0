"""The promise of the studio: whatever is killed, whenever, nothing that was shown as finished is lost or there twice.

The app is the real one without its window: Studio, storage thread, lane and child process, in a process group of its
own that is ended by SIGKILL at a random instant, child included. Those that are to be ended while they start are
started from nothing, the others as forks of a process that has imported the program already.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import psutil
import pytest
from PIL import Image

from aigc_studio.core.jobs import JobState
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.project import Project
from aigc_studio.core.recipe import asset_id_for
from aigc_studio.engines.engine import CancelToken
from aigc_studio.engines.interpreter import child_environment
from aigc_studio.engines.local import LocalEngine
from aigc_studio.engines.runner import run_job

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups")

APP = Path(__file__).with_name("kill_app.py")
KILLS = 50
PROJECTS = 2


class Seen:
    """What the person at the screen has seen over all lives of the app."""

    def __init__(self) -> None:
        self.queued: set[str] = set()
        self.shown: dict[tuple[str, int], str] = {}
        self.ended: dict[str, str] = {}
        self.problems: list[str] = []

    def line(self, text: str) -> None:
        """Take one line of the app; the last one may be cut."""
        word, *rest = text.split()
        if word == "queued" and len(rest) == 1 and len(rest[0]) == 32:
            self.queued.add(rest[0])
        elif word == "shown" and len(rest) == 3 and len(rest[2]) == 32:
            key = (rest[0], int(rest[1]))
            assert key not in self.shown, f"{key} was made twice"
            self.shown[key] = rest[2]
        elif word == "ended" and len(rest) >= 2:
            self.ended[rest[0]] = rest[1]
        elif word == "problem":
            self.problems.append(text)


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", str(APP), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=child_environment(),
    )


@contextlib.contextmanager
def fresh(folder: Path) -> Iterator[tuple[int, IO[str]]]:
    """The process id of an app that is just started, and what it tells. It must be killed within the `with`."""
    with start(str(folder), "fill") as app:
        assert app.stdout is not None
        yield app.pid, app.stdout


class Nest:
    """The process whose forks are apps that need not import the program first."""

    def __init__(self, folder: Path) -> None:
        self._pipe = folder.with_suffix(".pipe")
        os.mkfifo(self._pipe)
        self._process = start("nest")

    @contextlib.contextmanager
    def app(self, folder: Path) -> Iterator[tuple[int, IO[str]]]:
        """As `fresh`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([str(folder), "fill", str(self._pipe)]), file=self._process.stdin, flush=True)
        app = psutil.Process(int(self._process.stdout.readline()))
        with open(self._pipe, encoding="utf-8") as told:
            yield app.pid, told
        app.wait(30)

    def close(self) -> None:
        self._process.communicate(timeout=30)


def live_and_die(folder: Path, nest: Nest, seen: Seen, dice: random.Random | None) -> None:
    """One life of the app, ended at a random instant: mostly while it paints, sometimes while it starts or opens.

    Without dice it ends as soon as a first picture is shown.
    """
    moment, wait = "shown", 0.0
    if dice is not None:
        moment = dice.choices(["", "opened", "shown"], [1, 1, 5])[0]
        wait = dice.uniform(0.1, 0.6) if not moment else dice.uniform(0.0, 0.3)
    reached = threading.Event()
    lines: list[str] = []
    with nest.app(folder) if moment else fresh(folder) as (pid, told):

        def listen() -> None:
            for line in told:
                lines.append(line)
                if moment and line.startswith(moment):
                    reached.set()

        listener = threading.Thread(target=listen)
        listener.start()
        if moment:
            assert reached.wait(30), f"{moment} did not come"
        threading.Event().wait(wait)
        os.killpg(pid, signal.SIGKILL)
        listener.join()
    for line in lines:
        if line.endswith("\n"):
            seen.line(line)


def check(folder: Path, seen: Seen) -> None:
    """Open the project as the next start will, and look for every promise."""
    project = Project.open(folder)
    try:
        assert not project.read_only
        jobs = {job.id: job for job in project.queue.list()}
        assert seen.queued <= set(jobs), "a queued job is lost"
        assert not [job for job in jobs.values() if job.state is JobState.RUNNING]
        for (job, index), asset_id in seen.shown.items():
            assert asset_id == asset_id_for(job, index)
            asset = project.asset(asset_id)
            assert asset is not None, "a finished asset is lost"
            assert index in jobs[job].done
        for id, state in seen.ended.items():
            if state == "done":
                assert jobs[id].state is JobState.DONE
        stored = {(job.id, index) for job in jobs.values() for index in job.done}
        files = sorted((folder / "assets").glob("*.png"))
        ids = Counter()
        for path in files:
            recipe = read_recipe(path)
            assert recipe is not None, f"{path.name} is not whole"
            ids[recipe["asset_id"]] += 1
            assert (recipe["job_id"], recipe["index"]) in stored
        assert set(ids.values()) <= {1}, "an asset is there twice"
        assert len(files) == len(stored)
        assert not list((folder / "incoming").iterdir())
    finally:
        project.close()


def many_lives(folder: Path, kills: int, seed: int) -> Seen:
    dice = random.Random(seed)
    seen = Seen()
    with contextlib.closing(Nest(folder)) as nest:
        for _ in range(kills):
            live_and_die(folder, nest, seen, dice)
            check(folder, seen)
        while not _half_done(folder):  # there must be something to go on with
            live_and_die(folder, nest, seen, None)
            check(folder, seen)
    return seen


def _half_done(folder: Path) -> bool:
    project = Project.open(folder)
    found = any(job.done for job in project.queue.list() if job.state.waiting)
    project.close()
    return found


@pytest.mark.timeout(240)
@pytest.mark.allow_log("ERROR")
def test_fifty_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Then the queue is let run to its end, and every picture equals one that was never interrupted."""
    folders = [tmp_path / f"project-{number}" for number in range(PROJECTS)]
    for folder in folders:
        Project.create(folder).close()
    with ThreadPoolExecutor(PROJECTS) as pool:
        lives = list(pool.map(many_lives, folders, [KILLS // PROJECTS] * PROJECTS, range(PROJECTS)))
    for folder, seen in zip(folders, lives, strict=True):
        assert not seen.problems
        assert len(seen.shown) > 20, "nothing was at stake"
        project = Project.open(folder)
        waiting = [job for job in project.queue.list() if job.state.waiting]
        kept = sorted(waiting, key=lambda job: (-len(job.done), job.position))[:3]
        assert kept[0].done
        for job in waiting:
            if job not in kept:
                project.queue.cancel(job.id)
        project.close()
        with start(str(folder), "drain") as app:
            output, _ = app.communicate(timeout=60)
        assert "idle" in output
        check(folder, seen)
        _same_as_uninterrupted(folder, [job.id for job in kept], tmp_path)


def _same_as_uninterrupted(folder: Path, ids: list[str], tmp_path: Path) -> None:
    project = Project.open(folder)
    other = Project.create(tmp_path / f"plain-{folder.name}")
    engine = LocalEngine()
    for id in ids:
        job = project.queue.get(id)
        assert job is not None
        assert (job.state, len(job.done)) == (JobState.DONE, job.request.count)
        other.queue.add(job.request, id)
        claimed = other.queue.claim("picture")
        assert claimed is not None
        assert run_job(other, claimed, engine, token=CancelToken()).state is JobState.DONE
        for index in range(job.request.count):
            one, two = (each.asset(asset_id_for(id, index)) for each in (project, other))
            assert one is not None
            assert two is not None
            with Image.open(project.path(one)) as a, Image.open(other.path(two)) as b:
                assert a.tobytes() == b.tobytes()
    project.close()
    other.close()

"""Ending the process, or filling the disk, at every single step of a change: nothing finished is lost, nothing doubled.

The steps are found and not listed: every call of the operating system that changes a file, and every SQL statement, is
counted while a change runs. A child process then makes the same change once for each step and ends there.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.documents import Segment, Variant
from aigc_studio.core.errors import StudioError
from aigc_studio.core.project import AssetQuery, Project
from aigc_studio.core.store.database import Connection
from tests.core.project_kit import PICTURE, check_whole, holdings, picture, result

_CALLS = ("replace", "fsync", "unlink", "open", "mkdir")
_EVERYTHING = ("image", "audio", "text", "mask", "other")
JOB = "0b" * 16


@contextmanager
def _steps(project: Project, at_step: Callable[[int, str], None]) -> Iterator[None]:
    """Call `at_step(number, name)` before each step: a file operation, a write, or an SQL statement."""
    count = 0

    def step(name: str) -> None:
        nonlocal count
        count += 1
        at_step(count, name)

    real = {name: getattr(os, name) for name in _CALLS}

    def wrapped(name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            step(name)
            return real[name](*args, **named)

        return call

    for name in _CALLS:
        setattr(os, name, wrapped(name))
    project._connection.set_trace_callback(lambda statement: step(statement[:40]))
    try:
        yield
    finally:
        for name in _CALLS:
            setattr(os, name, real[name])
        with suppress(sqlite3.ProgrammingError):  # the change was to close it
            project._connection.set_trace_callback(None)


def _prepare(folder: Path) -> None:
    """A project in which every change below can be made."""
    project = Project.create(folder, "Spring")
    job = project.queue.add(PICTURE, id=JOB)
    project.commit_output(job.id, 0, result(folder, job.id, 0))
    old = project.store_image(picture(), title="Old")
    project.trash([project.store_image(picture(), title="In the trash").id])
    board = project.create_board("Board")
    project.add_to_board(board.id, [old.id])
    document = project.documents.create("text", "Slogans")
    document.segments = [Segment(text="before", variants=[Variant(text="before")])]
    project.documents.save(document)
    project.close()
    result(folder, JOB, 1)
    (folder.parent / "photo.txt").write_text("the words of the photo")


def _commit(project: Project) -> None:
    project.commit_output(JOB, 1, project.folder / "incoming" / f"{JOB}-1.png")


def _import(project: Project) -> None:
    project.import_file(project.folder.parent / "photo.txt")


def _save(project: Project) -> None:
    document = project.documents.load(project.documents.all()[0].id)
    document.title = "Slogans, new"
    document.segments[0].text = "after"
    document.segments[0].variants.append(Variant(text="after"))
    project.documents.save(document)


def _titled(project: Project, title: str, *, trashed: bool = False) -> str:
    assets = project.assets(AssetQuery(kinds=_EVERYTHING, trashed=trashed), 0, 100)
    return next(asset.id for asset in assets if asset.title == title)


def _trash(project: Project) -> None:
    project.trash([_titled(project, "Old")])


def _restore(project: Project) -> None:
    project.restore([_titled(project, "In the trash", trashed=True)])


def _delete_forever(project: Project) -> None:
    project.delete_forever([_titled(project, "In the trash", trashed=True)])


def _delete_document(project: Project) -> None:
    project.documents.delete(project.documents.all()[0].id)


def _store_image(project: Project) -> None:
    project.store_image(picture().convert("L"), title="New mask", kind="mask")


def _star_and_board(project: Project) -> None:
    project.star([_titled(project, "Old")], True)
    project.create_board("Second")


def _close(project: Project) -> None:
    project.create_board("Late")
    project.close()


_CHANGES = {
    change.__name__: change
    for change in (
        _commit,
        _import,
        _save,
        _trash,
        _restore,
        _delete_forever,
        _delete_document,
        _store_image,
        _star_and_board,
        _close,
    )
}


def _comparable(held: dict[str, Any]) -> dict[str, Any]:
    """Holdings without what is new each time: ids and times made within the change."""

    def plain(asset: tuple) -> tuple:
        _, kind, title, _, _, starred, origin = asset
        return kind, title, starred, origin

    return {
        "name": held["name"],
        "assets": sorted(plain(asset) for asset in held["assets"]),
        "trash": sorted(title for _, title, _ in held["trash"]),
        "boards": sorted((title, count) for _, title, count in held["boards"]),
        "documents": [
            (d["title"], [(s["text"], [v["text"] for v in s["variants"]]) for s in d["segments"]])
            for d in held["documents"]
        ],
        "jobs": [(job[0], job[4]) for job in held["jobs"]],
    }


def _wording(segment: dict[str, Any]) -> tuple[str, list[str]]:
    return segment["text"], [variant["text"] for variant in segment["variants"]]


def _state(folder: Path) -> dict[str, Any]:
    project = Project.open(folder)
    try:
        check_whole(project)
        assert not project.report.missing
        return json.loads(json.dumps(_comparable(holdings(project))))
    finally:
        project.close()


def serve() -> None:
    """In a process that can fork: for each line (folder, change, step as JSON) make the change and end at that step."""
    for line in sys.stdin:
        folder, change, number = json.loads(line)
        child = os.fork()
        if child == 0:
            _end_at(Path(folder), change, number)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _end_at(folder: Path, change: str, number: int) -> None:
    try:
        project = Project.open(folder)

        def at_step(count: int, name: str) -> None:
            if count == number:
                (folder.parent / "step.txt").write_text(name)
                os._exit(9)

        with _steps(project, at_step):
            _CHANGES[change](project)
        os._exit(0)
    except BaseException:
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        os._exit(1)


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where that is possible: a process ends here, not the machine, and a disk makes each step wait."""
    memory = Path("/dev/shm")  # noqa: S108
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < 40 << 20:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="aigc-studio-test-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def forker() -> Iterator[subprocess.Popen[str]]:
    """One process for all changes: starting it costs more than ending it twenty times."""
    if not hasattr(os, "fork"):
        pytest.skip("a step's child is forked")
    with subprocess.Popen(
        [sys.executable, "-c", "import tests.core.test_faults as t; t.serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.communicate()


@pytest.mark.parametrize("change", _CHANGES)
def test_ending_at_every_step(tmp_path: Path, change: str, forker: subprocess.Popen[str]) -> None:
    """All of the change is there or nothing of it; at every third step the index is lost on top of it."""
    template = tmp_path / "template"
    template.mkdir()
    _prepare(template / "p")
    shutil.copytree(template, tmp_path / "plain")
    before = _state(shutil.copytree(template, tmp_path / "before") / "p")
    project = Project.open(tmp_path / "plain" / "p")
    _CHANGES[change](project)
    if change != "_close":
        project.close()
    after = _state(tmp_path / "plain" / "p")
    assert forker.stdin is not None
    assert forker.stdout is not None
    allowed = _between(before, after, change)
    seen = []
    for number in itertools.count(1):
        folder = shutil.copytree(template, tmp_path / "work") / "p"
        forker.stdin.write(json.dumps([str(folder), change, number]) + "\n")
        forker.stdin.flush()
        code = int(forker.stdout.readline())
        assert code in (0, 9), f"step {number} ended with {code}"
        if code == 0:
            break
        step = f"step {number} ({(folder.parent / 'step.txt').read_text()})"
        if number % 3 == 1:
            lost = shutil.copytree(folder, tmp_path / "lost")
            for suffix in ("", "-wal", "-shm"):
                (lost / f"project.aigc{suffix}").unlink(missing_ok=True)
            assert _state(lost) in allowed, f"{step}, index lost"
            shutil.rmtree(lost)
        held = _state(folder)
        assert held in allowed, step
        if held != before and held not in seen:
            assert _state(folder) == held  # putting right is done once
        seen.append(held)
        shutil.rmtree(folder.parent)
    assert len(seen) >= 3
    assert after in seen


def _between(before: dict[str, Any], after: dict[str, Any], change: str) -> list[dict[str, Any]]:
    """What may be there after an end within a change: all of it or nothing of it; of two changes, also one."""
    allowed = [before, after]
    if change == "_commit":  # the result is complete when the engine reports it: it is there, whenever we end
        return [after]
    if change == "_star_and_board":
        allowed.append(after | {"boards": before["boards"]})
    return allowed


@pytest.mark.parametrize("change", [name for name in _CHANGES if name != "_close"])
def test_a_full_disk_at_every_step(tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture) -> None:
    template = tmp_path / "template"
    template.mkdir()
    _prepare(template / "p")
    before = _state(shutil.copytree(template, tmp_path / "before") / "p")
    after: dict[str, Any] | None = None
    number = 0
    failed = 0
    while after is None:
        number += 1
        folder = shutil.copytree(template, tmp_path / f"{number:03}") / "p"
        project = Project.open(folder)
        calls = 0

        def full(count: int, name: str) -> None:
            nonlocal calls
            if name in _CALLS:
                calls += 1
                if calls == number:  # noqa: B023
                    raise OSError(errno.ENOSPC, "No space left on device")

        problem = None
        try:
            with _steps(project, full):
                _CHANGES[change](project)
        except StudioError as error:
            problem = error
            failed += 1
        assert problem is None or problem.code == "disk-full"
        if calls < number:
            assert problem is None
            project.close()
            after = _state(folder)
            break
        # The app goes on: what failed can be done again at once, when there is room again.
        check_rows_have_files(project)
        if problem is not None:
            held = json.loads(json.dumps(_comparable(holdings(project))))
            if held == before or change == "_star_and_board":
                _CHANGES[change](project)
        project.close()
        assert _state(folder) in _after_retry(template, tmp_path, change)
        shutil.rmtree(folder.parent)
    assert failed or change in ("_star_and_board", "_save")  # their files follow later


def check_rows_have_files(project: Project) -> None:
    """Every asset that is shown can be opened."""
    for trashed in (False, True):
        for asset in project.assets(AssetQuery(kinds=_EVERYTHING, trashed=trashed), 0, 100):
            assert project.path(asset).is_file(), asset.file


_done: dict[tuple[Path, str], list[dict[str, Any]]] = {}


def _after_retry(template: Path, tmp_path: Path, change: str) -> list[dict[str, Any]]:
    """What the project holds when the change was made once; for stars and boards also twice."""
    key = (template, change)
    if key not in _done:
        folder = shutil.copytree(template, tmp_path / "done") / "p"
        project = Project.open(folder)
        _CHANGES[change](project)
        once = json.loads(json.dumps(_comparable(holdings(project))))
        states = [once]
        if change == "_star_and_board":
            _CHANGES[change](project)
            states.append(json.loads(json.dumps(_comparable(holdings(project)))))
        project.close()
        _done[key] = states
    return _done[key]


def test_a_full_index_is_one_sentence_and_the_result_waits(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    connection: Connection = project._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages + 2}")
    codes = []
    stored = 0
    for index in range(60):
        path = result(project.folder, JOB, index, PICTURE.changed(count=60, prompt="word " * 2000))
        try:
            project.commit_output(JOB, index, path)
            stored += 1
        except StudioError as error:
            codes.append(error.code)
            assert path.is_file()
    assert set(codes) == {"disk-full"}
    assert project.count(AssetQuery()) == stored
    connection.execute("PRAGMA max_page_count=1000000")
    for path in sorted((project.folder / "incoming").glob("*.png")):
        project.commit_output(JOB, int(path.stem.rpartition("-")[2]), path)
    assert project.count(AssetQuery()) == 60
    check_whole(project)
    project.close()

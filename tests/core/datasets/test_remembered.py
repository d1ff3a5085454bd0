"""What was seen is not decoded again, what changed is, and a broken memory changes nothing but the time it takes."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from aigc_studio.core.datasets import images
from aigc_studio.core.datasets.images import ImageReport, scan
from aigc_studio.core.datasets.problem import Check
from aigc_studio.core.errors import Cancelled
from aigc_studio.core.paths import cache_dir

from .kit import drawing, picture, save


def settle(folder: Path, age: float = 100.0) -> None:
    """Let all files be of some time ago."""
    for path in folder.rglob("*"):
        if path.is_file():
            then = time.time() - age
            os.utime(path, (then, then))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Pictures of all kinds, some that cannot be used."""
    folder = tmp_path / "data"
    for number in range(12):
        picture(folder, f"{number:02}.png", number)
    save(folder, "copy.png", (folder / "03.png").read_bytes())
    save(folder, "bad.png", b"no picture")
    save(folder, "cut.png", drawing(1)[:100])
    save(folder, "empty.png")
    settle(folder)
    return folder


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were looked at."""
    names: list[str] = []
    look = images.look_at

    def watched(path: Path, file: str, check: Check) -> images.Seen:
        names.append(file)
        return look(path, file, check)

    monkeypatch.setattr(images, "look_at", watched)
    return names


def databases() -> list[Path]:
    """The memories on the disk."""
    return sorted((cache_dir() / "datasets").glob("*.db"))


def test_a_second_look_decodes_nothing_and_says_the_same(data: Path, decoded: list[str]) -> None:
    first = scan(data)
    assert len(decoded) == 16
    decoded.clear()
    assert scan(data) == first
    assert decoded == []
    assert first.duplicates
    assert len(first.problems) == 3


def test_what_changed_is_looked_at_again(data: Path, decoded: list[str]) -> None:
    scan(data)
    decoded.clear()
    picture(data, "05.png", 99)
    os.utime(data / "06.png", (1, 1))
    (data / "07.png").rename(data / "new.png")
    save(data, "00.txt", "a caption")
    report = scan(data)
    assert sorted(decoded) == ["05.png", "06.png", "new.png"]
    assert report.files[0].caption == "a caption"


def test_a_file_that_was_written_a_moment_ago_is_not_trusted(data: Path, decoded: list[str]) -> None:
    settle(data, 0.0)
    scan(data)
    decoded.clear()
    scan(data)
    assert len(decoded) == 16


def test_a_cancel_remembers_what_was_seen(data: Path, decoded: list[str]) -> None:
    done = 0

    def progress(count: int, total: int, stage: str) -> None:
        nonlocal done
        done = count if total else 0

    def check() -> None:
        if done >= 8:
            raise Cancelled

    with pytest.raises(Cancelled):
        scan(data, check, progress)
    decoded.clear()
    scan(data)
    assert 0 < len(decoded) <= 8


@pytest.mark.parametrize("damage", ["garbage", "empty", "other", "values", "folder"])
def test_a_broken_memory_is_made_anew(data: Path, damage: str, decoded: list[str]) -> None:
    first = scan(data)
    (path,) = databases()
    if damage == "garbage":
        path.write_bytes(b"x" * 5000)
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "other":
        with sqlite3.connect(path) as connection:
            connection.executescript("DROP TABLE looks; PRAGMA user_version = 999;")
        connection.close()
    elif damage == "values":
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE looks SET said = '{\"x\": 1}'")
        connection.close()
    else:
        path.unlink()
        path.mkdir()
    decoded.clear()
    assert scan(data) == first
    assert len(decoded) == 16


def test_a_memory_that_another_holds_is_done_without(
    data: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = scan(data)
    monkeypatch.setattr("aigc_studio.core.datasets.remembered._TOGETHER", 1)
    holding = sqlite3.connect(databases()[0])
    holding.execute("BEGIN EXCLUSIVE")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, timeout: connect(path, timeout=0.05))
    decoded.clear()
    assert scan(data) == first
    assert len(decoded) == 16
    holding.close()


def test_no_cache_folder_is_no_trouble(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Path:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("aigc_studio.core.datasets.remembered.cache_dir", refused)
    assert len(scan(data).files) == 13


def test_few_folders_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aigc_studio.core.datasets.remembered._FOLDERS", 3)
    for number in range(6):
        picture(tmp_path, f"{number}/x.png", number)
        scan(tmp_path / str(number))
    assert len(databases()) == 3
    scan(tmp_path / "5")
    assert len(databases()) == 3


def test_files_of_another_folder_are_remembered_too(data: Path, tmp_path: Path, decoded: list[str]) -> None:
    kept = picture(tmp_path, "samples/1.png", 50)
    settle(tmp_path / "samples")
    first = scan(data, also={kept: "kept"})
    decoded.clear()
    again = scan(data, also={kept: "kept, too"})
    assert decoded == []
    assert isinstance(first, ImageReport)
    assert again.files[-1].caption == "kept, too"

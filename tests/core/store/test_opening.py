"""Opening that fails gives back what it took."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.errors import StudioError
from aigc_studio.core.project import Project
from aigc_studio.core.store import journal, opening


def _full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("place", ["journal", "index", "folders", "name"])
def test_a_creation_that_fails_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, there: bool
) -> None:
    folder = tmp_path / "p"
    if there:
        folder.mkdir()
    with monkeypatch.context() as patch:
        match place:
            case "journal":
                patch.setattr(journal.Journal, "__init__", _full)
            case "index":
                patch.setattr(opening, "open_writer", _full)
            case "folders":
                real, made = os.mkdir, []
                patch.setattr(os, "mkdir", lambda *a: _full() if len(made) > 2 else (made.append(1), real(*a)))
            case "name":
                patch.setattr("aigc_studio.core.project.set_meta", _full)
        with pytest.raises(StudioError) as caught:
            Project.create(folder)
        assert caught.value.code == "disk-full"
    assert folder.exists() == there
    project = Project.create(folder, "Again")
    assert not project.read_only
    assert project.name == "Again"
    project.close()


def test_an_opening_that_fails_gives_the_lock_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.create(tmp_path / "p")
    board = project.create_board("Board")
    project.close()
    with monkeypatch.context() as patch:
        patch.setattr(journal.Journal, "__init__", _full)
        with pytest.raises(StudioError) as caught:
            Project.open(tmp_path / "p")
        assert caught.value.code == "disk-full"
    project = Project.open(tmp_path / "p")
    assert not project.read_only
    assert project.boards() == [board]
    project.close()


def test_damaged_indexes_are_not_kept_for_ever(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    Project.create(folder).close()
    for number in range(6):
        for suffix in ("", "-wal"):
            (folder / "backups" / f"damaged-20200101-00000{number}.aigc{suffix}").write_bytes(b"old")
    (folder / "project.aigc").write_bytes(b"damaged")
    project = Project.open(folder)
    project.create_board("Board")
    project.close()
    kept = sorted(path.name for path in (folder / "backups").glob("damaged-*"))
    assert kept[:4] == [f"damaged-20200101-00000{n}.aigc{suffix}" for n in (4, 5) for suffix in ("", "-wal")]
    assert len([name for name in kept if name.endswith(".aigc")]) == 3
    connection = sqlite3.connect(folder / "project.aigc")
    assert connection.execute("SELECT count(*) FROM boards").fetchone()[0] == 1
    connection.close()

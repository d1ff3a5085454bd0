"""Copies of the index through SQLite's backup API: every five minutes of change and on close, three kept."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from . import files
from .database import Connection, index_problem

__all__ = ["INTERVAL_SECONDS", "back_up", "newest_intact", "prune"]

INTERVAL_SECONDS = 300.0
_KEPT = 3
_PATTERN = "project-*.aigc"


def back_up(connection: Connection, folder: Path) -> Path:
    """Copy the index as it is now to `backups/project-<time>.aigc`, durable, and drop the oldest copies."""
    target_folder = folder / "backups"
    target_folder.mkdir(exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    target = target_folder / f"project-{stamp}.aigc"
    part = files.part_of(target)
    try:
        copy = sqlite3.connect(part, isolation_level=None)
        with contextlib.closing(copy):
            copy.execute("PRAGMA synchronous=OFF")  # fsynced once, below
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
        with open(part, "rb+") as file:
            files.sync_file(file.fileno())
        files.replace(part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    files.sync_folder(target_folder)
    prune(folder)
    return target


def prune(folder: Path) -> None:
    """Keep the newest three, and of indexes that were set aside as damaged (with their logs) the newest three, too."""
    for pattern in (_PATTERN, "damaged-*.aigc"):
        for old in sorted((folder / "backups").glob(pattern))[:-_KEPT]:
            for suffix in ("-wal", "-journal", "-shm", ""):
                files.remove(old.with_name(old.name + suffix))


def newest_intact(folder: Path) -> Path | None:
    """The newest copy that can be read from end to end."""
    for path in sorted((folder / "backups").glob(_PATTERN), reverse=True):
        if not index_problem(path, thorough=True):
            return path
    return None

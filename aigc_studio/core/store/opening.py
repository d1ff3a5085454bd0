"""Opening a project's index: lock, check, restore if it is lost, migrate, put right what a crash left."""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..documents import DocumentStore
from ..errors import StudioError
from ..i18n import N_
from ..jobs import JobQueue
from ..migrations import check_version, format_of, migrate, newest_format
from . import backups, files, recovery
from .database import INDEX, Connection, index_problem, open_reader, open_writer
from .lock import ProjectLock
from .place import place_warning

__all__ = ["Opened", "is_project", "open_for_reading", "open_for_writing", "set_meta"]

log = logging.getLogger(__name__)

_FOLDERS = ("assets", "incoming", "documents", "thumbs", "trash", "backups")
_JOURNAL_FILES = ("state.json", "changes.jsonl")


@dataclass
class Opened:
    """An open index. lock: None when it is open for reading only; holder: which computer has it, when known.

    new: the folder whose project is just being made, None for one that was there.
    """

    connection: Connection
    lock: ProjectLock | None = None
    report: recovery.Report = field(default_factory=recovery.Report)
    holder: str = ""
    new: Path | None = None

    @contextlib.contextmanager
    def given_back(self) -> Iterator[None]:
        """When the block fails, close the index and give the lock back, or else nobody could open it any more."""
        try:
            yield
        except BaseException:
            self.connection.close()
            if self.lock is not None:
                _give_back(self.lock, self.new)
            raise


def is_project(folder: Path) -> bool:
    """Whether a folder holds a project, also one whose index is lost."""
    if (folder / INDEX).is_file():
        return True
    kept = [*(folder / "backups").glob("project-*.aigc"), *(folder / "backups" / name for name in _JOURNAL_FILES)]
    return (folder / "assets").is_dir() and any(path.is_file() for path in kept)


def open_for_writing(folder: Path, *, new: bool = False) -> Opened:
    """Open to write; to read only, when another window has the project or its medium cannot be written."""
    lock = ProjectLock(folder)
    if not lock.acquire():
        opened = open_for_reading(folder)
        opened.holder = lock.holder
        return opened
    try:
        with files.plain_errors():
            for place in _FOLDERS:
                (folder / place).mkdir(exist_ok=True)
            recovery.remove_parts(folder)
            lost = "" if new else _index_lost(folder)
            try:
                opened = _open_index(folder, lock, lost)
                opened.new = folder if new else None
                return opened
            except sqlite3.DatabaseError as error:
                if lost or not files.is_damage(error):
                    raise
                # A clean mark spares reading every page; then damage shows itself where it is met.
                return _open_index(folder, lock, str(error))
    except BaseException:
        _give_back(lock, folder if new else None)
        raise


def _give_back(lock: ProjectLock, new: Path | None) -> None:
    """Release a lock. new: a folder that was empty before, and is again, so that the name can be used."""
    if new is not None:
        for path in new.iterdir():
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    lock.release()
    if new is not None:
        with contextlib.suppress(OSError):  # Windows deletes no file that is open
            lock.path.unlink(missing_ok=True)


def _open_index(folder: Path, lock: ProjectLock, lost: str) -> Opened:
    if lost:
        log.info("the index of %s is %s; it is rebuilt", folder.name, lost)
        recovery.set_index_aside(folder)
        recovery.restore_index(folder)
    connection = open_writer(folder, shared_place=place_warning(folder) is not None)
    try:
        check_version(connection)
        if 0 < format_of(connection) < newest_format():
            backups.back_up(connection, folder)
        migrate(connection)
        report = _put_right(connection, folder, lost)
        with connection.change():
            set_meta(connection, "clean", "0")
    except BaseException:
        connection.close()
        raise
    return Opened(connection, lock, report)


def open_for_reading(folder: Path) -> Opened:
    """Open without a lock and without changing a byte."""
    with files.plain_errors():
        if problem := index_problem(folder / INDEX, thorough=False):
            raise StudioError(
                N_("The project's index is lost or damaged; open it where it can be written to rebuild it."),
                code="damaged",
                detail=problem,
            )
        connection = open_reader(folder)
        try:
            check_version(connection)
            if odd := recovery.foreign_rows(connection):
                raise StudioError(
                    N_("The project's index holds entries this app never makes; open it where it can be written."),
                    code="unsafe",
                    detail=f"{len(odd)} rows",
                )
        except BaseException:
            connection.close()
            raise
        return Opened(connection)


def _index_lost(folder: Path) -> str:
    """Why the index must be rebuilt, "" when it need not be. After a crash every page is read."""
    index = folder / INDEX
    if problem := index_problem(index, thorough=False):
        return problem
    with contextlib.closing(open_reader(folder)) as connection:
        try:
            check_version(connection)
            row = connection.execute("SELECT value FROM meta WHERE key='clean'").fetchone()
        except sqlite3.DatabaseError as error:
            return str(error)
    return "" if row is not None and row[0] == "1" else index_problem(index, thorough=True)


def _put_right(connection: Connection, folder: Path, lost: str) -> recovery.Report:
    if lost:
        report = recovery.rebuild(connection, folder)
        report.rebuilt = lost
    else:
        report = recovery.reconcile(connection, folder)
    DocumentStore(connection, folder, lambda: None).write_missing_mirrors()
    queue = JobQueue(connection)
    recovery.count_outputs(connection, queue)
    queue.recover()
    return report


def set_meta(connection: Connection, key: str, value: str) -> None:
    """Write one fact about the project, within the caller's transaction."""
    connection.execute("INSERT OR REPLACE INTO meta(key, value) VALUES(?,?)", (key, value))

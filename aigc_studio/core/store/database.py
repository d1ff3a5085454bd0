"""Opening the index: which journal, which checks, read-write or read-only."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

__all__ = ["INDEX", "Connection", "index_problem", "open_reader", "open_writer"]

INDEX = "project.aigc"
"""The index's file name in a project's folder."""

_HEADER = b"SQLite format 3\0"
_BUSY_SECONDS = 5.0


class Connection(sqlite3.Connection):
    """A connection whose transactions are explicit (`isolation_level` None) and nest by savepoints.

    temporary: a folder that goes with the connection (a copy of an index that could not be opened in place).
    """

    temporary: Path | None = None

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """One transaction; inside another one, a part of it that is undone alone when it fails."""
        nested = self.in_transaction
        self.execute("SAVEPOINT change_part" if nested else "BEGIN IMMEDIATE")
        try:
            yield
            if not nested:
                self.execute("COMMIT")
        except BaseException:
            if self.in_transaction:  # a full disk may have rolled it back already
                self.execute("ROLLBACK TO change_part" if nested else "ROLLBACK")
                if nested:
                    self.execute("RELEASE change_part")
            raise
        if nested:
            self.execute("RELEASE change_part")

    def close(self) -> None:
        """Close, and delete the temporary copy."""
        super().close()
        if self.temporary is not None:
            shutil.rmtree(self.temporary, ignore_errors=True)
            self.temporary = None


def _connect(uri: str) -> Connection:
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # opened where the project is opened, used by the storage thread only
        factory=Connection,
        cached_statements=256,
    )
    connection.execute("PRAGMA foreign_keys=OFF")
    return connection


def _uri(path: Path, options: str) -> str:
    text = path.resolve().as_posix()
    if os.name == "nt" and not text.startswith("//"):
        text = "/" + text
    return f"file:{quote(text)}?{options}"


def open_writer(folder: Path, *, shared_place: bool) -> Connection:
    """The one connection that writes. shared_place: a network or cloud folder, where WAL's memory is not safe."""
    connection = _connect(_uri(folder / INDEX, "mode=rwc"))
    try:
        connection.execute("PRAGMA locking_mode=NORMAL")
        connection.execute(f"PRAGMA journal_mode={'DELETE' if shared_place else 'WAL'}")
        connection.execute("PRAGMA synchronous=FULL")  # a commit survives a power cut; 0.2 ms measured
        connection.execute(
            "PRAGMA fullfsync=1"
        )  # on macOS fsync alone ends in the disk's own memory; nothing elsewhere
        connection.execute("PRAGMA checkpoint_fullfsync=1")
        connection.execute("PRAGMA cache_size=-32000")
        connection.execute("PRAGMA journal_size_limit=67108864")
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(folder: Path) -> Connection:
    """A connection that only reads; on a medium that cannot be written, without locks or from a temporary copy."""
    index = folder / INDEX
    wal = index.with_name(INDEX + "-wal")
    temporary = None
    if os.access(folder, os.W_OK) and os.access(index, os.W_OK):
        connection = _connect(_uri(index, "mode=ro"))
    elif wal.exists() and wal.stat().st_size > 0:
        # The newest changes are in the -wal, which can be read only where its shared memory file can be made.
        temporary = Path(tempfile.mkdtemp(prefix="aigc-studio-"))
        for file in (index, wal):
            shutil.copyfile(file, temporary / file.name)
        connection = _connect(_uri(temporary / INDEX, "mode=rw"))
    else:
        connection = _connect(_uri(index, "mode=ro&immutable=1"))
    connection.temporary = temporary
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA trusted_schema=OFF")  # a foreign file; the writer's triggers need json_object()
    connection.execute("PRAGMA cache_size=-32000")
    return connection


def index_problem(index: Path, *, thorough: bool) -> str:
    """What is wrong with an index file, "" when nothing is. thorough: read every page (after a crash)."""
    try:
        size = index.stat().st_size
        with open(index, "rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return "missing"
    if size == 0 or not head.startswith(_HEADER) or len(head) < 100:
        return "not an index"
    page = int.from_bytes(head[16:18], "big")
    page = 65536 if page == 1 else page
    # The header's page count is valid only where its two change counters agree; a -wal may hold the missing pages.
    counted = int.from_bytes(head[28:32], "big") if head[24:28] == head[92:96] else 0
    wal = index.with_name(index.name + "-wal")
    if page * counted > size and not (wal.exists() and wal.stat().st_size):
        return "truncated"
    try:
        connection = _connect(_uri(index, "mode=rw" if os.access(index.parent, os.W_OK) else "mode=ro&immutable=1"))
        with contextlib.closing(connection):
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version and not connection.execute("SELECT 1 FROM sqlite_master WHERE name='assets'").fetchone():
                return "without its tables"
            if thorough:
                found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                return "" if found == "ok" else str(found)
    except sqlite3.DatabaseError as error:
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return ""
        return str(error)
    return ""

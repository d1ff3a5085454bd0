"""What was seen of the files of a folder, so that it is not decoded again as long as it did not change.

One small SQLite file for each folder in the user's cache. It may be deleted at any time, and whatever is wrong with it
means that files are looked at again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from ..errors import StudioError
from ..paths import cache_dir
from .looks import Look
from .seen import ImageFile, Seen

__all__ = ["Memory", "Stamp", "memory_of"]

_FORMAT = 2
"""Changes when what is said of a file does: its limits, its hash, its look."""

_FOLDERS = 24
"""Folders that are remembered; the one used longest ago goes first."""

_SETTLED = 2.0
"""Seconds after which a change of a file shows in its time even on coarse clocks."""

_LASTING = frozenset({"image-damaged", "image-size", "not-an-image", "empty"})
"""Problems that are of the file itself and stay as long as it does."""

_ELSEWHERE = ("file", "captions", "source")
"""What is known of a picture without opening it."""

_TOGETHER = 500
_log = logging.getLogger(__name__)


class Stamp(NamedTuple):
    """By which a file is taken for unchanged: bytes, time of its last change in nanoseconds."""

    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> Stamp | None:
        """Of a file as it is now; None when it is not there."""
        try:
            state = os.stat(path)
        except OSError:
            return None
        return cls(state.st_size, state.st_mtime_ns)


class Memory:
    """One folder's. Used by one thread; never raises for what is wrong with its file."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        """None for a memory that keeps nothing."""
        self._connection = connection
        self._waiting = 0

    def recall(self, file: str, stamp: Stamp | None) -> Seen | StudioError | None:
        """What was seen of a file, when it has not changed since; else None."""
        if self._connection is None or stamp is None:
            return None
        try:
            row = self._connection.execute(
                "SELECT said, bits, cells FROM looks WHERE file = ? AND size = ? AND changed = ?",
                (_key(file), stamp.size, stamp.changed),
            ).fetchone()
            if row is None:
                return None
            said = json.loads(row[0])
            if "error" in said:
                return StudioError.from_json(said["error"])
            look: Look = (row[1] % (1 << 64), row[2])
            return Seen(ImageFile(**said, file=file), look)
        except (sqlite3.Error, ValueError, TypeError, LookupError) as error:
            self._give_up(error)
            return None

    def keep(self, file: str, stamp: Stamp | None, seen: Seen | StudioError) -> None:
        """Remember what was seen of a file that was `stamp` before it was looked at."""
        if self._connection is None or stamp is None or time.time() - stamp.changed / 1e9 < _SETTLED:
            return
        if isinstance(seen, StudioError):
            if seen.code not in _LASTING:
                return
            said, bits, cells = {"error": seen.to_json()}, 0, b""
        else:
            said = {name: value for name, value in asdict(seen.file).items() if name not in _ELSEWHERE}
            bits, cells = seen.look
        try:
            signed = bits - (1 << 64) if bits >> 63 else bits  # SQLite's numbers have a sign
            self._connection.execute(
                "INSERT OR REPLACE INTO looks(file, size, changed, said, bits, cells) VALUES(?,?,?,?,?,?)",
                (_key(file), stamp.size, stamp.changed, json.dumps(said), signed, cells),
            )
            self._waiting += 1
            if self._waiting >= _TOGETHER:
                self._connection.commit()
                self._waiting = 0
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Write what is still waiting."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error), contextlib.closing(connection):
                connection.commit()

    def _give_up(self, error: Exception) -> None:
        """Broken, full, or held by another window: this scan goes on without it."""
        _log.debug("what was seen of a folder cannot be remembered: %r", error)
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _key(file: str) -> bytes:
    """A name may be bytes that are no text."""
    return os.fsencode(file)


@contextlib.contextmanager
def memory_of(folder: Path) -> Iterator[Memory]:
    """The memory of a folder, closed at the end."""
    memory = Memory(_opened(folder))
    try:
        yield memory
    finally:
        memory.close()


def _opened(folder: Path) -> sqlite3.Connection | None:
    try:
        place = cache_dir() / "datasets"
        place.mkdir(exist_ok=True)
        name = hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=12).hexdigest()
        _tidy(place, name)
        path = place / f"{name}.db"
        try:
            return _connected(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # held by another, or no room: not broken
                raise
            path.unlink(missing_ok=True)
            return _connected(path)
    except (OSError, sqlite3.Error, RuntimeError) as error:
        _log.debug("what was seen of a folder cannot be remembered: %r", error)
        return None


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=2.0)
    try:
        connection.execute("PRAGMA synchronous = OFF")  # a cache: what a power cut breaks is looked at again
        if connection.execute("PRAGMA user_version").fetchone()[0] != _FORMAT:
            connection.executescript(
                "DROP TABLE IF EXISTS looks;"
                "CREATE TABLE looks(file BLOB PRIMARY KEY, size INTEGER, changed INTEGER, said TEXT, bits INTEGER,"
                " cells BLOB) WITHOUT ROWID;"
                f"PRAGMA user_version = {_FORMAT};"
            )
        connection.execute("SELECT file, size, changed, said, bits, cells FROM looks LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _tidy(place: Path, name: str) -> None:
    """Forget folders that nobody asked about for long."""
    with contextlib.suppress(OSError):
        known = sorted(place.glob("*.db"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in [path for path in known if path.stem != name][_FOLDERS - 1 :]:
            path.unlink(missing_ok=True)

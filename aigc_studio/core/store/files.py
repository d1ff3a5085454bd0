"""Writing files so that a crash, a full disk or a pulled plug leaves the old file or the new one, never half of one."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import shutil
import sqlite3
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..errors import StudioError
from ..i18n import N_

if sys.platform == "darwin":
    import fcntl

__all__ = [
    "PART",
    "copy_into",
    "is_damage",
    "move",
    "part_of",
    "plain_errors",
    "remove",
    "replace",
    "same_bytes",
    "sync_file",
    "sync_folder",
    "write_atomically",
]

PART = ".part"
"""Suffix of a file that is still being written; such a file may be deleted when nobody writes it."""


_SHARING = (5, 32)  # access denied, sharing violation
_REPLACE_TRIES = 9
_REPLACE_PAUSE = 0.05


def part_of(path: Path) -> Path:
    """A fresh name beside `path` for what will become it."""
    return path.with_name(f".{uuid.uuid4().hex[:12]}{path.suffix}{PART}")


def sync_file(handle: int) -> None:
    """Bring an open file's bytes to the disk itself. macOS has a call of its own for that, which not all disks know."""
    if sys.platform == "darwin":
        with contextlib.suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable. Windows has no such call, some network folders refuse it: then nothing."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def replace(source: Path, target: Path) -> None:
    """Rename, over what is there. On Windows a virus scanner or a cloud client may hold a new file for a moment: then
    it is tried again, for half a second."""
    for _ in range(_REPLACE_TRIES):
        try:
            os.replace(source, target)
            return
        except PermissionError as error:
            if getattr(error, "winerror", None) not in _SHARING:
                raise
        time.sleep(_REPLACE_PAUSE)
    os.replace(source, target)


@contextlib.contextmanager
def write_atomically(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that becomes `path` when the block ends, flushed, fsynced and renamed; removed after an error."""
    part = part_of(path)
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            sync_file(file.fileno())
        replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    sync_folder(path.parent)


def copy_into(source: Path, target: Path) -> None:
    """Copy a file's bytes to a new file, durable before it has its name."""
    with open(source, "rb") as reader, write_atomically(target) as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)


def move(source: Path, target: Path) -> None:
    """Rename within the project's folder (one file system), durable."""
    target.parent.mkdir(parents=True, exist_ok=True)
    replace(source, target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def remove(path: Path) -> bool:
    """Delete a file; False when it was not there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two files hold the same; False when one of them is not there."""
    try:
        return filecmp.cmp(one, other, shallow=False)
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what the system and SQLite say into one sentence with advice."""
    try:
        yield
    except sqlite3.Error as error:
        raise _database_problem(error) from error
    except OSError as error:
        raise _system_problem(error) from error


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is broken."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _database_problem(error: sqlite3.Error) -> StudioError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    detail = repr(error)
    if code == sqlite3.SQLITE_FULL:
        return StudioError(N_("The disk is full; free some space and try again."), code="disk-full", detail=detail)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StudioError(
            N_("Another program is using this project's index; close it and try again."), code="busy", detail=detail
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return StudioError(
            N_("This project cannot be changed here; copy its folder to a place where you may write."),
            code="read-only",
            detail=detail,
        )
    if is_damage(error):
        return StudioError(
            N_("The project's index is damaged; close the project and open it again to rebuild it from its files."),
            code="damaged",
            detail=detail,
        )
    return StudioError(
        N_("The project's index could not be read or written ({reason}); check the disk and try again."),
        code="index",
        detail=detail,
        reason=str(error)[:200],
    )


def _system_problem(error: OSError) -> StudioError:
    detail = repr(error)
    name = Path(str(error.filename)).name if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StudioError(N_("The disk is full; free some space and try again."), code="disk-full", detail=detail)
    if error.errno == errno.ENOENT:
        return StudioError(
            N_('The file "{name}" is not there any more; choose it again.'), code="missing", detail=detail, name=name
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StudioError(
            N_('"{name}" may not be changed or read; check its permissions, or use another folder.'),
            code="permission",
            detail=detail,
            name=name,
        )
    return StudioError(
        N_('"{name}" could not be read or written ({reason}); check the disk and try again.'),
        code="disk",
        detail=detail,
        name=name,
        reason=error.strerror or str(error)[:200],
    )

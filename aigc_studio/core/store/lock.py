"""One window writes a project, the next one reads: a lock of the operating system, which no crash leaves behind."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
import time
from pathlib import Path

__all__ = ["ProjectLock"]

_NAME = "project.lock"
_STALE_SECONDS = 180.0  # where only the file's age can tell: three missed refreshes

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 1 << 30, os.SEEK_SET)  # a byte far behind the text, which others may then still read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        # flock, not lockf: it belongs to the open file, so a second window of the same process is refused as well.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class ProjectLock:
    """The lock of one project's folder.

    path: of the file. holder: who has it ("name of the computer"), filled when `acquire` fails.
    Where a network folder knows no locks, the file's own age decides: the writer refreshes it, and three minutes of
    silence free it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME
        self._handle = -1
        self._by_age = False
        self.holder = ""

    def acquire(self) -> bool:
        """Take the lock; False when another window has it, or nothing can be written here."""
        before = self._read()
        try:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:
            self.holder = ""
            return False
        try:
            _lock(self._handle)
        except OSError as error:
            unsupported = (errno.ENOLCK, errno.ENOSYS, getattr(errno, "ENOTSUP", -1), errno.EINVAL)
            if error.errno not in unsupported or not self._free_by_age(before):
                self._give_up(before)
                return False
            self._by_age = True
        self._write()
        return True

    def refresh(self) -> None:
        """Say that the writer is alive, for folders where only the file's age can tell."""
        if self._handle >= 0 and self._by_age:
            self._write()

    def release(self) -> None:
        """Give the lock back. The file stays: deleting it would let two others lock two different files."""
        if self._handle < 0:
            return
        with contextlib.suppress(OSError):
            os.ftruncate(self._handle, 0)
        with contextlib.suppress(OSError):
            os.close(self._handle)
        self._handle = -1

    def _give_up(self, before: dict) -> None:
        self.holder = str(before.get("host", ""))
        os.close(self._handle)
        self._handle = -1

    def _free_by_age(self, before: dict) -> bool:
        if not before:
            return True
        if before.get("host") == socket.gethostname():
            return not _alive(int(before.get("pid", 0)))
        with contextlib.suppress(OSError):
            return time.time() - self.path.stat().st_mtime > _STALE_SECONDS
        return True

    def _read(self) -> dict:
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def _write(self) -> None:
        text = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "time": time.time()})
        with contextlib.suppress(OSError):  # the lock holds without its text
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.ftruncate(self._handle, 0)
            os.write(self._handle, text.encode("utf-8"))


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return True  # os.kill would end it; the age decides there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

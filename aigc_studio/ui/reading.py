"""The window's own reader: it waits a moment for a slow disk, never seconds, and says in words what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from aigc_studio.core.errors import StudioError
from aigc_studio.core.reader import ProjectReader
from aigc_studio.core.store import files

if TYPE_CHECKING:
    import sqlite3

    from aigc_studio.core.store.database import Connection

__all__ = ["WindowReader"]

PATIENCE_MS = 100
"""A network folder's index is closed to readers while a change is written there; a window cannot wait for that."""


class WindowReader(ProjectReader):
    """A ProjectReader for the UI thread. What cannot be read is a StudioError, told to `failed` before it is raised."""

    def __init__(self, folder: Path, failed: Callable[[StudioError], object]) -> None:
        super().__init__(folder)
        self._connection.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
        self._connection = cast("Connection", _Questions(self._connection, failed))


class _Questions:
    """The part of a connection that a reader uses."""

    def __init__(self, connection: Connection, failed: Callable[[StudioError], object]) -> None:
        self._connection = connection
        self._failed = failed

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            with files.plain_errors():
                return self._connection.execute(sql, values)
        except StudioError as error:
            self._failed(error)
            raise

    def close(self) -> None:
        self._connection.close()

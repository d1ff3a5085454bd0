"""Stars, titles, boards, trash and queue beside the index, so that losing the index loses none of them.

The database's triggers note every such change in its table `changes`; `flush` appends the new notes to `changes.jsonl`
after each commit, and `compact` now and then writes everything into `state.json`. Both lie in `backups/`. A lost index
is rebuilt from the newest of state and backup plus the notes that came after it (`replay`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from . import files
from .database import Connection

__all__ = ["TABLES", "Journal", "Table", "asset_rows", "replay"]

log = logging.getLogger(__name__)

_COMPACT_BYTES = 2 << 20

_ROWS_AT_ONCE = 200  # in one write of the state: its making must not keep other threads from running


@dataclass(frozen=True)
class Table:
    """What the journal keeps of one table.

    columns: of a note and of a row in the state. keys: of them, what names a row. kept: SQL, the rows the state holds.
    noted: SQL, which new rows are worth a note, "" all. watched: columns whose change is worth one, () all.
    silent: no notes at all.
    """

    columns: tuple[str, ...]
    keys: tuple[str, ...]
    kept: str = "1"
    noted: str = ""
    watched: tuple[str, ...] = ()
    silent: bool = False


TABLES: Mapping[str, Table] = MappingProxyType(
    {
        # The window's memory is not worth a note.
        "meta": Table(
            ("key", "value"), ("key",), "key IN ('id', 'name', 'created')", "new.key IN ('id', 'name', 'created')"
        ),
        # A generated asset's file tells all of its first row.
        "assets": Table(
            ("id", "kind", "title", "file", "created", "starred", "origin", "trashed", "renamed", "job_id", "idx"),
            ("id",),
            "starred OR trashed OR renamed OR origin<>'generated'",
            "new.origin<>'generated'",
            ("title", "starred", "trashed", "file"),
        ),
        "boards": Table(("id", "title", "created"), ("id",)),
        "board_assets": Table(("board", "asset", "added"), ("board", "asset")),
        "jobs": Table(
            ("id", "lane", "state", "position", "request", "error", "created", "started", "finished"), ("id",)
        ),
        # The assets' own files tell it, and a note would cost each result a further fsync.
        "job_outputs": Table(("job_id", "idx"), ("job_id", "idx"), silent=True),
    }
)
"""What no asset's file can tell: the migrations make the triggers from it, the journal its state."""


class Journal:
    """The journal of one project that is open for writing. Never raises: the index has the change already."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder / "backups"
        self._log = self._folder / "changes.jsonl"
        self._state = self._folder / "state.json"
        self._compacted = _state_number(self._state)
        self._written = max((entry["n"] for entry in _entries(self._log)), default=self._compacted)
        # An older index that somebody put in the place of a newer one would number its notes from where it was.
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name='changes'").fetchone()
        if (row[0] if row else 0) < self._written:
            _number_from(connection, self._written)

    @property
    def number(self) -> int:
        """Of the last note that is in the file."""
        return self._written

    def flush(self) -> None:
        """Append the notes that are committed and not in the file yet, durable."""
        rows = self._connection.execute(
            "SELECT n, entry FROM changes WHERE n>? ORDER BY n", (self._written,)
        ).fetchall()
        if not rows:
            return
        lines = b"".join(f'{{"n":{n},{entry[1:]}\n'.encode("utf-8", "replace") for n, entry in rows)
        try:
            self._folder.mkdir(exist_ok=True)
            with open(self._log, "ab") as file:
                size = file.tell()
                if size and not _ends_with_line(self._log):
                    lines = b"\n" + lines  # a power cut left half a line
                file.write(lines)
                file.flush()
                files.sync_file(file.fileno())
        except OSError:
            log.exception("the journal could not be written; it is tried again with the next change")
            return
        self._written = rows[-1][0]
        if size + len(lines) > _COMPACT_BYTES:
            self.compact()

    def compact(self) -> None:
        """Write the whole state into one file and begin the notes anew. Nothing when nothing changed."""
        number = self._connection.execute("SELECT coalesce(max(n), 0) FROM changes").fetchone()[0]
        number = max(number, self._written)
        if number == self._compacted and self._state.exists():
            return
        try:
            self._folder.mkdir(exist_ok=True)
            with files.write_atomically(self._state) as file:
                file.write(b'{"format":1,"n":%d,"tables":{' % number)
                for place, (name, table) in enumerate(TABLES.items()):
                    file.write(b'%s"%s":[' % (b"," if place else b"", name.encode()))
                    self._write_rows(file, f"SELECT {', '.join(table.columns)} FROM {name} WHERE {table.kept}")
                    file.write(b"]")
                file.write(b"}}")
            files.remove(self._log)
        except OSError:
            log.exception("the journal could not be compacted; it is tried again later")
            return
        with self._connection.change():
            self._connection.execute("DELETE FROM changes WHERE n<=?", (number,))
        self._written = self._compacted = number

    def _write_rows(self, file: IO[bytes], sql: str) -> None:
        """Rows as JSON arrays, a few at a time: with 100,000 of them one call would hold the interpreter for 0.3 s."""
        rows = self._connection.execute(sql)
        between = b""
        while part := rows.fetchmany(_ROWS_AT_ONCE):
            lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in part]
            file.write(between + ",\n".join(lines).encode("utf-8", "replace"))
            between = b",\n"


def replay(connection: Connection, folder: Path) -> int:
    """Bring a restored or empty index to the journal's state; returns how many notes were used.

    Rows of `assets` are only changed here, never made: a row is made from its file. So call this again after files were
    adopted; it gives the same result as once.
    """
    used = 0
    state = _read_state(folder / "backups" / "state.json")
    have = connection.execute("SELECT value FROM meta WHERE key='journal'").fetchone()
    base = int(have[0]) if have else 0
    number = connection.execute("SELECT coalesce(max(n), 0) FROM changes").fetchone()[0]
    base = max(base, number)
    with connection.change():
        if state is not None and state["n"] >= base:
            used += _restore_state(connection, state)
            base = state["n"]
        last = base
        for entry in _entries(folder / "backups" / "changes.jsonl"):
            if entry["n"] > base:
                _apply(connection, entry)
                last = max(last, entry["n"])
                used += 1
        # Numbers go on where they ended, so that a later note is never taken for an earlier one.
        connection.execute("DELETE FROM changes")
        _number_from(connection, last)
    return used


def _number_from(connection: Connection, number: int) -> None:
    connection.execute("DELETE FROM sqlite_sequence WHERE name='changes'")
    connection.execute("INSERT INTO sqlite_sequence(name, seq) VALUES('changes', ?)", (number,))


def _restore_state(connection: Connection, state: dict[str, Any]) -> int:
    tables: dict[str, list[list[Any]]] = state["tables"]
    for name in ("boards", "board_assets", "jobs", "job_outputs"):
        connection.execute(f"DELETE FROM {name}")
    connection.execute("UPDATE assets SET starred=0 WHERE starred")
    count = 0
    for name, rows in tables.items():
        if name not in TABLES:
            continue
        columns = TABLES[name].columns
        for row in rows:
            _apply(connection, {"put": name, "row": dict(zip(columns, row, strict=False))})
            count += 1
    return count


def _apply(connection: Connection, entry: dict[str, Any]) -> None:
    row = entry.get("row")
    name = str(entry.get("put") or entry.get("drop"))
    if name not in TABLES or not isinstance(row, dict):
        return
    columns = [column for column in TABLES[name].columns if column in row]
    values = [row[column] for column in columns]
    if "drop" in entry:
        where = " AND ".join(f"{column}=?" for column in columns)
        if name != "assets":  # an asset without a file is dropped by the recovery; one with a file is not gone
            connection.execute(f"DELETE FROM {name} WHERE {where}", values)
    elif name == "assets":
        connection.execute(
            "UPDATE assets SET starred=?, title=?, renamed=?, origin=?, created=?, kind=? WHERE id=?",
            [row.get(key) for key in ("starred", "title", "renamed", "origin", "created", "kind", "id")],
        )
    else:
        marks = ", ".join("?" * len(columns))
        connection.execute(f"INSERT OR REPLACE INTO {name}({', '.join(columns)}) VALUES({marks})", values)


def asset_rows(folder: Path) -> dict[str, dict[str, Any]]:
    """The last known rows of assets whose own files cannot tell all: imported, starred, renamed or made by hand.

    Keyed by the name of the file, composed (NFC), without its folder.
    """
    found: dict[str, dict[str, Any]] = {}
    state = _read_state(folder / "backups" / "state.json")
    for row in (state or {"tables": {}})["tables"].get("assets", []):
        values = dict(zip(TABLES["assets"].columns, row, strict=False))
        found[_name(values["file"])] = values
    for entry in _entries(folder / "backups" / "changes.jsonl"):
        if entry.get("put") == "assets" and isinstance(entry.get("row"), dict):
            found[_name(entry["row"]["file"])] = entry["row"]
    return found


def _name(file: str) -> str:
    return unicodedata.normalize("NFC", file.rpartition("/")[2])


def _state_number(path: Path) -> int:
    """The number of the last note a state holds, from its first bytes: a state can have some megabytes."""
    try:
        with open(path, "rb") as file:
            match = re.match(rb'\{"format":\d+,"n":(\d+),', file.read(64))
    except OSError:
        return 0
    return int(match.group(1)) if match else 0


def _read_state(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    good = isinstance(data, dict) and isinstance(data.get("n"), int) and isinstance(data.get("tables"), dict)
    return data if good else None


def _entries(path: Path) -> Iterable[dict[str, Any]]:
    try:
        data = path.read_bytes()
    except OSError:
        return
    for line in data.split(b"\n"):
        with contextlib.suppress(ValueError, RecursionError):  # a power cut may leave half a line
            entry = json.loads(line)
            if isinstance(entry, dict) and isinstance(entry.get("n"), int):
                yield entry


def _ends_with_line(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"

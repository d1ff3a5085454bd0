"""What the library remembers: what a person set (library.json, kept), and what the last look at the disk found
(models.json, a cache that may be deleted at any time).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import StudioError
from ..i18n import N_
from ..paths import cache_dir, data_dir
from ..store.files import write_atomically
from .entry import Entry

__all__ = ["Library", "Row", "Snapshot", "change_library", "read_library", "read_snapshot", "write_snapshot"]

log = logging.getLogger(__name__)

_FORMAT = 1
_DETECTION = 2
"""Raised when the detection finds other things in the same files, so that all are read again."""

_lock = threading.Lock()  # the window's scan and the window's own thread both change the file


@dataclass
class Library:
    """What a person set. folders: added ones. types: key of a model to the type chosen for it. ids: key of a model to
    its (id, digest), so that it keeps its id when another of the same name comes."""

    folders: list[str] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    ids: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A model of the snapshot. key, stamp: as in `walk.Candidate`. root: the folder that was searched."""

    key: str
    stamp: str
    root: str
    type: str
    entry: Entry


@dataclass(frozen=True)
class Snapshot:
    """What was found at the last look. rows: in the order of the list. nothing: key to stamp of places without a
    model, so that they are not read again. put: ids of the models of models.toml that are not bundled and were found
    in the models folder."""

    rows: tuple[Row, ...] = ()
    nothing: dict[str, str] = field(default_factory=dict)
    put: tuple[str, ...] = ()


def _library_file() -> Path:
    return data_dir() / "library.json"


def _snapshot_file() -> Path:
    return cache_dir() / "models.json"


def read_library() -> Library:
    """What was set; an empty one when the file is missing or broken (its folders can be added again)."""
    try:
        data = json.loads(_library_file().read_text(encoding="utf-8"))
        folders = [item for item in data.get("folders", []) if isinstance(item, str)]
        types = {key: type for key, type in data.get("types", {}).items() if isinstance(type, str)}
        ids = {key: (str(id), str(digest)) for key, (id, digest) in data.get("ids", {}).items()}
    except FileNotFoundError:
        return Library()
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        log.info("%s cannot be read: %r", _library_file(), error)
        return Library()
    return Library(folders, types, ids)


def change_library(change: Callable[[Library], None]) -> Library:
    """Apply a change to what is stored; StudioError when it cannot be written. Any thread."""
    with _lock:
        library = read_library()
        change(library)
        data = {"format": _FORMAT, "folders": library.folders, "types": library.types, "ids": library.ids}
        _write(_library_file(), data, indent=1)
        return library


def read_snapshot() -> Snapshot:
    """What the last look at the disk found, from memory when the file has not changed; empty when there was none."""
    path = _snapshot_file()
    try:
        state = path.stat()
    except OSError:
        return Snapshot()
    return _read_snapshot(path, state.st_mtime_ns, state.st_size, state.st_ino)


@lru_cache(maxsize=2)
def _read_snapshot(path: Path, changed: int, size: int, number: int) -> Snapshot:  # number: each write is a new file
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if (data["format"], data["detection"]) != (_FORMAT, _DETECTION):
            return Snapshot()
        rows = tuple(
            Row(row["key"], row["stamp"], row["root"], row["type"], Entry.from_json(row["entry"]))
            for row in data["rows"]
        )
        return Snapshot(rows, dict(data["nothing"]), tuple(data.get("put", ())))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        log.info("%s cannot be read: %r", path, error)
        return Snapshot()


def write_snapshot(snapshot: Snapshot) -> None:
    """Keep what was found; StudioError when it cannot be written."""
    rows = [
        {"key": row.key, "stamp": row.stamp, "root": row.root, "type": row.type, "entry": row.entry.to_json()}
        for row in snapshot.rows
    ]
    data = {"format": _FORMAT, "detection": _DETECTION, "rows": rows, "nothing": snapshot.nothing}
    data["put"] = list(snapshot.put)
    _write(_snapshot_file(), data)


def _write(path: Path, data: dict[str, Any], indent: int | None = None) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as file:  # ASCII: names of files may hold bytes that are no UTF-8
            file.write(json.dumps(data, indent=indent, sort_keys=True).encode("ascii"))
    except OSError as error:
        raise StudioError(
            N_("The list of models could not be saved in {folder}; check its disk and its permissions."),
            code="library",
            detail=repr(error),
            folder=str(path.parent),
        ) from error

"""Bringing index and files together again: after a crash at any instant, and when the index is lost.

The rules. A row that is committed wins over where its file lies. A file in `assets/` or complete in `incoming/` without
a row gets one. A file in `trash/` without a row is trashed. Nothing that holds a person's work is deleted here.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..assets import AUDIO_SUFFIXES, IMAGE_SUFFIXES, TEXT_SUFFIXES, Asset, file_name, is_stored_file
from ..documents import dumps, read_mirror
from ..jobs import JobQueue
from ..metadata import read_recipe
from . import backups, files, intake, journal
from .database import INDEX, Connection
from .search import searchable

__all__ = [
    "Report",
    "adopt_incoming",
    "count_outputs",
    "foreign_rows",
    "forget",
    "free_name",
    "rebuild",
    "reconcile",
    "remove_parts",
    "restore_index",
    "set_index_aside",
    "store",
]

log = logging.getLogger(__name__)

_SUFFIXES = IMAGE_SUFFIXES | AUDIO_SUFFIXES | TEXT_SUFFIXES
_FOLDERS = ("assets", "trash")


@dataclass
class Report:
    """What opening a project had to put right. rebuilt: why the index was made anew, "" when it was not."""

    rebuilt: str = ""
    adopted: list[str] = field(default_factory=list)
    missing: int = 0

    def __bool__(self) -> bool:
        return bool(self.rebuilt or self.adopted or self.missing)


def set_index_aside(folder: Path) -> None:
    """Keep a damaged index in `backups/`, out of the way."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    (folder / "backups").mkdir(exist_ok=True)
    for suffix in ("-wal", "-journal", "-shm", ""):
        path = folder / (INDEX + suffix)
        if path.exists():
            files.move(path, folder / "backups" / f"damaged-{stamp}.aigc{suffix}")


def restore_index(folder: Path) -> bool:
    """Put the newest intact backup in the place of the index; False when there is none."""
    backup = backups.newest_intact(folder)
    if backup is None:
        return False
    files.copy_into(backup, folder / INDEX)
    return True


def reconcile(connection: Connection, folder: Path, *, rebuild: bool = False) -> Report:
    """Bring rows and files together. rebuild: the index is a backup or empty, so rows without a file are dropped."""
    report = Report()
    for seq in foreign_rows(connection):
        log.warning("row %d of the index is not one of this app; it is dropped", seq)
        _drop(connection, seq)
    # Sets of whole names first: with 100,000 assets this is most of what opening costs.
    rows = {row[0] for row in connection.execute("SELECT file FROM assets")}
    there = {f"{place}/{name}" for place in _FOLDERS for name in _listed(folder / place)}
    lost = {_key(file): file for file in sorted(rows - there)}
    orphans = sorted((file for file in there - rows if _is_orphan(folder, file)), reverse=True)
    found = {_key(file): file for file in orphans}  # assets/ wins
    for key, file in lost.items():
        seq = connection.execute("SELECT seq FROM assets WHERE file=?", (file,)).fetchone()[0]
        if key in found:
            other = found.pop(key)
            if rebuild:
                _follow_file(connection, seq, other)
            elif _parent(other) != _parent(file):
                files.move(folder / other, folder / file)  # the row was committed, the move did not happen
        elif rebuild or file.startswith("trash/"):
            _drop(connection, seq)  # deleted for ever: the file went first
        else:
            report.missing += 1
    known = journal.asset_rows(folder) if rebuild else {}
    for file in sorted(found.values()):
        _adopt(connection, folder, file, known.get(_key(file), {}), report)
    report.adopted += adopt_incoming(connection, folder)
    return report


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def foreign_rows(connection: Connection) -> list[int]:
    """Rows of assets (their `seq`) that this app cannot have written: another's id, or a file outside the project.

    Ids become names of files, and files are moved and deleted. Both queries run on covering indexes.
    """
    ids = connection.execute("SELECT seq FROM assets WHERE length(id)<>32 OR id GLOB '*[^0-9a-f]*'")
    outside = connection.execute(
        "SELECT seq, file FROM assets WHERE NOT (file GLOB 'assets/[^.]*' OR file GLOB 'trash/[^.]*')"
        " OR length(file)-length(replace(file, '/', ''))<>1 OR instr(file, char(92)) OR instr(file, char(0))"
    )
    return [*(row[0] for row in ids), *(seq for seq, file in outside if not is_stored_file(file))]


def _is_asset(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in _SUFFIXES and not name.startswith((".", "~"))


def _is_orphan(folder: Path, file: str) -> bool:
    """Whether a file without a row is to become an asset: not what other programs leave, nor a document's mirror."""
    place, _, name = file.partition("/")
    if not _is_asset(name) or not is_stored_file(file):
        return False
    # Mirrors in the trash were once named as an asset can be, too.
    old_mirror = place == "trash" and name.startswith("document-") and name.endswith(".md")
    return not (old_mirror and read_mirror((folder / file).with_suffix(".json")) is not None)


def rebuild(connection: Connection, folder: Path) -> Report:
    """Make a lost index whole: `connection` is to an empty one or to a backup that is older than the files."""
    journal.replay(connection, folder)
    report = reconcile(connection, folder, rebuild=True)
    _restore_rows(connection, folder)
    _adopt_documents(connection, folder)
    return report


def _restore_rows(connection: Connection, folder: Path) -> None:
    """Stars, titles and dates of assets, once their rows are there."""
    with connection.change():
        for row in journal.asset_rows(folder).values():
            connection.execute(
                "UPDATE assets SET starred=?, title=?, renamed=?, created=? WHERE id=?",
                [row.get(key) for key in ("starred", "title", "renamed", "created", "id")],
            )
            connection.execute(
                "UPDATE assets_text SET title=? WHERE rowid=(SELECT seq FROM assets WHERE id=?)",
                (searchable(str(row.get("title", ""))), row.get("id")),
            )
        connection.execute("DELETE FROM changes")


def _adopt_documents(connection: Connection, folder: Path) -> None:
    """Take the documents whose mirrors are newer than the index, or missing in it."""
    for place, deleted in (("trash", True), ("documents", False)):
        for path in sorted((folder / place).glob("*.json")):
            document = read_mirror(path)
            if document is None:
                log.warning("%s/%s is not a document", place, path.name)
                continue
            row = connection.execute("SELECT modified FROM documents WHERE id=?", (document.id,)).fetchone()
            if row is not None and row[0] > document.modified:
                continue
            with connection.change():
                connection.execute(
                    "INSERT OR REPLACE INTO documents(id, kind, title, modified, mirrored, deleted, body)"
                    " VALUES(?,?,?,?,?,?,?)",
                    (
                        *(document.id, document.kind, document.title, document.modified, document.modified),
                        *(path.stat().st_mtime if deleted else 0, dumps(document)),
                    ),
                )


def count_outputs(connection: Connection, queue: JobQueue) -> None:
    """Tell the queue which results are stored: those that were adopted count for their jobs."""
    rows = connection.execute(
        "SELECT a.job_id, a.idx FROM assets AS a JOIN jobs AS j ON j.id=a.job_id"
        " WHERE NOT EXISTS (SELECT 1 FROM job_outputs AS o WHERE o.job_id=a.job_id AND o.idx=a.idx)"
    ).fetchall()
    for job_id, index in rows:
        queue.output_stored(job_id, index)


def _key(file: str) -> str:
    """A file's name as every system compares it: some folders give names back decomposed."""
    return unicodedata.normalize("NFC", file.rpartition("/")[2])


def _parent(file: str) -> str:
    return file.partition("/")[0]


def _follow_file(connection: Connection, seq: int, file: str) -> None:
    with connection.change():
        trashed = time.time() if file.startswith("trash/") else 0
        connection.execute("UPDATE assets SET file=?, trashed=? WHERE seq=?", (file, trashed, seq))


def _drop(connection: Connection, seq: int) -> None:
    with connection.change():
        row = connection.execute("SELECT id FROM assets WHERE seq=?", (seq,)).fetchone()
        forget(connection, seq, row[0])


def forget(connection: Connection, seq: int, asset_id: str) -> None:
    """Remove every trace of an asset from the index, within the caller's transaction."""
    connection.execute("DELETE FROM assets_text WHERE rowid=?", (seq,))
    connection.execute("DELETE FROM lineage WHERE child=?", (asset_id,))
    connection.execute("DELETE FROM board_assets WHERE asset=?", (asset_id,))
    connection.execute("DELETE FROM assets WHERE seq=?", (seq,))


def _adopt(connection: Connection, folder: Path, file: str, known: Mapping[str, Any], report: Report) -> None:
    """Give a file a row. Whatever is wrong with one file, the project opens: the file is left where it is."""
    path = folder / file
    try:
        found = intake.examine(path, known=known)
        row = connection.execute("SELECT file FROM assets WHERE id=?", (found.asset.id,)).fetchone()
        if row is not None:
            if files.same_bytes(folder / row[0], path):
                log.info("%s is a copy of an asset that is in the project; it is left alone", file)
                return
            found = intake.derived(found)
        trashed = float(known.get("trashed") or time.time()) if file.startswith("trash/") else 0.0
        with connection.change():
            report.adopted.append(intake.insert(connection, found, file, trashed=trashed).id)
    except sqlite3.Error:
        raise  # the index's trouble, not this file's
    except Exception as error:  # noqa: BLE001
        log.info("%s is not adopted: %r", file, error)


def adopt_incoming(connection: Connection, folder: Path) -> list[str]:
    """Move results that a crash left complete in `incoming/` into `assets/`, with their rows; returns their ids."""
    adopted: list[str] = []
    for name in sorted(filter(_is_asset, _listed(folder / "incoming"))):
        path = folder / "incoming" / name
        if read_recipe(path) is None:
            continue
        try:
            intake.check_import(path)  # to the last byte: a cut file must be made again, not counted
            found = intake.examine(path)
        except OSError as error:  # another program may have it open: the next opening tries again
            log.info("%s is not adopted: %r", name, error)
            continue
        except Exception as error:  # noqa: BLE001  whatever is wrong with one file, the project opens
            log.info("%s is not adopted: %r", name, error)
            files.move(path, path.with_name(name + ".damaged"))
            continue
        if connection.execute("SELECT 1 FROM assets WHERE id=?", (found.asset.id,)).fetchone():
            files.remove(path)  # stored already: the crash came before the second name was gone
            continue
        store(connection, folder, path, found)
        adopted.append(found.asset.id)
    return adopted


def store(
    connection: Connection,
    folder: Path,
    path: Path,
    found: intake.Found,
    *,
    bring: Callable[[Path, Path], None] = files.move,
    also: Callable[[], None] | None = None,
) -> Asset:
    """Give a complete file a readable name in `assets/` (`bring`: moved or copied there), and then its row.

    also: done in the row's transaction. When the row cannot be written, the file is brought back.
    """
    target = free_name(folder, found.asset.title or found.asset.kind, found.asset.id, path.suffix)
    bring(path, target)
    try:
        with connection.change():
            asset = intake.insert(connection, found, f"assets/{target.name}")
            if also is not None:
                also()
    except BaseException:
        with contextlib.suppress(OSError):
            if bring is files.move:
                files.move(target, path)
            else:
                files.remove(target)
        raise
    return asset


def free_name(folder: Path, title: str, asset_id: str, suffix: str) -> Path:
    """A name in `assets/` that nothing has, there or in the trash."""
    for digits in (6, 12, 32):
        name = file_name(title, asset_id, suffix, digits=digits)
        if not any((folder / place / name).exists() for place in _FOLDERS):
            break
    return folder / "assets" / name


def remove_parts(folder: Path) -> None:
    """Delete what was being written when the app ended: half files carry the suffix ".part"."""
    for place in ("", "assets", "incoming", "trash", "documents", "backups"):
        for name in _listed(folder / place):
            if name.startswith(".") and name.endswith(files.PART):
                files.remove(folder / place / name)

"""A project as one portable file, and back: a zip with the index, the assets and the documents.

Left out: the trash, thumbnails, backups, what is on its way, and of trainings all that is large (their models lie
elsewhere; one that was not finished begins anew from its data); curves, samples and ratings go along. Unpacking trusts
nothing: every name, link, size and ratio is checked before the first byte is written, sizes are counted again while
writing, and the folder gets its name only when it is whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import stat
import tempfile
import unicodedata
import uuid
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from . import runs
from .errors import StudioError
from .i18n import N_
from .jobs import JobQueue
from .migrations import check_version
from .places import names_only
from .store import files, recovery
from .store.database import INDEX, index_problem, open_reader, open_writer
from .store.opening import is_project

__all__ = ["SUFFIX", "pack", "unpack"]

SUFFIX = ".aigcpack"
"""The suffix of a package; it is an ordinary zip."""

Progress = Callable[[int, int], None]
Check = Callable[[], None]

_FOLDERS = ("assets", "documents")
_MAX_ENTRIES = 2_000_000
_MAX_BYTES = 2 << 40
_BOMB_RATIO = 200  # text shrinks to a tenth, deflate can do no better than 1:1032
_BOMB_BYTES = 64 << 20  # a small entry may shrink as it likes
_BLOCK = 1 << 20
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))})
_STORED = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".flac", ".ogg", ".oga", ".opus", ".mp3"})


def _nothing(*_: object) -> None:
    """Neither progress nor a check."""


def pack(folder: Path, target: Path, progress: Progress = _nothing, check: Check = _nothing) -> Path:
    """Write the project in `folder` to one file. progress(done, total) in bytes; `check` may raise to stop.

    The project may be open and working meanwhile: the index is a consistent copy, and files never change once stored,
    though they may move to the trash or get another name before their turn.
    """
    if not is_project(folder):
        raise StudioError(
            N_('The folder "{name}" holds no AIGC Studio project; choose another folder.'),
            code="not-a-project",
            name=folder.name,
        )
    with files.plain_errors(), tempfile.TemporaryDirectory(prefix="aigc-studio-") as temporary:
        copy = Path(temporary) / INDEX
        with contextlib.closing(open_reader(folder)) as reader, contextlib.closing(sqlite3.connect(copy)) as writer:
            check_version(reader)
            reader.backup(writer)
            writer.execute("UPDATE documents SET mirrored=0")  # a mirror that is renamed meanwhile is written anew
            _name_no_places(writer)
            writer.commit()
            writer.execute("PRAGMA journal_mode=DELETE")
            writer.execute("VACUUM")  # what was deleted or replaced is in no unused page either
        instead = {INDEX: copy, **_records(folder, Path(temporary))}
        own = {name: path.stat().st_size for name, path in instead.items()}
        sizes = own | _sizes(folder) | own  # the index first
        total = sum(sizes.values())
        done = 0
        with (
            files.write_atomically(target) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive,
        ):
            for name, size in sizes.items():
                path = instead.get(name) or _where(folder, name)
                try:
                    info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
                    source = open(path, "rb")  # noqa: SIM115  closed below; what follows it may not be skipped
                except FileNotFoundError:
                    total -= size  # deleted for ever, or a mirror with another name by now
                    continue
                stored = path.suffix.lower() in _STORED
                info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                with source, archive.open(info, "w") as sink:
                    while block := source.read(_BLOCK):
                        check()
                        sink.write(block)
                        done += len(block)
                        progress(done, total)
    return target


def _name_no_places(index: sqlite3.Connection) -> None:
    """Take from the copied index where a training's data lie here, and what the window remembers of such places."""

    def renamed(text: str) -> str:
        try:
            return json.dumps(names_only(json.loads(text)), ensure_ascii=False)
        except (ValueError, RecursionError):
            return text

    index.create_function("names_only", 1, renamed, deterministic=True)
    index.execute("DELETE FROM changes WHERE json_extract(entry, '$.put')='jobs'")  # noted again by the next line
    index.execute("UPDATE jobs SET request=CASE lane WHEN 'train' THEN names_only(request) ELSE request END")
    index.execute("UPDATE meta SET value=names_only(value) WHERE key LIKE 'view/%'")


def _records(folder: Path, place: Path) -> dict[str, Path]:
    """The records of trainings as they are passed on, written to `place`: names in the project to files."""
    found = {}
    for run in runs.runs(folder):
        record = names_only(runs.RunFolder(run.folder).info())
        found[f"{runs.WORKSHOPS}/{run.id}/{runs.RECORD}"] = file = place / f"{run.id}.json"
        file.write_bytes(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
    return {name: file for name, file in found.items() if runs.is_kept(name)}


def _sizes(folder: Path) -> dict[str, int]:
    """What is to be packed, with its size in bytes."""
    found = {}
    for name in _FOLDERS:
        with contextlib.suppress(FileNotFoundError), os.scandir(folder / name) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                    with contextlib.suppress(FileNotFoundError):
                        found[f"{name}/{entry.name}"] = entry.stat().st_size
    return found | runs.kept_files(folder)


def _where(folder: Path, name: str) -> Path:
    """Where a file is by now: an asset that went to the trash meanwhile is not there in the copied index."""
    path, trashed = folder / name, folder / "trash" / name.rpartition("/")[2]
    return trashed if name.startswith("assets/") and not path.exists() and trashed.exists() else path


def unpack(package: Path, folder: Path, progress: Progress = _nothing, check: Check = _nothing) -> Path:
    """Make the project folder `folder` (new, or empty) from a package. Nothing is left behind when it fails."""
    with files.plain_errors():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StudioError(
                N_('The folder "{name}" is not empty; choose another name for the project.'),
                code="not-empty",
                name=folder.name,
            )
        with open(package, "rb") as file, _opened(file, package) as archive:
            entries = _checked(archive, package)
            total = sum(entry.file_size for entry in entries)
            _check_room(folder, total)
            folder.parent.mkdir(parents=True, exist_ok=True)
            part = folder.parent / f".{uuid.uuid4().hex[:12]}{files.PART}"
            try:
                _extract(archive, entries, part, package, total, progress, check)
                if problem := index_problem(part / INDEX, thorough=True):
                    raise _unusable(package, f"index: {problem}")
                with contextlib.closing(open_reader(part)) as reader:
                    check_version(reader)
                    if odd := recovery.foreign_rows(reader):
                        raise _unsafe(package, f"{len(odd)} rows of the index")
                with contextlib.closing(open_writer(part, shared_place=True)) as writer:
                    JobQueue(writer).hold_back()  # nobody expects a received project to start working
                if folder.exists():
                    folder.rmdir()
                files.replace(part, folder)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
            files.sync_folder(folder.parent)
    return folder


def _opened(file: IO[bytes], package: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, zlib.error, UnicodeDecodeError) as error:
        raise _unusable(package, repr(error)) from error


def _unusable(package: Path, detail: str) -> StudioError:
    return StudioError(
        N_('"{name}" is damaged or not a package of this app; copy it again or make a new one.'),
        code="package-damaged",
        detail=detail,
        name=package.name,
    )


def _unsafe(package: Path, detail: str) -> StudioError:
    return StudioError(
        N_('"{name}" holds what no package of this app holds, so it was not opened; ask for it from its maker again.'),
        code="package-unsafe",
        detail=detail,
        name=package.name,
    )


def _checked(archive: zipfile.ZipFile, package: Path) -> list[zipfile.ZipInfo]:
    """The entries to write; StudioError for a package that a package of ours cannot be."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > _MAX_ENTRIES:
        raise _unsafe(package, f"{len(entries)} entries")
    seen: set[str] = set()
    packed = 0
    for entry in archive.infolist():
        mode = entry.external_attr >> 16
        if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
            raise _unsafe(package, f"link or device: {entry.filename!r}")
        if entry.flag_bits & 0x1:
            raise _unsafe(package, f"encrypted: {entry.filename!r}")
        if not _plain_name(entry.filename.rstrip("/") if entry.is_dir() else entry.filename, directory=entry.is_dir()):
            raise _unsafe(package, f"name: {entry.filename!r}")
        if entry.is_dir():
            continue
        key = unicodedata.normalize("NFC", entry.filename).casefold()
        if key in seen:
            raise _unsafe(package, f"twice: {entry.filename!r}")
        seen.add(key)
        if entry.file_size > _BOMB_BYTES and entry.file_size > _BOMB_RATIO * max(1, entry.compress_size):
            raise _unsafe(package, f"{entry.file_size} bytes from {entry.compress_size}: {entry.filename!r}")
        packed += entry.compress_size
    # Entries that share bytes add up to more than the file: the other kind of bomb.
    if packed > package.stat().st_size or sum(entry.file_size for entry in entries) > _MAX_BYTES:
        raise _unsafe(package, f"{packed} packed bytes in a file of {package.stat().st_size}")
    if INDEX not in {entry.filename for entry in entries}:
        raise _unusable(package, "no index")
    return entries


def _plain_name(name: str, *, directory: bool) -> bool:
    """Whether a name is the index, one file directly in one of our folders, legal on every system, or of a training."""
    if name == INDEX or runs.is_kept(name):
        return not directory
    if directory:
        return name in _FOLDERS
    parent, _, last = name.partition("/")
    if parent not in _FOLDERS or not last or len(last.encode("utf-8", "replace")) > 255:
        return False
    if any(c in '\\/:*?"<>|' or ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in last):
        return False
    return last[0] != "." and last[-1] not in ". " and last.partition(".")[0].lower() not in _RESERVED


def _check_room(folder: Path, total: int) -> None:
    place = folder
    while not place.exists():
        place = place.parent
    if (free := shutil.disk_usage(place).free) < total + (64 << 20):
        raise StudioError(
            N_(
                "The project needs {needed} MB and the disk has {free} MB left; free some space or choose another disk."
            ),
            code="disk-full",
            needed=(total >> 20) + 65,
            free=free >> 20,
        )


def _extract(
    archive: zipfile.ZipFile,
    entries: list[zipfile.ZipInfo],
    part: Path,
    package: Path,
    total: int,
    progress: Progress,
    check: Check,
) -> None:
    done = 0
    part.mkdir()
    for name in _FOLDERS:
        (part / name).mkdir()
    for entry in entries:
        written = 0
        (part / entry.filename).parent.mkdir(parents=True, exist_ok=True)
        try:
            with archive.open(entry) as source, open(part / entry.filename, "xb") as sink:
                while block := source.read(_BLOCK):
                    check()
                    written += len(block)
                    if written > entry.file_size:
                        raise _unsafe(package, f"more bytes than announced: {entry.filename!r}")
                    sink.write(block)
                    progress(done + written, total)
                sink.flush()
                files.sync_file(sink.fileno())
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise _unusable(package, repr(error)) from error
        if written != entry.file_size:
            raise _unusable(package, f"cut: {entry.filename!r}")
        done += written
    for name in (*_FOLDERS, "."):
        files.sync_folder(part / name)

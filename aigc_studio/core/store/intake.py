"""From a file to a row: what a file is, how large, how long, and the row that says so. Nothing is moved here."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import soundfile

from .. import recipe as recipes
from ..assets import Asset, is_asset_id, kind_of
from ..errors import StudioError
from ..i18n import N_
from ..imaging import image_size, open_image
from ..metadata import read_recipe, read_text
from .database import Connection
from .search import searchable

__all__ = ["MAX_TEXT_BYTES", "Found", "check_import", "derived", "examine", "insert"]

MAX_TEXT_BYTES = 20 << 20
"""Largest text file that is imported: some 3,000 pages, above which no editor in the app stays usable."""
_MAX_FILE_BYTES = 4 << 30


@dataclass(frozen=True)
class Found:
    """A file as an asset that is not stored yet: its row, its recipe and its text."""

    asset: Asset
    recipe: Mapping[str, Any]
    body: str


def examine(path: Path, *, known: Mapping[str, Any] | None = None, kind: str = "") -> Found:
    """Read what a file says about itself. known: a former row of it. StudioError or OSError when it cannot be read.

    A former row with another id than the file's recipe: the file was changed outside and imported again (`derived`).
    """
    recipe = read_recipe(path)
    known = known or {}
    former = known["id"] if is_asset_id(known.get("id")) else ""
    made = recipe or {}
    info = made.get("info")
    own = str(info.get("kind", "")) if isinstance(info, Mapping) else ""
    kind = kind or str(known.get("kind") or "") or (own if own == "mask" else kind_of(path))
    width, height, seconds, body = 0, 0, 0.0, ""
    if kind in ("image", "mask"):
        width, height = image_size(path)
    elif kind == "audio":
        seconds = _seconds(path)
    elif kind == "text":
        body = read_text(path)
    title = str(known.get("title") or "") or recipes.title_for(made) or (_first_line(body) if recipe else _stem(path))
    asset = Asset(
        id=made.get("asset_id") or former or uuid.uuid4().hex,
        kind=kind,
        title=title,
        file="",
        # Milliseconds: the journal keeps 15 digits, and a time must come back from it as it was.
        created=round(float(known.get("created") or _created(made) or time.time()), 3),
        starred=bool(known.get("starred", False)),
        origin=str(known.get("origin") or ("generated" if made.get("job_id") else "imported")),
        width=width,
        height=height,
        seconds=seconds,
        job_id=str(made.get("job_id", "")),
        index=int(made.get("index", 0)),
        bytes=path.stat().st_size,
        trashed=False,
    )
    found = Found(asset, made, body)
    return derived(found, former) if former and former != asset.id else found


def derived(found: Found, asset_id: str = "") -> Found:
    """The same file as an asset of its own, whose parent is the one its recipe speaks of: an edited copy of it."""
    asset = replace(found.asset, id=asset_id or uuid.uuid4().hex, origin="imported", job_id="", index=0)
    return Found(asset, {**found.recipe, "parents": [found.asset.id]}, found.body)


def _stem(path: Path) -> str:
    """A file's name without suffix and without the end that `file_name` gave it."""
    name = path.stem.encode("utf-8", "replace").decode("utf-8")  # Linux lets a name be bytes that are no text
    return re.sub(r"-[0-9a-f]{6}$", "", name) or name


def _created(recipe: Mapping[str, Any]) -> float:
    try:
        return datetime.fromisoformat(str(recipe["created"])).timestamp()
    except (KeyError, ValueError, OverflowError, OSError):
        return 0.0


def _first_line(text: str) -> str:
    return next((line.strip("# ").strip()[:80] for line in text.splitlines() if line.strip("# ").strip()), "")


def _seconds(path: Path) -> float:
    try:
        info = soundfile.info(str(path))
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise StudioError(
            N_('The sound "{name}" is damaged or not in a format this app reads; save it as WAV, FLAC, OGG or MP3.'),
            code="audio-damaged",
            detail=repr(error),
            name=path.name,
        ) from error
    return info.frames / info.samplerate if info.samplerate else 0.0


def check_import(path: Path) -> str:
    """Look at a foreign file from end to end before it comes into the project; returns its kind, StudioError if bad."""
    if not path.is_file():
        raise StudioError(
            N_('"{name}" is not a file; drop pictures, sounds or texts here.'), code="not-a-file", name=path.name
        )
    size = path.stat().st_size
    kind = kind_of(path)
    if size == 0:
        raise StudioError(N_('The file "{name}" is empty; export it again.'), code="empty", name=path.name)
    if size > (MAX_TEXT_BYTES if kind == "text" else _MAX_FILE_BYTES):
        raise StudioError(
            N_('The file "{name}" is {size} MB; the limit is {limit} MB. Split it and try again.'),
            code="file-size",
            name=path.name,
            size=size >> 20,
            limit=(MAX_TEXT_BYTES if kind == "text" else _MAX_FILE_BYTES) >> 20,
        )
    if kind == "image":
        open_image(path)
    elif kind == "audio":
        _check_audio(path)
    elif kind == "text":
        _check_text(path)
    else:
        raise StudioError(
            N_('"{name}" is not a picture, sound or text this app knows; save it as PNG, JPEG, WAV, MP3, TXT or MD.'),
            code="unknown-kind",
            name=path.name,
        )
    return kind


def _check_audio(path: Path) -> None:
    seconds = _seconds(path)
    damaged = StudioError(
        N_('The sound "{name}" is damaged or incomplete; copy or export it again.'),
        code="audio-damaged",
        name=path.name,
    )
    if seconds <= 0:
        raise damaged
    try:
        with soundfile.SoundFile(str(path)) as sound:
            read = 0
            while len(block := sound.read(1 << 20, dtype="float32")):
                read += len(block)
            if read < sound.frames or (path.suffix.lower() == ".wav" and _wav_is_cut(path)):
                raise damaged
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise damaged from error


def _wav_is_cut(path: Path) -> bool:
    # libsndfile trusts the file's size over a RIFF header and reads a cut file without complaint.
    with open(path, "rb") as file:
        head = file.read(12)
    claimed = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and claimed not in (0, 0xFFFFFFFF) and claimed + 8 > path.stat().st_size + 1


def _check_text(path: Path) -> None:
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:65536]:
        raise StudioError(
            N_('The text "{name}" is not UTF-8; open it in an editor, save it as UTF-8 and try again.'),
            code="text-encoding",
            name=path.name,
        )
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StudioError(
            N_('The text "{name}" is not UTF-8; open it in an editor, save it as UTF-8 and try again.'),
            code="text-encoding",
            detail=repr(error),
            name=path.name,
        ) from error


def insert(connection: Connection, found: Found, file: str, *, trashed: float = 0.0) -> Asset:
    """Write the row, its lineage and its words, within the caller's transaction. file: relative, its final place."""
    asset = replace(found.asset, file=file, trashed=bool(trashed))
    recipe = dict(found.recipe)
    cursor = connection.execute(
        "INSERT INTO assets(id, kind, title, file, created, starred, origin, width, height, seconds, job_id, idx,"
        " bytes, trashed, labelled, recipe) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            *(asset.id, asset.kind, asset.title, asset.file, asset.created, asset.starred, asset.origin, asset.width),
            *(asset.height, asset.seconds, asset.job_id, asset.index, asset.bytes, trashed),
            bool(recipe.get("ai_generated")),
            recipes.dumps(recipe) if asset.job_id else "",
        ),
    )
    parents = recipe.get("parents", [])
    connection.executemany(
        "INSERT OR IGNORE INTO lineage(child, parent) VALUES(?,?)",
        [(asset.id, parent) for parent in parents if isinstance(parent, str)],
    )
    request = recipe.get("request")
    prompt = str(request.get("prompt", "")) if isinstance(request, Mapping) else ""
    connection.execute(
        "INSERT INTO assets_text(rowid, title, prompt, body) VALUES(?,?,?,?)",
        (cursor.lastrowid, searchable(asset.title), searchable(prompt), searchable(found.body)),
    )
    return asset

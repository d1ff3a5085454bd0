"""What an asset is: its kinds, its row, its file's name, and how assets are asked for."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "AUDIO_SUFFIXES",
    "IMAGE_SUFFIXES",
    "TEXT_SUFFIXES",
    "Asset",
    "AssetQuery",
    "Board",
    "file_name",
    "is_asset_id",
    "is_stored_file",
    "kind_of",
]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".psd", ".avif"})
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff"})
TEXT_SUFFIXES = frozenset({".md", ".markdown", ".txt"})

_ID = re.compile("[0-9a-f]{32}")
_STORED = re.compile(r"(?:assets|trash)/(?!\.{1,2}$)[^/\\\0]+")

_SLUG_CHARACTERS = 60
_SLUG_BYTES = 150  # ext4 and most network folders take 255 bytes a name; the id, suffix and ".part" need the rest


@dataclass(frozen=True, slots=True)
class Asset:
    """One stored result or imported file.

    kind: "image", "audio", "text", "mask" or "other". file: relative to the project's folder, with "/" ("assets/…",
    "trash/…"). created: seconds since 1970. origin: "generated" or "imported" (also for what is made on the canvas).
    width, height: pixels as shown (EXIF rotation applied), 0 where it has none; seconds: of sound, else 0.
    job_id, index: what made it ("" and 0 when no job did). bytes: size of the file.
    """

    id: str
    kind: str
    title: str
    file: str
    created: float
    starred: bool
    origin: str
    width: int
    height: int
    seconds: float
    job_id: str
    index: int
    bytes: int
    trashed: bool


@dataclass(frozen=True)
class AssetQuery:
    """Which assets, in which order ("newest", "oldest" or "title"). text: words to be found in title, prompt or text.

    board: a board's id, "" for all. starred: only these. trashed: those in the trash instead of the others.
    """

    text: str = ""
    kinds: tuple[str, ...] = ("image", "audio", "text", "other")
    board: str = ""
    starred: bool = False
    trashed: bool = False
    order: str = "newest"


@dataclass(frozen=True, slots=True)
class Board:
    """A named selection of assets; `count` leaves out those in the trash."""

    id: str
    title: str
    count: int


def is_asset_id(value: object) -> bool:
    """Whether this is an asset's id, 32 hexadecimal digits. It names files, so that nothing else may pass for one."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def is_stored_file(file: object) -> bool:
    """Whether this is what `Asset.file` may be: one name directly in `assets/` or `trash/`, nothing outside them."""
    return isinstance(file, str) and _STORED.fullmatch(file) is not None


def kind_of(path: Path | str) -> str:
    """The kind a file's suffix says."""
    suffix = Path(path).suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return "image"
    if suffix in AUDIO_SUFFIXES:
        return "audio"
    return "text" if suffix in TEXT_SUFFIXES else "other"


def file_name(title: str, asset_id: str, suffix: str, *, digits: int = 6) -> str:
    """A readable file name that every system takes: "blue-waves-3f2a9c.png".

    Letters and digits of any script are kept, all else becomes "-". The end of the asset's id keeps names apart on
    systems that ignore case or normalise Unicode, and keeps device names such as "con" from standing alone.
    """
    text = unicodedata.normalize("NFC", title)
    kept = "".join(c if unicodedata.category(c)[0] in "LNM" else "-" for c in text).lower()
    slug = "-".join(part for part in unicodedata.normalize("NFC", kept).split("-") if part)[:_SLUG_CHARACTERS]
    slug = slug.encode("utf-8")[:_SLUG_BYTES].decode("utf-8", "ignore").strip("-") or "untitled"
    end = "".join(c for c in asset_id[:digits] if c.isalnum())  # of a foreign index it could be anything
    return f"{slug}-{end}{suffix.lower()}"

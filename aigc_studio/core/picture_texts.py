"""The texts that a picture carries beside its pixels: text chunks of PNG, comments in the EXIF of the other formats.

What other programs wrote: sizes are bounded before anything is read or unpacked.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path
from typing import IO

from PIL import Image

__all__ = ["texts_of"]

_LIMIT = 8 << 20
"""Bytes of one text that are read; a large ComfyUI graph is 1 MB."""

_MOST_TEXTS = 64
_PNG = b"\x89PNG\r\n\x1a\n"


def texts_of(path: Path) -> dict[str, str]:
    """The texts of a picture by their keys; may raise on a file that is no picture or broken.

    EXIF has no keys: its one text is "UserComment", and ComfyUI's two begin with theirs.
    """
    with open(path, "rb") as file:
        start = file.read(16)
        file.seek(0)
        return _png_texts(file) if start.startswith(_PNG) else _exif_texts(file)


def _png_texts(file: IO[bytes]) -> dict[str, str]:
    """Keys and texts of a PNG's text chunks, those behind the pixels included; a cut file gives what is there."""
    texts: dict[str, str] = {}
    file.seek(len(_PNG))
    room = 4 * _LIMIT
    while len(head := file.read(8)) == 8 and len(texts) < _MOST_TEXTS and room > 0:
        length, name = struct.unpack(">I4s", head)
        if name == b"IEND":
            break
        if name not in (b"tEXt", b"zTXt", b"iTXt") or length > _LIMIT:
            file.seek(length + 4, 1)
            continue
        data = file.read(length)
        file.seek(4, 1)
        key, _, rest = data.partition(b"\0")
        if name == b"zTXt":
            rest = zlib.decompressobj().decompress(rest[1:], _LIMIT)
        elif name == b"iTXt" and len(rest) > 2:
            packed, rest = rest[0], rest[2:].split(b"\0", 2)[-1]  # language, translated key, text
            rest = zlib.decompressobj().decompress(rest, _LIMIT) if packed else rest
        room -= len(rest)
        texts.setdefault(key.decode("latin-1"), _decoded(rest))
    return texts


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _exif_texts(file: IO[bytes]) -> dict[str, str]:
    """The user comment, and the two fields that ComfyUI uses for "prompt:" and "workflow:"."""
    Image.init()
    known = [name for name in ("JPEG", "MPO", "WEBP", "AVIF") if name in Image.OPEN]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(file, formats=known) as image:
            exif = image.getexif()
            comment = exif.get_ifd(0x8769).get(0x9286)
            fields = [exif.get(tag) for tag in (0x010E, 0x010F, 0x0110)]
            plain = image.info.get("comment")
    texts: dict[str, str] = {}
    for field in fields:
        key, _, text = field.partition(":") if isinstance(field, str) else ("", "", "")
        if key.lower() in ("prompt", "workflow"):
            texts[key.lower()] = text[:_LIMIT]
    if isinstance(comment, bytes | str):
        texts["UserComment"] = _user_comment(comment)[:_LIMIT]
    elif isinstance(plain, bytes):
        texts["UserComment"] = _decoded(plain[:_LIMIT])
    return texts


def _user_comment(value: bytes | str) -> str:
    """The text of EXIF's UserComment, which begins with the name of its encoding. UTF-16 comes in either byte order."""
    data = value.encode("latin-1", "replace") if isinstance(value, str) else value
    kind, rest = data[:8], data[8 : 8 + _LIMIT]
    if kind.startswith(b"UNICODE"):
        both = [rest.decode(name, "replace") for name in ("utf-16-be", "utf-16-le")]
        return max(both, key=lambda text: sum(char < "\x80" for char in text)).lstrip("\ufeff").rstrip("\0")
    return _decoded(rest if kind.rstrip(b"\0") in (b"ASCII", b"") else data).rstrip("\0")

"""Small folders of all the files that people have."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["bomb", "drawing", "noise", "picture", "save"]


def noise(seed: int, width: int = 32, height: int = 32, channels: int = 3) -> Image.Image:
    """Coarse coloured noise, different for every seed."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 256, (8, 8, channels), dtype=np.uint8)
    return Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)


def picture(folder: Path, name: str, seed: int = 0, size: tuple[int, int] = (32, 32), **more: object) -> Path:
    """A picture file of noise."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    noise(seed, *size).save(path, **more)  # pyright: ignore[reportArgumentType]
    return path


def drawing(seed: int) -> bytes:
    """A PNG of noise as bytes."""
    out = io.BytesIO()
    noise(seed).save(out, "PNG")
    return out.getvalue()


def save(folder: Path, name: str, data: bytes | str = b"") -> Path:
    """A file with these contents."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def bomb(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes that claims to be this large."""
    parts = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"\0"), b"IEND"]
    chunks = [struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)

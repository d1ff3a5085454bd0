"""Files of one JSON object a line that grow at their end: what is there stays, whatever is killed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .files import plain_errors, sync_file

__all__ = ["append", "read"]

_MOST = 256 << 20


def append(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Add lines and bring them to the disk; the folder must be there. StudioError on a full disk."""
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    if not data:
        return
    with plain_errors(), open(path, "ab") as file:
        file.write((b"\n" if file.tell() else b"") + data)  # ends half a line, if there is one
        file.flush()
        sync_file(file.fileno())


def read(path: Path, most: int = _MOST) -> list[dict[str, Any]]:
    """The lines, of `most` bytes; what is no object is passed over, a file that cannot be read has none."""
    try:
        with open(path, "rb") as file:
            lines = file.read(most).splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict):
            found.append(said)
    return found

"""Captions that are written and not saved yet: kept in the project at once, so that nothing that ends the program takes
them along.

One file for each folder of pictures, to which is only ever appended; the last line about a picture counts, and half a
line, left by a crash or a full disk, is none.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..store import json_lines
from ..store.files import plain_errors
from .caption_files import Change

__all__ = ["Drafts"]

_FOLDER = "drafts"


class Drafts:
    """Those of one folder in one project. Reading never raises."""

    def __init__(self, project: Path, folder: Path) -> None:
        name = hashlib.blake2b(os.fsencode(folder.absolute()), digest_size=12).hexdigest()
        self.path = project / _FOLDER / f"captions-{name}.jsonl"

    def read(self) -> dict[str, Change]:
        """Picture to what was written of it; the file may have come from elsewhere, and names any pictures."""
        found: dict[str, Change] = {}
        for said in json_lines.read(self.path):
            file, after = said.get("file"), said.get("after", ())
            if not isinstance(file, str):
                continue
            if after is None:
                found.pop(file, None)
            elif _texts(after) and _texts(said.get("before")):
                found[file] = Change(tuple(said["before"]), tuple(after))
        return found

    def keep(self, changes: Mapping[str, Change | None]) -> None:
        """Remember what was written; None for what is as it was again. StudioError on a full disk."""
        lines: list[dict[str, Any]] = []
        for file, change in changes.items():
            said: dict[str, Any] = {"file": file, "after": None}
            if change is not None:
                said |= {"before": change.before, "after": change.after}
            lines.append(said)
        if not lines:
            return
        with plain_errors():
            self.path.parent.mkdir(exist_ok=True)
        json_lines.append(self.path, lines)

    def clear(self) -> None:
        """Nothing is left to be saved. StudioError where the file cannot be deleted."""
        with plain_errors():
            self.path.unlink(missing_ok=True)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)

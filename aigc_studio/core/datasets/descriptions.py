"""What a model said of pictures without a caption: kept in the job's folder as it is said, for a person to accept.

    training/<job id>/descriptions.jsonl   {"folder": ...}, then one {"file", "hash", "text"} a line

The job appends; whoever reads sees whole lines only, so that nothing is lost when either is killed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..runs import WORKSHOPS
from ..store import json_lines
from ..store.files import plain_errors
from .captions import clean

__all__ = ["Described", "Descriptions", "described"]

_NAME = "descriptions.jsonl"


@dataclass
class Described:
    """folder: of the pictures, "" where that cannot be read. texts: by the hash of a picture's bytes, "" where the
    model said nothing. files: picture to its text."""

    folder: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


class Descriptions:
    """Those of one job. Reading never raises."""

    def __init__(self, workshop: Path) -> None:
        self.path = workshop / _NAME

    def begin(self, folder: Path) -> None:
        """Say whose pictures these are, once. StudioError on a full disk."""
        if not self.read().folder:
            json_lines.append(self.path, [{"folder": str(folder)}])

    def add(self, said: Iterable[tuple[str, str, str]]) -> None:
        """(file, hash, text) of some pictures. StudioError on a full disk."""
        json_lines.append(self.path, [{"file": file, "hash": hash, "text": text} for file, hash, text in said])

    def read(self) -> Described:
        """All that was said; what is no line of ours is passed over."""
        found = Described()
        for said in json_lines.read(self.path):
            if not all(isinstance(value, str) for value in said.values()):
                continue
            if "folder" in said:
                found.folder = said["folder"]
            elif said.keys() >= {"file", "hash", "text"}:
                text = clean(said["text"])
                found.texts[said["hash"]] = found.files[said["file"]] = text
        return found

    def delete(self) -> None:
        """It was answered: accepted or not. StudioError where that cannot be."""
        with plain_errors():
            self.path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()  # where nothing else is in it


def described(project: Path, folder: Path) -> dict[str, Described]:
    """Job to what it said of the pictures of a folder, for all jobs of a project that said something."""
    found: dict[str, Described] = {}
    try:
        places = [Path(entry.path) for entry in os.scandir(project / WORKSHOPS) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return found
    for place in sorted(places):
        said = Descriptions(place).read()
        if said.folder == str(folder) and any(said.files.values()):
            found[place.name] = said
    return found

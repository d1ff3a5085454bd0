"""Models for tests: entries of the catalogue whose files are empty folders of the test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry

BUILT_IN = ("painter", "espeak")


class Shelf:
    """What the catalogue lists in this test; `models` and `parts` answer from it."""

    def __init__(self, folder: Path, entries: Iterable[Entry] = ()) -> None:
        self.folder = folder
        self.entries = list(entries)
        self.added: list[Path] = []

    def add(self, id: str, kind: str = "image", family: str = "painter", **facts: Any) -> Entry:
        """A model with a folder of its own."""
        folder = self.folder / id
        folder.mkdir(parents=True, exist_ok=True)
        entry = Entry(id, family, kind, {"en": id.replace("-", " ").title()}, folder, facts=facts)
        self.entries.append(entry)
        return entry

    def add_part(self, id: str, part: str, **facts: Any) -> Entry:
        """A single file that other models work with."""
        file = self.folder / f"{id}.safetensors"
        self.folder.mkdir(parents=True, exist_ok=True)
        file.touch()
        entry = Entry(id, "", "part", {"en": id.title()}, facts={"part": part, **facts}, file=file)
        self.entries.append(entry)
        return entry

    def remove(self, id: str) -> None:
        """It is on no list any more; its files stay."""
        self.entries = [entry for entry in self.entries if entry.id != id]

    def change(self, id: str, **changes: Any) -> None:
        """What is known of it is another now."""
        self.entries = [replace(entry, **changes) if entry.id == id else entry for entry in self.entries]

    def models(self, kind: str = "") -> tuple[Entry, ...]:
        """As the catalogue's."""
        return tuple(entry for entry in self.entries if entry.kind != "part" and kind in ("", entry.kind))

    def parts(self, of: tuple[str, ...] = ()) -> tuple[Entry, ...]:
        """As the catalogue's."""
        return tuple(e for e in self.entries if e.kind == "part" and (not of or e.facts["part"] in of))

    def find(self, id: str) -> Entry:
        """As the catalogue's."""
        return next(entry for entry in self.entries if entry.id == id)


def stock(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Shelf:
    """A shelf with what is built in, in the catalogue's place."""
    shelf = Shelf(folder, [entry for entry in catalogue.models() if entry.family in BUILT_IN])
    for name in ("models", "parts", "find"):
        monkeypatch.setattr(catalogue, name, getattr(shelf, name), raising=False)
    return shelf

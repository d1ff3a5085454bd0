"""Which models there are: those of `resources/models.toml`, bundled or built in, and those the user put on the disk.

Facts about checkpoints are data; this module only reads them. It must not know families' code: an entry names its
family by id. A folder in the user's models folder that is not in the list tells what it is by its config.json.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .errors import StudioError
from .i18n import N_, current_language
from .paths import data_dir, resources
from .requests import KINDS

__all__ = ["Entry", "find", "models", "models_folder"]

_OWN = ("id", "family", "kind", "title", "folder", "languages", "licence", "note")


@dataclass(frozen=True)
class Entry:
    """One model that a person can choose.

    folder: its files, None for a family that needs none. file: the one file that it is, instead. titles, notes:
    language code to text. languages: of the texts it understands or makes. facts: everything else models.toml says,
    or that was found in its files.
    """

    id: str
    family: str
    kind: str
    titles: Mapping[str, str]
    folder: Path | None = None
    languages: tuple[str, ...] = ()
    licence: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None

    @property
    def title(self) -> str:
        """Its name in the current language."""
        return _in_language(self.titles) or self.id

    @property
    def note(self) -> str:
        """One sentence about it in the current language: what it is good for, or "starter model"."""
        return _in_language(self.notes)

    @property
    def problem(self) -> StudioError | None:
        """Why it cannot be used now, None when it can. Looked up each time: folders come and go."""
        if self.folder is None or self.folder.is_dir():
            return None
        return StudioError(
            N_('The files of "{model}" are not in {folder}; choose another model or put them back.'),
            code="model-missing",
            model=self.title,
            folder=str(self.folder),
        )


def _in_language(texts: Mapping[str, str]) -> str:
    return texts.get(current_language()) or texts.get("en", "")


def _folder(name: str) -> Path:
    """Where a folder named in models.toml is: bundled under resources/models, else in the user's models folder."""
    bundled = resources() / "models" / name
    return bundled if bundled.is_dir() else models_folder() / name


def models_folder() -> Path:
    """Where the user's own models are, one folder each; it may not exist yet."""
    return data_dir() / "models"


def _texts(value: Any, id: str, name: str) -> Mapping[str, str]:
    texts = {"en": value} if isinstance(value, str) else value
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError(f"models.toml: {name} of {id!r} is neither a text nor a table of texts")
    return MappingProxyType(dict(texts))


def read(path: Path) -> tuple[Entry, ...]:
    """The entries of one models.toml, in its order. ValueError for a mistake in it: it is ours, not the user's."""
    entries: dict[str, Entry] = {}
    for table in tomllib.loads(path.read_text(encoding="utf-8")).get("model", []):
        id = table.get("id", "")
        if not id or id in entries:
            raise ValueError(f"models.toml: {id!r} is no id, or there twice")
        if table.get("kind") not in KINDS:
            raise ValueError(f"models.toml: {id!r} has no kind out of {KINDS}")
        entries[id] = Entry(
            id=id,
            family=table["family"],
            kind=table["kind"],
            titles=_texts(table["title"], id, "title"),
            folder=_folder(table["folder"]) if "folder" in table else None,
            languages=tuple(table.get("languages", ())),
            licence=table.get("licence", ""),
            notes=_texts(table.get("note", {}), id, "note"),
            facts=MappingProxyType({key: value for key, value in table.items() if key not in _OWN}),
        )
    return tuple(entries.values())


@lru_cache(maxsize=4)
def _read_once(path: Path, changed: float) -> tuple[Entry, ...]:
    return read(path)


def _found(folder: Path) -> Entry | None:
    """What a folder that nobody described is, by its config.json; None for none of the kinds that are known here."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        architectures = [str(name) for name in config["architectures"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in architectures):
        return None
    chat = (folder / "chat_template.jinja").is_file()
    if not chat:
        try:
            chat = "chat_template" in json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError):
            chat = False
    facts = {"found": True, "chat": chat, "architecture": architectures[0]}
    return Entry(folder.name, "causal-lm", "text", {"en": folder.name}, folder, facts=MappingProxyType(facts))


def _on_disk(listed: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Models in the user's folder that the list does not have, by name."""
    try:
        folders = sorted(path for path in models_folder().iterdir() if path.is_dir())
    except OSError:
        return ()
    ids = {entry.id for entry in listed}
    taken = {entry.folder for entry in listed}
    found = (_found(folder) for folder in folders if folder.name not in ids and folder not in taken)
    return tuple(entry for entry in found if entry is not None)


def models(kind: str = "") -> tuple[Entry, ...]:
    """All models, or those of one kind; the first of a kind is the default. The user's folder is read each time."""
    path = resources() / "models.toml"
    listed = _read_once(path, path.stat().st_mtime)
    return tuple(entry for entry in listed + _on_disk(listed) if not kind or entry.kind == kind)


def find(id: str) -> Entry:
    """The model with this id; StudioError for an unknown one (a recipe from another machine)."""
    for entry in models():
        if entry.id == id:
            return entry
    raise StudioError(
        N_('There is no model "{model}" here; choose another one.'),
        code="model-unknown",
        model=id,
    )

"""Which models there are: those of `resources/models.toml`, bundled or built in, and those found on the disk.

Facts about checkpoints are data; this module only reads them. It must not know families' code: an entry names its
family by id. `models`, `parts` and `find` read what the last look at the disk found and are cheap; `rescan` looks at
the disk and belongs in another thread than the window's. What a folder or file is, is told in `library/`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .errors import StudioError
from .i18n import N_
from .library import detect, importing, places, store
from .library.entry import Entry
from .library.known import FAMILY_KINDS, PARTS
from .library.reading import shown
from .library.rows import numbered, read_row, with_ids
from .library.store import Library, Row, Snapshot
from .library.walk import Candidate, candidates
from .paths import resources
from .requests import KINDS

__all__ = [
    "TYPES",
    "Entry",
    "add_folder",
    "chosen_type",
    "find",
    "folders",
    "import_model",
    "inspect",
    "known",
    "models",
    "models_folder",
    "others",
    "override",
    "parts",
    "remove_folder",
    "rescan",
]

_OWN = ("id", "family", "kind", "title", "folder", "languages", "licence", "note")

TYPES = (*FAMILY_KINDS, *PARTS)
"""What a person can choose as the type of a model that was taken for something else."""

Check = Callable[[], None]


# The list of models ---------------------------------------------------------------------------------------------------


def _texts(value: Any, id: str, name: str) -> Mapping[str, str]:
    texts = {"en": value} if isinstance(value, str) else value
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError(f"models.toml: {name} of {id!r} is neither a text nor a table of texts")
    return MappingProxyType(dict(texts))


def read(path: Path) -> tuple[Entry, ...]:
    """The entries of one models.toml, in its order. ValueError for a mistake in it: it is ours, not the user's."""
    return _read(path, models_folder())


def _read(path: Path, user_folder: Path) -> tuple[Entry, ...]:
    entries: dict[str, Entry] = {}
    for table in tomllib.loads(path.read_text(encoding="utf-8")).get("model", []):
        id = table.get("id", "")
        if not id or id in entries:
            raise ValueError(f"models.toml: {id!r} is no id, or there twice")
        if table.get("kind") not in KINDS:
            raise ValueError(f"models.toml: {id!r} has no kind out of {KINDS}")
        folder = None
        if "folder" in table:  # bundled, else in the user's models folder
            bundled = resources() / "models" / table["folder"]
            folder = bundled if bundled.is_dir() else user_folder / table["folder"]
        entries[id] = Entry(
            id=id,
            family=table["family"],
            kind=table["kind"],
            titles=_texts(table["title"], id, "title"),
            folder=folder,
            languages=tuple(table.get("languages", ())),
            licence=table.get("licence", ""),
            notes=_texts(table.get("note", {}), id, "note"),
            facts=MappingProxyType({key: value for key, value in table.items() if key not in _OWN}),
            missing=folder is not None and folder.parent == user_folder,
        )
    return tuple(entries.values())


@lru_cache(maxsize=4)
def _read_once(path: Path, changed: float, user_folder: Path) -> tuple[Entry, ...]:
    return _read(path, user_folder)


def _listed() -> tuple[Entry, ...]:
    path = resources() / "models.toml"
    entries = _read_once(path, path.stat().st_mtime, models_folder())
    put = store.read_snapshot().put
    return tuple(replace(entry, missing=False) if entry.id in put else entry for entry in entries) if put else entries


def models(kind: str = "") -> tuple[Entry, ...]:
    """All models, or those of one kind; the first of a kind is the default. What was found comes after the listed."""
    every = (*_listed(), *(row.entry for row in store.read_snapshot().rows))
    return tuple(entry for entry in every if (entry.kind == kind if kind else entry.kind in KINDS))


def parts(of: tuple[str, ...] = ()) -> tuple[Entry, ...]:
    """What other models work with, of these types ("lora:sdxl"), () for all."""
    return tuple(entry for entry in models("part") if not of or entry.facts.get("part") in of)


def others() -> tuple[Entry, ...]:
    """Folders and files that nothing here can use, each with its problem: for the library's list."""
    return models("other")


def known(id: str) -> Entry | None:
    """The model or part with this id as the last look found it, None for an unknown one. Never touches the disk, so
    that the window may ask about whatever a recipe from anywhere names."""
    every = (*_listed(), *(row.entry for row in store.read_snapshot().rows))
    return next((entry for entry in every if entry.id == id), None)


def find(id: str) -> Entry:
    """The model or part with this id; StudioError for an unknown one (a recipe from another machine).

    A folder's plain name in the models folder is understood too, before it was looked at; so is the path of a model
    that is known. Other paths are not: a recipe may come from anywhere.
    """
    if (entry := known(id)) is not None:
        return entry
    plain = id == Path(id).name and id not in ("", "..")
    path = models_folder() / id if plain else Path(id)
    for row in store.read_snapshot().rows:
        if id and row.entry.path == path:
            return row.entry
    if plain and os.path.exists(path):
        for entry in _inspect(path):
            return entry
    raise StudioError(
        N_('There is no model "{model}" here; choose another one.'),
        code="model-unknown",
        model=id[:200],
    )


# Where models are -----------------------------------------------------------------------------------------------------


def models_folder() -> Path:
    """Where new models are put: the folder of the settings, or one of the studio's own; it may not exist yet."""
    return places.default_folder()


def folders() -> tuple[Path, ...]:
    """The folders that are looked in: the models folder, those a person added, the Hugging Face cache, and the models
    folder that was there before another was chosen."""
    more = [folder for folder in (places.hub_cache(), places.own_folder()) if folder is not None and folder.is_dir()]
    every = [models_folder(), *map(Path, store.read_library().folders), *more]
    return tuple(dict.fromkeys(every))


def add_folder(path: Path) -> None:
    """Look for models in this folder from now on; `rescan` finds them. StudioError when it is no folder."""
    path = Path(os.path.abspath(path))
    if not path.is_dir():
        raise _not_there(path)

    def change(library: Library) -> None:
        if not any(places.same_place(path, known) for known in (models_folder(), *map(Path, library.folders))):
            library.folders.append(str(path))

    store.change_library(change)


def remove_folder(path: Path) -> None:
    """Look there no longer; the files stay. Its models leave the list at once."""

    def change(library: Library) -> None:
        library.folders = [known for known in library.folders if not places.same_place(path, Path(known))]

    store.change_library(change)
    roots = {str(folder) for folder in folders()}
    before = store.read_snapshot()
    rows = tuple(row for row in before.rows if row.root in roots)
    if len(rows) != len(before.rows):
        store.write_snapshot(replace(before, rows=rows))


def import_model(
    path: Path,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    check: Check | None = None,
) -> Path:
    """Copy a model into a models folder (None: the default one); where it is now. `rescan` lists it.

    progress: called with bytes done and in all. check: may raise Cancelled; nothing is left behind then.
    """
    name = next((candidate.name for candidate in candidates(path)), path.stem if path.is_file() else path.name)
    return importing.copy_model(path, folder or models_folder(), name.rpartition("/")[2], progress, check)


# Looking at the disk --------------------------------------------------------------------------------------------------


def rescan(check: Check | None = None, progress: Callable[[int, str], None] | None = None) -> bool:
    """Look at the disk; True when something changed. Takes time, any thread.

    check: called for every folder and model, may raise Cancelled. progress: called with how many models were found so
    far and the name of the one being read. What has not changed since the last look is not read again. Models on a
    drive that is away stay in the list, with a problem.
    """
    before = store.read_snapshot()
    known = {row.key: row for row in before.rows}
    library = store.read_library()
    rows: dict[str, Row] = {}
    nothing: dict[str, str] = {}
    listed = {entry.folder for entry in _listed()}
    seen: set[tuple[int, int]] = set()
    for root in folders():
        if not root.is_dir():
            away = [row for row in before.rows if row.root == str(root) and row.key not in rows]
            rows |= {row.key: replace(row, entry=replace(row.entry, missing=True)) for row in away}
            continue
        for candidate in candidates(root, check, seen):
            if candidate.key in rows or candidate.path in listed:
                continue
            if check is not None:
                check()
            if progress is not None:
                progress(len(rows), candidate.name)
            if before.nothing.get(candidate.key) == candidate.stamp:
                nothing[candidate.key] = candidate.stamp
                continue
            type = library.types.get(candidate.key, "")
            row = known.get(candidate.key)
            if row is None or (row.stamp, row.type, row.entry.path) != (candidate.stamp, type, candidate.path):
                row = read_row(candidate, root, type)
            if row is None:
                nothing[candidate.key] = candidate.stamp
            else:
                rows[candidate.key] = replace(row, root=str(root), entry=replace(row.entry, missing=False))
    named = with_ids(tuple(rows.values()), {entry.id for entry in _listed()})
    own = models_folder()
    put = tuple(e.id for e in _listed() if e.folder is not None and e.folder.parent == own and e.folder.is_dir())
    after = Snapshot(named, nothing, put)
    if after == before:
        return False
    store.write_snapshot(after)
    return (named, put) != (before.rows, before.put)


def inspect(path: Path) -> list[Entry]:
    """What a dropped folder or file is: a model, several of them, or parts of models; problems are in the entries.

    StudioError with one sentence when there is nothing that can be used.
    """
    path = Path(os.path.abspath(path))
    if not os.path.exists(path):
        raise _not_there(path)
    if found := _inspect(path):
        return found
    raise StudioError(
        N_('In "{name}" there is no model; choose a folder of diffusers or transformers, or a .safetensors file.'),
        code="model-none",
        name=shown(Path(path.name or path)),
    )


def override(id: str, family: str) -> Entry:
    """Let a found model be of the type that a person says, "" for what its files say; the entry as it is now.

    family: one of `TYPES`. StudioError for an unknown model, ValueError for no such type.
    """
    if family and family not in TYPES:
        raise ValueError(f"no type {family!r}")
    snapshot = store.read_snapshot()
    row = next((row for row in snapshot.rows if row.entry.id == id), None)
    if row is None or row.entry.path is None:
        return find(id)

    def change(library: Library) -> None:
        library.types.pop(row.key, None)
        if family:
            library.types[row.key] = family

    store.change_library(change)
    candidate = Candidate(row.entry.path, row.entry.title, row.key, row.stamp)
    new = read_row(candidate, Path(row.root), family)
    if new is None:
        return row.entry
    new = replace(new, entry=replace(new.entry, id=id))
    store.write_snapshot(replace(snapshot, rows=tuple(new if old is row else old for old in snapshot.rows)))
    return new.entry


def chosen_type(id: str) -> str:
    """The type that a person said a model is of (`override`); "" where its files decide."""
    return next((row.type for row in store.read_snapshot().rows if row.entry.id == id), "")


def _inspect(path: Path) -> list[Entry]:
    if path.is_file():  # a file of a model's folder stands for the model
        for above in (path.parent.parent, path.parent):
            names = [name for name in ("model_index.json", "config.json", path.name) if (above / name).is_file()]
            if ("model_index.json" in names[:1] and above != path.parent) or _stands_for(path, above, names):
                path = above
                break
    rows = {row.entry.path: row for row in store.read_snapshot().rows}
    types = store.read_library().types
    found = []
    for candidate in candidates(path) if path.is_dir() else _one_file(path):
        row = read_row(candidate, path, types.get(candidate.key, ""))
        if row is not None:
            known = rows.get(candidate.path)
            found.append(replace(row, entry=replace(row.entry, id=known.entry.id if known else "")))
    return [row.entry for row in numbered(found, {row.entry.id for row in rows.values()})]


def _stands_for(file: Path, folder: Path, names: list[str]) -> bool:
    """Whether a file that was chosen means the model in its folder: its index or a part of it, no checkpoint beside."""
    if folder != file.parent or not detect.is_model_folder(folder, names):
        return False
    return "model_index.json" not in names or file.suffix != ".safetensors"


def _one_file(path: Path) -> list[Candidate]:
    return [Candidate(path, path.stem, str(path), "")]


def _not_there(path: Path) -> StudioError:
    return StudioError(
        N_('The folder "{folder}" is not there; choose another one.'), code="model-missing", folder=shown(path)
    )

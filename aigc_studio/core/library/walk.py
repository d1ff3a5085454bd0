"""Looking for models in a folder that may hold anything: bounded, without falling into loops of links.

A folder with a model_index.json or a config.json is one model and is not searched further. Single files are found
wherever they lie. A Hugging Face cache (`models--org--name/snapshots/<revision>`) shows its current revision only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .detect import is_model_folder
from .single import SUFFIXES

__all__ = ["Candidate", "candidates", "partial"]

_MOST_FOLDERS = 20_000
_MOST_NAMES = 20_000
"""Of one folder: what lies beyond is not looked at."""

_DEEPEST = 8
_STAMP_DEPTH = 2
_SKIPPED = frozenset({"__pycache__", "node_modules", "__MACOSX", "$RECYCLE.BIN", "System Volume Information"})
_PARTIAL = ".partial"
_CONFIGS = ".configs"
"""Of folders that hold the configurations of a single file beside them, and no model."""
_HUB = "models--"
_NAMELESS = frozenset(
    {"pytorch_lora_weights", "adapter_model", "model", "diffusion_pytorch_model", "lora", "learned_embeds"}
)
"""Names of files that say nothing: the folder's name is shown instead."""


@dataclass(frozen=True)
class Candidate:
    """A place where a model may be. name: shown. key: what it is remembered by, the same for every revision of it.

    stamp: changes when one of its files does. beside: a file in the folder of a pipeline, which may be a part of it.
    """

    path: Path
    name: str
    key: str
    stamp: str
    beside: bool = False


def partial(path: Path) -> Path:
    """Where a model that is still being copied to `path` lies; such folders are no candidates."""
    return path.with_name(path.name + _PARTIAL)


def candidates(
    root: Path, check: Callable[[], None] | None = None, seen: set[tuple[int, int]] | None = None
) -> Iterator[Candidate]:
    """Everything below `root`, itself included, that may be a model, in the order of names.

    check: called for every folder, may raise. seen: folders that were searched, which grows; one set for several roots
    finds nothing twice. What cannot be read is skipped.
    """
    seen = set() if seen is None else seen
    repository = root.parent.parent
    if root.parent.name == "snapshots" and repository.name.startswith(_HUB):  # a revision was chosen itself
        waiting = [(root, str(repository), _hub_name(repository), 0)]
    else:
        waiting = [(root, str(root), root.name, 0)]  # folder, key, shown name, depth
    while waiting and len(seen) < _MOST_FOLDERS:
        folder, key, shown, depth = waiting.pop()
        if check is not None:
            check()
        try:
            state = folder.stat()
        except OSError:
            continue
        if (state.st_dev, state.st_ino) in seen:
            continue
        seen.add((state.st_dev, state.st_ino))
        if (revision := _hub_revision(folder)) is not None:
            waiting.append((revision, key, _hub_name(folder), depth + 1))
            continue
        beside = False
        entries = _entries(folder)
        names = frozenset(entry.name for entry in entries)
        if is_model_folder(folder, names):
            yield Candidate(folder, shown, key, _stamp(folder))
            if not (beside := "model_index.json" in names):
                continue
            # The repository of a pipeline often holds the same model as a single file, too: its parts are in folders.
            entries = [entry for entry in entries if entry.name.lower().endswith(".safetensors")]
        inside: list[tuple[Path, str, str, int]] = []
        for entry in sorted(entries, key=lambda entry: entry.name.casefold()):
            if entry.name.startswith(".") or entry.name in _SKIPPED or entry.name.endswith((_PARTIAL, _CONFIGS)):
                continue
            try:
                if entry.is_dir():
                    if depth < _DEEPEST:
                        inside.append((folder / entry.name, os.path.join(key, entry.name), entry.name, depth + 1))
                elif entry.name.lower().endswith(SUFFIXES) and entry.is_file():
                    path = folder / entry.name
                    name = shown if path.stem.lower() in _NAMELESS else path.stem
                    yield Candidate(path, name, os.path.join(key, entry.name), _file_stamp(entry), beside)
            except OSError:
                continue
        waiting += reversed(inside)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as scan:
            for entry in scan:
                found.append(entry)
                if len(found) >= _MOST_NAMES:
                    break
    except OSError:
        pass
    return found


def _hub_name(repository: Path) -> str:
    return repository.name.removeprefix(_HUB).replace("--", "/")


def _hub_revision(folder: Path) -> Path | None:
    """The folder of the current revision of a repository in a Hugging Face cache; None for another folder."""
    if not folder.name.startswith(_HUB):
        return None
    snapshots = folder / "snapshots"
    try:
        revisions = [path for path in snapshots.iterdir() if path.is_dir()]
    except OSError:
        return None
    if not revisions:
        return None
    try:
        current = (folder / "refs" / "main").read_text(encoding="ascii", errors="replace")[:100].strip()
    except OSError:
        current = ""
    for path in revisions:
        if path.name == current:
            return path
    return max(revisions, key=lambda path: (_changed(path), path.name))


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _file_stamp(entry: os.DirEntry[str]) -> str:
    try:
        state = entry.stat()
    except OSError:  # a link to nothing: an interrupted download
        return f"{entry.name} -"
    return f"{entry.name} {state.st_size} {state.st_mtime_ns}"


def _stamp(folder: Path, depth: int = 0) -> str:
    """Names, sizes and times of a model's files, parts included, as one short word."""
    lines = []
    for entry in _entries(folder):
        try:
            if entry.is_dir():
                if depth < _STAMP_DEPTH and not entry.name.startswith("."):
                    lines.append(f"{entry.name}/ {_stamp(folder / entry.name, depth + 1)}")
                continue
        except OSError:
            pass
        lines.append(_file_stamp(entry))
    text = "\n".join(sorted(lines)).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=12).hexdigest()

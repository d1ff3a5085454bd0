"""Finding the files of a data folder: every level, in an order that does not depend on the disk, no links followed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import StudioError
from ..i18n import N_
from .problem import Check, Problem, Progress, nobody_asks, nobody_looks, readable

__all__ = ["Found", "find", "missing_folder"]

_MOST = 2_000_000
_DEEPEST = 60
_SKIPPED = frozenset({"__pycache__", "__MACOSX", "$RECYCLE.BIN", "System Volume Information", "@eaDir"})
FINDING = N_("Looking for files")
LINK = N_("This is a link to another place, which is not followed; copy what it shows into the folder.")
"""A problem of a file, code "link"."""


@dataclass
class Found:
    """files: paths relative to the folder with "/" between, of those that were wanted, sorted. ignored: how many others
    there are. problems: links that lead elsewhere, folders that may not be read."""

    files: list[str] = field(default_factory=list)
    ignored: int = 0
    problems: list[Problem] = field(default_factory=list)


def missing_folder(folder: Path) -> StudioError:
    """The folder is not there, or not any more."""
    return StudioError(
        N_('The data folder "{folder}" is not there; connect its disk or choose the folder again.'),
        code="data-missing",
        folder=readable(str(folder)),
    )


def find(
    folder: Path, wanted: Callable[[str, Path], bool], check: Check = nobody_asks, progress: Progress = nobody_looks
) -> Found:
    """All files below `folder` for which `wanted(name, path)` is true; hidden ones are not looked at.

    Links to files and folders within are not followed, since what they show is found anyway; those that lead out of
    the folder are reported. StudioError when the folder itself cannot be read, or holds more than any set of data.
    """
    found = Found()
    try:
        root = folder.resolve(strict=True)
        os.scandir(root).close()
    except FileNotFoundError as error:
        raise missing_folder(folder) from error
    except (OSError, RuntimeError) as error:  # a link to itself is a RuntimeError
        raise StudioError(
            N_('The data folder "{folder}" cannot be read; check its permissions or choose another folder.'),
            code="data-folder",
            detail=repr(error),
            folder=readable(str(folder)),
        ) from error
    waiting = [(root, "", 0)]
    while waiting:
        check()
        here, prefix, depth = waiting.pop()
        try:
            with os.scandir(here) as scan:
                entries = list(scan)
        except OSError:
            found.problems.append(
                Problem(readable(prefix), "folder-read", N_("This folder may not be read; check its permissions."))
            )
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _SKIPPED:
                continue
            inside = f"{prefix}{entry.name}"
            try:
                if entry.is_symlink():
                    _look_at_link(found, root, inside, here / entry.name, wanted)
                elif entry.is_dir(follow_symlinks=False):
                    if depth < _DEEPEST:
                        waiting.append((here / entry.name, inside + "/", depth + 1))
                elif not entry.is_file(follow_symlinks=False):
                    found.ignored += 1  # a pipe or a device: opening it could wait for ever
                elif wanted(entry.name, here / entry.name):
                    found.files.append(inside)
                else:
                    found.ignored += 1
            except OSError:
                found.ignored += 1
        progress(len(found.files), 0, FINDING)
        if len(found.files) + found.ignored > _MOST:
            raise StudioError(
                N_('"{folder}" holds more than {most} files; choose the folder with the data itself.'),
                code="data-many",
                folder=readable(str(folder)),
                most=_MOST,
            )
    found.files.sort()
    found.problems.sort(key=lambda problem: problem.file)
    return found


def _look_at_link(found: Found, root: Path, inside: str, link: Path, wanted: Callable[[str, Path], bool]) -> None:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        found.ignored += 1
        return
    if not target.is_relative_to(root) and (target.is_dir() or wanted(link.name, target)):
        found.problems.append(Problem(readable(inside), "link", LINK))
    else:
        found.ignored += 1

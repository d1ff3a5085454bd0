"""Captions written as the field keeps them: a text beside each picture, replaced as a whole, pictures never touched.

A text beside a picture is what `captions.read` asks first: what is written here wins over every table and name. It is
`<name>.txt`; where another picture has the same name with another suffix, or a text of the full name is there already,
`<name>.png.txt`, which is asked before it.
"""

from __future__ import annotations

import codecs
import errno
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..errors import Cancelled, StudioError
from ..i18n import N_
from ..store.files import plain_errors, write_atomically
from .captions import BESIDE, MOST_BYTES, beside
from .encoding import decode
from .problem import Check, Progress, nobody_asks, nobody_looks, readable

__all__ = ["Change", "Saved", "save"]

_STAGE = N_("Saving the captions")
_TOGETHER = 256
"""Pictures whose texts are looked at before they are written: what others write meanwhile is seen."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the text beside a picture said when the work on it began, () for nothing, and what it is to say."""

    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass
class Saved:
    """written: pictures whose text says what it should, in order. foreign: pictures whose text another program changed
    meanwhile, to what it says now; it was left alone. error: why the others were not written, None for no reason."""

    written: list[str] = field(default_factory=list)
    foreign: dict[str, tuple[str, ...]] = field(default_factory=dict)
    error: StudioError | None = None


def save(
    folder: Path,
    changes: Mapping[str, Change],
    pictures: Iterable[str],
    check: Check = nobody_asks,
    progress: Progress = nobody_looks,
) -> Saved:
    """Write what is changed. changes: picture, relative to the folder with "/" between, to its captions, each one line
    as `captions.clean` leaves it. pictures: all of the folder. Never raises for what the disk does; see `Saved`."""
    saved = Saved()
    names = Counter(_plain(PurePosixPath(file)) for file in pictures)
    files = list(changes)
    try:
        for start in range(0, len(files), _TOGETHER):
            some = files[start : start + _TOGETHER]
            now = beside(folder, some, check)
            for number, file in enumerate(some, start):
                check()
                progress(number, len(files), _STAGE)
                change, said = changes[file], now.get(file, ())
                if said not in (change.before, change.after):
                    _require((folder / file).parent, folder)
                    saved.foreign[file] = said
                    continue
                if said != change.after or file not in now:
                    _write(folder, PurePosixPath(file), change.after, alone=names[_plain(PurePosixPath(file))] < 2)
                saved.written.append(file)
        progress(len(files), len(files), _STAGE)
    except Cancelled:
        pass
    except StudioError as error:
        saved.error = error
    return saved


def _require(parent: Path, folder: Path) -> None:
    """StudioError where nothing can be read: that a text is missing then does not mean that somebody deleted it."""
    try:
        os.scandir(parent).close()
    except OSError as error:
        raise _problem(folder, error) from error


def _plain(place: PurePosixPath) -> str:
    """By which pictures share a text; some disks do not tell small letters from capitals."""
    return str(place.parent / place.stem).casefold()


def _write(folder: Path, place: PurePosixPath, texts: tuple[str, ...], *, alone: bool) -> None:
    """StudioError for all that can be wrong with the disk."""
    text = "".join(f"{line}\n" for line in texts)
    data = text.encode("utf-8", "replace")
    if decode(data)[0] != text:  # some few characters look like another encoding
        data = codecs.BOM_UTF8 + data
    if len(data) > MOST_BYTES:
        raise StudioError(
            N_('The captions of "{name}" are too long; the limit is {limit} KB.'),
            code="caption-size",
            name=place.name,
            limit=MOST_BYTES >> 10,
        )
    parent = folder / place.parent
    full = parent / (place.name + BESIDE[0])
    try:
        path = parent / (place.stem + BESIDE[0]) if alone and not full.exists() else full
        with write_atomically(path) as file:
            file.write(data)
    except OSError as error:
        raise _problem(folder, error) from error


def _problem(folder: Path, error: OSError) -> StudioError:
    """The sentence; those of other files speak of a name that nobody has seen."""
    shown = readable(str(folder))
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        text = N_('The folder "{folder}" is not as it was; connect its disk again or put it back, then save again.')
        return StudioError(text, code="missing", detail=repr(error), folder=shown)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        text = N_('Nothing may be written into "{folder}"; change its permissions, or copy the pictures elsewhere.')
        return StudioError(text, code="permission", detail=repr(error), folder=shown)
    try:
        with plain_errors():
            raise error
    except StudioError as plain:
        return plain

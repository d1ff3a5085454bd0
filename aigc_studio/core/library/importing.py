"""Copying a model into the models folder: free space asked first, written beside, renamed when whole, cancellable."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import StudioError
from ..i18n import N_
from ..store.files import replace, sync_file, sync_folder
from .detect import slug
from .reading import shown
from .walk import partial

__all__ = ["copy_model", "free_space", "space_needed"]

_BLOCK = 8 << 20
_SPARE = 256 << 20
"""Bytes that stay free on the disk."""

_LEFT_OUT = (
    ".bin",
    ".ckpt",
    ".pt",
    ".pth",
    ".pkl",
    ".onnx",
    ".msgpack",
    ".h5",
    ".tflite",
    ".ot",
    ".gguf",
    ".py",
    ".pyc",
)
"""Weights that are never read here, and programs."""


def _files(source: Path) -> Iterator[tuple[Path, Path]]:
    """(file, its place in the copy) of everything that is copied; links are followed, each folder once."""
    if source.is_file():
        yield source, Path(source.name)
        return
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(source, followlinks=True):
        state = os.stat(folder)
        if (state.st_dev, state.st_ino) in seen:
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        for name in sorted(names):
            path = Path(folder) / name
            if not name.startswith(".") and not name.lower().endswith(_LEFT_OUT) and path.is_file():
                yield path, path.relative_to(source)


def space_needed(source: Path) -> int:
    """Bytes that a copy of this model takes."""
    return sum(path.stat().st_size for path, _ in _files(source))


def free_space(folder: Path) -> int:
    """Bytes free on the disk that a folder is on, or will be; 0 when that cannot be told."""
    for place in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return 0


def copy_model(
    source: Path,
    folder: Path,
    name: str,
    progress: Callable[[int, int], None] | None = None,
    check: Callable[[], None] | None = None,
) -> Path:
    """Copy a model's folder or file into `folder`; where it is now. A model of that name that is there is kept.

    name: of the copy, without a suffix. progress: called with (bytes done, bytes in all). check: called often, may
    raise; then nothing is left behind. StudioError: too little space, a file that cannot be read or written.
    """
    try:
        files = [(path, place, path.stat().st_size) for path, place in _files(source)]
        total = sum(size for _, _, size in files)
        folder.mkdir(parents=True, exist_ok=True)
        if (free := free_space(folder)) < total + _SPARE:
            raise _no_space(folder, total + _SPARE, free)
        target = _free_name(folder, slug(name), source.suffix if source.is_file() else "")
        beside = partial(target)
        try:
            _copy_all(files, beside, source.is_file(), total, progress, check)
            replace(beside, target)
        except BaseException:
            _remove(beside)
            raise
        sync_folder(folder)
        return target
    except OSError as error:
        raise StudioError(
            N_('"{name}" could not be copied to {folder} ({reason}); check the disk and its permissions.'),
            code="disk-full" if error.errno == 28 else "disk",
            detail=repr(error),
            name=shown(Path(source.name)),
            folder=shown(folder),
            reason=error.strerror or str(error)[:200],
        ) from error


def _copy_all(
    files: list[tuple[Path, Path, int]],
    beside: Path,
    single: bool,
    total: int,
    progress: Callable[[int, int], None] | None,
    check: Callable[[], None] | None,
) -> None:
    _remove(beside)  # of a copy that a crash interrupted
    done = 0
    for path, place, _ in files:
        into = beside if single else beside / place
        into.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "rb") as reader, open(into, "xb") as writer:
            while block := reader.read(_BLOCK):
                if check is not None:
                    check()
                writer.write(block)
                done += len(block)
                if progress is not None:
                    progress(done, total)
            writer.flush()
            sync_file(writer.fileno())


def _free_name(folder: Path, name: str, suffix: str) -> Path:
    target, number = folder / f"{name}{suffix}", 2
    while target.exists():
        target, number = folder / f"{name}-{number}{suffix}", number + 1
    return target


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _no_space(folder: Path, needed: int, free: int) -> StudioError:
    return StudioError(
        N_("The disk of {folder} has {free} GB free, and {needed} GB are needed; choose another drive."),
        code="disk-full",
        folder=shown(folder),
        free=f"{free / 1e9:.1f}",
        needed=f"{needed / 1e9:.1f}",
    )

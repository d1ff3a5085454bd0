"""Pictures made ready for a run: decoded, cropped and scaled once into flat files, which `training.prepared` reads.

After that the folder they came from may change or go away. Nothing here needs torch.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from aigc_studio.core.datasets.buckets import assign
from aigc_studio.core.datasets.buckets import fit as fitted
from aigc_studio.core.datasets.buckets import pad as padded
from aigc_studio.core.datasets.images import ImageFile, ImageReport, open_picture, scan
from aigc_studio.core.datasets.parallel import in_order
from aigc_studio.core.datasets.problem import Check, Problem, Progress, nobody_asks, nobody_looks
from aigc_studio.core.datasets.walk import missing_folder
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.store.files import sync_file, write_atomically

from .prepared import DATA, PreparedImages, Size, file_name

__all__ = ["FEW", "PreparedImages", "prepare"]

FEW = 20
"""Below so many pictures a notice says that a network will mostly repeat them."""

_FORMAT = 1
_PLAN, _DONE = "plan.json", "done.bin"
_STAGE = N_("Preparing the pictures")
_FLUSH = 5.0
"""Seconds of work that a power cut may cost."""
_SPARE = 64 << 20
"""Bytes of the disk that are left to others."""

Notice = Callable[..., None]


def _silent(text: str, **params: Any) -> None:
    """A `Notice` that nobody reads."""


def prepare(
    target: Path,
    source: Path,
    *,
    side: int,
    channels: int = 3,
    background: str = "white",
    fit: str = "crop",
    buckets: bool = False,
    multiple: int = 64,
    validation: float = 0.1,
    seed: int = 0,
    also: Mapping[Path, str] | None = None,
    check: Check = nobody_asks,
    progress: Progress = nobody_looks,
    notice: Notice = _silent,
) -> PreparedImages:
    """Make the pictures below `source` ready in the folder `target`, or open what is ready there.

    side: of the square pictures; with `buckets` of the square that has the area of all buckets, whose sides are
    multiples of `multiple`. channels: 1 (grey), 3, or 4 (straight alpha kept). background: what lies behind transparent
    pictures. fit: "crop" fills the size and cuts what hangs over, "pad" shows all of a picture on the background.
    validation: the share held out of training, by the hashes of the files, so that it stays when others are added;
    copies are on one side, and of very few none is held out. seed: of that choice. also: further pictures with their
    captions; what is given here when it is prepared stays, so that a run that goes on sees the same.

    A second call with the same settings goes on where a first one was stopped or killed, and needs no `source` when all
    was done. StudioError: "data-missing" when the folder is not there or goes away meanwhile, "data-empty" when
    nothing in it can be used, "disk" when there is no room; what is done is kept.
    """
    if channels not in (1, 3, 4) or fit not in ("crop", "pad") or side < 1:
        raise ValueError(f"no pictures of {side} px with {channels} channels by {fit!r}")
    settings: dict[str, Any] = {
        "format": _FORMAT,
        "source": str(source),
        "side": side,
        "channels": channels,
        "background": background,
        "fit": fit,
        "multiple": multiple if buckets else 0,
        "validation": validation,
        "seed": seed,
        "also": {str(path): caption for path, caption in (also or {}).items()},
    }
    ready = _ready(target, settings)
    if ready is None:
        with _disk(target):
            target.mkdir(parents=True, exist_ok=True)
            plan = _plan(target, settings, source, also, check, progress)
            _make_room(target, plan, settings)
            _fill(target, plan, settings, source, check, progress)
            _finish(target, plan, settings)
        ready = PreparedImages.open(target)
    _tell(ready, side, notice)
    return ready


def _ready(target: Path, settings: Mapping[str, Any]) -> PreparedImages | None:
    """What lies in `target` when it is whole and of these settings."""
    try:
        found = PreparedImages.open(target)
    except StudioError:
        return None
    return found if _same(found.settings, settings) else None


def _same(former: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether what was prepared with one is what the other asks for."""
    return json.loads(json.dumps({**settings, "also": None})) == {**former, "also": None}


@contextmanager
def _disk(target: Path):  # noqa: ANN202
    """Say in a sentence that the disk is full or refuses."""
    try:
        yield
    except OSError as error:
        raise _no_room(target, error) from error


def _no_room(target: Path, error: OSError | None = None, needed: int = 0) -> StudioError:
    if error is None or error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = _free(target)
        return StudioError(
            N_("The prepared pictures need {needed} MB and the disk has {free} MB left; free some space and go on.")
            if needed
            else N_("The disk is full; free some space and try again."),
            code="disk",
            detail=repr(error),
            **({"needed": -(-needed >> 20), "free": free >> 20} if needed else {}),
        )
    return StudioError(
        N_('"{name}" could not be read or written ({reason}); check the disk and try again.'),
        code="disk",
        detail=repr(error),
        name=Path(str(error.filename or target)).name,
        reason=error.strerror or str(error)[:200],
    )


def _free(target: Path) -> int:
    try:
        return shutil.disk_usage(target).free
    except OSError:
        return 0


# Making ---------------------------------------------------------------------------------------------------------------


class _Plan:
    """Which picture comes where: written first, so that a killed preparation goes on with the same.

    used: one of each group of equal files, with the captions of all. places: of each its size and its row in the file
    of that size. held_out: indices of those kept for validation.
    """

    def __init__(self, report: ImageReport, used: list[ImageFile], sizes: list[Size], held_out: list[int]) -> None:
        self.report = report
        self.used = used
        self.sizes = sizes
        self.held_out = held_out
        rows: dict[Size, int] = {}
        self.places: list[tuple[Size, int]] = []
        for size in sizes:
            self.places.append((size, rows.get(size, 0)))
            rows[size] = rows.get(size, 0) + 1
        self.rows = rows

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "report": self.report.to_json(),
            "used": ImageReport(Path(), tuple(self.used)).to_json()["files"],
            "sizes": self.sizes,
            "held_out": self.held_out,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> _Plan:
        """The inverse of `to_json`."""
        used = ImageReport.from_json({**data["report"], "files": data["used"]}).files
        sizes = [(int(width), int(height)) for width, height in data["sizes"]]
        return cls(ImageReport.from_json(data["report"]), list(used), sizes, data["held_out"])


def _plan(
    target: Path,
    settings: Mapping[str, Any],
    source: Path,
    also: Mapping[Path, str] | None,
    check: Check,
    progress: Progress,
) -> _Plan:
    """The plan of an earlier attempt with the same settings, else a new one in a cleared folder."""
    try:
        data = json.loads((target / _PLAN).read_text(encoding="utf-8"))
        if _same(data["settings"], settings):
            return _Plan.from_json(data)
    except (OSError, ValueError, LookupError, TypeError):
        pass
    report = scan(source, check, progress, also=also)
    report.require()
    used = _used(report)
    sizes = [_size(file, settings) for file in used]
    held_out = _held_out(report, used, settings["validation"], settings["seed"])
    plan = _Plan(report, used, sizes, held_out)
    for path in (target / DATA, target / _PLAN, target / _DONE, *target.glob("pixels-*.bin")):
        path.unlink(missing_ok=True)
    with write_atomically(target / _PLAN) as file:
        file.write(json.dumps({"settings": settings, **plan.to_json()}).encode())
    return plan


def _used(report: ImageReport) -> list[ImageFile]:
    """Each content once, with the captions of all its copies; what only a name says counts where nothing else does."""
    copies: dict[str, list[ImageFile]] = {}
    for file in report.files:
        copies.setdefault(file.hash, []).append(file)
    used = []
    for group in copies.values():
        told = [file for file in group if file.source not in ("", "name")] or group
        texts = dict.fromkeys(text for file in told for text in file.captions)
        used.append(replace(group[0], captions=tuple(texts), source=told[0].source))
    return used


def _size(file: ImageFile, settings: Mapping[str, Any]) -> Size:
    side, multiple = settings["side"], settings["multiple"]
    return assign(file.width, file.height, side, multiple) if multiple else (side, side)


def _held_out(report: ImageReport, used: Sequence[ImageFile], share: float, seed: int) -> list[int]:
    """Indices of the pictures to validate on. Those that look alike are judged by the hash of one of them."""
    leader = {name: group[0] for group in report.similar for name in group}
    hashes = {file.file: file.hash for file in used}
    shares = [_share(hashes.get(leader.get(file.file, file.file), file.hash), seed) for file in used]
    if share * len(used) < 1:  # of three pictures none can be spared
        return []
    most = max(share, min(shares))  # one at least
    found = [index for index, value in enumerate(shares) if value <= most]
    return found if len(found) < len(used) else []


def _share(digest: str, seed: int) -> float:
    """A number in [0, 1) that depends on a file's content and the seed alone."""
    mixed = hashlib.blake2b(f"{seed} {digest}".encode(), digest_size=8).digest()
    return int.from_bytes(mixed, "big") / 2**64


def _make_room(target: Path, plan: _Plan, settings: Mapping[str, Any]) -> None:
    """Reserve the space of all arrays before work is put into them; a full disk is told now and not at the end."""
    missing: list[tuple[Path, int, int]] = []
    for size, rows in plan.rows.items():
        path, wanted = target / file_name(size), rows * size[0] * size[1] * settings["channels"]
        there = path.stat().st_blocks * 512 if path.exists() and os.name == "posix" else 0
        missing.append((path, wanted, max(0, wanted - there)))
    needed = sum(lack for _, _, lack in missing)
    if needed and needed + _SPARE > _free(target):
        raise _no_room(target, needed=needed + _SPARE)
    for path, wanted, _ in missing:
        with open(path, "ab") as file:
            if file.tell() < wanted:
                (target / _DONE).unlink(missing_ok=True)  # whatever was made is not there any more
                if hasattr(os, "posix_fallocate"):
                    with _where_possible():
                        os.posix_fallocate(file.fileno(), 0, wanted)
                file.truncate(wanted)


@contextmanager
def _where_possible():  # noqa: ANN201
    """Some network file systems cannot reserve space; then a full disk shows when a picture is written."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            raise


def _fill(
    target: Path, plan: _Plan, settings: Mapping[str, Any], source: Path, check: Check, progress: Progress
) -> None:
    """Write the pictures that are not there yet. Files are written and not mapped: a full disk is then an error and
    not the end of the process."""
    done = _marks(target, len(plan.used))
    waiting = np.flatnonzero(done == 0).tolist()
    total = len(plan.used)
    before = total - len(waiting)
    progress(before, total, _STAGE)

    def work(index: int, _check: Check) -> np.ndarray:
        return _pixels(source / plan.used[index].file, plan.sizes[index], settings)

    with ExitStack() as stack:
        files = {size: stack.enter_context(open(target / file_name(size), "r+b")) for size in plan.rows}
        fresh: list[tuple[int, int]] = []
        last = time.monotonic()
        try:
            for count, (index, result) in enumerate(in_order(work, waiting, check), 1):
                if isinstance(result, StudioError):
                    _refuse_when_gone(source, plan.used[index], result)
                    fresh.append((index, 2))
                else:
                    size, row = plan.places[index]
                    files[size].seek(row * result.nbytes)
                    files[size].write(result)  # pyright: ignore[reportArgumentType]
                    fresh.append((index, 1))
                if time.monotonic() - last > _FLUSH:
                    _mark(target, done, fresh, files.values())
                    last = time.monotonic()
                progress(before + count, total, _STAGE)
        finally:
            _mark(target, done, fresh, files.values())


def _marks(target: Path, count: int) -> np.ndarray:
    """uint8 (count,): 0 to be made, 1 made, 2 cannot be made."""
    path = target / _DONE
    if path.exists() and path.stat().st_size == count:
        return np.fromfile(path, dtype=np.uint8)
    return np.zeros(count, dtype=np.uint8)


def _mark(target: Path, done: np.ndarray, fresh: list[tuple[int, int]], files: Iterable[IO[bytes]]) -> None:
    """Note what is made, after it has reached the disk."""
    if not fresh:
        return
    for file in files:
        file.flush()
        sync_file(file.fileno())
    for index, state in fresh:
        done[index] = state
    fresh.clear()
    with write_atomically(target / _DONE) as file:
        file.write(done.tobytes())


def _pixels(path: Path, size: Size, settings: Mapping[str, Any]) -> np.ndarray:
    """uint8 (h, w, c) of one file. StudioError when it cannot be read (any more)."""
    channels = settings["channels"]
    image = open_picture(path, "" if channels == 4 else settings["background"], 2 * max(size))
    image = fitted(image, size) if settings["fit"] == "crop" else padded(image, size, settings["background"])
    pixels = np.asarray(image.convert("L") if channels == 1 else image)
    return np.ascontiguousarray(pixels.reshape(size[1], size[0], channels))


def _refuse_when_gone(source: Path, file: ImageFile, error: StudioError) -> None:
    """One file that went away is left out; when the whole folder did, its pictures must not be left out one by one."""
    if error.code not in ("missing", "disk", "permission") or Path(file.file).is_absolute():
        return
    try:
        with os.scandir(source) as entries:
            gone = next(entries, None) is None  # the place of a disk that was taken out
    except OSError:
        gone = True
    if gone:
        raise missing_folder(source)


def _finish(target: Path, plan: _Plan, settings: Mapping[str, Any]) -> None:
    """Write the description that says that all is there."""
    done = _marks(target, len(plan.used))
    kept = np.flatnonzero(done == 1).tolist()
    sentence = N_("This file changed or went away while the pictures were prepared; it is left out.")
    lost = [Problem(plan.used[index].file, "changed", sentence) for index in np.flatnonzero(done == 2).tolist()]
    report = ImageReport(
        plan.report.folder,
        plan.report.files,
        (*plan.report.problems, *lost),
        plan.report.duplicates,
        plan.report.similar,
        plan.report.ignored,
    )
    if not kept:
        ImageReport(report.folder, (), report.problems).require()
    held_out = set(plan.held_out)
    data = {
        "settings": settings,
        "report": report.to_json(),
        "files": [plan.used[index].file for index in kept],
        "captions": [plan.used[index].captions for index in kept],
        "hashes": [plan.used[index].hash for index in kept],
        "places": [[*plan.places[index][0], plan.places[index][1]] for index in kept],
        "rows": [[*size, rows] for size, rows in plan.rows.items()],
        "validation": [place for place, index in enumerate(kept) if index in held_out],
    }
    with write_atomically(target / DATA) as file:
        file.write(json.dumps(data).encode())
    for name in (_PLAN, _DONE):
        (target / name).unlink(missing_ok=True)


def _tell(ready: PreparedImages, side: int, notice: Notice) -> None:
    """What a person should know about the data before waiting for hours."""
    report = ready.report
    if len(ready) < FEW:
        notice(N_("Only few pictures ({count}): the model will mostly repeat them."), count=len(ready))
    if report.problems:
        notice(N_("Files left out (the data report says why): {count}."), count=len(report.problems))
    if copies := sum(len(group) - 1 for group in report.duplicates):
        notice(N_("Copies of other pictures, used once: {count}."), count=copies)
    if report.animated:
        notice(N_("Animated files, of which the first frame is used: {count}."), count=report.animated)
    if small := report.small(side):
        notice(N_("Pictures smaller than {side} px, which are enlarged: {count}."), count=small, side=side)

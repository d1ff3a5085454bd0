"""A folder of pictures as something to learn from: every file looked at, what is wrong with one said in a sentence.

Pictures are decoded to their end (a file that is cut short shows it nowhere else) and forgotten at once: of each
remain its size, a hash of its bytes, its captions, and while the scan lasts a tiny copy by which copies are found.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from ..errors import StudioError
from ..i18n import N_
from ..imaging import BROKEN, damaged, opened, orientation, to_plain, upright
from ..store.files import plain_errors
from . import captions
from .looks import Look, alike, look_of
from .parallel import in_order
from .problem import Check, Problem, Progress, nobody_asks, nobody_looks, readable
from .remembered import Memory, Stamp, memory_of
from .seen import ImageFile, Seen
from .walk import Found, find, missing_folder

__all__ = ["LEAST_SIDE", "SUFFIXES", "ImageFile", "ImageReport", "flatten", "look_at", "open_picture", "scan"]

LEAST_SIDE = 16
"""Smallest side of a picture that something can be learned from, pixels."""

_READ = ".png .apng .jpg .jpeg .jpe .jfif .mpo .webp .gif .bmp .dib .tif .tiff .psd .avif .avifs"
SUFFIXES = frozenset(_READ.split())
"""Files that are opened; what they are is judged by their content."""

_FURTHER = """
    .heic .heif .svg .svgz .eps .ai .pdf .ico .icns .tga .exr .hdr .jxl .jp2 .j2k .dds .xcf .kra .clip .raw .cr2 .cr3
    .nef .arw .dng .orf .rw2 .raf .pcx .ppm .pgm .pbm .pnm .qoi
"""
_OTHERS = frozenset(_FURTHER.split())
"""Pictures that are not opened, and are told of."""

_ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF", "TIFF")
"""Formats whose further frames are pictures; those of PSD are layers and those of MPO views."""

_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"8BPS")
_LARGE = 16_000_000
_STAGE = N_("Looking at the pictures")
_COMPARING = N_("Looking for copies")


@dataclass(frozen=True)
class ImageReport:
    """What a folder holds. duplicates: groups of files with equal bytes. similar: groups of pictures that look alike
    (of each group of duplicates only the first). ignored: files that are no pictures."""

    folder: Path
    files: tuple[ImageFile, ...] = ()
    problems: tuple[Problem, ...] = ()
    duplicates: tuple[tuple[str, ...], ...] = ()
    similar: tuple[tuple[str, ...], ...] = ()
    ignored: int = 0

    @property
    def missing(self) -> int:
        """How many pictures have no caption."""
        return sum(not file.captions for file in self.files)

    @property
    def animated(self) -> int:
        """How many files have several frames, of which the first is used."""
        return sum(file.frames > 1 for file in self.files)

    def small(self, side: int) -> int:
        """How many pictures have a side below `side` px, and would be enlarged."""
        return sum(min(file.width, file.height) < side for file in self.files)

    def path(self, file: ImageFile) -> Path:
        """Where a picture lies."""
        return self.folder / file.file

    def require(self) -> None:
        """StudioError "data-empty" when no picture can be used."""
        if self.files:
            return
        if self.problems:
            raise StudioError(
                N_('No picture in "{folder}" can be used; the data report says what is wrong with each.'),
                code="data-empty",
                folder=readable(str(self.folder)),
            )
        raise StudioError(
            N_('There are no pictures in "{folder}"; choose a folder with PNG, JPEG or WebP files.'),
            code="data-empty",
            folder=readable(str(self.folder)),
        )

    def digest(self) -> str:
        """One hash for the whole set: the same whatever the files are called and wherever they lie."""
        hashes = "\n".join(sorted(file.hash for file in self.files))
        return hashlib.blake2b(hashes.encode(), digest_size=16).hexdigest()

    def summary(self) -> dict[str, Any]:
        """The figures, in JSON's types."""
        sizes = sorted((file.width * file.height, file.width, file.height) for file in self.files)
        return {
            "kind": "images",
            "folder": readable(str(self.folder)),
            "files": len(self.files),
            "bytes": sum(file.bytes for file in self.files),
            "problems": dict(Counter(problem.code for problem in self.problems)),
            "duplicates": sum(len(group) - 1 for group in self.duplicates),
            "similar": sum(len(group) - 1 for group in self.similar),
            "captions": len(self.files) - self.missing,
            "sources": dict(Counter(file.source for file in self.files if file.source)),
            "animated": self.animated,
            "alpha": sum(file.alpha for file in self.files),
            "smallest": list(sizes[0][1:]) if sizes else [],
            "median": list(sizes[len(sizes) // 2][1:]) if sizes else [],
            "largest": list(sizes[-1][1:]) if sizes else [],
            "digest": self.digest(),
        }

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "folder": str(self.folder),
            "files": [asdict(file) for file in self.files],
            "problems": [problem.to_json() for problem in self.problems],
            "duplicates": [list(group) for group in self.duplicates],
            "similar": [list(group) for group in self.similar],
            "ignored": self.ignored,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ImageReport:
        """The inverse of `to_json`."""
        return cls(
            Path(data["folder"]),
            tuple(ImageFile(**{**file, "captions": tuple(file["captions"])}) for file in data["files"]),
            tuple(Problem.from_json(problem) for problem in data["problems"]),
            tuple(tuple(group) for group in data["duplicates"]),
            tuple(tuple(group) for group in data["similar"]),
            data["ignored"],
        )


def open_picture(path: Path, background: str = "white", least: int = 0) -> Image.Image:
    """An upright 8-bit sRGB "RGB" picture with what is transparent laid over a colour (a name or "#rrggbb").

    background "" keeps the transparency: "RGBA". least: a JPEG may be decoded at half, a quarter or an eighth of its
    size as long as both sides have so many pixels; 0 for the whole size. The first frame of an animation. StudioError
    when the file is no picture, broken, too large or too small.
    """
    with plain_errors(), opened(path, LEAST_SIDE) as image, _alone(image):
        try:
            if least:
                image.draft("RGB", (least, least))
            image.load()
            plain = to_plain(upright(image))
        except BROKEN as error:
            raise damaged(path, error) from error
    return flatten(plain, background)


def flatten(image: Image.Image, background: str) -> Image.Image:
    """An "RGB" or "RGBA" picture over a background, or as "RGBA" when that is ""."""
    if not background:
        return image.convert("RGBA")
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, background)
        ground.alpha_composite(image)
        image = ground
    return image.convert("RGB")


_one_large = threading.Lock()


def _alone(image: Image.Image) -> contextlib.AbstractContextManager[object]:
    """Lets the largest pictures be decoded one after another: several at once would need gigabytes."""
    return _one_large if image.width * image.height > _LARGE else contextlib.nullcontext()


def look_at(path: Path, file: str, check: Check = nobody_asks) -> Seen:
    """Decode a picture to its end and say what it is, without captions. file: what it is called in the report.

    StudioError for every way in which it cannot be used.
    """
    with plain_errors():
        size = path.stat().st_size
        if size == 0:
            raise StudioError(N_('The file "{name}" is empty; export it again.'), code="empty", name=path.name)
        with open(path, "rb") as data:
            digest = _digest(data, check)
        with opened(path, LEAST_SIDE) as image:
            width, height = image.size[::-1] if orientation(image) >= 5 else image.size
            with _alone(image):
                try:
                    frames = _frames(image, path, check)
                    image.seek(0)
                    image.draft("RGB", (64, 64))
                    image.load()
                    look, alpha = _seen(image)
                except BROKEN as error:
                    raise damaged(path, error) from error
    return Seen(ImageFile(file, width, height, size, frames, alpha, digest), look)


def _digest(data: BinaryIO, check: Check) -> str:
    found = hashlib.blake2b(digest_size=16)
    while block := data.read(1 << 20):
        check()
        found.update(block)
    return found.hexdigest()


def _frames(image: Image.Image, path: Path, check: Check) -> int:
    """How many pictures one after another a file has. Those of a GIF are counted here: there may be a million of them,
    and Pillow does not let itself be stopped."""
    if image.format == "GIF":
        return max(1, _gif_frames(path, check))
    return getattr(image, "n_frames", 1) if image.format in _ANIMATIONS else 1


def _gif_frames(path: Path, check: Check) -> int:
    """Image blocks of a GIF (GIF89a specification, 1990, section 20), up to its end or where it is broken."""
    with open(path, "rb") as file:
        file.seek(6)
        screen = file.read(7)
        if len(screen) == 7 and screen[4] & 0x80:
            file.seek(3 << ((screen[4] & 7) + 1), os.SEEK_CUR)
        count = blocks = 0
        while (kind := file.read(1)) in (b"!", b","):
            head = file.read(1 if kind == b"!" else 9)
            if kind == b",":
                count += 1
                if len(head) == 9 and head[8] & 0x80:
                    file.seek(3 << ((head[8] & 7) + 1), os.SEEK_CUR)
                file.read(1)
            while (size := file.read(1)) not in (b"", b"\0"):
                file.seek(size[0], os.SEEK_CUR)
                blocks += 1
                if blocks % 4096 == 0:
                    check()
        return count


def _seen(image: Image.Image) -> tuple[Look, bool]:
    """The look of a decoded picture, and whether something of it is transparent."""
    image = upright(image)
    if image.mode.startswith("I") or image.mode in ("F", "PA", "La", "RGBa", "LA", "LAB", "HSV", "CMYK", "YCbCr"):
        image = to_plain(image)
    elif image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif "transparency" in image.info and image.mode != "RGBA":
        image = image.convert("RGBA")
    alpha = image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255)
    return look_of(image), alpha


def scan(
    folder: Path,
    check: Check = nobody_asks,
    progress: Progress = nobody_looks,
    *,
    also: Mapping[Path, str] | None = None,
) -> ImageReport:
    """Look at every picture below a folder. also: pictures elsewhere that belong to the set, with their captions.

    The order is that of the names and depends on nothing else. StudioError when the folder cannot be read at all; of an
    empty folder the report is empty.
    """
    found = find(folder, _is_wanted, check, progress)
    problems = [*found.problems, *_unreadable(found)]
    files = [file for file in found.files if Path(file).suffix.lower() not in _OTHERS]
    extra = {str(path.absolute()): caption for path, caption in sorted((also or {}).items())}
    seen: list[Seen] = []
    total = len(files) + len(extra)
    with memory_of(folder) as memory:
        for done, (file, result) in enumerate(_looks(folder, [*files, *extra], memory, check), 1):
            if isinstance(result, Seen):
                seen.append(result)
            else:
                if result.code == "missing" and not folder.is_dir():
                    raise missing_folder(folder)
                problems.append(Problem.of(file, result))
            progress(done, total, _STAGE)
    progress(total, total, _COMPARING)
    texts = captions.read(folder, [one.file.file for one in seen if one.file.file not in extra], check)
    duplicates, firsts = _equal(seen)
    groups = alike([seen[index].look for index in firsts], check)
    return ImageReport(
        folder,
        tuple(_captioned(one.file, texts, extra) for one in seen),
        tuple(sorted([*problems, *texts.problems], key=lambda problem: (problem.file, problem.code))),
        tuple(tuple(seen[index].file.file for index in group) for group in duplicates),
        tuple(tuple(seen[firsts[index]].file.file for index in group) for group in groups),
        found.ignored,
    )


def _looks(
    folder: Path, files: Sequence[str], memory: Memory, check: Check
) -> Iterator[tuple[str, Seen | StudioError]]:
    """(file, what it is or why it cannot be used), decoded only where it is not remembered."""

    def known() -> Iterator[tuple[str, Stamp | None, Seen | StudioError | None]]:
        for file in files:
            stamp = Stamp.of(folder / file)
            yield file, stamp, memory.recall(file, stamp)

    def work(item: tuple[str, Stamp | None, Seen | StudioError | None], check: Check) -> Seen | StudioError:
        path = folder / item[0]
        try:
            return look_at(path, item[0], check)
        except StudioError:
            raise
        except Exception as error:  # a parser's own way to fail must not end the look at a hundred thousand others
            raise damaged(path, error) from error

    for (file, stamp, before), result in in_order(work, known(), check, lambda item: item[2]):
        if before is None:
            memory.keep(file, stamp, result)
        yield file, result


def _is_wanted(name: str, path: Path) -> bool:
    suffix = os.path.splitext(name)[1].lower()
    if suffix:
        return suffix in SUFFIXES or suffix in _OTHERS
    with open(path, "rb") as file:  # a name without suffix, as hashes have: does it begin like a picture?
        return file.read(4).startswith(_MAGIC)


def _unreadable(found: Found) -> Iterator[Problem]:
    text = N_("Pictures of this format ({format}) are not read; save it as PNG, JPEG or WebP.")
    for file in found.files:
        suffix = Path(file).suffix.lower()
        if suffix in _OTHERS:
            yield Problem(readable(file), "image-format", text, {"format": suffix[1:].upper()})


def _equal(seen: Sequence[Seen]) -> tuple[list[list[int]], list[int]]:
    """(groups of indices of equal files, indices of the first of each kind of file)."""
    groups: dict[str, list[int]] = {}
    for index, one in enumerate(seen):
        groups.setdefault(one.file.hash, []).append(index)
    return [group for group in groups.values() if len(group) > 1], [group[0] for group in groups.values()]


def _captioned(file: ImageFile, found: captions.Captions, extra: Mapping[str, str]) -> ImageFile:
    if given := extra.get(file.file):
        return replace(file, captions=(given,), source="given")
    return replace(file, captions=found.texts.get(file.file, ()), source=found.sources.get(file.file, ""))

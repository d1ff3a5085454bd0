"""Pictures in and out: opening what people bring safely, arrays, thumbnails, laying one picture over another.

Everything the app opens becomes an upright 8-bit sRGB picture of mode "RGB" or "RGBA" (a mask: "L"). Arrays are uint8
of shape (height, width, channels), or (height, width) for a mask.
"""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from .errors import StudioError
from .i18n import N_
from .store.files import write_atomically

__all__ = [
    "BROKEN",
    "MAX_PIXELS",
    "MAX_SIDE",
    "MIN_SIDE",
    "THUMBNAIL_SIDE",
    "blend",
    "damaged",
    "from_array",
    "image_size",
    "make_thumbnail",
    "open_image",
    "open_mask",
    "opened",
    "orientation",
    "to_array",
    "to_plain",
    "upright",
]

MIN_SIDE = 8
"""Smallest side of an imported picture, pixels: below this there is nothing to see or to edit."""
MAX_SIDE = 16_384
"""Largest side of a picture, pixels."""
MAX_PIXELS = 120_000_000
"""Most pixels of a picture: 480 MB as RGBA, which a machine with 8 GB can still edit."""
THUMBNAIL_SIDE = 256

# Only these parsers ever see a file: each further one is more code that meets foreign bytes (EPS starts Ghostscript).
_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "PSD", "AVIF")
BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError),
    *(RuntimeError, struct.error, zlib.error),
)
"""What Pillow's parsers raise on broken files; there is no common base class."""


@contextlib.contextmanager
def opened(path: Path, least: int = MIN_SIDE) -> Iterator[Image.Image]:
    """A picture whose header is read and within our limits; its file is closed again whatever happens.

    least: of each side, pixels. Decoding it may raise what `BROKEN` names; `damaged` says so to people.
    """
    Image.init()
    with open(path, "rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # our own limits are checked below; what a parser skips is no news
                image = Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])
        except Image.DecompressionBombError as error:
            raise StudioError(
                N_('The picture "{name}" has too many pixels; the limit is {side} px a side and {pixels} megapixels.'),
                code="image-size",
                detail=repr(error),
                name=path.name,
                side=MAX_SIDE,
                pixels=MAX_PIXELS // 1_000_000,
            ) from error
        except UnidentifiedImageError as error:
            raise StudioError(
                N_('"{name}" is not a picture this app can read; save it as PNG, JPEG or WebP and try again.'),
                code="not-an-image",
                detail=repr(error),
                name=path.name,
            ) from error
        except BROKEN as error:
            raise damaged(path, error) from error
        with image:
            _check_size(path, *image.size, least)
            yield image


def damaged(path: Path, error: Exception) -> StudioError:
    """The sentence about a picture that could not be decoded to its end."""
    return StudioError(
        N_('The picture "{name}" is damaged or incomplete; copy or export it again.'),
        code="image-damaged",
        detail=repr(error),
        name=path.name,
    )


def _check_size(path: Path, width: int, height: int, least: int) -> None:
    if min(width, height) < least:
        raise StudioError(
            N_('The picture "{name}" is only {width} × {height} px; choose one of at least {side} px a side.'),
            code="image-size",
            name=path.name,
            width=width,
            height=height,
            side=least,
        )
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise StudioError(
            N_(
                'The picture "{name}" is {width} × {height} px; the limit is {side} px a side and {pixels} megapixels. '
                "Make it smaller and try again."
            ),
            code="image-size",
            name=path.name,
            width=width,
            height=height,
            side=MAX_SIDE,
            pixels=MAX_PIXELS // 1_000_000,
        )


def image_size(path: Path) -> tuple[int, int]:
    """Width and height as shown (EXIF rotation applied), from the header alone. StudioError when it is no picture."""
    with opened(path) as image:
        width, height = image.size
        turned = orientation(image) >= 5
    return (height, width) if turned else (width, height)


def orientation(image: Image.Image) -> int:
    """EXIF's number, 1 to 8; from 5 on width and height change places."""
    try:
        value = image.getexif().get(0x0112, 1)
    except BROKEN:
        return 1
    return value if isinstance(value, int) else 1


def open_image(path: Path) -> Image.Image:
    """A picture file as upright sRGB "RGB" or "RGBA", the first frame of an animation.

    16-bit grey is scaled (not clipped) to 8 bits, CMYK and other profiles are converted to sRGB.
    StudioError when it is not a picture, damaged, too large or too small.
    """
    with opened(path) as image:
        try:
            image.load()
            return to_plain(upright(image))
        except BROKEN as error:
            raise damaged(path, error) from error


def open_mask(path: Path) -> Image.Image:
    """A mask file as "L": white is what may change. Of a picture with transparency the alpha is the mask."""
    with opened(path) as image:
        try:
            image.load()
            shown = upright(image)
            if shown.mode == "L":
                return shown
            plain = to_plain(shown)
        except BROKEN as error:
            raise damaged(path, error) from error
    return plain.getchannel("A") if plain.mode == "RGBA" else plain.convert("L")


def upright(image: Image.Image) -> Image.Image:
    """Turned and mirrored as its EXIF orientation says."""
    return ImageOps.exif_transpose(image) if orientation(image) != 1 else image


def to_plain(image: Image.Image) -> Image.Image:
    """Any mode as 8-bit sRGB "RGB" or "RGBA", without metadata."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bit(image)
    transparent = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    image = _to_srgb(image)
    plain = image.convert("RGBA" if transparent else "RGB")
    plain.info = {}
    return plain if plain is not image else image.copy()


def _eight_bit(image: Image.Image) -> Image.Image:
    # convert("L") clips at 255, which turns a 16-bit picture white.
    values = np.asarray(image).astype(np.float64)
    if image.mode == "F":
        top = max(1.0, float(np.nanmax(values, initial=0.0)))
        values = np.nan_to_num(values) / top * 255.0
    else:
        values = values / 257.0
    return Image.fromarray(np.rint(values.clip(0, 255)).astype(np.uint8), "L")


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in (ImageCms.getProfileDescription(source) or "").lower():
            return image
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image  # a broken or unsuited profile: the plain numbers are the better guess
    return converted if converted is not None else image


def to_array(image: Image.Image) -> np.ndarray:
    """uint8 of shape (h, w, 3), (h, w, 4), or (h, w) for modes "L" and "1"."""
    if image.mode == "1":
        image = image.convert("L")
    return np.array(image if image.mode in ("L", "RGB", "RGBA") else to_plain(image), dtype=np.uint8)


def from_array(pixels: np.ndarray) -> Image.Image:
    """The inverse of `to_array`; floats are taken as 0 to 1."""
    if pixels.dtype.kind == "f":
        pixels = np.rint(np.nan_to_num(pixels).clip(0.0, 1.0) * 255.0)
    pixels = np.ascontiguousarray(pixels.clip(0, 255).astype(np.uint8))
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def blend(below: np.ndarray, above: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`above` laid over `below` where `alpha` says: uint8 (h, w, c), (h, w, c), (h, w).

    Exact at both ends: alpha 0 keeps the bytes of `below`, alpha 255 gives those of `above`.
    """
    weight = alpha.astype(np.uint32)[..., None]
    mixed = below.astype(np.uint32) * (255 - weight) + above.astype(np.uint32) * weight
    return ((mixed + 127) // 255).astype(np.uint8)


def make_thumbnail(source: Path, target: Path, side: int = THUMBNAIL_SIDE) -> None:
    """Write a WebP of at most `side` px for a picture file. JPEGs are decoded at the reduced size."""
    with opened(source) as image:
        try:
            image.draft("RGB", (side * 2, side * 2))
            image.load()
            small = upright(image)
            if small.mode.startswith("I") or small.mode == "F":
                small = _eight_bit(small)
            if small.mode not in ("RGB", "RGBA", "L"):
                transparent = small.mode in ("LA", "PA") or "transparency" in small.info
                small = small.convert("RGBA" if transparent else "RGB")
            small.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
            small = to_plain(small)
        except BROKEN as error:
            raise damaged(source, error) from error
    target.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(target) as file:
        small.save(file, "WEBP", quality=80, method=0)

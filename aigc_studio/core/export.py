"""Pictures out of the project: to a file of the person's choice, in the format its name asks for, recipe and all."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from .errors import StudioError, describe
from .i18n import N_
from .imaging import open_image
from .metadata import write_image
from .store.files import copy_into, write_atomically

__all__ = ["EXPORT_SUFFIXES", "export_image", "writing"]

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP"}
EXPORT_SUFFIXES = tuple(_FORMATS)
"""What a picture can be saved as; ".jpeg" is taken too."""


def export_image(source: Path, target: Path, recipe: Mapping[str, Any] | None) -> None:
    """Write the picture `source` to `target`. The same format is copied byte for byte; others carry `recipe` over.

    JPEG knows no transparency: transparent pixels become white. The target is replaced only when all is written.
    StudioError for a format that is not one of `EXPORT_SUFFIXES`.
    """
    suffix = {".jpeg": ".jpg"}.get(target.suffix.lower(), target.suffix.lower())
    if suffix not in EXPORT_SUFFIXES:
        raise StudioError(
            N_('A picture cannot be saved as "{suffix}"; choose PNG, JPEG or WebP.'),
            code="export-format",
            suffix=target.suffix or target.name,
        )
    with writing(target):
        if suffix == {".jpeg": ".jpg"}.get(source.suffix.lower(), source.suffix.lower()):
            copy_into(source, target)
            return
        image = open_image(source)
        if suffix == ".jpg" and "A" in image.getbands():
            white = Image.new("RGB", image.size, "white")
            white.paste(image, mask=image.getchannel("A"))
            image = white
        if recipe is not None:
            write_image(target, image, recipe)
        else:
            with write_atomically(target) as file:
                image.save(file, _FORMATS[suffix], quality=95)


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """Say in one sentence why `target`, a file of the person's choice, could not be written."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise describe(error) from error
        raise StudioError(
            N_('"{name}" could not be written ({reason}); choose another folder.'),
            code="export",
            detail=repr(error),
            name=target.name,
            reason=error.strerror or str(error),
        ) from error

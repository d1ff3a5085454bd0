"""Pictures out of the project: to a file of the person's choice, in the format its name asks for, recipe and all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from .errors import StudioError
from .i18n import N_
from .imaging import open_image
from .metadata import write_image

__all__ = ["EXPORT_SUFFIXES", "export_image"]

EXPORT_SUFFIXES = (".png", ".jpg", ".webp")
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
    part = target.with_name(f".{target.stem}.part{suffix}")
    try:
        if suffix == {".jpeg": ".jpg"}.get(source.suffix.lower(), source.suffix.lower()):
            shutil.copyfile(source, part)
        else:
            image = open_image(source)
            if suffix == ".jpg" and "A" in image.getbands():
                white = Image.new("RGB", image.size, "white")
                white.paste(image, mask=image.getchannel("A"))
                image = white
            if recipe is not None:
                write_image(part, image, recipe)
            else:
                image.save(part, quality=95)
        os.replace(part, target)
    except OSError as error:
        raise StudioError(
            N_('"{name}" could not be written ({reason}); choose another folder.'),
            code="export",
            detail=repr(error),
            name=target.name,
            reason=error.strerror or str(error),
        ) from error
    finally:
        part.unlink(missing_ok=True)

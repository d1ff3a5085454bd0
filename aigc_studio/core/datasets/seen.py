"""What is known of one picture of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .looks import Look

__all__ = ["ImageFile", "Seen"]


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One usable picture. file: relative to the folder with "/" between, or an absolute path of one added to it.

    width, height: upright, pixels. frames: 1 for a still. alpha: something of it is transparent. hash: of the file's
    bytes, 32 hexadecimal digits. captions: alternatives, () for none. source: where they come from: a "text" beside, a
    "table", the file's "name", "given" with a picture that was added; "" for none.
    """

    file: str
    width: int
    height: int
    bytes: int
    frames: int
    alpha: bool
    hash: str
    captions: tuple[str, ...] = ()
    source: str = ""

    @property
    def caption(self) -> str:
        """The first caption, "" for none."""
        return self.captions[0] if self.captions else ""


class Seen(NamedTuple):
    """What one look at a file gives."""

    file: ImageFile
    look: Look

"""Between the numbers of a network and pictures: fitting, enlarging, and many pictures in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.imaging import MAX_PIXELS, MAX_SIDE

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Sheet", "broken", "fitted", "numbers", "opaque", "picture", "preview"]

_PREVIEW = 512
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Channels of a network to the mode of its pictures."""


def broken() -> StudioError:
    """The network gives numbers that are none."""
    return StudioError(
        N_("The model's numbers broke down; try again with other settings, or choose another model."), code="model-nan"
    )


def picture(image: Tensor) -> Image.Image:
    """(channels, h, w), about [-1, 1] -> "RGB" or "RGBA"; StudioError where it is not a number."""
    numbers = image.detach().float().cpu().numpy()
    if not np.isfinite(numbers).all():
        raise broken()
    pixels = np.rint((np.clip(numbers, -1, 1) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
    made = Image.fromarray(np.ascontiguousarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels))
    return made.convert("RGBA" if pixels.shape[2] in (2, 4) else "RGB")


def numbers(image: Image.Image, channels: int) -> Tensor:
    """A picture -> (1, channels, h, w) in [-1, 1]. Where the network knows no transparency it stands on white."""
    import torch

    image = image.convert("RGBA").convert(_MODES[channels]) if channels in (2, 4) else opaque(image)
    pixels = np.asarray(image.convert(_MODES[channels]), np.float32) / 127.5 - 1
    return torch.from_numpy(pixels.reshape(image.height, image.width, channels).transpose(2, 0, 1).copy())[None]


def opaque(image: Image.Image) -> Image.Image:
    """The picture as "RGB", on white where it is transparent."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    whole = Image.new("RGB", image.size, "white")
    whole.paste(image, mask=image.getchannel("A"))
    return whole


def fitted(image: Image.Image, side: int, fit: str) -> Image.Image:
    """A square picture of `side` pixels. fit: "crop" takes the middle, "pad" adds white (or nothing, where there is
    transparency), "stretch" changes the shape."""
    width, height = image.size
    if fit == "crop":
        least = min(width, height)
        left, top = (width - least) // 2, (height - least) // 2
        box = (left, top, left + least, top + least)
        return image.resize((side, side), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    if fit == "stretch":
        return image.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    scale = side / max(width, height)
    small = image.resize(
        (max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.LANCZOS, reducing_gap=3.0
    )
    whole = Image.new(image.mode, (side, side), (255, 255, 255, 0) if image.mode == "RGBA" else "white")
    whole.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    return whole


def preview(image: Image.Image) -> Image.Image:
    """At most 512 px."""
    small = image.copy()
    small.thumbnail((_PREVIEW, _PREVIEW), Image.Resampling.BOX)
    return small


class Sheet:
    """Square pictures of one size in rows, enlarged as the form says; one picture is a sheet of one.

    side: of the pictures in pixels. values: of the form ("enlarge", "method", "gap"). StudioError when the whole would
    be larger than pictures may be.
    """

    def __init__(self, side: int, count: int, columns: int, values: Mapping[str, Any]) -> None:
        self._columns = max(1, min(columns, count))
        self._side = side * values.get("enlarge", 1)
        self._gap = values.get("gap", 0) if count > 1 else 0
        self._method = Image.Resampling[str(values.get("method", "lanczos")).upper()]
        rows = -(-count // self._columns)
        self.size = tuple(many * self._side + (many - 1) * self._gap for many in (self._columns, rows))
        self._count = 0
        self._whole: Image.Image | None = None
        if max(self.size) > MAX_SIDE or self.size[0] * self.size[1] > MAX_PIXELS:
            raise StudioError(
                N_("The result would have {width} × {height} px; choose fewer pictures in one, or enlarge them less."),
                code="image-size",
                width=self.size[0],
                height=self.size[1],
            )

    def add(self, image: Image.Image) -> None:
        """The next picture."""
        if self._whole is None:
            clear = image.mode == "RGBA"
            self._whole = Image.new(image.mode, self.size, (255, 255, 255, 0) if clear else "white")
        row, column = divmod(self._count, self._columns)
        step = self._side + self._gap
        self._whole.paste(image.resize((self._side, self._side), self._method), (column * step, row * step))
        self._count += 1

    @property
    def picture(self) -> Image.Image:
        """All that was added so far."""
        if self._whole is None:
            raise ValueError("nothing was added")
        return self._whole

    def preview(self) -> Image.Image:
        """The same, at most 512 px."""
        return preview(self.picture)

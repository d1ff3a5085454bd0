"""What a pipeline is asked for: the size it works at, the pictures it is given, and how its picture becomes the result.

Pictures of any size are worked on at a size the model knows; of a large one only the part that changes is held as
numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PIL import Image

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.imaging import open_image, open_mask
from aigc_studio.core.masking import Box, composite, feathered_part, mask_from_image, part_around
from aigc_studio.engines.base import Context
from aigc_studio.engines.image.harmony import matched_bands

from . import sizes
from .spec import Loaded

__all__ = ["Work", "prepare"]

_PREVIEW = 512
"""Longer side of previews in pixels."""

MOST_BENT = 24
"""Of 255: how far colours are bent at most to meet the picture. Autoencoders miss by less; more is another picture."""


@dataclass(frozen=True)
class Work:
    """size: in pixels, of what the pipeline makes. finish: makes the delivered picture of one of `size`; every call
    leaves the inputs as they are. images: given to the pipeline ("image", "mask_image"). info: kept in the recipe.
    shown: makes a preview of the delivered picture of one of the pipeline's, both small."""

    size: sizes.Size
    finish: Callable[[Image.Image], Image.Image]
    images: Mapping[str, Image.Image] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    shown: Callable[[Image.Image], Image.Image] = lambda preview: preview


def prepare(task: str, loaded: Loaded, pipe: Any, ctx: Context) -> Work:
    """The work of a task; StudioError when its inputs cannot be used.

    A model made for inpainting paints anything as a part that is all of the picture.
    """
    work = {"generate": _new, "variation": _variation, "inpaint": _inpaint}[task](
        loaded, math.lcm(sizes.step_of(pipe), loaded.spec.step), ctx
    )
    if loaded.fills and task != "inpaint":
        given = {"image": Image.new("RGB", work.size, (128, 128, 128)), **work.images}
        return replace(work, images={**given, "mask_image": Image.new("L", work.size, 255)})
    return work


def _new(loaded: Loaded, step: int, ctx: Context) -> Work:
    """A picture from nothing: any size, made at the next one the model can do."""
    width, height = ctx.values["size"]
    return Work(sizes.up((width, height), step), lambda picture: sizes.cropped(picture, (width, height)))


def _variation(loaded: Loaded, step: int, ctx: Context) -> Work:
    """A picture like another, of the same size; one that is too large for the model comes out smaller."""
    ctx.progress(0, 0, N_("Reading the picture"))
    image = opaque(open_image(ctx.input("image")))
    ctx.check()
    size = sizes.working(image.size, loaded.side, step, most=4.0)
    grows = size[0] * size[1] >= image.width * image.height
    delivered = image.size if grows else sizes.within(image.size, size)
    if not grows:
        ctx.notice(
            N_("The picture is larger than this model can paint; the result has {width} × {height} px."),
            width=delivered[0],
            height=delivered[1],
        )
    info = {"worked_at": list(size)}
    if grows and sizes.up(image.size, step) == size:  # at home: only the border is filled up
        return Work(size, lambda picture: sizes.cropped(picture, delivered), {"image": sizes.padded(image, size)}, info)
    given = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return Work(size, lambda picture: picture.resize(delivered, Image.Resampling.LANCZOS), {"image": given}, info)


def _inpaint(loaded: Loaded, step: int, ctx: Context) -> Work:
    """The picture with its marked part painted anew; what lies outside mask and soft edge keeps its bytes."""
    values = ctx.values
    ctx.progress(0, 0, N_("Reading the picture"))
    image = open_image(ctx.input("image"))
    ctx.check()
    mask = mask_from_image(open_mask(ctx.input("mask")), image.size)
    marked = feathered_part(mask, values["feather"], check=ctx.check)
    if marked is None or not marked[1].any():
        raise StudioError(
            N_("Nothing is marked; draw over the part of the picture that should change."), code="mask-empty"
        )
    del mask
    ctx.check()
    box, opacity = marked
    part = part_around(box, image.size, values["context"] / 100, least=max(step, loaded.side // 2), step=step)
    size = sizes.working((part[2] - part[0], part[3] - part[1]), loaded.side, step)
    if 4 * size[0] * size[1] < (part[2] - part[0]) * (part[3] - part[1]):
        ctx.notice(
            N_("The part is larger than this model can paint: it was painted at {width} × {height} px and enlarged."),
            width=size[0],
            height=size[1],
        )
    changes = np.zeros((part[3] - part[1], part[2] - part[0]), np.float32)
    left, top = box[0] - part[0], box[1] - part[1]
    changes[top : top + opacity.shape[0], left : left + opacity.shape[1]] = opacity
    cells = covering(changes > 0, size, step)
    images = {
        "image": opaque(image.crop(part)).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0),
        "mask_image": Image.fromarray(cells),
    }

    def finish(picture: Image.Image) -> Image.Image:
        return laid_in(image, part, picture, changes, cells, ctx.check)

    info = {"box": list(box), "part": list(part), "worked_at": list(size)}
    return Work(size, finish, images, info, _in_place(image, part, changes))


def _in_place(image: Image.Image, part: Box, opacity: np.ndarray) -> Callable[[Image.Image], Image.Image]:
    """Lays previews of `part` into a small copy of the whole picture, which is what people look at."""
    shrink = min(1.0, _PREVIEW / max(image.size))
    size = max(1, round(image.width * shrink)), max(1, round(image.height * shrink))
    small = opaque(image.resize(size, Image.Resampling.BOX, reducing_gap=2.0))
    left, top = int(part[0] * shrink), int(part[1] * shrink)
    wide, high = max(1, round((part[2] - part[0]) * shrink)), max(1, round((part[3] - part[1]) * shrink))
    mask = Image.fromarray((opacity * 255).astype(np.uint8)).resize((wide, high), Image.Resampling.BOX)

    def shown(preview: Image.Image) -> Image.Image:
        whole = small.copy()
        whole.paste(preview.resize((wide, high), Image.Resampling.BILINEAR), (left, top), mask)
        return whole

    return shown


def covering(changes: np.ndarray, size: sizes.Size, step: int) -> np.ndarray:
    """The mask for the model, uint8 (height, width) of `size`: 255 for each whole cell of `step` pixels in which
    anything of the bool array `changes` lies. Models repaint whole cells: a mask of one pixel would be lost in them.
    """
    down, across = size[1] // step, size[0] // step
    high, wide = changes.shape
    columns = np.arange(across)
    first, last = columns * wide // across, -(-(columns + 1) * wide // across)  # pixels of each cell
    cells = np.zeros((down, across), np.uint8)
    for row in range(down):
        band = changes[row * high // down : -(-(row + 1) * high // down)].any(axis=0)
        before = np.concatenate([[0], np.cumsum(band)])
        cells[row] = np.where(before[last] > before[first], 255, 0)
    return np.repeat(np.repeat(cells, step, axis=0), step, axis=1)


def laid_in(
    image: Image.Image,
    part: Box,
    painted: Image.Image,
    opacity: np.ndarray,
    repainted: np.ndarray,
    check: Callable[[], None],
) -> Image.Image:
    """A copy of `image` ("RGB" or "RGBA") with `painted` laid into `part` by `opacity`, float32 of the part's size.

    repainted: which pixels of `painted` the model made, uint8; where it kept the picture, its colours have to meet the
    picture's, and by what they miss them the new part is bent.
    """
    width, height = part[2] - part[0], part[3] - part[1]
    fitting = painted.resize((width, height), Image.Resampling.LANCZOS) if painted.size != (width, height) else painted
    kept = Image.fromarray(repainted).resize((width, height), Image.Resampling.BOX)
    unknown = np.maximum(np.asarray(kept, dtype=np.float32) / np.float32(255), opacity)
    source = image.crop(part)

    def original(first: int, last: int) -> np.ndarray:
        check()
        return np.asarray(source.crop((0, first, width, last)))

    made = np.asarray(fitting)

    def wished(first: int, last: int) -> np.ndarray:
        band = made[first:last].astype(np.int16)
        return np.clip(original(first, last)[..., :3], band - MOST_BENT, band + MOST_BENT)

    result = image.copy()
    bands = matched_bands(made, wished, unknown, 1.0)
    for first, colours in bands:
        below = original(first, first + len(colours))
        over = np.full_like(below, 255)  # what is painted is opaque
        over[..., :3] = colours
        weight = opacity[first : first + len(colours)]
        result.paste(Image.fromarray(composite(below, over, weight)), (part[0], part[1] + first))
    return result


def opaque(image: Image.Image) -> Image.Image:
    """`image` as "RGB", what is transparent white: models know no transparency."""
    if image.mode == "RGB":
        return image
    ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")

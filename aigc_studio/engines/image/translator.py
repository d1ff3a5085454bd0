"""A person's picture as another kind of picture: a translator of our own, trained on two folders, at any size.

A picture that is too large for the memory is done in tiles with the statistics of a small copy of all of it, so that
they fit together; they overlap by more than the network sees at once on either side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from aigc_studio.core.i18n import N_
from aigc_studio.core.imaging import open_image
from aigc_studio.engines.base import Choice, Context, Family, Model, Param, Task

from .diffusion.sizes import cropped, padded, up
from .learned.making import each
from .learned.own import Own, load_own, warm
from .learned.pictures import broken, numbers, opaque, preview

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "facts", "fitted", "load", "run", "warm"]

_STEP = 4
"""Sides that the network takes are multiples of it."""
_WHOLE = 640 * 640
"""Pixels that are redrawn in one go."""
_TILE = 512
"""Side in pixels of tiles, without what they share with their neighbours."""

FAMILY = Family(
    id="translator",
    kind="image",
    title=N_("Translator"),
    summary=N_("Redraws your picture as the other kind of picture it was trained on."),
    tasks=(Task("variation", N_("Restyle"), ("image",)),),
    params=(
        Param.choice(
            "direction",
            N_("Direction"),
            "there",
            (Choice("there", N_("From the first kind to the second")), Choice("back", N_("Back to the first kind"))),
        ),
        Param.float(
            "strength",
            N_("Strength"),
            1.0,
            0.05,
            1.0,
            help=N_("How much of the result is seen over the picture."),
        ),
        Param.choice(
            "scale",
            N_("Detail"),
            "picture",
            (Choice("picture", N_("Of the picture: fine")), Choice("model", N_("Of the training pictures: coarse"))),
            help=N_("At which size the picture is redrawn; the result has the picture's own size."),
        ),
    ),
    needs="torch",
    max_count=1,
    prompt=False,
    chance=False,
)


def fitted(facts: Mapping[str, Any]) -> Family:
    """The family with the names of the two kinds of pictures."""
    labels = facts.get("labels")
    if not (
        isinstance(labels, list) and len(labels) == 2 and all(isinstance(label, str) and label for label in labels)
    ):
        return FAMILY
    one, other = labels
    choices = (Choice("there", f"{one} → {other}"), Choice("back", f"{other} → {one}"))
    params = (replace(param, choices=choices) if param.id == "direction" else param for param in FAMILY.params)
    return replace(FAMILY, params=tuple(params))


def load(model: Model, ctx: Context) -> Own:
    """Read a folder."""
    return load_own(model, ctx, "AIGCStudioTranslator")


def run(loaded: Own, request: Request, ctx: Context) -> None:
    """Make the results of `request`; all are alike."""
    values = ctx.values
    for index, _seed in each(request, ctx):
        ctx.progress(0, 0, N_("Reading the picture"))
        image = open_image(ctx.input("image"))
        ctx.check()
        seen = image
        trained = loaded.net.config()["size"]
        if values["scale"] == "model" and min(image.size) > trained:
            ratio = trained / min(image.size)
            size = max(1, round(image.width * ratio)), max(1, round(image.height * ratio))
            seen = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        made = _translated(loaded, seen, values["direction"], ctx)
        made = made.resize(image.size, Image.Resampling.LANCZOS) if made.size != image.size else made
        if values["strength"] < 1:
            made = Image.blend(opaque(image), made, values["strength"])
        if image.mode == "RGBA":  # what is transparent stays so
            made.putalpha(image.getchannel("A"))
        ctx.save_image(index, made, **loaded.titled(), worked_at=list(seen.size))


def _translated(own: Own, image: Image.Image, direction: str, ctx: Context) -> Image.Image:
    """A picture of any size, redrawn; "RGB"."""
    import torch

    net = getattr(own.net, direction)
    channels = own.net.config()["channels"]
    whole = padded(image, up(image.size, _STEP))
    made = np.empty((whole.height, whole.width, 3), np.uint8)
    boxes = _tiles(whole.size, _reach(own.net.config()["blocks"]))
    ctx.progress(0, len(boxes), N_("Painting"))

    def part(box: tuple[int, int, int, int]) -> Tensor:
        return numbers(whole.crop(box), channels).to(own.device)

    def paint() -> None:
        for number, (inner, outer) in enumerate(boxes, 1):
            ctx.check()
            colours = _colours(net(part(outer))[0])
            left, top = inner[0] - outer[0], inner[1] - outer[1]
            made[inner[1] : inner[3], inner[0] : inner[2]] = colours[
                top : top + inner[3] - inner[1], left : left + inner[2] - inner[0]
            ]
            small = preview(Image.fromarray(made)) if number == len(boxes) else None
            ctx.progress(number, len(boxes), N_("Painting"), small)

    with torch.inference_mode():
        if len(boxes) == 1:
            paint()
        else:
            with net.statistics_of(numbers(_thumbnail(whole), channels).to(own.device)):
                paint()
    return cropped(Image.fromarray(made), image.size)


def _thumbnail(image: Image.Image) -> Image.Image:
    """A copy as large as one tile at most, its sides multiples of the step."""
    ratio = _TILE / max(image.size)
    size = [max(_STEP, round(side * ratio / _STEP) * _STEP) for side in image.size]
    return image.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _colours(image: Tensor) -> np.ndarray:
    """(channels, h, w) in [-1, 1] -> uint8 (h, w, 3)."""
    found = image.float().cpu().numpy()
    if not np.isfinite(found).all():
        raise broken()
    pixels = np.rint((np.clip(found, -1, 1) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
    return np.repeat(pixels[..., :1], 3, axis=2) if pixels.shape[2] < 3 else pixels[..., :3]


Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""


def _reach(blocks: int) -> int:
    """Pixels that the network sees beyond a pixel to one side, as a multiple of the step: each residual block two
    pixels at a quarter of the size, and what stands before and after them."""
    return 2 * _STEP * blocks + 6 * _STEP


def _tiles(size: tuple[int, int], reach: int) -> list[tuple[Box, Box]]:
    """(what is kept of a tile, what the network sees for it), covering a picture of `size`; all on multiples of the
    step. A picture hardly larger than a tile is one."""
    width, height = size
    if width * height <= _WHOLE:
        whole = (0, 0, width, height)
        return [(whole, whole)]
    found = []
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            inner = left, top, min(width, left + _TILE), min(height, top + _TILE)
            outer = (
                max(0, left - reach),
                max(0, top - reach),
                min(width, inner[2] + reach),
                min(height, inner[3] + reach),
            )
            found.append((inner, outer))
    return found


def facts(loaded: Own) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return loaded.recipe()

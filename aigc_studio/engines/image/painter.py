"""The abstract painter: pictures from a network with random weights, made in numpy, nothing to download.

It understands colours and moods (`lexicon`), not things: a cat in the prompt is shown as not understood. It paints from
nothing, paints inside a mask so that the new part fits its surroundings, and makes neighbours of a picture it painted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.imaging import open_image, open_mask
from aigc_studio.core.masking import composite, distance_outside, feathered_part, mask_from_image
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Choice, Context, Family, Model, Param, Task, Understanding

from .composition import AUTO, compose, names_colours
from .cppn import Paint, Painting
from .harmony import matched_bands, surroundings, texture_scale
from .lexicon import Reading, read

__all__ = ["FAMILY", "load", "run", "understand"]

VERSION = 1
"""Raised when the same painting would give other pixels; kept in the recipe."""

SMALLEST, LARGEST = 8, 8192
"""Sides of a picture in pixels."""

_PREVIEW = 320
_GROUP = 16
"""Blocks painted between two looks at the cancel button: about 0.1 s on one core."""

_PALETTES = (
    Choice(AUTO, N_("From the prompt")),
    Choice("sunset", N_("Sunset")),
    Choice("dawn", N_("Dawn")),
    Choice("ocean", N_("Ocean")),
    Choice("forest", N_("Forest")),
    Choice("night", N_("Night")),
    Choice("aurora", N_("Aurora")),
    Choice("blossom", N_("Blossom")),
    Choice("desert", N_("Desert")),
    Choice("porcelain", N_("Blue and white porcelain")),
    Choice("jiangshan", N_("Blue-green landscape")),
    Choice("dunhuang", N_("Dunhuang murals")),
    Choice("inkwash", N_("Ink wash")),
    Choice("candy", N_("Candy")),
    Choice("neon", N_("Neon")),
    Choice("retro", N_("Retro")),
    Choice("luxury", N_("Black and gold")),
    Choice("tech", N_("Technology blue")),
    Choice("bauhaus", N_("Bauhaus")),
    Choice("nordic", N_("Nordic")),
    Choice("mono", N_("Black and white")),
)

FAMILY = Family(
    id="painter",
    kind="image",
    title=N_("Abstract painter"),
    summary=N_(
        "Paints abstract backgrounds, textures and seamless tiles from colour and mood words. Nothing to download."
    ),
    tasks=(
        Task("generate", N_("New picture")),
        Task("inpaint", N_("Change this part"), ("image", "mask")),
        Task("variation", N_("Variation"), ("image",)),
    ),
    params=(
        Param.size("size", N_("Size"), (1024, 1024), SMALLEST, LARGEST, unit="px", tasks=("generate",)),
        Param.choice(
            "palette",
            N_("Colours"),
            AUTO,
            _PALETTES,
            help=N_("Colours named in the prompt are used when this is left to it."),
        ),
        Param.float(
            "strength",
            N_("Strength"),
            1.0,
            0.05,
            1.0,
            help=N_("How strongly the new part covers the old one."),
            tasks=("inpaint",),
        ),
        Param.int(
            "feather",
            N_("Soft edge"),
            12,
            0,
            256,
            unit="px",
            help=N_("Width of the blend around the mask."),
            tasks=("inpaint",),
        ),
        Param.float(
            "match",
            N_("Match surroundings"),
            0.9,
            0.0,
            1.0,
            help=N_("How far colours at the edge follow the picture around it."),
            tasks=("inpaint",),
        ),
        Param.float(
            "amount",
            N_("Difference"),
            0.35,
            0.02,
            1.0,
            help=N_("How far the variation moves away from the picture."),
            tasks=("variation",),
        ),
        Param.float("scale", N_("Scale"), 1.0, 0.2, 4.0, help=N_("Size of the shapes."), tasks=("generate", "inpaint")),
        Param.float("detail", N_("Detail"), 0.5, 0.0, 1.0, tasks=("generate", "inpaint")),
        Param.bool(
            "seamless",
            N_("Seamless tile"),
            False,
            help=N_("Opposite edges fit together, for repeating."),
            tasks=("generate",),
        ),
        Param.choice(
            "symmetry",
            N_("Symmetry"),
            AUTO,
            (
                Choice(AUTO, N_("From the prompt")),
                Choice("none", N_("None##symmetry")),
                Choice("horizontal", N_("Left and right")),
                Choice("vertical", N_("Top and bottom")),
                Choice("both", N_("Both##symmetry")),
                Choice("radial", N_("Around the middle")),
            ),
            tasks=("generate", "inpaint"),
        ),
        Param.int(
            "folds", N_("Folds"), 6, 2, 24, advanced=True, help=N_("Mirrors around the middle."), tasks=("generate",)
        ),
        Param.float("contrast", N_("Contrast"), 1.0, 0.25, 4.0, advanced=True, tasks=("generate", "inpaint")),
        Param.float("light", N_("Light and gloss"), 1.0, 0.0, 2.0, advanced=True, tasks=("generate", "inpaint")),
        Param.float("grain", N_("Grain"), 0.2, 0.0, 1.0, advanced=True, tasks=("generate", "inpaint")),
    ),
    languages=("en", "zh"),
)


def understand(request: Request) -> Understanding:
    """The colours and moods found in the prompt, and the words that the painter cannot use."""
    reading = read(request.prompt)
    return Understanding(reading.understood, reading.ignored)


def load(model: Model, ctx: Context) -> None:
    """Nothing to load."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Paint every result of `request` that is still to be made."""
    FAMILY.task(request.task)
    values = FAMILY.values(request.task, request.params)
    reading = read(request.prompt)
    make = {"generate": _generate, "inpaint": _inpaint, "variation": _vary}[request.task]
    for index in range(ctx.start, request.count):
        if not ctx.wants(index):
            continue
        ctx.check()
        image, painting, more = make(values, reading, request.item_seed(index), ctx)
        ctx.save_image(
            index,
            image,
            painter=VERSION,
            # Only a whole picture can be made again, or varied, from its painting.
            **{"patch" if request.task == "inpaint" else "painting": painting.to_json()},
            understood=list(reading.understood),
            ignored=list(reading.ignored),
            **more,
        )


Made = tuple[Image.Image, Painting, dict[str, Any]]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""


def _generate(values: dict[str, Any], reading: Reading, seed: int, ctx: Context) -> Made:
    width, height = values["size"]
    painting = compose(reading, values, seed)
    return paint(painting, width, height, ctx), painting, {}


def _vary(values: dict[str, Any], reading: Reading, seed: int, ctx: Context) -> Made:
    """A neighbour of a picture painted here; of another picture, a painting in its colours."""
    path = ctx.input("image")
    image = open_image(path)
    known = recipe_painting(path)
    if known is None:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
        painting = compose(reading, values, seed, surroundings(pixels))
    else:
        painting = known.nudged(seed, values["amount"])
        if names_colours(reading, values):
            other = compose(reading, values, seed)
            painting = replace(painting, palette=other.palette, weights=other.weights)
    width, height = image.size
    shrink = min(1.0, LARGEST / max(width, height))
    width, height = max(SMALLEST, round(width * shrink)), max(SMALLEST, round(height * shrink))
    return paint(painting, width, height, ctx), painting, {"neighbour": known is not None}


def _inpaint(values: dict[str, Any], reading: Reading, seed: int, ctx: Context) -> Made:
    """The picture with its marked part painted anew. Only the part is held as numbers: pictures may be very large."""
    ctx.progress(0, 0, N_("Reading the picture"))
    path = ctx.input("image")
    image = open_image(path)
    ctx.check()
    marked = feathered_part(
        mask_from_image(open_mask(ctx.input("mask")), image.size), values["feather"], check=ctx.check
    )
    if marked is None:
        raise StudioError(
            N_("Nothing is marked; draw over the part of the picture that should change."), code="mask-empty"
        )
    ctx.check()
    box, opacity = marked
    named = names_colours(reading, values)
    painting = compose(reading, values, seed, surroundings_of(image, box, opacity))
    style = painting.style
    known = recipe_painting(path)
    if not reading.moods:  # nothing was asked of the manner: take the picture's own
        if known is not None:
            style = replace(known.style, symmetry="none", seamless=False)
        else:
            style = replace(style, scale=_limited(style.scale * texture_scale(image)))
        style = replace(style, scale=_limited(style.scale * values["scale"]))
    style = replace(style, vignette=0.0)  # it belongs to the picture's corners
    painting = replace(painting, style=style)
    blend = _Blend(values["match"] * (0.4 if named else 1.0), values["strength"])
    ctx.check()
    preview = _preview_in_place(image, painting, box, opacity, blend)
    painter = Paint(painting, *image.size, part=box)
    painted = np.empty((painter.rows, painter.columns, 3), np.uint8)
    for top, band in _bands(painter, ctx, preview):
        painted[top : top + len(band)] = band
    blend.into(image, box, painted, opacity, ctx.check)
    return image, painting, {"box": list(box)}


@dataclass(frozen=True)
class _Blend:
    """How a painted part is laid into its picture: how far it follows the colours around it, and how strongly."""

    match: float
    strength: float

    def into(
        self,
        image: Image.Image,
        box: Box,
        painted: np.ndarray,
        opacity: np.ndarray,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Change `image` ("RGB" or "RGBA") inside `box`; `painted` and `opacity` are of the box's size."""
        left, top, right, _ = box
        # What is still read is never what was written: a band is pasted when it was matched.
        source = image.crop(box)

        def original(first: int, last: int) -> np.ndarray:
            check()
            return np.asarray(source.crop((0, first, right - left, last)))

        bands = matched_bands(painted, lambda one, two: original(one, two)[..., :3], opacity, self.match)
        for first, fitted in bands:
            below = original(first, first + len(fitted))
            over = np.full_like(below, 255)  # what is painted is opaque
            over[..., :3] = fitted
            weight = opacity[first : first + len(fitted)] * np.float32(self.strength)
            image.paste(Image.fromarray(composite(below, over, weight)), (left, top + first))


def _preview_in_place(
    image: Image.Image, painting: Painting, box: Box, opacity: np.ndarray, blend: _Blend
) -> Image.Image:
    """The picture, small, with the part painted as it is going to be."""
    shrink = min(1.0, _PREVIEW / max(image.size))
    size = max(1, round(image.width * shrink)), max(1, round(image.height * shrink))
    small = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0).convert("RGB")
    across, down = size[0] / image.width, size[1] / image.height
    left, top = int(box[0] * across), int(box[1] * down)
    right, bottom = max(left + 1, round(box[2] * across)), max(top + 1, round(box[3] * down))
    part = left, top, right, bottom
    thin = Image.fromarray(opacity).resize((right - left, bottom - top), Image.Resampling.BOX, reducing_gap=2.0)
    blend.into(small, part, Paint(painting, *size, part=part).whole(), np.asarray(thin, dtype=np.float32))
    return small


def _limited(scale: float) -> float:
    return round(min(8.0, max(0.15, scale)), 4)


def surroundings_of(image: Image.Image, box: Box, opacity: np.ndarray) -> np.ndarray:
    """Colours around the changed part: of a ring as wide as an eighth of the picture, or of all.

    `opacity`: that of the pixels in `box`; the others stay.
    """
    ring = max(16, min(image.size) // 8)
    # Distances are taken on a small copy: which colours lie around does not need every pixel.
    step = max(1, max(image.size) // 512)
    size = -(-image.width // step), -(-image.height // step)
    # Every step-th pixel: the sampling points lie in the middle of these.
    every = (step, 0, (1 - step) / 2, 0, step, (1 - step) / 2)
    pixels = np.asarray(image.transform(size, Image.Transform.AFFINE, every, Image.Resampling.NEAREST))[..., :3]
    covered = np.zeros(pixels.shape[:2], bool)
    left, top = -(-box[0] // step), -(-box[1] // step)
    seen = opacity[top * step - box[1] :: step, left * step - box[0] :: step] > 0
    covered[top : top + seen.shape[0], left : left + seen.shape[1]] = seen
    near = distance_outside(covered, max(2, ring // step))
    inside = (near > 0) & np.isfinite(near)
    return surroundings(pixels[inside] if inside.sum() >= 32 else pixels.reshape(-1, 3))


# ---- painting with progress


def paint(painting: Painting, width: int, height: int, ctx: Context) -> Image.Image:
    """The painting at a size: a coarse preview first, then bands from the top."""
    ctx.check()
    shrink = min(1.0, _PREVIEW / max(width, height))
    small = Paint(painting, max(1, round(width * shrink)), max(1, round(height * shrink)))
    preview = Image.fromarray(small.whole())
    if shrink == 1.0:
        ctx.progress(1, 1, N_("Painting"), preview)
        return preview
    image = Image.new("RGB", (width, height))
    for top, band in _bands(Paint(painting, width, height), ctx, preview):
        image.paste(Image.fromarray(band), (0, top))
    return image


def _bands(painter: Paint, ctx: Context, preview: Image.Image) -> Iterator[tuple[int, np.ndarray]]:
    """(first row, uint8 (rows, columns, 3)) of the painter's part, with progress; threads share the blocks."""
    width, row = painter.columns, 0
    groups = range(0, painter.blocks, _GROUP)
    waiting = np.empty((0, 3), np.uint8)
    ctx.progress(0, len(groups), N_("Painting"), preview)
    with ThreadPoolExecutor(max_workers=_cores()) as pool:
        for done, group in enumerate(groups, 1):
            ctx.check()
            pieces = pool.map(painter.block, range(group, min(group + _GROUP, painter.blocks)))
            waiting = np.concatenate([waiting, *pieces])
            rows = len(waiting) // width
            if rows:
                yield row, waiting[: rows * width].reshape(rows, width, 3)
                row, waiting = row + rows, waiting[rows * width :]
            ctx.progress(done, len(groups), N_("Painting"))


def _cores() -> int:
    """Threads to paint with: the cores this process may use, at most 8."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # Windows and macOS
        cores = os.cpu_count() or 1
    return max(1, min(8, cores))


# ---- reading pictures


def recipe_painting(path: Path) -> Painting | None:
    """The painting in the recipe of a picture made here; None for any other picture or a recipe that was damaged."""
    recipe = read_recipe(path)
    try:
        info = (recipe or {})["info"]
        return Painting.from_json(info["painting"]) if info["painter"] == VERSION else None
    except (KeyError, TypeError, ValueError):
        return None

"""Which sizes a model can work at, and how any other size becomes one of them. Standard library and Pillow only."""

from __future__ import annotations

import math
from typing import Any

from PIL import Image

__all__ = ["Size", "cropped", "fitted", "padded", "step_of", "up", "within", "working"]

Size = tuple[int, int]
"""Width, height in pixels."""


def step_of(pipe: Any) -> int:
    """Both sides of a picture must be a multiple of this: pixels in a latent, and latents in a patch; at least 8."""
    latent = int(getattr(pipe, "vae_scale_factor", 8) or 8)
    network = getattr(pipe, "transformer", None)
    # Flux and its like pack 2 x 2 latents into one token and have a patch size of 1.
    packs = 2 if hasattr(pipe, "_pack_latents") else 1
    config = getattr(network, "config", None)
    patches = [getattr(config, "patch_size", 1), *(getattr(config, "all_patch_size", None) or ())]
    return math.lcm(8, latent * max(packs, *(patch for patch in patches if isinstance(patch, int)), 1))


def up(size: Size, step: int) -> Size:
    """The next size with both sides a multiple of `step`."""
    return -(-size[0] // step) * step, -(-size[1] // step) * step


def working(size: Size, side: int, step: int, *, least: float = 0.5, most: float = 2.0) -> Size:
    """The size at which a picture of `size` is worked on: its own where the model is at home there, else one of the
    same shape with `least` to `most` times the native area; always a multiple of `step`.
    """
    area, native = size[0] * size[1], side * side
    scale = 1.0
    if area < native * least:
        scale = math.sqrt(native * least / area)
    elif area > native * most:
        scale = math.sqrt(native * most / area)
    wide, high = (max(step, math.ceil(round(length * scale / step, 3)) * step) for length in size)
    return min(wide, 8 * side), min(high, 8 * side)


def within(size: Size, room: Size) -> Size:
    """`size`, its shape kept, made small enough for `room`."""
    scale = min(1.0, room[0] / size[0], room[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def padded(image: Image.Image, size: Size) -> Image.Image:
    """`image` in the middle of `size`, its border repeated outwards: what `cropped` takes away again."""
    if image.size == size:
        return image
    left, top = (size[0] - image.width) // 2, (size[1] - image.height) // 2
    box = (-left, -top, size[0] - left, size[1] - top)
    whole = image.crop(box)  # black where there is nothing
    right, bottom = left + image.width, top + image.height
    for x in (*range(left), *range(right, size[0])):
        edge = left if x < left else right - 1
        whole.paste(whole.crop((edge, 0, edge + 1, size[1])), (x, 0))
    for y in (*range(top), *range(bottom, size[1])):
        edge = top if y < top else bottom - 1
        whole.paste(whole.crop((0, edge, size[0], edge + 1)), (0, y))
    return whole


def cropped(image: Image.Image, size: Size) -> Image.Image:
    """The middle of `image`."""
    if image.size == size:
        return image
    left, top = (image.width - size[0]) // 2, (image.height - size[1]) // 2
    return image.crop((left, top, left + size[0], top + size[1]))


def fitted(image: Image.Image, size: Size) -> Image.Image:
    """`image` in `size`: some pipelines make the next size they like."""
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)

"""Variations of a picture while a network learns from it: mirrored, turned, moved, recoloured, the same size.

One declaration for what the window previews and what the training sees: both call `Augment`, and the same random
generator gives the same pixels. Geometry is one affine resampling (the edges mirrored outwards, so that no corner
is empty), colour one matrix; whatever is switched off costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["Augment"]

_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, slots=True)
class Augment:
    """How pictures are varied. The names are those of the recipes' parameters.

    flip: mirrored left to right, every second one. upside: upside down, every second one. turn: by quarter turns
    (square pictures; others by half turns). rotate: up to this many degrees either way. zoom: enlarged or reduced by up
    to this share. shift: moved by up to this share of a side. colour: 0 to 1, strength of changes of brightness,
    contrast, saturation and hue.
    """

    flip: bool = False
    upside: bool = False
    turn: bool = False
    rotate: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    colour: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Augment:
        """From the values of a recipe's parameters; those that mean something else are left out."""
        return cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})

    def to_json(self) -> dict[str, Any]:
        """A plain dict, the inverse of `of`."""
        return asdict(self)

    @property
    def active(self) -> bool:
        """Whether anything is changed at all."""
        return self != Augment()

    def apply(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        """A variation of an "L", "RGB" or "RGBA" picture, same size and mode."""
        return self.vary(image, self.draw(rng, 1)[0])

    @staticmethod
    def draw(rng: np.random.Generator, count: int) -> np.ndarray:
        """float64 (count, 11): all that is left to chance, for `vary`. Always as many numbers for one picture, so that
        a switch does not change what the others draw."""
        return rng.random((count, 11))

    def vary(self, image: Image.Image, draws: np.ndarray) -> Image.Image:
        """The variation that these numbers mean: (11,) of `draw`. Several threads may call it."""
        image = self._turned(image, draws)
        if self.rotate > 0 or self.zoom > 0 or self.shift > 0:
            image = self._moved(image, draws)
        return self._recoloured(image, draws) if self.colour > 0 else image

    def array(self, pixels: np.ndarray, draws: np.ndarray | np.random.Generator) -> np.ndarray:
        """`vary` (or `apply`) for uint8 of shape (h, w, c), c being 1, 3 or 4; returns the same shape."""
        numbers = self.draw(draws, 1)[0] if isinstance(draws, np.random.Generator) else draws
        flat = pixels[..., 0] if pixels.shape[2] == 1 else pixels
        return np.asarray(self.vary(Image.fromarray(np.ascontiguousarray(flat)), numbers)).reshape(pixels.shape)

    def _turned(self, image: Image.Image, draws: np.ndarray) -> Image.Image:
        if self.flip and draws[0] < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self.upside and draws[1] < 0.5:
            image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        if self.turn:
            quarter = int(draws[2] * 4)
            if image.width != image.height:
                quarter = quarter // 2 * 2
            if quarter:
                turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
                image = image.transpose(turns[quarter - 1])
        return image

    def _moved(self, image: Image.Image, draws: np.ndarray) -> Image.Image:
        width, height = image.size
        angle = math.radians(self.rotate * (2 * draws[3] - 1))
        scale = math.exp(math.log1p(max(0.0, self.zoom)) * (2 * draws[4] - 1))
        moved = (self.shift * width * (2 * draws[5] - 1), self.shift * height * (2 * draws[6] - 1))
        # From a place in the result to one in the source, about the middle.
        cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
        across = abs(cos) * width + abs(sin) * height + 2 * abs(moved[0])
        down = abs(sin) * width + abs(cos) * height + 2 * abs(moved[1])
        margin = max(0, math.ceil((across - width) / 2) + 2, math.ceil((down - height) / 2) + 2)
        transparent = image.mode == "RGBA"
        if transparent:
            image = image.convert("RGBa")  # premultiplied, so that no hidden colour bleeds in at the edges
        if transparent:  # nothing around a drawing on nothing; else what is inside, mirrored
            padded = Image.new(image.mode, (width + 2 * margin, height + 2 * margin))
            padded.paste(image, (margin, margin))
        else:
            rows, columns = _mirrored(height, margin), _mirrored(width, margin)
            padded = Image.fromarray(np.asarray(image).take(rows, axis=0).take(columns, axis=1))
        middle = (width / 2, height / 2)
        matrix = (
            *(cos, sin, middle[0] - cos * (middle[0] + moved[0]) - sin * (middle[1] + moved[1]) + margin),
            *(-sin, cos, middle[1] + sin * (middle[0] + moved[0]) - cos * (middle[1] + moved[1]) + margin),
        )
        varied = padded.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        return varied.convert("RGBA") if transparent else varied

    def _recoloured(self, image: Image.Image, draws: np.ndarray) -> Image.Image:
        brightness = 1 + 0.3 * self.colour * (2 * draws[7] - 1)
        contrast = 1 + 0.4 * self.colour * (2 * draws[8] - 1)
        saturation = 1 + 0.6 * self.colour * (2 * draws[9] - 1)
        hue = math.pi / 6 * self.colour * (2 * draws[10] - 1)
        if image.mode == "L":
            table = (np.arange(256) * brightness - 127.5) * contrast + 127.5
            return image.point(np.rint(table.clip(0, 255)).astype(np.uint8).tolist())
        mixed = contrast * brightness * (_hue(hue) @ _saturation(saturation))
        offset = 127.5 * (1 - contrast)
        matrix = tuple(float(value) for row in mixed for value in (*row, offset))
        colours = image.convert("RGB").convert("RGB", matrix)  # type: ignore[arg-type]
        if image.mode == "RGBA":
            colours.putalpha(image.getchannel("A"))
        return colours


def _mirrored(length: int, margin: int) -> np.ndarray:
    """Indices from -margin to length + margin, folded back at both ends as often as needed."""
    places = np.arange(-margin, length + margin) % (2 * length)
    return np.where(places < length, places, 2 * length - 1 - places)


def _saturation(factor: float) -> np.ndarray:
    """(3, 3): colours drawn towards (below 1) or away from their grey."""
    return factor * np.eye(3) + (1 - factor) * np.ones((3, 1)) * _LUMA


def _hue(angle: float) -> np.ndarray:
    """(3, 3): a turn about the grey axis (Rodrigues); whites and greys stay."""
    cos, sin = math.cos(angle), math.sin(angle)
    axis = 1 / math.sqrt(3)
    cross = axis * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    return cos * np.eye(3) + sin * cross + (1 - cos) / 3 * np.ones((3, 3))

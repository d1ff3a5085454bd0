"""Small folders of drawings to learn from: coloured shapes on plain backgrounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

__all__ = ["draw", "make_folder"]

COLOURS = {"red": "#d03030", "green": "#30a040", "blue": "#3050d0", "yellow": "#e0c030"}


def draw(number: int, side: int = 32) -> tuple[Image.Image, str]:
    """Drawing `number` and its caption: a disc or a box of some colour, size and place. The same number, the same."""
    rng = np.random.default_rng((7, number))
    name = list(COLOURS)[number % len(COLOURS)]
    image = Image.new("RGB", (side, side), (int(rng.integers(200, 256)),) * 3)
    radius = side * float(rng.uniform(0.18, 0.32))
    x, y = (float(rng.uniform(radius, side - radius)) for _ in range(2))
    box = (x - radius, y - radius, x + radius, y + radius)
    shape = "disc" if number % 2 else "box"
    pen = ImageDraw.Draw(image)
    (pen.ellipse if shape == "disc" else pen.rectangle)(box, fill=COLOURS[name])
    return image, f"a {name} {shape}"


def make_folder(folder: Path, count: int = 8, side: int = 32, *, captions: bool = False) -> Path:
    """`count` drawings as PNG files, with text files of their captions where wanted."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image, caption = draw(number, side)
        image.save(folder / f"{number:03d}.png")
        if captions:
            (folder / f"{number:03d}.txt").write_text(caption, encoding="utf-8")
    return folder

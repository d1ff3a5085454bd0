"""Scenes for the icon painter: one drawing somewhere on a background, and what a person would call that.

A scene is chosen on the CPU from a seed and put together by torch on whatever device the drawings lie: nothing is
read from the disk while a model learns. Some scenes are never shown in training (`held_out`): a model that paints them
all the same has understood what subject, colour and place are.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["COLOURS", "PLACES", "Drawing", "Scene", "Scenes", "held_out", "prompt_of", "read_drawings"]


@dataclass(frozen=True)
class Colour:
    """A colour by name. rgb: 0 to 255."""

    en: str
    zh: str
    rgb: tuple[int, int, int]


COLOURS = (
    Colour("white", "白色", (255, 255, 255)),
    Colour("black", "黑色", (24, 24, 26)),
    Colour("grey", "灰色", (150, 152, 156)),
    Colour("red", "红色", (214, 40, 46)),
    Colour("orange", "橙色", (246, 138, 30)),
    Colour("yellow", "黄色", (250, 214, 54)),
    Colour("green", "绿色", (56, 158, 72)),
    Colour("light blue", "浅蓝色", (142, 205, 240)),
    Colour("blue", "蓝色", (36, 92, 200)),
    Colour("purple", "紫色", (126, 62, 180)),
    Colour("pink", "粉色", (246, 156, 190)),
    Colour("brown", "棕色", (122, 78, 48)),
)


@dataclass(frozen=True)
class Place:
    """Where a drawing lies. x, y: its middle, -1 to 1. scale: its side as a share of the picture's. en, zh: "" for what
    nobody would mention."""

    x: float
    y: float
    scale: float
    en: str
    zh: str


PLACES = (
    Place(0.0, 0.0, 0.92, "", ""),
    Place(-0.42, -0.42, 0.5, "in the top left corner", "左上角"),
    Place(0.42, -0.42, 0.5, "in the top right corner", "右上角"),
    Place(-0.42, 0.42, 0.5, "in the bottom left corner", "左下角"),
    Place(0.42, 0.42, 0.5, "in the bottom right corner", "右下角"),
    Place(-0.4, 0.0, 0.58, "on the left", "左边"),
    Place(0.4, 0.0, 0.58, "on the right", "右边"),
    Place(0.0, 0.0, 0.5, "small", "小小的"),
)

_SMALL = len(PLACES) - 1
"""The place whose name says how the drawing is, not where."""

DIRECTIONS = (("from top to bottom", "从上到下"), ("from left to right", "从左到右"), ("", ""))
"""Of gradients: what is said of each; the last runs to the lower right corner and is not mentioned."""

_JITTER = 0.04
"""How far a drawing lies off its place, and a scale off its own."""


@dataclass(frozen=True)
class Drawing:
    """A subject. file: name. mirrors: whether it may be shown mirrored."""

    file: str
    en: str
    zh: str
    mirrors: bool = True


@dataclass(frozen=True)
class Scene:
    """One picture to be composed. drawing: index. background: index of a colour; second: of the other end of a
    gradient, -1 for a plain one. dx, dy, grow: small chances. wording: which way of saying it; chinese: in which
    language."""

    drawing: int
    background: int
    second: int = -1
    direction: int = 0
    place: int = 0
    dx: float = 0.0
    dy: float = 0.0
    grow: float = 1.0
    mirrored: bool = False
    wording: int = 0
    chinese: bool = False


def read_drawings(folder: Path, most: int = 0) -> tuple[list[Drawing], Any]:
    """(what they are, uint8 (n, side, side, 4)) from a folder with names.tsv (file, en, zh) and the PNG files below it.

    most: only so many, spread over all; 0 for all. StudioError when there are none.
    """
    from PIL import Image

    table = folder / "names.tsv"
    try:
        rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()[1:] if line.strip()]
    except OSError as error:
        raise StudioError(
            N_('The folder "{folder}" has no names.tsv that tells what its drawings show; choose another one.'),
            code="data-empty",
            folder=str(folder),
        ) from error
    if most and most < len(rows):
        rows = [rows[index * len(rows) // most] for index in range(most)]
    places = {path.name: path for path in folder.rglob("*.png")}
    drawings, pixels = [], []
    for file, en, zh, *_ in rows:
        if file in places:
            with Image.open(places[file]) as image:
                pixels.append(np.asarray(image.convert("RGBA")))
            drawings.append(Drawing(file, en, zh, _mirrors(en)))
    if not drawings:
        raise StudioError(
            N_('There are no drawings in "{folder}" that its names.tsv names; choose another folder.'),
            code="data-empty",
            folder=str(folder),
        )
    return drawings, np.stack(pixels)


def _mirrors(name: str) -> bool:
    """Letters and arrows mean something else in a mirror."""
    words = name.lower()
    signs = ("button", "keycap", "right", "left", "arrow", "clock", "input", "symbol", "mark", "flag", "end", "o’")
    return not any(sign in words for sign in signs) and not any(letter.isupper() for letter in name[1:])


def held_out(drawing: Drawing, background: int, place: int) -> bool:
    """Whether subject, background colour and place are never shown together: one composition in twenty, by its name.

    Plain names (on white, in the middle) are always learned.
    """
    if background == 0 and place == 0:
        return False
    return zlib.crc32(f"{drawing.en}|{COLOURS[background].en}|{place}".encode()) % 20 == 0


class Scenes:
    """Draws scenes and puts them together.

    side: of the pictures in pixels. device: where they are put together.
    """

    def __init__(self, drawings: Sequence[Drawing], pixels: np.ndarray, side: int, device: str = "cpu") -> None:
        import torch

        self.drawings, self.pixels, self.side, self.device = list(drawings), pixels, side, device
        whole = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2)
        self._levels = [_reduced(whole, min(side, pixels.shape[1])), _reduced(whole, max(8, side // 2))]
        self._colours = torch.tensor([colour.rgb for colour in COLOURS], dtype=torch.float32, device=device) / 255

    def draw(self, count: int, rng: np.random.Generator) -> list[Scene]:
        """Scenes for training: each drawing as often as any other; a third plain on white in the middle."""
        return [self._one(int(rng.integers(len(self.drawings))), rng) for _ in range(count)]

    def _one(self, index: int, rng: np.random.Generator) -> Scene:
        drawing = self.drawings[index]
        while True:
            plain = rng.random() < 0.35
            background = 0 if plain else int(rng.integers(len(COLOURS)))
            place = 0 if plain or rng.random() < 0.5 else int(rng.integers(1, len(PLACES)))
            second = -1
            if not plain and rng.random() < 0.25:
                second = int(rng.choice([each for each in range(len(COLOURS)) if each != background]))
            others = [background] if second < 0 else [background, second]
            if not any(held_out(drawing, each, place) for each in others):
                break
        dx, dy, grow = (rng.random(3) * 2 - 1) * _JITTER
        return Scene(
            index,
            background,
            second,
            int(rng.integers(len(DIRECTIONS))),
            place,
            float(dx),
            float(dy),
            1.0 + float(grow),
            drawing.mirrors and bool(rng.random() < 0.5),
            int(rng.integers(8)),
            bool(rng.random() < 0.5),
        )

    def prompt(self, scene: Scene) -> str:
        """What it is called."""
        return prompt_of(self.drawings[scene.drawing], scene)

    def compose(self, scenes: Sequence[Scene]) -> Tensor:
        """The pictures, float32 (n, 3, side, side) in [-1, 1]."""
        import torch
        from torch.nn import functional

        count = len(scenes)
        places = [PLACES[scene.place] for scene in scenes]
        scale = np.array([place.scale * scene.grow for place, scene in zip(places, scenes)], np.float32)
        x = np.array([place.x + scene.dx for place, scene in zip(places, scenes)], np.float32)
        y = np.array([place.y + scene.dy for place, scene in zip(places, scenes)], np.float32)
        sign = np.array([-1.0 if scene.mirrored else 1.0 for scene in scenes], np.float32)
        matrix = np.zeros((count, 2, 3), np.float32)  # from a place in the picture to one in the drawing
        matrix[:, 0, 0], matrix[:, 0, 2] = sign / scale, -sign * x / scale
        matrix[:, 1, 1], matrix[:, 1, 2] = 1 / scale, -y / scale
        turned = torch.from_numpy(matrix).to(self.device)
        found = torch.zeros(count, 4, self.side, self.side, device=self.device)
        small = torch.tensor([place.scale < 0.7 for place in places], device=self.device)
        index = torch.tensor([scene.drawing for scene in scenes], device=self.device)
        for level, chosen in ((0, ~small), (1, small)):  # a small one from a reduced drawing, without jagged edges
            rows = chosen.nonzero()[:, 0]
            if len(rows):
                field = functional.affine_grid(turned[rows], [len(rows), 4, self.side, self.side], align_corners=False)
                some = self._levels[level][index[rows]].float() / 255
                found[rows] = functional.grid_sample(some, field, "bilinear", "zeros", align_corners=False)
        ground = self._grounds(scenes)
        return (found[:, :3] + (1 - found[:, 3:]) * ground) * 2 - 1

    def _grounds(self, scenes: Sequence[Scene]) -> Tensor:
        import torch

        device = self.device
        first = self._colours[torch.tensor([scene.background for scene in scenes], device=device)]
        other = [scene.second if scene.second >= 0 else scene.background for scene in scenes]
        second = self._colours[torch.tensor(other, device=device)]
        ramp = torch.linspace(0, 1, self.side, device=device)
        down = ramp[:, None].expand(self.side, self.side)
        ramps = torch.stack([down, down.T, (down + down.T) / 2])
        share = ramps[torch.tensor([scene.direction for scene in scenes], device=device)][:, None]
        return first[:, :, None, None] * (1 - share) + second[:, :, None, None] * share


def _reduced(pixels: Tensor, side: int) -> Tensor:
    """uint8 (n, 4, side, side) with colours multiplied by their opacity, in pieces that need little memory."""
    import torch
    from torch.nn import functional

    made = []
    for some in pixels.split(64):
        plain = some.float()
        plain = torch.cat([plain[:, :3] * plain[:, 3:] / 255, plain[:, 3:]], 1)
        if plain.shape[-1] != side:
            plain = functional.interpolate(plain, (side, side), mode="bilinear", antialias=True, align_corners=False)
        made.append(plain.round().clamp(0, 255).byte())
    return torch.cat(made)


_EN: Mapping[str, tuple[str, ...]] = {
    "plain": ("{name}", "{a} {name}", "{name}", "a drawing of {a} {name}", "{a} {name} on a white background"),
    "ground": ("{a} {name} on {ground}", "{name}, {bare}", "{a} {name} on {ground}", "{name} on {ground}"),
}
_ZH: Mapping[str, tuple[str, ...]] = {
    "plain": ("{name}", "一个{name}", "{name}", "{name}图标", "白色背景上的{name}"),
    "ground": ("{ground}上的{name}", "{name}，{ground}", "{name}在{ground}上", "{ground}，{name}"),
    "placed": (
        "{ground}上{place}的{name}",
        "{name}在{place}，{ground}",
        "{place}的{name}，{ground}",
        "{ground}，{place}是{name}",
    ),
}


def prompt_of(drawing: Drawing, scene: Scene) -> str:
    """What a person would say of a scene, in one of several ways."""
    place = PLACES[scene.place]
    placed = scene.place not in (0, _SMALL)
    plain = scene.background == 0 and scene.second < 0 and scene.place == 0
    if scene.chinese:
        forms = _ZH["plain" if plain else "placed" if placed else "ground"]
        name = place.zh + drawing.zh if scene.place == _SMALL else drawing.zh
        return forms[scene.wording % len(forms)].format(name=name, ground=_ground_zh(scene), place=place.zh)
    forms = _EN["plain" if plain else "ground"]
    name = f"{drawing.en} {place.en}" if placed else f"{place.en} {drawing.en}".strip()
    ground = _ground_en(scene)
    form = forms[scene.wording % len(forms)]
    return form.format(name=name, a=_article(name), ground=ground, bare=re.sub("^an? ", "", ground))


def _ground_en(scene: Scene) -> str:
    first = COLOURS[scene.background].en
    if scene.second < 0:
        return f"a {first} background" if first[0] not in "aeiou" else f"an {first} background"
    return f"a gradient from {first} to {COLOURS[scene.second].en} {DIRECTIONS[scene.direction][0]}".strip()


def _ground_zh(scene: Scene) -> str:
    first = COLOURS[scene.background].zh
    if scene.second < 0:
        return f"{first}背景"
    return f"{DIRECTIONS[scene.direction][1]}从{first}到{COLOURS[scene.second].zh}的渐变背景"


def _article(name: str) -> str:
    return "an" if name[:1].lower() in "aeiou" else "a"

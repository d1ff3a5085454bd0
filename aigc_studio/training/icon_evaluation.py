"""How well an icon painter does what it is told: is what it painted the drawing that was named, on the right ground?

A picture is compared with every drawing of the set, put where the prompt says, in pixels at 32 px, moved by a pixel
either way; the nearest one counts. Compositions that were never shown in training are told of separately.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .icon_scenes import COLOURS, PLACES, Scene, Scenes, held_out
from .latent_learner import paint

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

__all__ = ["Judge", "background_of", "evaluate", "named_scenes", "unseen_scenes"]

SIDE = 32
"""At which pictures are compared."""
FRESH = 1_000_000
"""Seeds from here on are not used in training."""


def named_scenes(scenes: Scenes, count: int, *, chinese: bool) -> list[Scene]:
    """Plain drawings by their name alone, spread over all."""
    total = len(scenes.drawings)
    count = min(count, total)
    return [Scene(index * total // count, 0, chinese=chinese) for index in range(count)]


def unseen_scenes(scenes: Scenes, count: int, seed: int) -> list[Scene]:
    """Compositions on plain grounds that training never shows, half of them asked for in Chinese."""
    rng = np.random.default_rng((seed, 4))
    every = [
        (index, background, place)
        for index, drawing in enumerate(scenes.drawings)
        for background in range(len(COLOURS))
        for place in range(len(PLACES))
        if held_out(drawing, background, place)
    ]
    chosen = rng.permutation(len(every))[:count]
    return [
        Scene(every[at][0], every[at][1], place=every[at][2], wording=int(rng.integers(8)), chinese=bool(number % 2))
        for number, at in enumerate(chosen)
    ]


def evaluate(
    pipe: Any,
    scenes: Scenes,
    *,
    seed: int,
    steps: int,
    guidance: float,
    count: int = 200,
    at_once: int = 16,
    check: Callable[[], None] = lambda: None,
) -> tuple[dict[str, Any], list[tuple[str, Image]]]:
    """(figures, what was painted with its prompt). count: pictures for each figure."""
    figures: dict[str, Any] = {"steps": steps, "guidance": guidance}
    shown: list[tuple[str, Image]] = []
    began, painted = time.monotonic(), 0
    judge = Judge(scenes)
    for name, chosen in (
        ("en", named_scenes(scenes, count, chinese=False)),
        ("zh", named_scenes(scenes, count, chinese=True)),
        ("unseen", unseen_scenes(scenes, count, seed)),
    ):
        if not chosen:
            continue
        prompts = [scenes.prompt(scene) for scene in chosen]
        seeds = [FRESH + seed + index for index in range(len(chosen))]
        images = paint(pipe, prompts, seeds, steps, guidance, check, at_once=at_once)
        painted += len(images)
        pixels = _tensor(images).to(scenes.device)
        found = [judge.nearest(scene, pixels[index]) for index, scene in enumerate(chosen)]
        right = [found[index] == scene.drawing for index, scene in enumerate(chosen)]
        figures[name] = {"pictures": len(chosen), "named_drawing": round(float(np.mean(right)), 4)}
        ground = [background_of(pixels[index]) == scene.background for index, scene in enumerate(chosen)]
        figures[name]["background"] = round(float(np.mean(ground)), 4)
        shown += list(zip(prompts, images, strict=True))
    figures["seconds_per_picture"] = round((time.monotonic() - began) / max(1, painted), 3)
    return figures, shown


class Judge:
    """Knows which drawing a picture shows."""

    def __init__(self, scenes: Scenes) -> None:
        self._scenes = Scenes(scenes.drawings, scenes.pixels, SIDE, scenes.device)
        self._place: tuple[Any, ...] = ()
        self._known: tuple[list[int], Tensor] | None = None

    def nearest(self, scene: Scene, picture: Tensor) -> int:
        """Index of the drawing that is nearest to a picture, (3, h, w) in [-1, 1], when all are put where `scene` says,
        also mirrored."""
        import torch
        from torch.nn import functional

        drawings, known = self._every(scene)
        reduced = functional.interpolate(picture[None], (SIDE, SIDE), mode="bilinear", antialias=True)
        around = functional.pad(reduced, (1, 1, 1, 1), mode="replicate")
        moved = torch.cat([around[:, :, y : y + SIDE, x : x + SIDE] for y in range(3) for x in range(3)])
        return drawings[int(torch.cdist(moved.flatten(1), known).amin(0).argmin())]

    def _every(self, scene: Scene) -> tuple[list[int], Tensor]:
        """(drawings, their pixels (n, 3 x side x side)) on the ground and at the place of a scene; kept."""
        import torch

        place = (scene.background, scene.second, scene.direction, scene.place)
        if self._known is None or place != self._place:
            plain = replace(scene, dx=0.0, dy=0.0, grow=1.0, mirrored=False)
            every = list(enumerate(self._scenes.drawings))
            asked = [replace(plain, drawing=index) for index, _ in every]
            asked += [replace(plain, drawing=index, mirrored=True) for index, drawing in every if drawing.mirrors]
            pieces = [self._scenes.compose(asked[at : at + 512]).flatten(1) for at in range(0, len(asked), 512)]
            self._place, self._known = place, ([each.drawing for each in asked], torch.cat(pieces))
        return self._known


def background_of(picture: Tensor) -> int:
    """Index of the named colour that is nearest to the median of a picture's border, (3, h, w) in [-1, 1]."""
    edge = max(1, picture.shape[-1] // 32)
    border = [picture[:, :edge], picture[:, -edge:], picture[:, :, :edge], picture[:, :, -edge:]]
    pixels = np.concatenate([part.reshape(3, -1).float().cpu().numpy() for part in border], 1)
    middle = (np.median(pixels, 1) + 1) * 127.5
    return int(np.argmin([np.square(middle - np.array(colour.rgb)).sum() for colour in COLOURS]))


def _tensor(images: Sequence[Image]) -> Tensor:
    """float32 (n, 3, h, w) in [-1, 1]."""
    import torch

    pixels = np.stack([np.asarray(image.convert("RGB")) for image in images])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1

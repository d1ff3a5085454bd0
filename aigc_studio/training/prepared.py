"""Prepared pictures as a network reads them: by index, in batches of one size, held out ones apart.

Flat files mapped into memory: a hundred thousand pictures cost none, and what was read lately stays in the system's
cache. Nothing here needs torch but `PreparedImages.batch`. What makes the files is `training.images.prepare`.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.datasets.images import ImageReport
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

if TYPE_CHECKING:
    import torch

__all__ = ["DATA", "PreparedImages", "Size", "file_name"]

DATA = "data.json"
"""Written last: what the arrays hold."""

Size = tuple[int, int]


def file_name(size: Size) -> str:
    """The file of all pictures of one size: uint8 (n, h, w, c), nothing else."""
    return f"pixels-{size[0]}x{size[1]}.bin"


class PreparedImages:
    """The pictures of a run, by index. Made by `prepare`; read from any number of processes.

    files: where each came from. captions: alternatives of each, () for none. hashes: of the files' bytes. sizes: (w, h)
    of each as prepared. train, validation: int64 indices. report: what was found in the folder. settings: of `prepare`.
    """

    def __init__(self, target: Path, data: Mapping[str, Any]) -> None:
        self.folder = target
        self.settings: dict[str, Any] = data["settings"]
        self.channels: int = self.settings["channels"]
        self.files: tuple[str, ...] = tuple(data["files"])
        self.hashes: tuple[str, ...] = tuple(data["hashes"])
        self.captions: tuple[tuple[str, ...], ...] = tuple(tuple(texts) for texts in data["captions"])
        self.sizes: tuple[Size, ...] = tuple((width, height) for width, height, _ in data["places"])
        self.report = ImageReport.from_json(data["report"])
        held_out = np.zeros(len(self.files), dtype=bool)
        held_out[data["validation"]] = True
        self.train = np.flatnonzero(~held_out)
        self.validation = np.flatnonzero(held_out)
        self._rows = np.array([row for _, _, row in data["places"]], dtype=np.int64)
        self._arrays = {
            (width, height): np.memmap(
                target / file_name((width, height)), np.uint8, "r", shape=(rows, height, width, self.channels)
            )
            for width, height, rows in data["rows"]
        }
        self._orders: dict[tuple[Any, ...], Any] = {}
        self._pool: ThreadPoolExecutor | None = None

    @classmethod
    def open(cls, target: Path) -> PreparedImages:
        """What `prepare` made in this folder; StudioError "data-unprepared" when it is not there or not whole."""
        try:
            return cls(target, json.loads((target / DATA).read_text(encoding="utf-8")))
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise StudioError(
                N_("The prepared pictures of this run are not there any more; start a new run."),
                code="data-unprepared",
                detail=repr(error),
            ) from error

    def __len__(self) -> int:
        """How many pictures there are, held out ones included."""
        return len(self.files)

    def held_out(self, most: int) -> np.ndarray:
        """int64: at most so many of the pictures that are held out, evenly from all of them, always the same."""
        count = min(most, len(self.validation))
        return self.validation[np.arange(count) * len(self.validation) // max(1, count)]

    def choose(self, step: int, count: int, seed: int, part: str = "train") -> np.ndarray:
        """int64 (count,): the pictures of a step, all of one size; a function of the arguments alone.

        An epoch shows each picture once, in an order of its own. With several sizes the last batch of each size is
        filled up with others of that size. Of an empty part ("validation" of few pictures) ValueError.
        """
        members = self.train if part == "train" else self.validation
        if not len(members) or count < 1:
            raise ValueError(f"no pictures to choose {count} of")
        if len(self._arrays) == 1:
            places = np.arange(step * count, (step + 1) * count)
            epochs = places // len(members)
            chosen = [
                self._order(seed, part, int(epoch), members)[places[epochs == epoch] % len(members)]
                for epoch in np.unique(epochs)
            ]
            return np.concatenate(chosen)
        groups = self._groups(part, members)
        steps = sum(-(-len(group) // count) for group in groups)
        batches = self._batches(seed, part, step // steps, count, groups)
        return batches[step % steps]

    def _order(self, seed: int, part: str, epoch: int, members: np.ndarray) -> np.ndarray:
        return self._kept((seed, part, epoch), lambda: _random(seed, part, epoch).permutation(members))

    def _groups(self, part: str, members: np.ndarray) -> list[np.ndarray]:
        def made() -> list[np.ndarray]:
            sizes = np.array([self.sizes[index][0] * 100_000 + self.sizes[index][1] for index in members])
            return [members[sizes == size] for size in np.unique(sizes)]

        return self._kept(("groups", part), made)

    def _batches(self, seed: int, part: str, epoch: int, count: int, groups: list[np.ndarray]) -> list[np.ndarray]:
        def made() -> list[np.ndarray]:
            rng = _random(seed, part, epoch)
            batches = []
            for group in groups:
                order = np.resize(rng.permutation(group), -(-len(group) // count) * count)
                batches += list(order.reshape(-1, count))
            return [batches[place] for place in rng.permutation(len(batches))]

        return self._kept((seed, part, epoch, count), made)

    def _kept(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What was made for this key, among the last few."""
        if key not in self._orders:
            while len(self._orders) >= 8:
                del self._orders[next(iter(self._orders))]
            self._orders[key] = make()
        return self._orders[key]

    def pixels(self, indices: np.ndarray | Sequence[int]) -> np.ndarray:
        """uint8 (n, h, w, c), a copy. ValueError when they are not of one size."""
        indices = np.asarray(indices, dtype=np.int64)
        sizes = {self.sizes[index] for index in indices.tolist()}
        if len(sizes) != 1:
            raise ValueError(f"{len(sizes)} sizes in one batch")
        return np.asarray(self._arrays[sizes.pop()][self._rows[indices]])

    def image(self, index: int) -> Image.Image:
        """One picture as prepared: "L", "RGB" or "RGBA"."""
        pixels = self.pixels([index])[0]
        return Image.fromarray(pixels[..., 0] if self.channels == 1 else pixels)

    def caption(self, index: int, rng: np.random.Generator | None = None) -> str:
        """A caption, "" for none: the first, or one of the alternatives by `rng`."""
        texts = self.captions[index]
        if not texts:
            return ""
        return texts[0 if rng is None else int(rng.integers(len(texts)))]

    def with_captions(self, texts: Mapping[int, str]) -> PreparedImages:
        """The same pictures with other captions: index to text. What is not named keeps its own."""
        other = copy.copy(self)
        other.captions = tuple((texts[index],) if index in texts else own for index, own in enumerate(self.captions))
        return other

    def batch(
        self,
        indices: np.ndarray | Sequence[int],
        rng: np.random.Generator | None = None,
        augment: Augment | None = None,
    ) -> torch.Tensor:
        """float32 (n, c, h, w) in [-1, 1], an alpha as well, varied by `augment` with `rng` when both are given."""
        import torch

        pixels = self.pixels(indices)
        if augment is not None and augment.active and rng is not None:
            pixels = self._varied(pixels, augment, rng)
        channels_first = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        return channels_first.to(torch.float32, memory_format=torch.contiguous_format).div_(127.5).sub_(1.0)

    def _varied(self, pixels: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
        """In threads: Pillow leaves Python's lock. What is left to chance is drawn before them."""
        draws = augment.draw(rng, len(pixels))
        if self._pool is None:
            workers = max(1, min(8, (os.cpu_count() or 2) - 1))
            self._pool = ThreadPoolExecutor(workers, thread_name_prefix="augment")
        return np.stack(list(self._pool.map(augment.array, pixels, draws)))


def _random(seed: int, part: str, epoch: int) -> np.random.Generator:
    return np.random.default_rng((seed, len(part), epoch))

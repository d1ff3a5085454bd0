"""A simple, real Context that keeps in memory what an engine does, for tests of families."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.engines.base import Model


@dataclass
class Saved:
    """One stored result: its index, what was stored and the recipe's info."""

    index: int
    value: Any
    info: dict[str, Any]
    rate: int = 0


@dataclass
class FakeContext:
    """`engines.base.Context` in memory.

    folder: the job's workshop, for families that ask for one.
    stored: results after `start` that are there already. inputs: role to file.
    cancel_after: raise Cancelled at that many `check()` calls (None: never).
    on_check: called at each check with the number of checks so far; may raise or set `cancelled`.
    """

    start: int = 0
    stored: tuple[int, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Model] = field(default_factory=dict)
    inputs: Mapping[str, Path] = field(default_factory=dict)
    cancel_after: int | None = None
    on_check: Callable[[int], None] | None = None
    cancelled: bool = False
    checks: int = 0
    steps: list[tuple[int, int, str]] = field(default_factory=list)
    previews: list[Image.Image] = field(default_factory=list)
    pieces: list[tuple[int, str]] = field(default_factory=list)
    images: list[Saved] = field(default_factory=list)
    audio: list[Saved] = field(default_factory=list)
    texts: list[Saved] = field(default_factory=list)
    notices: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    folder: Path | None = None

    def wants(self, index: int) -> bool:
        return index >= self.start and index not in self.stored

    def progress(self, done: int, total: int, stage: str = "", preview: Image.Image | None = None) -> None:
        assert 0 <= done <= (total or done), f"{done} of {total}"
        self.steps.append((done, total, stage))
        if preview is not None:
            assert max(preview.size) <= 512, preview.size
            self.previews.append(preview.copy())

    def partial(self, index: int, piece: str) -> None:
        assert isinstance(piece, str)
        self.pieces.append((index, piece))

    def check(self) -> None:
        self.checks += 1
        if self.on_check is not None:
            self.on_check(self.checks)
        if self.cancelled or (self.cancel_after is not None and self.checks >= self.cancel_after):
            raise Cancelled

    def input(self, role: str) -> Path:
        try:
            return Path(self.inputs[role])
        except KeyError:
            raise StudioError("This needs an input that was not given.", code="input", role=role) from None

    def workshop(self) -> Path:
        assert self.folder is not None, "no workshop was given"
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    def part(self, id: str) -> Model:
        return self.parts[id]

    def notice(self, text: str, **params: Any) -> None:
        if (text, params) not in self.notices:
            self.notices.append((text, params))

    def save_image(self, index: int, image: Image.Image, **info: Any) -> None:
        self.images.append(Saved(index, image.copy(), info))

    def save_audio(self, index: int, samples: np.ndarray, rate: int, **info: Any) -> None:
        assert samples.dtype == np.float32, samples.dtype
        assert np.abs(samples).max(initial=0) <= 1
        self.audio.append(Saved(index, samples.copy(), info, rate))

    def save_text(self, index: int, text: str, **info: Any) -> None:
        self.texts.append(Saved(index, text, info))

    @property
    def text(self) -> str:
        """All partial pieces of the first result joined."""
        return "".join(piece for index, piece in self.pieces if index == self.start)

"""Tiny models of every class, made once; what is needed to run them as the program does, and by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aigc_studio.core.imaging import open_image
from aigc_studio.core.library.diffusion import read_pipeline
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import CancelToken, Order, Preview
from aigc_studio.engines.local import LocalEngine
from tests.engines.context import FakeContext
from tests.tiny.image import MAKERS

NAMES = tuple(MAKERS)


@pytest.fixture(autouse=True)
def _one_thread(one_torch_thread: None) -> None:
    """Tiny models are slower on two."""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """A tiny model by its name in `MAKERS`, with the facts that the library finds and 64 px as its native side."""
    place = tmp_path_factory.mktemp("diffusion")
    made: dict[str, Model] = {}

    def get(name: str) -> Model:
        if name not in made:
            folder = MAKERS[name](place / name)
            finding = read_pipeline(folder)
            assert finding.problem is None
            made[name] = Model(name, finding.family, name, folder, {**finding.facts, "size": 64})
        return made[name]

    return get


@dataclass
class Ear:
    """Keeps what an engine reports. on_progress: called with each report; cancels where a test wants it."""

    files: dict[int, Path] = field(default_factory=dict)
    steps: list[tuple[int, int, int, str]] = field(default_factory=list)
    notices: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    on_progress: Callable[[str, int], None] | None = None

    @property
    def pictures(self) -> list[np.ndarray]:
        """What was made, by index, uint8 (height, width, channels)."""
        return [np.asarray(open_image(self.files[index])) for index in sorted(self.files)]

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        self.steps.append((index, done, total, stage))
        if self.on_progress is not None:
            self.on_progress(stage, done)

    def partial(self, index: int, piece: str) -> None: ...

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        self.notices.append((text, params))

    def output(self, index: int, path: Path) -> None:
        self.files[index] = path

    def silent(self, seconds: float) -> None: ...


@dataclass
class Desk:
    """An engine with a model on it, pictures to work on, and a folder for what it makes."""

    folder: Path
    engine: LocalEngine = field(default_factory=lambda: LocalEngine(collect=False))
    jobs: int = 0

    def inputs(self, task: str) -> dict[str, Path]:
        """The files of a task's inputs."""
        return {
            "generate": {},
            "variation": {"image": self.folder / "image.png"},
            "inpaint": {"image": self.folder / "image.png", "mask": self.folder / "mask.png"},
        }[task]

    def order(self, model: Model, task: str, params: Mapping[str, Any], **request: Any) -> Order:
        """An order for `model`, three steps where `params` does not say otherwise."""
        self.jobs += 1
        done = request.pop("done", ())
        prompt = request.pop("prompt", "a red fox in the snow")
        asked = Request("image", task, model.family, model.id, prompt, {"steps": 3, **params}, **request)
        return Order(f"job{self.jobs}", asked, self.folder / "out", done, self.inputs(task), model)

    def make(self, model: Model, task: str = "generate", ear: Ear | None = None, **given: Any) -> list[np.ndarray]:
        """Pictures made through the engine, by index, uint8 (height, width, channels)."""
        ear = ear or Ear()
        params = {key: given.pop(key) for key in list(given) if key not in ("seed", "count", "prompt", "done")}
        self.engine.run(self.order(model, task, params, **given), ear, CancelToken())
        return ear.pictures


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose picture is 90 x 70 px, with a marked part in its middle."""
    draw = np.random.default_rng(3)
    small = Image.fromarray(draw.integers(0, 256, (7, 9, 3), np.uint8))
    small.resize((90, 70), Image.Resampling.BICUBIC).save(tmp_path / "image.png")
    mask = np.zeros((70, 90), np.uint8)
    mask[20:40, 30:60] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    desk = Desk(tmp_path)
    yield desk
    desk.engine.close()


@dataclass
class Bench:
    """A loaded model and its family's module, used without an engine."""

    module: ModuleType
    model: Model
    loaded: Any

    def run(self, task: str = "generate", ctx: FakeContext | None = None, count: int = 1, **params: Any) -> FakeContext:
        """A context that has seen the run."""
        ctx = ctx or FakeContext()
        family = registry.declared(self.model.family, self.model.facts)
        prompt, seed = params.pop("prompt", "a red fox"), params.pop("seed", 1)
        request = Request("image", task, family.id, self.model.id, prompt, {"steps": 3, **params}, seed, count)
        ctx.values = family.values(task, request.params)
        self.module.run(self.loaded, request, ctx)
        return ctx

    def picture(self, task: str = "generate", ctx: FakeContext | None = None, **params: Any) -> np.ndarray:
        """The first result of a run, uint8 (height, width, channels)."""
        return np.asarray(self.run(task, ctx, **params).images[0].value)


@pytest.fixture(scope="session")
def bench(model: Callable[[str], Model]) -> Callable[[str], Bench]:
    """A model by name, loaded once for all tests."""
    loaded: dict[str, Bench] = {}

    def get(name: str) -> Bench:
        if name not in loaded:
            given = model(name)
            module = registry.module(given.family)
            loaded[name] = Bench(module, given, module.load(given, FakeContext()))
        return loaded[name]

    return get

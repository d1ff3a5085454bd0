"""The tiny speech models, made once, and a way to speak with one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from tests.engines.context import FakeContext

Make = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Folder of a tiny model by its name in `tests.tiny.speech.MAKERS`."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tests.tiny.speech import MAKERS

    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("tiny-speech")

    def make(name: str) -> Path:
        folder = root / name
        return folder if folder.is_dir() else MAKERS[name](folder)

    return make


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples are compared: the same place for all."""
    monkeypatch.setenv("AIGC_STUDIO_DEVICE", "cpu")


def load(family: str, folder: Path, **facts: Any) -> Any:
    """A loaded model of a family."""
    return registry.module(family).load(Model("tiny", family, "Tiny", folder, facts), FakeContext())


def speak(
    family: str,
    loaded: Any,
    text: str,
    *,
    context: FakeContext | None = None,
    facts: dict[str, Any] | None = None,
    seed: int = 0,
    count: int = 1,
    **params: Any,
) -> FakeContext:
    """Run a request as the engine does; what it made is in the context."""
    context = context or FakeContext()
    context.values = registry.declared(family, facts or {}).values("speak", params)
    request = Request("speech", "speak", family, "tiny", prompt=text, params=params, seed=seed, count=count)
    registry.module(family).run(loaded, request, context)
    return context

"""The engine in its own process: what it reports while it loads, what it imports, what it leaves to others."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aigc_studio.core.requests import Request
from aigc_studio.engines import fake, registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import CancelToken, Order, Preview
from aigc_studio.engines.local import LocalEngine
from aigc_studio.engines.stamp import stamp

REQUEST = Request("image", "generate", "fake", count=1)


class Ear:
    """Keeps what is reported as progress."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        self.steps.append((done, total))

    def partial(self, index: int, piece: str) -> None: ...

    def notice(self, text: str, params: Mapping[str, Any]) -> None: ...

    def output(self, index: int, path: Path) -> None: ...

    def silent(self, seconds: float) -> None: ...


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "module", lambda family: fake)


def test_how_far_loading_is_nobody_knows(tmp_path: Path) -> None:
    """A bar at "1 of 1" while a model loads would stand at its end for a minute."""
    ear = Ear()
    order = Order("job", REQUEST, tmp_path, model=Model("", "fake", "Fake", facts={"load": "step:2"}))
    LocalEngine().run(order, ear, CancelToken())
    assert ear.steps[0] == (0, 0)
    assert ear.steps[-1] == (2, 2)


@pytest.mark.parametrize("collect", [True, False])
def test_in_the_windows_process_it_leaves_the_collector_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collect: bool
) -> None:
    """A collection in a lane's thread may destroy Qt's objects, which crashes."""
    calls: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda *_: calls.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: calls.append("freeze"))
    monkeypatch.setattr(fake, "warm", lambda: None, raising=False)
    engine = LocalEngine(collect=collect)
    engine.warm("fake")
    engine.run(Order("job", REQUEST, tmp_path), Ear(), CancelToken())
    engine.close()
    assert calls == (["collect", "freeze"] * 2 if collect else [])


@pytest.mark.parametrize("family", ["painter", "espeak"])
def test_warming_a_family_without_torch_does_not_import_it(family: str) -> None:
    program = (
        "import sys; from aigc_studio.engines.local import LocalEngine; "
        f"LocalEngine().warm({family!r}); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


class _Knot:
    """A model that holds itself, as networks do."""

    def __init__(self) -> None:
        self.self = self


def test_a_model_is_gone_after_a_switch_to_a_family_that_was_not_warm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[weakref.ref[_Knot]] = []

    def load(_model: Model, _ctx: object) -> _Knot:
        knot = _Knot()
        alive.append(weakref.ref(knot))
        return knot

    def family(name: str) -> SimpleNamespace:
        return SimpleNamespace(
            __name__=name,
            FAMILY=fake.FAMILY,
            load=load,
            warm=lambda: None,
            run=lambda _model, *rest: fake.run(None, *rest),
        )

    families = {"one": family("one"), "two": family("two"), "three": family("three")}
    monkeypatch.setattr(registry, "module", lambda id: families[id])
    engine = LocalEngine()
    try:
        engine.run(Order("a", REQUEST.changed(family="one"), tmp_path), Ear(), CancelToken())
        engine.warm("three")  # while the first model is loaded
        engine.run(Order("b", REQUEST.changed(family="two"), tmp_path), Ear(), CancelToken())
        assert [knot() is None for knot in alive] == [True, False]
        engine.unload()
        assert alive[1]() is None
    finally:
        engine.close()
        gc.unfreeze()


def test_a_model_whose_files_were_replaced_is_loaded_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer version under the same path; not for a note beside it, nor while the drive is away."""
    loads: list[Path] = []
    family = SimpleNamespace(
        __name__="one",
        FAMILY=fake.FAMILY,
        load=lambda model, _ctx: loads.append(model.folder or model.file),
        run=lambda _model, *rest: fake.run(None, *rest),
    )
    monkeypatch.setattr(registry, "module", lambda id: family)
    folder = tmp_path / "model"
    (folder / "unet").mkdir(parents=True)
    weights, single = folder / "unet" / "model.safetensors", tmp_path / "single.safetensors"
    for path in (weights, single, folder / "model_index.json"):
        path.write_bytes(b"one")
    with contextlib.suppress(OSError):  # where links may not be made
        (folder / "unfinished.safetensors").symlink_to(tmp_path / "nothing")
    engine = LocalEngine(collect=False)

    def runs(model: Model) -> int:
        before = len(loads)
        engine.run(Order("job", REQUEST, tmp_path / "out", model=model), Ear(), CancelToken())
        return len(loads) - before

    for model, changed in ((Model("a", "fake", "A", folder), weights), (Model("b", "fake", "B", file=single), single)):
        assert [runs(model), runs(model)] == [1, 0]
        changed.write_bytes(b"another")
        assert [runs(model), runs(model)] == [1, 0]
        state = changed.stat()
        os.utime(changed, ns=(state.st_atime_ns, state.st_mtime_ns + 1_000_000_000))
        assert [runs(model), runs(model)] == [1, 0]
    model = Model("a", "fake", "A", folder)
    assert runs(model) == 1
    (folder / "README.md").write_text("A note.")
    assert runs(model) == 0
    folder.rename(tmp_path / "away")
    assert runs(model) == 0
    (tmp_path / "away").rename(folder)
    assert runs(model) == 0
    (folder / "model_index.json").write_bytes(b"{}")
    assert runs(model) == 1


def test_looking_whether_files_changed_costs_nothing(tmp_path: Path) -> None:
    """A pipeline of 30 files; the shortest of many looks, as other programs run too."""
    for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        (tmp_path / part).mkdir()
        for number in range(6):
            (tmp_path / part / f"{number}.json").write_text("{}")
    model = Model("a", "fake", "A", tmp_path)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        assert len(stamp(model)) == 30
        took.append(time.perf_counter() - began)
    assert min(took) < 0.001

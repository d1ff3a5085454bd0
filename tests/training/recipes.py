"""Running a recipe as a job does, and stopping it as people, programs and power cuts do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL.Image import Image

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunFolder, RunInfo
from aigc_studio.training import checkpoint
from aigc_studio.training.session import Session
from aigc_studio.training.trainer import Trainer
from tests.engines.context import FakeContext

__all__ = [
    "Killed",
    "StoppedAt",
    "finished",
    "logged",
    "model_after",
    "steps_kept_when_numbers_break_down",
    "stops",
    "train",
]


class Killed(BaseException):
    """Stands for the end of the process: nothing gets a chance to be saved."""


@dataclass
class StoppedAt(FakeContext):
    """A context that stops the run before its next step once it has learned `step` steps."""

    step: int = 0
    by: type[BaseException] = Cancelled
    learned: int = 0

    def progress(self, done: int, total: int, stage: str = "", preview: Image | None = None) -> None:
        super().progress(done, total, stage, preview)
        self.learned = done if stage == "Learning" else self.learned

    def check(self) -> None:
        super().check()
        if self.learned >= self.step:
            raise self.by


def train(
    recipe: ModuleType, folder: Path, params: Mapping[str, Any], ctx: FakeContext | None = None, seed: int = 4
) -> FakeContext:
    """One run of a recipe in `folder`; the context with what it made."""
    values = recipe.FAMILY.values("train", {"name": "形状", **params})
    request = Request("training", "train", recipe.FAMILY.id, params=dict(params), seed=seed)
    ctx = ctx or FakeContext()
    ctx.folder, ctx.values = folder, values
    recipe.run(None, request, ctx)
    return ctx


def finished(folder: Path) -> RunInfo:
    """The summary of a run that ended well."""
    summary = RunFolder(folder).summary()
    assert summary is not None
    assert summary.state == "done"
    return summary


def logged(folder: Path, name: str) -> list[float]:
    """All values of one figure in a run's log."""
    lines, _ = RunFolder(folder).read()
    return [line["values"][name] for line in lines if name in line.get("values", {})]


def stops(folder: Path) -> int:
    """How often a run went on from a checkpoint in the middle of learning."""
    lines, _ = RunFolder(folder).read()
    return sum(line.get("event") == "resume" and line["step"] > 0 for line in lines)


def steps_kept_when_numbers_break_down(
    recipe: ModuleType, learner: type, folder: Path, params: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch, at: int
) -> int:
    """Steps in the checkpoint of a run whose data are no numbers after `at` steps; its weights are numbers."""

    def poisoned(self: Any, parts: Any, trainer: Trainer) -> Any:
        if trainer.step == at:
            parts = [{name: value * float("nan") for name, value in part.items()} for part in parts]
        return step(self, parts, trainer)

    with monkeypatch.context() as patch:
        step = learner.step
        patch.setattr(learner, "step", poisoned)
        _save_every_step(patch)
        with pytest.raises(StudioError) as caught:
            train(recipe, folder, params)
    assert caught.value.code == "training-nan"
    assert caught.value.params["step"] == at + 1
    tree = checkpoint.load_latest(folder)
    for module in tree["modules"].values():
        assert all(bool(value.isfinite().all()) for value in module.values())
    return tree["step"]


def _save_every_step(patch: pytest.MonkeyPatch) -> None:
    settings = Session.settings
    patch.setattr(Session, "settings", lambda *a, **k: replace(settings(*a, **k), checkpoint_seconds=0.0))


def model_after(
    recipe: ModuleType,
    folder: Path,
    params: Mapping[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    *,
    pauses: tuple[int, ...] = (),
    kills: tuple[int, ...] = (),
) -> bytes:
    """The weights of the model of a run that was paused and then killed after these steps."""
    for moment in pauses:
        with pytest.raises(Cancelled):
            train(recipe, folder, params, StoppedAt(step=moment))
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_end_early", lambda *_: None)
        _save_every_step(patch)
        for moment in kills:
            with pytest.raises(Killed):
                train(recipe, folder, params, StoppedAt(step=moment, by=Killed))
    train(recipe, folder, params)
    assert stops(folder) == len(pauses) + len(kills)
    return (Path(finished(folder).model) / "model.safetensors").read_bytes()

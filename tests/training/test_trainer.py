"""The shared loop: resuming equals not stopping, and every way in which a run can end leaves a run behind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.runs import RunFolder
from aigc_studio.training import bookkeeping, checkpoint
from aigc_studio.training import trainer as trainer_module
from aigc_studio.training.learner import Batch, Settings
from aigc_studio.training.trainer import Trainer
from tests.engines.context import FakeContext


class Noise(nn.Module):
    """A linear layer with what makes resuming hard: dropout, and running statistics that a forward pass changes."""

    def __init__(self) -> None:
        super().__init__()
        self.norm: nn.Module = nn.BatchNorm1d(4)
        self.drop: nn.Module = nn.Dropout(0.3)
        self.line = nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.line(self.drop(self.norm(x)))


class Lines:
    """Learns a sum of four numbers. breaks: step at which something goes wrong, and how."""

    unit = "images"
    averaged = ("net",)

    def __init__(self, breaks: tuple[int, Any] | None = None, largest: int = 99, held: Sequence[float] = ()) -> None:
        torch.manual_seed(5)
        self.modules = {"net": Noise()}
        self.optimisers = {"net": torch.optim.Adam(self.modules["net"].parameters(), lr=0.02)}
        self.counted = 0
        self.sizes: list[int] = []
        self._breaks, self._largest, self._held = breaks, largest, list(held)

    def batch(self, step: int) -> Batch:
        x = torch.from_numpy(np.random.default_rng((3, step)).standard_normal((8, 4)).astype(np.float32))
        return {"x": x, "y": x.sum(1, keepdim=True)}

    def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        total: Any = 0.0
        for part in parts:
            self.sizes.append(len(part["x"]))
            if len(part["x"]) > self._largest:
                raise torch.OutOfMemoryError("no memory")
            loss = (self.modules["net"](part["x"]) - part["y"]).square().mean()
            if self._breaks is not None and self._breaks[0] == trainer.step:
                if isinstance(self._breaks[1], BaseException):
                    raise self._breaks[1]
                loss = loss * self._breaks[1]
            trainer.backward(loss * trainer.share(part))
            total = total + loss.detach() * trainer.share(part)
        trainer.apply("net")
        self.counted += 1
        return {"loss": total}

    def validate(self, trainer: Trainer) -> Mapping[str, float]:
        return {"loss": self._held.pop(0)} if self._held else {}

    def sample(self, trainer: Trainer, step: int) -> Image.Image | None:
        torch.rand(step)  # must not move the random numbers of the learning
        return Image.new("RGB", (16, 16), (min(step, 255), 0, 0))

    def state(self) -> Mapping[str, Any]:
        return {"counted": self.counted}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.counted = state["counted"]


def settings(steps: int = 20, **more: Any) -> Settings:
    fields: dict[str, Any] = {"steps": steps, "seed": 9, "ema": 0.9, "sample_every": 6, "validate_every": 0}
    every: dict[str, Any] = {"log_seconds": 0.0, "checkpoint_seconds": 1e9}
    return Settings(**(fields | every | more))


def trained(folder: Path, learner: Lines, wanted: Settings, ctx: FakeContext | None = None) -> Trainer:
    trainer = Trainer(ctx or FakeContext(), RunFolder(folder), learner, wanted)
    trainer.run()
    return trainer


def weights(learner: Lines, trainer: Trainer) -> list[bytes]:
    both = [*learner.modules["net"].state_dict().values(), *trainer.average["net"].state_dict().values()]
    return [value.numpy().tobytes() for value in both]


@pytest.fixture
def whole(tmp_path: Path) -> tuple[list[bytes], int]:
    """Weights and count of a run that nothing stopped."""
    learner = Lines()
    return weights(learner, trained(tmp_path / "whole", learner, settings())), learner.counted


@pytest.mark.parametrize("moment", [1, 2, 7, 13, 19])
def test_a_run_that_was_paused_equals_one_that_was_not(
    tmp_path: Path, whole: tuple[list[bytes], int], moment: int
) -> None:
    with pytest.raises(Cancelled):
        trained(tmp_path / "run", Lines(), settings(), FakeContext(cancel_after=moment + 1))
    learner = Lines()
    trainer = trained(tmp_path / "run", learner, settings())
    assert (weights(learner, trainer), learner.counted) == whole


def test_a_run_that_was_stopped_in_the_middle_of_a_step_equals_one_that_was_not(
    tmp_path: Path, whole: tuple[list[bytes], int]
) -> None:
    """The forward pass has moved running statistics already, the optimiser nothing."""
    with pytest.raises(Cancelled):
        trained(tmp_path / "run", Lines(breaks=(11, Cancelled())), settings())
    tree = checkpoint.load_latest(tmp_path / "run")
    assert tree["step"] == 11
    learner = Lines()
    trainer = trained(tmp_path / "run", learner, settings())
    assert (weights(learner, trainer), learner.counted) == whole


@pytest.mark.parametrize("moment", [0, 1, 4, 5, 12])
def test_the_first_samples_come_early_and_change_nothing(tmp_path: Path, moment: int) -> None:
    """At an eighth, a quarter and a half of the first stretch, also in a run that is paused."""
    learner = Lines()
    expected = weights(learner, trained(tmp_path / "blind", learner, settings(40, sample_every=0)))
    wanted, run = settings(40, sample_every=32), tmp_path / "run"
    if moment:
        with pytest.raises(Cancelled):
            trained(run, Lines(), wanted, FakeContext(cancel_after=moment + 1))
    learner = Lines()
    assert weights(learner, trained(run, learner, wanted)) == expected
    assert [step for step, _ in RunFolder(run).samples()] == [4, 8, 16, 32, 40]
    lines, _ = RunFolder(run).read()
    assert [line["step"] for line in lines if line.get("event") == "sample"] == [4, 8, 16, 32, 40]


@pytest.mark.parametrize(("every", "steps"), [(0, []), (1, [1, 2, 3, 4]), (7, []), (8, [1, 2, 4]), (30, [3])])
def test_frequent_samples_need_no_earlier_ones(every: int, steps: list[int]) -> None:
    wanted = settings(sample_every=every)
    assert [step for step in range(1, 5) if wanted.samples_after(step)] == steps


def test_throughput_is_of_the_learning_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step takes a tenth of a second, each look ten seconds, by a clock that only they move."""
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)

    class Slow(Lines):
        def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
            clock.now += 0.1
            return super().step(parts, trainer)

        def sample(self, trainer: Trainer, step: int) -> None:
            clock.now += 10.0

    for module in (trainer_module, bookkeeping):
        monkeypatch.setattr(module, "time", clock)
    trained(tmp_path, Slow(), settings(40, sample_every=3, log_seconds=1.0))
    lines, _ = RunFolder(tmp_path).read()
    speeds = [line["values"]["images_per_second"] for line in lines if "images_per_second" in line.get("values", {})]
    assert len(speeds) > 3
    assert speeds == pytest.approx([80.0] * len(speeds))


def test_a_run_that_was_killed_goes_on_from_its_last_checkpoint(
    tmp_path: Path, whole: tuple[list[bytes], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill leaves no time to write: the checkpoint of the end is thrown away."""
    run = tmp_path / "run"

    class Killed(BaseException):
        pass

    monkeypatch.setattr(Trainer, "_end_early", lambda *_: None)
    with pytest.raises(Killed):
        trained(run, Lines(breaks=(15, Killed())), settings(checkpoint_seconds=0.0))
    (run / checkpoint.NAME).unlink()  # the kill came between the two renames
    assert checkpoint.load_latest(run)["step"] == 14
    learner = Lines()
    trainer = trained(run, learner, settings())
    assert (weights(learner, trainer), learner.counted) == whole


@pytest.mark.parametrize("factor", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(tmp_path: Path, factor: float) -> None:
    with pytest.raises(StudioError) as caught:
        trained(tmp_path, Lines(breaks=(8, factor)), settings(checkpoint_seconds=0.0))
    assert caught.value.code == "training-nan"
    tree = checkpoint.load_latest(tmp_path)
    assert tree["step"] == 8
    assert all(torch.isfinite(value).all() for value in tree["modules"]["net"].values())
    lines, _ = RunFolder(tmp_path).read()
    assert lines[-1]["event"] == "stop"
    assert lines[-1]["reason"] == "training-nan"


def test_a_batch_too_large_for_the_memory_is_learned_in_pieces(tmp_path: Path) -> None:
    context, learner = FakeContext(), Lines(largest=2)
    trained(tmp_path, learner, settings(3), context)
    assert learner.sizes[:6] == [8, 4, 2, 2, 2, 2]
    assert [params["count"] for _, params in context.notices] == [2, 4]


def test_a_look_that_the_memory_is_too_small_for_is_left_out(tmp_path: Path) -> None:
    class Large(Lines):
        def validate(self, trainer: Trainer) -> Mapping[str, float]:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

        def sample(self, trainer: Trainer, step: int) -> Image.Image | None:
            raise torch.OutOfMemoryError("no memory")

    context = FakeContext()
    trainer = trained(tmp_path, Large(), settings(7, validate_every=3), context)
    assert trainer.step == 7
    assert len({text for text, _ in context.notices}) == 1
    assert trainer.average["net"].training is False


def test_a_smaller_piece_begins_as_the_whole_did(tmp_path: Path) -> None:
    """A failed try leaves no trace in running statistics."""
    failed: list[int] = []

    class Late(Lines):
        def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
            if not failed:
                failed.append(1)
                self.modules["net"](parts[0]["x"])
                raise torch.OutOfMemoryError("no memory")
            return super().step([{name: torch.cat([part[name] for part in parts]) for name in parts[0]}], trainer)

    once, late = Lines(), Late()
    trained(tmp_path / "a", once, settings(1))
    trained(tmp_path / "b", late, settings(1))
    means = [learner.modules["net"].state_dict()["norm.running_mean"] for learner in (once, late)]
    assert torch.equal(*means)


def test_memory_too_small_for_one_example_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(torch.OutOfMemoryError):
        trained(tmp_path, Lines(largest=0), settings(3))


def test_pieces_learn_the_same_as_the_whole(tmp_path: Path) -> None:
    """Without what depends on the batch as a whole: gradients of pieces add up to that of the batch."""
    lines = [Lines(), Lines(largest=3)]
    for learner in lines:
        learner.modules["net"].norm, learner.modules["net"].drop = nn.Identity(), nn.Identity()
    for number, learner in enumerate(lines):
        trained(tmp_path / str(number), learner, settings(5))
    one, other = (learner.modules["net"].line.weight for learner in lines)
    assert torch.allclose(one, other, atol=1e-5)


def test_a_full_disk_at_a_checkpoint_keeps_the_former_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(tmp_path, Lines(), settings(4))
    before = (tmp_path / checkpoint.NAME).read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(StudioError) as caught:
        trained(tmp_path, Lines(), settings(9))
    assert caught.value.code == "disk"
    assert "No space left" in str(caught.value)
    assert (tmp_path / checkpoint.NAME).read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]


def test_no_better_validation_ends_the_run_with_the_best_weights(tmp_path: Path) -> None:
    learner = Lines(held=[5.0, 3.0, 4.0, 6.0, 1.0])
    wanted = settings(50, validate_every=2, patience=2)
    trainer = Trainer(FakeContext(), RunFolder(tmp_path), learner, wanted)
    assert trainer.run().reason == "patience"
    assert trainer.step == 8
    best = checkpoint.load(tmp_path / "best.safetensors")
    assert best["step"] == 4
    assert torch.equal(learner.modules["net"].line.weight, best["modules"]["net"]["line.weight"])


@pytest.mark.parametrize("where", ["validate", "sample"])
def test_a_look_that_was_cut_short_is_made_again(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was validated counts once for the early stop, and no sample is missing."""
    held, wanted = [3.0, 1.0, 2.0, 2.0], settings(18, validate_every=6, patience=3)
    learner = Lines(held=held)
    expected = weights(learner, trained(tmp_path / "whole", learner, wanted))
    learner = Lines(held=held)
    usual, calls = getattr(learner, where), []

    def cut(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise Cancelled
        return usual(*args)

    monkeypatch.setattr(learner, where, cut)
    with pytest.raises(Cancelled):
        trained(tmp_path / "run", learner, wanted)
    again = Lines(held=held[1:] if where == "validate" else held[2:])
    assert weights(again, trained(tmp_path / "run", again, wanted)) == expected
    lines, _ = RunFolder(tmp_path / "run").read()
    assert [line["step"] for line in lines if line.get("event") == "sample"] == [6, 12, 18]
    looks = [line for line in lines if "validation/loss" in line.get("values", {})]
    assert [line["step"] for line in looks] == [6, 12, 18]


def test_a_run_ends_when_asked_and_by_the_clock(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "asked")
    context = FakeContext(on_check=lambda count: run.ask_to_finish() if count == 4 else None)
    assert Trainer(context, run, Lines(), settings(50)).run().reason == "asked"
    outcome = Trainer(FakeContext(), RunFolder(tmp_path / "clock"), Lines(), settings(10**6, minutes=1e-4)).run()
    assert outcome.reason == "minutes"
    assert outcome.step < 10**6


def test_the_record_tells_losses_samples_and_state(tmp_path: Path) -> None:
    trainer = trained(tmp_path, Lines(), settings(12))
    run = RunFolder(tmp_path)
    lines, _ = run.read()
    values = [line for line in lines if "values" in line]
    assert [line["step"] for line in values] == list(range(1, 13))
    assert values[-1]["values"]["loss"] < values[0]["values"]["loss"]
    assert values[-1]["values"]["images_per_second"] > 0
    assert [step for step, _ in run.samples()] == [6, 12]
    summary = run.summary()
    assert summary is not None
    assert (summary.step, summary.steps, summary.state) == (12, 12, "running")
    assert trainer.fraction == 1.0


def test_the_rate_warms_up_and_falls(tmp_path: Path) -> None:
    seen: list[float] = []

    class Watched(Lines):
        def sample(self, trainer: Trainer, step: int) -> None:
            seen.append(self.optimisers["net"].param_groups[0]["lr"])

    learner = Watched()
    trained(tmp_path, learner, settings(20, warmup=4, fall=0.5, sample_every=1))
    assert seen[:4] == pytest.approx([0.005, 0.01, 0.015, 0.02])
    assert seen[9] == pytest.approx(0.02)
    assert seen[-1] < 0.001
    assert all(a >= b for a, b in pairwise(seen[4:]))


def test_a_checkpoint_of_other_settings_is_refused_in_a_sentence(tmp_path: Path) -> None:
    trained(tmp_path, Lines(), settings(4))
    other = Lines()
    other.modules["net"].line = nn.Linear(4, 2)
    with pytest.raises(StudioError) as caught:
        trained(tmp_path, other, settings(9))
    assert caught.value.code == "checkpoint"

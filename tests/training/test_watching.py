"""Who else hears of a run: TensorBoard's own reader reads its curves, and a scripted wandb is told all it should be."""

from __future__ import annotations

import importlib.machinery
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aigc_studio.core.errors import Cancelled
from aigc_studio.core.runs import RunFolder
from aigc_studio.training.trainer import Trainer
from aigc_studio.training.watching import TensorBoard, WeightsAndBiases, watchers
from tests.engines.context import FakeContext
from tests.training.test_trainer import Lines, settings


def events(folder: Path) -> Any:
    """TensorBoard's own reader on a run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / "events"), size_guidance={"scalars": 0, "images": 0})
    found.Reload()
    return found


def learn(run: RunFolder, steps: int, ctx: FakeContext | None = None) -> None:
    """One stretch of a run. Its events get the name of a later second: that is the order in which they are read."""
    there = set(run.path.glob("events/*"))
    try:
        Trainer(ctx or FakeContext(), run, Lines(), settings(steps), watchers(run, {}, lambda *_, **__: None)).run()
    finally:
        (new,) = set(run.path.glob("events/*")) - there
        new.rename(new.with_name(f"events.out.tfevents.{len(there):010d}.here"))


def test_tensorboard_reads_the_curves_and_samples_of_a_run_that_was_paused(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with pytest.raises(Cancelled):
        learn(run, 20, FakeContext(cancel_after=9))
    learn(run, 20)
    found = events(run.path)
    assert {"loss", "rate", "images_per_second"} <= set(found.Tags()["scalars"])
    logged = {line["step"]: line["values"]["loss"] for line in run.read()[0] if "loss" in line.get("values", {})}
    curve = {event.step: event.value for event in found.Scalars("loss")}
    assert curve.keys() == logged.keys() == set(range(1, 21))
    assert list(curve.values()) == pytest.approx(list(logged.values()), rel=1e-5)
    assert {event.step for event in found.Images("samples")} == {6, 12, 18, 20}
    with Image.open(io.BytesIO(found.Images("samples")[0].encoded_image_string)) as image:
        assert image.getpixel((0, 0)) == (6, 0, 0)


@pytest.mark.allow_log("WARNING")  # the reader says what it leaves out
def test_steps_that_a_crash_has_lost_are_void(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    learn(run, 6)
    before = (run.path / "checkpoint.safetensors").read_bytes()
    learn(run, 12)
    (run.path / "checkpoint.safetensors").write_bytes(before)  # as if it had died after step 12 without another one
    learn(run, 14)
    assert [event.step for event in events(run.path).Scalars("loss")] == list(range(1, 15))


def test_a_full_disk_ends_the_events_and_not_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = TensorBoard(RunFolder(tmp_path))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    for name in ("add_scalar", "add_image", "close"):
        monkeypatch.setattr(board._writer, name, full)
    board.values(1, {"loss": 1.0})
    board.picture(1, Image.new("L", (4, 4)))
    board.close()


class Service(ModuleType):
    """What is used of the package wandb, written down. fails: what goes wrong, by name."""

    def __init__(self, fails: tuple[str, ...] = ()) -> None:
        super().__init__("wandb")
        self.told: list[tuple[str, Any]] = []
        self._fails = fails

    def note(self, name: str, what: Any) -> None:
        if name in self._fails:
            raise ConnectionError("nobody answers")
        self.told.append((name, what))

    def init(self, **given: Any) -> Any:
        self.note("init", given)
        return self

    def log(self, values: dict[str, Any], step: int) -> None:
        self.note("log", (step, values))

    def finish(self) -> None:
        self.note("finish", None)

    def Image(self, image: Image.Image) -> np.ndarray:  # noqa: N802
        return np.asarray(image)

    class Settings(dict[str, Any]):
        """An older version's: it does not know all."""

        model_fields = ("console", "x_disable_meta")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    found = Service()
    install(monkeypatch, found)
    return found


def install(monkeypatch: pytest.MonkeyPatch, found: Service) -> None:
    found.__spec__ = importlib.machinery.ModuleSpec("wandb", None)
    monkeypatch.setitem(sys.modules, "wandb", found)


def test_weights_and_biases_hears_curves_and_samples(tmp_path: Path, service: Service) -> None:
    run = RunFolder(tmp_path / "0123abcd")
    given = {"wandb": True, "steps": 8, "data": "/somewhere/photos"}
    told = watchers(run, given, lambda *_, **__: None)
    assert [type(each) for each in told] == [TensorBoard, WeightsAndBiases]
    Trainer(FakeContext(), run, Lines(), settings(8), told).run()
    names = [name for name, _ in service.told]
    assert (names[0], names[-1]) == ("init", "finish")
    told[1].close()
    assert [name for name, _ in service.told].count("finish") == 1
    began = service.told[0][1]
    assert (began["id"], began["resume"]) == ("0123abcd", "allow")
    assert began["config"] == {"wandb": True, "steps": 8}  # nothing that a person wrote, no folders of this machine
    assert began["settings"] == {"console": "off", "x_disable_meta": True}  # as far as this version knows them
    logs = [what for name, what in service.told if name == "log"]
    losses = {step: values["loss"] for step, values in logs if "loss" in values}
    assert losses.keys() == set(range(1, 9))
    pictures = {step: values["samples"] for step, values in logs if "samples" in values}
    assert pictures.keys() == {6, 8}
    assert pictures[6].shape == (16, 16, 3)


def test_without_being_asked_or_installed_nothing_is_sent(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    watchers(RunFolder(tmp_path / "a"), {"wandb": False}, lambda *_, **__: None)
    assert service.told == []
    monkeypatch.delitem(sys.modules, "wandb")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    notices: list[str] = []
    assert watchers(RunFolder(tmp_path / "b"), {"wandb": True}, lambda text, **_: notices.append(text)) == []
    assert len(notices) == 1
    assert "not installed" in notices[0]


@pytest.mark.allow_log("ERROR")
@pytest.mark.parametrize("fails", ["init", "log", "finish"])
def test_a_service_that_fails_does_not_stop_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    install(monkeypatch, Service((fails,)))
    run = RunFolder(tmp_path / "run")
    told = watchers(run, {"wandb": True}, lambda *_, **__: None)
    assert Trainer(FakeContext(), run, Lines(), settings(8), told).run().step == 8

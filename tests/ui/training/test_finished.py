"""What the window does when a training ends: models are read again, the person is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton, QWidget

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request
from aigc_studio.ui.notify import message
from aigc_studio.ui.panels.queue import QueuePanel
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.training import finished
from aigc_studio.ui.training.finished import TrainedModels, entry_of
from aigc_studio.ui.widgets.banner import BannerArea


@pytest.fixture(autouse=True)
def recipes(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    """The recipe that counts is all there is."""
    monkeypatch.setenv("AIGC_STUDIO_FAMILIES", "tests.ui.lesson_family")
    monkeypatch.chdir(checkout)


def entry(path: Path, kind: str = "image") -> Entry:
    return Entry(id="lesson", family="vae", kind=kind, titles={"en": "Lesson"}, folder=path)


def train(qtbot, studio: Studio, **params: object) -> Job:
    """Train to the end, whatever it is."""
    id = studio.submit(Request("training", "train", "train-lesson", params={"name": "Leaves", **params}))
    qtbot.waitUntil(lambda: any(job.id == id and job.state.ended for job in studio.jobs()))
    job = studio.job(id)
    assert job is not None
    return job


@pytest.mark.parametrize(
    ("kind", "title"), [("image", "Use in Picture"), ("text", "Use in Write"), ("part", "Use in Picture")]
)
def test_a_finished_model_is_offered(qtbot, studio: Studio, tmp_path: Path, monkeypatch, kind: str, title: str) -> None:
    window, chosen = QWidget(), []
    qtbot.addWidget(window)
    banners = BannerArea(window)
    trained = TrainedModels(studio, banners, chosen.append, window)
    made = entry(tmp_path, kind)
    monkeypatch.setattr(finished, "entry_of", lambda model: made if model.startswith("lesson-") else None)
    train(qtbot, studio, steps=2)
    qtbot.waitUntil(lambda: len(banners.banners()) == 1)
    (banner,) = banners.banners()
    assert "“Leaves” has learned" in banner.text.text()
    button = next(each for each in banner.findChildren(QPushButton) if each.text() == title)
    button.click()
    assert chosen == [made]
    studio.models.modelWanted.emit(made)
    assert chosen == [made, made]
    assert trained.parent() is window


def test_nothing_is_offered_for_one_that_failed(qtbot, studio: Studio, monkeypatch) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    banners = BannerArea(window)
    TrainedModels(studio, banners, lambda _entry: None, window)
    looked = []
    monkeypatch.setattr(studio.models, "rescan", lambda then=None: looked.append(then))
    job = train(qtbot, studio, steps=2, fail=True)
    assert job.state is JobState.FAILED
    assert looked == []
    assert banners.banners() == []


def test_a_model_is_found_by_its_folder(monkeypatch, tmp_path: Path) -> None:
    made, lora = entry(tmp_path / "made"), entry(tmp_path / "lora" / "weights.safetensors", "part")
    monkeypatch.setattr(catalogue, "models", lambda kind="": (made,))
    monkeypatch.setattr(catalogue, "parts", lambda of=(): (lora,))
    monkeypatch.setattr(catalogue, "models_folder", lambda: tmp_path)
    assert entry_of(str(tmp_path / "made")) is made
    assert entry_of("made") is made
    assert entry_of(str(tmp_path / "lora")) is lora
    assert entry_of("gone") is None
    assert entry_of("") is None


def test_queue_and_messages_know_trainings(qtbot, studio: Studio) -> None:
    job = train(qtbot, studio, steps=2)
    assert message([job]) == ("The model is ready", "Leaves")
    queue = QueuePanel(studio)
    qtbot.addWidget(queue)
    row = queue.model.row_of(job.id)
    assert queue.model.data(queue.model.index(row)).startswith("Leaves")
    with qtbot.waitSignal(queue.handOver) as shown:
        queue._do("show", job.id)
    assert shown.args == ["train", {"run": job.id}]

"""Pictures without a caption are described by a job, and what it says is used only when a person wants it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu

from aigc_studio.core.jobs import JobState
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.training.captions import describing, dialog
from aigc_studio.ui.training.captions.dialog import CaptionDialog
from aigc_studio.ui.training.captions.texts import CHANGED


@pytest.fixture(autouse=True)
def describer(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    """A family of tests does it, here and in child processes; it needs no model."""
    monkeypatch.setenv("AIGC_STUDIO_FAMILIES", "tests.ui.training.captions.describing_family")
    monkeypatch.chdir(checkout)  # the child finds `tests` there
    monkeypatch.setattr(describing, "fitting", lambda _of: [SimpleNamespace(id="", title="Describer")])
    monkeypatch.setattr(dialog, "missing_engine", lambda _needs: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (40, 48), (80 * number, 90, 100)).save(folder / f"{number:03}.png")
    (folder / "001.txt").write_text("mine")
    return folder


def opened(qtbot, studio: Studio, folder: Path) -> CaptionDialog:
    page = CaptionDialog(studio, folder)
    page.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: not page.desk.busy)
    return page


def texts(page: CaptionDialog) -> list[tuple[str, ...]]:
    return [entry.texts for entry in page.texts.entries]


def running(qtbot, studio: Studio, id: str) -> None:
    def is_running() -> bool:
        job = studio.job(id)
        return job is not None and job.state is JobState.RUNNING

    qtbot.waitUntil(is_running)


def test_what_a_model_said_is_offered_used_undone_and_saved(qtbot, studio: Studio, folder: Path) -> None:
    page = opened(qtbot, studio, folder)
    assert page.describe.isEnabled()
    page.describe.click()
    qtbot.waitUntil(lambda: page.offers.offer.isVisible())
    assert page.offers.text.text().startswith("A model described pictures without a caption: 2.")
    assert texts(page) == [(), ("mine",), ()]
    qtbot.keyClicks(page.field.edit, "my own")  # what is written meanwhile is not replaced
    page.offers.use.click()
    assert texts(page) == [("my own",), ("mine",), ("described 002.png",)]
    assert page.filter.currentData() == CHANGED
    assert page.offers.isHidden()
    page.texts.undo.undo()
    assert texts(page)[2] == ()
    page.texts.undo.redo()
    assert not (folder / "002.txt").exists()
    with qtbot.waitSignal(page.desk.saved):
        page.save.click()
    assert (folder / "002.txt").read_text() == "described 002.png\n"
    assert not page.describe.isEnabled()
    page.reject()
    again = opened(qtbot, studio, folder)
    qtbot.waitUntil(lambda: not again.describing._looking)
    assert again.offers.isHidden()


def test_what_was_said_while_nobody_looked_is_offered_later_and_can_be_refused(
    qtbot, studio: Studio, folder: Path
) -> None:
    page = opened(qtbot, studio, folder)
    page.describe.click()
    page.reject()
    qtbot.waitUntil(lambda: any(job.state is JobState.DONE for job in studio.jobs()))
    again = opened(qtbot, studio, folder)
    qtbot.waitUntil(lambda: again.offers.offer.isVisible())
    again.offers.refuse.click()
    qtbot.waitUntil(lambda: again.offers.isHidden())
    assert texts(again) == [(), ("mine",), ()]
    again.reject()
    last = opened(qtbot, studio, folder)
    qtbot.waitUntil(lambda: not last.describing._looking)
    assert last.offers.isHidden()


def test_a_job_that_pauses_goes_on_and_one_that_is_cancelled_leaves_what_it_said(
    qtbot, studio: Studio, folder: Path
) -> None:
    (folder / "slow").touch()
    page = opened(qtbot, studio, folder)
    page.describe.click()
    qtbot.waitUntil(lambda: page.offers.running.isVisible())
    assert not page.describe.isEnabled()
    (job,) = studio.jobs()
    running(qtbot, studio, job.id)
    qtbot.waitUntil(lambda: bool(list((folder.parent / "project/training").glob("*/descriptions.jsonl"))))
    studio.pause(job.id)
    qtbot.waitUntil(page.offers.paused.isVisible)
    assert page.offers.offer.isHidden()  # it is not over
    page.offers.go_on.click()
    running(qtbot, studio, job.id)
    studio.pause(job.id)
    qtbot.waitUntil(page.offers.paused.isVisible)
    page.offers.cancel.click()
    qtbot.waitUntil(lambda: page.offers.offer.isVisible())
    assert 0 < len(page.describing.texts()) <= 2


def test_without_a_model_it_says_what_to_add(
    qtbot, studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describing, "fitting", lambda _of: [])
    page = opened(qtbot, studio, folder)
    page.describe.click()
    assert "models folder" in page.message.text()
    assert not studio.jobs()


def test_of_several_models_one_is_chosen_by_the_keyboard(
    qtbot, studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [SimpleNamespace(id=id, title=id.upper()) for id in ("one", "two")]
    monkeypatch.setattr(describing, "fitting", lambda _of: models)
    page = opened(qtbot, studio, folder)
    asked: list[str] = []
    monkeypatch.setattr(page.describing, "start", asked.append)
    page.describe.click()
    menu = page.findChild(QMenu)
    assert isinstance(menu, QMenu)
    assert [action.text() for action in menu.actions()] == ["ONE", "TWO"]
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Return):
        qtbot.keyClick(menu, key)
    assert asked == ["two"]

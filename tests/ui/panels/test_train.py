"""The Train panel with a real Studio and a recipe that counts, in its own process without torch."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QLineEdit, QPushButton

from aigc_studio.core.errors import StudioError
from aigc_studio.core.hardware import Device
from aigc_studio.core.jobs import JobState
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunFolder
from aigc_studio.ui.dialogs.confirm import ConfirmDialog
from aigc_studio.ui.dropping.payload import Payload
from aigc_studio.ui.events import Progress
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.panels.train import NEW, RUNS, TrainPanel
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.training import run_source
from aigc_studio.ui.training import setup as left_side
from aigc_studio.ui.training.data_report import ConcernList
from aigc_studio.ui.training.run_list import step_text
from aigc_studio.ui.training.run_source import RunItem


@pytest.fixture(autouse=True)
def recipes(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    """Three recipes of tests are all there are, here and in child processes."""
    names = [f"tests.ui.lesson_{name}" for name in ("family", "pair_family", "texts_family")]
    monkeypatch.setenv("AIGC_STUDIO_FAMILIES", " ".join(names))
    monkeypatch.chdir(checkout)  # the child finds `tests` there
    monkeypatch.setattr(run_source, "_EVERY_MS", 50)


@pytest.fixture
def panel(qtbot, studio: Studio) -> TrainPanel:
    panel = TrainPanel(studio)
    qtbot.addWidget(panel)
    panel.resize(924, 600)
    panel.show()
    return panel


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three good ones, a copy, a broken one, captions for one."""
    folder = tmp_path / "Blätter"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (40 + number, 48), (80 * number, 90, 100)).save(folder / f"leaf {number}.png")
    (folder / "copy.png").write_bytes((folder / "leaf 0.png").read_bytes())
    (folder / "broken.png").write_bytes((folder / "leaf 0.png").read_bytes()[:40])
    (folder / "leaf 1.txt").write_text("ein Blatt", encoding="utf-8")
    return folder


def ready(qtbot, panel: TrainPanel, folder: Path, **values: object) -> None:
    """The recipe that counts, with data and values."""
    panel.show_mode(NEW)
    panel.setup.recipe.choose("train-lesson")
    panel.setup.take_folder(folder)
    panel.setup.form.set_values(values)
    qtbot.waitUntil(lambda: panel.stage.reports["data"].report is not None)


def begin(qtbot, panel: TrainPanel, folder: Path, name: str = "Leaves", **values: object) -> str:
    """Start; the id when it is in the list."""
    ready(qtbot, panel, folder, **values)
    panel.setup.name.setText(name)
    before = {item.id for item in panel.list.items()}
    qtbot.mouseClick(panel.setup.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool({item.id for item in panel.list.items()} - before))
    (id,) = {item.id for item in panel.list.items()} - before
    return id


def state(panel: TrainPanel, id: str) -> str:
    found = panel.source.item(id)
    return found.state if found is not None else ""


def run_of(panel: TrainPanel, id: str) -> RunItem:
    """The run as the list shows it."""
    found = panel.source.item(id)
    assert found is not None
    return found


# -- setting up


def test_a_new_project_shows_what_can_be_made(qtbot, panel: TrainPanel) -> None:
    assert panel.mode == NEW
    assert panel.stage.currentWidget() is panel.stage.gallery
    assert list(panel.stage.gallery.cards) == ["train-lesson", "train-pair", "train-reader"]
    assert not panel.setup.go.isEnabled()
    assert "Choose a folder" in panel.setup.state.text()
    qtbot.mouseClick(panel.stage.gallery.cards["train-pair"], Qt.MouseButton.LeftButton)
    assert panel.setup.values().keys() == {"name", "data", "data_b"}
    assert list(panel.setup.zones) == ["data", "data_b"]
    assert panel.setup.zones["data"].browse.hasFocus()


def test_arrow_keys_go_through_the_cards_and_enter_chooses(qtbot, panel: TrainPanel) -> None:
    cards = panel.stage.gallery.cards
    cards["train-lesson"].setFocus()
    qtbot.keyClick(cards["train-lesson"], Qt.Key.Key_Right)
    assert cards["train-pair"].hasFocus()
    qtbot.keyClick(cards["train-pair"], Qt.Key.Key_Return)
    assert panel.setup.values().keys() == {"name", "data", "data_b"}


def test_a_folder_is_looked_at_and_told_of(qtbot, panel: TrainPanel, pictures: Path) -> None:
    ready(qtbot, panel, pictures)
    report = panel.stage.reports["data"]
    assert panel.stage.currentWidget() is panel.stage.page
    assert report.report is not None
    assert report.report.summary["files"] == 4
    lines = [button.text() for button in report.findChildren(QPushButton) if button.property("role") == "drawer"]
    assert lines == ["Files that cannot be used: 1", "Copies of other files: 1", "Captions of some of the pictures"]
    qtbot.waitUntil(lambda: len(report.wall.glimpses) == 4)
    qtbot.waitUntil(lambda: len(report.varied_wall.rows) == 3)
    assert all(len(row) == 6 for row in report.varied_wall.rows)
    panel.setup.form.set_values({"flip": False})
    qtbot.waitUntil(lambda: report.varied_wall.isHidden())
    assert panel.setup.go.isEnabled()
    assert panel.setup.name.placeholderText() == "Blätter"


def test_the_list_of_broken_files_opens(qtbot, panel: TrainPanel, pictures: Path) -> None:
    ready(qtbot, panel, pictures)
    report = panel.stage.reports["data"]
    line = next(b for b in report.findChildren(QPushButton) if b.text().startswith("Files that cannot"))
    qtbot.waitUntil(line.isVisible)
    qtbot.mouseClick(line, Qt.MouseButton.LeftButton)
    lines = line.parentWidget()
    assert isinstance(lines, ConcernList)
    shown = lines.list
    assert shown is not None
    assert shown.item(0).text().startswith("broken.png — ")
    assert shown.isVisibleTo(panel)


def test_an_empty_folder_cannot_be_learned_from(qtbot, panel: TrainPanel, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ready(qtbot, panel, tmp_path / "empty")
    assert not panel.setup.go.isEnabled()
    assert "no picture" in panel.setup.state.text()


def test_a_folder_that_is_gone_is_said(qtbot, panel: TrainPanel, tmp_path: Path) -> None:
    panel.setup.recipe.choose("train-lesson")
    panel.setup.take_folder(tmp_path / "gone")
    qtbot.waitUntil(lambda: panel.stage.reports["data"].error is not None)
    assert not panel.setup.go.isEnabled()
    assert "not there" in panel.setup.state.text()
    (tmp_path / "gone").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "gone" / "one.png")
    qtbot.mouseClick(panel.stage.reports["data"].again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(panel.setup.go.isEnabled)


def test_nothing_is_looked_at_before_it_can_be_seen(qtbot, panel: TrainPanel, studio, pictures: Path) -> None:
    ready(qtbot, panel, pictures)
    state = panel.save_state()
    other = TrainPanel(studio)
    qtbot.addWidget(other)
    other.restore_state(state)
    report = other.stage.reports["data"]
    assert report.folder == pictures
    assert not report.look.busy
    other.show()
    qtbot.waitUntil(lambda: report.report is not None)


def test_looking_can_be_stopped_and_training_started_all_the_same(qtbot, panel: TrainPanel, pictures: Path) -> None:
    panel.setup.recipe.choose("train-lesson")
    panel.setup.take_folder(pictures)
    report = panel.stage.reports["data"]
    report.stop()
    assert report.report is None
    assert "Stopped" in report.stage.text()
    assert panel.setup.go.isEnabled()


def test_a_recipe_for_texts_reads_texts(qtbot, panel: TrainPanel, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.md").write_text("# Mond\n\n床前明月光，疑是地上霜。" * 3, encoding="utf-8")
    (folder / "b.txt").write_text("It was a quiet evening and nobody spoke of it. " * 5, encoding="utf-8")
    panel.setup.recipe.choose("train-reader")
    panel.setup.take_folder(folder)
    report = panel.stage.reports["data"]
    qtbot.waitUntil(lambda: report.report is not None)
    assert report.report is not None
    assert report.report.summary["documents"] == 2
    assert "quiet evening" in report.excerpts.text()
    assert report.wall.isHidden()


def test_what_is_missing_is_said_before_the_start(qtbot, panel: TrainPanel, pictures: Path, monkeypatch) -> None:
    setup = panel.setup
    setup.recipe.choose("train-reader")
    setup.take_folder(pictures.parent)
    assert "Choose “Model”" in setup.why_not()
    monkeypatch.setattr(left_side, "missing_engine", lambda needs: StudioError("x", code="y") if needs else None)
    setup.recipe.choose("train-pair")
    assert setup.engine_note.isVisibleTo(panel)
    assert "Install the engine" in setup.state.text()
    with qtbot.waitSignal(panel.installRequested):
        setup.engine_note.button.click()
    monkeypatch.setattr(left_side, "missing_engine", lambda needs: None)
    qtbot.waitUntil(setup.engine_note.isHidden)  # found by itself
    setup.zones["data"].set_value(str(pictures))
    assert "Choose a folder for “To”" in setup.why_not()
    setup.zones["data_b"].set_value(str(pictures))
    assert "the same" in setup.why_not()


def test_a_folder_dropped_anywhere_becomes_the_data(qtbot, panel: TrainPanel, pictures: Path) -> None:
    panel.show_mode(RUNS)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(pictures))])
    where = (QPointF(300, 300).toPoint(), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton)
    panel.dragEnterEvent(QDragEnterEvent(*where, Qt.KeyboardModifier.NoModifier))
    assert panel._veil.isVisibleTo(panel)
    panel.dropEvent(
        QDropEvent(QPointF(300, 300), *where[1:], Qt.KeyboardModifier.NoModifier, QEvent.Type.Drop),
    )
    assert panel._veil.isHidden()
    qtbot.waitUntil(lambda: panel.setup.folders() == {"data": str(pictures)})
    assert panel.mode == NEW
    with qtbot.waitSignal(panel.noticed) as said:
        panel.take_drop(Payload(paths=(pictures / "copy.png",)))
    assert "Drop the folder" in said.args[0]
    panel.setup.recipe.choose("train-pair")
    assert panel.setup.folders() == {"data": str(pictures), "data_b": ""}
    panel.take_drop(Payload(paths=(pictures.parent,)))
    qtbot.waitUntil(lambda: panel.setup.folders()["data_b"] == str(pictures.parent))
    assert not any(edit.acceptDrops() for edit in panel.setup.findChildren(QLineEdit))


def test_a_dropped_path_on_a_disk_that_sleeps_stops_nothing(
    qtbot, panel: TrainPanel, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    awake, asked = threading.Event(), list[int]()

    def is_dir(_path: Path) -> bool:
        asked.append(threading.get_ident())
        return awake.wait(20)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "is_dir", is_dir)
        panel.take_drop(Payload(paths=(pictures,)))
        panel.setup.zones["data"].take([pictures])
        assert panel.setup.folders() == {"data": ""}
        qtbot.waitUntil(lambda: len(asked) == 2)
        assert threading.get_ident() not in asked
        awake.set()
    qtbot.waitUntil(lambda: panel.setup.folders() == {"data": str(pictures)})


def test_each_recipe_keeps_what_was_said_for_it(panel: TrainPanel, pictures: Path) -> None:
    setup = panel.setup
    setup.recipe.choose("train-lesson")
    setup.take_folder(pictures)
    setup.name.setText("Mine")
    setup.licence.setEditText("CC0-1.0")
    setup.recipe.choose("train-reader")
    assert setup.name.text() == ""
    assert setup.folders() == {"data": ""}
    setup.recipe.choose("train-lesson")
    assert (setup.name.text(), setup.licence.currentText(), setup.folders()) == (
        "Mine",
        "CC0-1.0",
        {"data": str(pictures)},
    )


def test_the_state_is_remembered_and_damaged_ones_do_no_harm(qtbot, panel: TrainPanel, studio, pictures: Path) -> None:
    ready(qtbot, panel, pictures)
    panel.setup.name.setText("Mine")
    state = json.loads(json.dumps(panel.save_state()))
    other = TrainPanel(studio)
    qtbot.addWidget(other)
    other.restore_state(state)
    assert other.setup.name.text() == "Mine"
    assert other.setup.folders() == {"data": str(pictures)}
    for wrong in ({"setup": 3, "mode": [], "run": 7, "view": 1}, {"setup": {"kept": {"train-lesson": 4}, "recipe": 1}}):
        other.restore_state(wrong)


# -- runs


def test_a_training_is_started_watched_and_done(qtbot, panel: TrainPanel, studio: Studio, pictures: Path) -> None:
    id = begin(qtbot, panel, pictures, steps=5)
    assert panel.mode == RUNS
    assert [item.id for item in panel.list.chosen_items()] == [id]
    job = studio.job(id)
    assert job is not None
    assert job.request.kind == "training"
    assert job.request.prompt == job.request.params["name"] == "Leaves"
    assert job.request.params["data"] == str(pictures)
    qtbot.waitUntil(lambda: state(panel, id) == "done" and run_of(panel, id).step == 5)
    assert panel.header.title.text() == "Leaves"
    assert panel.acts["round"].isEnabled()
    assert panel.acts["delete"].isEnabled()
    assert not panel.acts["pause"].isEnabled()
    assert "5 steps" in panel.header.about.text()


def test_pause_and_go_on(qtbot, panel: TrainPanel, pictures: Path) -> None:
    id = begin(qtbot, panel, pictures, steps=400, pause_ms=20)
    qtbot.waitUntil(lambda: state(panel, id) == "running" and panel.acts["finish"].isEnabled())
    assert panel.header.buttons["pause"].isVisibleTo(panel)
    assert not panel.acts["delete"].isEnabled()
    with qtbot.waitActive(panel):
        panel.activateWindow()
    panel.header.buttons["pause"].setFocus()
    qtbot.keyClick(panel.header.buttons["pause"], Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: state(panel, id) == "paused" and run_of(panel, id).step > 0)
    reached = run_of(panel, id).step
    assert panel.header.buttons["resume"].isVisibleTo(panel)
    assert panel.header.buttons["resume"].hasFocus()  # and not Cancel, which stood beside the button pressed
    panel.acts["resume"].trigger()
    qtbot.waitUntil(lambda: state(panel, id) == "running" and panel.acts["finish"].isEnabled())
    panel.header.buttons["finish"].setFocus()
    panel.header.buttons["finish"].click()
    if state(panel, id) == "running":
        assert panel.acts["finish"].text() == "Finishing…"
        assert not panel.acts["finish"].isEnabled()
        assert panel.header.buttons["finish"].isVisibleTo(panel)
        assert panel.header.state.text() == "Finishing…"
        assert not panel.header.buttons["stop"].hasFocus()  # a second press would end it
    qtbot.waitUntil(lambda: state(panel, id) == "done" and run_of(panel, id).model != "")
    assert reached <= run_of(panel, id).step < 400
    assert panel.acts["finish"].text() == "Finish now"


def test_the_progress_of_a_timed_training_is_no_number_of_steps(qtbot, panel: TrainPanel, pictures: Path) -> None:
    progress = Progress(0, 1, 356, 1500, "Learning")
    item = RunItem("1", "train-lesson", "Leaves", 1.0, pictures, "running", 68, 1500, wanted=1500)
    assert step_text(item, progress) == "356 / 1,500"
    assert step_text(replace(item, timed=True), progress) == "23 %"
    assert step_text(replace(item, timed=True, state="paused"), progress) == "68 / 1,500"
    id = begin(qtbot, panel, pictures, steps=400, pause_ms=20, minutes=5.0)
    qtbot.waitUntil(lambda: state(panel, id) == "running" and "%" in panel.header.about.text())
    panel.acts["stop"].trigger()


def test_a_failed_training_says_why_and_can_go_on(qtbot, panel: TrainPanel, studio: Studio, pictures: Path) -> None:
    id = begin(qtbot, panel, pictures, steps=5, fail=True)
    qtbot.waitUntil(lambda: state(panel, id) == "failed")
    qtbot.waitUntil(lambda: "too hard" in panel.header.about.text())
    assert panel.acts["resume"].isEnabled()
    panel.acts["resume"].trigger()
    qtbot.waitUntil(lambda: any(job.id == id and job.state is not JobState.FAILED for job in studio.jobs()))
    qtbot.waitUntil(lambda: state(panel, id) == "failed")


def test_the_next_round_begins_from_the_last(qtbot, panel: TrainPanel, pictures: Path) -> None:
    first = begin(qtbot, panel, pictures, steps=30, size="64")
    qtbot.waitUntil(lambda: state(panel, first) == "done" and run_of(panel, first).step == 30)
    panel.setup.form.set_values({"size": "32"})
    panel.acts["round"].trigger()
    assert panel.mode == NEW
    values = panel.setup.values()
    assert (values["start"], values["name"], values["size"]) == (first, "Leaves 2", "64")
    assert panel.setup.start.isVisibleTo(panel)
    assert "About 15 s" in panel.setup.state.text()  # half a second a step, as the record says
    panel.setup.form.set_values({"minutes": 0.1})
    assert "Ends after 6 s" in panel.setup.state.text()
    panel.start()
    qtbot.waitUntil(lambda: len(panel.list.items()) == 2)
    second = next(item.id for item in panel.list.items() if item.id != first)
    qtbot.waitUntil(lambda: state(panel, second) == "done")
    assert RunFolder(run_of(panel, second).folder).info()["request"]["params"]["start"] == first
    assert panel.setup.values()["start"] == ""  # only when it is asked for


def test_the_time_it_takes_is_told_by_runs_that_were_as_much_work(
    qtbot, panel: TrainPanel, studio: Studio, pictures: Path
) -> None:
    first = begin(qtbot, panel, pictures, steps=40, size="64")
    qtbot.waitUntil(lambda: state(panel, first) == "done" and run_of(panel, first).step == 40)
    qtbot.waitUntil(lambda: first in panel.source.params)
    panel.show_mode(NEW)
    panel.setup.form.set_values({"steps": 120})
    assert "About 60 s" in panel.setup.state.text()  # half a second a step
    panel.setup.form.set_values({"size": "32"})
    assert panel.setup.estimate() == ""
    studio.devices.show((Device("cpu", "Processor", "cpu", 8, 4),))
    assert "on the processor" in panel.setup.state.text()
    studio.devices.show((Device("cuda:0", "Card", "cuda", 8, 4),))
    assert panel.setup.estimate() == ""


def test_another_project_begins_with_an_empty_form(qtbot, panel: TrainPanel, studio, pictures: Path, tmp_path) -> None:
    ready(qtbot, panel, pictures)
    panel.setup.name.setText("Mine")
    panel.setup.licence.setEditText("MIT")
    with qtbot.waitSignal(studio.projectOpened):
        studio.create_project(tmp_path / "other", "Other")
    values = panel.setup.values()
    assert (values["data"], values["licence"], panel.setup.name.text()) == ("", "", "")
    assert panel.stage.currentWidget() is panel.stage.gallery


def test_runs_are_deleted_after_a_question(qtbot, panel: TrainPanel, studio: Studio, pictures: Path) -> None:
    id = begin(qtbot, panel, pictures, steps=2)
    qtbot.waitUntil(lambda: state(panel, id) == "done" and panel.acts["delete"].isEnabled())
    folder = run_of(panel, id).folder
    panel.acts["delete"].trigger()
    (dialog,) = panel.findChildren(ConfirmDialog)
    assert "Leaves" in dialog.text.text()
    dialog.reject()
    assert folder.exists()
    panel.acts["delete"].trigger()
    panel.findChildren(ConfirmDialog)[-1].go.click()
    qtbot.waitUntil(lambda: not folder.exists())
    assert panel.list.items() == []
    assert panel._work.currentWidget() is panel._empty


def test_the_question_names_what_waits_for_a_run(qtbot, panel: TrainPanel, studio: Studio, pictures: Path) -> None:
    first = begin(qtbot, panel, pictures, steps=2)
    qtbot.waitUntil(lambda: state(panel, first) == "done" and run_of(panel, first).step == 2)
    studio.pause_all(True)
    panel.acts["round"].trigger()
    panel.start()
    qtbot.waitUntil(lambda: len(panel.list.items()) == 2)
    panel.list.choose(first)
    qtbot.waitUntil(panel.acts["delete"].isEnabled)
    panel.acts["delete"].trigger()
    (dialog,) = panel.findChildren(ConfirmDialog)
    assert ["Leaves 2" in label.text() for label in dialog.more] == [True]
    dialog.reject()


def test_a_wish_to_read_survives_a_read_that_fails(
    qtbot, panel: TrainPanel, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    qtbot.waitUntil(lambda: not panel.source._reading and not panel.source._timer.isActive())
    reads = list[int]()

    def runs(_folder: Path) -> list[object]:
        reads.append(len(reads))
        if len(reads) == 1:
            panel.source._again = True
            raise OSError("the disk was away")
        return []

    monkeypatch.setattr(run_source, "runs", runs)
    panel.source.refresh()
    qtbot.waitUntil(lambda: len(reads) == 2)


def test_runs_of_an_opened_project_are_there(
    qtbot, panel: TrainPanel, studio: Studio, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = begin(qtbot, panel, pictures, steps=2)
    qtbot.waitUntil(lambda: state(panel, id) == "done" and run_of(panel, id).step == 2)
    folder = run_of(panel, id).folder.parents[1]
    studio.clear_finished()
    qtbot.waitUntil(lambda: studio.jobs() == [])
    with qtbot.waitSignal(studio.projectClosed):
        studio.close_project()
    assert panel.list.items() == []
    with qtbot.waitSignal(studio.projectOpened):
        studio.open_project(folder)
    qtbot.waitUntil(lambda: [item.id for item in panel.list.items()] == [id])
    assert state(panel, id) == "done"
    with monkeypatch.context() as patch:  # it was read already, in another thread
        patch.setattr(RunFolder, "info", lambda _self: pytest.fail("read in the window's thread"))
        panel.acts["again"].trigger()
    assert panel.setup.values()["steps"] == 2
    assert panel.setup.values()["name"] == "Leaves"


def test_a_recipe_of_a_model_fills_the_form(panel: TrainPanel, pictures: Path) -> None:
    params = {"name": "From history", "data": str(pictures), "steps": 77, "licence": "MIT", "start": "gone-run"}
    request = Request("training", "train", "train-lesson", params=params, seed=5)
    panel.reuse({"request": request.to_json(), "seed": 5, "use": ["settings", "seed"]})
    values = panel.setup.values()
    assert {id: values[id] for id in params} == params
    assert panel.setup.request().seed == 5
    panel.setup.form.set_values({"steps": 3})
    panel.reuse({"request": request.to_json(), "seed": 9, "use": ["seed"]})
    assert panel.setup.values()["steps"] == 3
    assert panel.setup.request().seed == 9


def test_settings_of_a_model_of_this_project_come_with_the_whole_place_of_the_data(
    qtbot, panel: TrainPanel, studio: Studio, pictures: Path
) -> None:
    """Its file names the folder only."""
    id = begin(qtbot, panel, pictures, steps=1)
    qtbot.waitUntil(lambda: state(panel, id) == "done")
    request = Request("training", "train", "train-lesson", params={"data": str(pictures), "steps": 1}, seed=5)
    recipe = {"request": request.public().to_json(), "job_id": id, "seed": 5}
    assert recipe["request"]["params"]["data"] == pictures.name
    fresh = TrainPanel(studio)  # which has read no run yet
    qtbot.addWidget(fresh)
    for each in (panel, fresh):
        each.reuse(recipe)
        assert each.setup.values()["data"] == str(pictures)


def test_several_runs_are_shown_side_by_side(qtbot, panel: TrainPanel, pictures: Path, monkeypatch) -> None:
    shown: list[list[Path]] = []
    monkeypatch.setattr(panel.view, "show_runs", shown.append, raising=False)
    ids = [begin(qtbot, panel, pictures, steps=1) for _ in range(2)]
    qtbot.waitUntil(lambda: all(state(panel, id) == "done" for id in ids))
    panel.list.selectAll()
    assert [folder.name for folder in shown[-1]] == [item.id for item in panel.list.items()]
    assert "2" in panel.header.title.text()
    assert not panel.acts["pause"].isEnabled()
    assert panel.acts["delete"].isEnabled()


def test_the_left_column_keeps_its_width(qtbot, panel: TrainPanel, pictures: Path) -> None:
    panel.resize(900, 620)
    begin(qtbot, panel, pictures, steps=400, pause_ms=20)
    qtbot.waitUntil(lambda: panel.acts["finish"].isEnabled())
    widths = []
    for mode in (NEW, RUNS, NEW):
        panel.show_mode(mode)
        qtbot.wait(20)
        widths.append(panel.splitter.sizes()[0])
    assert len(set(widths)) == 1
    panel.show_mode(RUNS)
    shown = [button for button in panel.header.buttons.values() if button.isVisible()]
    assert all(panel.header.rect().contains(button.geometry()) for button in shown)
    panel.acts["stop"].trigger()


def test_few_pictures_are_told_before_the_start(qtbot, panel: TrainPanel, pictures: Path) -> None:
    ready(qtbot, panel, pictures)
    qtbot.waitUntil(lambda: "Only few pictures" in panel.setup.hint.text())
    assert panel.setup.hint.isVisible()
    assert panel.setup.go.isEnabled()


def test_only_the_new_training_is_chosen_when_ctrl_is_held(qtbot, panel: TrainPanel, pictures: Path) -> None:
    first, second = begin(qtbot, panel, pictures, steps=2), begin(qtbot, panel, pictures, steps=2)
    qtbot.waitUntil(lambda: state(panel, second) == "done")
    panel.list.selectAll()
    qtbot.keyPress(panel, Qt.Key.Key_Control, Qt.KeyboardModifier.ControlModifier)
    try:
        assert panel.list.choose(first)
    finally:
        qtbot.keyRelease(panel, Qt.Key.Key_Control)
    assert [item.id for item in panel.list.chosen_items()] == [first]


def test_the_panel_speaks_both_languages(qtbot, panel: TrainPanel, pictures: Path, qapp) -> None:
    ready(qtbot, panel, pictures)
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: panel.setup.go.text() == "开始训练")
    report = panel.stage.reports["data"]
    qtbot.waitUntil(lambda: "无法使用的文件：1" in [each.text() for each in report.findChildren(QPushButton)])
    assert panel.acts["new"].text() == "新训练"
    switch_language(qapp, "en")
    qtbot.waitUntil(lambda: panel.setup.go.text() == "Start training")

"""Watching a run through a real Studio: read while it grows, told in words, compared, left."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt

from aigc_studio.core.jobs import JobState
from aigc_studio.core.runs import RunFolder
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.training.watch import RunView

from .kit import append_lines, begin_run, finish_run, learn


@pytest.fixture
def view(qtbot, studio: Studio) -> RunView:
    view = RunView(studio)
    qtbot.addWidget(view)
    view.resize(600, 480)
    view.show()
    return view


@pytest.fixture
def run(studio: Studio) -> RunFolder:
    assert studio.info is not None
    return begin_run(studio.info.folder / "training" / "aaaa1111")


def test_nothing_and_a_run_without_a_first_step(qtbot, view: RunView, run: RunFolder) -> None:
    view.show_run(None)
    assert view.facts.isHidden()
    assert view.curves.stack.currentWidget() is view.curves.empty
    view.show_run(run.path)
    qtbot.waitUntil(lambda: view.readers[0].complete)
    for id in ("curves", "samples", "rate", "results"):
        view.show_tab(id)
        assert view.pages[id].findChild(type(view.curves.empty)).isVisible()
    view.show_run(run.path.parent / "gone")
    qtbot.waitUntil(lambda: view.readers[0].complete)
    assert view.facts.isHidden()


def test_a_run_is_followed_while_it_grows(qtbot, view: RunView, run: RunFolder) -> None:
    learn(run, 1, 40)
    view.show_run(run.path)
    qtbot.waitUntil(lambda: view.readers[0].record.last == 40)
    qtbot.waitUntil(lambda: view.facts.text("step") == "40 of 100")
    assert view.facts.text("speed") == "80.5 pictures/s"
    assert view.facts.text("memory") == "600 MB"
    assert view.facts.text("left") == "30 s"  # 60 steps of half a second
    assert [shot.step for shot in view.strip.shots] == [20, 40]
    learn(run, 41, 80)
    qtbot.waitUntil(lambda: view.readers[0].record.last == 80)
    qtbot.waitUntil(lambda: view.facts.text("left") == "10 s")
    assert view.strip.shot is not None
    assert view.strip.shot.step == 80  # it was at the newest one


def test_what_was_lost_in_a_crash_leaves_the_curves_and_the_strip(qtbot, view: RunView, run: RunFolder) -> None:
    learn(run, 1, 60)
    view.show_run(run.path)
    qtbot.waitUntil(lambda: len(view.strip.shots) == 3)
    append_lines(run, [{"step": 30, "event": "resume"}])
    qtbot.waitUntil(lambda: view.readers[0].record.last == 30)
    assert [shot.step for shot in view.strip.shots] == [20]
    assert view.readers[0].record.series["loss"].steps.max() == 30


def test_the_end_and_its_reason_are_said(qtbot, view: RunView, run: RunFolder, tmp_path: Path) -> None:
    learn(run, 1, 100)
    finish_run(run, tmp_path / "model", held_out_error=0.25)
    view.show_run(run.path)
    qtbot.waitUntil(lambda: "all steps" in view.facts.notes.text())
    assert view.facts.text("left") == ""
    qtbot.waitUntil(lambda: bool(view.results.samples))
    assert view.ratings.samples.rowCount() == 6
    assert view.figures.table.rows[0].value == "0.25"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("paused", "Stopped"),
        ("training-nan", "not a number"),
        ("disk", "disk is full"),
        ("asked", "asked"),
        ("x9", "x9"),
    ],
)
def test_each_end_has_its_sentence(qtbot, view: RunView, run: RunFolder, reason: str, words: str) -> None:
    learn(run, 1, 3)
    append_lines(run, [{"step": 3, "event": "stop", "reason": reason}])
    run.update(state={"name": "stopped", "step": 3, "steps": 100, "seconds": 1.0})
    view.show_run(run.path)
    qtbot.waitUntil(lambda: words in view.facts.notes.text())


def test_notices_are_said_in_the_persons_language(qtbot, view: RunView, run: RunFolder, qapp) -> None:
    learn(run, 1, 3)
    text = "The memory was too small for a batch at once; it is learned in {count} pieces now, more slowly."
    append_lines(run, [{"step": 3, "event": "notice", "text": text, "params": {"count": 4}}] * 2)
    view.show_run(run.path)
    qtbot.waitUntil(lambda: "in 4 pieces" in view.facts.notes.text())
    assert view.facts.notes.text().count("in 4 pieces") == 1
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: "分成 4 份" in view.facts.notes.text())
    assert view.tabs.tabText(0) == "曲线"
    switch_language(qapp, "en")
    qtbot.waitUntil(lambda: view.tabs.tabText(0) == "Curves")


def test_another_run_replaces_all_of_the_former_one(qtbot, view: RunView, run: RunFolder, tmp_path: Path) -> None:
    learn(run, 1, 100)
    finish_run(run, tmp_path / "model")
    other = begin_run(run.path.parent / "bbbb2222", title="Other")
    learn(other, 1, 5, every=2)
    view.show_run(run.path)
    view.show_run(other.path)  # while the first one is being read
    qtbot.waitUntil(lambda: view.readers[0].complete and len(view.strip.shots) == 2)
    assert view.facts.text("step") == "5 of 100"
    assert view.ratings.samples.rowCount() == 0
    assert view.results.model is None


def test_runs_are_put_beside_each_other(qtbot, view: RunView, run: RunFolder) -> None:
    learn(run, 1, 50)
    other = begin_run(run.path.parent / "bbbb2222", title="Other", rate=0.01)
    learn(other, 1, 30, level=3.0)
    view.show_runs([run.path, other.path])
    qtbot.waitUntil(lambda: all(reader.complete and reader.info for reader in view.readers))
    assert [view.tabs.tabData(place) for place in range(view.tabs.count())] == ["curves", "table"]
    assert view.facts.isHidden()
    qtbot.waitUntil(lambda: set(view.curves.chips.buttons) == {"run/aaaa1111", "run/bbbb2222"})
    assert [button.text() for button in view.curves.chips.buttons.values()] == ["Leaves", "Other"]
    view.show_tab("table")
    rows = {row[0]: row[1:] for row in view.table.rows()}
    assert rows["Steps"] == ["50", "30"]
    assert "rate" in {key.lower() for key in rows} or "Learning rate" in rows
    view.show_run(run.path)
    assert [view.tabs.tabData(place) for place in range(view.tabs.count())][1] == "samples"


def test_runs_of_one_name_are_told_apart(qtbot, view: RunView, run: RunFolder) -> None:
    other = begin_run(run.path.parent / "bbbb2222", steps=50)
    learn(run, 1, 20)
    learn(other, 1, 20)
    view.show_runs([run.path, other.path])
    qtbot.waitUntil(lambda: all(reader.complete and reader.info for reader in view.readers))
    qtbot.waitUntil(lambda: len(view.curves.chips.buttons) == 2)
    names = [button.text() for button in view.curves.chips.buttons.values()]
    assert len(set(names)) == 2
    assert all(name.startswith("Leaves  ·  ") for name in names)
    view.show_tab("table")
    heads = [view.table.table.horizontalHeaderItem(place) for place in (1, 2)]
    assert [head.text() for head in heads if head is not None] == names


def test_a_run_that_was_killed_is_not_said_to_go_on(qtbot, view: RunView, run: RunFolder) -> None:
    learn(run, 1, 40)
    os.utime(run.path / "log.jsonl", (1e9, 1e9))
    view.show_run(run.path)
    qtbot.waitUntil(lambda: view.readers[0].complete and view.facts.text("step") == "40 of 100")
    assert view.facts.text("left") == ""
    assert not view._timer.isActive()


def test_a_sample_stands_beside_the_curves_where_there_is_room(qtbot, view: RunView, run: RunFolder) -> None:
    learn(run, 1, 60)
    view.show_run(run.path)
    qtbot.waitUntil(lambda: len(view.strip.shots) == 3)
    assert not view.glance.isVisible()
    view.resize(1000, 480)
    qtbot.waitUntil(view.glance.isVisible)
    assert view.glance.title.text() == "Sample after step 60"
    qtbot.waitUntil(lambda: view.curves.plot is not None and "loss" in view.curves.plot._items)
    assert view.curves.plot is not None
    view.curves.plot.point_at(22.0)
    assert view.glance.title.text() == "Sample after step 20"
    qtbot.mouseClick(view.glance, Qt.MouseButton.LeftButton)
    assert view.tab == "samples"
    assert view.strip.shot is not None
    assert view.strip.shot.step == 20


def test_the_place_is_remembered_and_wrong_states_do_no_harm(qtbot, view: RunView, studio: Studio) -> None:
    view.show_tab("samples")
    view.curves.log.setChecked(True)
    view.curves.smooth.setValue(80)
    state = view.save_state()
    other = RunView(studio)
    qtbot.addWidget(other)
    other.restore_state(state)
    assert (other.tab, other.curves.log.isChecked(), other.curves.smooth.value()) == ("samples", True, 80)
    for wrong in ({"tab": 3, "curves": []}, {"tab": "nothing", "curves": {"group": 1, "smooth": "x", "shown": [1]}}):
        other.restore_state(wrong)


def test_the_tabs_by_the_keyboard(qtbot, view: RunView, run: RunFolder, tmp_path: Path) -> None:
    view.show_run(run.path)
    view.activateWindow()
    view.tabs.setFocus()
    qtbot.keyClick(view.tabs, Qt.Key.Key_Right)
    assert view.tab == "samples"
    qtbot.waitUntil(view.isActiveWindow)
    learn(run, 1, 20)
    finish_run(run, tmp_path / "model")
    view.show_run(run.path.parent / "gone")
    view.show_run(run.path)
    qtbot.waitUntil(lambda: bool(view.results.samples))
    qtbot.keyClick(view.tabs, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    assert view.tab == "rate"
    assert view.ratings.grid.hasFocus()
    qtbot.keyClick(view.ratings.grid, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: view.curves.plot is not None)
    qtbot.keyClick(view, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    assert view.strip.slider.hasFocus()
    qtbot.mouseClick(view.tabs, Qt.MouseButton.LeftButton, pos=view.tabs.tabRect(2).center())
    qtbot.waitUntil(view.ratings.grid.hasFocus)  # K and R are heard at once
    assert view.tab == "rate"


def test_nothing_is_read_while_nobody_looks(qtbot, view: RunView, run: RunFolder) -> None:
    learn(run, 1, 10)
    view.show_run(run.path)
    qtbot.waitUntil(lambda: view.readers[0].complete)
    qtbot.waitUntil(view._timer.isActive)
    view.hide()
    assert not view._timer.isActive()
    learn(run, 11, 20)
    view.show()
    qtbot.waitUntil(lambda: view.readers[0].record.last == 20)


def test_a_run_that_is_deleted_while_one_looks_empties_nothing_but_itself(
    qtbot, view: RunView, run: RunFolder, tmp_path: Path
) -> None:
    learn(run, 1, 40)
    finish_run(run, tmp_path / "model")
    view.show_run(run.path)
    qtbot.waitUntil(lambda: bool(view.results.samples) and len(view.strip.shots) == 2)
    run.delete()
    view._poll()
    qtbot.waitUntil(lambda: view.readers[0].info == {} and not view.results.samples)
    view.show_tab("rate")
    assert view.ratings.empty.isVisible()
    view.show_run(None)
    assert view.facts.isHidden()


def test_of_a_run_that_goes_on_the_curves_are_shown_first(qtbot, view: RunView, run: RunFolder, monkeypatch) -> None:
    learn(run, 1, 40)
    view.show_tab("rate")
    state = SimpleNamespace(state=JobState.RUNNING)
    monkeypatch.setattr(RunView, "_job", lambda _self, reader: state if reader.folder.path == run.path else None)
    view.show_run(run.path)
    assert view.tab == "curves"
    qtbot.waitUntil(lambda: view.facts.text("left") == "30 s")
    run.ask_to_finish()
    qtbot.waitUntil(lambda: view.facts.text("left") == "")
    append_lines(run, [{"step": 40, "event": "end", "reason": "asked"}])  # now it makes its model
    qtbot.waitUntil(lambda: "asked" in view.facts.notes.text())
    assert view.facts.text("left") == ""
    view.show_run(begin_run(run.path.parent / "other").path)
    assert view.tab == "rate"


def test_the_next_round_waits_for_the_queue_not_only_for_the_record(
    qtbot, view: RunView, run: RunFolder, studio: Studio, tmp_path: Path, monkeypatch
) -> None:
    learn(run, 1, 40)
    finish_run(run, tmp_path / "model")
    job = SimpleNamespace(state=JobState.RUNNING)
    monkeypatch.setattr(RunView, "_job", lambda _self, _reader: job)
    view.show_run(run.path)
    qtbot.waitUntil(lambda: view.ratings.samples.rowCount() == 6)
    assert not view.ratings.round.isEnabled()
    job.state = JobState.DONE
    studio.jobFinished.emit(run.path.name, job)
    qtbot.waitUntil(view.ratings.round.isEnabled)

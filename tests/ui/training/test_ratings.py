"""Rating by keys and buttons, kept on the disk, with undo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy

from aigc_studio.core.runs import KEEP, REJECT, RunFolder
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.training.ratings import RatingsView
from aigc_studio.ui.training.results import read_results

from .kit import begin_run, finish_run


@pytest.fixture
def run(studio: Studio, tmp_path: Path) -> RunFolder:
    assert studio.info is not None
    run = begin_run(studio.info.folder / "training" / "aaaa1111")
    finish_run(run, tmp_path / "model")
    return run


@pytest.fixture
def view(qtbot, studio: Studio, run: RunFolder) -> RatingsView:
    view = RatingsView(studio)
    qtbot.addWidget(view)
    view.resize(600, 340)
    view.show()
    view.show_results(run.path, read_results(run.path))
    view.choose(0)
    return view


def name(number: int) -> str:
    return f"samples/final/{number:04d}.png"


def test_keys_rate_and_go_on(qtbot, view: RatingsView, run: RunFolder) -> None:
    grid = view.grid
    qtbot.keyClick(grid, Qt.Key.Key_K)
    qtbot.keyClick(grid, Qt.Key.Key_R)
    qtbot.keyClick(grid, Qt.Key.Key_K)
    assert view.judgements.ratings == {name(0): KEEP, name(1): REJECT, name(2): KEEP}
    assert grid.currentIndex().row() == 3
    assert [button.text() for button in view.filters.buttons()] == ["All 6", "Open 3", "Kept 2", "Rejected 1"]
    qtbot.waitUntil(lambda: run.ratings() == {name(0): KEEP, name(1): REJECT, name(2): KEEP})
    qtbot.keyClick(grid, Qt.Key.Key_Left)
    qtbot.keyClick(grid, Qt.Key.Key_U)
    assert name(2) not in view.judgements.ratings
    assert grid.currentIndex().row() == 2
    qtbot.waitUntil(lambda: name(2) not in run.ratings())
    assert "1 samples" in view.hint.text() or "1 " in view.hint.text()


def test_several_at_once_and_undo(qtbot, view: RatingsView, run: RunFolder) -> None:
    qtbot.keyClick(view.grid, Qt.Key.Key_R)
    view.grid.selectAll()
    view.keep.click()
    assert view.judgements.count(KEEP) == 6
    qtbot.keyClick(view.grid, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert view.judgements.ratings == {name(0): REJECT}
    assert view.undo_button.isEnabled()
    view.undo_button.click()
    assert view.judgements.ratings == {}
    assert not view.undo_button.isEnabled()
    stored = run.path / "ratings.jsonl"
    qtbot.waitUntil(lambda: stored.exists() and stored.read_text().count("\n") == 1 + 6 + 6 + 1)
    assert run.ratings() == {}


def test_a_filter_shows_what_is_left_to_do(qtbot, view: RatingsView) -> None:
    view.show_filter("open")
    view.choose(0)
    for _ in range(6):
        qtbot.keyClick(view.grid, Qt.Key.Key_K)
    assert view.samples.rowCount() == 0
    assert view.body.currentWidget() is view.nothing
    view.show_filter(KEEP)
    assert view.samples.rowCount() == 6
    assert view.body.currentWidget() is view.grid


def test_looking_closely_and_rating_there(qtbot, view: RatingsView) -> None:
    qtbot.keyClick(view.grid, Qt.Key.Key_Return)
    assert view.body.currentWidget() is view.large
    picture = view.large.picture
    qtbot.waitUntil(lambda: picture.picture is not None)
    first = picture.picture
    qtbot.keyClick(picture, Qt.Key.Key_K)
    assert view.judgements.ratings == {name(0): KEEP}
    qtbot.waitUntil(lambda: picture.picture is not first)
    qtbot.keyClick(picture, Qt.Key.Key_Left)
    assert view.grid.currentIndex().row() == 0
    qtbot.keyClick(picture, Qt.Key.Key_Escape)
    assert view.body.currentWidget() is view.grid


def test_texts_are_rated_alike(qtbot, studio: Studio, view: RatingsView, tmp_path: Path) -> None:
    assert studio.info is not None
    run = begin_run(studio.info.folder / "training" / "texts")
    finish_run(run, tmp_path / "writer", texts=True)
    view.show_results(run.path, read_results(run.path))
    view.choose(1)
    qtbot.keyClick(view.grid, Qt.Key.Key_K)
    qtbot.waitUntil(lambda: run.ratings() == {"samples/final/0001.md": KEEP})
    view.choose(1)
    view.look()
    assert view.large.text.toPlainText() == "moon\n\ntext 1"


def test_a_full_disk_takes_the_rating_back_and_says_so(qtbot, studio: Studio, view: RatingsView, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunFolder, "rate", full)
    problems = QSignalSpy(studio.problem)
    qtbot.keyClick(view.grid, Qt.Key.Key_K)
    assert view.judgements.ratings == {name(0): KEEP}
    qtbot.waitUntil(lambda: view.judgements.ratings == {})
    assert problems.count() == 1


def test_what_is_read_again_does_not_undo_what_is_being_said(qtbot, view: RatingsView, run: RunFolder) -> None:
    before = read_results(run.path)
    qtbot.keyClick(view.grid, Qt.Key.Key_K)
    view.show_results(run.path, before)
    assert view.judgements.ratings == {name(0): KEEP}
    qtbot.waitUntil(lambda: run.ratings() == {name(0): KEEP})


def test_the_next_round(qtbot, view: RatingsView, run: RunFolder) -> None:
    with qtbot.waitSignal(view.roundWanted):
        qtbot.mouseClick(view.round, Qt.MouseButton.LeftButton)
    view.show_results(run.path, read_results(run.path), running=True)
    assert not view.round.isEnabled()
    view.show_results(None, read_results(run.path / "gone"))
    assert view.empty.isVisible()


def test_the_runs_own_keys_wait(qtbot, view: RatingsView) -> None:
    """N, R and U of the panel's actions are not meant while one rates."""
    from PySide6.QtGui import QAction, QKeySequence

    action = QAction(view)
    action.setShortcuts([QKeySequence("R"), QKeySequence("U")])
    action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    view.addAction(action)
    fired = QSignalSpy(action.triggered)
    view.activateWindow()
    view.grid.setFocus()
    qtbot.waitUntil(view.isActiveWindow)
    qtbot.keyClick(view.grid, Qt.Key.Key_R)
    assert fired.count() == 0
    assert view.judgements.ratings == {name(0): REJECT}


def test_nothing_is_said_in_a_project_that_can_only_be_read(
    qtbot, studio: Studio, view: RatingsView, run: RunFolder, monkeypatch
) -> None:
    info = studio.info
    assert info is not None
    monkeypatch.setattr(type(studio), "info", replace(info, read_only=True))
    view.show_results(run.path, read_results(run.path))
    qtbot.keyClick(view.grid, Qt.Key.Key_K)
    assert view.judgements.ratings == {}
    assert not view.keep.isEnabled()
    assert not view.round.isEnabled()
    assert "only be read" in view.hint.text()

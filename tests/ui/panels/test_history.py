"""The History panel over the real Studio: what was generated, how, and what can be done with it."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QDate, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QFormLayout

from aigc_studio.core.generations import GenerationQuery
from aigc_studio.core.i18n import set_language
from aigc_studio.core.jobs import JobState
from aigc_studio.core.requests import Request
from aigc_studio.engines import reproduce
from aigc_studio.engines.local import LocalEngine
from aigc_studio.ui.history.filters import since
from aigc_studio.ui.history.timeline import day_text
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.panels.history import HistoryPanel
from tests.ui.history.kit import Silence, fill, store


@pytest.fixture
def panel(qtbot, studio):
    panel = HistoryPanel(studio, output=Silence())
    qtbot.addWidget(panel)
    panel.resize(1100, 700)
    panel.show()
    yield panel
    panel._loader.wait()
    panel._list.forget()
    panel.details.loader.wait()
    panel._again.close()


@pytest.fixture
def made(qtbot, studio, panel) -> dict[str, list[str]]:
    """Ids of what `fill` stored; the panel shows it."""
    answers = []
    studio.store(fill, answers.append)
    qtbot.waitUntil(lambda: bool(answers) and panel._model.rowCount() == 4)
    return answers[0]


def prompts(panel) -> list[str]:
    return [row.prompt for number in range(panel._model.rowCount()) if (row := panel._model.row(number))]


def choose(panel, *numbers: int) -> None:
    panel._list.setCurrentIndex(panel._model.index(numbers[0], 0))
    selection = panel._list.selectionModel()
    for number in numbers[1:]:
        selection.select(panel._model.index(number, 0), selection.SelectionFlag.Select)
    panel._list.setFocus()


def test_an_empty_history_says_what_will_be_here(panel):
    assert panel._stack.currentWidget() is panel._empty
    assert not any(panel.acts[id].isEnabled() for id in panel.acts if id != "find")


def test_everything_is_listed_newest_first_and_the_newest_is_shown(panel, made):
    assert prompts(panel) == ["a red moon", "Once upon a time", "Good morning", "霓虹 blue waves"]
    assert panel.details.asset.id == made["edit"][0]
    row = panel._model.row(3)
    assert row.generation.made == 3
    assert "Seed 7" in row.summary
    text = panel._model.index(3, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert "霓虹 blue waves" in text
    panel._list.viewport().repaint()


def test_words_kind_model_and_time_filter(qtbot, panel, made):
    panel.filters.search.setText("海浪")
    qtbot.waitUntil(lambda: panel._stack.currentWidget() is panel._nothing)
    panel.filters.search.setText("moon")
    qtbot.waitUntil(lambda: prompts(panel) == ["a red moon"])
    panel._nothing.buttons[0].click()
    assert panel._model.rowCount() == 4
    panel.filters.kinds.button(2).click()
    assert prompts(panel) == ["Good morning"]
    panel.filters.clear()
    names = [panel.filters.model.itemText(row) for row in range(panel.filters.model.count())]
    assert names[0] == "All models"
    panel.filters.model.setCurrentIndex(names.index("Abstract painter"))
    panel.filters.model.activated.emit(0)
    assert prompts(panel) == ["a red moon", "霓虹 blue waves"]
    panel.filters.clear()
    panel.filters.time.setCurrentIndex(1)
    panel.filters.time.activated.emit(1)
    assert panel._stack.currentWidget() is panel._nothing


def test_days_begin_at_midnight():
    today = QDate(2026, 3, 5)
    start, end = since("yesterday", today)
    assert end - start == pytest.approx(86400)
    assert since("today", today) == (end, 0.0)
    assert since("week", today)[0] == pytest.approx(end - 6 * 86400)
    assert since("", today) == (0.0, 0.0)


def test_days_as_headings():
    today = QDate(2026, 3, 5)
    assert day_text(today, today) == "Today"
    assert day_text(today.addDays(-1), today) == "Yesterday"
    assert day_text(QDate(2026, 1, 2), today) == "2 Jan"
    set_language("zh_CN")
    assert day_text(QDate(2025, 1, 2), today) == "2025年1月2日"


def test_left_and_right_go_through_the_results_of_a_row(qtbot, panel, made):
    choose(panel, 3)
    assert panel.details.asset.id == made["pictures"][0]
    qtbot.keyClick(panel._list, Qt.Key.Key_Right)
    qtbot.keyClick(panel._list, Qt.Key.Key_Right)
    qtbot.keyClick(panel._list, Qt.Key.Key_Right)
    assert panel.details.asset.id == made["pictures"][2]
    assert panel.details.recipe["seed"] == 9
    qtbot.keyClick(panel._list, Qt.Key.Key_Left)
    assert panel.details.asset.id == made["pictures"][1]
    qtbot.keyClick(panel._list, Qt.Key.Key_Up)
    assert panel.details.asset.id == made["speech"][0]


def test_a_click_on_a_result_looks_at_it(qtbot, panel, made):
    rect = panel._list.cell_rect(3)
    strip = panel._list._strip(rect, panel._model.row(3))
    assert [asset.id for _, asset in strip] == made["pictures"]
    qtbot.mouseClick(panel._list.viewport(), Qt.MouseButton.LeftButton, pos=strip[2][0].center())
    assert panel.details.asset.id == made["pictures"][2]


@pytest.mark.parametrize(
    ("id", "use"), [("use_all", None), ("use_prompt", ["prompt"]), ("use_seed", ["seed"])], ids=lambda value: str(value)
)
def test_the_recipe_or_a_part_of_it_is_used_again(panel, made, id, use):
    choose(panel, 3)
    asked = QSignalSpy(panel.reuseRequested)
    panel.acts[id].trigger()
    recipe = asked.at(0)[0]
    assert recipe["request"]["prompt"] == "霓虹 blue waves"
    assert recipe.get("use") == use


def test_remix_asks_for_the_same_with_another_seed_at_once(qtbot, monkeypatch, studio, panel, made):
    asked: list[Request] = []
    monkeypatch.setattr(studio, "submit", lambda request: asked.append(request) or "0" * 32)
    choose(panel, 3)
    said = QSignalSpy(panel.noticed)
    qtbot.keyClick(panel._list, Qt.Key.Key_R)
    assert said.count() == 1
    former = Request.from_json(panel.details.recipe["request"])
    assert asked[0].seed != former.seed
    assert asked[0].changed(seed=former.seed) == former


def test_what_is_trashed_stays_dim_and_can_be_put_back(qtbot, panel, made):
    choose(panel, 1)
    offered = QSignalSpy(panel.undoOffered)
    qtbot.keyClick(panel._list, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: bool(offered.count()) and panel._model.row(1).generation.trashed)
    assert panel._model.row(1).state == "In the trash"
    qtbot.waitUntil(lambda: panel.acts["restore"].isEnabled())
    assert not panel.acts["open"].isEnabled()
    assert panel.acts["use_all"].isEnabled()
    panel._list.viewport().repaint()
    panel.acts["restore"].trigger()
    qtbot.waitUntil(lambda: not panel._model.row(1).generation.trashed)
    assert prompts(panel)[1] == "Once upon a time"


def test_a_new_generation_comes_above_and_what_is_looked_at_stays(qtbot, studio, panel, made):
    choose(panel, 3)
    studio.store(lambda project: store(project, Request("image", "generate", "painter", prompt="new"), 1, 30))
    qtbot.waitUntil(lambda: panel._model.rowCount() == 5)
    assert prompts(panel)[0] == "new"
    assert panel.details.asset.id == made["pictures"][0]


def test_the_recipe_is_read_in_words_and_as_json_and_copied(qtbot, panel, made):
    choose(panel, 3)
    facts = panel.details._facts
    words = [facts.itemAt(row, facts.ItemRole.FieldRole).widget().text() for row in range(facts.rowCount())]
    assert "1 of 3" in words
    assert "New picture" in words
    panel.details._tabs.button(1).click()
    assert json.loads(panel.details.json.toPlainText())["request"]["seed"] == 7
    panel.acts["copy_recipe"].trigger()
    assert json.loads(QGuiApplication.clipboard().text())["asset_id"] == made["pictures"][0]


def test_the_lineage_shows_what_came_of_what_and_goes_there(qtbot, panel, made):
    choose(panel, 3)
    panel.details._tabs.button(2).click()
    view = panel.details.lineage
    assert set(view.nodes) == {made["pictures"][0], made["edit"][0]}
    first, second = view.nodes[made["pictures"][0]], view.nodes[made["edit"][0]]
    assert first.y() < second.y()
    assert second.accessibleName() == "a red moon"
    view.board.repaint()
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Down)
    assert panel.focusWidget() is second
    qtbot.keyClick(second, Qt.Key.Key_Return)
    assert panel.details.asset.id == made["edit"][0]


def test_an_asset_that_a_filter_hides_is_found(panel, studio, made):
    panel.filters.kinds.button(3).click()
    assert prompts(panel) == ["Once upon a time"]
    panel.open_asset(studio.reader.asset(made["pictures"][1]))
    assert panel._model.query == GenerationQuery()
    assert panel.details.asset.id == made["pictures"][1]


def test_two_pictures_are_compared_the_older_first(panel, made):
    asked = QSignalSpy(panel.compareRequested)
    choose(panel, 0, 3)
    panel.acts["compare"].trigger()
    one, two, file = asked.at(0)
    assert (one.id, two.id, file) == (made["pictures"][0], made["edit"][0], None)
    choose(panel, 0)
    panel.acts["compare"].trigger()
    assert asked.at(1)[0].id == made["pictures"][0], "with what it was made from"
    choose(panel, 0, 1)
    assert not panel.acts["compare"].isEnabled()


def test_the_viewer_goes_through_what_is_listed(panel, made):
    asked = QSignalSpy(panel.viewRequested)
    choose(panel, 3)
    panel.acts["view"].trigger()
    reel, row = asked.at(0)
    ids = [reel.asset(number).id for number in range(reel.count())]
    assert ids == [*made["edit"], *made["words"], *made["speech"], *made["pictures"]]
    assert ids[row] == made["pictures"][0]


def test_a_result_is_made_again_and_is_the_same(qtbot, studio, panel):
    studio.submit(Request("image", "generate", "painter", prompt="red", seed=5, count=2, params={"size": [64, 64]}))
    qtbot.waitUntil(lambda: panel._model.rowCount() == 1 and panel._model.row(0).generation.made == 2, timeout=20_000)
    qtbot.waitUntil(lambda: all(job.state == JobState.DONE for job in studio.jobs()), timeout=20_000)
    panel._again._make = lambda _lane: LocalEngine(collect=False)
    choose(panel, 0)
    qtbot.keyClick(panel._list, Qt.Key.Key_Right)
    asked = QSignalSpy(panel.compareRequested)
    panel.acts["again"].trigger()
    assert not panel.acts["again"].isEnabled()
    qtbot.waitUntil(lambda: not panel._again.running, timeout=20_000)
    assert panel.details.note.text() == "Made again: exactly the same."
    assert asked.count() == 0
    assert panel._model.row(0).generation.made == 2, "nothing of the project is changed"


def test_what_is_not_the_same_is_compared(qtbot, monkeypatch, studio, panel):
    studio.submit(Request("image", "generate", "painter", prompt="red", seed=5, params={"size": [64, 64]}))
    qtbot.waitUntil(lambda: panel._model.rowCount() == 1, timeout=20_000)
    qtbot.waitUntil(lambda: all(job.state == JobState.DONE for job in studio.jobs()), timeout=20_000)
    panel._again._make = lambda _lane: LocalEngine(collect=False)
    monkeypatch.setattr(reproduce, "compare", lambda *_: (0.5, 0.1))
    asked = QSignalSpy(panel.compareRequested)
    panel.acts["again"].trigger()
    qtbot.waitUntil(lambda: asked.count() == 1, timeout=20_000)
    assert asked.at(0)[2].is_file()
    assert "not the same" in panel.details.note.text()


def test_the_queue_goes_first(qtbot, monkeypatch, studio, panel, made):
    monkeypatch.setattr(studio, "give_way", lambda _lane: False)
    choose(panel, 3)
    told = QSignalSpy(studio.problem)
    panel.acts["again"].trigger()
    assert "queue" in str(told.at(0)[0])
    assert not panel._again.running
    assert panel.details.note.text() == ""


def test_rows_speak_the_language_that_was_switched_to(qtbot, panel, made, qapp):
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: panel.filters.model.itemText(0) == "全部模型")
    assert "抽象画师" in panel._model.row(3).summary
    switch_language(qapp, "en")


def test_sizes_are_remembered(panel):
    panel._splitter.setSizes([600, 400])
    state = json.loads(json.dumps(panel.save_state()))
    panel._splitter.setSizes([500, 500])
    panel.restore_state(state)
    assert panel._splitter.sizes() == state["splitter"]
    for broken in ({}, {"splitter": "x"}, {"splitter": [1]}, {"splitter": [-1, "a"]}):
        panel.restore_state(broken)


def test_a_trained_model_is_named_once(panel, made):
    """Its folder of data may be called the same."""
    choose(panel, 0)
    params = {"name": "drawings", "data": "/somewhere/drawings", "steps": 5}
    request = {"kind": "training", "task": "train", "family": "train-vae", "prompt": "drawings", "params": params}
    details = panel.details
    details._recipe = {"request": request, "seed": 1}
    details._fill()
    facts = [details._facts.itemAt(row, QFormLayout.ItemRole.LabelRole) for row in range(details._facts.rowCount())]
    names = [item.widget().text() for item in facts]
    assert details._prompt.text() == "drawings"
    assert "Name" not in names
    assert "Pictures" in names

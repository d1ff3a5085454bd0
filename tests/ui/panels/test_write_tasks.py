"""The tasks of the Write panel that make something of a passage: where the text comes from, the card, deciding."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor

from aigc_studio.core.documents import Segment
from aigc_studio.core.instructions import instructions
from aigc_studio.ui.panels.write import WritePanel

from .test_write import begin, saved, whole

pytestmark = pytest.mark.usefixtures("echo_writer")

TEXT = "First line.\nSecond line.\nThird line."
ALT = Qt.KeyboardModifier.AltModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def panel(qtbot, studio) -> WritePanel:
    panel = WritePanel(studio)
    qtbot.addWidget(panel)
    panel.resize(1200, 800)
    panel.show()
    return panel


def translate(qtbot, panel: WritePanel, text: str = TEXT, **values: object) -> None:
    """A document, the task, values of the form."""
    begin(qtbot, panel, text)
    panel.show_task("translate")
    panel.inspector.form.set_values({"words": 2, **values})
    panel.editor.setFocus()


def select(panel: WritePanel, start: int, end: int) -> None:
    cursor = QTextCursor(panel.editor.document())
    cursor.setPosition(start)
    cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
    panel.editor.setTextCursor(cursor)


def finish(qtbot, panel: WritePanel) -> None:
    qtbot.waitUntil(lambda: not panel.busy, timeout=20_000)


def prompt(panel: WritePanel) -> str:
    """Of the newest job."""
    return panel.studio.jobs()[-1].request.prompt


def test_the_whole_text_is_worked_on_and_stays_until_it_is_replaced(qtbot, panel, studio) -> None:
    translate(qtbot, panel)
    assert panel.switch._scope.text() == "Works on the whole text"
    qtbot.keyClick(panel.editor, Qt.Key.Key_Return, CONTROL)
    finish(qtbot, panel)
    assert prompt(panel) == TEXT
    assert studio.jobs()[-1].request.task == "translate"
    assert whole(panel) == TEXT
    assert panel.card.isVisible()
    assert panel.card.view.toPlainText() == "0-0 0-1"
    assert not panel.strip.isVisible()
    qtbot.keyClick(panel.editor, Qt.Key.Key_Down, ALT)
    assert whole(panel) == "0-0 0-1"
    assert not panel.card.isVisible()
    panel.editor.undo()
    assert whole(panel) == TEXT
    panel.editor.redo()
    assert whole(panel) == "0-0 0-1"


def test_the_selection_comes_first(qtbot, panel, studio) -> None:
    translate(qtbot, panel)
    select(panel, 12, 24)
    assert panel.switch._scope.text() == "Works on the selection"
    panel.start()
    finish(qtbot, panel)
    assert prompt(panel) == "Second line."
    panel.rewriter.accept()
    assert whole(panel) == "First line.\n0-0 0-1\nThird line."
    saved(qtbot, panel)
    document = studio.reader.document(panel.session.id)
    passage = next(segment for segment in document.segments if segment.variants)
    assert [variant.text.strip() for variant in passage.variants] == ["Second line.", "0-0 0-1"]
    assert passage.locked
    assert passage.asset_id == passage.variants[1].asset_id != ""
    panel.editor.undo()
    assert whole(panel) == TEXT


def test_the_passage_at_the_caret_comes_before_the_whole_text(qtbot, panel) -> None:
    begin(qtbot, panel, "Once ", words=2)
    panel.continue_text()
    finish(qtbot, panel)
    panel.show_task("translate")
    panel.editor.moveCursor(QTextCursor.MoveOperation.End)
    assert panel.switch._scope.text() == "Works on the passage at the caret"
    panel.inspector.form.set_values({"words": 3})
    panel.start()
    finish(qtbot, panel)
    assert prompt(panel) == "0-0 0-1 "
    panel.rewriter.accept()
    assert whole(panel).strip() == "Once 0-0 0-1 0-2"


def test_a_discarded_result_leaves_no_trace(qtbot, panel) -> None:
    translate(qtbot, panel)
    panel.start()
    finish(qtbot, panel)
    qtbot.keyClick(panel.editor, Qt.Key.Key_Escape)
    assert not panel.card.isVisible()
    assert not panel.strip.isVisible()
    assert whole(panel) == TEXT
    assert panel.editor.current_passage() is None


def test_both_are_kept_as_one_undo_step(qtbot, panel) -> None:
    translate(qtbot, panel)
    select(panel, 0, 11)
    panel.start()
    finish(qtbot, panel)
    panel._actions["both"].trigger()
    assert whole(panel) == "First line.\n\n0-0 0-1\nSecond line.\nThird line."
    panel.editor.undo()
    assert whole(panel) == TEXT
    panel.editor.redo()
    assert "0-0 0-1" in whole(panel)


def test_it_streams_into_the_card_and_stops(qtbot, panel) -> None:
    translate(qtbot, panel, words=5000, pause_ms=5)
    panel.start()
    qtbot.waitUntil(lambda: "0-3 " in panel.card.view.toPlainText(), timeout=20_000)
    assert panel.card.halt.isVisible()
    assert not panel.card.accept.isVisible()
    qtbot.keyClick(panel.editor, Qt.Key.Key_Escape)
    assert not panel.busy
    part = panel.card.view.toPlainText()
    assert part.startswith("0-0 0-1 0-2 0-3")
    assert panel.card.accept.isVisible()
    panel.keep()
    assert whole(panel).startswith("0-0 0-1 0-2 0-3")
    panel.editor.undo()
    assert whole(panel) == TEXT


def test_several_results_are_browsed(qtbot, panel) -> None:
    translate(qtbot, panel)
    panel.inspector.form.count_field.set_value(3)
    panel.start()
    finish(qtbot, panel)
    assert panel.card._number.text() == "1 of 3"
    qtbot.keyClick(panel.editor, Qt.Key.Key_Right, ALT)
    panel.browse(1)
    panel.browse(1)
    assert panel.card.view.toPlainText() == "2-0 2-1"
    panel.browse(-1)
    assert panel.card.view.toPlainText() == "1-0 1-1"
    panel.rewriter.accept()
    assert whole(panel) == "1-0 1-1"


def test_another_result_for_the_same_passage(qtbot, panel) -> None:
    translate(qtbot, panel)
    select(panel, 0, 11)
    panel.start()
    finish(qtbot, panel)
    panel.inspector.form.set_values({"words": 3})
    qtbot.mouseClick(panel.card.redo, Qt.MouseButton.LeftButton)
    finish(qtbot, panel)
    assert prompt(panel) == "First line."
    assert panel.card.view.toPlainText() == "0-0 0-1 0-2"
    panel.rewriter.accept()
    assert whole(panel) == "0-0 0-1 0-2\nSecond line.\nThird line."


def test_what_differs_is_shown_on_demand(qtbot, panel) -> None:
    translate(qtbot, panel, "Only 0-0 here.")
    panel.start()
    finish(qtbot, panel)
    panel._actions["compare"].trigger()
    assert panel.card.compare.isChecked()
    assert "Only" in panel.card.view.toPlainText()
    assert "0-1" in panel.card.view.toPlainText()
    assert panel.card.view.text.strip() == "0-0 0-1"
    assert panel.card._places.text().endswith("differ")
    panel._actions["compare"].trigger()
    assert panel.card.view.toPlainText() == "0-0 0-1"


def test_the_passage_may_be_edited_or_unmarked_meanwhile(qtbot, panel) -> None:
    """What was typed is not lost, and what an undo took away is found again."""
    begin(qtbot, panel, "")
    qtbot.keyClicks(panel.editor, "abc")
    panel.show_task("translate")
    panel.inspector.form.set_values({"words": 2})
    panel.start()
    finish(qtbot, panel)
    cursor = panel.editor.textCursor()
    cursor.setPosition(1)
    cursor.insertText("X")
    panel.rewriter.accept()
    assert whole(panel) == "0-0 0-1"
    panel.editor.undo()
    assert whole(panel) == "aXbc"


def test_an_instruction_and_its_text(qtbot, panel, studio) -> None:
    begin(qtbot, panel, TEXT)
    panel.show_task("chat")
    panel.inspector.form.set_values({"words": 2})
    assert panel.instruction.isVisible()
    panel.start()
    assert "Write what the model should do" in panel.message.text()
    panel.instruction.set_text("Shorten it.")
    qtbot.keyClick(panel.instruction.lines, Qt.Key.Key_Return, CONTROL)
    finish(qtbot, panel)
    assert prompt(panel).startswith("Shorten it.\n")
    assert prompt(panel).endswith(TEXT)
    assert panel.instruction.remembered() == ["Shorten it."]
    recipe = studio.reader.recipe(panel.rewriter.results[0].asset_id)
    panel.rewriter.reject()
    panel.instruction.set_text("")
    panel.reuse(recipe)
    assert panel.instruction.text() == "Shorten it."
    assert whole(panel) == TEXT


def test_an_instruction_without_a_text_writes_at_the_caret(qtbot, panel) -> None:
    begin(qtbot, panel, "")
    panel.show_task("chat")
    panel.inspector.form.set_values({"words": 2})
    panel.instruction.set_text("Write a headline.")
    assert panel.switch._scope.text() == "Writes at the caret"
    panel.start()
    finish(qtbot, panel)
    assert prompt(panel) == "Write a headline."
    assert whole(panel) == "0-0 0-1 "
    assert not panel.card.isVisible()


def test_ready_made_instructions_and_those_used_before(qtbot, panel) -> None:
    begin(qtbot, panel, "春眠不觉晓，处处闻啼鸟。")
    panel.show_task("chat")
    field = panel.instruction
    field.remember("older")
    field.remember("newer")
    field.fill_menu()
    entries = {action.text(): action for action in field.menu.actions() if action.isEnabled() and action.text()}
    assert len(entries) == len(instructions()) + 2
    entries["Shorten"].trigger()
    assert field.text() == instructions()[0].texts["zh"]
    field.set_text("draft")
    qtbot.keyClick(field.lines, Qt.Key.Key_Up)
    assert field.text() == "newer"
    qtbot.keyClick(field.lines, Qt.Key.Key_Up)
    qtbot.keyClick(field.lines, Qt.Key.Key_Up)
    assert field.text() == "older"
    qtbot.keyClick(field.lines, Qt.Key.Key_Down)
    qtbot.keyClick(field.lines, Qt.Key.Key_Down)
    assert field.text() == "draft"


def test_a_task_no_model_does_says_what_to_add(qtbot, panel, studio) -> None:
    begin(qtbot, panel, TEXT)
    panel.show_task("summarise")
    assert panel.inspector.entry() is None
    assert "Add the folder" in panel.inspector._note.text()
    assert not panel.inspector.go.isEnabled()
    with qtbot.waitSignal(studio.models.managerWanted, timeout=1000):
        qtbot.mouseClick(panel.inspector.library, Qt.MouseButton.LeftButton)
    panel.start()
    assert "No model here summarises" in panel.message.text()
    panel.show_task("translate")
    assert panel.inspector.library.isHidden()
    assert panel.inspector.go.isEnabled()


def test_notices_and_failures_are_said(qtbot, panel) -> None:
    translate(qtbot, panel, notice=True)
    panel.start()
    finish(qtbot, panel)
    assert panel.card._note.text() == "3 words were left out."
    panel.rewriter.reject()
    panel.inspector.form.set_values({"words": 0, "fail": True})
    panel.start()
    finish(qtbot, panel)
    assert "echo is broken" in panel.message.text()
    assert not panel.card.isVisible()
    assert whole(panel) == TEXT


def test_nothing_to_work_on(qtbot, panel) -> None:
    begin(qtbot, panel, " \n")
    panel.show_task("translate")
    panel.start()
    assert "There is no text yet" in panel.message.text()
    assert not panel.studio.jobs()


def test_another_document_takes_the_card_away(qtbot, panel) -> None:
    translate(qtbot, panel)
    panel.start()
    finish(qtbot, panel)
    with qtbot.waitSignal(panel.session.opened, timeout=5000):
        panel.session.create(segments=[Segment(text="Another")])
    assert not panel.card.isVisible()
    assert whole(panel) == "Another"


def test_a_result_that_comes_after_the_card_is_gone_becomes_a_variant(qtbot, panel, studio) -> None:
    """A job that was paused and goes on later: nobody waits, and nothing is lost."""
    translate(qtbot, panel, words=100, pause_ms=5)
    panel.inspector.form.count_field.set_value(2)
    select(panel, 0, 11)
    panel.start()
    qtbot.waitUntil(lambda: "0-3 " in panel.card.view.toPlainText(), timeout=20_000)
    job = panel.rewriter.run.job_id
    studio.pause(job)
    finish(qtbot, panel)
    passage = panel.rewriter.passage
    assert passage is not None
    panel.rewriter.reject()
    known = len(passage.variants)
    studio.resume(job)
    qtbot.waitUntil(lambda: studio.job(job).state == "done", timeout=20_000)
    qtbot.waitUntil(lambda: len(passage.variants) > known, timeout=5000)
    assert "1-99" in passage.variants[-1].text
    assert passage.variants[-1].asset_id
    assert whole(panel) == TEXT
    saved(qtbot, panel)
    document = studio.reader.document(panel.session.id)
    assert any("1-99" in variant.text for segment in document.segments for variant in segment.variants)

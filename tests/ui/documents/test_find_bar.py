"""Find and replace in a text with passages."""

from __future__ import annotations

from PySide6.QtCore import Qt

from aigc_studio.core.documents import Segment, Variant
from aigc_studio.ui.documents.editor import PassageEditor
from aigc_studio.ui.documents.find_bar import FindBar


def bar_with(qtbot, *segments: Segment) -> tuple[FindBar, PassageEditor]:
    editor = PassageEditor()
    qtbot.addWidget(editor)
    editor.load(segments)
    bar = FindBar(editor)
    qtbot.addWidget(bar)
    editor.place_caret(0)
    return bar, editor


def at(editor: PassageEditor) -> tuple[int, int]:
    cursor = editor.textCursor()
    return cursor.selectionStart(), cursor.selectionEnd()


def test_next_and_previous_go_round(qtbot) -> None:
    bar, editor = bar_with(qtbot, Segment(text="明月😀明月\n明"))
    bar.query.setText("明月")
    found = [bar.seek(step) and at(editor) for step in (1, 1, 1, -1, -1)]
    assert found == [(0, 2), (4, 6), (0, 2), (4, 6), (0, 2)]
    bar.query.setText("太阳")
    assert not bar.seek(1)
    assert bar.note.text() == "Not found"


def test_case_counts_when_it_is_asked_for(qtbot) -> None:
    bar, editor = bar_with(qtbot, Segment(text="sea Sea SEA"))
    bar.query.setText("Sea")
    assert bar.seek(1)
    assert at(editor) == (0, 3)
    bar.case.click()
    assert at(editor) == (4, 7)


def test_replacing_all_is_one_undo_step_and_keeps_passages(qtbot) -> None:
    takes = [Variant(text="海上明月"), Variant(text="x")]
    bar, editor = bar_with(
        qtbot, Segment(text="明月，"), Segment(text="海上明月", variants=takes), Segment(text="明月")
    )
    bar.query.setText("明月")
    bar.replacement.setText("一轮明月")
    assert bar.replace_all() == 3
    assert [segment.text for segment in editor.segments()] == ["一轮明月，", "海上一轮明月", "一轮明月"]
    assert len(editor.segments()[1].variants) == 2
    editor.undo()
    assert [segment.text for segment in editor.segments()] == ["明月，", "海上明月", "明月"]
    assert not editor.document().isUndoAvailable()


def test_replacing_one_goes_to_the_next(qtbot) -> None:
    bar, editor = bar_with(qtbot, Segment(text="one two one"))
    bar.query.setText("one")
    bar.replacement.setText("1")
    bar.seek(1)
    bar.replace()
    assert editor.toPlainText() == "1 two one"
    assert at(editor) == (6, 9)
    editor.setReadOnly(True)
    bar.replace()
    assert bar.replace_all() == 0
    assert editor.toPlainText() == "1 two one"


def test_keys(qtbot) -> None:
    bar, editor = bar_with(qtbot, Segment(text="a b a"))
    bar.open_bar(replace=True)
    qtbot.keyClicks(bar.query, "a")
    assert at(editor) == (0, 1)
    qtbot.keyClick(bar.query, Qt.Key.Key_Return)
    assert at(editor) == (4, 5)
    qtbot.keyClick(bar.query, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert at(editor) == (0, 1)
    qtbot.keyClick(bar.query, Qt.Key.Key_Escape)
    assert bar.isHidden()

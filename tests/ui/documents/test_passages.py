"""Passages in a text document: streaming, undo, variants, and what an edit does to their ends."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QInputMethodEvent, QTextCursor
from PySide6.QtWidgets import QApplication

from aigc_studio.core.documents import Segment, Variant
from aigc_studio.ui.documents.editor import PassageEditor
from aigc_studio.ui.documents.passages import clean


def editor_with(qtbot, *segments: Segment) -> PassageEditor:
    editor = PassageEditor()
    qtbot.addWidget(editor)
    editor.load(segments)
    return editor


def texts(editor: PassageEditor) -> list[str]:
    return [segment.text for segment in editor.segments()]


def stream(editor: PassageEditor, pieces: list[str], position: int | None = None):
    passage = editor.passages.begin(editor.passages.length() if position is None else position)
    passage.variants.append(Variant(text="".join(pieces)))
    for number, piece in enumerate(pieces):
        editor.append_piece(passage, piece, join=number > 0)
    return passage


def test_segments_come_back_as_they_were(qtbot) -> None:
    given = [
        Segment(text="床前明月光，\n"),
        Segment(
            text="疑是😀地上霜。",
            variants=[Variant(text="疑是😀地上霜。"), Variant(text="x")],
            locked=True,
            asset_id="a",
        ),
        Segment(text="\n\nthe end"),
    ]
    editor = editor_with(qtbot, *given)
    found = editor.segments()
    assert [s.text for s in found] == [s.text for s in given]
    assert found[1] == given[1]
    assert editor.passages.text(0, editor.passages.length()) == "".join(s.text for s in given)
    assert not editor.document().isUndoAvailable()


def test_a_streamed_passage_is_one_undo_step(qtbot) -> None:
    editor = editor_with(qtbot, Segment(text="before "))
    editor.insertPlainText("typed ")
    stream(editor, ["once ", "upon\n", "\na time", "😀"])
    assert texts(editor) == ["before typed ", "once upon\n\na time😀"]
    editor.undo()
    assert texts(editor) == ["before typed "]
    editor.redo()
    assert texts(editor) == ["before typed ", "once upon\n\na time😀"]
    assert editor.segments()[1].variants[0].text == "once upon\n\na time😀"
    editor.undo()
    editor.undo()
    assert texts(editor) == ["before "]


def test_typing_behind_a_passage_is_not_part_of_it(qtbot) -> None:
    editor = editor_with(qtbot, Segment(text="a"))
    stream(editor, ["bc"])
    editor.moveCursor(QTextCursor.MoveOperation.End)
    for key in "xyz":
        qtbot.keyClicks(editor, key)
    assert texts(editor) == ["a", "bc", "xyz"]


def test_typing_inside_a_passage_is_part_of_it_and_survives_browsing(qtbot) -> None:
    editor = editor_with(qtbot, Segment(text="a"))
    passage = stream(editor, ["bc"])
    passage.variants.append(Variant(text="other"))
    cursor = editor.textCursor()
    cursor.setPosition(2)
    editor.setTextCursor(cursor)
    qtbot.keyClicks(editor, "!")
    assert texts(editor) == ["a", "b!c"]
    assert editor.passages.shown(passage) == -1
    editor.passages.swap(passage, 1)
    assert texts(editor) == ["a", "other"]
    assert [v.text for v in passage.variants] == ["bc", "other", "b!c"]


def test_swap_is_one_undo_step(qtbot) -> None:
    editor = editor_with(qtbot, Segment(text="a"))
    passage = stream(editor, ["first\nline"])
    passage.variants.append(Variant(text="second", asset_id="s"))
    editor.passages.swap(passage, 1)
    assert (texts(editor), passage.asset_id) == (["a", "second"], "s")
    editor.undo()
    assert texts(editor) == ["a", "first\nline"]
    assert editor.passages.shown(passage) == 0


def test_dismissed_passage_comes_back_with_its_variants(qtbot) -> None:
    editor = editor_with(qtbot, Segment(text="a"), Segment(text="bc", variants=[Variant(text="bc"), Variant(text="d")]))
    editor.passages.dismiss(editor.passages.live()[0])
    assert texts(editor) == ["a"]
    editor.undo()
    assert texts(editor) == ["a", "bc"]
    assert len(editor.segments()[1].variants) == 2


def test_a_passage_begun_inside_another_makes_that_ordinary_text(qtbot) -> None:
    editor = editor_with(qtbot, Segment(text="a"))
    outer = stream(editor, ["bcde"])
    inner = editor.passages.begin(3)
    inner.variants.append(Variant(text="NEW"))
    editor.append_piece(inner, "NE", join=inner.joins)
    editor.append_piece(inner, "W", join=True)
    assert texts(editor) == ["abc", "NEW", "de"]
    editor.undo()
    assert texts(editor) == ["a", "bcde"]
    assert editor.passages.live() == [outer]


def test_two_passages_touch_without_mixing(qtbot) -> None:
    editor = editor_with(qtbot, Segment(text="a"))
    first, second = stream(editor, ["11", "11"]), stream(editor, ["22", "22"])
    assert texts(editor) == ["a", "1111", "2222"]
    assert editor.passages.at(first.end.position()) is second
    editor.passages.keep(second)
    assert editor.passages.at(first.end.position()) is first
    editor.undo()
    assert texts(editor) == ["a", "1111"]


def test_caret_stays_where_the_person_writes(qtbot) -> None:
    editor = editor_with(qtbot, Segment(text="one two"))
    cursor = editor.textCursor()
    cursor.setPosition(3)
    editor.setTextCursor(cursor)
    stream(editor, [" three"])
    assert editor.textCursor().position() == 3


def test_composition_is_noticed(qtbot) -> None:
    editor = editor_with(qtbot, Segment(text=""))
    done = []
    editor.composed.connect(lambda: done.append(True))
    QApplication.sendEvent(editor, QInputMethodEvent("ni", []))
    assert editor.composing
    assert not done
    event = QInputMethodEvent("", [])
    event.setCommitString("你")
    QApplication.sendEvent(editor, event)
    assert not editor.composing
    assert (done, texts(editor)) == ([True], ["你"])


def test_clean_drops_what_a_document_cannot_hold() -> None:
    assert clean("a\r\nb\rc\x00\ufdd0\uffff") == "a\nb\nc"
    assert clean("x\ud800y") == "xy"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["type", "delete", "stream", "undo", "redo", "swap"]),
            st.integers(0, 60),
            st.integers(0, 12),
        ),
        max_size=25,
    )
)
def test_segments_always_cover_the_text_exactly(qapp, steps) -> None:
    """Whatever is done in whatever order: segments are the text, in order, with no piece lost or doubled."""
    editor = PassageEditor()
    editor.load(
        [Segment(text="一二三\nfour"), Segment(text="five😀", variants=[Variant(text="five😀"), Variant(text="6")])]
    )
    for act, place, amount in steps:
        cursor = QTextCursor(editor.document())
        for _ in range(place):  # not setPosition: a caret never stands inside an emoji
            cursor.movePosition(QTextCursor.MoveOperation.NextCharacter)
        if act == "type":
            cursor.insertText("字x\n"[: 1 + amount % 3])
        elif act == "delete":
            move = QTextCursor.MoveOperation.NextCharacter
            cursor.movePosition(move, QTextCursor.MoveMode.KeepAnchor, amount)
            cursor.removeSelectedText()
        elif act == "stream":
            stream(editor, ["p", "q\n", "r"][: 1 + amount % 3], cursor.position())
        elif act == "undo":
            editor.undo()
        elif act == "redo":
            editor.redo()
        elif live := editor.passages.live():
            passage = live[place % len(live)]
            editor.passages.swap(passage, amount % len(passage.variants))
        segments = editor.segments()
        whole = editor.passages.text(0, editor.passages.length())
        assert "".join(s.text for s in segments) == whole
    copy = PassageEditor()
    copy.load(editor.segments())
    assert [s.text for s in copy.segments()] == [s.text for s in editor.segments()]
    editor.deleteLater()
    copy.deleteLater()


def long_text(characters: int) -> list[Segment]:
    """A text of so many characters, with a passage in its middle and an emoji before it."""
    half = "床前明月光，疑是地上霜。\n" * (characters // 26)
    takes = [Variant(text="举头望明月"), Variant(text="x")]
    return [Segment(text="😀" + half), Segment(text="举头望明月", variants=takes), Segment(text=half)]


@given(
    parts=st.lists(
        st.tuples(st.text(st.sampled_from("a\n😀中"), max_size=40), st.integers(0, 900), st.booleans()), max_size=6
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_text_that_comes_in_slices_is_the_same_text(qtbot, parts: list[tuple[str, int, bool]]) -> None:
    given_segments = [
        Segment(text=text * times, variants=[Variant(text="x")] if marked else []) for text, times, marked in parts
    ]
    editor = PassageEditor()
    editor.load(given_segments)
    assert editor.passages.text(0, editor.passages.length()) == "".join(segment.text for segment in given_segments)
    marked = [segment.text for segment in given_segments if segment.variants and segment.text]
    assert [segment.text for segment in editor.segments() if segment.variants] == marked
    editor.deleteLater()


def test_a_long_text_comes_between_events(qtbot) -> None:
    segments = long_text(1_000_000)
    editor = editor_with(qtbot, *segments)
    edited: list[int] = []
    editor.edited.connect(lambda: edited.append(1))
    assert editor.passages.filling
    assert 0 < editor.document().characterCount() < 100_000  # what is seen is there
    qtbot.waitUntil(lambda: not editor.passages.filling, timeout=10_000)
    assert [segment.text for segment in editor.segments()] == [segment.text for segment in segments]
    assert not edited
    assert not editor.document().isUndoAvailable()
    assert not editor.document().isModified()
    assert editor.textCursor().position() == 0


def test_nobody_sees_half_a_text(qtbot) -> None:
    segments = long_text(300_000)
    whole = "".join(segment.text for segment in segments)
    assert "".join(texts(editor_with(qtbot, *segments))) == whole
    editor = editor_with(qtbot, *segments)
    assert editor.passages.text(0, editor.passages.length()) == whole
    editor = editor_with(qtbot, *segments)
    assert editor.passages.text(0, 5) == "😀床前明"
    assert editor.passages.filling  # the beginning is there without the rest
    editor.load([Segment(text="another")])
    assert texts(editor) == ["another"]


def test_what_is_typed_into_a_text_that_still_comes_stays(qtbot) -> None:
    segments = long_text(300_000)
    editor = editor_with(qtbot, *segments)
    qtbot.keyClicks(editor, "Hi")
    assert not editor.passages.filling
    assert "".join(texts(editor)) == "Hi" + "".join(segment.text for segment in segments)
    editor.undo()
    assert "".join(texts(editor)) == "".join(segment.text for segment in segments)
    assert not editor.document().isUndoAvailable()


def test_the_caret_goes_where_it_was_left(qtbot) -> None:
    editor = editor_with(qtbot, *long_text(300_000))
    editor.place_caret(200_000)
    qtbot.waitUntil(lambda: not editor.passages.filling, timeout=10_000)
    assert editor.textCursor().position() == 200_000
    shorter = editor_with(qtbot, *long_text(80_000))
    qtbot.waitUntil(lambda: not shorter.passages.filling, timeout=10_000)
    assert shorter.textCursor().position() == shorter.passages.length()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_stretch_can_be_worked_on_and_put_back(qtbot, data: st.DataObject) -> None:
    """Over passages, half passages, line ends and emoji: the text stays, a result replaces just that, undo undoes."""
    parts = data.draw(st.lists(st.sampled_from(["word ", "😀", "一二\n", "\n\n", "x"]), min_size=1, max_size=8))
    marked = data.draw(st.lists(st.booleans(), min_size=len(parts), max_size=len(parts)))
    segments = [
        Segment(text=text, variants=[Variant(text=text)] if passage else [])
        for text, passage in zip(parts, marked, strict=True)
    ]
    editor = editor_with(qtbot, *segments)
    passages, length = editor.passages, editor.passages.length()
    whole = "".join(parts)
    places = [len(whole[:at].encode("utf-16-le")) // 2 for at in range(len(whole) + 1)]  # not inside an emoji
    first = data.draw(st.integers(0, len(places) - 2))
    start, end = places[first], places[data.draw(st.integers(first + 1, len(places) - 1))]
    before, inside, after = passages.text(0, start), passages.text(start, end), passages.text(end, length)
    passage = passages.wrap(start, end)
    assert passages.text(0, passages.length()) == whole
    assert (passage.start.position(), passage.end.position(), passage.text()) == (start, end, inside)
    assert passages.wrap(start, end) is passage
    assert "".join(segment.text for segment in editor.segments()) == whole
    passage.variants.append(Variant(text="new"))
    passages.swap(passage, len(passage.variants) - 1)
    assert passages.text(0, passages.length()) == before + "new" + after
    editor.undo()
    assert passages.text(0, passages.length()) == whole
    assert passage.variants[0].text == clean(inside)


def test_a_text_below_a_passage_is_one_undo_step(qtbot) -> None:
    editor = editor_with(qtbot, Segment(text="one two three"))
    passage = editor.passages.wrap(4, 7)
    added = editor.passages.insert_after(passage, Variant(text="zwei", asset_id="a"))
    assert texts(editor) == ["one ", "two", "\n\n", "zwei", " three"]
    assert added.kept
    assert editor.segments()[3].asset_id == "a"
    editor.undo()
    assert "".join(texts(editor)) == "one two three"
    assert added.empty


def test_a_mark_is_no_undo_step_of_its_own(qtbot) -> None:
    """It belongs to the pasted text or the replacement before it."""
    editor = editor_with(qtbot, Segment(text=""))
    editor.replace_all([Segment(text="one text")])
    editor.passages.wrap(0, 3)
    editor.undo()
    assert "".join(texts(editor)) == ""

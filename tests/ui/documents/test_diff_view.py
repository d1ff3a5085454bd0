"""A text that is read: streamed, or compared."""

from __future__ import annotations

from aigc_studio.ui.documents.diff_view import DiffView
from aigc_studio.ui.theme import theme_of


def looks(view: DiffView) -> list[tuple[str, bool, str]]:
    """(text, struck through, ground) of each stretch."""
    found = []
    block = view.document().begin()
    while block.isValid():
        fragments = block.begin()
        while not fragments.atEnd():
            fragment = fragments.fragment()
            look = fragment.charFormat()
            found.append((fragment.text(), look.fontStrikeOut(), look.background().color().name()))
            fragments += 1
        block = block.next()
    return found


def test_text_is_added_behind_what_is_shown(qtbot) -> None:
    view = DiffView()
    qtbot.addWidget(view)
    view.show_text("one")
    revision = view.document().revision()
    view.show_text("one two")
    assert view.toPlainText() == "one two"
    assert view.document().revision() > revision
    view.show_text("other")
    assert view.toPlainText() == "other"
    view.show_text("")
    assert view.toPlainText() == ""


def test_differences_are_marked_and_follow_the_theme(qtbot) -> None:
    view = DiffView()
    qtbot.addWidget(view)
    assert view.show_difference("a red house", "a blue house") == 1
    theme = theme_of(view)
    removed, added = theme.color("removed").name(), theme.color("added").name()
    assert [(text, struck) for text, struck, _ in looks(view)] == [
        ("a ", False),
        ("red", True),
        ("blue", False),
        (" house", False),
    ]
    assert [ground for text, _, ground in looks(view) if text in ("red", "blue")] == [removed, added]
    before = theme.preference
    theme.choose("light" if theme.dark else "dark")
    assert looks(view)[1][2] == theme.color("removed").name() != removed
    theme.choose(before)
    view.show_text("a blue house")
    assert len(looks(view)) == 1
    assert view.text == "a blue house"
    assert view.isReadOnly()

"""Keys that a person chooses: kept, free of conflicts, never in the way of typing."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from aigc_studio.core.i18n import set_language
from aigc_studio.core.settings import Settings
from aigc_studio.ui.dialogs.shortcuts import ShortcutsDialog
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.shortcuts import WINDOW, ShortcutBook, typed


def action(owner: QWidget, name: str, *keys: str) -> QAction:
    made = QAction(name.title(), owner)
    made.setObjectName(name)
    made.setShortcuts([QKeySequence(key) for key in keys])
    owner.addAction(made)
    return made


@pytest.fixture
def owner(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path)


def book_of(settings: Settings, owner: QWidget) -> ShortcutBook:
    book = ShortcutBook(settings, owner)
    book.adopt(WINDOW, [action(owner, "save", "Ctrl+S"), action(owner, "quit", "Ctrl+Q")])
    book.adopt("picture", [action(owner, "star", "S"), action(owner, "brush", "B"), QAction(owner)])
    book.adopt("assets", [action(owner, "star", "S")])
    return book


def keys(book: ShortcutBook, id: str) -> list[str]:
    return [each.toString(QKeySequence.SequenceFormat.PortableText) for each in book[id].action.shortcuts()]


def test_chosen_keys_are_kept_for_the_next_start(settings: Settings, owner: QWidget, tmp_path: Path) -> None:
    book = book_of(settings, owner)
    book.assign("picture.star", ["Ctrl+Alt+S"])
    assert keys(book, "picture.star") == ["Ctrl+Alt+S"]
    settings.save()
    again = book_of(Settings(tmp_path), owner)
    assert keys(again, "picture.star") == ["Ctrl+Alt+S"]
    assert keys(again, "assets.star") == ["S"]
    again.reset("picture.star")
    assert keys(again, "picture.star") == ["S"]


def test_a_key_is_taken_from_whoever_has_it_here_or_everywhere(settings: Settings, owner: QWidget) -> None:
    book = book_of(settings, owner)
    assert [each.id for each in book.conflicts("picture.brush", ["S"])] == ["picture.star"]
    assert [each.id for each in book.conflicts("picture.brush", ["Ctrl+S"])] == ["window.save"]
    assert [each.id for each in book.conflicts("window.save", ["B"])] == ["picture.brush"]
    book.assign("picture.brush", ["S"])
    assert keys(book, "picture.star") == []
    assert keys(book, "assets.star") == ["S"]


def test_no_keys_is_a_choice_and_reset_all_forgets_every_choice(settings: Settings, owner: QWidget) -> None:
    book = book_of(settings, owner)
    settings.set_state("shortcuts", {"voice.play": ["F9"]})  # of a panel that is not built
    book.assign("window.quit", [])
    assert keys(book_of(settings, owner), "window.quit") == []
    book.reset_all()
    assert keys(book, "window.quit") == ["Ctrl+Q"]
    assert settings.state("shortcuts") == {}


def test_a_default_gives_way_to_a_choice_made_before_its_panel_was_there(settings: Settings, owner: QWidget) -> None:
    book = ShortcutBook(settings, owner)
    book.adopt(WINDOW, [action(owner, "save", "Ctrl+S")])
    book.assign("window.save", ["B"])
    book.adopt("picture", [action(owner, "brush", "B", "P"), action(owner, "star", "S")])
    assert keys(book, "picture.brush") == ["P"]
    assert keys(book, "window.save") == ["B"]
    assert "picture.brush" not in settings.state("shortcuts")


def test_damaged_settings_leave_the_defaults(settings: Settings, owner: QWidget) -> None:
    settings.set_state("shortcuts", {"window.save": "Ctrl+X", "picture.star": [5]})
    book = book_of(settings, owner)
    assert (keys(book, "window.save"), keys(book, "picture.star")) == (["Ctrl+S"], ["S"])
    settings.set_state("shortcuts", "nonsense")
    assert keys(book_of(settings, owner), "window.save") == ["Ctrl+S"]


@pytest.mark.parametrize(
    ("group", "key", "is_typed"),
    [
        (WINDOW, "S", True), (WINDOW, "Shift+S", True), (WINDOW, "Ctrl+S", False), (WINDOW, "F5", False),
        ("write", "Return", True), ("write", "Esc", False), ("picture", "S", False), (WINDOW, "", False),
    ],
)  # fmt: skip
def test_letters_belong_to_texts(qapp: object, group: str, key: str, is_typed: bool) -> None:
    assert typed(group, key) is is_typed


def test_an_action_that_is_gone_is_forgotten(settings: Settings, qtbot: QtBot) -> None:
    panel = QWidget()
    book = ShortcutBook(settings)
    book.adopt("picture", [action(panel, "star", "S")])
    panel.deleteLater()
    qtbot.waitUntil(lambda: not list(book))


def test_the_page_says_whom_a_key_is_taken_from_and_assigns_it(
    settings: Settings, owner: QWidget, qtbot: QtBot
) -> None:
    book = book_of(settings, owner)
    late: list[str] = []

    def build() -> None:
        late.append("voice")
        book.adopt("voice", [action(owner, "speak", "Ctrl+Return")])

    dialog = ShortcutsDialog(book, [build], owner)
    dialog.show()
    qtbot.waitUntil(lambda: "voice.speak" in dialog._items)
    dialog.list.setCurrentItem(dialog._items["picture.brush"])
    dialog.keys.setKeySequence(QKeySequence("S"))
    assert "Star (Picture)" in dialog.hint.text()
    QTest.mouseClick(dialog.assign, Qt.MouseButton.LeftButton)
    assert (keys(book, "picture.brush"), keys(book, "picture.star")) == (["S"], [])
    assert dialog._items["picture.star"].text(1) == ""
    dialog.list.setCurrentItem(dialog._items["window.save"])
    dialog.keys.setKeySequence(QKeySequence("J"))
    assert not dialog.assign.isEnabled()
    assert "typing" in dialog.hint.text()
    dialog.keys.setKeySequence(QKeySequence("Ctrl+J"))
    assert "free" in dialog.hint.text()
    dialog.list.setCurrentItem(dialog._items["picture.brush"])
    QTest.mouseClick(dialog.default, Qt.MouseButton.LeftButton)
    assert keys(book, "picture.brush") == ["B"]


def test_the_page_is_searched_by_name_and_key_and_speaks_chinese(
    settings: Settings, owner: QWidget, qtbot: QtBot, qapp: object
) -> None:
    dialog = ShortcutsDialog(book_of(settings, owner), (), owner)
    dialog.search.setText("ctrl+q")
    assert [id for id, item in dialog._items.items() if not item.isHidden()] == ["window.quit"]
    assert dialog.list.currentItem() is dialog._items["window.quit"]
    dialog.search.setText("")
    switch_language(qapp, "zh_CN")  # type: ignore[arg-type]
    try:
        qtbot.waitUntil(lambda: "全局" in _heads(dialog))
    finally:
        switch_language(qapp, "en")  # type: ignore[arg-type]
        set_language("en")
    dialog.close()


def _heads(dialog: ShortcutsDialog) -> list[str]:
    rows = (dialog.list.topLevelItem(row) for row in range(dialog.list.topLevelItemCount()))
    return [item.text(0) for item in rows if item is not None]

"""The captions of a folder in the window, driven by keys, with the disk behind it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from aigc_studio.core.datasets import caption_files, captions
from aigc_studio.core.datasets.caption_drafts import Drafts
from aigc_studio.core.datasets.caption_files import Change
from aigc_studio.core.datasets.caption_words import AFTER, BEFORE, REPLACE
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.training.captions.dialog import CaptionDialog
from aigc_studio.ui.training.captions.leaving import LeavingDialog
from aigc_studio.ui.training.captions.texts import CHANGED, LACKING

NAMES = ["0001.png", "0002.png", "red cup.png", "sub/0003.jpg"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40 + number, 48), (60 * number, 90, 100)).save(folder / name)
    (folder / "0002.txt").write_text("a blue square\n一个蓝色方块\n", encoding="utf-8")
    return folder


@pytest.fixture
def page(qtbot, studio: Studio, folder: Path) -> CaptionDialog:
    return opened(qtbot, studio, folder)


def opened(qtbot, studio: Studio, folder: Path) -> CaptionDialog:
    page = CaptionDialog(studio, folder)
    page.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: not page.desk.busy)
    return page


def type_in(qtbot, page: CaptionDialog, words: str) -> None:
    qtbot.keyClicks(page.field.edit, words)


def save(qtbot, page: CaptionDialog) -> None:
    with qtbot.waitSignal(page.desk.saved):
        page.save.click()


def asked(page: CaptionDialog) -> LeavingDialog:
    """The question on leaving."""
    assert page.leaving is not None
    return page.leaving


def test_captions_are_shown_and_written_by_the_keyboard_alone(qtbot, page: CaptionDialog, folder: Path) -> None:
    assert [page.rows.data(page.rows.index(place)) for place in range(4)] == [
        "0001.png, Without a caption",
        "0002.png, a blue square | 一个蓝色方块",
        "red cup.png, red cup",
        "sub/0003.jpg, sub",
    ]
    edit = page.field.edit
    assert page.focusWidget() is edit
    type_in(qtbot, page, "black")
    qtbot.keyClick(edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    type_in(qtbot, page, "dark")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert edit.toPlainText() == "a blue square\n一个蓝色方块"
    qtbot.keyClick(edit, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    assert page.current == 2
    assert "file's name" in page.field.hint.text()
    type_in(qtbot, page, " of tea")
    qtbot.keyClick(edit, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    assert page.current == 1
    assert not list(folder.glob("0001.txt"))
    with qtbot.waitSignal(page.savedSome):
        save(qtbot, page)
    assert (folder / "0001.txt").read_text() == "black\ndark\n"
    assert (folder / "red cup.txt").read_text() == "red cup of tea\n"
    assert not (folder / "sub/0003.txt").exists()
    assert page.message.text() == "Captions saved: 2."
    assert not page.save.isEnabled()


def test_undo_shows_where_it_was(qtbot, page: CaptionDialog) -> None:
    edit = page.field.edit
    type_in(qtbot, page, "one")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    page.search.setText("cup")
    page.refilter()
    assert page.rows.listed == [2]
    qtbot.keyClick(edit, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert page.search.text() == ""
    assert page.current == 0
    assert edit.toPlainText() == ""
    qtbot.keyClick(edit, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert edit.toPlainText() == "one"


def test_filters_and_what_fits_none(qtbot, page: CaptionDialog) -> None:
    assert page.filter.itemText(1) == "Without a caption (1)"
    page.filter.setCurrentIndex(page.filter.findData(LACKING))
    assert page.rows.listed == [0]
    type_in(qtbot, page, "now it has one")
    assert page.rows.listed == [0]  # it stays while it is written
    qtbot.waitUntil(lambda: page.filter.itemText(3) == "Not saved (1)")
    page.refilter()
    assert page.side.currentWidget() is page.none
    assert not page.field.edit.isEnabled()


def test_many_are_changed_after_a_count(qtbot, page: CaptionDialog) -> None:
    page.change_many(BEFORE)
    assert page.focusWidget() is page.bulk.words
    assert not page.bulk.go.isEnabled()
    page.bulk.words.setText("ohwx")
    page.bulk.recount()
    assert page.bulk.go.text() == "Change 4"
    assert page.bulk.preview.text() == "→ ohwx"
    qtbot.keyClick(page.bulk.words, Qt.Key.Key_Return)
    assert [entry.texts for entry in page.texts.entries] == [
        ("ohwx",),
        ("ohwx, a blue square", "ohwx, 一个蓝色方块"),
        ("ohwx, red cup",),
        ("ohwx, sub",),
    ]
    assert page.texts.count(CHANGED) == 4
    assert page.isVisible()  # Enter pressed no other button
    page.texts.undo.undo()
    assert page.texts.count(CHANGED) == 0
    page.search.setText("cup")
    page.refilter()
    page.bulk.open_as(REPLACE)
    page.bulk.sought.setText("RED")
    page.bulk.words.setText("green")
    page.bulk.recount()
    assert page.bulk.go.text() == "Change 1"
    page.bulk.case.setChecked(True)
    page.bulk.recount()
    assert not page.bulk.go.isEnabled()
    assert page.bulk.preview.text() == "Nothing would change."


def test_chosen_ones_alone_are_changed(page: CaptionDialog) -> None:
    page.list.selectAll()
    page.list.selectionModel().select(page.rows.index(0), page.list.selectionModel().SelectionFlag.Deselect)
    page.bulk.open_as(AFTER)
    page.bulk.words.setText("ink")
    page.bulk.recount()
    assert page.bulk.scope.text() == "3 chosen pictures"
    page.bulk.apply()
    assert page.texts.entries[0].texts == ()


@pytest.mark.parametrize("trouble", ["gone", "read-only"])
def test_a_folder_that_takes_nothing_keeps_what_was_typed(
    qtbot, page: CaptionDialog, folder: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    type_in(qtbot, page, "mine")
    real = caption_files.write_atomically
    if trouble == "gone":
        shutil.move(folder, folder.with_name("elsewhere"))
    else:

        def refuse(path: Path):  # noqa: ANN202
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(caption_files, "write_atomically", refuse)
    save(qtbot, page)
    assert page.message.text().endswith("What you wrote is kept.")
    assert page.texts.unsaved() == {"0001.png": Change((), ("mine",))}
    if trouble == "gone":
        shutil.move(folder.with_name("elsewhere"), folder)
    monkeypatch.setattr(caption_files, "write_atomically", real)
    save(qtbot, page)
    assert captions.read(folder, ["0001.png"]).texts == {"0001.png": ("mine",)}


def test_what_another_program_wrote_meanwhile_is_asked_about(qtbot, page: CaptionDialog, folder: Path) -> None:
    type_in(qtbot, page, "mine")
    (folder / "0001.txt").write_text("theirs")
    save(qtbot, page)
    assert (folder / "0001.txt").read_text() == "theirs"
    assert "1 of these pictures" in page.message.text()
    save(qtbot, page)
    assert (folder / "0001.txt").read_text() == "mine\n"


def test_a_kill_between_typing_and_saving_loses_nothing(
    qtbot, studio: Studio, page: CaptionDialog, folder: Path
) -> None:
    info = studio.info
    assert info is not None
    drafts = Drafts(info.folder, folder)
    type_in(qtbot, page, "half a sent")
    qtbot.waitUntil(lambda: drafts.read() == {"0001.png": Change((), ("half a sent",))})
    page.done(0)  # nothing more is written: as if it were killed
    again = opened(qtbot, studio, folder)
    assert again.field.edit.toPlainText() == "half a sent"
    assert "not saved yet: 1" in again.message.text()
    save(qtbot, again)
    qtbot.waitUntil(lambda: not drafts.path.exists())
    assert (folder / "0001.txt").read_text() == "half a sent\n"


def test_a_kill_while_it_is_saved_leaves_only_what_was_not_saved_to_be_done(
    qtbot, studio: Studio, folder: Path
) -> None:
    info = studio.info
    assert info is not None
    drafts = Drafts(info.folder, folder)
    drafts.keep({"0001.png": Change((), ("saved",)), "sub/0003.jpg": Change((), ("not yet",))})
    drafts.keep({"gone.png": Change((), ("of a picture that is elsewhere",))})
    (folder / "0001.txt").write_text("saved\n")
    page = opened(qtbot, studio, folder)
    assert page.texts.unsaved() == {"sub/0003.jpg": Change((), ("not yet",))}
    qtbot.waitUntil(lambda: set(drafts.read()) == {"sub/0003.jpg", "gone.png"})
    save(qtbot, page)
    qtbot.waitUntil(lambda: set(drafts.read()) == {"gone.png"})


def test_leaving_asks_once_and_does_what_was_said(qtbot, studio: Studio, page: CaptionDialog, folder: Path) -> None:
    info = studio.info
    assert info is not None
    drafts = Drafts(info.folder, folder)
    type_in(qtbot, page, "a")
    page.reject()
    assert page.isVisible()
    asked(page).reject()
    qtbot.waitUntil(lambda: page.leaving is None)
    page.reject()
    asked(page).buttons["later"].click()
    assert not page.isVisible()
    qtbot.waitUntil(lambda: bool(drafts.read()))
    again = opened(qtbot, studio, folder)
    again.reject()
    asked(again).buttons["discard"].click()
    qtbot.waitUntil(lambda: not drafts.path.exists())
    assert not (folder / "0001.txt").exists()
    last = opened(qtbot, studio, folder)
    type_in(qtbot, last, "b")
    last.reject()
    asked(last).buttons["save"].click()
    qtbot.waitUntil(lambda: not last.isVisible())
    assert (folder / "0001.txt").read_text() == "b\n"
    last.reject()


def test_without_a_project_to_remember_in_it_can_be_saved_or_discarded_only(
    qtbot, studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = studio.info
    assert info is not None
    monkeypatch.setattr(type(studio), "info", property(lambda _studio: replace(info, read_only=True)))
    page = opened(qtbot, studio, folder)
    assert not page.describe.isEnabled()
    qtbot.keyClicks(page.field.edit, "mine")
    page.reject()
    assert set(asked(page).buttons) == {"save", "discard"}
    asked(page).buttons["save"].click()
    qtbot.waitUntil(lambda: not page.isVisible())
    assert (folder / "0001.txt").read_text() == "mine\n"
    assert not Drafts(info.folder, folder).path.exists()


def test_empty_and_missing_folders_say_so(qtbot, studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    page = opened(qtbot, studio, tmp_path / "empty")
    assert page.pages.currentWidget() is page.empty
    assert not page.search.isEnabled()
    page.reject()
    page = opened(qtbot, studio, tmp_path / "nowhere")
    assert page.pages.currentWidget() is page.empty
    page.reject()


def test_it_speaks_chinese_while_it_is_open(qtbot, qapp, page: CaptionDialog) -> None:
    switch_language(qapp, "zh_CN")
    try:
        qtbot.waitUntil(lambda: page.filter.itemText(1) == "没有说明文字（1）")
        assert page.bulk.kind.itemText(2) == "查找并替换"
    finally:
        switch_language(qapp, "en")


def test_ten_thousand_pictures_are_listed_and_only_those_seen_are_read(
    qtbot, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    Image.new("RGB", (32, 32), "teal").save(folder / "first.png")
    data = (folder / "first.png").read_bytes()
    for number in range(10_000 if os.environ.get("AIGC_STUDIO_SLOW_TESTS") else 1_000):
        (folder / f"{number:05}.png").write_bytes(data)
    page = opened(qtbot, studio, folder)
    asked: set[str] = set()
    real = page.small.image
    monkeypatch.setattr(page.small, "image", lambda path: (asked.add(str(path)), real(path))[1])
    page.list.scrollToBottom()
    QTest.qWait(0)
    page.list.viewport().repaint()
    assert 0 < len(asked) < 40

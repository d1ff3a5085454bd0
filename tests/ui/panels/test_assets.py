"""The Assets panel over the real Studio and a real project: finding, boards, trash with undo, files in and out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QApplication, QFileDialog

from aigc_studio.core.i18n import set_language
from aigc_studio.core.settings import Settings
from aigc_studio.ui.assets.boards import Place
from aigc_studio.ui.assets.model import ASSET_MIME, asset_ids_of
from aigc_studio.ui.dialogs.confirm import ConfirmDialog
from aigc_studio.ui.dropping.payload import Payload
from aigc_studio.ui.panels.assets import AssetsPanel
from aigc_studio.ui.studio import Studio


def picture(number: int, size: tuple[int, int] = (24, 18)) -> Image.Image:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[..., number % 3] = 40 + 20 * (number % 10)
    return Image.fromarray(pixels)


@pytest.fixture
def studio(qtbot, tmp_path):
    studio = Studio(Settings())
    with qtbot.waitSignal(studio.projectOpened):
        studio.create_project(tmp_path / "project", "Spring")
    yield studio
    with qtbot.waitSignal(studio.projectClosed):
        studio.close_project()
    studio.shutdown()


@pytest.fixture
def panel(qtbot, studio):
    panel = AssetsPanel(studio)
    qtbot.addWidget(panel)
    panel.resize(1000, 640)
    panel.show()
    yield panel
    panel._loader.wait()


@pytest.fixture
def filled(qtbot, studio, panel):
    """Six pictures: "red sunset 0" ... and two with Chinese titles."""

    def fill(project) -> None:
        for number in range(4):
            project.store_image(picture(number), title=f"red sunset {number}")
        project.store_image(picture(5), title="山水之间")
        project.store_image(picture(6), title="水墨江南")

    studio.store(fill)
    qtbot.waitUntil(lambda: panel._model.rowCount() == 6)
    return panel


def titles(panel) -> list[str]:
    return [asset.title for row in range(panel._model.rowCount()) if (asset := panel._model.asset(row))]


def choose(panel, *rows: int) -> None:
    selection = panel._grid.selectionModel()
    selection.clearSelection()
    for row in rows:
        selection.select(panel._model.index(row, 0), selection.SelectionFlag.Select)
    panel._grid.setFocus()


def test_an_empty_project_says_what_to_do(panel):
    assert panel._stack.currentWidget() is panel._empty
    assert "Drop pictures" in panel._empty._text.text()


def test_two_character_chinese_words_and_english_words_are_found(qtbot, filled):
    filled._search.setText("江南")
    qtbot.waitUntil(lambda: titles(filled) == ["水墨江南"])
    filled._search.setText("sunset")
    qtbot.waitUntil(lambda: filled._model.rowCount() == 4)
    filled._search.setText("no such thing")
    qtbot.waitUntil(lambda: filled._stack.currentWidget() is filled._empty)
    assert filled._empty._title.text() == "Nothing found"
    filled._search.clear()
    qtbot.waitUntil(lambda: filled._model.rowCount() == 6)


def test_delete_moves_to_the_trash_and_undo_puts_it_back(qtbot, filled):
    choose(filled, 0, 1)
    offered = QSignalSpy(filled.undoOffered)
    filled._delete()
    qtbot.waitUntil(lambda: filled._model.rowCount() == 4)
    text, undo = offered.at(0)
    assert text == "2 assets moved to the trash."
    undo()
    qtbot.waitUntil(lambda: filled._model.rowCount() == 6)


def test_the_delete_key_works_in_the_grid_only(qtbot, filled):
    choose(filled, 0)
    filled._search.setFocus()
    filled._search.setText("x")
    qtbot.keyClick(filled._search, Qt.Key.Key_Delete)
    assert filled._studio.reader.count(filled._model.query) >= 0
    filled._search.clear()
    qtbot.waitUntil(lambda: filled._model.rowCount() == 6)
    choose(filled, 0)
    qtbot.keyClick(filled._grid, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: filled._model.rowCount() == 5)


def test_after_a_deletion_the_next_one_is_chosen(qtbot, filled):
    before = titles(filled)
    choose(filled, 2)
    qtbot.keyClick(filled._grid, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: [asset.title for asset in filled._grid.assets()] == [before[3]])
    choose(filled, 4)
    qtbot.keyClick(filled._grid, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: [asset.title for asset in filled._grid.assets()] == [before[4]])


def test_nothing_is_deleted_for_ever_without_a_question(qtbot, studio, filled):
    choose(filled, 0, 1)
    filled._delete()
    qtbot.waitUntil(lambda: filled._model.rowCount() == 4)
    filled._boards.choose(Place("trash"))
    qtbot.waitUntil(lambda: filled._model.rowCount() == 2)
    choose(filled, 0)
    path = studio.reader.path(filled._model.asset(0))
    assert filled._details._open.text() == "Put back"
    qtbot.keyClick(filled._grid, Qt.Key.Key_Delete)
    dialog = filled.findChild(ConfirmDialog)
    assert filled._model.asset(0).title in dialog.text.text()
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert dialog.isHidden()
    assert path.exists()
    dialog.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    choose(filled, 0)
    qtbot.keyClick(filled._grid, Qt.Key.Key_Delete)
    filled.findChild(ConfirmDialog).go.click()
    qtbot.waitUntil(lambda: filled._model.rowCount() == 1)
    assert filled._count.text() == "1 asset"
    assert not path.exists()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert filled._import.isHidden()
    filled._sweep.click()
    filled.findChild(ConfirmDialog).go.click()
    qtbot.waitUntil(lambda: filled._model.rowCount() == 0)
    assert not filled._commands["empty"].isEnabled()
    assert not filled._sweep.isEnabled()
    filled._boards.choose(Place("all"))
    assert filled._model.rowCount() == 4
    assert filled._sweep.isHidden()


def test_the_actions_follow_the_choice(qtbot, filled):
    filled._grid.selectionModel().clearSelection()
    enabled = {id for id, action in filled._commands.items() if action.isEnabled()}
    assert enabled == {"find", "import", "board"}
    choose(filled, 0)
    assert {"open", "rename", "star", "copy", "export", "trash"} <= {
        id for id, action in filled._commands.items() if action.isEnabled()
    }
    choose(filled, 0, 1)
    assert not filled._commands["open"].isEnabled()
    keys = [action.shortcut().toString() for action in filled._commands.values() if action.isEnabled()]
    assert len([key for key in keys if key]) == len({key for key in keys if key})


def test_a_title_is_typed_and_the_keyboard_goes_back_to_the_grid(qtbot, studio, filled):
    choose(filled, 0)
    asset = filled._model.asset(0)
    filled._commands["rename"].trigger()
    title = filled._details._title
    qtbot.keyClicks(title, "hero")
    left = QSignalSpy(filled._details.titleLeft)
    qtbot.keyClick(title, Qt.Key.Key_Return)
    assert left.count() == 1
    assert filled.focusWidget() is filled._grid
    qtbot.waitUntil(lambda: studio.reader.asset(asset.id).title == "hero")


def test_a_filter_that_hides_everything_does_not_say_that_nothing_is_there(qtbot, filled):
    filled._kinds.button(2).click()
    qtbot.waitUntil(lambda: filled._stack.currentWidget() is filled._empty)
    assert filled._empty._title.text() == "None of this kind here"
    filled._boards.choose(Place("trash"))
    assert filled._empty._title.text() == "The trash is empty"


def test_two_pictures_can_be_compared_and_any_looked_at(qtbot, filled):
    asked, looked = QSignalSpy(filled.compareRequested), QSignalSpy(filled.viewRequested)
    choose(filled, 0, 1)
    button = filled._details._several.itemAt(1).widget()
    assert button.isVisible()
    button.click()
    chosen = filled._grid.assets()
    assert asked.at(0) == [*chosen, None]
    choose(filled, 2)
    assert not button.isVisible()
    filled._grid.setCurrentIndex(filled._model.index(2, 0))
    filled._commands["view"].trigger()
    reel, row = looked.at(0)
    assert row == 2
    assert reel.count() == 6
    assert reel.asset(row).id == filled._details.asset.id


def test_the_picture_in_the_details_is_zoomed(qtbot, filled):
    choose(filled, 0)
    view = filled._details.view
    assert not view.isHidden()
    before = view.transform.scale
    view.zoom(8.0)
    qtbot.waitUntil(lambda: view.picture is not None)
    assert view.transform.scale > before
    looked = QSignalSpy(filled.viewRequested)
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton)
    assert looked.count() == 1
    view.repaint()


def test_export_writes_over_nothing(qtbot, studio, filled, tmp_path, monkeypatch):
    choose(filled, 0, 1)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    names = [studio.reader.path(asset).name for asset in filled._grid.assets()]
    (tmp_path / names[0]).write_bytes(b"mine")
    said = QSignalSpy(filled.noticed)
    filled._commands["export"].trigger()
    qtbot.waitUntil(lambda: said.count() == 1)
    assert (tmp_path / names[0]).read_bytes() == b"mine"
    assert len([path for path in tmp_path.iterdir() if path.suffix == ".png"]) == 3


def test_star_and_the_starred_place(qtbot, filled):
    choose(filled, 2)
    starred = filled._model.asset(2).title
    qtbot.keyClick(filled._grid, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: filled._model.asset(2).starred)
    filled._boards.choose(Place("starred"))
    qtbot.waitUntil(lambda: titles(filled) == [starred])


def test_boards_are_made_filled_renamed_and_removed_with_undo(qtbot, studio, filled):
    choose(filled, 0, 1)
    filled._create_board()
    qtbot.waitUntil(lambda: bool(studio.reader.boards()) and filled._boards.place().board != "")
    board = studio.reader.boards()[0]
    assert board.count == 2
    filled._boards.renamed.emit(board.id, "海报")
    qtbot.waitUntil(lambda: studio.reader.boards()[0].title == "海报")
    filled._boards.choose(Place(board=board.id))
    qtbot.waitUntil(lambda: filled._model.rowCount() == 2)
    offered = QSignalSpy(filled.undoOffered)
    filled._boards.removeRequested.emit(board.id)
    qtbot.waitUntil(lambda: not studio.reader.boards() and offered.count() == 1)
    qtbot.waitUntil(lambda: filled._model.rowCount() == 6)
    offered.at(0)[1]()
    qtbot.waitUntil(lambda: [(known.title, known.count) for known in studio.reader.boards()] == [("海报", 2)])


def drop(panel, paths: list[Path]) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(300, 300), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    panel.dropEvent(event)
    assert event.isAccepted()


def test_dropped_files_and_folders_arrive_and_the_bad_ones_are_named(qtbot, studio, panel, tmp_path):
    folder = tmp_path / "from outside"
    (folder / "deeper").mkdir(parents=True)
    picture(1).save(folder / "one.png")
    picture(2).save(folder / "deeper" / "two.jpg")
    (folder / ".hidden.png").write_bytes(b"x")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    problems = QSignalSpy(studio.problem)
    drop(panel, [folder])
    qtbot.waitUntil(lambda: problems.count() == 1)
    assert sorted(titles(panel)) == ["one", "two"]
    sentence = str(problems.at(0)[0])
    assert sentence.startswith("2 imported, 1 left out: ")
    assert "broken" in sentence


def test_a_dropped_web_address_is_answered_not_ignored(qtbot, studio, panel):
    problems = QSignalSpy(studio.problem)
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/picture.png")])
    panel.take_drop(Payload.read(data))
    qtbot.waitUntil(lambda: problems.count() == 1)
    assert "https://example.org/picture.png" in str(problems.at(0)[0])


def test_copying_puts_real_files_on_the_clipboard(qtbot, studio, filled):
    choose(filled, 0, 3)
    filled._copy()
    mime = QGuiApplication.clipboard().mimeData()
    assert len(asset_ids_of(mime)) == 2
    assert all(Path(url.toLocalFile()).is_file() for url in mime.urls())
    assert mime.hasFormat(ASSET_MIME)


def test_details_follow_the_choice_and_rename(qtbot, studio, filled):
    choose(filled, 1)
    asset = filled._model.asset(1)
    assert filled._details.asset == asset
    assert filled._details._title.text() == asset.title
    filled._details._title.setText("a better title")
    filled._details._title.editingFinished.emit()
    qtbot.waitUntil(lambda: studio.reader.asset(asset.id).title == "a better title")
    choose(filled, 1, 2, 3)
    assert filled._details._hint.text() == "3 assets chosen"


def test_thumbnails_come_and_show_the_picture(qtbot, filled):
    asset = filled._model.asset(0)
    qtbot.waitUntil(lambda: (pixmap := filled._loader.pixmap(asset.id)) is not None and not pixmap.isNull())
    image = filled._loader.pixmap(asset.id).toImage()
    assert image.width() / image.height() == pytest.approx(24 / 18, rel=0.1)


def test_the_language_switches_live(qtbot, filled):
    set_language("zh_CN")
    filled.retranslate()
    filled._boards.retranslate()
    assert filled._import.text() == "导入…"
    assert filled._boards.item(0).text() == "全部素材"
    assert filled._count.text() == "6 个素材"


def test_state_is_remembered_and_nonsense_in_it_is_ignored(filled):
    filled._grid.set_side(256)
    state = filled.save_state()
    filled._grid.set_side(96)
    filled.restore_state({"side": "wide", "order": 7, "splitter": "x"})
    assert filled._grid.side == 96
    filled.restore_state(state)
    assert filled._grid.side == 256


def test_show_asset_leaves_the_search_when_it_must(qtbot, studio, filled):
    wanted = next(filled._model.asset(row) for row in range(6) if filled._model.asset(row).title == "red sunset 0")
    filled._search.setText("江南")
    qtbot.waitUntil(lambda: filled._model.rowCount() == 1)
    filled.show_asset(wanted.id)
    assert [asset.id for asset in filled._grid.assets()] == [wanted.id]


def test_details_of_a_text_show_its_words_as_they_are(qtbot, studio, panel, tmp_path):
    (tmp_path / "line.md").write_text("<b>春风</b> & spring\n", encoding="utf-8")
    drop(panel, [tmp_path / "line.md"])
    qtbot.waitUntil(lambda: panel._model.rowCount() == 1)
    choose(panel, 0)
    assert panel._details._picture.text() == "<b>春风</b> & spring"

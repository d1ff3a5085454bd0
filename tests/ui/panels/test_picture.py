"""The Picture panel on a real Studio, with the painter in its real child: what a designer does, start to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSize, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QAbstractButton, QComboBox, QFileDialog, QSlider
from pytestqt.qtbot import QtBot

from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import StudioError
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.requests import Request
from aigc_studio.ui.canvas.view import ASSETS_MIME
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.panels.picture import PicturePanel
from aigc_studio.ui.studio import Studio

TIMEOUT = 20_000
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def panel(qtbot: QtBot, studio: Studio) -> Iterator[PicturePanel]:
    """The panel in a window of its own, small pictures chosen."""
    panel = PicturePanel(studio)
    qtbot.addWidget(panel)
    panel.resize(1000, 680)
    panel.show()
    panel.inspector.form.set_values({"size": (96, 64)})
    yield panel
    panel.hide()


def ready(panel: PicturePanel, count: int) -> bool:
    """`count` pictures are listed, none is being made, the one on show has been read."""
    return len(panel.session.candidates) == count and panel.session.job is None and panel.canvas.picture is not None


def make(qtbot: QtBot, panel: PicturePanel, prompt: str = "blue waves", count: int = 1) -> Asset:
    """Generate and wait; the picture on show."""
    panel.inspector.set_mode("generate")
    panel.inspector.prompt.set_text(prompt)
    set_count(panel, count)
    before = len(panel.session.candidates)
    panel.generate()
    qtbot.waitUntil(lambda: ready(panel, before + count), timeout=TIMEOUT)
    assert panel.session.shown is not None
    return panel.session.shown


def set_count(panel: PicturePanel, count: int) -> None:
    """How many are wanted."""
    assert panel.inspector.form.count_field is not None
    panel.inspector.form.count_field.set_value(count)


def pixels(studio: Studio, asset: Asset) -> np.ndarray:
    """uint8 (h, w, 3) of an asset's file."""
    assert studio.reader is not None
    with Image.open(studio.reader.path(asset)) as image:
        return np.asarray(image.convert("RGB"))


def select(qtbot: QtBot, panel: PicturePanel, *box: int) -> None:
    """Drag a rectangle (left, top, right, bottom; picture pixels) with the rectangle tool."""
    canvas = panel.canvas
    canvas.choose_tool("rectangle")
    start = canvas.transform.to_view(QPointF(box[0], box[1])).toPoint()
    end = canvas.transform.to_view(QPointF(box[2], box[3])).toPoint()
    qtbot.mousePress(canvas, LEFT, NONE, start)
    qtbot.mouseMove(canvas, end)
    qtbot.mouseRelease(canvas, LEFT, NONE, end)


def change(qtbot: QtBot, panel: PicturePanel, prompt: str, count: int = 1) -> Asset:
    """Ask for the selected part to be changed and wait; the candidate on show."""
    panel.inspector.prompt.set_text(prompt)
    set_count(panel, count)
    before = len(panel.session.candidates)
    panel.inspector.go.click()
    qtbot.waitUntil(lambda: ready(panel, before + count), timeout=TIMEOUT)
    assert panel.session.shown is not None
    return panel.session.shown


def activate(qtbot: QtBot, panel: PicturePanel) -> None:
    """Keys reach shortcuts only in the active window."""
    with qtbot.waitActive(panel):
        panel.activateWindow()
    panel.canvas.setFocus()


def test_from_a_prompt_to_candidates(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """Typed, Ctrl+Enter, shown: as many as asked for, each with its own seed in its own file."""
    assert panel.welcome.isVisible()
    edit = panel.inspector.prompt.edit
    edit.setFocus()
    qtbot.keyClicks(edit, "calm blue waves")
    set_count(panel, 3)
    qtbot.keyClick(edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert not panel.welcome.isVisible()
    assert panel.inspector.go.text() == "Cancel"
    qtbot.waitUntil(lambda: ready(panel, 3), timeout=TIMEOUT)
    assert panel.inspector.go.text() == "Generate 3 pictures"
    first = panel.session.candidates[0]
    assert panel.session.base == panel.session.shown == first
    assert panel.canvas.picture_size == QSize(96, 64)
    assert studio.reader is not None
    recipes = [read_recipe(studio.reader.path(asset)) for asset in panel.session.candidates]
    assert len({recipe["seed"] for recipe in recipes if recipe}) == 3
    assert all(recipe and recipe["request"]["prompt"] == "calm blue waves" for recipe in recipes)


def test_an_example_is_one_click(qtbot: QtBot, panel: PicturePanel) -> None:
    """From the empty canvas to a picture."""
    qtbot.mouseClick(panel.welcome.examples[0], LEFT)
    assert panel.inspector.prompt.text() == panel.welcome.examples[0].text()
    qtbot.waitUntil(lambda: ready(panel, 1), timeout=TIMEOUT)


@pytest.mark.parametrize(
    ("prompt", "line"),
    [("red waves and a cat", "Understood: red, waves · Not: cat"), ("蓝色的波浪", "Understood: 蓝色, 波浪")],
)
def test_what_was_understood_stands_below_the_prompt(qtbot: QtBot, panel: PicturePanel, prompt: str, line: str) -> None:
    """Live, in both languages; with a way to a model that knows more only where something was not understood."""
    box = panel.inspector.prompt
    box.edit.insertPlainText(prompt)
    qtbot.waitUntil(lambda: box.notice.text() == line, timeout=3000)
    assert box.link.isVisibleTo(panel) == ("Not" in line)
    box.edit.clear()
    qtbot.waitUntil(lambda: not box.notice.isVisibleTo(panel), timeout=3000)


def test_cancel_leaves_what_is_finished(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """The button that started it stops it; the panel is ready again."""
    panel.inspector.form.set_values({"size": (512, 512)})
    panel.inspector.prompt.set_text("wild marble")
    set_count(panel, 60)
    panel.inspector.go.click()
    qtbot.waitUntil(lambda: len(panel.session.candidates) >= 1, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: panel.inspector._started.elapsed() > 450, timeout=3000)  # later than a double click
    with qtbot.waitSignal(studio.jobFinished, timeout=5000):
        panel.inspector.go.click()
    qtbot.waitUntil(lambda: panel.session.job is None, timeout=5000)
    kept = len(panel.session.candidates)
    assert 1 <= kept < 60
    assert panel.inspector.go.text().startswith("Generate")
    assert panel.strip.model().rowCount() == kept
    assert studio.reader is not None
    assert all(studio.reader.path(asset).is_file() for asset in panel.session.candidates)


def test_changing_a_part_leaves_every_other_pixel(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """Bit for bit outside mask and soft edge; kept, undone and made again; the lineage is recorded."""
    base = make(qtbot, panel)
    select(qtbot, panel, 30, 20, 60, 40)
    assert panel.inspector.mode == "inpaint"
    mask = panel.canvas.selection.pixels.copy()
    panel.inspector.form.set_values({"feather": 5})
    result = change(qtbot, panel, "golden stripes", count=2)
    assert panel.session.proposing
    assert panel.session.base == base
    before, after = pixels(studio, base), pixels(studio, result)
    rows, columns = np.nonzero(mask)
    near = np.zeros(mask.shape, bool)
    near[max(0, rows.min() - 6) : rows.max() + 7, max(0, columns.min() - 6) : columns.max() + 7] = True
    assert (before[~near] == after[~near]).all()
    assert (before[mask == 255] != after[mask == 255]).any()
    reader = studio.reader
    assert reader is not None
    parents = [reader.asset(id) for id in reader.parents(result.id)]
    assert {asset.kind for asset in parents if asset} == {"image", "mask"}
    qtbot.waitUntil(lambda: panel.canvas.can_compare, timeout=3000)

    panel.candidate_bar.keep.click()
    assert panel.session.base == result
    assert panel.canvas.selection.empty
    panel.undo_stack.undo()
    assert panel.session.base == base
    assert panel.session.shown == base
    assert (panel.canvas.selection.pixels == mask).all()
    panel.undo_stack.undo()
    assert panel.canvas.selection.empty
    panel.undo_stack.redo()
    panel.undo_stack.redo()
    assert panel.session.base == result


def test_the_same_selection_is_stored_once(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """Trying again with other words uses the mask that is there."""
    make(qtbot, panel)
    select(qtbot, panel, 30, 20, 60, 40)
    reader = studio.reader
    assert reader is not None
    masks = {recipe_mask(studio, change(qtbot, panel, words)) for words in ("red", "green")}
    assert len(masks) == 1


def recipe_mask(studio: Studio, asset: Asset) -> str:
    """The id of the mask an asset was made with."""
    assert studio.reader is not None
    recipe = studio.reader.recipe(asset.id)
    assert recipe is not None
    return recipe["request"]["inputs"]["mask"]


def test_drawing_on_a_candidate_decides_for_it(qtbot: QtBot, panel: PicturePanel) -> None:
    """Nobody draws on one picture and changes another."""
    make(qtbot, panel, count=2)
    panel.session.step(1)
    qtbot.waitUntil(lambda: panel.canvas.picture is not None, timeout=3000)
    candidate = panel.session.shown
    assert panel.session.proposing
    select(qtbot, panel, 10, 10, 30, 30)
    assert panel.session.base == candidate
    assert not panel.canvas.selection.empty
    panel.undo_stack.undo()
    assert panel.canvas.selection.empty
    panel.undo_stack.undo()
    assert panel.session.base == panel.session.candidates[0]


def test_a_variation_comes_from_the_picture(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """By one key; its parent is recorded, and it keeps what was chosen as far as a variation can."""
    panel.inspector.form.set_values({"palette": "nordic", "detail": 0.8})
    base = make(qtbot, panel)
    panel.canvas.setFocus()
    panel.acts["variation"].trigger()
    qtbot.waitUntil(lambda: ready(panel, 2), timeout=TIMEOUT)
    child = panel.session.shown
    assert child is not None
    assert child.id != base.id
    assert studio.reader is not None
    assert studio.reader.parents(child.id) == [base.id]
    recipe = studio.reader.recipe(child.id)
    assert recipe is not None
    assert recipe["request"]["params"] == {"palette": "nordic"}
    panel.acts["start"].trigger()
    assert panel.inspector.mode == "variation"


def test_the_settings_of_a_picture_make_it_again(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """Prompt, seed and parameters from its recipe: equal pixels."""
    panel.inspector.form.set_values({"detail": 0.8, "symmetry": "horizontal"})
    first = make(qtbot, panel, "warm sunset")
    panel.inspector.form.set_values({"detail": 0.1, "symmetry": "none", "size": (64, 64)})
    panel.inspector.prompt.set_text("something else")
    panel.acts["use_all"].trigger()
    assert panel.inspector.prompt.text() == "warm sunset"
    panel.generate()
    qtbot.waitUntil(lambda: ready(panel, 2), timeout=TIMEOUT)
    again = panel.session.shown
    assert again is not None
    assert again.id != first.id
    assert (pixels(studio, first) == pixels(studio, again)).all()


def test_files_come_in_by_drop_and_by_clipboard(
    qtbot: QtBot, panel: PicturePanel, tmp_path: Path, studio: Studio
) -> None:
    """A picture file is copied in and opened; a picture in the clipboard too; other files are said to be elsewhere."""
    Image.fromarray(np.full((50, 70, 3), 90, np.uint8)).save(tmp_path / "photo.jpg")
    (tmp_path / "notes.txt").write_text("hello")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in ("photo.jpg", "notes.txt")])
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, LEFT, NONE)
    with qtbot.waitSignal(panel.noticed, timeout=5000):
        panel.canvas.dropEvent(event)
    qtbot.waitUntil(lambda: panel.canvas.picture is not None, timeout=5000)
    assert panel.canvas.picture_size == QSize(70, 50)
    assert panel.session.shown is not None
    assert panel.session.shown.origin == "imported"
    image = QImage(33, 21, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(image)
    panel.acts["paste"].trigger()
    qtbot.waitUntil(lambda: panel.canvas.picture_size == QSize(33, 21), timeout=5000)
    assert panel.session.shown is not None
    assert (pixels(studio, panel.session.shown) == (255, 0, 0)).all()
    panel.undo_stack.undo()
    assert panel.canvas.picture_size == QSize(70, 50)


def test_pictures_go_out_as_real_files(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """Dragged from the strip: our ids and a file that is there; copied: the pixels."""
    asset = make(qtbot, panel)
    model = panel.strip.model()
    data = model.mimeData([model.index(0, 0)])
    assert json.loads(bytes(data.data(ASSETS_MIME).data())) == [asset.id]
    assert Path(data.urls()[0].toLocalFile()).is_file()
    panel.acts["copy"].trigger()
    image = QGuiApplication.clipboard().image()
    assert (image.width(), image.height()) == (96, 64)
    own = QMimeData()
    own.setData(ASSETS_MIME, json.dumps([asset.id]).encode())
    panel.canvas.dropped.emit(own)
    assert panel.session.base is not None
    assert panel.session.base.id == asset.id


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_saved_picture_carries_its_recipe(
    qtbot: QtBot, panel: PicturePanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """In every format that is offered."""
    make(qtbot, panel, "pastel clouds")
    target = tmp_path / f"out{suffix}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(target), ""))
    with qtbot.waitSignal(panel.noticed, timeout=5000):
        panel.acts["export"].trigger()
    recipe = read_recipe(target)
    assert recipe is not None
    assert recipe["request"]["prompt"] == "pastel clouds"


def test_deleting_is_undone_and_the_panel_goes_on(qtbot: QtBot, panel: PicturePanel) -> None:
    """The candidate on show, then the base itself."""
    make(qtbot, panel, count=2)
    panel.session.step(1)
    with qtbot.waitSignal(panel.undoOffered, timeout=5000) as offered:
        panel.acts["trash"].trigger()
    qtbot.waitUntil(lambda: len(panel.session.candidates) == 1, timeout=5000)
    assert panel.session.shown == panel.session.base
    assert offered.args is not None
    offered.args[1]()
    qtbot.waitUntil(lambda: len(panel.session.candidates) == 2, timeout=5000)
    base = panel.session.base
    panel.acts["trash"].trigger()
    qtbot.waitUntil(lambda: panel.session.base is not None and panel.session.base != base, timeout=5000)
    panel.acts["trash"].trigger()
    qtbot.waitUntil(lambda: panel.welcome.isVisible(), timeout=5000)
    assert panel.session.base is None


def test_a_star_shows_at_once(qtbot: QtBot, panel: PicturePanel) -> None:
    """On the picture, in the strip, and off again."""
    make(qtbot, panel)
    panel.acts["star"].trigger()
    qtbot.waitUntil(lambda: bool(panel.session.shown and panel.session.shown.starred), timeout=5000)
    assert panel.acts["star"].isChecked()
    assert panel.strip.assets[0].starred
    panel.acts["star"].trigger()
    qtbot.waitUntil(lambda: bool(panel.session.shown and not panel.session.shown.starred), timeout=5000)


def test_single_keys_belong_to_the_canvas_and_letters_to_the_prompt(qtbot: QtBot, panel: PicturePanel) -> None:
    """B on the canvas is the brush; B in the prompt is a b."""
    make(qtbot, panel)
    activate(qtbot, panel)
    for key, tool in (
        ("b", "brush"),
        ("e", "eraser"),
        ("x", "brush"),
        ("r", "rectangle"),
        ("l", "lasso"),
        ("m", "rectangle"),
        ("h", "hand"),
    ):
        qtbot.keyClicks(panel.canvas, key)
        assert panel.canvas.tool.id == tool, key
    qtbot.keyClicks(panel.canvas, "1")
    assert panel.canvas.transform.scale == 1.0
    qtbot.keyClicks(panel.canvas, "4")
    assert panel.canvas.transform.scale == 4.0
    qtbot.keyClicks(panel.canvas, "0")
    assert panel.canvas.transform.fitted
    size = panel.canvas.brush.diameter
    qtbot.keyClicks(panel.canvas, "]")
    assert panel.canvas.brush.diameter > size
    edit = panel.inspector.prompt.edit
    edit.setFocus()
    qtbot.keyClicks(edit, "bex10")
    assert edit.toPlainText().endswith("bex10")
    qtbot.keyClick(edit, Qt.Key.Key_Tab)
    assert panel.inspector.model.hasFocus()
    assert panel.canvas.tool.id == "hand"


def test_everything_by_keyboard(qtbot: QtBot, panel: PicturePanel) -> None:
    """Select all, change it, keep it, compare, go back: no mouse."""
    make(qtbot, panel)
    activate(qtbot, panel)
    qtbot.keyClick(panel.canvas, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert not panel.canvas.selection.empty
    qtbot.keyClick(panel.canvas, Qt.Key.Key_I)
    assert panel.canvas.selection.empty
    qtbot.keyClick(panel.canvas, Qt.Key.Key_I)
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: ready(panel, 2) and panel.canvas.can_compare, timeout=TIMEOUT)
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Y)
    assert panel.canvas.slider
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Y)
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Escape)
    assert not panel.session.proposing
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Period)
    assert panel.session.proposing
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Return)
    assert not panel.session.proposing
    assert panel.session.base == panel.session.candidates[1]


def test_the_strip_by_keyboard(qtbot: QtBot, panel: PicturePanel) -> None:
    """Arrows show, Enter keeps."""
    make(qtbot, panel, count=3)
    panel.strip.setFocus()
    qtbot.keyClick(panel.strip, Qt.Key.Key_Right)
    assert panel.session.shown == panel.session.candidates[1]
    qtbot.keyClick(panel.strip, Qt.Key.Key_Return)
    assert panel.session.base == panel.session.candidates[1]


def test_both_languages_live(qtbot: QtBot, panel: PicturePanel, qapp: Any) -> None:
    """Every text changes, nothing English is left; and back."""
    make(qtbot, panel)
    switch_language(qapp, "zh_CN")
    try:
        qtbot.waitUntil(lambda: panel.inspector.go.text() == "生成", timeout=3000)
        assert panel.acts["brush"].text() == "画笔"
        assert panel.acts["brush"].toolTip() == "画笔 (B)"
        assert panel.inspector.prompt.notice.text().startswith("理解：")
        assert panel.canvas.accessibleName() == "图片画布"
    finally:
        switch_language(qapp, "en")
    qtbot.waitUntil(lambda: panel.inspector.go.text() == "Generate", timeout=3000)


def test_every_control_has_a_name(panel: PicturePanel) -> None:
    """For those who listen to the window."""
    for kind in (QAbstractButton, QSlider, QComboBox):
        for control in panel.findChildren(kind):
            if control.objectName().startswith("qt_"):
                continue
            text = control.text() if isinstance(control, QAbstractButton) else ""
            assert control.accessibleName() or text or control.toolTip(), control


def test_the_work_is_found_again(qtbot: QtBot, panel: PicturePanel, studio: Studio, tmp_path: Path) -> None:
    """Closed and opened: picture, candidates, prompt, zoom, tool."""
    make(qtbot, panel, "night", count=2)
    panel.session.step(1)
    select(qtbot, panel, 10, 10, 40, 30)
    mask = panel.canvas.selection.pixels.copy()
    panel.canvas.choose_tool("lasso")
    panel.canvas.zoom(3.0)
    panel.inspector.set_mode("variation")
    state = json.loads(json.dumps(panel.save_state()))
    base, shown = panel.session.base, panel.session.shown
    with qtbot.waitSignal(studio.projectClosed, timeout=10_000):
        studio.close_project()
    assert panel.session.base is None
    assert not panel.inspector.go.isEnabled()
    with qtbot.waitSignal(studio.projectOpened, timeout=10_000):
        studio.open_project(tmp_path / "project")
    again = PicturePanel(studio)
    qtbot.addWidget(again)
    again.resize(1000, 680)
    again.restore_state(state)
    assert again.session.base == base
    assert again.session.shown == shown
    assert len(again.strip.assets) == 2
    assert (again.canvas.selection.pixels == mask).all()
    assert again.inspector.prompt.text() == "night"
    assert again.canvas.tool.id == "lasso"
    assert again.inspector.mode == "variation"
    qtbot.waitUntil(lambda: again.canvas.picture is not None, timeout=5000)
    assert again.canvas.transform.scale == 3.0
    with qtbot.waitSignal(studio.projectClosed, timeout=10_000):
        studio.close_project()
    studio.projectOpened.disconnect(again._project_opened)
    studio.projectOpened.connect(lambda _info: again.restore_state(state))  # the window hears of it first
    studio.projectOpened.connect(again._project_opened)
    with qtbot.waitSignal(studio.projectOpened, timeout=10_000):
        studio.open_project(tmp_path / "project")
    assert again.session.base == base
    assert again.session.shown == shown
    again.restore_state(
        {
            "inspector": {"mode": "future"},
            "base": "gone",
            "tool": "future",
            "brush": [],
            "candidates": None,
            "mask": "?",
        }
    )


def test_a_job_that_fails_is_said_and_the_next_one_runs(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """The picture's file was deleted behind our back: a sentence, no crash, and the panel is ready."""
    base = make(qtbot, panel)
    select(qtbot, panel, 10, 10, 40, 40)
    assert studio.reader is not None
    studio.reader.path(base).unlink()
    with qtbot.waitSignal(studio.jobFinished, timeout=TIMEOUT) as finished:
        panel.inspector.go.click()
    assert finished.args is not None
    assert isinstance(finished.args[1].error, StudioError)
    qtbot.waitUntil(lambda: panel.session.job is None, timeout=5000)
    make(qtbot, panel, "green")


def test_a_broken_picture_is_said(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """Shown as far as it can be; drawing on it is not possible."""
    assets: list[Asset] = []
    studio.store(lambda project: project.store_image(Image.new("RGB", (20, 20)), title="x"), assets.append)
    qtbot.waitUntil(lambda: bool(assets), timeout=5000)
    assert studio.reader is not None
    studio.reader.path(assets[0]).write_bytes(b"\x89PNG broken")
    with qtbot.waitSignal(studio.problem, timeout=5000):
        panel.open_asset(assets[0])
    select(qtbot, panel, 1, 1, 9, 9)
    assert panel.canvas.selection.empty


@pytest.mark.parametrize("prompt", ["", "\x00\x07 blue", "🌊🔥", "蓝" * 20_000, "a\nb\tc"])
def test_any_prompt_is_taken(qtbot: QtBot, panel: PicturePanel, prompt: str) -> None:
    """Empty, control characters, emoji, far too long: a picture or a sentence, never a hang."""
    panel.inspector.prompt.edit.setPlainText(prompt)
    assert len(panel.inspector.prompt.text()) <= 10_000
    panel.generate()
    qtbot.waitUntil(lambda: ready(panel, 1), timeout=TIMEOUT)


def test_recipes_and_texts_are_handed_over(qtbot: QtBot, panel: PicturePanel) -> None:
    """From the Assets panel and from the Write panel."""
    request = Request("image", "generate", "painter", "painter", "aurora", {"detail": 0.9}, seed=77, count=2)
    panel.reuse({"request": request.to_json(), "seed": 78})
    assert panel.inspector.prompt.text() == "aurora"
    taken = panel.inspector.request()
    assert (taken.seed, taken.params["detail"], taken.count) == (78, 0.9, 2)
    panel.receive({"text": "a line of copy"})
    assert panel.inspector.prompt.text() == "a line of copy"


def test_a_full_queue_is_shown(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """More can be added while one runs, and it says how many wait; all of them come."""
    studio.pause_all(True)
    panel.inspector.prompt.set_text("blue")
    panel.generate()
    panel.inspector.more.click()
    panel.inspector.more.click()
    assert panel.inspector.state.text() == "Waiting for its turn · 2 more waiting"
    panel.inspector.show_running(True, None, 2, begun=True)
    assert panel.inspector.state.text() == "Starting · 2 more waiting"
    assert panel.strip.model().rowCount() == 3
    studio.pause_all(False)
    qtbot.waitUntil(lambda: ready(panel, 3), timeout=TIMEOUT)
    assert len({asset.id for asset in panel.session.candidates}) == 3


def test_a_click_on_the_strip_shows_and_a_double_click_keeps(qtbot: QtBot, panel: PicturePanel) -> None:
    """By mouse."""
    make(qtbot, panel, count=3)
    place = panel.strip.visualRect(panel.strip.model().index(2, 0)).center()
    qtbot.mouseClick(panel.strip.viewport(), LEFT, NONE, place)
    assert panel.session.shown == panel.session.candidates[2]
    assert panel.session.proposing
    qtbot.mouseDClick(panel.strip.viewport(), LEFT, NONE, place)
    assert panel.session.base == panel.session.candidates[2]
    assert panel.strip.indexAt(QPoint(5000, 5)).isValid() is False


def test_a_double_click_starts_and_does_not_cancel(qtbot: QtBot, panel: PicturePanel) -> None:
    """The button turns into Cancel under the second click."""
    panel.inspector.prompt.set_text("blue")
    panel.inspector.go.click()
    panel.inspector.go.click()
    qtbot.waitUntil(lambda: ready(panel, 1), timeout=TIMEOUT)


def test_a_paused_job_does_not_hold_the_panel(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """It waits in the queue; new pictures can be made; resumed, its results come here."""
    panel.inspector.form.set_values({"size": (256, 256)})
    panel.inspector.prompt.set_text("blue")
    set_count(panel, 8)
    panel.generate()
    qtbot.waitUntil(lambda: len(panel.session.candidates) >= 1, timeout=TIMEOUT)
    job = panel.session.job
    assert job is not None
    with qtbot.waitSignal(studio.jobFinished, timeout=5000):
        studio.pause(job.id)
    assert panel.session.job is None
    assert panel.inspector.go.isEnabled()
    done = len(panel.session.candidates)
    make(qtbot, panel, "red")
    studio.resume(job.id)
    qtbot.waitUntil(lambda: ready(panel, 9), timeout=TIMEOUT)
    assert done < 9


def test_a_project_that_remembers_nothing_shows_its_newest_picture(
    qtbot: QtBot, panel: PicturePanel, studio: Studio
) -> None:
    """The panel is built when the pictures are there already."""
    make(qtbot, panel, count=2)
    other = PicturePanel(studio)
    qtbot.addWidget(other)
    assert other.session.base == panel.session.candidates[1]
    assert len(other.strip.assets) == 2


def test_another_picture_can_be_looked_at_while_one_is_made(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """The one in the making gives way on a click, and does not push itself forward."""
    first = make(qtbot, panel)
    studio.pause_all(True)
    panel.generate()
    assert panel.canvas.picture is None
    place = panel.strip.visualRect(panel.strip.model().index(0, 0)).center()
    qtbot.mouseClick(panel.strip.viewport(), LEFT, NONE, place)
    assert panel.canvas.picture is not None
    assert panel.session.shown == first
    studio.pause_all(False)
    qtbot.waitUntil(lambda: ready(panel, 2), timeout=TIMEOUT)
    assert panel.session.shown == first


def test_files_dropped_on_the_prompt_are_not_typed_into_it(panel: PicturePanel) -> None:
    """Text is."""
    edit = panel.inspector.prompt.edit
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/tmp/a.png")])
    assert not edit.canInsertFromMimeData(data)
    words = QMimeData()
    words.setText("blue\x00 \u202ewaves")
    assert edit.canInsertFromMimeData(words)
    edit.insertFromMimeData(words)
    assert "\x00" not in edit.toPlainText()


def test_escape_in_the_prompt_stops_the_job(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """Wherever in the panel the keyboard is."""
    activate(qtbot, panel)
    panel.inspector.form.set_values({"size": (1024, 1024)})
    panel.inspector.prompt.edit.setFocus()
    panel.inspector.prompt.set_text("blue")
    set_count(panel, 60)
    panel.generate()
    qtbot.waitUntil(lambda: panel.session.progress is not None, timeout=TIMEOUT)
    qtbot.keyClick(panel.inspector.prompt.edit, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: panel.session.job is None, timeout=5000)


def test_choosing_a_tool_gives_the_keyboard_to_the_canvas(panel: PicturePanel) -> None:
    panel.inspector.setFocus()
    panel.acts["brush"].setEnabled(True)  # without a picture there is nothing to paint on
    panel.acts["brush"].trigger()
    assert panel.focusWidget() is panel.canvas


def test_a_picture_that_waits_says_for_what(qtbot: QtBot, panel: PicturePanel, studio: Studio) -> None:
    """Its place is empty while others are made: it says how many, and what is being made."""
    said: list[str] = []
    show = panel.canvas.set_working

    def hear(text: str, fraction: float = 0.0) -> None:
        said.append(text)
        show(text, fraction)

    panel.canvas.set_working = hear
    panel.inspector.set_mode("generate")
    panel.inspector.prompt.set_text("red")
    for _ in range(3):
        panel.generate()
    assert said[-1].startswith("Waiting for its turn · 2 before it")
    qtbot.waitUntil(lambda: ready(panel, 3), timeout=TIMEOUT)
    assert said[-1] == ""
    assert any(" before it · now: " in text for text in said)


def test_deciding_with_the_mouse_leaves_the_keyboard_to_the_canvas(qtbot: QtBot, panel: PicturePanel) -> None:
    """The button that was pressed goes; no field of the form takes what is typed next."""
    make(qtbot, panel)
    make(qtbot, panel)
    activate(qtbot, panel)
    qtbot.mouseClick(panel.candidate_bar.keep, LEFT)
    assert panel.candidate_bar.isHidden()
    assert panel.canvas.hasFocus()

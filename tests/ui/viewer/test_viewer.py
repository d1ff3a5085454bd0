"""The viewer: one result after another over the whole screen, whatever it is, while the project changes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QApplication

from aigc_studio.core.assets import AssetQuery
from aigc_studio.ui.assets.model import AssetModel
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.viewer.opening import Viewing
from aigc_studio.ui.viewer.reel import ListReel, ModelReel
from aigc_studio.ui.viewer.viewer import Viewer
from tests.ui.history.kit import Silence, fill


@pytest.fixture
def made(qtbot, studio) -> dict[str, list[str]]:
    answers = []
    studio.store(fill, answers.append)
    qtbot.waitUntil(lambda: bool(answers))
    return answers[0]


@pytest.fixture
def viewer(qtbot, studio, made):
    """On the first of three pictures, a recording and a text."""
    ids = [*made["pictures"], *made["speech"], *made["words"]]
    viewer = Viewer(studio, ListReel([studio.reader.asset(id) for id in ids]), 0, output=Silence())
    viewer.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(viewer)
    viewer.resize(800, 600)
    viewer.show()
    yield viewer
    viewer.close()


def shown(viewer: Viewer) -> str:
    """Id of what is on the screen."""
    return viewer.asset.id if viewer.asset is not None else ""


def wheel(view, delta: int) -> None:
    point = QPointF(view.width() / 2, view.height() / 2)
    none, no_keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    phase = Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(point, view.mapToGlobal(point), QPoint(), QPoint(0, delta), none, no_keys, phase, False)
    QApplication.sendEvent(view, event)


def test_arrows_go_through_pictures_sounds_and_texts(qtbot, viewer, made):
    qtbot.waitUntil(lambda: viewer.view.picture is not None)
    seen = [viewer.asset.id]
    for page in (viewer.view, viewer.view, viewer.sound, viewer.text):
        qtbot.keyClick(viewer.focusWidget(), Qt.Key.Key_PageDown)
        seen.append(viewer.asset.id)
        assert viewer.pages.currentWidget() is page
    assert seen == [*made["pictures"], *made["speech"], *made["words"]]
    assert "竹林深处" in viewer.text.words.toPlainText()
    viewer.step(1)
    assert viewer.row == 4
    assert not viewer.acts["next"].isEnabled()
    qtbot.keyClick(viewer, Qt.Key.Key_Home)
    assert viewer.row == 0
    qtbot.keyClick(viewer.view, Qt.Key.Key_Right)
    assert viewer.row == 1, "while the picture is fitted the arrows go on"


def test_zoom_by_wheel_and_keys_and_the_arrows_pan_then(qtbot, viewer):
    qtbot.waitUntil(lambda: viewer.view.picture is not None)
    view = viewer.view
    assert view.transform.scale == 2.0, "a small picture is shown at twice its pixels"
    wheel(view, 120)
    assert view.transform.scale == pytest.approx(2.4)
    qtbot.keyClick(view, Qt.Key.Key_1)
    assert view.transform.scale == 1.0
    for _ in range(12):
        qtbot.keyClick(view, Qt.Key.Key_Plus)
    before = view.transform.offset
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.transform.offset != before
    assert viewer.row == 0
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.transform.fitted
    view.repaint()
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton)
    assert not view.transform.fitted
    assert viewer._zoom.text() == f"{view.transform.scale:.0%}"


def test_the_mouse_drags_what_is_larger_than_the_view(qtbot, viewer):
    qtbot.waitUntil(lambda: viewer.view.picture is not None)
    view = viewer.view
    view.zoom(32.0)
    before = view.transform.offset
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(300, 300))
    qtbot.mouseMove(view, QPoint(340, 320))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(340, 320))
    assert (view.transform.offset - before).toPoint() == QPoint(40, 20) * view.transform.ratio


def test_what_is_known_is_shown_on_demand(qtbot, viewer, qapp):
    assert viewer.info.isHidden()
    qtbot.keyClick(viewer, Qt.Key.Key_I)
    assert not viewer.info.isHidden()
    facts = viewer._facts
    words = [facts.itemAt(row, facts.ItemRole.FieldRole).widget().text() for row in range(facts.rowCount())]
    assert "64 × 48 px" in words
    assert "7" in words
    assert viewer._prompt.text() == "霓虹 blue waves"
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: "尺寸" in [facts.itemAt(0, facts.ItemRole.LabelRole).widget().text()])
    switch_language(qapp, "en")


def test_delete_goes_on_to_the_next_and_undo_brings_it_back(qtbot, studio, viewer, made):
    viewer.step(1)
    qtbot.keyClick(viewer, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: viewer.asset.id == made["pictures"][2])
    assert viewer.toast.offers
    viewer.step(-1)
    assert viewer.asset.id == made["pictures"][0], "what is in the trash is passed over"
    qtbot.keyClick(viewer, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not studio.reader.asset(made["pictures"][1]).trashed)
    viewer.step(1)
    assert viewer.asset.id == made["pictures"][1]


def test_when_nothing_is_left_it_closes(qtbot, studio, made):
    viewer = Viewer(studio, ListReel([studio.reader.asset(made["edit"][0])]), 0)
    viewer.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(viewer)
    viewer.show()
    with qtbot.waitSignal(viewer.closed):
        viewer.acts["trash"].trigger()


def test_a_reel_that_changes_is_followed(qtbot, studio, made):
    model = AssetModel()
    model.set_reader(studio.reader)
    model.set_query(AssetQuery(kinds=("image",), order="oldest"))
    studio.assetsChanged.connect(lambda _change: model.refresh())
    viewer = Viewer(studio, ModelReel(model), 2)
    viewer.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(viewer)
    viewer.show()
    assert viewer.asset is not None
    looked_at = viewer.asset.id
    studio.store(lambda project: project.trash([made["pictures"][0]]))
    qtbot.waitUntil(lambda: viewer.row == 1)
    assert shown(viewer) == looked_at
    assert viewer._place.text() == "2 / 3"
    studio.store(lambda project: project.trash([looked_at]))
    qtbot.waitUntil(lambda: shown(viewer) != looked_at)
    assert viewer.row == 1
    viewer.close()


def test_star_copy_reuse_and_compare(qtbot, studio, viewer, made):
    qtbot.waitUntil(lambda: viewer.view.picture is not None)
    qtbot.keyClick(viewer, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: studio.reader.asset(made["pictures"][0]).starred and viewer.asset.starred)
    viewer.acts["copy"].trigger()
    data = QGuiApplication.clipboard().mimeData()
    assert data.hasImage()
    assert data.urls()[0].fileName().endswith(".png")
    assert not viewer.acts["compare"].isEnabled()
    viewer.step(1)
    asked = QSignalSpy(viewer.compareRequested)
    qtbot.keyClick(viewer, Qt.Key.Key_C)
    assert [asset.id for asset in asked.at(0)] == made["pictures"][:2]
    used = QSignalSpy(viewer.reuseRequested)
    qtbot.keyClick(viewer, Qt.Key.Key_R)
    assert used.at(0)[0]["seed"] == 8
    assert viewer.isHidden()


def test_the_bars_go_while_nobody_moves_and_come_back(qtbot, viewer):
    viewer._hide_bars()
    assert viewer.bar.isHidden()
    wheel(viewer.view, 120)
    assert not viewer.bar.isHidden()
    viewer.step(3)
    viewer._hide_bars()
    assert not viewer.bar.isHidden(), "only over a picture"


def test_space_and_escape_close(qtbot, viewer):
    qtbot.keyClick(viewer.view, Qt.Key.Key_Space)
    assert viewer.isHidden()
    with qtbot.waitActive(viewer):
        viewer.show()
    qtbot.keyClick(viewer, Qt.Key.Key_Escape)
    assert viewer.isHidden()


def test_a_picture_that_cannot_be_read_says_so(qtbot, studio, made):
    asset = studio.reader.asset(made["pictures"][0])
    studio.reader.path(asset).write_bytes(b"no picture")
    viewer = Viewer(studio, ListReel([asset]), 0)
    viewer.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(viewer)
    viewer.show()
    qtbot.waitUntil(lambda: viewer.view._problem is not None)
    viewer.view.repaint()
    viewer.close()


def test_the_window_opens_it_and_hears_of_reuse(qtbot, studio, made):
    from PySide6.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    viewing = Viewing(studio, window)
    assert viewing.view(ListReel([]), 0) is None
    viewer = viewing.view(ListReel([studio.reader.asset(made["edit"][0])]), 0)
    assert viewer is not None
    assert viewer.isFullScreen()
    with qtbot.waitSignal(viewing.reuseRequested):
        viewer.acts["reuse"].trigger()

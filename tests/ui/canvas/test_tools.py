"""The canvas and its tools, driven by mouse and keys: what is drawn, undone, seen and compared.

The tools: brush, eraser, rectangle, lasso, hand.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSize, Qt, QUrl
from PySide6.QtGui import QColor, QDropEvent, QImage, QUndoStack, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from aigc_studio.core.brush import stroke
from aigc_studio.ui.canvas.mask import MaskLayer
from aigc_studio.ui.canvas.pyramid import Pyramid, build
from aigc_studio.ui.canvas.tools import TOOLS
from aigc_studio.ui.canvas.view import ASSETS_MIME, Canvas, mask_bounds

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


def plain(width: int, height: int, color: str = "#336699") -> Pyramid:
    """A picture of one colour."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    return build(image)


class _Canvas(Canvas):
    """With its undo stack."""

    def __init__(self) -> None:
        self.stack = QUndoStack()
        super().__init__(self.stack)


@pytest.fixture
def canvas(qtbot: QtBot) -> _Canvas:
    """Shows a picture of 600 x 400 in a view of 500 x 400."""
    canvas = _Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(500, 400)
    canvas.show()
    canvas.set_picture(plain(600, 400))
    canvas.selection.reset(QSize(600, 400))
    return canvas


def at(canvas: _Canvas, x: float, y: float) -> QPoint:
    """Where a picture point is in the view."""
    return canvas.transform.to_view(QPointF(x, y)).toPoint()


def drag(qtbot: QtBot, canvas: _Canvas, *points: tuple[float, float], modifier=NONE, button=LEFT) -> None:
    """Press, move and release, at picture points."""
    places = [at(canvas, *point) for point in points]
    qtbot.mousePress(canvas, button, modifier, places[0])
    for place in places[1:]:
        qtbot.mouseMove(canvas, place)
    qtbot.mouseRelease(canvas, button, modifier, places[-1])


def test_every_tool_has_its_own_key_and_name() -> None:
    """No two alike."""
    assert len({tool.id for tool in TOOLS}) == len({tool.key for tool in TOOLS}) == len(TOOLS)
    assert {"brush", "eraser", "rectangle", "lasso", "hand"} <= {tool.id for tool in TOOLS}


@pytest.mark.parametrize("zoom", [0.5, 1.0, 3.0])
def test_the_brush_draws_where_the_pointer_is(qtbot: QtBot, canvas: _Canvas, zoom: float) -> None:
    """At any zoom: exactly what the pixel maths says for these points."""
    canvas.choose_tool("brush")
    canvas.set_brush(diameter=30, hardness=0.6)
    canvas.zoom(zoom)
    places = [at(canvas, 280, 190), at(canvas, 310, 200), at(canvas, 320, 215)]
    drag(qtbot, canvas, (280, 190), (310, 200), (320, 215))
    points = [canvas.transform.to_picture(QPointF(place)).toTuple() for place in places]
    wanted = np.zeros((400, 600), np.uint8)
    stroke(wanted, points[0], points[0], 30, 0.6)  # pyright: ignore[reportArgumentType]
    stroke(wanted, points[0], points[1], 30, 0.6)  # pyright: ignore[reportArgumentType]
    stroke(wanted, points[1], points[2], 30, 0.6)  # pyright: ignore[reportArgumentType]
    assert wanted.any()
    assert (canvas.selection.pixels == wanted).all()


def test_the_eraser_takes_away_and_alt_turns_both_round(qtbot: QtBot, canvas: _Canvas) -> None:
    """Brush with Alt erases, eraser with Alt draws."""
    canvas.set_brush(diameter=20, hardness=1.0)
    canvas.choose_tool("brush")
    drag(qtbot, canvas, (100, 100), (200, 100))
    drawn = canvas.selection.pixels.copy()
    canvas.choose_tool("eraser")
    drag(qtbot, canvas, (300, 300), modifier=Qt.KeyboardModifier.AltModifier)
    assert canvas.selection.pixels[300, 300] == 255
    drag(qtbot, canvas, (300, 300))
    canvas.set_brush(diameter=26)
    drag(qtbot, canvas, (300, 300))
    assert (canvas.selection.pixels == drawn).all()
    canvas.choose_tool("brush")
    drag(qtbot, canvas, (100, 100), (200, 100), modifier=Qt.KeyboardModifier.AltModifier)
    assert canvas.selection.empty


def test_shift_draws_a_straight_line(qtbot: QtBot, canvas: _Canvas) -> None:
    """From where the last stroke ended."""
    canvas.choose_tool("brush")
    canvas.set_brush(diameter=10)
    drag(qtbot, canvas, (100, 100))
    drag(qtbot, canvas, (300, 100), modifier=Qt.KeyboardModifier.ShiftModifier)
    assert (canvas.selection.pixels[100, 100:300] == 255).all()


def test_the_rectangle_and_the_lasso(qtbot: QtBot, canvas: _Canvas) -> None:
    """Select, take out with Alt, square with Shift."""
    canvas.zoom(1.0)
    canvas.choose_tool("rectangle")
    drag(qtbot, canvas, (250, 150), (350, 250))
    assert mask_bounds(canvas.selection.pixels).getRect() == (250, 150, 100, 100)
    drag(qtbot, canvas, (240, 140), (300, 260), modifier=Qt.KeyboardModifier.AltModifier)
    assert mask_bounds(canvas.selection.pixels).getRect() == (300, 150, 50, 100)
    canvas.selection.clear()
    drag(qtbot, canvas, (250, 150), (350, 200), modifier=Qt.KeyboardModifier.ShiftModifier)
    assert mask_bounds(canvas.selection.pixels).getRect() == (250, 150, 100, 100)
    canvas.selection.clear()
    canvas.choose_tool("lasso")
    drag(qtbot, canvas, (250, 150), (350, 150), (350, 250), (250, 250))
    box = mask_bounds(canvas.selection.pixels)
    assert abs(box.width() - 100) <= 1
    assert abs(box.height() - 100) <= 1
    assert canvas.selection.pixels[200, 300] == 255


def test_the_hand_the_space_bar_and_the_middle_button_move(qtbot: QtBot, canvas: _Canvas) -> None:
    """The point that was taken stays under the pointer; nothing is drawn."""
    canvas.zoom(3.0 * canvas.devicePixelRatioF())  # three logical pixels each, on any screen
    canvas.choose_tool("hand")
    before = at(canvas, 300, 200)
    drag(qtbot, canvas, (300, 200), (290, 210))
    assert at(canvas, 300, 200) == before + QPoint(-30, 30)
    canvas.choose_tool("brush")
    qtbot.mousePress(canvas, Qt.MouseButton.MiddleButton, NONE, QPoint(200, 200))
    qtbot.mouseMove(canvas, QPoint(220, 200))
    qtbot.mouseRelease(canvas, Qt.MouseButton.MiddleButton, NONE, QPoint(220, 200))
    assert at(canvas, 300, 200) == before + QPoint(-10, 30)
    qtbot.keyPress(canvas, Qt.Key.Key_Space)
    qtbot.mousePress(canvas, LEFT, NONE, QPoint(200, 200))
    qtbot.mouseMove(canvas, QPoint(200, 210))
    qtbot.mouseRelease(canvas, LEFT, NONE, QPoint(200, 210))
    qtbot.keyRelease(canvas, Qt.Key.Key_Space)
    assert at(canvas, 300, 200) == before + QPoint(-10, 40)
    assert canvas.selection.empty


def test_undo_and_redo_restore_the_mask_bit_for_bit(qtbot: QtBot, canvas: _Canvas) -> None:
    """Strokes, rectangles, invert, clear: back to nothing and forth again."""
    stack: QUndoStack = canvas.stack
    canvas.set_brush(diameter=37, hardness=0.3)
    states = [canvas.selection.pixels.copy()]
    canvas.choose_tool("brush")
    steps = [
        lambda: drag(qtbot, canvas, (50, 50), (400, 300), (100, 350)),
        lambda: drag(qtbot, canvas, (590, 10), (700, -50)),
        canvas.selection.invert,
        lambda: (canvas.choose_tool("eraser"), drag(qtbot, canvas, (300, 200), (320, 220))),
        canvas.selection.clear,
        canvas.selection.select_all,
    ]
    for step in steps:
        step()
        states.append(canvas.selection.pixels.copy())
    assert stack.count() == len(steps)
    for state in reversed(states[:-1]):
        stack.undo()
        assert (canvas.selection.pixels == state).all()
    for state in states[1:]:
        stack.redo()
        assert (canvas.selection.pixels == state).all()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["draw", "erase", "invert", "undo", "redo"]), st.integers(-20, 620), st.integers(-20, 420)
        ),
        max_size=14,
    )
)
def test_any_history_can_be_walked(qtbot: QtBot, steps: list[tuple[str, int, int]]) -> None:
    """A model of plain copies says what the mask must be after any edits, undos and redos."""
    stack = QUndoStack()
    layer = MaskLayer(stack)
    layer.reset(QSize(600, 400))
    history, place = [layer.pixels.copy()], 0
    for kind, x, y in steps:
        if kind == "undo":
            stack.undo()
            place = max(0, place - 1)
        elif kind == "redo":
            stack.redo()
            place = min(len(history) - 1, place + 1)
        else:
            if kind == "invert":
                layer.invert()
            else:
                layer.begin()
                layer.touched(stroke(layer.pixels, (x, y), (x + 30, y), 40, 0.5, erase=kind == "erase"))
                layer.commit(kind)
            if (layer.pixels != history[place]).any():
                del history[place + 1 :]
                history.append(layer.pixels.copy())
                place += 1
        assert (layer.pixels == history[place]).all()
        assert layer.empty == (not layer.pixels.any())


def test_escape_takes_back_the_stroke_under_way(qtbot: QtBot, canvas: _Canvas) -> None:
    """And leaves no undo step."""
    canvas.choose_tool("brush")
    qtbot.mousePress(canvas, LEFT, NONE, QPoint(200, 200))
    qtbot.mouseMove(canvas, QPoint(260, 220))
    assert canvas.selection.pixels.any()
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert not canvas.selection.pixels.any()
    qtbot.mouseRelease(canvas, LEFT, NONE, QPoint(260, 220))
    assert canvas.stack.count() == 0
    assert not canvas.selection.pixels.any()


def test_the_wheel_zooms_to_the_pointer(qtbot: QtBot, canvas: _Canvas) -> None:
    """What is under it stays under it."""
    place = QPointF(130, 240)
    under = canvas.transform.to_picture(place)
    for _ in range(5):
        event = QWheelEvent(
            place, place, QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, NONE, Qt.ScrollPhase.NoScrollPhase, False
        )
        QApplication.sendEvent(canvas, event)
    assert canvas.transform.scale > 1
    moved = canvas.transform.to_view(under) - place
    assert abs(moved.x()) < 3
    assert abs(moved.y()) < 3


def test_the_view_is_remembered(qtbot: QtBot, canvas: _Canvas) -> None:
    """Zoom and place come back; a fitted view stays fitted."""
    canvas.zoom(2.5, QPointF(100, 100))
    state, under = canvas.view_state(), canvas.transform.to_picture(QPointF(250, 200))
    canvas.fit()
    canvas.restore_view(state)
    after = canvas.transform.to_picture(QPointF(250, 200))
    assert canvas.transform.scale == 2.5
    assert abs(after.x() - under.x()) < 1
    assert abs(after.y() - under.y()) < 1
    canvas.restore_view({"fit": True})
    assert canvas.transform.fitted


def color_at(canvas: _Canvas, x: float, y: float) -> QColor:
    """What the screen shows at a picture point."""
    return canvas.grab().toImage().pixelColor(at(canvas, x, y) * canvas.devicePixelRatioF())


def test_the_former_version_is_shown_by_key_and_by_slider(qtbot: QtBot, canvas: _Canvas) -> None:
    """C shows it while held; the slider shows it on its left; both end when there is nothing to compare."""
    canvas.set_before(plain(600, 400, "#cc2222"))
    assert color_at(canvas, 100, 200) == QColor("#336699")
    qtbot.keyPress(canvas, Qt.Key.Key_C)
    assert color_at(canvas, 100, 200) == QColor("#cc2222")
    qtbot.keyRelease(canvas, Qt.Key.Key_C)
    assert color_at(canvas, 100, 200) == QColor("#336699")
    canvas.set_slider(True)
    assert color_at(canvas, 100, 200) == QColor("#cc2222")
    assert color_at(canvas, 500, 200) == QColor("#336699")
    drag(qtbot, canvas, (300, 100), (550, 100))
    assert canvas.split == pytest.approx(550 / 600, abs=0.01)
    assert color_at(canvas, 500, 200) == QColor("#cc2222")
    canvas.set_before(None)
    assert not canvas.slider
    assert not canvas.can_compare


def test_the_selection_is_seen(qtbot: QtBot, canvas: _Canvas) -> None:
    """Tinted when drawn, plain again when hidden or undone."""
    canvas.choose_tool("rectangle")
    drag(qtbot, canvas, (100, 100), (300, 300))
    assert color_at(canvas, 200, 200).red() > 100
    canvas.show_mask(False)
    assert color_at(canvas, 200, 200) == QColor("#336699")
    canvas.show_mask(True)
    canvas.stack.undo()
    assert color_at(canvas, 200, 200) == QColor("#336699")


def test_nothing_is_drawn_where_nothing_may_be(qtbot: QtBot, canvas: _Canvas) -> None:
    """A picture that is only looked at, a picture still being read, no picture."""
    canvas.choose_tool("brush")
    canvas.editable = False
    drag(qtbot, canvas, (100, 100), (200, 200))
    canvas.editable = True
    canvas.set_placeholder(QImage(), QSize(600, 400))
    drag(qtbot, canvas, (100, 100), (200, 200))
    canvas.set_picture(None)
    qtbot.mousePress(canvas, LEFT, NONE, QPoint(200, 200))
    qtbot.mouseRelease(canvas, LEFT, NONE, QPoint(200, 200))
    assert canvas.selection.empty


def test_files_and_assets_can_be_dropped(qtbot: QtBot, canvas: _Canvas) -> None:
    """The canvas says what came; other things are not taken."""
    data = QMimeData()
    data.setData(ASSETS_MIME, b'["abc"]')
    data.setUrls([QUrl.fromLocalFile("/tmp/a.png")])
    event = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, LEFT, NONE)
    with qtbot.waitSignal(canvas.dropped):
        canvas.dropEvent(event)
    assert event.isAccepted()


def test_large_brushes_are_bounded_and_small_ones_have_a_size(canvas: _Canvas) -> None:
    """The keys go from one pixel to the largest and back."""
    for _ in range(80):
        canvas.resize_brush(1)
    assert canvas.brush.diameter == 1000
    for _ in range(80):
        canvas.resize_brush(-1)
    assert canvas.brush.diameter == 1


def test_the_brush_covers_the_same_part_of_any_picture(canvas: _Canvas) -> None:
    """A picture twice as large has a brush twice as large; the same size keeps it."""
    assert canvas.brush.diameter == 75
    canvas.set_brush(diameter=40)
    canvas.set_picture(plain(600, 400))
    assert canvas.brush.diameter == 40
    canvas.set_picture(plain(1200, 100))
    assert canvas.brush.diameter == 80
    canvas.set_picture(None)
    canvas.set_picture(plain(3, 3))
    assert canvas.brush.diameter == 1

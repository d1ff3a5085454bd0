"""GridView: geometry, selection and keyboard against plain arithmetic, at any size."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QItemSelectionModel, QPoint, QRect, QSize, QStringListModel, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractItemView

from aigc_studio.ui.assets.grid import GridView


class Plain(GridView):
    """Paints nothing but remembers what it was asked to paint."""

    def __init__(self):
        super().__init__()
        self.painted = []

    def paint_cell(
        self, painter: QPainter, rect: QRect, row: int, *, selected: bool, current: bool, hovered: bool
    ) -> None:
        self.painted.append(row)


@pytest.fixture
def view(qtbot):
    view = Plain()
    qtbot.addWidget(view)
    view.setModel(QStringListModel([f"item {n}" for n in range(1000)], view))
    view.resize(700, 500)
    view.show()
    qtbot.waitExposed(view)
    return view


def chosen(view) -> list[int]:
    return sorted(index.row() for index in view.selectionModel().selectedRows())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    width=st.integers(80, 2000),
    height=st.integers(60, 1400),
    cell=st.integers(40, 400),
    rows=st.integers(0, 400),
    scroll=st.floats(0, 1),
)
def test_every_cell_is_found_at_its_centre_and_cells_never_touch(qtbot, width, height, cell, rows, scroll):
    view = Plain()
    qtbot.addWidget(view)
    view.setModel(QStringListModel([str(n) for n in range(rows)], view))
    view.resize(width, height)
    view.set_cell(QSize(cell, cell + 30))
    view.updateGeometries()
    view.verticalScrollBar().setValue(round(scroll * view.verticalScrollBar().maximum()))
    visible = view.visible_rows()
    rects = {row: view.cell_rect(row) for row in visible}
    for row, rect in rects.items():
        assert view.indexAt(rect.center()).row() == row
        assert not any(other != row and rect.intersects(area) for other, area in rects.items())
    # Nothing in sight is left out.
    for row in (visible.start - 1, visible.stop):
        if 0 <= row < rows:
            assert not view.cell_rect(row).intersects(view.viewport().rect())


def test_last_row_can_be_scrolled_into_sight(view):
    last = view.model().index(999, 0)
    view.scrollTo(last)
    assert view.viewport().rect().contains(view.visualRect(last))


def test_only_cells_in_sight_are_painted(view):
    view.painted.clear()
    view.viewport().repaint()
    assert 0 < len(view.painted) < 40
    assert view.painted[0] == 0


def test_click_ctrl_click_and_shift_click(view, qtbot):
    def click(row, modifier=Qt.KeyboardModifier.NoModifier):
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, view.cell_rect(row).center())

    click(2)
    assert chosen(view) == [2]
    click(5, Qt.KeyboardModifier.ControlModifier)
    assert chosen(view) == [2, 5]
    click(3)
    click(7, Qt.KeyboardModifier.ShiftModifier)
    assert chosen(view) == [3, 4, 5, 6, 7]
    click(1, Qt.KeyboardModifier.ShiftModifier)
    assert chosen(view) == [1, 2, 3]


def test_arrow_keys_move_and_shift_extends(view, qtbot):
    columns = view.columns()
    view.setFocus()
    view.setCurrentIndex(view.model().index(0, 0))
    view._anchor = 0
    qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.currentIndex().row() == 1 + columns
    qtbot.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert chosen(view) == list(range(1 + columns, 2 + 2 * columns))
    qtbot.keyClick(view, Qt.Key.Key_End)
    assert view.currentIndex().row() == 999
    assert view.viewport().rect().intersects(view.cell_rect(999))
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert view.currentIndex().row() == 0
    qtbot.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(chosen(view)) == 1000


def test_up_on_the_first_line_and_down_above_a_short_last_line(view, qtbot):
    columns = view.columns()
    view.model().setStringList([str(n) for n in range(2 * columns - 1)])
    view.setCurrentIndex(view.model().index(columns - 1, 0))
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert view.currentIndex().row() == columns - 1
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.currentIndex().row() == 2 * columns - 2


def test_rubber_band_selects_what_it_touches(view):
    area = view.cell_rect(0).united(view.cell_rect(view.columns() + 1)).adjusted(5, 5, -5, -5)
    view._rubber = area
    view.setState(QAbstractItemView.State.DragSelectingState)
    view.setSelection(area, QItemSelectionModel.SelectionFlag.ClearAndSelect)
    columns = view.columns()
    assert chosen(view) == [0, 1, columns, columns + 1]


def test_rows_inserted_above_do_not_move_what_is_in_sight(view):
    columns = view.columns()
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() // 2)
    before = view.model().data(view.model().index(view.visible_rows().start, 0))
    view.model().insertRows(0, columns)
    assert view.model().data(view.model().index(view.visible_rows().start, 0)) == before


def test_empty_space_belongs_to_no_row(view):
    assert not view.indexAt(QPoint(2, 2)).isValid()
    view.model().setStringList(["one"])
    assert not view.indexAt(QPoint(600, 400)).isValid()


def test_resize_keeps_the_first_row_in_sight(view):
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() // 2)
    first = view.visible_rows().start
    view.resize(430, 500)
    assert first in view.visible_rows()

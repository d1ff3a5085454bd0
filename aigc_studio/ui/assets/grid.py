"""A grid of equal cells over any number of rows: every position is arithmetic, so size never costs time.

QListView lays out each item, which takes seconds for 100,000; with cells of one size nothing needs to be laid out.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QDrag,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QWidget

__all__ = ["GridView"]

_Index = QModelIndex | QPersistentModelIndex


class GridView(QAbstractItemView):
    """Shows a list model as a grid. Subclasses paint one cell in `paint_cell`.

    Selection, keyboard, drag and assistive access are QAbstractItemView's own.
    """

    zoomRequested = Signal(int)
    """Ctrl+wheel or Ctrl+plus/minus: +1 larger, -1 smaller cells."""

    MARGIN = 16
    GAP = 12

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cell = QSize(180, 208)
        self._anchor = 0
        self._press = QPoint()
        self._rubber = QRect()
        self._columns_before = 1
        self._shift_event = False  # the key or mouse event at hand has Shift down
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)

    # geometry: all of it

    def set_cell(self, size: QSize) -> None:
        """Smallest size of a cell, in pixels; cells widen to fill the line. The first visible row stays visible."""
        top = self._row_at_top()
        self._cell = size
        self.updateGeometries()
        self._show_at_top(top)
        self.viewport().update()

    def columns(self) -> int:
        """Cells in a line."""
        room = self.viewport().width() - 2 * self.MARGIN + self.GAP
        return max(1, room // (self._cell.width() + self.GAP))

    def _width(self) -> float:
        columns = self.columns()
        return (self.viewport().width() - 2 * self.MARGIN - (columns - 1) * self.GAP) / columns

    def _line_height(self) -> int:
        return self._cell.height() + self.GAP

    def _rows(self) -> int:
        model = self.model()
        return model.rowCount() if model else 0

    def cell_rect(self, row: int) -> QRect:
        """Where a row is painted, in viewport coordinates."""
        line, column = divmod(row, self.columns())
        width = self._width()
        left = self.MARGIN + column * (width + self.GAP)
        top = self.MARGIN + line * self._line_height() - self.verticalOffset()
        return QRect(round(left), top, round(left + width) - round(left), self._cell.height())

    def visible_rows(self) -> range:
        """The rows of which a part is in sight."""
        columns = self.columns()
        top = max(0, self.verticalOffset() - self.MARGIN)
        first = top // self._line_height() * columns
        lines = self.viewport().height() // self._line_height() + 2
        return range(min(first, self._rows()), min(first + lines * columns, self._rows()))

    def _row_at_top(self) -> int:
        return max(0, self.verticalOffset() - self.MARGIN) // self._line_height() * self.columns()

    def _show_at_top(self, row: int) -> None:
        """Scroll so that the line of `row` is the first in sight; nothing moves when it is."""
        bar, height = self.verticalScrollBar(), self._line_height()
        within = max(0, bar.value() - self.MARGIN) % height
        line = row // self.columns()
        bar.setValue(self.MARGIN + line * height + within if line else min(bar.value(), self.MARGIN + within))

    # what QAbstractItemView asks for

    def visualRect(self, index: _Index) -> QRect:
        """The cell of an index."""
        return self.cell_rect(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:
        """The index whose cell contains a point."""
        y = point.y() + self.verticalOffset() - self.MARGIN
        if y < 0:
            return QModelIndex()
        columns = self.columns()
        column = int((point.x() - self.MARGIN) // (self._width() + self.GAP))
        row = y // self._line_height() * columns + column
        if not 0 <= column < columns or not 0 <= row < self._rows() or not self.cell_rect(row).contains(point):
            return QModelIndex()
        return self.model().index(row, 0)

    def scrollTo(
        self, index: _Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        """Bring a cell into sight."""
        rect = self.visualRect(index)
        bar, height = self.verticalScrollBar(), self.viewport().height()
        if rect.isNull():
            return
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(bar.value() + rect.center().y() - height // 2)
        elif rect.top() < 0 or hint == QAbstractItemView.ScrollHint.PositionAtTop:
            bar.setValue(bar.value() + rect.top() - self.GAP)
        elif rect.bottom() > height:
            bar.setValue(bar.value() + rect.bottom() - height + self.GAP)

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Arrows, page and home/end keys."""
        rows = self._rows()
        if not rows:
            return QModelIndex()
        current = self.currentIndex().row() if self.currentIndex().isValid() else -1
        columns = self.columns()
        page = max(1, self.viewport().height() // self._line_height()) * columns
        steps = {
            QAbstractItemView.CursorAction.MoveLeft: -1,
            QAbstractItemView.CursorAction.MovePrevious: -1,
            QAbstractItemView.CursorAction.MoveRight: 1,
            QAbstractItemView.CursorAction.MoveNext: 1,
            QAbstractItemView.CursorAction.MoveUp: -columns,
            QAbstractItemView.CursorAction.MoveDown: columns,
            QAbstractItemView.CursorAction.MovePageUp: -page,
            QAbstractItemView.CursorAction.MovePageDown: page,
        }
        if action == QAbstractItemView.CursorAction.MoveHome or current < 0:
            row = 0
        elif action == QAbstractItemView.CursorAction.MoveEnd:
            row = rows - 1
        else:
            row = current + steps.get(action, 0)
            if abs(steps.get(action, 0)) == columns and not 0 <= row < rows:
                # Past the last line: onto its end when there is one below, else stay.
                row = rows - 1 if row >= rows and current // columns < (rows - 1) // columns else current
        return self.model().index(max(0, min(row, rows - 1)), 0)

    def horizontalOffset(self) -> int:
        """Cells always fit the width."""
        return 0

    def verticalOffset(self) -> int:
        """Pixels scrolled."""
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: _Index) -> bool:
        """No row is hidden; filtering is the model's."""
        return False

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Select from the anchor to the current cell (Shift), or what the rubber band touches."""
        selection = QItemSelection()
        model = self.model()
        rubber = self.state() == QAbstractItemView.State.DragSelectingState and not self._rubber.isNull()
        if rubber:
            self._select_touched(rect.normalized(), selection)
        else:
            current = self.currentIndex().row()
            index = self.indexAt(rect.center() if rect.isValid() else rect.topLeft())
            row = current if current >= 0 else index.row()
            if row >= 0 and self._shift_event:
                first, last = sorted((min(self._anchor, self._rows() - 1), row))
                selection.select(model.index(first, 0), model.index(last, 0))
            elif index.isValid():
                selection.select(index, index)
        self.selectionModel().select(selection, command)

    def _select_touched(self, rect: QRect, selection: QItemSelection) -> None:
        columns, step, rows = self.columns(), self._width() + self.GAP, self._rows()
        height = self._line_height()
        top, bottom = (
            rect.top() + self.verticalOffset() - self.MARGIN,
            rect.bottom() + self.verticalOffset() - self.MARGIN,
        )
        first_column = max(0, int((rect.left() - self.MARGIN + self.GAP) // step))
        last_column = min(columns - 1, int((rect.right() - self.MARGIN) // step))
        first_line = max(0, (top + self.GAP) // height)
        model = self.model()
        for line in range(first_line, bottom // height + 1):
            first, last = line * columns + first_column, min(line * columns + last_column, rows - 1)
            if first <= last and first < rows:
                selection.select(model.index(first, 0), model.index(last, 0))

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        """What to repaint when the selection changes: all that is in sight, it is cheap."""
        return QRegion(self.viewport().rect())

    def updateGeometries(self) -> None:
        """The scroll bar's range."""
        bar = self.verticalScrollBar()
        lines = -(-self._rows() // self.columns())
        height = 2 * self.MARGIN + lines * self._line_height() - self.GAP if lines else 0
        bar.setRange(0, max(0, height - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(max(20, self._line_height() // 4))
        super().updateGeometries()
        bar.setRange(0, max(0, height - self.viewport().height()))

    def rowsInserted(self, parent: _Index, start: int, end: int) -> None:
        """Rows that arrive above what is in sight must not push it away."""
        top = self._row_at_top()
        super().rowsInserted(parent, start, end)
        self.updateGeometries()
        if start <= top and top > 0:
            self._show_at_top(top + end - start + 1)
        self.viewport().update()

    # events

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the first row in sight while the number of columns changes."""
        lines = max(0, self.verticalOffset() - self.MARGIN) // self._line_height()
        top = lines * self._columns_before
        super().resizeEvent(event)
        self.updateGeometries()
        if top and self.columns() != self._columns_before:
            self._show_at_top(top)
        self._columns_before = self.columns()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Remember the anchor of Shift selections."""
        self._shift_event = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and event.key() in (
            Qt.Key.Key_Plus,
            Qt.Key.Key_Equal,
            Qt.Key.Key_Minus,
        ):
            self.zoomRequested.emit(-1 if event.key() == Qt.Key.Key_Minus else 1)
            return
        super().keyPressEvent(event)
        if not self._shift_event:
            self._anchor = max(0, self.currentIndex().row())
        self._shift_event = False

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ctrl+wheel changes the size of the cells."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if event.angleDelta().y():
                self.zoomRequested.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start of a click, a drag or a rubber band."""
        self._shift_event = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._press = event.position().toPoint() + QPoint(0, self.verticalOffset())
        self._rubber = QRect()
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        if not self._shift_event and index.isValid():
            self._anchor = index.row()
        self._shift_event = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Grow the rubber band."""
        start = self._press - QPoint(0, self.verticalOffset())
        if self.state() == QAbstractItemView.State.DragSelectingState or (
            event.buttons() & Qt.MouseButton.LeftButton and not self.indexAt(start).isValid()
        ):
            self._rubber = QRect(start, event.position().toPoint()).normalized()
        super().mouseMoveEvent(event)
        if not self._rubber.isNull():
            self.setState(QAbstractItemView.State.DragSelectingState)
            self.setSelection(self._rubber, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End of the rubber band."""
        self._rubber = QRect()
        super().mouseReleaseEvent(event)
        self.viewport().update()

    def startDrag(self, actions: Qt.DropAction) -> None:
        """Drag the selected files out, under a small picture of the first."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        if not rows:
            return
        drag = QDrag(self)
        drag.setMimeData(self.model().mimeData([self.model().index(row, 0) for row in rows]))
        picture = self.drag_pixmap(rows)
        if not picture.isNull():
            drag.setPixmap(picture)
            drag.setHotSpot(QPoint(12, 12))
        drag.exec(Qt.DropAction.CopyAction, Qt.DropAction.CopyAction)

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Only what is in sight."""
        painter = QPainter(self.viewport())
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        selection, current = self.selectionModel(), self.currentIndex()
        focus = self.hasFocus()
        dirty = event.rect()
        if selection is None:
            return
        hovered = self.indexAt(self.viewport().mapFromGlobal(self.cursor().pos())).row() if self.underMouse() else -1
        for row in self.visible_rows():
            rect = self.cell_rect(row)
            if not rect.intersects(dirty):
                continue
            chosen = selection.isSelected(self.model().index(row, 0))
            self.paint_cell(
                painter, rect, row, selected=chosen, current=focus and row == current.row(), hovered=row == hovered
            )
        if not self._rubber.isNull():
            self.paint_rubber(painter, self._rubber)

    def paint_cell(
        self, painter: QPainter, rect: QRect, row: int, *, selected: bool, current: bool, hovered: bool
    ) -> None:
        """Paint one cell."""
        raise TypeError("a GridView paints its own cells")

    def paint_rubber(self, painter: QPainter, rect: QRect) -> None:
        """Paint the rubber band."""
        painter.setPen(self.palette().highlight().color())
        painter.setOpacity(0.7)
        painter.drawRect(rect)
        painter.setOpacity(1)

    def drag_pixmap(self, rows: list[int]) -> QPixmap:
        """What follows the mouse while rows are dragged; a null pixmap for none."""
        return QPixmap()

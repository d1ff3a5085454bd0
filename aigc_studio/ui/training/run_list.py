"""The list of the project's runs: icon, name, how it stands, a bar while it learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QFont, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from aigc_studio.core.i18n import tr
from aigc_studio.ui.events import Progress
from aigc_studio.ui.icons import paint_icon
from aigc_studio.ui.theme import theme_of

from .report_words import number_text
from .run_source import RunItem
from .words import recipe_icon, recipe_title, said_state, state_text, when

__all__ = ["RunList", "step_text"]

_ROW = 62
_COLOURS = {"running": "accent-text", "failed": "danger", "done": "success"}
_Index = QModelIndex | QPersistentModelIndex


def step_text(item: RunItem, progress: Progress | None) -> str:
    """How far it is: "1,200 / 8,000"; what it does while it does not learn; "" while nothing is known.

    With a time limit the progress counts time or steps, whichever is nearer to its end: "24 %", for it is no number of
    steps then.
    """
    done, total = item.step, item.steps
    if item.state == "running" and progress is not None and progress.total:
        done, total = progress.done, progress.total
        if total != item.wanted:
            numbers = f"{number_text(done)} / {number_text(total)}" if total > 1 else ""
            return "  ".join(part for part in (tr(progress.stage) if progress.stage else "", numbers) if part)
        if item.timed:
            return f"{100 * done // total} %"
    if item.state == "done":
        return tr("{count} steps", count=number_text(done)) if done else ""
    return f"{number_text(done)} / {number_text(total)}" if done and total else ""


def fraction(item: RunItem, progress: Progress | None) -> float:
    """0..1."""
    if item.state == "running" and progress is not None:
        return progress.fraction
    return min(1.0, item.step / item.steps) if item.steps else 0.0


class _Model(QAbstractListModel):
    ItemRole = Qt.ItemDataRole.UserRole + 1

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.items: list[RunItem] = []

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  Qt's default
        return 0 if parent.isValid() else len(self.items)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        item = self.items[index.row()]
        if role == self.ItemRole:
            return item
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return ", ".join(
                part
                for part in (
                    item.title or recipe_title(item.recipe),
                    item.apart,
                    recipe_title(item.recipe),
                    state_text(said_state(item)),
                )
                if part
            )
        return None

    def show(self, items: Sequence[RunItem]) -> None:
        """What stays keeps its row object, so that the choice stays."""
        wanted = [item.id for item in items]
        if wanted == [item.id for item in self.items]:
            self.items = list(items)
            self.dataChanged.emit(self.index(0), self.index(len(items) - 1))
            return
        for row in range(len(self.items) - 1, -1, -1):
            if self.items[row].id not in wanted:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self.items[row]
                self.endRemoveRows()
        known = {item.id for item in self.items}
        new = [item for item in items if item.id not in known]
        if new:
            self.beginInsertRows(QModelIndex(), len(self.items), len(self.items) + len(new) - 1)
            self.items += new
            self.endInsertRows()
        self.layoutAboutToBeChanged.emit()
        kept = [(index, self.items[index.row()].id) for index in self.persistentIndexList()]
        rows = {id: row for row, id in enumerate(wanted)}
        self.items = list(items)
        for index, id in kept:
            self.changePersistentIndex(index, self.index(rows[id]))
        self.layoutChanged.emit()


class _Rows(QStyledItemDelegate):
    def __init__(self, progress: Callable[[str], Progress | None], view: QAbstractItemView) -> None:
        super().__init__(view)
        self._progress, self._view = progress, view

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(200, _ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        item: RunItem = index.data(_Model.ItemRole)
        theme = theme_of(self._view)
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue]
        progress = self._progress(item.id)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        over = bool(state & QStyle.StateFlag.State_MouseOver)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        card = QRectF(rect).adjusted(8.5, 2.5, -8.5, -2.5)
        if chosen or over or focused:
            painter.setBrush(theme.color("accent-soft" if chosen else "hover" if over else "panel"))
            painter.setPen(theme.color("focus") if focused else Qt.PenStyle.NoPen)
            painter.drawRoundedRect(card, 6, 6)
        paint_icon(painter, QRect(rect.left() + 18, rect.top() + 14, 20, 20), recipe_icon(item.recipe), "icon")
        left = rect.left() + 48
        words = QRect(left, rect.top() + 9, rect.right() - 18 - left, 19)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        small = QFont(painter.font())
        small.setPixelSize(12)
        moment = when(item.created)
        painter.setFont(small)
        painter.setPen(theme.color("text-faint"))
        painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, moment)
        room = words.width() - painter.fontMetrics().horizontalAdvance(moment) - 8
        painter.setFont(option.font)  # pyright: ignore[reportAttributeAccessIssue]
        painter.setPen(theme.color("text"))
        title = item.title or recipe_title(item.recipe)
        metrics = painter.fontMetrics()
        painter.drawText(words, align, metrics.elidedText(title, Qt.TextElideMode.ElideRight, room))
        painter.setFont(small)
        metrics = painter.fontMetrics()
        words.translate(0, 19)
        said = state_text(said_state(item))
        painter.setPen(theme.color(_COLOURS.get(item.state, "text-muted")))
        painter.drawText(words, align, said)
        rest = words.adjusted(metrics.horizontalAdvance(said), 0, 0, 0)
        painter.setPen(theme.color("text-muted"))
        parts = [
            part
            for part in (
                item.apart if item.apart != moment else "",
                step_text(item, progress),
                recipe_title(item.recipe),
            )
            if part
        ]
        text = metrics.elidedText("  ·  " + "  ·  ".join(parts), Qt.TextElideMode.ElideRight, rest.width())
        painter.drawText(rest, align, text)
        share = fraction(item, progress)
        if item.state not in ("done", "pending") and (share > 0 or item.state == "running"):
            bar = QRectF(left, rect.top() + 49, rect.right() - 18 - left, 4)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("track"))
            painter.drawRoundedRect(bar, 2, 2)
            if share > 0:
                bar.setWidth(max(4.0, bar.width() * share))
                painter.setBrush(theme.color("accent" if item.state == "running" else "text-faint"))
                painter.drawRoundedRect(bar, 2, 2)
        painter.restore()


class RunList(QListView):
    """`chosen`: the selection is another one, or what is known of it. progress(id): of a running job."""

    chosen = Signal()
    menuRequested = Signal(QPoint)
    """Place on the screen."""

    def __init__(self, progress: Callable[[str], Progress | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "plain")
        self._model = _Model(self)
        self.setModel(self._model)
        self.setItemDelegate(_Rows(progress, self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen.emit())

    def show_items(self, items: Sequence[RunItem]) -> None:
        """Show these; what was chosen stays so, else the first is."""
        self._model.show(items)
        if items and not self.selectedIndexes():
            self.choose(items[0].id)
        self.chosen.emit()

    def items(self) -> list[RunItem]:
        """All rows."""
        return list(self._model.items)

    def chosen_items(self) -> list[RunItem]:
        """In the order of the list."""
        return [self._model.items[index.row()] for index in sorted(self.selectedIndexes())]

    def choose(self, id: str) -> bool:
        """Choose one run; False when it is not in the list."""
        row = next((row for row, item in enumerate(self._model.items) if item.id == id), -1)
        if row >= 0:
            # not the view's own: that one adds to what is chosen while Ctrl is held, as in Ctrl+Enter
            choose = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.selectionModel().setCurrentIndex(self._model.index(row, 0), choose)
        return row >= 0

    def touch(self, id: str) -> None:
        """Its progress is another one."""
        for row, item in enumerate(self._model.items):
            if item.id == id:
                self.update(self._model.index(row, 0))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Beside the chosen row for the menu key."""
        index = self.currentIndex()
        if event.reason() == QContextMenuEvent.Reason.Keyboard and index.isValid():
            self.menuRequested.emit(self.viewport().mapToGlobal(self.visualRect(index).center()))
        elif self.indexAt(event.pos()).isValid():
            self.menuRequested.emit(event.globalPos())

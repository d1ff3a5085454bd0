"""Rows of models as lists show them: headings, and for each model its name, its type and size, what it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import tr
from aigc_studio.ui.icons import paint_icon
from aigc_studio.ui.theme import theme_of

from .words import subtitle

__all__ = ["Listed", "ModelRows", "entry_of", "fill", "matches"]

_ENTRY, _PROBLEM, _ABOUT = (Qt.ItemDataRole.UserRole + number for number in range(3))
_SECTION = 28
_ROW = 44
_WITH_PROBLEM = 62

Listed = tuple[Entry, StudioError | None]
"""A model, and why it cannot be used."""


def matches(entry: Entry, search: str) -> bool:
    """Whether every word of a search is in the model's name or type."""
    text = f"{entry.title} {entry.id} {subtitle(entry)}".casefold()
    return all(word in text for word in search.casefold().split())


def entry_of(item: QListWidgetItem | None) -> Entry | None:
    """The model of a row; None for a heading."""
    return item.data(_ENTRY) if item is not None else None


def fill(view: QListWidget, groups: Sequence[tuple[str, Sequence[Listed]]], current: str) -> None:
    """Show groups (title marked with N_(), models); the row of the model `current`, or the first one, is chosen."""
    view.clear()
    chosen: QListWidgetItem | None = None
    names = Counter(entry.title for _, listed in groups for entry, _ in listed)
    for title, listed in groups:
        head = QListWidgetItem(tr(title))
        head.setFlags(Qt.ItemFlag.NoItemFlags)
        head.setSizeHint(QSize(0, _SECTION))
        view.addItem(head)
        for entry, problem in listed:
            item = QListWidgetItem(entry.title)
            item.setData(_ENTRY, entry)
            item.setData(_PROBLEM, str(problem) if problem is not None else "")
            about = (
                subtitle(entry)
                if names[entry.title] == 1
                else " · ".join(filter(None, (subtitle(entry), _lies(entry))))
            )
            item.setData(_ABOUT, about)
            item.setSizeHint(QSize(0, _WITH_PROBLEM if problem is not None and about else _ROW))
            words = [entry.title, about, str(problem or "")]
            place = str(entry.path) if entry.path is not None else ""
            item.setToolTip("\n".join(part for part in (*words, place) if part))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(part for part in words if part))
            view.addItem(item)
            if chosen is None or entry.id == current:
                chosen = item
    if chosen is not None:
        view.setCurrentItem(chosen)


def _lies(entry: Entry) -> str:
    """Where a model lies, in short: tells apart what has the same name."""
    path = entry.path
    return "" if path is None else path.name if entry.file is not None else f"{path.parent.name}/{path.name}"


class ModelRows(QStyledItemDelegate):
    """Draws the rows of `fill`. current: id of the model that is marked as the chosen one."""

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        self.current = ""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one row."""
        theme = theme_of(self._view)
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue]
        entry: Entry | None = index.data(_ENTRY)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.save()
        small = QFont(painter.font())
        small.setPixelSize(12)
        if entry is None:
            small.setWeight(QFont.Weight.DemiBold)
            painter.setFont(small)
            painter.setPen(theme.color("text-faint"))
            painter.drawText(rect.adjusted(8, 4, -8, 0), align, index.data())
            painter.restore()
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent-soft" if state & QStyle.StateFlag.State_Selected else "hover"))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 4, 4)
        problem: str = index.data(_PROBLEM)
        line = QRect(rect.left() + 8, rect.top() + 5, rect.width() - 40, 18)
        painter.setPen(theme.color("text-muted" if problem else "text"))
        self._write(painter, line, entry.title)
        painter.setFont(small)
        if about := index.data(_ABOUT):
            line.translate(0, 18)
            painter.setPen(theme.color("text-faint"))
            self._write(painter, line, about)
        if problem:
            line.translate(0, 18)
            line.setRight(rect.right() - 8)
            painter.setPen(theme.color("warning"))
            # Paths stand in the middle of these sentences: what is wrong, and what to do, are at their ends.
            self._write(painter, line, problem, Qt.TextElideMode.ElideMiddle)
        if entry.id == self.current:
            paint_icon(painter, QRect(rect.right() - 26, rect.center().y() - 8, 16, 16), "check", "accent-text")
        painter.restore()

    def _write(
        self, painter: QPainter, line: QRect, text: str, mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight
    ) -> None:
        shown = painter.fontMetrics().elidedText(text, mode, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)

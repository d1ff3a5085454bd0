"""The list of pictures with their captions: only what is seen is drawn, and only of that pictures are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from aigc_studio.core.i18n import tr
from aigc_studio.ui.icons import paint_icon
from aigc_studio.ui.theme import theme_of
from aigc_studio.ui.training.film import SmallPictures

from .texts import CaptionTexts, Entry

__all__ = ["CaptionList", "CaptionRows"]

_Index = QModelIndex | QPersistentModelIndex
_HEIGHT, _SIDE = 76, 60
_LINES = 2


class CaptionRows(QAbstractListModel):
    """The rows of `CaptionTexts` that a filter lists. A row stays listed while it is typed in."""

    def __init__(self, texts: CaptionTexts, parent: QObject) -> None:
        super().__init__(parent)
        self.texts = texts
        self.listed: list[int] = []
        self._places: dict[int, int] = {}
        texts.changed.connect(self._changed)

    def show_rows(self, rows: Sequence[int]) -> None:
        """List these."""
        self.beginResetModel()
        self.listed = list(rows)
        self._places = {row: place for place, row in enumerate(self.listed)}
        self.endResetModel()

    def place(self, row: int) -> int:
        """Where a row is listed, -1 where it is not."""
        return self._places.get(row, -1)

    def entry(self, index: _Index) -> Entry | None:
        """The picture of a listed row."""
        there = index.isValid() and index.row() < len(self.listed)
        return self.texts.entries[self.listed[index.row()]] if there else None

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  Qt's default
        """Qt's."""
        return 0 if parent.isValid() else len(self.listed)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Qt's; the delegate draws, these words are for those who hear them."""
        entry = self.entry(index)
        if entry is None:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{entry.file}, {' | '.join(entry.texts) or tr('Without a caption')}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join((entry.file, *entry.texts))
        return None

    def _changed(self, rows: Sequence[int]) -> None:
        places = [place for row in rows if (place := self._places.get(row, -1)) >= 0]
        if places:
            self.dataChanged.emit(self.index(min(places)), self.index(max(places)))


class CaptionList(QListView):
    """Shows `CaptionRows`."""

    def __init__(self, rows: CaptionRows, folder: Path, pictures: SmallPictures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(rows)
        self.setItemDelegate(_Delegate(self, rows, folder, pictures))
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalScrollBar().setSingleStep(_HEIGHT // 2)
        pictures.ready.connect(lambda _path: self.viewport().update())
        theme_of(self).changed.connect(self.viewport().update)


class _Delegate(QStyledItemDelegate):
    """Picture, name, two lines of caption, a mark for what is not saved."""

    def __init__(self, view: CaptionList, rows: CaptionRows, folder: Path, pictures: SmallPictures) -> None:
        super().__init__(view)
        self._view, self._rows, self._folder, self._pictures = view, rows, folder, pictures

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:  # noqa: ARG002  Qt's
        """All rows are alike."""
        return QSize(200, _HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw one row."""
        entry = self._rows.entry(index)
        if entry is None:
            return
        theme = theme_of(self._view)
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        card = rect.adjusted(2, 1, -2, -1)
        current = index == self._view.currentIndex()
        if state & QStyle.StateFlag.State_Selected or state & QStyle.StateFlag.State_MouseOver or current:
            chosen = bool(state & QStyle.StateFlag.State_Selected)
            painter.setPen(theme.color("accent-line") if current else Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent-soft" if chosen else "hover"))
            painter.drawRoundedRect(card, 6, 6)
        box = QRect(card.left() + 7, card.center().y() - _SIDE // 2, _SIDE, _SIDE)
        self._draw_picture(painter, box, entry)
        words = QRect(box.right() + 12, card.top() + 8, card.right() - box.right() - 20, card.height() - 14)
        if entry.changed:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent"))
            painter.drawEllipse(QPoint(words.right() - 3, words.top() + 8), 4, 4)
        small = QFont(painter.font())
        small.setPixelSize(12)
        metrics = QFontMetrics(small)
        name = metrics.elidedText(entry.file, Qt.TextElideMode.ElideMiddle, words.width() - 16)
        painter.setFont(small)
        painter.setPen(theme.color("text-faint"))
        painter.drawText(words.left(), words.top() + metrics.ascent(), name)
        large = QFont(self._view.font())
        painter.setFont(large)
        painter.setPen(theme.color("text" if entry.texts else "text-faint"))
        below = words.adjusted(0, metrics.height() + 2, 0, 0)
        _draw_lines(painter, below, "  ·  ".join(entry.texts) or tr("Without a caption"))
        painter.restore()

    def _draw_picture(self, painter: QPainter, box: QRect, entry: Entry) -> None:
        image = self._pictures.image(self._folder / entry.file)
        if image is None or image.isNull():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme_of(self._view).color("sunken"))
            painter.drawRoundedRect(box, 4, 4)
            if image is not None:
                sign = QRect(box.center() - QPoint(12, 12), QSize(24, 24))
                paint_icon(painter, sign, "image-broken-variant", "text-faint")
            return
        target = QRect(QPoint(0, 0), image.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio))
        target.moveCenter(box.center())
        painter.drawImage(target, image)


def _draw_lines(painter: QPainter, rect: QRect, text: str) -> None:
    """Two lines, the last of which ends in "…" where there is more."""
    metrics = painter.fontMetrics()
    layout = QTextLayout(text, painter.font())
    layout.setTextOption(QTextOption(Qt.AlignmentFlag.AlignLeft))
    layout.beginLayout()
    for number in range(_LINES):
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(rect.width())
        start = line.textStart()
        words = text[start : start + line.textLength()]
        if number == _LINES - 1:
            words = metrics.elidedText(text[start : start + 400], Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect.left(), rect.top() + metrics.ascent() + number * metrics.lineSpacing(), words)
    layout.endLayout()

"""The timeline: a row for each generation, days in the margin; its prompt, its values in words, and what came of it."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QDate, QLocale, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QWidget

from aigc_studio.core.assets import Asset
from aigc_studio.core.i18n import current_language, tr
from aigc_studio.ui.assets.details import duration_text
from aigc_studio.ui.assets.glimpses import GlimpseLoader
from aigc_studio.ui.assets.grid import GridView
from aigc_studio.ui.assets.thumbnails import ThumbnailLoader
from aigc_studio.ui.icons import icon, paint_icon
from aigc_studio.ui.theme import theme_of

from .model import GenerationModel, Row
from .words import KIND_ICONS

__all__ = ["Timeline", "day_text"]

_HEIGHT = 96
_MARGIN = 120
"""Width of the days' margin."""
_THUMB = 72
_GAP = 6
_LEAST_WORDS = 200
"""Width that the words keep, whatever the strip wants."""
_ELIDED_KEPT = 2000


def day_text(day: QDate, today: QDate | None = None) -> str:
    """A day as a heading: "Today", "Yesterday", "23 Nov", with the year where it is another one."""
    today = today or QDate.currentDate()
    if day == today:
        return tr("Today")
    if day == today.addDays(-1):
        return tr("Yesterday")
    form = tr("d MMM##date") if day.year() == today.year() else tr("d MMM yyyy##date")
    return QLocale(current_language()).toString(day, form)


class Timeline(GridView):
    """A GridView of one column. Left and right choose among the results of a row."""

    MARGIN = 0
    GAP = 0

    resultChosen = Signal()
    """Another result of the current row."""
    opened = Signal()
    """Enter or a double click."""
    menuRequested = Signal(QPoint)

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._glimpses = GlimpseLoader(self)
        self._elided: OrderedDict[tuple[str, int, bool], str] = OrderedDict()
        self._chosen = ("", "")
        """Job id, id of the result of it that is looked at."""
        self.set_cell(QSize(1_000_000, _HEIGHT))
        self.setProperty("role", "plain")
        self._bold = QFont(self.font())
        self._bold.setWeight(QFont.Weight.DemiBold)
        theme_of(self).changed.connect(self.viewport().update)
        loader.ready.connect(self._ready)
        self._glimpses.ready.connect(self._ready)
        self.activated.connect(lambda _index: self.opened.emit())

    # -- what is chosen
    def current_row(self) -> Row | None:
        """The row the keyboard is on."""
        index = self.currentIndex()
        return self._model().row(index.row()) if index.isValid() else None

    def chosen_rows(self, most: int = 200) -> list[Row]:
        """The chosen rows in their order, `most` at most."""
        numbers = sorted(index.row() for index in self.selectionModel().selectedRows())[:most]
        return [row for number in numbers if (row := self._model().row(number))]

    def result_of(self, row: Row) -> Asset | None:
        """The result of a row that is looked at: the one chosen, else the first that is not in the trash."""
        assets = row.generation.assets
        job, id = self._chosen
        if job == row.generation.job_id and (found := next((asset for asset in assets if asset.id == id), None)):
            return found
        return next((asset for asset in assets if not asset.trashed), assets[0] if assets else None)

    def choose_result(self, row: Row, asset: Asset) -> None:
        """Look at one result of a row."""
        self._chosen = (row.generation.job_id, asset.id)
        self.viewport().update()
        self.resultChosen.emit()

    def forget(self) -> None:
        """Drop what was read of the project's files."""
        self._glimpses.forget()
        self._chosen = ("", "")

    def _ready(self, id: str) -> None:
        """A result's picture, words or wave can be painted now."""
        for number in self.visible_rows():
            row = self._model().row(number)
            if row is not None and any(asset.id == id for asset in row.generation.assets):
                self.viewport().update(self.cell_rect(number))

    def _model(self) -> GenerationModel:
        model = self.model()
        assert isinstance(model, GenerationModel)
        return model

    # -- geometry within a row
    def _strip(self, rect: QRect, row: Row) -> list[tuple[QRect, Asset]]:
        """Where each result of a row is painted, those that have room."""
        assets = row.generation.assets
        if not assets:
            return []
        room = rect.width() - _MARGIN - 40 - _LEAST_WORDS
        wide = assets[0].kind != "image"
        width = min(200, max(120, room // 2)) if wide else _THUMB
        most = max(1, min(len(assets), 1 if wide else 6, (room + _GAP) // (width + _GAP)))
        left = rect.right() - 16 - most * width - (most - 1) * _GAP
        top = rect.top() + (rect.height() - _THUMB) // 2
        first = self._first_in_strip(row, most)
        return [
            (QRect(left + place * (width + _GAP), top, width, _THUMB), assets[first + place]) for place in range(most)
        ]

    def _first_in_strip(self, row: Row, most: int) -> int:
        """The strip moves along when the result that is looked at would not be seen."""
        assets, looked_at = row.generation.assets, self.result_of(row)
        place = next((n for n, asset in enumerate(assets) if looked_at and asset.id == looked_at.id), 0)
        return min(max(0, place - most + 1), len(assets) - most)

    # -- painting
    def paint_cell(
        self, painter: QPainter, rect: QRect, row: int, *, selected: bool, current: bool, hovered: bool
    ) -> None:
        """Margin, sign, words, results."""
        shown = self._model().row(row)
        if shown is None:
            return
        theme = theme_of(self)
        body = rect.adjusted(_MARGIN, 2, -6, -2)
        if selected or hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent-soft" if selected else "hover"))
            painter.drawRoundedRect(body, 8, 8)
        if current:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("focus"), 1))
            painter.drawRoundedRect(QRectF(body).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        self._paint_margin(painter, rect, row, shown)
        painter.save()
        if shown.generation.trashed:
            painter.setOpacity(0.7)
        strip = self._strip(rect, shown)
        words = QRect(body.left() + 40, body.top() + 10, 0, body.height() - 20)
        words.setRight((strip[0][0].left() if strip else body.right()) - 16)
        sign = QRect(body.left() + 12, body.top() + 12, 18, 18)
        generation = shown.generation
        kind = "training" if generation.request.get("kind") == "training" else generation.kind
        paint_icon(painter, sign, KIND_ICONS.get(kind, "file-outline"), "icon")
        self._paint_words(painter, words, shown)
        looked_at = self.result_of(shown) if selected else None
        for place, asset in strip:
            self._paint_result(painter, place, asset, looked_at is not None and asset.id == looked_at.id)
        hidden = shown.generation.made - len(strip)
        if strip and hidden > 0:
            self._paint_badge(painter, strip[-1][0], f"+{hidden}")
        painter.restore()

    def _paint_margin(self, painter: QPainter, rect: QRect, number: int, row: Row) -> None:
        theme = theme_of(self)
        before = self._model().row(number - 1) if number else None
        first_of_day = before is None or before.day != row.day
        first_in_sight = rect.top() <= 0 < rect.bottom()
        x = rect.left() + _MARGIN - 12
        painter.setPen(QPen(theme.color("line"), 1))
        painter.drawLine(x, rect.top() + (26 if number == 0 else 0), x, rect.bottom())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent" if first_of_day else "line-strong"))
        painter.drawEllipse(QPoint(x, rect.top() + 24), 3, 3)
        if first_of_day and number:
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawLine(rect.left() + 12, rect.top(), rect.right() - 12, rect.top())
        top = max(rect.top() + 14, 4 if first_in_sight else rect.top() + 14)
        room = QRect(rect.left() + 12, min(top, rect.bottom() - 42), _MARGIN - 32, 20)
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if first_of_day or first_in_sight:
            painter.setFont(self._bold)
            painter.setPen(theme.color("text"))
            painter.drawText(room, align, day_text(row.day))
            room.translate(0, 20)
        painter.setFont(self.font())
        painter.setPen(theme.color("text-faint"))
        painter.drawText(room, align, row.time)

    def _paint_words(self, painter: QPainter, room: QRect, row: Row) -> None:
        theme = theme_of(self)
        line = self.fontMetrics().height()
        trashed = row.generation.trashed
        painter.setFont(self._bold)
        painter.setPen(theme.color("text-muted" if trashed else "text"))
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        two = not row.state and QFontMetrics(self._bold).horizontalAdvance(row.prompt) > room.width()
        top = QRect(room.left(), room.top(), room.width(), line + 4)
        if two:  # where there is nothing to say about its state, the prompt has its line too
            wrap = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
            words = self._elide(row.prompt, round(room.width() * 1.85), bold=True)
            painter.drawText(QRect(room.left(), room.top() + 2, room.width(), 2 * line + 4), wrap, words)
            top.translate(0, line)
        else:
            painter.drawText(top, align, self._elide(row.prompt, room.width(), bold=True))
        painter.setFont(self.font())
        painter.setPen(theme.color("text-muted"))
        middle = top.translated(0, line + 6)
        painter.drawText(middle, align, self._elide(row.summary, room.width()))
        if row.state:
            failed = row.generation.state == "failed"
            painter.setPen(theme.color("danger" if failed else "text-faint"))
            painter.drawText(middle.translated(0, line + 4), align, self._elide(row.state, room.width()))

    def _paint_result(self, painter: QPainter, place: QRect, asset: Asset, looked_at: bool) -> None:
        theme = theme_of(self)
        path = QPainterPath()
        path.addRoundedRect(QRectF(place), 5, 5)
        painter.save()
        painter.setOpacity(painter.opacity() * (0.6 if asset.trashed else 1.0))
        painter.fillPath(path, theme.color("sunken"))
        painter.setClipPath(path)
        pixmap = self._loader.pixmap(asset.id) if asset.kind == "image" else None
        if pixmap is not None and not pixmap.isNull():
            size = pixmap.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
            target = QRect(QPoint(0, 0), size)
            target.moveCenter(place.center())
            painter.drawPixmap(target, pixmap)
        elif asset.kind == "image":
            paint_icon(painter, place.adjusted(26, 26, -26, -26), "image-outline", "text-faint")
        else:
            self._paint_glimpse(painter, place, asset)
        painter.restore()
        if asset.starred:
            paint_icon(painter, QRect(place.right() - 18, place.top() + 4, 14, 14), "star", "star")
        if asset.trashed:
            paint_icon(painter, QRect(place.left() + 5, place.top() + 5, 14, 14), "trash-can-outline", "text")
        if looked_at:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawRoundedRect(QRectF(place).adjusted(1, 1, -1, -1), 5, 5)

    def _paint_glimpse(self, painter: QPainter, place: QRect, asset: Asset) -> None:
        """The first lines of a text, a sound's wave."""
        theme, model = theme_of(self), self._model()
        path = model.path(asset)
        glimpse = self._glimpses.glimpse(asset, path) if path is not None else None
        room = place.adjusted(10, 8, -10, -8)
        if glimpse is None or not len(glimpse):
            side = QRect(0, 0, 24, 24)
            side.moveCenter(place.center())
            paint_icon(painter, side, KIND_ICONS.get(asset.kind, "file-outline"), "text-faint")
        elif isinstance(glimpse, str):
            small = QFont(self.font())
            small.setPixelSize(11)
            painter.setFont(small)
            painter.setPen(theme.color("text-muted"))
            painter.drawText(room, Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop, glimpse)
            painter.setFont(self.font())
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("waveform"))
            step, middle = room.width() / len(glimpse), room.center().y() + 0.5
            for number, (low, high) in enumerate(glimpse):
                half = max(1.0, max(abs(float(low)), abs(float(high))) * room.height() / 2)
                bar = QRectF(room.left() + number * step, middle - half, max(1.0, step - 1.5), 2 * half)
                painter.drawRoundedRect(bar, 1, 1)
        if asset.seconds:
            self._paint_badge(painter, place, duration_text(asset.seconds))

    def _paint_badge(self, painter: QPainter, place: QRect, text: str) -> None:
        theme = theme_of(self)
        small = QFont(self.font())
        small.setPixelSize(11)
        width = QFontMetrics(small).horizontalAdvance(text) + 10
        badge = QRect(place.right() - width - 3, place.bottom() - 20, width, 17)
        painter.setFont(small)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("tooltip"))
        painter.drawRoundedRect(badge, 4, 4)
        painter.setPen(theme.color("on-tooltip"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)
        painter.setFont(self.font())

    def _elide(self, text: str, width: int, *, bold: bool = False) -> str:
        key = (text, width, bold)
        known = self._elided.get(key)
        if known is None:
            metrics = QFontMetrics(self._bold) if bold else self.fontMetrics()
            known = self._elided[key] = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
            if len(self._elided) > _ELIDED_KEPT:
                self._elided.popitem(last=False)
        return known

    def drag_pixmap(self, rows: list[int]) -> QPixmap:
        """The first result's thumbnail."""
        row = self._model().row(rows[0])
        asset = self.result_of(row) if row is not None else None
        pixmap = self._loader.pixmap(asset.id) if asset is not None and asset.kind == "image" else None
        if pixmap is None or pixmap.isNull():
            return icon(KIND_ICONS.get(asset.kind if asset else "", "file-outline")).pixmap(QSize(48, 48))
        return pixmap.scaled(
            QSize(96, 96), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )

    # -- events
    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A press on one of the results looks at it."""
        index = self.indexAt(event.position().toPoint())
        row = self._model().row(index.row()) if index.isValid() else None
        hit = None
        if row is not None:
            strip = self._strip(self.cell_rect(index.row()), row)
            hit = next((asset for place, asset in strip if place.contains(event.position().toPoint())), None)
        super().mousePressEvent(event)
        if row is not None and hit is not None:
            self.choose_result(row, hit)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right within a row."""
        row = self.current_row()
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step and row is not None and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            assets, looked_at = row.generation.assets, self.result_of(row)
            place = next((n for n, asset in enumerate(assets) if looked_at and asset.id == looked_at.id), 0) + step
            if 0 <= place < len(assets):
                self.choose_result(row, assets[place])
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """A menu for what is under the mouse, or for what is chosen when the key was pressed."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            rect = self.visualRect(self.currentIndex())
            self.menuRequested.emit(self.viewport().mapToGlobal(rect.center()))
        else:
            self.menuRequested.emit(event.globalPos())

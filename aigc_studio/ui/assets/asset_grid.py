"""The grid of assets: a thumbnail, a title and small signs for what it is."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QFontMetrics, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from aigc_studio.core.assets import Asset
from aigc_studio.ui.icons import icon, paint_icon
from aigc_studio.ui.theme import Theme, theme_of

from .details import duration_text
from .glimpses import GlimpseLoader
from .grid import GridView
from .model import AssetModel, shown_title
from .thumbnails import ThumbnailLoader

__all__ = ["CELL_SIZES", "KIND_ICONS", "AssetGrid"]

CELL_SIZES = (96, 128, 160, 200, 256)
"""Sides of the thumbnail's square, in pixels."""

KIND_ICONS = {"image": "image-outline", "audio": "waveform", "text": "text-box-outline", "other": "file-outline"}

_TITLE_HEIGHT = 28
_RADIUS = 6


class AssetGrid(GridView):
    """A GridView over an AssetModel. `menuRequested` carries the global position for a context menu."""

    menuRequested = Signal(QPoint)
    openRequested = Signal(object)  # Asset

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._side = 160
        self._elided: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._theme: Theme = theme_of(self)
        self._theme.changed.connect(self._restyle)
        loader.ready.connect(self._thumbnail_ready)
        self._glimpses = GlimpseLoader(self)
        self._glimpses.ready.connect(self._thumbnail_ready)
        self.activated.connect(self._activated)
        self.zoomRequested.connect(self.step_size)
        self.setProperty("role", "plain")
        self.set_side(self._side)

    @property
    def side(self) -> int:
        """Side of the thumbnails' square."""
        return self._side

    sideChanged = Signal(int)

    def set_side(self, side: int) -> None:
        """Show larger or smaller thumbnails: one of `CELL_SIZES`, else the nearest."""
        self._side = min(CELL_SIZES, key=lambda known: abs(known - side))
        self.set_cell(QSize(self._side, self._side + _TITLE_HEIGHT))
        self.sideChanged.emit(self._side)

    def step_size(self, step: int) -> None:
        """One size up or down."""
        place = CELL_SIZES.index(self._side) + step
        self.set_side(CELL_SIZES[max(0, min(place, len(CELL_SIZES) - 1))])

    def forget(self) -> None:
        """Drop what was read of the project's files."""
        self._glimpses.forget()

    def assets(self) -> list[Asset]:
        """The chosen assets, in the order shown."""
        model = self.model()
        assert isinstance(model, AssetModel)
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [asset for row in rows if (asset := model.asset(row))]

    def first_assets(self, most: int) -> list[Asset]:
        """Up to `most` of the chosen assets: enough to know what may be done with them, whatever their number."""
        model, rows = self.model(), []
        assert isinstance(model, AssetModel)
        parts = self.selectionModel().selection()
        for place in range(parts.count()):
            part = parts.at(place)
            rows += range(part.top(), min(part.bottom() + 1, part.top() + most - len(rows)))
        return [asset for row in rows if (asset := model.asset(row))]

    def _restyle(self) -> None:
        self.viewport().update()

    def _activated(self) -> None:
        model = self.model()
        assert isinstance(model, AssetModel)
        if self.currentIndex().isValid() and (asset := model.asset(self.currentIndex().row())):
            self.openRequested.emit(asset)

    def _thumbnail_ready(self, ready: str) -> None:
        model = self.model()
        if not isinstance(model, AssetModel):
            return
        for row in self.visible_rows():
            asset = model.asset(row)
            if asset and asset.id == ready:
                self.viewport().update(self.cell_rect(row))
                return

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """A menu for what is under the mouse, or for what is chosen when the key was pressed."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            rect = self.visualRect(self.currentIndex())
            self.menuRequested.emit(self.viewport().mapToGlobal(rect.center()))
        else:
            self.menuRequested.emit(event.globalPos())

    def paint_cell(
        self, painter: QPainter, rect: QRect, row: int, *, selected: bool, current: bool, hovered: bool
    ) -> None:
        """Thumbnail on a soft square, title below, star and length on it."""
        model = self.model()
        assert isinstance(model, AssetModel)
        asset = model.asset(row)
        if asset is None:
            return
        theme = self._theme
        well = QRect(rect.left(), rect.top(), rect.width(), rect.height() - _TITLE_HEIGHT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent-soft" if selected else "hover" if hovered else "panel"))
        painter.drawRoundedRect(well, _RADIUS, _RADIUS)
        pixmap = self._loader.pixmap(asset.id) if asset.kind == "image" else None
        if pixmap is not None and not pixmap.isNull():
            self._paint_picture(painter, well.adjusted(4, 4, -4, -4), pixmap)
        elif not self._paint_glimpse(painter, well.adjusted(14, 14, -14, -14), asset):
            side = min(40, well.height() // 3)
            sign = QRect(0, 0, side, side)
            sign.moveCenter(well.center())
            paint_icon(painter, sign, KIND_ICONS.get(asset.kind, "file-outline"), "text-faint")
        if selected or (current and self.hasFocus()):  # where the keyboard is looks unlike what is chosen
            chosen, here = QPen(theme.color("accent"), 2), QPen(theme.color("text-muted"), 1, Qt.PenStyle.DashLine)
            painter.setPen(chosen if selected else here)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(well).adjusted(1, 1, -1, -1), _RADIUS, _RADIUS)
        if asset.seconds:
            self._paint_badge(painter, well, duration_text(asset.seconds))
        if asset.starred:
            star = QRect(well.right() - 26, well.top() + 6, 20, 20)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(0, 0, 0, 110))
            painter.drawEllipse(star)
            paint_icon(painter, star.adjusted(3, 3, -3, -3), "star", "star")
        painter.setPen(theme.color("text"))
        line = QRect(rect.left() + 2, well.bottom() + 4, rect.width() - 4, _TITLE_HEIGHT - 6)
        painter.drawText(
            line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._title(asset, line.width())
        )

    def _paint_glimpse(self, painter: QPainter, room: QRect, asset: Asset) -> bool:
        """The first lines of a text, or a recording's waveform; False when there is nothing to paint."""
        model = self.model()
        assert isinstance(model, AssetModel)
        path = model.path(asset)
        glimpse = self._glimpses.glimpse(asset, path) if path else None
        if glimpse is None or not len(glimpse):
            return False
        if isinstance(glimpse, str):
            painter.setPen(self._theme.color("text-muted"))
            painter.drawText(room, Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop, glimpse)
            return True
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("waveform"))
        step, middle = room.width() / len(glimpse), room.center().y() + 0.5
        height = min(room.height() - 24, room.width() // 2)
        for number, (low, high) in enumerate(glimpse):
            half = max(1.0, max(abs(float(low)), abs(float(high))) * height / 2)
            painter.drawRoundedRect(
                QRectF(room.left() + number * step, middle - half, max(1.0, step - 1.5), 2 * half), 1, 1
            )
        return True

    def _paint_picture(self, painter: QPainter, room: QRect, pixmap: QPixmap) -> None:
        size = pixmap.size()
        if size.width() > room.width() or size.height() > room.height():
            size = size.scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(QPoint(0, 0), size.expandedTo(QSize(1, 1)))
        target.moveCenter(room.center())
        path = QPainterPath()
        path.addRoundedRect(QRectF(target), 3, 3)
        painter.save()
        painter.setClipPath(path)
        painter.drawPixmap(target, pixmap)
        painter.restore()

    def _paint_badge(self, painter: QPainter, well: QRect, text: str) -> None:
        font = QFont(self.font())
        font.setPixelSize(11)
        painter.save()
        painter.setFont(font)
        width = QFontMetrics(font).horizontalAdvance(text) + 12
        badge = QRect(well.left() + 6, well.bottom() - 24, width, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 150))
        painter.drawRoundedRect(badge, 4, 4)
        painter.setPen(QColor(255, 255, 255))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()

    def _title(self, asset: Asset, width: int) -> str:
        title = shown_title(asset)
        key = (title, width)
        text = self._elided.get(key)
        if text is None:
            text = self.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, width)
            self._elided[key] = text
            if len(self._elided) > 2000:
                self._elided.popitem(last=False)
        return text

    def paint_rubber(self, painter: QPainter, rect: QRect) -> None:
        """In the accent colour, see-through."""
        color = QColor(self._theme.color("accent"))
        painter.setPen(QPen(color, 1))
        color.setAlpha(40)
        painter.setBrush(color)
        painter.drawRect(rect)

    def drag_pixmap(self, rows: list[int]) -> QPixmap:
        """The first thumbnail, with the number of assets when there are several."""
        model = self.model()
        assert isinstance(model, AssetModel)
        asset = model.asset(rows[0])
        if asset is None:
            return QPixmap()
        pixmap = self._loader.pixmap(asset.id)
        if pixmap is None or pixmap.isNull():
            pixmap = icon(KIND_ICONS.get(asset.kind, "file-outline")).pixmap(QSize(48, 48))
        picture = pixmap.scaled(
            QSize(96, 96), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        if len(rows) > 1:
            painter = QPainter(picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            spot = QRect(4, 4, 30, 20)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent"))
            painter.drawRoundedRect(spot, 10, 10)
            painter.setPen(self._theme.color("on-accent"))
            painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, str(len(rows)))
            painter.end()
        return picture

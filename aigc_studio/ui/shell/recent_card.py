"""A card of the start page: a project opened before, with the pictures it held then."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFont,
    QImage,
    QImageReader,
    QKeyEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton, QMenu, QWidget

from aigc_studio.core.i18n import tr
from aigc_studio.ui.icons import icon, paint_icon
from aigc_studio.ui.theme import theme_of

__all__ = ["CARD", "RecentCard"]

CARD = QSize(208, 180)
_PICTURE = 124


class RecentCard(QAbstractButton):
    """Opens the project when clicked. `forgotten`: take it off the list; `revealed`: show its folder."""

    forgotten = Signal(object)
    revealed = Signal(object)

    def __init__(self, folder: Path, name: str, pictures: list[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self._name = name
        self.gone = not (folder / "project.aigc").exists()
        self.setText(name)
        self.setAccessibleName(name)
        self.setToolTip(str(folder))
        self.setFixedSize(CARD)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._images: list[QImage] = [] if self.gone else [image for file in pictures[:3] if (image := _read(file))]

    def sizeHint(self) -> QSize:
        """All cards are alike."""
        return CARD

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens it too."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """The border shows that it can be clicked."""
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Back to quiet."""
        super().leaveEvent(event)
        self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What else can be done with it."""
        menu = QMenu(self)
        show = menu.addAction(icon("folder-eye-outline"), tr("Show in the file manager"))
        show.setEnabled(self.folder.exists())
        show.triggered.connect(lambda: self.revealed.emit(self.folder))
        remove = menu.addAction(icon("close"), tr("Remove from this list"))
        remove.triggered.connect(lambda: self.forgotten.emit(self.folder))
        menu.exec(event.globalPos())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Pictures above, name and place below."""
        theme = theme_of(self)
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        outline = QPainterPath()
        outline.addRoundedRect(frame, 8, 8)
        painter.fillPath(outline, theme.color("panel"))
        painter.save()
        painter.setClipPath(outline)
        self._paint_pictures(painter, QRectF(frame.left(), frame.top(), frame.width(), _PICTURE))
        painter.restore()
        name = "focus" if self.hasFocus() else "line-strong" if self.underMouse() else "line"
        painter.setPen(QPen(theme.color(name), 2 if self.hasFocus() else 1))
        painter.drawPath(outline)
        text = QRectF(13, _PICTURE + 8, self.width() - 26, 20)
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(theme.color("text-faint" if self.gone else "text"))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        elide = Qt.TextElideMode.ElideRight
        painter.drawText(text, left, painter.fontMetrics().elidedText(self._name, elide, int(text.width())))
        font.setWeight(QFont.Weight.Normal)
        font.setPixelSize(12)
        painter.setFont(font)
        painter.setPen(theme.color("text-faint"))
        place = tr("Not found any more") if self.gone else _place(self.folder)
        text.translate(QPointF(0, 20))
        painter.drawText(
            text, left, painter.fontMetrics().elidedText(place, Qt.TextElideMode.ElideMiddle, int(text.width()))
        )
        painter.end()

    def _paint_pictures(self, painter: QPainter, area: QRectF) -> None:
        theme = theme_of(self)
        painter.fillRect(area, theme.color("sunken"))
        if not self._images:
            square = QRectF(0, 0, 32, 32)
            square.moveCenter(area.center())
            paint_icon(painter, square, "image-off-outline" if self.gone else "image-multiple-outline", "text-disabled")
            return
        shares = (
            [area] if len(self._images) == 1 else [QRectF(area.left(), area.top(), area.width() * 0.62, area.height())]
        )
        if len(self._images) > 1:
            left = shares[0].right() + 1
            rest = len(self._images) - 1
            height = (area.height() - (rest - 1)) / rest
            shares += [QRectF(left, area.top() + n * (height + 1), area.right() - left, height) for n in range(rest)]
        for image, share in zip(self._images, shares, strict=False):
            scale = max(share.width() / image.width(), share.height() / image.height())
            source = QRectF(0, 0, share.width() / scale, share.height() / scale)
            source.moveCenter(QRectF(image.rect()).center())
            painter.drawImage(share, image, source)


def _place(folder: Path) -> str:
    """The folder that holds the project, with the home folder shortened."""
    parent = folder.parent
    try:
        return str(Path("~") / parent.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(parent)


def _read(file: str) -> QImage | None:
    """A thumbnail; None for a file that is gone or broken."""
    reader = QImageReader(file)
    size = reader.size()
    if not size.isValid() or max(size.width(), size.height()) > 1024:
        return None
    image = reader.read()
    return None if image.isNull() else image

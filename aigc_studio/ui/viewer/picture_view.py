"""One picture of the project on a surface: its thumbnail at once, its pixels as soon as they are read."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.canvas import painting
from aigc_studio.ui.canvas.pyramid import PictureLoader, Pyramid
from aigc_studio.ui.theme import theme_of

from .surface import Surface

__all__ = ["PictureView"]


class PictureView(Surface):
    """Shows what `loader` reads. lazy: the file is read when the thumbnail is no longer enough."""

    shown = Signal(str)
    """Key of the picture whose pixels are on the screen now."""

    def __init__(self, loader: PictureLoader, parent: QWidget | None = None, *, lazy: bool = False) -> None:
        super().__init__(parent)
        self._loader = loader
        self._lazy = lazy
        self._key = ""
        self._path = Path()
        self._picture: Pyramid | None = None
        self._thumb = QImage()
        self._problem: StudioError | None = None
        loader.loaded.connect(self._loaded)
        loader.failed.connect(self._failed)
        self.zoomChanged.connect(lambda _scale: self._read_if_wanted())
        self.tr_bind(self.setAccessibleName, N_("Picture"))

    @property
    def picture(self) -> Pyramid | None:
        """The pixels, once they are read."""
        return self._picture

    def show_picture(
        self, key: str, path: Path, size: QSize, thumbnail: QPixmap | None = None, *, keep_view: bool = False
    ) -> None:
        """Show the picture in `path`. key: the asset's id; size: in pixels; thumbnail: until it is read."""
        self._key, self._path, self._problem = key, path, None
        self._thumb = painting.soften(thumbnail.toImage()) if thumbnail is not None else QImage()
        self._picture = self._loader.cached(key)
        self.set_frame(size.width(), size.height(), keep_view=keep_view)
        if self._picture is not None:
            self.shown.emit(key)
        elif not self._lazy:
            self._loader.load(key, path)
        else:
            self._read_if_wanted()

    def set_thumbnail(self, key: str, thumbnail: QPixmap) -> None:
        """The thumbnail came later."""
        if key == self._key and self._picture is None and not thumbnail.isNull():
            self._thumb = painting.soften(thumbnail.toImage())
            self.update()

    def show_nothing(self) -> None:
        """Nothing to look at."""
        self._key, self._picture, self._thumb, self._problem = "", None, QImage(), None
        self.update()

    def _read_if_wanted(self) -> None:
        """Lazily: when the picture is shown larger than its thumbnail is."""
        if not (self._lazy and self._key and self._picture is None and self._problem is None):
            return
        wanted = max(self.transform.device_rect().width(), self.transform.device_rect().height())
        if not self.transform.fitted or (not self._thumb.isNull() and wanted > 1.5 * self._longest()):
            self._loader.load(self._key, self._path)

    def _longest(self) -> int:
        return max(self._thumb.width(), self._thumb.height())

    def _loaded(self, key: str, picture: Pyramid) -> None:
        if key == self._key:
            self._picture = picture
            self.set_frame(picture.size.width(), picture.size.height(), keep_view=True)
            self.shown.emit(key)

    def _failed(self, key: str, error: StudioError) -> None:
        if key == self._key:
            self._problem = error
            self.update()

    def paint_frame(self, painter: QPainter, target: QRectF, clip: QRect) -> None:
        """The pixels, or the thumbnail in their place."""
        if not self._key:
            return
        inside = target.toAlignedRect().intersected(clip)
        if self._picture is not None:
            if self._picture.transparent:
                self.paint_checker(painter, inside)
            self._picture.paint(painter, target, clip)
            painting.pixel_grid(painter, target, self.transform.scale, clip)
        elif not self._thumb.isNull():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(target, self._thumb, QRectF(self._thumb.rect()))

    def paint_over(self, painter: QPainter) -> None:
        """Why there is nothing to see."""
        if self._problem is not None:
            painter.setPen(theme_of(self).color("text-muted"))
            room = QRectF(self.rect()).adjusted(24, 24, -24, -24)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(room, flags, str(self._problem))
        elif self._key and self._picture is None and self._thumb.isNull() and not self._lazy:
            painter.setPen(theme_of(self).color("text-muted"))
            painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignCenter, tr("Reading the picture…"))

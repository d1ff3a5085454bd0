"""One sample at a time, large: a picture that can be zoomed, or texts; another one in its place while a key is down."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QPlainTextEdit, QStackedWidget, QWidget

from aigc_studio.core.i18n import N_
from aigc_studio.ui.canvas import painting
from aigc_studio.ui.canvas.pyramid import Pyramid
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.theme import set_role
from aigc_studio.ui.viewer.pair_view import placed
from aigc_studio.ui.viewer.surface import Surface

__all__ = ["Picture", "ShotView"]

_LARGEST_FIT = 4.0
"""Samples are small: a whole one is shown at up to four times its pixels."""


class Picture(Surface):
    """A picture that stays until the next one is there: scrubbing does not flicker."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.transform.largest_fit = _LARGEST_FIT
        self.picture: Pyramid | None = None
        self.other: Pyramid | None = None
        self.held = False
        self.tr_bind(self.setAccessibleName, N_("Samples"))

    def show_picture(self, picture: Pyramid | None) -> None:
        """Show it with the zoom and the place of the last one, where it is of the same size."""
        self.picture = picture
        if picture is not None:
            self.set_frame(picture.size.width(), picture.size.height(), keep_view=True)
        self.update()

    def hold(self, other: Pyramid | None) -> None:
        """Show another one in its place; None shows the picture itself again."""
        self.other = other
        self.update()

    def paint_frame(self, painter: QPainter, target: QRectF, clip: QRect) -> None:
        """The one or the other."""
        shown = self.other if self.other is not None else self.picture
        if shown is None or self.picture is None:
            return
        part, scale = placed(shown.size, self.picture.size), self.transform.scale
        place = QRectF(target.topLeft() + part.topLeft() * scale, part.size() * scale)
        if shown.transparent:
            self.paint_checker(painter, place.toAlignedRect().intersected(clip))
        shown.paint(painter, place, clip)
        painting.pixel_grid(painter, place, self.transform.scale, clip)


class ShotView(Translated, QStackedWidget):
    """`picture` or `text`, whichever the sample is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture = Picture(self)
        self.text = QPlainTextEdit(self, readOnly=True)
        set_role(self.text, "document")
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.tr_bind(self.text.setAccessibleName, N_("Samples"))
        self.text.document().setDocumentMargin(16)
        self.addWidget(self.picture)
        self.addWidget(self.text)
        self._texts: tuple[str, ...] = ()

    def show_texts(self, texts: tuple[str, ...]) -> None:
        """Show these, one below the other, and stay where one reads."""
        if texts != self._texts or self.currentWidget() is not self.text:
            bar = self.text.verticalScrollBar()
            at = bar.value()
            self._texts = texts
            self.text.setPlainText("\n\n———\n\n".join(text.strip() for text in texts))
            bar.setValue(min(at, bar.maximum()))
        self.setCurrentWidget(self.text)

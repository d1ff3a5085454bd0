"""The sample of the step under the cursor, beside the curves: what a loss looks like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.theme import theme_of

from .film import SmallPictures
from .record import Shot
from .report_words import number_text

__all__ = ["Glance"]

_SIDE = 480
_WIDTH = 248
_TEXT = 700


class _Well(QWidget):
    """The picture, or the beginning of the texts."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.small = SmallPictures(_SIDE, self)
        self.small.ready.connect(lambda _key: self.update())
        self.path: Path | None = None
        self.text = ""
        self._shown = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(_WIDTH, _WIDTH)

    def show_shot(self, path: Path | None, text: str) -> None:
        """Another one; the former picture stays until it is read."""
        self.path, self.text = path, text
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """At the top, as wide as there is room."""
        theme, painter = theme_of(self), QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        image = self.small.image(self.path) if self.path is not None else None
        if self.path is not None and image is not None and not image.isNull():
            self._shown = str(self.path)
        elif self.path is not None and image is None and self._shown:
            image = self.small.image(Path(self._shown))
        if image is not None and not image.isNull():
            size = image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(QPoint((self.width() - size.width()) // 2, 0), size)
            outline = QPainterPath()
            outline.addRoundedRect(QRectF(target), 6, 6)
            painter.setClipPath(outline)
            painter.drawImage(target, image)
        elif self.text:
            painter.setPen(theme.color("text"))
            flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
            painter.drawText(self.rect(), flags, self.text[:_TEXT])
        painter.end()


class Glance(Translated, QFrame):
    """The newest sample, or that of a step that is pointed at."""

    wanted = Signal(int)
    """Look closely at the sample of this step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = Path()
        self._shots: Sequence[Shot] = ()
        self._step: float | None = None
        self.shot: Shot | None = None
        self.setFixedWidth(_WIDTH + 24)
        self.setProperty("role", "panel")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.tr_bind(self.setToolTip, N_("Look at the samples"))
        self.tr_bind(self.setAccessibleName, N_("Look at the samples"))
        self.title = QLabel(self)
        self.title.setProperty("role", "section")
        self.well = _Well(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 16, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.title)
        column.addWidget(self.well, 1)

    def show_run(self, folder: Path | None) -> None:
        """Another run."""
        self.well.small.forget()
        self._folder, self._shots, self._step = folder or Path(), (), None
        self._say()

    def show_shots(self, shots: Sequence[Shot]) -> None:
        """All its samples."""
        self._shots = shots
        self._say()

    def point_at(self, step: float | None) -> None:
        """The sample nearest to a step; None for the newest."""
        self._step = step
        self._say()

    def retranslate(self) -> None:
        """The step, too."""
        super().retranslate()
        if hasattr(self, "well"):
            self._say()

    def _say(self) -> None:
        shots, step = self._shots, self._step
        shot = None
        if shots:
            shot = shots[-1] if step is None else min(shots, key=lambda each: abs(each.step - step))
        self.shot = shot
        if shot is None:
            self.title.setText("")
            self.well.show_shot(None, "")
            return
        title = tr("Sample after step {step}", step=number_text(shot.step))
        self.title.setText(title)
        text = "\n\n".join(text.strip() for text in shot.texts)
        self.well.show_shot(self._folder / shot.file if shot.file else None, text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Closer."""
        if event.button() == Qt.MouseButton.LeftButton and self.shot is not None:
            self.wanted.emit(self.shot.step)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter: closer."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.shot is not None:
            self.wanted.emit(self.shot.step)
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Where the keyboard is."""
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme_of(self).color("focus"), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(2.5, 6.5, -6.5, -6.5), 6, 6)
            painter.end()

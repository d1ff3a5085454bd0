"""Rating: the finished model's samples as a grid, one key each to keep or reject, and on to the next round."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QItemSelectionModel, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.runs import KEEP, REJECT
from aigc_studio.ui.assets.grid import GridView
from aigc_studio.ui.canvas.pyramid import PictureLoader, Pyramid
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon, paint_icon
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import theme_of
from aigc_studio.ui.widgets.empty_state import EmptyState

from .film import SmallPictures
from .rating_model import FILTERS, RATED, Judgements, SampleModel
from .report_words import number_text
from .results import Results
from .shot_view import ShotView

__all__ = ["RatingsView"]

_SIDES = (72, 96, 128, 176, 240)
_TEXT_CELL = QSize(250, 150)
_SMALL = 256
_RATINGS = {Qt.Key.Key_K: KEEP, Qt.Key.Key_R: REJECT, Qt.Key.Key_U: ""}
_SIGNS = {KEEP: ("check-circle", "success"), REJECT: ("close-circle", "danger")}


class _Grid(GridView):
    """The samples; what was rejected is pale."""

    def __init__(self, model: SampleModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.small = SmallPictures(_SMALL, self)
        self.small.ready.connect(lambda _key: self.viewport().update())
        self.folder = Path()
        self._side = 1
        self._samples = model
        self.setModel(model)
        self.setProperty("role", "plain")
        self.setDragEnabled(False)
        self.zoomRequested.connect(self._zoom)
        theme_of(self).changed.connect(self.viewport().update)
        self.fit_cells()

    def fit_cells(self) -> None:
        """Cells for pictures, or for texts."""
        texts = bool(self._samples.rows) and bool(self._samples.rows[0].text)
        self.set_cell(_TEXT_CELL if texts else QSize(_SIDES[self._side], _SIDES[self._side]))

    def _zoom(self, way: int) -> None:
        self._side = min(max(self._side + way, 0), len(_SIDES) - 1)
        self.fit_cells()

    def paint_cell(
        self, painter: QPainter, rect: QRect, row: int, *, selected: bool, current: bool, hovered: bool
    ) -> None:
        """The picture or the first lines, a sign for what was said of it, a frame when chosen."""
        theme, sample = theme_of(self), self._samples.rows[row]
        rating = self._samples.judgements.ratings.get(sample.file, "")
        outline = QPainterPath()
        outline.addRoundedRect(QRectF(rect), 6, 6)
        painter.fillPath(outline, theme.color("accent-soft" if selected else "hover" if hovered else "panel"))
        painter.save()
        painter.setOpacity(0.35 if rating == REJECT else 1.0)
        inner = rect.adjusted(4, 4, -4, -4)
        if sample.text:
            painter.setPen(theme.color("text"))
            text = f"{sample.prompt}\n{sample.text}" if sample.prompt else sample.text
            flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
            painter.setClipRect(inner.adjusted(6, 4, -6, -4))
            painter.drawText(inner.adjusted(6, 4, -6, -4), flags, text[:600])
        else:
            image = self.small.image(self.folder / sample.file)
            if image is not None and not image.isNull():
                size = image.size().scaled(inner.size(), Qt.AspectRatioMode.KeepAspectRatio)
                target = QRect(QPoint(0, 0), size)
                target.moveCenter(inner.center())
                smooth = size.width() < 2 * image.width()
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
                painter.drawImage(target, image)
            elif image is not None:
                paint_icon(
                    painter, QRect(inner.center() - QPoint(12, 12), QSize(24, 24)), "image-broken-variant", "text-faint"
                )
        painter.restore()
        if selected or current:
            chosen, here = QPen(theme.color("accent"), 2), QPen(theme.color("text-muted"), 1, Qt.PenStyle.DashLine)
            painter.setPen(chosen if selected else here)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(rect).adjusted(1, 1, -1, -1), 6, 6)
        elif sample.text:
            painter.setPen(QPen(theme.color("line"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        if rating:
            sign = QRect(rect.right() - 25, rect.top() + 5, 20, 20)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("panel"))
            painter.drawEllipse(sign)
            paint_icon(painter, sign, *_SIGNS[rating])


class RatingsView(Translated, QWidget):
    """Keys: arrows move, K keeps, R rejects, U takes back, Enter looks closely, Esc goes back, Ctrl+Z undoes."""

    roundWanted = Signal()
    """Train on, with what was kept."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.judgements = Judgements(studio, self)
        self.samples = SampleModel(self.judgements, self)
        self._folder = Path()
        self._running = False
        self._build()
        self._loader = PictureLoader(self)
        self._loader.loaded.connect(self._loaded)
        self.judgements.changed.connect(self._changed)
        self._changed()

    # -- building
    def _build(self) -> None:
        self.filters = QButtonGroup(self)
        switch = QFrame(self)
        switch.setProperty("role", "sunken")
        row = QHBoxLayout(switch)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        for number in range(len(FILTERS)):
            button = QPushButton(switch, autoDefault=False)
            button.setCheckable(True)
            button.setProperty("role", "segment")
            self.filters.addButton(button, number)
            row.addWidget(button)
        self.filters.button(0).setChecked(True)
        self.filters.idToggled.connect(lambda id, on: self.show_filter(list(FILTERS)[id]) if on else None)
        self.keep = self._tool("check-circle-outline", N_("Keep (K)"), KEEP)
        self.reject = self._tool("close-circle-outline", N_("Reject (R)"), REJECT)
        self.clear = self._tool("circle-off-outline", N_("Take the rating back (U)"), "")
        self.undo_button = QToolButton(self)
        self.undo_button.setIcon(icon("undo"))
        self.undo_button.clicked.connect(self.undo)
        self.tr_bind(self.undo_button.setToolTip, N_("Undo (Ctrl+Z)"))
        self.tr_bind(self.undo_button.setAccessibleName, N_("Undo"))
        self.round = QPushButton(self, autoDefault=False)
        self.round.setProperty("role", "primary")
        self.round.setIcon(icon("autorenew", "on-accent", disabled="on-accent-disabled"))
        self.tr_bind(self.round.setText, N_("Train the next round"))
        self.tr_bind(
            self.round.setToolTip, N_("Begins where this training ended; what you kept is learned with the data")
        )
        self.round.clicked.connect(self.roundWanted)
        top = QHBoxLayout()
        top.setContentsMargins(12, 8, 12, 8)
        top.setSpacing(4)
        top.addWidget(switch)
        top.addStretch(1)
        for button in (self.keep, self.reject, self.clear, self.undo_button):
            button.setIconSize(QSize(20, 20))
            top.addWidget(button)
        self.hint = QLabel(self)
        self.hint.setProperty("role", "faint")
        self.hint.setWordWrap(True)
        foot = QFrame(self)
        foot.setProperty("role", "footer")
        below = QHBoxLayout(foot)
        below.setContentsMargins(12, 8, 12, 8)
        below.setSpacing(8)
        below.addWidget(self.hint, 1)
        below.addWidget(self.round)
        self.grid = _Grid(self.samples, self)
        self.tr_bind(self.grid.setAccessibleName, N_("Samples of the finished model"))
        self.grid.doubleClicked.connect(lambda _index: self.look())
        self.grid.installEventFilter(self)
        self.large = ShotView(self)
        self.large.picture.installEventFilter(self)
        self.large.text.installEventFilter(self)
        self.nothing = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter)
        self.nothing.setProperty("role", "muted")
        self.tr_bind(self.nothing.setText, N_("No sample is left here."))
        self.body = QStackedWidget(self)
        for page in (self.grid, self.large, self.nothing):
            self.body.addWidget(page)
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self.body, 1)
        column.addWidget(foot)
        self.empty = EmptyState("star-half-full", "", "")
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(page)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.stack)
        self.setFocusProxy(self.grid)

    def _tool(self, name: str, title: str, rating: str) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(name))
        button.clicked.connect(lambda: self.rate(rating))
        self.tr_bind(button.setToolTip, title)
        self.tr_bind(button.setAccessibleName, title)
        return button

    # -- what is shown
    def show_results(self, folder: Path | None, results: Results, *, running: bool = False) -> None:
        """A run as it was read. running: whether it goes on, so that samples are still to come."""
        path = folder or Path()
        if path != self._folder:
            self._folder = self.grid.folder = path
            self.grid.small.forget()
            self._loader.forget()
            self.body.setCurrentWidget(self.grid)
        self._running = running
        self.judgements.show(folder, results.samples, results.ratings)
        self._say()

    @property
    def filter(self) -> str:
        """One of `FILTERS`."""
        return self.samples.filter

    def show_filter(self, which: str) -> None:
        """Show only some of them."""
        self.samples.filter = which
        self.filters.button(list(FILTERS).index(which)).setChecked(True)
        self._changed()

    def chosen(self) -> list[str]:
        """Files of the chosen samples."""
        rows = sorted(index.row() for index in self.grid.selectionModel().selectedRows())
        return [self.samples.rows[row].file for row in rows]

    def choose(self, row: int) -> None:
        """Choose one of those shown."""
        if self.samples.rows:
            index = self.samples.index(min(max(row, 0), len(self.samples.rows) - 1))
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.grid.selectionModel().setCurrentIndex(index, flags)
            self.grid.scrollTo(index)
            if self.body.currentWidget() is self.large:
                self._show_large()

    # -- rating
    def rate(self, rating: str) -> None:
        """Say something of the chosen ones; after a single one, on to the next."""
        files = self.chosen()
        if not files or not self.judgements.writable:
            return
        row = self.grid.currentIndex().row()
        shown = len(self.samples.rows)
        self.judgements.rate(files, rating)
        if len(files) == 1 and rating:
            self.choose(row + 1 if len(self.samples.rows) == shown else row)
        self._enable()

    def undo(self) -> None:
        """Take back what was said last, and go there."""
        files = self.judgements.undo()
        rows = [row for row, sample in enumerate(self.samples.rows) if sample.file in files]
        if rows:
            self.choose(rows[0])

    def look(self) -> None:
        """The chosen one alone, large."""
        if self.grid.currentIndex().isValid():
            self.body.setCurrentWidget(self.large)
            self._show_large()
            (self.large.text if self.large.currentWidget() is self.large.text else self.large.picture).setFocus()

    def back(self) -> None:
        """All of them again."""
        self.body.setCurrentWidget(self.grid)
        self.grid.setFocus()
        self._say()

    def _show_large(self) -> None:
        row = self.grid.currentIndex().row()
        if not 0 <= row < len(self.samples.rows):
            return
        sample = self.samples.rows[row]
        if sample.text:
            self._say()
            self.large.show_texts((f"{sample.prompt}\n\n{sample.text}" if sample.prompt else sample.text,))
            return
        self._say()
        self.large.setCurrentWidget(self.large.picture)
        if (picture := self._loader.cached(sample.file)) is not None:
            self.large.picture.show_picture(picture)
        else:
            self._loader.load(sample.file, self._folder / sample.file)

    def _loaded(self, key: str, picture: Pyramid) -> None:
        row = self.grid.currentIndex().row()
        if 0 <= row < len(self.samples.rows) and self.samples.rows[row].file == key:
            self.large.picture.show_picture(picture)

    # -- words
    def _changed(self) -> None:
        """Samples or ratings are others."""
        row = self.grid.currentIndex().row()
        before = len(self.samples.rows)
        self.samples.refresh()
        if len(self.samples.rows) != before:
            self.grid.fit_cells()
            self.choose(max(0, row))
        if self.body.currentWidget() is not self.large or not self.samples.rows:
            self.body.setCurrentWidget(self.grid if self.samples.rows else self.nothing)
        self.grid.viewport().update()
        self._say()

    def _say(self) -> None:
        judgements = self.judgements
        self.stack.setCurrentIndex(1 if judgements.samples else 0)
        for number, (which, title) in enumerate(FILTERS.items()):
            self.filters.button(number).setText(tr(title, count=number_text(judgements.count(which))))
        if self._running:
            self.empty.set_text(
                N_("Nothing to rate yet"), N_("When the training ends, the model makes its final samples.")
            )
        else:
            self.empty.set_text(N_("Nothing to rate"), N_("This training has not made a model."))
        kept = judgements.count(KEEP)
        if not judgements.writable and judgements.samples:
            self.hint.setText(tr("This project can only be read; ratings cannot be kept."))
        elif self.body.currentWidget() is self.large and self.samples.rows:
            self.hint.setText(self._about())
        elif kept:
            self.hint.setText(
                tr("The next round learns the {count} samples that you kept, too.", count=number_text(kept))
            )
        else:
            self.hint.setText(
                tr("Arrows move, K keeps, R rejects, U takes back. What you keep is learned in the next round.")
            )
        self._enable()

    def _about(self) -> str:
        """The sample that is looked at closely: which one it is, and what was said of it."""
        row = max(0, self.grid.currentIndex().row())
        sample = self.samples.rows[min(row, len(self.samples.rows) - 1)]
        count = number_text(len(self.samples.rows))
        words = [tr("{index} of {count}", index=number_text(row + 1), count=count)]
        if sample.seed:
            words.append(tr("Seed {seed}", seed=sample.seed))
        rating = self.judgements.ratings.get(sample.file, "")
        words.append(tr(RATED[rating]) if rating else tr("Not rated yet"))
        return "  ·  ".join(words)

    def _enable(self) -> None:
        on = self.judgements.writable and bool(self.samples.rows)
        for button in (self.keep, self.reject, self.clear):
            button.setEnabled(on)
        self.undo_button.setEnabled(self.judgements.undoable)
        self.round.setEnabled(self.judgements.writable and bool(self.judgements.samples) and not self._running)

    def retranslate(self) -> None:
        """Counts, too."""
        super().retranslate()
        if hasattr(self, "_loader"):
            self._say()

    # -- events
    def eventFilter(self, watched, event: QEvent) -> bool:  # noqa: ANN001  QObject
        """Keys mean rating here; the run's own keys wait."""
        if isinstance(event, QKeyEvent) and event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            call = self._call(watched, event)
            if call is not None:
                if event.type() == QEvent.Type.KeyPress:
                    call()
                event.accept()
                return True
        return super().eventFilter(watched, event)

    def _call(self, watched: object, event: QKeyEvent):  # noqa: ANN202  what the key does, or None
        key, modifiers = Qt.Key(event.key()), event.modifiers()
        if modifiers == Qt.KeyboardModifier.ControlModifier and key == Qt.Key.Key_Z:
            return self.undo
        if modifiers & ~Qt.KeyboardModifier.KeypadModifier:
            return None
        if key in _RATINGS:
            return lambda: self.rate(_RATINGS[key])
        if watched is self.grid:
            return self.look if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) else None
        if key in (Qt.Key.Key_Escape, Qt.Key.Key_Backspace):
            return self.back
        picture = self.large.picture
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if key in moves and (picture.transform.fitted or watched is not picture or not picture.larger_than_view):
            return lambda: self.choose(self.grid.currentIndex().row() + moves[key])
        return None

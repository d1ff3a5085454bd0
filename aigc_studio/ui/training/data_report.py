"""What is in a folder of data: figures, small pictures, what cannot be used and why, how pictures will be varied."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import set_role
from aigc_studio.ui.widgets.elided_label import ElidedLabel

from .captions.dialog import CaptionDialog
from .look import VARIED, DataLook, Glimpse, ImageFacts, TextFacts
from .report_words import Concern, concerns, empty_reason, figures, number_text
from .wall import VariedWall, Wall

__all__ = ["ConcernList", "DataReport"]

_VARY_MS = 250
_LIST_HEIGHT = 168
_ROWS = 3
"""Of pictures, before more are asked for."""


class _Tile(QFrame):
    """A number with what it counts."""

    def __init__(self, value: str, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        number, what = QLabel(value, self), QLabel(title, self)
        number.setProperty("role", "heading")
        what.setProperty("role", "faint")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(0)
        column.addWidget(number)
        column.addWidget(what)


class ConcernList(QWidget):
    """A line that opens a list of files with what is to be said of each."""

    def __init__(self, concern: Concern, parent: QWidget) -> None:
        super().__init__(parent)
        self._concern = concern
        self.button = QPushButton(concern.text, self, autoDefault=False)
        self.button.setCheckable(True)
        self.button.setProperty("role", "drawer")
        self.button.setIconSize(QSize(16, 16))
        self.list: QListWidget | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self.button)
        self.button.toggled.connect(self._open)
        self._open(False)

    def _open(self, on: bool) -> None:
        self.button.setIcon(icon("chevron-down" if on else "chevron-right", on="icon"))
        if on and self.list is None:
            self.list = QListWidget(self)
            self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
            self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
            self.list.setAccessibleName(self._concern.text)
            self.list.setWordWrap(True)
            for file, reason in self._concern.rows:
                item = QListWidgetItem(f"{file} — {reason}")
                item.setToolTip(f"{file}\n{reason}")
                self.list.addItem(item)
            rows = sum(max(24, self.list.sizeHintForRow(row)) for row in range(min(8, self.list.count())))
            self.list.setFixedHeight(min(_LIST_HEIGHT, rows + 8))
            self._column.addWidget(self.list)
        if self.list is not None:
            self.list.setVisible(on)


class DataReport(Translated, QWidget):
    """One folder of one recipe. It looks by itself when it is given a folder; `changed`: it knows more now."""

    changed = Signal()

    def __init__(
        self, studio: Studio, title: str, kind: str, parent: QWidget | None = None, *, compact: bool = False
    ) -> None:
        """title: of the parameter, marked with N_(). kind: "images" or "texts". compact: it is not the only one."""
        super().__init__(parent)
        self._rows, self._examples = (1, 1) if compact else (_ROWS, VARIED)
        self._studio = studio
        self.kind = kind
        self.editor: CaptionDialog | None = None
        self.folder: Path | None = None
        self.report: ImageFacts | TextFacts | None = None
        self.error: StudioError | None = None
        self._stopped = self._due = False
        self._augment = Augment()
        self._seed = 0
        self.look = DataLook(studio, self)
        self._build(title)
        self.look.told.connect(self._told)
        self.look.found.connect(self._found)
        self.look.failed.connect(self._failed)
        self.look.glimpsed.connect(self._glimpsed)
        self.look.varied.connect(self._varied)

    # -- building
    def _build(self, title: str) -> None:
        heading = QLabel(self)
        heading.setProperty("role", "heading")
        self.tr_bind(heading.setText, title)
        self.place = ElidedLabel(self)
        self.place.setProperty("role", "faint")
        self.again = QToolButton(self)
        self.again.setIcon(icon("refresh"))
        self.again.setIconSize(QSize(18, 18))
        self.tr_bind(self.again.setToolTip, N_("Look again"))
        self.tr_bind(self.again.setAccessibleName, N_("Look again"))
        self.again.clicked.connect(self.look_again)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(heading)
        head.addWidget(self.place, 1)
        head.addWidget(self.again)
        self.stage = QLabel(self)
        self.stage.setProperty("role", "muted")
        self.stage.setWordWrap(True)
        self.cancel = QPushButton(self, autoDefault=False)
        self.tr_bind(self.cancel.setText, N_("Cancel"))
        self.cancel.clicked.connect(self.stop)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.stage, 1)
        line.addWidget(self.cancel)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self._tiles = QHBoxLayout()
        self._tiles.setSpacing(8)
        self._concerns = QVBoxLayout()
        self._concerns.setSpacing(4)
        self.wall = Wall(self)
        self.tr_bind(self.wall.setAccessibleName, N_("Some of the pictures"))
        self.more = QPushButton(self, autoDefault=False)
        self.more.setProperty("role", "link")
        self.more.clicked.connect(self._show_more)
        self.captions = QPushButton(icon("closed-caption-outline"), "", self, autoDefault=False)
        self.tr_bind(self.captions.setText, N_("Edit captions…"))
        self.tr_bind(self.captions.setToolTip, N_("See, write and correct what is said about each picture"))
        self.captions.clicked.connect(self.edit_captions)
        self._open, self._words, self._adaptive = False, True, False
        self.wall.show_rows(self._rows)
        self._varied_title = QLabel(self)
        self._varied_title.setProperty("role", "section")
        self.tr_bind(self._varied_title.setText, N_("How they are varied while the model learns"))
        self._varied_note = QLabel(self, wordWrap=True)
        self._varied_note.setProperty("role", "faint")
        self.dice = QToolButton(self)
        self.dice.setIcon(icon("dice-5-outline"))
        self.dice.setIconSize(QSize(18, 18))
        self.tr_bind(self.dice.setToolTip, N_("Other variations"))
        self.tr_bind(self.dice.setAccessibleName, N_("Other variations"))
        self.dice.clicked.connect(self._roll)
        varied_head = QHBoxLayout()
        varied_head.addWidget(self._varied_title, 1)
        varied_head.addWidget(self.dice)
        self.varied_wall = VariedWall(self)
        self.excerpts = QLabel(self, wordWrap=True)
        self.excerpts.setTextFormat(Qt.TextFormat.RichText)
        self.excerpts.setProperty("role", "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(head)
        column.addLayout(line)
        column.addWidget(self.bar)
        column.addLayout(self._tiles)
        column.addLayout(self._concerns)
        column.addWidget(self.wall)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.more)
        below.addStretch(1)
        below.addWidget(self.captions)
        column.addLayout(below)
        column.addWidget(self.excerpts)
        column.addLayout(varied_head)
        column.addWidget(self._varied_note)
        column.addWidget(self.varied_wall)
        self._timer = QTimer(self, singleShot=True, interval=_VARY_MS)
        self._timer.timeout.connect(self._vary)
        self._tell_report()

    # -- what the panel says
    def show_folder(self, folder: Path | None) -> None:
        """Look at another folder, at none with None."""
        if folder != self.folder:
            self.folder = folder
            self.look_again()

    def look_again(self) -> None:
        """Look at the folder anew."""
        self.look.stop()
        self.report = self.error = None
        self._stopped = False
        self.wall.clear()
        self.varied_wall.show_rows([])
        self.place.setText(str(self.folder) if self.folder is not None else "")
        self._due = self.folder is not None
        self._begin()
        self._tell_report()
        self.changed.emit()

    def _begin(self) -> None:
        """Look as soon as somebody can see it: a project that is opened again may know a very large folder."""
        if self._due and self.folder is not None and self.isVisible():
            self._due = False
            self.look.scan(self.folder, self.kind)
            self._told(0, 0, "")

    def showEvent(self, event: QShowEvent) -> None:
        """It can be seen now."""
        super().showEvent(event)
        if self._due:
            self._begin()
            self._arrange()

    @property
    def has_captions(self) -> bool:
        """Whether there are pictures of which something is to be said."""
        return self._words and isinstance(self.report, ImageFacts) and bool(self.report.files)

    def show_words(self, words: bool) -> None:
        """Whether what is said of the pictures is learned with them."""
        if words != self._words:
            self._words = words
            self._arrange()

    def edit_captions(self) -> None:
        """Open the captions of this folder, once."""
        if self.folder is not None and self.has_captions and self.editor is None:
            self.editor = CaptionDialog(self._studio, self.folder, self.window())
            self.editor.savedSome.connect(self.look_again)
            self.editor.finished.connect(self._edited)
            self.editor.open()

    def _edited(self) -> None:
        page, self.editor = self.editor, None
        if page is not None and isinstance(self.report, ImageFacts) and page.left != self.report.unsaved:
            self._studio.store(lambda _project: None, self._kept)  # in order: when what is left is on the disk

    def _kept(self, _nothing: None) -> None:
        if isValid(self):  # the answer may come when the window is gone
            self.look_again()

    def stop(self) -> None:
        """Look no further."""
        self._stopped, self._due = True, False
        self.look.stop()
        self._arrange()

    def close_look(self) -> None:
        """Its place is needed for something else: nothing is looked at any more."""
        self.look.stop()

    def show_augment(self, augment: Augment, *, adaptive: bool = False) -> None:
        """How the recipe would vary the pictures. adaptive: more and more, as soon as they are known by heart."""
        if (augment, adaptive) != (self._augment, self._adaptive):
            self._augment, self._adaptive = augment, adaptive
            self._arrange()
            self._timer.start()

    def problem(self) -> str:
        """Why nothing can be learned from it, "" when something can or nobody knows yet."""
        if self.error is not None:
            return str(self.error)
        return empty_reason(self.report) if self.report is not None else ""

    # -- what comes back
    def _told(self, done: int, total: int, stage: str) -> None:
        if not self.look.busy:
            return
        self.bar.setRange(0, total or 0)
        self.bar.setValue(done)
        words = tr(stage) if stage else tr("Looking at the folder…")
        self.stage.setText(f"{words}  {number_text(done)} / {number_text(total)}" if total else words)

    def _found(self, report: ImageFacts | TextFacts) -> None:
        self.report = report
        self._tell_report()
        if isinstance(report, ImageFacts) and self.folder is not None:
            self.look.glimpse(self.folder, report.files)
            self._vary()
        self.changed.emit()

    def _failed(self, error: StudioError | None) -> None:
        self.error = error
        self._arrange()
        self.changed.emit()

    def _glimpsed(self, glimpses: Sequence[Glimpse]) -> None:
        self.wall.add([glimpse for glimpse in glimpses if not glimpse.image.isNull()])

    def _varied(self, rows: list[list[QImage]]) -> None:
        self.varied_wall.show_rows(rows)
        self._arrange()

    def _show_more(self) -> None:
        self._open = not self._open
        self.wall.show_rows(0 if self._open else self._rows)
        self._arrange()

    def _roll(self) -> None:
        self._seed += 1
        self._vary()

    def _vary(self) -> None:
        report = self.report
        if isinstance(report, ImageFacts) and self.folder is not None and self._augment.active:
            self.look.vary(self.folder, report.files, self._augment, self._seed, self._examples)
        else:
            self.varied_wall.show_rows([])

    # -- showing
    def retranslate(self) -> None:
        """Figures and sentences are composed here."""
        super().retranslate()
        if hasattr(self, "_timer"):
            self._tell_report()

    def _tell_report(self) -> None:
        """Figures and lists: not anew for every move, a report may be about a hundred thousand files."""
        report = self.report
        _empty(self._tiles)
        for value, title in figures(report):
            self._tiles.addWidget(_Tile(value, title, self))
        self._tiles.addStretch(1)
        _empty(self._concerns)
        if report is not None and (reason := empty_reason(report)):
            label = QLabel(reason, self, wordWrap=True)
            label.setProperty("role", "warning")
            self._concerns.addWidget(label)
        for concern in concerns(report):
            if concern.rows:
                self._concerns.addWidget(ConcernList(concern, self))
            else:
                label = QLabel(concern.text, self, wordWrap=True)
                label.setProperty("role", "section")
                self._concerns.addWidget(label)
        self._arrange()

    def _arrange(self) -> None:
        report, busy = self.report, self.look.busy
        self.bar.setVisible(busy)
        self.cancel.setVisible(busy)
        self.again.setVisible(self.folder is not None and not busy)
        set_role(self.stage, "warning" if self.error is not None else "muted")
        if self.error is not None:
            self.stage.setText(str(self.error))
        elif self._stopped and not busy:
            self.stage.setText(tr("Stopped. Training looks at the folder again when it starts."))
        self.stage.setVisible(busy or self.error is not None or self._stopped)
        files = report.files if isinstance(report, ImageFacts) else ()
        pictures = bool(files)
        self.wall.setVisible(pictures)
        self.captions.setVisible(self.has_captions)
        self.more.setVisible(len(files) > 6)
        self.more.setText(tr("Show fewer pictures") if self._open else tr("Show more pictures"))
        for widget in (self._varied_title, self._varied_note):
            widget.setVisible(pictures)
        self.dice.setVisible(pictures and self._augment.active)
        self.varied_wall.setVisible(pictures and self._augment.active and bool(self.varied_wall.rows))
        said = tr("Not at all: every picture is shown to the model as it is.")
        if self._augment.active:
            said = tr("The framed picture is the original; the model sees a new variation each time.")
        elif self._adaptive:
            said = tr("As they are at first; more and more once the model knows them by heart.")
        self._varied_note.setText(said)
        first = report.first if isinstance(report, TextFacts) else ()
        self.excerpts.setVisible(bool(first))
        texts = (f"<p><b>{escape(title)}</b><br>{escape(words)}…</p>" for title, words in first)
        self.excerpts.setText("".join(texts))


def _empty(layout: QHBoxLayout | QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()

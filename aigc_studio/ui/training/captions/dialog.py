"""The captions of a folder: every picture with its words, to be written, corrected and changed together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QModelIndex, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QWidget,
)

from aigc_studio.core.datasets.caption_files import Saved
from aigc_studio.core.datasets.caption_words import BEFORE, REPLACE
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.library.captioners import CAPTIONER
from aigc_studio.engines.interpreter import missing_engine
from aigc_studio.ui.dialogs.dialog import StudioDialog
from aigc_studio.ui.icons import icon
from aigc_studio.ui.models.words import add_hint
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import set_role
from aigc_studio.ui.training.film import SmallPictures
from aigc_studio.ui.training.look import small_picture
from aigc_studio.ui.training.report_words import number_text
from aigc_studio.ui.widgets.elided_label import ElidedLabel
from aigc_studio.ui.widgets.empty_state import EmptyState

from .bulk_bar import BulkBar
from .describing import Describing, OfferBar
from .desk import CaptionDesk
from .field import CaptionField
from .leaving import LeavingDialog
from .rows import CaptionList, CaptionRows
from .texts import ALL, CHANGED, LACKING, NAMED, CaptionTexts, Texts

__all__ = ["CaptionDialog"]

_FILTERS = {
    ALL: N_("All pictures ({count})"),
    LACKING: N_("Without a caption ({count})"),
    NAMED: N_("From the file's name ({count})"),
    CHANGED: N_("Not saved ({count})"),
}
_SETTLE_MS = 120
_SIDE = 120


class CaptionDialog(StudioDialog):
    """Keys: Ctrl+F filter, Ctrl+H replace, Ctrl+B words before, Ctrl+D describe, Ctrl+S save, Esc close; those of
    `CaptionField` while writing."""

    savedSome = Signal()
    """Texts beside pictures are others now."""

    def __init__(self, studio: Studio, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(N_("Captions of the pictures"), parent, width=720)
        self._studio, self.folder = studio, folder
        self.take_size(studio.settings.state("captions/size"), (1120, 760))
        self.texts = CaptionTexts(self)
        self.desk = CaptionDesk(studio, folder, self.texts, self)
        self.rows = CaptionRows(self.texts, self)
        self.describing = Describing(studio, folder, self)
        self.leaving: LeavingDialog | None = None
        self.left = 0
        """How many captions were left unsaved when it was closed."""
        self._leave_when_saved = False
        self._settle = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._count = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._count.timeout.connect(self._sync)
        self._build()
        self._connect()
        self.retranslate()
        self.desk.open()
        self._show_busy(0, 0, "")

    # -- building
    def _build(self) -> None:
        self.place = ElidedLabel(self)
        self.place.setProperty("role", "faint")
        self.place.setText(str(self.folder))
        self.body.setSpacing(10)
        self.body.addWidget(self.place)
        self.body.addLayout(self._build_bar())
        self.small = SmallPictures(_SIDE, self, otherwise=small_picture)
        self.list = CaptionList(self.rows, self.folder, self.small, self)
        self.list.setMinimumWidth(260)
        self.tr_bind(self.list.setAccessibleName, N_("Pictures with their captions"))
        self.bulk = BulkBar(self.rows, self.list)
        self.bulk.hide()
        self.body.addWidget(self.bulk)
        self.offers = OfferBar(self._studio, self.describing, self)
        self.body.addWidget(self.offers)
        self.message = QLabel(self, wordWrap=True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.hide()
        self.body.addWidget(self.message)
        self.none = EmptyState("magnify-close", N_("No picture fits the filter"))
        self.side = QStackedWidget(self)
        self.side.setMinimumWidth(260)
        self.side.addWidget(self.list)
        self.side.addWidget(self.none)
        self.field = CaptionField(self.folder, self)
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.side)
        self.splitter.addWidget(self.field)
        self.splitter.setStretchFactor(1, 1)
        kept = self._studio.settings.state("captions/split")
        fits = isinstance(kept, list) and len(kept) == 2 and all(isinstance(part, int) and part > 0 for part in kept)
        self.splitter.setSizes(kept if fits else [460, 560])
        self.empty = EmptyState("image-off-outline", N_("Looking at the folder…"))
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.splitter)
        self.body.addWidget(self.pages, 1)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(120)
        self.state = QLabel(self)
        self.state.setProperty("role", "faint")
        self.stop = QPushButton(self, autoDefault=False)
        self.stop.setProperty("role", "link")
        self.tr_bind(self.stop.setText, N_("Stop##captions"))
        for number, widget in enumerate((self.bar, self.state, self.stop)):
            self._buttons.insertWidget(number, widget)
        self.shut = self.add_button(N_("Close"))
        self.save = self.add_button(N_("Save"), "primary")
        self.tr_bind(self.save.setToolTip, N_("Write the texts beside the pictures (Ctrl+S)"))
        for button in (self.shut, self.save):  # Enter belongs to the fields
            button.setAutoDefault(False)
            button.setDefault(False)

    def _build_bar(self) -> QHBoxLayout:
        self.filter = QComboBox(self)
        self.filter.setMinimumWidth(180)
        self.tr_bind(self.filter.setAccessibleName, N_("Which pictures are listed"))
        for id in _FILTERS:
            self.filter.addItem("", id)
        self.search = QLineEdit(self)
        self.search.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.setClearButtonEnabled(True)
        self.tr_bind(self.search.setPlaceholderText, N_("Words in captions or names (Ctrl+F)"))
        self.tr_bind(self.search.setAccessibleName, N_("Words in captions or names (Ctrl+F)"))
        self.many = QPushButton(icon("pencil-box-multiple-outline"), "", self, autoDefault=False)
        self.many.setCheckable(True)
        self.tr_bind(self.many.setText, N_("Change many"))
        self.tr_bind(self.many.setToolTip, N_("Add words to all of them (Ctrl+B), or replace some (Ctrl+H)"))
        self.describe = QPushButton(icon("auto-fix"), "", self, autoDefault=False)
        self.tr_bind(self.describe.setText, N_("Describe…"))
        self.tr_bind(self.describe.setToolTip, N_("Let a model describe the pictures without a caption (Ctrl+D)"))
        self.back = self._tool("undo", N_("Undo (Ctrl+Z)"), self.texts.undo.undo)
        self.forth = self._tool("redo", N_("Redo (Ctrl+Y)"), self.texts.undo.redo)
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.filter)
        bar.addWidget(self.search, 1)
        for widget in (self.many, self.describe, self.back, self.forth):
            bar.addWidget(widget)
        return bar

    def _tool(self, picture: str, title: str, act: Callable[[], object]) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(picture))
        button.setIconSize(QSize(18, 18))
        button.setEnabled(False)
        self.tr_bind(button.setToolTip, title)
        self.tr_bind(button.setAccessibleName, title)
        button.clicked.connect(lambda _on=False: act())
        return button

    def _connect(self) -> None:
        texts, desk = self.texts, self.desk
        texts.loaded.connect(self._loaded)
        texts.changed.connect(self._changed)
        texts.undone.connect(self._show_undone)
        texts.undo.canUndoChanged.connect(self.back.setEnabled)
        texts.undo.canRedoChanged.connect(self.forth.setEnabled)
        desk.told.connect(self._show_busy)
        desk.opened.connect(self._opened)
        desk.failed.connect(self._failed)
        desk.saved.connect(self._saved)
        desk.unkept.connect(lambda error: self.say(str(error), "danger"))
        self.list.selectionModel().currentChanged.connect(self._show_current)
        self.list.activated.connect(lambda _index: self.field.edit.setFocus())
        self.field.typed.connect(self._typed)
        self.field.moveWanted.connect(self.move_on)
        self.field.undoWanted.connect(lambda back: (texts.undo.undo if back else texts.undo.redo)())
        self.filter.currentIndexChanged.connect(self.refilter)
        self._settle.timeout.connect(self.refilter)
        self.search.textChanged.connect(lambda _text: self._settle.start())
        self.search.returnPressed.connect(self.field.edit.setFocus)
        self.many.toggled.connect(self._show_bulk)
        self.bulk.changed.connect(self._bulk_changed)
        self.describe.clicked.connect(self.let_describe)
        self.describing.changed.connect(self._show_offer)
        self.offers.useWanted.connect(self._use_offer)
        self.offers.refuseWanted.connect(self.describing.answer)
        self.save.clicked.connect(self.desk.save)
        self.save.clicked.connect(self._sync)
        self.shut.clicked.connect(self.reject)
        self.stop.clicked.connect(desk.cancel)
        for key, call in {
            "Ctrl+S": self.save.click,
            "Ctrl+D": self.describe.click,
            "Ctrl+F": self._find,
            "Ctrl+H": lambda: self.change_many(REPLACE),
            "Ctrl+B": lambda: self.change_many(BEFORE),
            "Ctrl+Z": texts.undo.undo,
            "Ctrl+Y": texts.undo.redo,
            "Ctrl+Shift+Z": texts.undo.redo,
            "Ctrl+Down": lambda: self.move_on(1),
            "Ctrl+Up": lambda: self.move_on(-1),
        }.items():
            QShortcut(QKeySequence(key), self, call)

    # -- what is shown
    @property
    def current(self) -> int:
        """The row that is written in, -1 for none."""
        index = self.list.currentIndex()
        return self.rows.listed[index.row()] if index.isValid() and index.row() < len(self.rows.listed) else -1

    def say(self, text: str, role: str = "muted") -> None:
        """A sentence below the bar; "" takes it away."""
        self.message.setText(text)
        set_role(self.message, role)
        self.message.setVisible(bool(text))

    def choose(self, row: int) -> None:
        """Write in this row, where it is listed."""
        place = self.rows.place(row)
        if place >= 0:
            self.list.setCurrentIndex(self.rows.index(place))
            self.list.scrollTo(self.rows.index(place))

    def move_on(self, step: int) -> None:
        """To the picture after or before."""
        place = self.list.currentIndex().row() + step
        if 0 <= place < len(self.rows.listed):
            self.choose(self.rows.listed[place])

    def refilter(self) -> None:
        """List what fits now; the picture that is written in stays if it does."""
        self._settle.stop()
        current = self.current
        self.rows.show_rows(self.texts.rows(self.filter.currentData(), self.search.text()))
        place = max(0, self.rows.place(current))
        self.side.setCurrentWidget(self.list if self.rows.listed else self.none)
        if self.rows.listed:
            self.choose(self.rows.listed[place])
        else:
            self._show_current()

    def change_many(self, kind: str) -> None:
        """Open the bar for changes of many."""
        with QSignalBlocker(self.many):
            self.many.setChecked(True)
        self.bulk.open_as(kind)

    def let_describe(self) -> None:
        """Have the pictures without a caption described: by the one model that there is, or by one of several."""
        models = self.describing.models()
        missing = missing_engine("torch")
        if not models:
            self.say(tr(add_hint((CAPTIONER,))))
        elif missing is not None:
            self.say(str(missing), "warning")
        elif len(models) == 1:
            self.describing.start(models[0].id)
        else:
            menu = QMenu(self)
            for entry in models:
                menu.addAction(entry.title, lambda id=entry.id: self.describing.start(id))
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(self.describe.mapToGlobal(self.describe.rect().bottomLeft()))

    def _offered(self) -> dict[int, Texts]:
        """Rows that still lack what a model said of them."""
        rows = ((self.texts.row(file), text) for file, text in self.describing.texts().items())
        return {row: (text,) for row, text in rows if row >= 0 and not self.texts.entries[row].texts}

    def _show_offer(self) -> None:
        self.offers.show_offer(len(self._offered()))
        self._sync()

    def _use_offer(self) -> None:
        self._bulk_changed(self.texts.change(self._offered()))
        self.describing.answer()
        self.filter.setCurrentIndex(self.filter.findData(CHANGED))
        self.field.edit.setFocus()

    def _find(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _show_bulk(self, on: bool) -> None:
        if on:
            self.bulk.open_as(self.bulk.kind.currentData())
        else:
            self.bulk.hide()

    def _bulk_changed(self, count: int) -> None:
        self.say(tr("Captions changed: {count}. Ctrl+Z takes it back.", count=number_text(count)))

    def _show_current(self, _now: object = None, _before: object = None) -> None:
        row = self.current
        self.field.show_entry(self.texts.entries[row] if row >= 0 else None)

    def _typed(self, texts: Texts) -> None:
        if (row := self.current) >= 0:
            self.texts.type(row, texts)

    def _changed(self, rows: Sequence[int]) -> None:
        if self.current in rows:
            self._show_current()
        self.save.setEnabled(not self.desk.busy)  # at once; the counts follow
        self._count.start()

    def _show_undone(self, rows: Sequence[int]) -> None:
        if self.current in rows:
            return
        if self.rows.place(rows[0]) < 0:
            with QSignalBlocker(self.search), QSignalBlocker(self.filter):
                self.search.clear()
                self.filter.setCurrentIndex(0)
            self.refilter()
        self.choose(rows[0])

    def _loaded(self) -> None:
        self.rows.show_rows([])
        self.list.setCurrentIndex(QModelIndex())

    def _opened(self, restored: int) -> None:
        if not self.texts.entries:
            self.empty.set_text(N_("There is no picture in this folder that can be used."))
        else:
            self.pages.setCurrentWidget(self.splitter)
            self.refilter()
            self.field.edit.setFocus()
        if restored:
            self.say(tr("Captions from the last time that are not saved yet: {count}.", count=number_text(restored)))
        self._show_offer()

    def _failed(self, error: StudioError | None) -> None:
        if error is None:
            self.empty.set_text(N_("Stopped##captions"))
        else:
            self.empty.set_text(N_("The captions cannot be shown"), error.source, **error.params)
        self._sync()

    def _saved(self, saved: Saved) -> None:
        if saved.written:
            self.savedSome.emit()
        if saved.error is not None:
            kept = tr("What you wrote is kept.")
            self.say(f"{saved.error} {kept}", "danger")
        elif saved.foreign:
            text = N_(
                "Another program changed the captions of {count} of these pictures meanwhile. "
                "They were left alone; save again to replace them by yours."
            )
            self.say(tr(text, count=number_text(len(saved.foreign))), "warning")
        else:
            self.say(tr("Captions saved: {count}.", count=number_text(len(saved.written))), "success")
        leave, self._leave_when_saved = self._leave_when_saved, False
        self._sync()
        if leave and saved.error is None and not self.texts.count(CHANGED):
            self.done(0)

    def _show_busy(self, done: int, total: int, stage: str) -> None:
        if self.desk.busy:
            self.bar.setRange(0, total or 0)
            self.bar.setValue(done)
            self.state.setText(tr(stage) if stage else tr("Looking at the folder…"))
        self._sync()

    def _sync(self) -> None:
        busy = self.desk.busy
        for widget in (self.bar, self.stop):
            widget.setVisible(busy)
        for place, (id, title) in enumerate(_FILTERS.items()):
            self.filter.setItemText(place, tr(title, count=number_text(self.texts.count(id))))
        count = self.texts.count(CHANGED)
        if not busy:
            self.state.setText(tr("Not saved: {count}", count=number_text(count)) if count else "")
        self.save.setEnabled(bool(count) and not busy)
        lacking = bool(self.texts.count(LACKING))
        self.describe.setEnabled(lacking and self.describing.possible and self.describing.job is None)
        for widget in (self.filter, self.search, self.many):
            widget.setEnabled(bool(self.texts.entries))

    def retranslate(self) -> None:
        """Counts and sentences."""
        super().retranslate()
        if hasattr(self, "shut"):
            self._sync()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes the bar for many before it closes all of it."""
        if event.key() == Qt.Key.Key_Escape and self.bulk.isVisible():
            self.many.setChecked(False)
            self.field.edit.setFocus()
            return
        super().keyPressEvent(event)

    # -- leaving
    def reject(self) -> None:
        """Close, after a question where something is not saved."""
        self.desk.keep()
        count = self.texts.count(CHANGED)
        if self.desk.saving:
            self._leave_when_saved = True
        elif not count:
            self.done(0)
        elif self.leaving is None:
            later = (lambda: self.done(0)) if self.desk.remembers else None
            self.leaving = LeavingDialog(number_text(count), self._save_and_leave, later, self._discard, self)
            self.leaving.destroyed.connect(self._stay)
            self.leaving.open()

    def _stay(self) -> None:
        self.leaving = None

    def _save_and_leave(self) -> None:
        self._leave_when_saved = True
        self.save.click()

    def _discard(self) -> None:
        self.desk.forget()
        self.texts.load([])
        self.done(0)

    def done(self, result: int) -> None:
        """Remember how large it was."""
        self.left = self.texts.count(CHANGED) if self.desk.remembers else 0
        self.desk.cancel()
        self._studio.settings.set_state("captions/size", [self.width(), self.height()])
        self._studio.settings.set_state("captions/split", self.splitter.sizes())
        super().done(result)

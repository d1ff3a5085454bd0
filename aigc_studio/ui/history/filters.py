"""The bar above the timeline: words, kind, model and time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QDate, QDateTime, QTime, QTimer, Signal
from PySide6.QtWidgets import QButtonGroup, QComboBox, QFrame, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from aigc_studio.core.generations import GenerationQuery, ModelUse
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

from .words import model_title

__all__ = ["FilterBar", "since"]

_KINDS = (("", N_("All##kinds")), ("image", N_("Pictures")), ("audio", N_("Recordings")), ("text", N_("Texts")))
_TIMES = (
    ("", N_("Any time")),
    ("today", N_("Today")),
    ("yesterday", N_("Yesterday")),
    ("week", N_("Last 7 days")),
    ("month", N_("Last 30 days")),
    ("year", N_("Last 12 months")),
)
_TYPING_PAUSE_MS = 120


def since(time: str, today: QDate) -> tuple[float, float]:
    """(since, until) of a choice of time, seconds since 1970, 0 for no bound. Days begin at midnight here."""
    days = {"today": 0, "yesterday": 1, "week": 6, "month": 29, "year": 365}
    if time not in days:
        return 0.0, 0.0
    start = float(QDateTime(today.addDays(-days[time]), QTime(0, 0)).toSecsSinceEpoch())
    end = float(QDateTime(today, QTime(0, 0)).toSecsSinceEpoch()) if time == "yesterday" else 0.0
    return start, end


class FilterBar(Translated, QFrame):
    """Says what is asked for, after a pause in typing."""

    changed = Signal()
    left = Signal()
    """Enter in the search field: the keyboard may go to the list."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "toolbar")
        self._models: list[ModelUse] = []
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.setMinimumWidth(120)
        self.tr_bind(self.search.setPlaceholderText, N_("Search prompts and texts"))
        self.tr_bind(self.search.setAccessibleName, N_("Search prompts and texts"))
        self.kinds = QButtonGroup(self)
        chips = QHBoxLayout()
        chips.setSpacing(4)
        for number, (_, title) in enumerate(_KINDS):
            button = QToolButton()
            button.setCheckable(True)
            button.setChecked(number == 0)
            button.setProperty("role", "chip")
            self.tr_bind(button.setText, title)
            self.kinds.addButton(button, number)
            chips.addWidget(button)
        self.model, self.time = QComboBox(), QComboBox()
        for box in (self.model, self.time):
            box.setMinimumWidth(110)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(9)
        self.tr_bind(self.model.setAccessibleName, N_("Model"))
        self.tr_bind(self.time.setAccessibleName, N_("When"))
        for id, title in _TIMES:
            self.time.addItem(tr(title), id)
        first = QHBoxLayout()
        first.setSpacing(8)
        for widget, stretch in ((self.search, 1), (self.model, 0), (self.time, 0)):
            first.addWidget(widget, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(8)
        column.addLayout(first)
        chips.addStretch(1)
        self.chips = chips
        column.addLayout(chips)
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_PAUSE_MS)
        self._typing.timeout.connect(self.changed)
        self.search.textChanged.connect(lambda: self._typing.start())
        self.search.returnPressed.connect(self.left)
        self.kinds.idClicked.connect(lambda _id: self.changed.emit())
        for box in (self.model, self.time):
            box.activated.connect(lambda _row: self.changed.emit())
        self._fill_models()

    def query(self) -> GenerationQuery:
        """What the controls ask for."""
        kind = _KINDS[max(0, self.kinds.checkedId())][0]
        use: ModelUse | None = self.model.currentData()
        start, end = since(self.time.currentData() or "", QDate.currentDate())
        return GenerationQuery(
            text=self.search.text().strip(),
            kinds=(kind,) if kind else (),
            family=use.family if use is not None else "",
            model=use.model if use is not None else "",
            since=start,
            until=end,
        )

    @property
    def active(self) -> bool:
        """Whether anything is asked for."""
        return self.query() != GenerationQuery()

    def clear(self) -> None:
        """Ask for all again."""
        self.search.clear()
        self._typing.stop()
        self.kinds.button(0).setChecked(True)
        self.model.setCurrentIndex(0)
        self.time.setCurrentIndex(0)
        self.changed.emit()

    def set_models(self, models: Sequence[ModelUse]) -> None:
        """The models that something was made with; the choice stays while it is among them."""
        if list(models) != self._models:
            self._models = list(models)
            self._fill_models()

    def _fill_models(self) -> None:
        chosen = self.model.currentData()
        self.model.clear()
        self.model.addItem(tr("All models"), None)
        for use in self._models:
            self.model.addItem(model_title(use.family, use.model), use)
        places = [row for row in range(self.model.count()) if self.model.itemData(row) == chosen]
        self.model.setCurrentIndex(places[0] if places else 0)
        self.model.setToolTip(self.model.currentText())

    def retranslate(self) -> None:
        """The entries of the lists."""
        super().retranslate()
        self._fill_models()
        for row, (_, title) in enumerate(_TIMES):
            self.time.setItemText(row, tr(title))

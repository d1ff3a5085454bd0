"""One line about a run: how fast, how far, how much memory, what was noticed, and why it learns no more."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.events import Notice
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.widgets.elided_label import ElidedLabel

from .chips import FlowLayout
from .curve_words import ended_text, speed_of, value_text
from .record import Record
from .report_words import number_text
from .words import duration

__all__ = ["FactsLine", "left_of"]

_RECENT = 50
_GOOD = ("steps", "minutes", "patience", "asked")


def left_of(record: Record, steps: int, minutes: float = 0.0) -> float | None:
    """Seconds until a run has learned all its steps, or its time is over; None while that cannot be said."""
    clock = record.clock
    if len(clock) < 2 or not steps:
        return None
    at, spent = clock.steps[-_RECENT:], clock.values[-_RECENT:]
    done, took = at[-1] - at[0], spent[-1] - spent[0]
    if done <= 0 or took <= 0:
        return None
    left = max(0.0, (steps - at[-1]) * took / done)
    return min(left, max(0.0, 60 * minutes - spent[-1])) if minutes else float(left)


class _Fact(QWidget):
    """A value above its name."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.value = QLabel(self)
        self.name = QLabel(self)
        self.name.setProperty("role", "faint")
        for label, height in ((self.value, 18), (self.name, 16)):  # Chinese lines are higher than others
            label.setFixedHeight(height)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 12, 0)
        column.setSpacing(0)
        column.addWidget(self.value)
        column.addWidget(self.name)


class FactsLine(Translated, QFrame):
    """Hidden while nothing is known."""

    _NAMES = (
        ("step", N_("step##fact")),
        ("loss", N_("loss##fact")),
        ("speed", N_("throughput##fact")),
        ("spent", N_("learned for##fact")),
        ("left", N_("left##fact")),
        ("memory", N_("memory##fact")),
    )

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "toolbar")
        self._record: Record | None = None
        self._steps, self._minutes, self._running, self._finishing = 0, 0.0, False, False
        self.facts = {id: _Fact(self) for id, _ in self._NAMES}
        for id, name in self._NAMES:
            self.tr_bind(self.facts[id].name.setText, name)
        holder = QWidget(self)
        flow = FlowLayout(holder, 4)
        for fact in self.facts.values():
            flow.addWidget(fact)
        self._sign = QLabel(self)
        self.notes = ElidedLabel(self)
        self.notes.setProperty("role", "muted")
        below = QHBoxLayout()
        below.setSpacing(6)
        below.addWidget(self._sign)
        below.addWidget(self.notes, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 12, 6)
        column.setSpacing(4)
        column.addWidget(holder)
        column.addLayout(below)
        self.hide()

    def show_record(
        self,
        record: Record | None,
        steps: int = 0,
        minutes: float = 0.0,
        *,
        running: bool = False,
        finishing: bool = False,
    ) -> None:
        """Another run, or more of the same. steps, minutes: what it is to learn at most, 0 where there is no limit.
        finishing: it was asked to end before that."""
        self._record, self._steps, self._minutes, self._running = record, steps, minutes, running
        self._finishing = finishing
        self._say()

    def text(self, id: str) -> str:
        """What is said of one fact, "" for one that is not shown."""
        fact = self.facts[id]
        return "" if fact.isHidden() else fact.value.text()

    def retranslate(self) -> None:
        """Values, too."""
        super().retranslate()
        if hasattr(self, "notes"):
            self._say()

    def _say(self) -> None:
        record = self._record
        if record is None or not record.last:
            self.hide()
            return
        steps = number_text(record.last)
        of = tr("{step} of {steps}", step=steps, steps=number_text(self._steps)) if self._steps else steps
        loss, speed = record.latest("loss"), speed_of(record.series)
        rate, memory = record.latest(speed), record.latest("memory_mb")
        learning = self._running and not record.ended and not self._finishing
        left = left_of(record, self._steps, self._minutes) if learning else None
        said = {
            "step": of,
            "loss": value_text("loss", loss) if loss is not None else "",
            "speed": value_text(speed, rate) if rate is not None else "",
            "spent": duration(float(record.clock.values[-1])) if len(record.clock) else "",
            "left": duration(left) if left is not None else "",
            "memory": value_text("memory_mb", memory) if memory else "",
        }
        for id, fact in self.facts.items():
            fact.setVisible(bool(said[id]))
            fact.value.setText(said[id])
        ended = "" if self._running and record.ended not in _GOOD else ended_text(record.ended)
        if ended and record.best is not None:
            ended += " " + tr(
                "The weights of step {step} were taken: they were the best.", step=number_text(record.best)
            )
        notices = [Notice(each.source, each.params).words() for each in record.notices]
        words = [ended, *reversed(dict.fromkeys(notices))]
        lines = [word for word in words if word]
        self.notes.setText("  ·  ".join(lines))
        self.notes.setToolTip("\n".join(lines) if len(lines) > 1 else "")
        self.notes.setVisible(bool(lines))
        self._sign.setVisible(bool(lines))
        good = record.ended in _GOOD and ended
        name, colour = ("check-circle-outline", "success") if good else ("information-outline", "info")
        if ended and record.ended not in (*_GOOD, "paused"):
            name, colour = "alert-circle-outline", "danger"
        self._sign.setPixmap(icon(name, colour).pixmap(QSize(16, 16), self.devicePixelRatioF()))
        self._sign.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.show()

    def changeEvent(self, event) -> None:  # noqa: ANN001  QEvent
        """The sign takes the new theme's colour."""
        super().changeEvent(event)
        if event.type() == event.Type.PaletteChange and hasattr(self, "notes"):
            self._say()

"""The curves of one run, or of several beside each other: which are shown, how calm, over steps or time."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import theme_of
from aigc_studio.ui.widgets.empty_state import EmptyState

from .chips import Chip, Chips
from .curve_words import (
    COLOURS,
    GROUPS,
    curve_title,
    group_of_curve,
    groups_of,
    held_out,
    plain_name,
    shown_first,
    value_text,
)
from .readout import Reading, Readout
from .record import Record, Series
from .reducing import reduced, smoothed, visible
from .report_words import number_text
from .words import duration

if TYPE_CHECKING:
    from .plot import Plot

__all__ = ["CurvesView", "Source"]

_SOON_MS, _GROWN_MS = 16, 400
_SMOOTH = 25
"""How calm curves are at first, 0..100."""
_WIDEST = 0.1
"""Share of a curve that is averaged on either side at 100."""
_WIDTH, _FEW = 1.75, 150
_FAINT = 70
"""Opacity, of 255, of the values themselves behind their calm line."""


@dataclass(frozen=True)
class Source:
    """One run. id: its own; title: its name; record: what its log says."""

    id: str
    title: str
    record: Record


@dataclass(frozen=True)
class _Track:
    """One curve that is shown. chip: the switch it hangs on."""

    key: str
    name: str
    title: str
    chip: str
    series: Series
    clock: Series
    colour: str


class CurvesView(Translated, QWidget):
    """Give it `show_sources`, and tell it with `grown` when their records have more."""

    pointed = Signal(object)
    """The step under the cursor, None for none."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._sources: list[Source] = []
        self._tracks: list[_Track] = []
        self._listed: set[tuple[str, str]] = set()
        self._group = "loss"
        self._wishes: dict[str, bool] = {}
        self._loading = False
        self._ready = True
        self._cost_ms = 0.0
        self.plot: Plot | None = None
        self._build()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.refresh)
        theme_of(self).changed.connect(self._recoloured)

    # -- building
    def _build(self) -> None:
        self.group = QComboBox(self)
        self.group.setMinimumWidth(130)
        self.tr_bind(self.group.setAccessibleName, N_("Which curves"))
        self.group.activated.connect(self._group_chosen)
        self.smooth = QSlider(Qt.Orientation.Horizontal, self)
        self.smooth.setRange(0, 100)
        self.smooth.setValue(_SMOOTH)
        self.smooth.setMinimumWidth(60)
        self.smooth.setMaximumWidth(120)
        self.tr_bind(self.smooth.setAccessibleName, N_("Smoothing"))
        self.tr_bind(self.smooth.setToolTip, N_("Smoothing: the line through the noise; the values stay behind it"))
        self.smooth.valueChanged.connect(lambda _value: self._soon(_SOON_MS))
        self._smooth_label = QLabel(self)
        self._smooth_label.setProperty("role", "label")
        self.tr_bind(self._smooth_label.setText, N_("Smoothing"))
        self._smooth_label.setBuddy(self.smooth)
        self.log = self._switch("math-log", N_("Logarithmic scale"))
        self.time = self._switch("clock-outline", N_("Over time instead of steps"))
        self.time.toggled.connect(self._axis_changed)
        self.fit = self._button("fit-to-page-outline", N_("Show all values (0); once more: without the farthest"))
        self.fit.clicked.connect(self.reset)
        self.tools = QWidget(self)
        top = QHBoxLayout(self.tools)
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(8)
        top.addWidget(self.group)
        top.addStretch(1)
        top.addWidget(self._smooth_label)
        top.addWidget(self.smooth)
        for button in (self.log, self.time, self.fit):
            top.addWidget(button)
        self.chips = Chips(self)
        self.chips.toggled.connect(self._toggled)
        self.empty = EmptyState(
            "chart-line",
            N_("No curves yet"),
            N_("They begin with the first steps that are learned."),
        )
        self.holder = QWidget(self)
        QVBoxLayout(self.holder).setContentsMargins(4, 0, 8, 4)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.holder)
        head = QVBoxLayout()
        head.setContentsMargins(12, 8, 12, 4)
        head.setSpacing(8)
        head.addWidget(self.tools)
        head.addWidget(self.chips)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.stack, 1)
        self.readout = Readout(self)
        self.setFocusProxy(self.holder)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._enable()

    def _button(self, name: str, title: str) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(name))
        button.setIconSize(QSize(18, 18))
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.tr_bind(button.setToolTip, title)
        self.tr_bind(button.setAccessibleName, title)
        return button

    def _switch(self, name: str, title: str) -> QToolButton:
        button = self._button(name, title)
        button.setCheckable(True)
        button.toggled.connect(lambda _on: self._soon(_SOON_MS))
        return button

    # -- what is shown
    def show_sources(self, sources: Sequence[Source]) -> None:
        """Other runs; none empties it."""
        self._sources = list(sources)
        self.readout.hide()
        self._list()
        if self.plot is not None:
            self.plot.point_at(None)
            self.plot.reset()
        self._soon(0)

    def grown(self) -> None:
        """The records have more."""
        if not self._timer.isActive():
            self._soon(max(_GROWN_MS, round(20 * self._cost_ms)))

    def reset(self) -> None:
        """All of the curves; once more: without what is far from all the rest."""
        if self.plot is not None:
            self.plot.show_everything()

    def state(self) -> dict[str, Any]:
        """What to remember."""
        return {
            "group": self._group,
            "smooth": self.smooth.value(),
            "log": self.log.isChecked(),
            "time": self.time.isChecked(),
            "shown": dict(self._wishes),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse; wrong types are ignored."""
        if state.get("group") in GROUPS:
            self._group = str(state["group"])
        if isinstance(value := state.get("smooth"), int):
            self.smooth.setValue(value)
        self.log.setChecked(state.get("log") is True)
        self.time.setChecked(state.get("time") is True)
        if isinstance(shown := state.get("shown"), dict):
            self._wishes = {str(key): on for key, on in shown.items() if isinstance(on, bool)}
        self._list()

    def retranslate(self) -> None:
        """Names and numbers, too."""
        super().retranslate()
        if hasattr(self, "_timer"):
            self._list()
            if self.plot is not None:
                self.plot.set_tick_texts()
                self._read_out(self.plot.cursor_at)

    @property
    def comparing(self) -> bool:
        """Whether several runs are shown."""
        return len(self._sources) > 1

    def _list(self) -> None:
        """Groups, switches and tracks anew."""
        self._listed = self._curves()
        names = {name: None for source in self._sources for name in source.record.series}
        groups = groups_of(names)
        group = self._group if self._group in groups else (groups[0] if groups else "")
        if [self.group.itemData(place) for place in range(self.group.count())] != groups:
            self.group.clear()
            for each in groups:
                self.group.addItem("", each)
        for place, each in enumerate(groups):
            self.group.setItemText(place, tr(GROUPS[each]))
        self.group.setCurrentIndex(groups.index(group) if group else -1)
        shown = [name for name in names if group_of_curve(name) == group]
        self._tracks, chips = self._of_runs(shown) if self.comparing else self._of_one(shown)
        self.chips.show_chips(chips if len(chips) > 1 else [])
        self._enable()

    def _of_one(self, names: Sequence[str]) -> tuple[list[_Track], list[Chip]]:
        """One switch and one colour for each curve, those of the same loss beside each other."""
        if not self._sources:
            return [], []
        record = self._sources[0].record
        first = list(dict.fromkeys(plain_name(name) for name in names))
        names = sorted(names, key=lambda name: (first.index(plain_name(name)), held_out(name)))
        usual = shown_first(names)
        tracks, chips = [], []
        for place, name in enumerate(names):
            colour, title = COLOURS[place % len(COLOURS)], curve_title(name)
            on = self._wishes.get(name, name in usual)
            chips.append(Chip(name, title, colour, on))
            if on:
                tracks.append(_Track(name, name, title, name, record.series[name], record.clock, colour))
        return tracks, chips

    def _of_runs(self, names: Sequence[str]) -> tuple[list[_Track], list[Chip]]:
        """One switch and one colour for each run; of its curves the chief ones."""
        usual = shown_first(names)
        tracks, chips = [], []
        for place, source in enumerate(self._sources):
            colour, chip = COLOURS[place % len(COLOURS)], f"run/{source.id}"
            on = self._wishes.get(chip, True)
            chips.append(Chip(chip, source.title, colour, on))
            for name in names if on else ():
                series = source.record.series.get(name)
                if series is not None and name in usual:
                    title = f"{source.title} · {curve_title(name)}" if len(usual) > 1 else source.title
                    tracks.append(_Track(f"{source.id}/{name}", name, title, chip, series, source.record.clock, colour))
        return tracks, chips

    def _enable(self) -> None:
        there = any(source.record.series for source in self._sources)
        self.tools.setVisible(there)  # there is nothing to choose from yet
        self.stack.setCurrentWidget(self.holder if there and self._ready else self.empty)
        if there and self.plot is None and self._ready:
            self._load()

    # -- pyqtgraph, when there is something to draw
    def _load(self) -> None:
        """In another thread: it takes half a second."""
        if self._loading or not self.isVisible():
            return
        self._loading = True
        name = f"{__package__}.plot"
        self._studio.models.run(
            "curves", lambda _check, _tell: importlib.import_module(name), self._loaded, self._not_loaded
        )

    def _loaded(self, module: Any) -> None:
        self.plot = plot = module.Plot(self._say_x, self._say_y, self.holder)
        self.tr_bind(plot.setAccessibleName, N_("Curves"))
        layout = self.holder.layout()
        assert layout is not None
        layout.addWidget(plot)
        self.holder.setFocusProxy(plot)
        plot.ranged.connect(lambda: self._soon(_SOON_MS))
        plot.pointed.connect(self._read_out)
        self._soon(0)

    def _not_loaded(self, error: StudioError | None) -> None:
        if error is None:  # the window closes
            return
        self._ready = False
        self.empty.set_text(N_("Curves cannot be drawn"), N_("Install the program again: pyqtgraph is missing."))
        self.stack.setCurrentWidget(self.empty)

    def showEvent(self, event) -> None:  # noqa: ANN001  QShowEvent
        """Seen for the first time."""
        super().showEvent(event)
        self._enable()
        self._soon(0)

    # -- drawing
    def _soon(self, ms: int) -> None:
        if not self._timer.isActive() or self._timer.remainingTime() > ms:
            self._timer.start(ms)

    def _recoloured(self) -> None:
        self._soon(0)

    def refresh(self) -> None:
        """Draw what is in sight, if it can be seen."""
        if self._curves() != self._listed:
            self._list()
        if self.plot is None or not self.isVisible():
            self._enable()
            return
        began = time.perf_counter()
        plot, module = self.plot, importlib.import_module(f"{__package__}.plot")
        end = max((self._x_end(source.record) for source in self._sources), default=1.0)
        plot.set_end(end)
        low, high = plot.in_sight()
        lines = [line for track in self._tracks for line in self._lines(track, low, high, plot.points(), module.Line)]
        plot.use_logarithms(self.log.isChecked())
        plot.show_lines(lines)
        self._cost_ms = 1000 * (time.perf_counter() - began)

    def _curves(self) -> set[tuple[str, str]]:
        """Run and name of every curve there is."""
        return {(source.id, name) for source in self._sources for name in source.record.series}

    def _lines(self, track: _Track, low: float, high: float, points: int, make: Callable[..., Any]) -> list[Any]:
        series = track.series
        if not len(series):
            return []
        if self.time.isChecked():
            low, high = _steps_at(track.clock, low), _steps_at(track.clock, high)
        steps, values = series.steps, series.values
        if self.log.isChecked() and len(values) and values.min() <= 0:
            steps, values = steps[values > 0], values[values > 0]
            if not len(values):
                return []
        part = visible(steps, low, high)
        colour = theme_of(self).color(track.colour)
        own = held_out(track.name)
        window = 0 if own else round(len(values) * _WIDEST * (self.smooth.value() / 100) ** 2)
        found = []
        raw = reduced(steps[part], values[part], points)
        if window:
            faint = type(colour)(colour)
            faint.setAlpha(_FAINT)
            found.append(make(f"{track.key}/raw", *self._xy(track, *raw), faint, 1.0))
            x, y = smoothed(steps, values, part, window, points // 2)
        else:
            x, y = raw
        few = len(x) <= _FEW  # dashes between more points take long to draw, and are not seen as such
        width = _WIDTH if few or not own else 1.0
        line = make(track.key, *self._xy(track, x, y), colour, width, own and few, (own and few) or len(x) == 1)
        found.append(line)
        return found

    def _xy(self, track: _Track, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As drawn: time for steps, logarithms for values."""
        if self.time.isChecked() and len(track.clock):
            x = np.interp(x, track.clock.steps, track.clock.values)
        return x, np.log10(y) if self.log.isChecked() else y

    def _x_end(self, record: Record) -> float:
        if self.time.isChecked():
            return float(record.clock.values[-1]) if len(record.clock) else 1.0
        return float(max(record.last, 1))

    # -- words
    def _say_x(self, value: float) -> str:
        if self.time.isChecked():
            return duration(value) if value > 0 else "0"
        return number_text(round(value)) if value == round(value) else ""

    def _say_y(self, value: float) -> str:
        if self.log.isChecked():
            value = 10.0**value
        name = self._tracks[0].name if self._tracks else ""
        return value_text("" if name.endswith("_per_second") else name, value)

    def _read_out(self, x: float | None) -> None:
        """The values under the cursor."""
        rows, at = [], 0.0
        for track in self._tracks if x is not None else ():
            assert x is not None
            step = _steps_at(track.clock, x) if self.time.isChecked() else x
            if (point := track.series.at(step)) is not None:
                at = point[0] if not rows or not held_out(track.name) else at
                rows.append(Reading(track.colour, track.title, value_text(track.name, point[1])))
        self.pointed.emit(at if rows else None)
        if not rows or x is None or self.plot is None:
            self.readout.hide()
            return
        title = tr("Step {step}", step=number_text(round(at)))
        if self.time.isChecked():
            title = f"{duration(x)}  ·  {title}"
        self.readout.show_readings(title, rows)
        self.plot.setAccessibleDescription(self.readout.text())
        left = self.plot.mapTo(self, QPoint(round(self.plot.left_of(x)), 12))
        self.readout.place(left, self.rect())

    # -- events
    def _group_chosen(self, place: int) -> None:
        self._group = str(self.group.itemData(place))
        self._list()
        self._soon(0)

    def _toggled(self, id: str, on: bool) -> None:
        self._wishes[id] = on
        self._list()
        self._soon(0)

    def _axis_changed(self) -> None:
        if self.plot is not None:
            self.plot.point_at(None)
            self.plot.set_end(max((self._x_end(source.record) for source in self._sources), default=1.0))
            self.plot.reset()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Words have room, or not."""
        super().resizeEvent(event)
        self._smooth_label.setVisible(self.width() >= 460)


def _steps_at(clock: Series, seconds: float) -> float:
    """The step that was learned at a time."""
    if not len(clock):
        return seconds
    return float(np.interp(seconds, clock.values, clock.steps))

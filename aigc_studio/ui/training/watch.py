"""Watching a run, or several beside each other: curves, samples, rating, results."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QTabBar, QToolButton, QVBoxLayout, QWidget

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.ui.events import Progress
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.studio import Studio

from .compare_table import Compared, CompareTable
from .curves import CurvesView, Source
from .facts_line import FactsLine
from .figures import FiguresView
from .glance import Glance
from .names import Named, told_apart
from .ratings import RatingsView
from .reading import RunReader
from .results import Results, read_results
from .strip import SampleStrip

__all__ = ["RunView"]

_TABS = {
    "curves": N_("Curves"),
    "samples": N_("Samples"),
    "rate": N_("Rate"),
    "results": N_("Results"),
    "table": N_("Comparison##of trainings"),
}
_ONE, _SEVERAL = ("curves", "samples", "rate", "results"), ("curves", "table")
_POLL_MS = 1000
_SILENT_S = 180
_WIDE = 780
"""Width from which curves leave room for a sample."""


class RunView(Translated, QWidget):
    """Reads the folders of what it shows while they grow, off the UI thread."""

    roundWanted = Signal()
    """Train on from this run, with what was kept of its samples."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.readers: list[RunReader] = []
        self.results = Results()
        self._wanted = "curves"
        self._turn = 0
        self._results_busy = self._results_again = False
        self._build()
        self._timer = QTimer(self, interval=_POLL_MS)
        self._timer.timeout.connect(self._poll)
        studio.jobProgress.connect(self._progressed)
        studio.jobFinished.connect(self._finished)

    # -- building
    def _build(self) -> None:
        self.facts = FactsLine(self)
        self.tabs = QTabBar(self)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.tabs.currentChanged.connect(self._tab_changed)
        self.tabs.tabBarClicked.connect(self._pressed)
        self.curves = CurvesView(self._studio, self)
        self.glance = Glance(self)
        self.glance.wanted.connect(self._look_closely)
        self.curves.pointed.connect(self.glance.point_at)
        beside = QWidget(self)
        beside.setFocusProxy(self.curves)
        row = QHBoxLayout(beside)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.curves, 1)
        row.addWidget(self.glance)
        self.strip = SampleStrip(self)
        self.ratings = RatingsView(self._studio, self)
        self.ratings.roundWanted.connect(self.roundWanted)
        self.figures = FiguresView(self)
        self.table = CompareTable(self)
        self.pages = {
            "curves": beside,
            "samples": self.strip,
            "rate": self.ratings,
            "results": self.figures,
            "table": self.table,
        }
        self.body = QStackedWidget(self)
        for page in self.pages.values():
            self.body.addWidget(page)
        head = QFrame(self)
        head.setProperty("role", "toolbar")
        line = QHBoxLayout(head)
        line.setContentsMargins(4, 0, 4, 0)
        line.addWidget(self.tabs)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.facts)
        column.addWidget(head)
        column.addWidget(self.body, 1)
        self.keys: list[QAction] = []
        """Alt and a number choose a tab: for whoever has this view, to be heard in its other parts, too."""
        for place in range(len(_ONE)):
            action = QAction(self)
            self.keys.append(action)
            action.setShortcut(QKeySequence(f"Alt+{place + 1}"))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(lambda _on=False, place=place: self._go(place))
            self.addAction(action)
        self._list_tabs(_ONE)

    # -- what the panel calls
    def show_run(self, folder: Path | None) -> None:
        """Watch another run, None for none."""
        self._show([folder] if folder is not None else [])

    def show_runs(self, folders: Sequence[Path]) -> None:
        """Put several runs beside each other."""
        self._show(list(folders))

    def save_state(self) -> dict[str, Any]:
        """What to remember."""
        return {"tab": self._wanted, "curves": self.curves.state()}

    def restore_state(self, state: dict[str, Any]) -> None:
        """The inverse; wrong types are ignored."""
        if state.get("tab") in _TABS:
            self._wanted = str(state["tab"])
            self._choose_tab()
        if isinstance(curves := state.get("curves"), dict):
            self.curves.restore(curves)

    @property
    def comparing(self) -> bool:
        """Whether several runs are shown."""
        return len(self.readers) > 1

    @property
    def tab(self) -> str:
        """What is shown: "curves", "samples", "rate", "results" or "table"."""
        return str(self.tabs.tabData(self.tabs.currentIndex()))

    def show_tab(self, id: str) -> None:
        """Show one of them."""
        for place in range(self.tabs.count()):
            if self.tabs.tabData(place) == id:
                self.tabs.setCurrentIndex(place)

    # -- runs
    def _show(self, folders: list[Path]) -> None:
        if [reader.folder.path for reader in self.readers] == folders:
            self._poll()
            return
        for reader in self.readers:
            reader.close()
        self.readers = [RunReader(self._studio, folder, self) for folder in folders]
        self._turn += 1
        self._results_busy = self._results_again = False
        self.results = Results()
        for reader in self.readers:
            reader.grown.connect(self._grown)
            reader.told.connect(self._told)
        one = folders[0] if len(folders) == 1 else None
        self.strip.show_run(one)
        self.glance.show_run(one)
        self.ratings.show_results(one, self.results)
        self.figures.show_results(self.results)
        self._list_tabs(_SEVERAL if self.comparing else _ONE)
        self._list_sources()
        self._room()
        self._say()
        self._poll()
        self._keep_polling()

    def _list_sources(self) -> None:
        named = zip(self.readers, self._names(), strict=True)
        self.curves.show_sources([Source(each.folder.path.name, name, each.record) for each, name in named])

    def _names(self) -> list[str]:
        """What the runs are called; of one name, with what tells them apart."""
        if not self.comparing:
            return [reader.title for reader in self.readers]
        named = []
        for reader in self.readers:
            job = self._job(reader)
            title = str(reader.info.get("title") or "") or (job.request.prompt if job is not None else "")
            request, created = reader.info.get("request"), reader.info.get("created")
            params = request.get("params") if isinstance(request, dict) else None
            named.append(
                Named(
                    title or reader.title,
                    str(reader.info.get("recipe", "")),
                    params if isinstance(params, dict) else {},
                    float(created) if isinstance(created, int | float) else 0.0,
                )
            )
        pairs = zip(named, told_apart(named), strict=True)
        return [f"{each.title}  ·  {apart}" if apart else each.title for each, apart in pairs]

    def _poll(self) -> None:
        if self.isVisible():
            for reader in self.readers:
                reader.poll()
        self._keep_polling()

    def _keep_polling(self) -> None:
        """Look again while something goes on: in our queue, or in another program."""
        if self.isVisible() and any(self._runs(reader) for reader in self.readers):
            self._timer.start()
        else:
            self._timer.stop()

    def _job(self, reader: RunReader) -> Job | None:
        return self._studio.job(reader.folder.path.name)

    def _runs(self, reader: RunReader) -> bool:
        """Whether a run goes on: the queue knows. Of other programs' runs their own record does, unless it is silent,
        for a run that was killed says to its end that it goes on."""
        job = self._job(reader)
        if job is not None:
            return job.state is JobState.RUNNING
        return reader.state.get("name") == "running" and time.time() - reader.touched < _SILENT_S

    def _progressed(self, id: str, _progress: Progress) -> None:
        if not self._timer.isActive() and any(reader.folder.path.name == id for reader in self.readers):
            self._poll()

    def _finished(self, id: str, _job: Job) -> None:
        for reader in self.readers:
            if reader.folder.path.name == id:
                reader.poll()
                self._read_results()  # its record may have said so before the queue did
                self._say()

    def _grown(self) -> None:
        self.curves.grown()
        if len(self.readers) == 1 and self.sender() is self.readers[0]:
            shots = self.readers[0].record.shots
            if tuple(shots) != self.strip.shots:
                self.strip.show_shots(shots)
                self.glance.show_shots(self.strip.shots)
                self._room()
        self._say()

    def _told(self) -> None:
        """run.json is another one: a title, a state, figures, a model."""
        if self.comparing:
            self._list_sources()
        else:
            self._read_results()
        self._say()
        self._keep_polling()

    def _say(self) -> None:
        """The line above, and the table."""
        if self.comparing:
            self.facts.show_record(None)
            if self.tab == "table":
                named = zip(self.readers, self._names(), strict=True)
                self.table.show_runs([Compared(name, each.info, each.record) for each, name in named])
            return
        if not self.readers:
            self.facts.show_record(None)
            return
        reader = self.readers[0]
        request = reader.info.get("request")
        params = request.get("params") if isinstance(request, dict) else None
        minutes = params.get("minutes") if isinstance(params, dict) else None
        steps = reader.state.get("steps")
        self.facts.show_record(
            reader.record,
            steps if isinstance(steps, int) else 0,
            float(minutes) if isinstance(minutes, int | float) else 0.0,
            running=self._runs(reader),
            finishing=reader.finishing,
        )

    # -- results
    def _read_results(self) -> None:
        """Samples, ratings, figures and the card anew."""
        if len(self.readers) != 1:
            return
        if self._results_busy:
            self._results_again = True
            return
        self._results_busy, self._results_again = True, False
        folder, turn = self.readers[0].folder.path, self._turn
        self._studio.models.run(
            "run results", lambda _check, _tell: (turn, read_results(folder)), self._results_read, self._results_failed
        )

    def _results_read(self, answer: tuple[int, Results]) -> None:
        turn, results = answer
        if turn != self._turn or len(self.readers) != 1:
            return
        self._results_busy = False
        reader = self.readers[0]
        running = self._runs(reader) or bool((job := self._job(reader)) and job.state is JobState.PENDING)
        self.results = results
        self.ratings.show_results(reader.folder.path, results, running=running)
        self.figures.show_results(results, running=running)
        if self._results_again:
            self._read_results()

    def _results_failed(self, _error: StudioError | None) -> None:
        self._results_busy = False

    def _look_closely(self, step: int) -> None:
        """At the sample beside the curves."""
        self.strip.show_step(step)
        self.show_tab("samples")
        self.strip.setFocus()

    def _room(self) -> None:
        """Samples stand beside the curves where there is room for both."""
        self.glance.setVisible(self.width() >= _WIDE and bool(self.strip.shots) and not self.comparing)

    # -- tabs
    def _list_tabs(self, ids: Sequence[str]) -> None:
        if [self.tabs.tabData(place) for place in range(self.tabs.count())] != list(ids):
            self.tabs.blockSignals(True)
            while self.tabs.count():
                self.tabs.removeTab(0)
            for id in ids:
                place = self.tabs.addTab(tr(_TABS[id]))
                self.tabs.setTabData(place, id)
                self.tabs.setTabToolTip(place, f"Alt+{place + 1}")
            self.tabs.blockSignals(False)
        self._choose_tab()

    def _choose_tab(self) -> None:
        """The tab that was wanted last; of a run that goes on its curves, for nothing can be rated yet."""
        ids = [self.tabs.tabData(place) for place in range(self.tabs.count())]
        wanted = self._wanted if self._wanted in ids else ids[0]
        job = self._job(self.readers[0]) if len(self.readers) == 1 else None
        if wanted in ("rate", "results") and job is not None and job.state in (JobState.RUNNING, JobState.PENDING):
            wanted = "curves"
        self.tabs.blockSignals(True)
        self.tabs.setCurrentIndex(ids.index(wanted))
        self.tabs.blockSignals(False)
        self._show_page()

    def _tab_changed(self, _place: int) -> None:
        self._wanted = self.tab
        self._show_page()

    def _show_page(self) -> None:
        self.body.setCurrentWidget(self.pages[self.tab])
        self._say()

    def _go(self, place: int) -> None:
        """A key chose a tab: the keyboard goes along."""
        if place < self.tabs.count():
            self.tabs.setCurrentIndex(place)
            self.pages[self.tab].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _pressed(self, place: int) -> None:
        """So does the mouse: what a view says of its keys is true at once. Not before the bar has had its press."""
        QTimer.singleShot(0, self, lambda: self._go(place))

    # -- events
    def resizeEvent(self, event) -> None:  # noqa: ANN001  QResizeEvent
        """More room, or less."""
        super().resizeEvent(event)
        self._room()

    def retranslate(self) -> None:
        """The tabs."""
        super().retranslate()
        if hasattr(self, "_timer"):
            for place in range(self.tabs.count()):
                self.tabs.setTabText(place, tr(_TABS[str(self.tabs.tabData(place))]))
            for button, name in zip(
                self.tabs.findChildren(QToolButton), (N_("Tabs before"), N_("Tabs after")), strict=False
            ):
                button.setAccessibleName(tr(name))  # Qt says its own in English
            self._say()

    def showEvent(self, event) -> None:  # noqa: ANN001  QShowEvent
        """Seen again: what happened meanwhile?"""
        super().showEvent(event)
        self._poll()

    def hideEvent(self, event) -> None:  # noqa: ANN001  QHideEvent
        """Nobody looks."""
        super().hideEvent(event)
        self._timer.stop()

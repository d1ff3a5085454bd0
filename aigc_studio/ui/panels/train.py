"""Train: a model of one's own from a folder. On the left what to make from what, or the runs; on the right the data,
or the run that is watched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from aigc_studio.core.assets import is_asset_id
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import JobState
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import WORKSHOPS, RunFolder
from aigc_studio.ui.dialogs.confirm import ConfirmDialog
from aigc_studio.ui.dropping.payload import Payload
from aigc_studio.ui.events import Progress
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.training.actions import TrainActions
from aigc_studio.ui.training.finished import USE, entry_of
from aigc_studio.ui.training.run_header import RunHeader
from aigc_studio.ui.training.run_list import RunList
from aigc_studio.ui.training.run_source import RunItem, RunSource
from aigc_studio.ui.training.setup import SetupColumn
from aigc_studio.ui.training.stage import SetupStage
from aigc_studio.ui.training.veil import DropVeil
from aigc_studio.ui.training.watch import RunView
from aigc_studio.ui.widgets.empty_state import EmptyState
from aigc_studio.ui.widgets.first_folder import FirstFolder
from aigc_studio.ui.widgets.folder_field import dropped_paths

__all__ = ["TrainPanel"]

NEW, RUNS = "new", "runs"
"""What the left column shows."""

_FORWARDED = ("noticed", "undoOffered", "offered", "viewRequested", "compareRequested", "openRequested")
"""Signals of what shows a run that the window listens to."""


class TrainPanel(Translated, QWidget):
    """The panel "train"."""

    noticed = Signal(str)
    """A sentence for the person that is no error."""
    undoOffered = Signal(str, object)
    offered = Signal(str, str, object)
    viewRequested = Signal(object, int)
    compareRequested = Signal(object, object, object)
    openRequested = Signal(object)
    installRequested = Signal()
    """The engine for large models is wanted."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._wanted = ""
        """Run to be chosen as soon as it is in the list."""
        self._watched: tuple[str, ...] = ()
        self.source = RunSource(studio, self)
        self._dropped = FirstFolder(self)
        self.setAcceptDrops(True)
        self._build()
        self._connect()
        self._project_changed()
        self._list()
        self._data_changed()
        self.show_mode(NEW)
        self.first_focus = self.setup.recipe.combo

    # -- building
    def _build(self) -> None:
        left = QFrame(self)
        left.setProperty("role", "panel")
        left.setMinimumWidth(280)
        self.modes = QButtonGroup(self)
        switch = QFrame(left)
        switch.setProperty("role", "sunken")
        row = QHBoxLayout(switch)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        for number, title in enumerate((N_("New training"), N_("Trainings"))):
            button = QPushButton(switch, autoDefault=False)
            button.setCheckable(True)
            button.setProperty("role", "segment")
            self.tr_bind(button.setText, title)
            self.modes.addButton(button, number)
            row.addWidget(button, 1)
        holder = QWidget(left)
        around = QVBoxLayout(holder)
        around.setContentsMargins(16, 12, 16, 0)
        around.addWidget(switch)
        self.setup = SetupColumn(self._studio, left)
        self.list = RunList(self._studio.progress, left)
        self.tr_bind(self.list.setAccessibleName, N_("Trainings"))
        self._none = EmptyState(
            "school-outline",
            N_("Nothing was trained yet"),
        )
        self._runs = QStackedWidget(left)
        self._runs.addWidget(self.list)
        self._runs.addWidget(self._none)
        self._pages = QStackedWidget(left)
        self._pages.addWidget(self.setup)
        self._pages.addWidget(self._runs)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(holder)
        column.addWidget(self._pages, 1)

        self.stage = SetupStage(self._studio, self)
        self._watching = QFrame(self)
        self.acts = TrainActions(self, self.list)
        self.header = RunHeader(self.acts, self._watching)
        self.view = RunView(self._studio, self._watching)
        for action in self.view.keys:
            self.list.addAction(action)
        watching = QVBoxLayout(self._watching)
        watching.setContentsMargins(0, 0, 0, 0)
        watching.setSpacing(0)
        watching.addWidget(self.header)
        watching.addWidget(self.view, 1)
        self._empty = EmptyState(
            "chart-line",
            N_("Watch a model learn"),
            N_("Its curves and samples are shown here from the first step on. A training goes on while you work."),
            [(N_("New training"), lambda: self.show_mode(NEW))],
        )
        self._work = QStackedWidget(self)
        for page in (self.stage, self._watching, self._empty):
            self._work.addWidget(page)
        self._work.setMinimumWidth(480)  # whatever is shown: what it would like must not move the left column's edge
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.setObjectName("train")
        self.splitter.addWidget(left)
        self.splitter.addWidget(self._work)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setSizes([340, 900])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)
        self._veil = DropVeil(self._work)  # where one drops on one of two folders stays in sight

    def _connect(self) -> None:
        studio, setup = self._studio, self.setup
        studio.projectOpened.connect(self._project_changed)
        studio.projectClosed.connect(self._project_changed)
        studio.jobProgress.connect(self._progress)
        studio.modelsChanged.connect(self._enable)
        self.source.changed.connect(self._list)
        self._dropped.found.connect(self._taken)
        self.modes.idToggled.connect(lambda id, on: self.show_mode((NEW, RUNS)[id]) if on else None)
        setup.startWanted.connect(self.start)
        setup.installRequested.connect(self.installRequested)
        setup.dataChanged.connect(self._data_changed)
        setup.changed.connect(self._values_changed)
        setup.noticed.connect(self.noticed)
        self.stage.recipeChosen.connect(self._recipe_chosen)
        self.stage.changed.connect(self._looked)
        self.list.chosen.connect(self._choose)
        self.list.menuRequested.connect(self._menu)
        self.header.menu.aboutToShow.connect(self._fill_menu)
        for name in _FORWARDED:
            if (signal := getattr(self.view, name, None)) is not None:
                signal.connect(getattr(self, name))
        if (signal := getattr(self.view, "roundWanted", None)) is not None:
            signal.connect(self._next_round)
        for id, call in {
            "start": self.start,
            "new": lambda: self.show_mode(NEW),
            "runs": lambda: self.show_mode(RUNS),
            "browse": self._browse,
            "captions": self.stage.edit_captions,
            "pause": self._pause_or_resume,
            "resume": self._resume,
            "finish": self._finish,
            "stop": self._stop,
            "use": self._use,
            "round": self._next_round,
            "again": self._again,
            "folder": lambda: self._open(self._item(), model=False),
            "model_folder": lambda: self._open(self._item(), model=True),
            "delete": self._ask_delete,
        }.items():
            self.acts[id].triggered.connect(lambda _on=False, call=call: call())

    # -- what the main window may call
    def actions(self) -> list[QAction]:
        """For the window's menu and its list of keys."""
        return self.acts.listed()

    def take_drop(self, payload: Payload) -> None:
        """A folder dropped anywhere becomes the data."""
        self._take(list(payload.paths))

    def receive(self, payload: dict[str, Any]) -> None:
        """{"run": id}: show that run."""
        self.show_run(str(payload.get("run", "")))

    def reuse(self, recipe: dict[str, Any]) -> None:
        """Fill the form from a recipe of a model that was made here."""
        request = self._own_request(str(recipe.get("job_id", ""))) or Request.from_json(recipe["request"])
        use = recipe.get("use") or ("settings", "seed")
        seed = int(recipe.get("seed", request.seed))
        if "settings" in use:
            self._fill(request, seed=seed if "seed" in use else None)
        elif "seed" in use:
            self.setup.use_seed(seed)
            self.show_mode(NEW)

    def save_state(self) -> dict[str, Any]:
        """What to remember for this project."""
        state: dict[str, Any] = {
            "mode": self.mode,
            "setup": self.setup.state_now(),
            "run": next((item.id for item in self.list.chosen_items()), ""),
        }
        if callable(save := getattr(self.view, "save_state", None)):
            state["view"] = save()
        return state

    def restore_state(self, state: dict[str, Any]) -> None:
        """The inverse; wrong types are ignored."""
        if isinstance(setup := state.get("setup"), dict):
            self.setup.restore(setup)
        if isinstance(run := state.get("run"), str):
            self._wanted = run
        if callable(restore := getattr(self.view, "restore_state", None)) and isinstance(state.get("view"), dict):
            restore(state["view"])
        if state.get("mode") in (NEW, RUNS):
            self.show_mode(state["mode"])
        self._list()

    # -- what is shown
    @property
    def mode(self) -> str:
        """ "new" or "runs"."""
        return (NEW, RUNS)[self._pages.currentIndex()]

    def show_mode(self, mode: str) -> None:
        """The form for a new run, or the runs."""
        place = (NEW, RUNS).index(mode)
        self._pages.setCurrentIndex(place)
        self.modes.button(place).setChecked(True)
        self._show_work()
        self._enable()

    def show_run(self, id: str) -> None:
        """Show a run among the others, as soon as it is there."""
        self.show_mode(RUNS)
        self._wanted = "" if self.list.choose(id) else id

    def _show_work(self) -> None:
        if self.mode == NEW:
            self._work.setCurrentWidget(self.stage)
        else:
            self._work.setCurrentWidget(self._watching if self.list.chosen_items() else self._empty)

    def _project_changed(self, *_: object) -> None:
        info = self._studio.info
        self.setup.block(
            tr("Open or make a project first.")
            if info is None
            else tr("This project can only be read; nothing can be trained in it.")
            if info.read_only
            else ""
        )
        if info is None:
            self._wanted = ""
            self._watched = ()
            self.view.show_run(None)
            self.setup.restore({})
        self._enable()

    def _list(self) -> None:
        """The runs are others, or stand otherwise."""
        items = self.source.items
        self.list.show_items(items)
        self.setup.show_runs(self.source.infos, self.source.params)
        self._runs.setCurrentWidget(self.list if items else self._none)
        title = self.modes.button(1)
        self.tr_bind(title.setText, N_("Trainings ({count})") if items else N_("Trainings"), count=len(items))
        if self._wanted and self.list.choose(self._wanted):
            self._wanted = ""
        self._choose()

    def _choose(self) -> None:
        """What is chosen in the list is shown; several at once are compared."""
        items = self.list.chosen_items()
        item = items[0] if items else None
        self.header.show_run(item, self._studio.progress(item.id) if item is not None else None, len(items))
        watched = tuple(each.id for each in items)
        if watched != self._watched:
            self._watched = watched
            several = getattr(self.view, "show_runs", None)
            if len(items) > 1 and callable(several):
                several([each.folder for each in items])
            else:
                self.view.show_run(item.folder if item is not None else None)
        self._show_work()
        self._enable()

    def _progress(self, id: str, progress: Progress) -> None:
        self.list.touch(id)
        if self._watched[:1] == (id,):
            item = self._item()
            self.header.show_run(item, progress, len(self._watched))

    def _can_finish(self) -> bool:
        """Whether the chosen run has learned something and goes on."""
        item = self._item()
        return item is not None and item.state == "running" and item.step > 0 and not item.finishing

    def _item(self) -> RunItem | None:
        """The one run that is chosen."""
        items = self.list.chosen_items()
        return items[0] if len(items) == 1 else None

    def _enable(self) -> None:
        """What can be done with what is chosen."""
        if not hasattr(self, "acts"):
            return
        info = self._studio.info
        writable = info is not None and not info.read_only
        items = self.list.chosen_items()
        item = self._item()
        state = item.state if item is not None else ""
        job = item.job if item is not None else None
        entry = entry_of(item.model) if item is not None and item.model else None
        learned = item is not None and (item.step > 0 or state == "done")
        for id, on in {
            "start": self.setup.go.isEnabled() and self.mode == NEW,
            "new": True,
            "runs": True,
            "browse": bool(self.setup.zones),
            "captions": self.mode == NEW and self.stage.has_captions,
            "pause": writable and state in ("running", "pending"),
            "resume": writable and job is not None and state in ("paused", "failed", "cancelled"),
            "finish": writable and self._can_finish(),
            "stop": writable and state in ("running", "pending", "paused"),
            "use": entry is not None and entry.problem is None,
            "round": writable and learned and item is not None and not item.active,
            "again": item is not None,
            "folder": item is not None,
            "model_folder": item is not None and bool(item.model),
            "delete": writable and bool(items) and not any(each.active for each in items),
        }.items():
            self.acts[id].setEnabled(on)
        kind = entry.kind if entry is not None else ""
        finishing = item is not None and item.finishing
        self.tr_bind(self.acts["finish"].setText, N_("Finishing…") if finishing else N_("Finish now"))
        self.tr_bind(self.acts["use"].setText, USE.get(kind, N_("Use the model")))
        self.header.sync()

    def retranslate(self) -> None:
        """Names of actions depend on what is chosen."""
        super().retranslate()
        if hasattr(self, "acts"):
            self._project_changed()
            self._looked()

    # -- setting up
    def start(self) -> None:
        """Put the training into the queue, and show it."""
        if self.mode != NEW:
            return
        self.setup.check_engine()
        if reason := self.setup.why_not():
            self.noticed.emit(reason)
            return
        id = self._studio.submit(self.setup.request())
        self.setup.choose_start("")
        self.show_run(id)

    def _data_changed(self) -> None:
        self.stage.show_data(self.setup.family, self.setup.folders())
        self._values_changed()
        self._looked()

    def _values_changed(self) -> None:
        self.stage.show_values(self.setup.form.values())
        self._enable()

    def _looked(self) -> None:
        self.setup.show_data_problem(self.stage.problem(), self.stage.hint())
        self._enable()

    def _recipe_chosen(self, id: str) -> None:
        self.setup.recipe.choose(id)
        self.setup.focus_data()

    def _browse(self) -> None:
        self.show_mode(NEW)
        zones = list(self.setup.zones.values())
        for zone in [*[zone for zone in zones if not zone.value()], *zones][:1]:
            zone.choose()

    def _take(self, paths: list[Path]) -> None:
        self._dropped.ask(paths)

    def _taken(self, folder: Path | None) -> None:
        if folder is None:
            self.noticed.emit(tr("Drop the folder that holds the files, not the files themselves."))
            return
        self.show_mode(NEW)
        self.setup.take_folder(folder)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A folder is welcome anywhere on the panel."""
        if dropped_paths(event):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self._veil.set_shown(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """It went elsewhere."""
        self._veil.set_shown(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """See `take_drop`."""
        self._veil.set_shown(False)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self._take(dropped_paths(event))

    # -- runs
    def _pause_or_resume(self) -> None:
        item = self._item()
        if item is not None and item.state in ("running", "pending"):
            self._studio.pause(item.id)
        else:
            self._resume()

    def _resume(self) -> None:
        item = self._item()
        job = item.job if item is not None else None
        if job is None:
            return
        if job.state is JobState.PAUSED:
            self._studio.resume(job.id)
        elif job.state in (JobState.FAILED, JobState.CANCELLED):
            self._studio.retry(job.id)

    def _finish(self) -> None:
        item = self._item()
        if item is not None and self._can_finish():
            self.source.finishes(item.id)
            folder = item.folder
            self._studio.store(lambda _project: RunFolder(folder).ask_to_finish())
            self.noticed.emit(tr("“{name}” makes its model from what it has learned so far.", name=item.title))

    def _stop(self) -> None:
        if (item := self._item()) is not None:
            self._studio.cancel(item.id)

    def _use(self) -> None:
        item = self._item()
        entry = entry_of(item.model) if item is not None else None
        if entry is not None:
            self._studio.models.modelWanted.emit(entry)

    def _next_round(self) -> None:
        """The same once more, beginning from what this run has learned and what was kept of its samples."""
        item = self._item()
        request = self._request_of(item)
        if item is None or request is None:
            return
        name = _next_name(item.title)
        self._fill(request.changed(params={**request.params, "name": name, "start": item.id}))
        self.noticed.emit(tr("Ready for the next round: it begins from “{name}”.", name=item.title))

    def _again(self) -> None:
        if (request := self._request_of(self._item())) is not None:
            self._fill(request)

    def _request_of(self, item: RunItem | None) -> Request | None:
        if item is None or item.job is None:
            return self.source.requests.get(item.id) if item is not None else None
        return item.job.request

    def _own_request(self, id: str) -> Request | None:
        """What a run of this project was asked for: the recipe in a file has its data's folder by name only."""
        if (known := self._request_of(self.source.item(id))) is not None or self._studio.info is None:
            return known
        if not is_asset_id(id):  # jobs' ids look the same; nothing else may lead out of the project
            return None
        told = RunFolder(self._studio.info.folder / WORKSHOPS / id).info().get("request")
        try:
            return Request.from_json(told) if isinstance(told, dict) else None
        except (TypeError, ValueError, KeyError, AttributeError, StudioError):
            return None

    def _fill(self, request: Request, *, seed: int | None = None) -> None:
        self.setup.show_runs(self.source.infos, self.source.params)
        self.setup.use(request, seed=seed)
        self.show_mode(NEW)

    def _open(self, item: RunItem | None, *, model: bool) -> None:
        if item is not None:
            entry = entry_of(item.model) if model else None
            folder = entry.path if entry is not None and entry.path is not None else item.folder
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _ask_delete(self) -> None:
        items = [item for item in self.list.chosen_items() if not item.active]
        if not items or not self.acts["delete"].isEnabled():
            return
        one = N_(
            "“{name}” with its samples, curves and checkpoints is deleted. The model it made stays in the library."
        )
        several = N_(
            "{count} trainings with their samples, curves and checkpoints are deleted. The models they made stay."
        )
        dialog = ConfirmDialog(
            N_("Delete this training?") if len(items) == 1 else N_("Delete these trainings?"),
            one if len(items) == 1 else several,
            N_("Delete##trainings"),
            lambda: self.delete(items),
            self,
            name=items[0].title,
            count=len(items),
        )
        if names := self.source.waiting_for({item.id for item in items}):
            more = N_("Not ended yet and starting from it: {names}. Without it, this may not be able to go on.")
            dialog.add_text(more, names=", ".join(names))
        dialog.open()

    def delete(self, items: list[RunItem]) -> None:
        """Delete runs that do not learn now."""
        for item in items:
            if item.job is not None and item.job.state is JobState.PAUSED:
                self._studio.cancel(item.id)
        folders = [item.folder for item in items]
        ids = {item.id for item in items}

        def work(_project: object) -> None:
            for folder in folders:
                RunFolder(folder).delete()

        self.source.forget(ids)

        def done(_nothing: object) -> None:
            if isValid(self):  # the answer may come when the window is gone
                self.source.refresh()

        def failed(error: StudioError) -> None:
            if isValid(self):
                self.source.keep(ids)
            self._studio.problem.emit(error)

        self._studio.store(work, done, failed)

    def _fill_menu(self) -> None:
        self.header.menu.clear()
        for action in self.acts.listed(beginning="pause"):
            if action.isSeparator() or action.isEnabled():
                self.header.menu.addAction(action)

    def _menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        for action in self.acts.listed(beginning="pause"):
            if action.isSeparator() or action.isEnabled():
                menu.addAction(action)
        menu.exec(point)
        menu.deleteLater()


def _next_name(title: str) -> str:
    """ "Icons" -> "Icons 2" -> "Icons 3"."""
    head, _, tail = title.rpartition(" ")
    return f"{head} {int(tail) + 1}" if head and tail.isdecimal() and len(tail) < 5 else f"{title} 2"

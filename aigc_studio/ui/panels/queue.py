"""The Queue panel: everything that is, was and will be made; its order, and the ways to stop, go on and try again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.recipe import asset_id_for
from aigc_studio.ui.assets.thumbnails import ThumbnailLoader
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.jobs.delegate import JobDelegate, buttons_of
from aigc_studio.ui.jobs.less_memory import LESS_MEMORY, less_memory
from aigc_studio.ui.jobs.model import JobModel
from aigc_studio.ui.shell.status_bar import queue_text
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.widgets.empty_state import EmptyState

__all__ = ["QueuePanel"]


class QueuePanel(Translated, QWidget):
    """A list of jobs under a bar with what concerns all of them."""

    openRequested = Signal(object)
    """The Asset that a job made, to be shown in its panel."""
    handOver = Signal(str, object)
    """Id of a panel, and what it shall show."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._loader = ThumbnailLoader(self._locate, studio.thumbnail, self, kept=200)
        self.model = JobModel(studio, self)
        self.view = QListView(self)
        self.view.setProperty("role", "cards")
        self.view.setModel(self.model)
        self.view.setUniformItemSizes(True)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.view.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.delegate = JobDelegate(studio.progress, self._picture, self.view)
        self.view.setItemDelegate(self.delegate)
        self.tr_bind(self.view.setAccessibleName, N_("Queue"))
        self._make_actions()
        self._build()
        self.first_focus = self.view
        """Where the window puts the keyboard when the panel is shown for the first time."""
        self.delegate.pressed.connect(self._do)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.activated.connect(lambda index: self._do("show", self.model.jobs[index.row()].id))
        selection = self.view.selectionModel()
        selection.selectionChanged.connect(lambda *_: self._enable())
        self.model.moved.connect(studio.move)
        self.model.dataChanged.connect(lambda *_: self._enable())
        self._loader.ready.connect(lambda _id: self.view.viewport().update())
        studio.jobsChanged.connect(self._refresh)
        studio.projectClosed.connect(self._closed)
        self._refresh()

    def actions(self) -> list[QAction]:
        """For the window's Panel menu."""
        return list(self._actions.values())

    def selected(self) -> list[Job]:
        """The chosen jobs, in the list's order."""
        return [self.model.jobs[index.row()] for index in sorted(self.view.selectedIndexes())]

    def retranslate(self) -> None:
        """The summary is made of several texts; the rows are drawn anew."""
        super().retranslate()
        self._refresh()
        self.view.viewport().update()

    # -- building
    def _make_actions(self) -> None:
        rows: tuple[tuple[str, str, str, str, Callable[[], object]], ...] = (
            ("pause", N_("Pause or go on"), "Space", "play-pause", self._toggle),
            ("cancel", N_("Cancel##queue"), "Del", "close", lambda: self._all("cancel")),
            ("retry", N_("Try again"), "R", "refresh", lambda: self._all("retry")),
            ("less", LESS_MEMORY, "L", "memory", lambda: self._all("less")),
            ("show", N_("Show the result"), "", "arrow-top-right", lambda: self._all("show")),
            ("up", N_("Earlier"), "Alt+Up", "arrow-up", lambda: self._shift(-1)),
            ("down", N_("Later"), "Alt+Down", "arrow-down", lambda: self._shift(1)),
        )
        self._actions: dict[str, QAction] = {}
        for id, title, keys, picture, call in rows:
            action = QAction(icon(picture), "", self)
            self.tr_bind(action.setText, title)
            action.setObjectName(id)
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(lambda _on=False, call=call: call())
            self.view.addAction(action)
            self._actions[id] = action

    def _build(self) -> None:
        bar = QFrame(self)
        bar.setProperty("role", "toolbar")
        line = QHBoxLayout(bar)
        line.setContentsMargins(16, 8, 16, 8)
        line.setSpacing(8)
        self.summary = QLabel(self)
        self.summary.setProperty("role", "muted")
        self.hold = QPushButton(self)
        self.hold.setCheckable(True)
        self.hold.setAutoDefault(False)
        self.hold.toggled.connect(self._studio.pause_all)
        self.clear = QPushButton(self)
        self.clear.setAutoDefault(False)
        self.clear.setIcon(icon("playlist-remove"))
        self.tr_bind(self.clear.setText, N_("Clear finished"))
        self.tr_bind(self.clear.setToolTip, N_("Takes the finished jobs off this list; what they made stays."))
        self.clear.clicked.connect(self._studio.clear_finished)
        line.addWidget(self.summary, 1)
        line.addWidget(self.hold)
        line.addWidget(self.clear)
        self.empty = EmptyState(
            "playlist-play",
            N_("Nothing in the queue"),
            N_("What you make in the other panels is listed here: you can order it, pause it and try it again."),
        )
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.empty)
        holder = QWidget(self)
        around = QHBoxLayout(holder)
        around.setContentsMargins(12, 8, 12, 8)
        around.addWidget(self.view)
        self.pages.addWidget(holder)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        column.addWidget(self.pages, 1)

    # -- doing
    def _do(self, what: str, id: str) -> None:
        if what == "show":
            self._show_result(id)
        elif what == "less":
            job = self._studio.job(id)
            if job is not None and (again := less_memory(job.request, job.error)) is not None:
                self._studio.submit(again)
        else:
            {
                "pause": self._studio.pause,
                "resume": self._studio.resume,
                "cancel": self._studio.cancel,
                "retry": self._studio.retry,
            }[what](id)

    def _all(self, what: str) -> None:
        for job in self.selected():
            if what in buttons_of(job):
                self._do(what, job.id)

    def _toggle(self) -> None:
        for job in self.selected():
            for what in ("pause", "resume"):
                if what in buttons_of(job):
                    self._do(what, job.id)

    def _shift(self, by: int) -> None:
        """Move the chosen jobs one place; together they keep their order."""
        jobs = [job for job in self.selected() if job.state.waiting]
        last = len(self.model.waiting()) - 1
        for job in jobs if by < 0 else reversed(jobs):
            place = self.model.place(job.id) + by
            if not 0 <= place <= last:
                return
            self._studio.move(job.id, place)

    def _show_result(self, id: str) -> None:
        job, reader = self._studio.job(id), self._studio.reader
        if job is not None and job.request.kind == "training":
            self.handOver.emit("train", {"run": id})  # it can be watched from its first step on
            return
        if job is None or reader is None or not job.done:
            return
        asset = reader.asset(asset_id_for(id, job.done[-1]))
        if asset is not None:
            self.openRequested.emit(asset)

    def _menu(self, point: QPoint) -> None:
        if self.selected():
            menu = QMenu(self)
            menu.addActions([action for action in self._actions.values() if action.isEnabled()])
            menu.exec(self.view.viewport().mapToGlobal(point))

    # -- following
    def _refresh(self) -> None:
        jobs = self.model.jobs
        self.pages.setCurrentIndex(1 if jobs else 0)
        self.summary.setText(queue_text(jobs))
        held = self._studio.held
        self.hold.blockSignals(True)
        self.hold.setChecked(held)
        self.hold.blockSignals(False)
        self.hold.setText(tr("Go on with the queue") if held else tr("Pause the queue"))
        self.hold.setIcon(icon("play" if held else "pause"))
        self.clear.setEnabled(any(job.state.ended for job in jobs))
        self._enable()

    def _enable(self) -> None:
        chosen = self.selected()
        can = {what for job in chosen for what in buttons_of(job)}
        self._actions["pause"].setEnabled(bool(can & {"pause", "resume"}))
        for what in ("cancel", "retry", "less", "show"):
            self._actions[what].setEnabled(what in can)
        for what in ("up", "down"):
            self._actions[what].setEnabled(any(job.state.waiting for job in chosen))

    def _closed(self) -> None:
        self._loader.wait()
        self._loader.forget()

    def _locate(self, id: str) -> Path | None:
        return self._studio.reader.thumbnail_path(id) if self._studio.reader else None

    def _picture(self, job: Job) -> QPixmap | None:
        """The last result's thumbnail; while it runs, the picture so far."""
        if job.request.kind not in ("image", "training"):
            return None
        if job.state == JobState.RUNNING:
            progress = self._studio.progress(job.id)
            preview = getattr(progress, "preview", None)
            if preview is not None:
                return QPixmap.fromImage(preview)
        return self._loader.pixmap(asset_id_for(job.id, job.done[-1])) if job.done else None

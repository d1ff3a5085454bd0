"""The window: puts rail, bars, banners and panels together, and does what the actions say.

Must not know any family or what panels do; they talk to the studio.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QPoint, QRect, QTimer, QUrl
from PySide6.QtGui import QAction, QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QIcon, QUndoGroup
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QStackedWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, current_language
from aigc_studio.core.installer import engine_state
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.logs import log_file
from aigc_studio.core.paths import resources
from aigc_studio.core.recipe import asset_id_for
from aigc_studio.core.settings import Settings

from .actions import Actions
from .dropping.window import WindowDrops
from .engine_install import EngineInstall
from .events import Notice, ProjectInfo
from .i18n import Translated, switch_language
from .jobs.less_memory import LESS_MEMORY, less_memory
from .models.desk import ModelDesk
from .notify import Notifier
from .shell.panel_host import PanelHost, available_panels
from .shell.projects import Projects
from .shell.rail import Rail
from .shell.start_page import StartPage
from .shell.status_bar import StatusBar
from .shell.top_bar import TopBar
from .shortcuts import WINDOW, ShortcutBook
from .studio import Studio
from .theme import Theme
from .training.finished import TrainedModels
from .viewer.opening import Viewing
from .widgets.banner import BannerArea
from .widgets.toast import Toast

__all__ = ["MainWindow"]

log = logging.getLogger(__name__)

SAVE_MS = 1500
"""How often what changed in the settings is written."""


class MainWindow(Translated, QMainWindow):
    """One per process. `studio` belongs to the caller, who shuts it down when the window is gone."""

    def __init__(self, studio: Studio, settings: Settings, theme: Theme) -> None:
        super().__init__()
        self.studio, self.settings, self.theme = studio, settings, theme
        self._really_close = False
        self._offered_at = ("", 0)
        self.undo_group = QUndoGroup(self)
        self.engine_install = EngineInstall(self)
        self.engine_install.finished.connect(lambda _state: self._engine_installed())
        self.setWindowIcon(QIcon(str(resources() / "icons" / "app.svg")))
        self.setMinimumSize(960, 640)
        self.actions_table = Actions(self)
        self.shortcuts = ShortcutBook(settings, self)
        self.shortcuts.adopt(WINDOW, [action for _, action in self.actions_table])
        self._build()
        self.panels.built.connect(lambda id, panel: self.shortcuts.adopt(id, panel.actions()))
        self.shortcuts.changed.connect(self.panels.retranslate)
        self.drops = WindowDrops(self)
        self._connect_actions()
        self._connect_studio()
        self._restore_layout()
        self._show_project(studio.info)
        self._saver = QTimer(self)
        self._saver.setInterval(SAVE_MS)
        self._saver.timeout.connect(self._save_settings)
        self._saver.start()

    # -- what is shown
    def retranslate(self) -> None:
        """The title and the checked language."""
        super().retranslate()
        self._title()
        self._check_choices()

    def show_problem(self, error: StudioError, job: str = "") -> None:
        """One clear sentence in a banner, with what helps against it where the program can do something.

        job: id of the job that failed; the banner goes when that job is tried again, cleared, or its project closed.
        """
        helps: dict[str, tuple[str, Callable[[], object]]] = {
            "engine-missing": (N_("Install the engine"), self.install_engine),
            "engine-died": (N_("Show the log"), self.show_log),
            "unexpected": (N_("Show the log"), self.show_log),
            "not-a-project": (N_("Open another"), self.projects.ask_open),
        }
        failed = self.studio.job(job) if job else None
        if failed is not None and error.code == "memory" and (again := less_memory(failed.request, error)) is not None:
            helps["memory"] = (LESS_MEMORY, lambda: self.studio.submit(again))
        if error.detail:
            log.info("%s: %s (%s)", error.code, error, error.detail)
        self.banners.show_error(error, helps.get(error.code)).about = job

    def show_panel(self, id: str) -> QWidget | None:
        """Bring a panel to the front."""
        return self.panels.show_panel(id)

    # -- the engine and the log
    def install_engine(self) -> None:
        """Show the dialog that installs the engine group."""
        from .dialogs.install_engine import InstallEngineDialog

        InstallEngineDialog(self.engine_install, self).show()

    def read_engine_state(self) -> None:
        """Say in the status bar whether large models can run. Looks for files; no import."""
        self.status.show_engine(engine_state())

    def _engine_installed(self) -> None:
        self.read_engine_state()
        self.banners.show_text("success", N_("The engine is installed and works."))

    def show_log(self) -> None:
        """Open the log file with what the system has for it."""
        file = log_file()
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(file if file.exists() else file.parent)))

    # -- drops
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """See `WindowDrops`."""
        self.drops.enter(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """See `WindowDrops`."""
        self.drops.drop(event)

    # -- closing
    def closeEvent(self, event: QCloseEvent) -> None:
        """Running jobs are paused and come back when the project is opened again; nothing is asked."""
        if self._really_close or self.studio.info is None:
            self._save_layout()
            super().closeEvent(event)
            return
        event.ignore()
        self.setEnabled(False)
        self.projects.close(self._close_now)

    def _close_now(self) -> None:
        self.projects.packages.close()
        self.engine_install.close()
        self._really_close = True
        self.close()

    # -- building
    def _build(self) -> None:
        panels = available_panels()
        self.actions_table.fill(self.menuBar())
        self.start_page = StartPage(self)
        self.rail = Rail(self.actions_table, panels, self)
        self.top_bar = TopBar(self.actions_table, self)
        self.panels = PanelHost(self.studio, self.undo_group, self)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(self.panels)
        center = QWidget(self)
        self.banners = BannerArea(center, room=lambda: self._banner_room(center))
        across = QHBoxLayout(center)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self.rail)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top_bar)
        column.addWidget(self.pages, 1)
        across.addLayout(column, 1)
        self.setCentralWidget(center)
        self.status = StatusBar(self.studio, self)
        self.setStatusBar(self.status)
        self.toast = Toast(self)
        self.viewing = Viewing(self.studio, self)
        self.notifier = Notifier(self.studio, self)
        self.projects = Projects(self.studio, self.settings, self.panels, self.banners, self)
        self.models_desk = ModelDesk(self.studio, self.banners, self.show_panel, lambda: self.panels.current, self)
        self.trained = TrainedModels(self.studio, self.banners, self.models_desk.choose, self)
        self.tr_bind(self.menuBar().setAccessibleName, N_("Menu bar"))

    def _banner_room(self, center: QWidget) -> QRect:
        """Between the project's name and the buttons at the right nothing stands; the start page has its top free."""
        bar = self.top_bar
        if bar.isHidden():
            return QRect(12, 8, center.width() - 24, 0)
        return bar.free().translated(bar.mapTo(center, QPoint()))

    def _connect_actions(self) -> None:
        calls: dict[str, Callable[[], object]] = {
            "project.new": self.projects.ask_new,
            "project.open": self.projects.ask_open,
            "project.close": self.projects.close,
            "project.unpack": self.projects.ask_unpack,
            "project.pack": self.projects.ask_pack,
            "project.folder": self.projects.show_folder,
            "app.models": self.models_desk.show_library,
            "app.settings": self._show_settings,
            "app.quit": self.close,
            "edit.undo": lambda: self._undo("undo"),
            "edit.redo": lambda: self._undo("redo"),
            "view.next": lambda: self.panels.step(1),
            "view.previous": lambda: self.panels.step(-1),
            "view.message": self.banners.go_to,
            "view.fullscreen": self._toggle_fullscreen,
            "queue.cancel": self._cancel_running,
            "queue.clear": self.studio.clear_finished,
            "help.shortcuts": self._show_shortcuts,
            "help.engine": self.install_engine,
            "help.demo": self.projects.make_demo,
            "help.log": self.show_log,
            "help.about": self._show_about,
        }
        for info, action in self.actions_table:
            head, _, tail = info.id.partition(".")
            if head == "panel":
                action.triggered.connect(lambda _on=False, id=tail: self.show_panel(id))
            elif head == "theme":
                action.triggered.connect(lambda _on=False, name=tail: self.settings.set("theme", name))
            elif head == "language":
                action.triggered.connect(lambda _on=False, code=tail: self.settings.set("language", code))
            elif info.id in calls:
                action.triggered.connect(lambda _on=False, call=calls[info.id]: call())
        self.actions_table["queue.pause"].toggled.connect(self.studio.pause_all)
        self.start_page.newWanted.connect(self.projects.ask_new)
        self.start_page.openWanted.connect(self.projects.ask_open)
        self.start_page.demoWanted.connect(self.projects.make_demo)
        self.start_page.projectWanted.connect(self.projects.open)
        self.start_page.forgetWanted.connect(self._forget)
        self.start_page.revealWanted.connect(lambda folder: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))
        for bar in (self.start_page, self.top_bar):
            bar.languageWanted.connect(self._other_language)
            bar.themeWanted.connect(self._other_theme)
        self.settings.listen(self._setting_changed)
        self._check_choices()

    def _connect_studio(self) -> None:
        self.studio.projectOpened.connect(self._show_project)
        self.studio.projectClosed.connect(lambda: self._show_project(None))
        self.studio.problem.connect(lambda error: self.show_problem(error))
        self.studio.jobsChanged.connect(self._count_jobs)
        self.studio.jobFinished.connect(self._job_finished)
        self.studio.jobNotice.connect(self._job_noticed)
        self.panels.shown.connect(self._panel_shown)
        self.panels.noticed.connect(lambda text: self.banners.show_ready("info", text))
        self.panels.undoOffered.connect(self._offer_undo)
        self.panels.offered.connect(lambda text, title, call: self.banners.show_ready("info", text, (title, call)))
        self.panels.viewRequested.connect(self.viewing.view)
        self.panels.compareRequested.connect(self.viewing.compare)
        self.viewing.reuseRequested.connect(self.panels.reuse)
        self.viewing.closed.connect(self.panels.viewed)
        self.notifier.showWanted.connect(self._show_result)
        self.panels.installRequested.connect(self.install_engine)
        self.panels.problem.connect(lambda error: self.show_problem(error))
        self.status.queueWanted.connect(lambda: self.show_panel("queue"))
        self.status.engineWanted.connect(self.install_engine)

    # -- the project's life
    def _show_project(self, info: ProjectInfo | None) -> None:
        self.actions_table.enable(info is not None)
        self.rail.setVisible(info is not None)
        self.top_bar.setVisible(info is not None)
        for row, action in self.actions_table:
            if row.id.startswith("panel."):
                action.setVisible(row.id.removeprefix("panel.") in self.panels.ids())
        if info is None:
            self.start_page.show_recent(self.projects.recent())
            self.pages.setCurrentWidget(self.start_page)
            self._fill_panel_menu(())
            self.toast.hide()
            self.start_page.focus_first()
        else:
            if self.pages.currentWidget() is self.start_page:
                self._forget_problems()
            self.top_bar.show_project(info.name, str(info.folder), read_only=info.read_only)
            reader = self.studio.reader
            self.panels.restore_state((reader.view_state("panels") if reader else None) or {})
            self.pages.setCurrentWidget(self.panels)
            last = (reader.view_state("panel") if reader else None) or ""
            ids = self.panels.ids()
            self.show_panel(last if last in ids else ids[0] if ids else "")
            self.projects.opened()
            if info.read_only and info.holder:
                text = N_("This project can only be read: it is open on {computer}. Close it there to change it here.")
                self.banners.show_text("warning", text, computer=info.holder)
            elif info.read_only:
                text = N_(
                    "This project can only be read: another window has it open, or its folder is write-protected."
                )
                self.banners.show_text("warning", text)
            if info.warning is not None:
                self.banners.show_error(info.warning, level="warning")
        self.status.refresh()
        self._count_jobs()
        self._title()

    def _forget(self, folder: Path) -> None:
        self.settings.forget(folder)
        self.start_page.show_recent(self.projects.recent())

    # -- jobs
    def _count_jobs(self) -> None:
        jobs = self.studio.jobs()
        failed = {job.id for job in jobs if job.state == JobState.FAILED}
        for banner in self.banners.banners():
            if banner.about and banner.about not in failed:
                banner.dismiss()
        self.rail.set_waiting(sum(job.state in (JobState.RUNNING, JobState.PENDING) for job in jobs))
        pause = self.actions_table["queue.pause"]
        pause.blockSignals(True)
        pause.setChecked(self.studio.held)
        pause.blockSignals(False)

    def _job_finished(self, _id: str, job: Any) -> None:
        if job.state == JobState.FAILED and job.error is not None:
            self.show_problem(job.error, job.id)
        elif job.state == JobState.DONE:
            self._forget_failures(job)

    def _forget_problems(self) -> None:
        """What was wrong before a project is open, as a folder that holds none, is so no more."""
        for banner in self.banners.banners():
            if banner.level == "error" and not banner.about:
                banner.dismiss()

    def _forget_failures(self, done: Job) -> None:
        """Something of the same kind, asked for after a failure, succeeded: the sentence about the failure is stale.

        What stood in line when the other one failed does not count: nobody may have read the sentence yet.
        """
        for banner in self.banners.banners():
            failed = self.studio.job(banner.about) if banner.about else None
            if failed is not None and failed.request.kind == done.request.kind and failed.finished < done.created:
                banner.dismiss()

    def _show_result(self, job: Any) -> None:
        """What a notification was about: in History; in the queue where there is nothing to see."""
        reader = self.studio.reader
        asset = reader.asset(asset_id_for(job.id, job.done[-1])) if reader and job is not None and job.done else None
        widget = self.show_panel("history" if asset is not None else "queue")
        if asset is not None and widget is not None and callable(show := getattr(widget, "open_asset", None)):
            show(asset)

    def _job_noticed(self, id: str, notice: Notice) -> None:
        """What is no error: the Picture panel has a line of its own for it, and so has a text that replaces another."""
        job = self.studio.job(id)
        if job is None or (job.request.kind != "image" and job.request.task not in ("chat", "translate", "summarise")):
            self.banners.show_text("info", notice.source, **notice.params)

    def _cancel_running(self) -> None:
        for job in self.studio.jobs():
            if job.state == JobState.RUNNING:
                self.studio.cancel(job.id)

    # -- view
    def _panel_shown(self, id: str) -> None:
        for info, action in self.actions_table:
            if info.id.startswith("panel."):
                action.setChecked(info.id == f"panel.{id}")
        widget = self.panels.panel(id)
        self._fill_panel_menu(widget.actions() if widget is not None else [])

    def _fill_panel_menu(self, actions: Sequence[QAction]) -> None:
        """What the panel in front can do; no menu where there is nothing to show."""
        menu = self.actions_table.menus["panel"]
        menu.clear()
        menu.addActions(actions)
        menu.menuAction().setVisible(bool(actions))

    def _toggle_fullscreen(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def _undo(self, what: str) -> None:
        """In a text field its own undo; else what was just offered, while nothing else was done; else the panel's."""
        focus = QApplication.focusWidget()
        if isinstance(focus, QLineEdit | QTextEdit | QPlainTextEdit):
            getattr(focus, what)()
        elif what == "undo" and self.toast.offers and self._undo_place() == self._offered_at:
            self.toast.take_back()
        else:
            getattr(self.undo_group, what)()

    def _offer_undo(self, text: str, call: Callable[[], object] | None) -> None:
        self._offered_at = self._undo_place()
        self.toast.show_undo(text, call)

    def _undo_place(self) -> tuple[str, int]:
        """Panel in front and how many steps it could undo: it tells whether anything was done since."""
        stack = self.undo_group.activeStack()
        return self.panels.current, stack.index() if stack is not None else 0

    def _other_language(self) -> None:
        self.settings.set("language", "en" if current_language() != "en" else "zh_CN")

    def _other_theme(self) -> None:
        self.settings.set("theme", "light" if self.theme.dark else "dark")

    def _setting_changed(self, id: str) -> None:
        if id == "language":
            app = QApplication.instance()
            assert app is not None
            switch_language(app, self.settings.get("language"))
        elif id == "theme":
            self.theme.choose(self.settings.get("theme"))
        self._check_choices()

    def _check_choices(self) -> None:
        for info, action in self.actions_table:
            head, _, tail = info.id.partition(".")
            if head in ("theme", "language"):
                action.setChecked(self.settings.get(head) == tail)

    def _title(self) -> None:
        info = self.studio.info
        self.setWindowTitle(f"{info.name} — AIGC Studio" if info else "AIGC Studio")

    # -- dialogs
    def _show_settings(self) -> None:
        from .dialogs.settings import SettingsDialog

        SettingsDialog(self.settings, self, devices=self.studio.devices).open()

    def _show_shortcuts(self) -> None:
        from .dialogs.shortcuts import ShortcutsDialog

        ids = self.panels.ids() if self.studio.info is not None else []
        ShortcutsDialog(self.shortcuts, [partial(self.panels.panel, id) for id in ids], self).open()

    def _show_about(self) -> None:
        from .dialogs.about import AboutDialog

        AboutDialog(self).open()

    # -- what is remembered
    def _restore_layout(self) -> None:
        kept = self.settings.state("window/geometry", "")
        if not (
            isinstance(kept, str) and kept and self.restoreGeometry(QByteArray.fromHex(kept.encode("ascii", "ignore")))
        ):
            self.resize(1360, 860)

    def _save_layout(self) -> None:
        self.settings.set_state("window/geometry", bytes(self.saveGeometry().data()).hex())
        self._save_settings()

    def _save_settings(self) -> None:
        try:
            self.settings.save()
        except StudioError as error:
            self.show_problem(error)
            self._saver.stop()  # once is enough; the next start tries again

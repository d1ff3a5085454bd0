"""New, open, close, pack, unpack, demo: what the window does with projects, and what it remembers of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.i18n import N_, current_language, tr
from aigc_studio.core.package import SUFFIX
from aigc_studio.core.settings import Settings
from aigc_studio.demo import Demo, free_folder
from aigc_studio.ui.demo_player import DemoPlayer
from aigc_studio.ui.dialogs.new_project import NewProjectDialog
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.widgets.banner import BannerArea

from .packages import PackageWork
from .panel_host import PanelHost

__all__ = ["Projects"]


class Projects(QObject):
    """Asks the person where it must, and the studio for the rest. Its parent is the window."""

    def __init__(
        self, studio: Studio, settings: Settings, panels: PanelHost, banners: BannerArea, window: QWidget
    ) -> None:
        super().__init__(window)
        self._studio, self._settings, self._panels = studio, settings, panels
        self._banners, self._window = banners, window
        self._demo: Demo | None = None
        """To be played when its project is open."""
        self.packages = PackageWork(banners, self)
        self.packages.problem.connect(studio.problem)
        self.packages.unpacked.connect(self.open)
        self.packages.packed.connect(self._packed)

    # -- open and close
    def ask_new(self) -> None:
        """Ask for a name and a place, and make a project there."""
        dialog = NewProjectDialog(self._settings.projects_folder, self._window)
        dialog.chosen.connect(self.create)
        dialog.open()

    def create(self, folder: Path, name: str) -> None:
        """Make a project and open it."""
        self._leave()
        self._studio.create_project(folder, name)

    def ask_open(self) -> None:
        """Ask for the folder of a project, and open it."""
        recent = self._settings.recent()
        start = _existing(recent[0].parent if recent else self._settings.projects_folder)
        folder = QFileDialog.getExistingDirectory(self._window, tr("Open project"), start)
        if folder:
            self.open(Path(folder))

    def open(self, path: Path) -> None:
        """Open a project's folder, its project.aigc, or a package."""
        if path.is_file() and path.suffix in (SUFFIX, ".zip"):
            self.packages.unpack(path, free_folder(self._settings.projects_folder, path.stem))
            return
        self._leave()
        self._studio.open_project(path.parent if path.is_file() else path)

    def opened(self) -> None:
        """A project is open: remember it, and play the demo if that is what it was made for."""
        info = self._studio.info
        if info is None:
            return
        self._settings.opened(info.folder)
        self._keep("project_names", info.folder, info.name)
        demo, self._demo = self._demo, None
        if demo is not None:
            self._play(demo)

    def close(self, then: Callable[[], None] | None = None) -> None:
        """Close the open project; `then` runs when everything is stored."""
        self._leave()
        self._studio.close_project(then)

    def recent(self) -> list[tuple[Path, str, list[str]]]:
        """The projects opened last: folder, name, thumbnails of what they held then."""
        names, pictures = self._kept("project_names"), self._kept("project_pictures")
        return [
            (folder, names.get(str(folder), folder.name), pictures.get(str(folder), []))
            for folder in self._settings.recent()
        ]

    def show_folder(self) -> None:
        """Open the project's folder in the file manager."""
        if self._studio.info is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._studio.info.folder)))

    # -- packages
    def ask_unpack(self) -> None:
        """Ask for a package and open it as a new project."""
        kinds = tr("Packages") + f" (*{SUFFIX} *.zip)"
        start = _existing(self._settings.projects_folder)
        file, _ = QFileDialog.getOpenFileName(self._window, tr("Open a package…"), start, kinds)
        if file:
            self.open(Path(file))

    def ask_pack(self) -> None:
        """Ask where the project's package goes, and save it."""
        info = self._studio.info
        if info is None:
            return
        suggested = info.folder.parent / f"{info.folder.name}{SUFFIX}"
        kinds = tr("Packages") + f" (*{SUFFIX})"
        file, _ = QFileDialog.getSaveFileName(self._window, tr("Save as a package…"), str(suggested), kinds)
        if file:
            self.pack(Path(file))

    def pack(self, target: Path) -> None:
        """Save the open project as a package."""
        info = self._studio.info
        if info is None:
            return
        self._panels.flush()
        folder = info.folder
        target = target if target.suffix == SUFFIX else target.with_name(target.name + SUFFIX)
        # After what was flushed is stored: what is packed is what the person sees.
        self._studio.store(lambda _project: None, lambda _none: self.packages.pack(folder, target))

    def _packed(self, path: Path) -> None:
        self._banners.show_text("success", N_("The package is saved: {file}"), file=str(path))

    # -- the demo
    def make_demo(self) -> None:
        """Make the demo project in front of the person."""
        demo = Demo.here(current_language())
        folder = free_folder(self._settings.projects_folder, demo.name)
        self.create(folder, folder.name)  # "My first project 2" is to be told from the first one
        self._demo = demo

    def _play(self, demo: Demo) -> None:
        player = DemoPlayer(self._studio, demo, self._panels.show_panel, self._panels.open_asset, self)
        banner = self._banners.show_task(N_("Making the demo project"), player.stop)

        def step(number: int, title: str) -> None:
            banner.tr_bind(
                banner.text.setText, N_("{number} of 4: {title}"), number=number + 1, title=lambda: tr(title)
            )
            banner.set_fraction(number / 4)

        def finished(done: bool) -> None:
            banner.dismiss()
            player.deleteLater()
            if done:
                text = N_("The demo project is made: a line, a picture, a change of a part of it, and a voice-over.")
                self._banners.show_text("success", text)

        player.step.connect(step)
        player.finished.connect(finished)
        player.start()

    # -- what is remembered
    def _leave(self) -> None:
        """Before the open project is closed: store what panels hold, their state, and the pictures of its card."""
        self._demo = None
        info, reader = self._studio.info, self._studio.reader
        if info is None or reader is None:
            return
        self._panels.flush()
        newest = reader.assets(AssetQuery(kinds=("image",)), 0, 3)
        pictures = [str(path) for asset in newest if (path := reader.thumbnail_path(asset.id)).exists()]
        self._keep("project_pictures", info.folder, pictures)
        if info.read_only:
            return
        states, current = self._panels.save_state(), self._panels.current

        def keep(project: Any) -> None:
            project.set_view_state("panels", states)
            project.set_view_state("panel", current)

        self._studio.store(keep)

    def _kept(self, key: str) -> dict[str, Any]:
        known = self._settings.state(key, {})
        return known if isinstance(known, dict) else {}

    def _keep(self, key: str, folder: Path, value: Any) -> None:
        """Remember something of a project, as long as it is among the recent ones."""
        recent = {str(each) for each in self._settings.recent()} | {str(folder)}
        known = {name: old for name, old in self._kept(key).items() if name in recent}
        self._settings.set_state(key, {**known, str(folder): value})


def _existing(folder: Path) -> str:
    """Where a file dialog starts: this folder, or the user's own."""
    return str(folder if folder.exists() else Path.home())

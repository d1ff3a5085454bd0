"""What a window does about models: adds folders, copies models in, asks about dropped ones, chooses what was added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.widgets.banner import Banner, BannerArea

if TYPE_CHECKING:  # what is opened later is imported later: the window is on the screen within a second
    from aigc_studio.ui.widgets.part_fields import LorasField

    from .library_dialog import LibraryDialog

__all__ = ["ModelDesk"]

_PANELS = {"image": "picture", "text": "write", "speech": "voice"}
"""Kind of a model to the panel that works with it."""


class ModelDesk(QObject):
    """One per window. show_panel(id): bring a panel to the front and return it, None when there is none now.
    front(): id of the panel in front.
    """

    def __init__(
        self,
        studio: Studio,
        banners: BannerArea,
        show_panel: Callable[[str], QWidget | None],
        front: Callable[[], str],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._front_panel = front
        self._studio, self._scan = studio, studio.models
        self._banners, self._show_panel, self._window = banners, show_panel, window
        self._library: LibraryDialog | None = None
        self._scan.managerWanted.connect(self.show_library)
        self._scan.folderWanted.connect(self.ask_folder)
        self._scan.partOffered.connect(self._offer_part)

    # -- asking
    def show_library(self) -> None:
        """The Models page; the one that is open already comes to the front."""
        from .library_dialog import LibraryDialog

        if self._library is None:
            self._library = LibraryDialog(self._studio, self._window)
            self._library.folderWanted.connect(self.ask_folder)
            self._library.importWanted.connect(self.ask_import)
            self._library.destroyed.connect(self._library_gone)
            self._scan.rescan()  # a model may have come into a folder within a folder, which nothing watches
        self._library.show()
        self._library.raise_()
        self._library.activateWindow()

    def ask_folder(self) -> None:
        """Choose a folder that models are looked for in from now on."""
        folder = QFileDialog.getExistingDirectory(self._front(), tr("Add a folder of models"), _home())
        if folder:
            self.add_folder(Path(folder))

    def ask_import(self, file: bool = False) -> None:
        """Choose a model that is copied into a models folder."""
        title = tr("Choose a model to copy")
        if file:
            chosen, _ = QFileDialog.getOpenFileName(self._front(), title, _home(), "Safetensors (*.safetensors)")
        else:
            chosen = QFileDialog.getExistingDirectory(self._front(), title, _home())
        if chosen:
            self._inspect(Path(chosen), lambda path, entries: self._ask(path, entries, copy=True))

    def offer(self, paths: Sequence[Path]) -> None:
        """Ask about dropped models, one after another."""
        for path in paths:
            self._inspect(path, self._ask)

    # -- doing
    def add_folder(self, folder: Path, wanted: Path | None = None) -> None:
        """Look for models in `folder` from now on, and choose the one at `wanted` when it is found."""
        before = {entry.id for entry in _all()}

        def failed(error: StudioError | None) -> None:
            if error is not None:
                self._said.show_error(error)

        self._scan.run(
            "add a folder",
            lambda _check, _tell: catalogue.add_folder(folder),
            lambda _nothing: self._scan.rescan(lambda: self._added(folder, wanted or folder, before)),
            failed,
        )

    def copy(self, path: Path, folder: Path) -> None:
        """Copy a model into `folder`, with progress and cancel in a banner, then choose it."""
        work = self._scan.run(
            "copy a model",
            lambda check, tell: catalogue.import_model(path, folder, tell, check),
            lambda target: self._copied(banner, folder, target),
            lambda error: self._not_copied(banner, error),
        )
        banner = self._banners.show_task(N_("Copying {name}"), work.cancel, name=path.name)
        work.progressed.connect(banner.set_fraction)

    def choose(self, entry: Entry) -> bool:
        """Choose a model in the panel that works with it, or add a LoRA to the form in front of the person."""
        from aigc_studio.ui.widgets.form import ParamForm
        from aigc_studio.ui.widgets.part_fields import LorasField

        from .picker import ModelPicker

        if self._studio.info is None:
            return False
        if entry.kind == "part":
            panel = self._show_panel("picture")
            forms = panel.findChildren(ParamForm) if panel is not None else []
            fields = [field for form in forms for field in form.fields.values() if isinstance(field, LorasField)]
            return any(field.add_entry(entry) for field in fields)
        panel = self._show_panel(_PANELS.get(entry.kind, ""))
        picker = panel.findChild(ModelPicker) if panel is not None else None
        return picker is not None and picker.choose(entry.id)

    # -- inside
    @property
    def _said(self) -> BannerArea:
        """Where a sentence is seen: the Models page may lie over the whole window."""
        library = self._library
        if library is not None and library.isVisible() and not self._window.isActiveWindow():
            return library.banners
        return self._banners

    def _inspect(self, path: Path, then: Callable[[Path, list[Entry]], object]) -> None:
        if known := _here(path):
            self._told(known)  # it is here already
            return
        self._scan.inspect(
            path,
            lambda entries: then(path, entries),
            lambda error: self._said.show_error(error) if error is not None else None,
        )

    def _ask(self, path: Path, entries: list[Entry], *, copy: bool = False) -> None:
        from .import_dialog import ImportDialog

        usable = [entry for entry in entries if entry.kind != "other"]
        if not usable:
            problem = next((entry.problem for entry in entries if entry.problem is not None), None)
            if problem is not None:
                self._said.show_error(problem)
            return
        dialog = ImportDialog(self._scan, path, usable, self._front(), copy=copy)
        dialog.used.connect(lambda root: self.add_folder(root, path))
        dialog.copied.connect(lambda folder: self.copy(path, folder))
        dialog.open()

    def _offer_part(self, field: LorasField, path: Path) -> None:
        """A LoRA was dropped on a form: say at once when it does not fit, else add it to the library and the form."""

        def fitting(entries: list[Entry]) -> list[Entry]:
            found = [entry for entry in entries if entry.facts.get("part") in field.param.of]
            if not found:
                problem = next((entry.problem for entry in entries if entry.problem is not None), None)
                misfit = StudioError(
                    N_('"{name}" is made for another kind of model; it cannot be used here.'),
                    code="part-misfit",
                    name=path.name,
                )
                self._said.show_error(problem or misfit, level="warning")
            return found

        if known := _here(path):
            if usable := fitting(known):
                self._told(usable)
            return
        self._inspect(path, lambda path, entries: self._ask(path, found) if (found := fitting(entries)) else None)

    def _added(self, folder: Path, wanted: Path, before: set[str]) -> None:
        found = [entry for entry in _all() if entry.path is not None and _within(entry.path, wanted)]
        if found:
            self._told(found)
        elif any(entry.id not in before for entry in _all()):
            self._said.show_text("success", N_("Models in {folder} are in the list now."), folder=str(folder))
        else:
            self._said.show_text(
                "info",
                N_("No model was found in {folder}. It is looked in from now on; put models there."),
                folder=str(folder),
            )

    def _copied(self, banner: Banner, folder: Path, target: Path) -> None:
        banner.dismiss()
        self.add_folder(folder, target)

    def _not_copied(self, banner: Banner, error: StudioError | None) -> None:
        banner.dismiss()
        if error is not None:
            self._said.show_error(error)

    def _told(self, entries: Sequence[Entry]) -> None:
        """Choose the one that can be used, of several the first that suits the panel in front; say what is here."""
        usable = [entry for entry in entries if entry.problem is None]
        if entries and self._library is not None and self._library.isVisible():
            self._library.choose((usable or list(entries))[0].id)
        if not usable:
            problem = entries[0].problem
            if problem is not None:
                self._said.show_error(problem, level="warning")
            return
        if len(usable) > 1:
            suited = [entry for entry in usable if _PANELS.get(entry.kind) == self._front_panel()]
            if suited:
                self.choose(suited[0])
            self._said.show_text("success", N_("{count} models are in the list now."), count=len(usable))
        elif self.choose(usable[0]):
            self._said.show_text("success", N_('"{model}" is chosen.'), model=usable[0].title)
        else:
            self._said.show_text("success", N_('"{model}" is in the list of models now.'), model=usable[0].title)

    def _front(self) -> QWidget:
        """What a question belongs to: the Models page where it is open."""
        return self._library if self._library is not None and self._library.isVisible() else self._window

    def _library_gone(self) -> None:
        self._library = None


def _here(path: Path) -> list[Entry]:
    """The models of the list at `path`, when there are some and all can be used."""
    known = [entry for entry in _all() if entry.path is not None and _within(entry.path, path)]
    return known if all(entry.problem is None for entry in known) else []


def _all() -> tuple[Entry, ...]:
    return (*catalogue.models(), *catalogue.parts())


def _within(path: Path, place: Path) -> bool:
    return path == place or path.is_relative_to(place)


def _home() -> str:
    folder = catalogue.models_folder()
    return str(folder if folder.is_dir() else Path.home())

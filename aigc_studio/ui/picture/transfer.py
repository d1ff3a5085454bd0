"""Pictures in and out of the panel: files, drops, the clipboard, saving under another name, stars and trash."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, QRect, QUrl, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from aigc_studio.core.assets import Asset
from aigc_studio.core.export import export_image
from aigc_studio.core.foreign import ForeignRecipe, read_foreign
from aigc_studio.core.i18n import tr
from aigc_studio.ui.canvas.pyramid import Pyramid
from aigc_studio.ui.dropping.desk import DropDesk
from aigc_studio.ui.dropping.payload import Payload
from aigc_studio.ui.studio import Studio

from .session import PictureSession

__all__ = ["PictureTransfer"]

_PATTERNS = "*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff *.psd *.avif"


class PictureTransfer(QObject):
    """What a person does with a picture's file. Files are read and written by the storage thread."""

    noticed = Signal(str)
    howMade = Signal(object)
    """The picture that came in says how it was made: a recipe of ours, or a ForeignRecipe of another program."""
    undoOffered = Signal(str, object)

    def __init__(self, studio: Studio, session: PictureSession, window: QWidget) -> None:
        super().__init__(window)
        self._studio, self._session, self._window = studio, session, window
        self._desk = DropDesk(studio, ("image",), self)
        self._desk.arrived.connect(self._arrived)
        self._desk.noticed.connect(self.noticed)

    # -- in
    def take(self, data: QMimeData) -> None:
        """What was dropped or pasted: assets of ours, files, folders, or pixels without a file."""
        self.take_drop(Payload.read(data))

    def take_drop(self, payload: Payload) -> None:
        """Open the first picture; what is none goes to Assets, and the person is told."""
        self._desk.take(replace(payload, text="") if payload.pictured else payload)

    def import_files(self, files: list[Path]) -> None:
        """Copy picture files into the project and open the first; one that cannot be read does not stop the rest."""
        self._desk.take(Payload(paths=tuple(files)))

    def _arrived(self, pictures: list[Asset], fresh: bool) -> None:
        self._session.open(pictures[0])
        if fresh:
            self._look_how_made(pictures[0])

    def _look_how_made(self, asset: Asset) -> None:
        """A picture of this program or of another one may say how it was made."""
        reader = self._studio.reader
        recipe = reader.recipe(asset.id) if reader is not None else None
        if recipe is not None:
            self.howMade.emit(recipe)
        elif reader is not None:
            path = reader.path(asset)
            self._studio.store(lambda _project: read_foreign(path), self._offer, lambda _error: None)

    def _offer(self, recipe: ForeignRecipe | None) -> None:
        if recipe is not None and recipe.prompt:
            self.howMade.emit(recipe)

    def choose_file(self) -> None:
        """Ask for a file and open it."""
        pattern = f"{tr('Pictures')} ({_PATTERNS})"
        name, _ = QFileDialog.getOpenFileName(
            self._window, tr("Open a picture…"), self._folder("picture/folder"), pattern
        )
        if name:
            self._remember("picture/folder", Path(name))
            self.import_files([Path(name)])

    def paste(self) -> None:
        """From the clipboard."""
        self.take(QGuiApplication.clipboard().mimeData())

    # -- out
    def copy(self, picture: Pyramid | None) -> None:
        """The picture on show into the clipboard: its pixels, and its file for programs that want one."""
        asset, reader = self._session.shown, self._studio.reader
        if asset is None or picture is None or reader is None:
            return
        data = QMimeData()
        data.setImageData(picture.region(QRect(0, 0, picture.size.width(), picture.size.height())))
        data.setUrls([QUrl.fromLocalFile(str(reader.path(asset)))])
        QGuiApplication.clipboard().setMimeData(data)
        self.noticed.emit(tr("Picture copied."))

    def export(self) -> None:
        """Save the picture on show under another name, as PNG, JPEG or WebP."""
        asset, reader = self._session.shown, self._studio.reader
        if asset is None or reader is None:
            return
        source, recipe = reader.path(asset), reader.recipe(asset.id)
        suffix = source.suffix if source.suffix in (".png", ".jpg", ".webp") else ".png"
        start = Path(self._folder("picture/export")) / (source.stem + suffix)
        filters = ["PNG (*.png)", "JPEG (*.jpg *.jpeg)", "WebP (*.webp)"]
        name, chosen = QFileDialog.getSaveFileName(self._window, tr("Save as…"), str(start), ";;".join(filters))
        if not name:
            return
        target = Path(name)
        if not target.suffix:  # some dialogs leave that to us
            target = target.with_suffix({"J": ".jpg", "W": ".webp"}.get(chosen[:1], ".png"))
        self._remember("picture/export", target)
        self._studio.store(
            lambda _project: export_image(source, target, recipe),
            lambda _none: self.noticed.emit(tr("Saved as “{name}”.", name=target.name)),
        )

    # -- in the project
    def star(self) -> None:
        """Give the picture on show a star, or take it off."""
        if (asset := self._session.shown) is not None:
            self._studio.store(lambda project: project.star([asset.id], not asset.starred))

    def trash(self, asset: Asset | None) -> None:
        """Move a picture to the trash; undo is offered."""
        if asset is None or self._studio.info is None or self._studio.info.read_only:
            return

        def restore() -> None:
            self._studio.store(lambda project: project.restore([asset.id]))

        def trashed(_: object) -> None:
            self.undoOffered.emit(tr("“{title}” moved to the trash.", title=asset.title), restore)

        self._studio.store(lambda project: project.trash([asset.id]), trashed)

    def _folder(self, key: str) -> str:
        settings = self._studio.settings
        return str(settings.state(key, str(Path.home()))) if settings is not None else str(Path.home())

    def _remember(self, key: str, file: Path) -> None:
        if self._studio.settings is not None:
            self._studio.settings.set_state(key, str(file.parent))

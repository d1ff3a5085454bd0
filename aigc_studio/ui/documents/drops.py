"""What is dropped on Write and Voice: text files become documents, words go into the page, the rest goes to Assets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from aigc_studio.core.assets import TEXT_SUFFIXES, Asset
from aigc_studio.core.i18n import tr
from aigc_studio.ui.dropping.desk import DropDesk
from aigc_studio.ui.dropping.payload import Payload

from ..studio import Studio

__all__ = ["DocumentDrops"]


class DocumentDrops(QObject):
    """open_files: makes documents of text files. write: puts words into the page, or begins a document with them."""

    noticed = Signal(str)
    arrived = Signal(list, bool)
    """Assets that are no texts and came from the project or into it; whether they are new. For a panel that can use
    recordings or pictures; when nobody listens, they are in Assets all the same."""

    def __init__(
        self,
        studio: Studio,
        open_files: Callable[[list[Path]], object],
        write: Callable[[str], object],
        kinds: tuple[str, ...],
        parent: QObject,
    ) -> None:
        """kinds: of assets the panel can use, "text" first."""
        super().__init__(parent)
        self._studio, self._open_files, self._write = studio, open_files, write
        self._desk = DropDesk(studio, kinds, self)
        self._desk.arrived.connect(self._sort)
        self._desk.noticed.connect(self.noticed)

    def take(self, payload: Payload) -> None:
        """Use what a drop holds."""
        texts = [path for path in payload.paths if path.suffix.lower() in TEXT_SUFFIXES]
        others = tuple(path for path in payload.paths if path not in texts)
        if texts:
            self._open_files(texts)
        if others:
            self._desk.take(Payload(paths=others))
            if texts:
                self.noticed.emit(tr("Texts are opened here; everything else goes to Assets."))
        elif payload.text.strip() and not payload.paths:
            self._write(payload.text)
        elif not texts:
            self._desk.take(payload)

    def _sort(self, assets: list[Asset], fresh: bool) -> None:
        reader = self._studio.reader
        texts = [asset for asset in assets if asset.kind == "text"]
        if texts and reader is not None:
            self._open_files([reader.path(asset) for asset in texts])
        if others := [asset for asset in assets if asset.kind != "text"]:
            self.arrived.emit(others, fresh)

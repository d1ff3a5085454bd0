"""Where a panel hands in what was dropped on it: what suits the panel comes back, the rest goes to Assets, and the
person is told what became of which.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.assets.importer import Importer, ImportReport
from aigc_studio.ui.studio import Studio

from .payload import Payload

__all__ = ["DropDesk"]

_UNSUITED = {
    "image": N_("Only pictures can be used here; “{title}” stays in Assets."),
    "text": N_("Only texts can be used here; “{title}” stays in Assets."),
    "audio": N_("Only recordings can be used here; “{title}” stays in Assets."),
}


class DropDesk(QObject):
    """kinds: what the panel can use, the first names it in messages.

    arrived: list of Asset of these kinds, in the project now, and whether they came in by this drop. noticed: a
    sentence in the person's language.
    """

    arrived = Signal(list, bool)
    noticed = Signal(str)

    def __init__(self, studio: Studio, kinds: Sequence[str], parent: QObject) -> None:
        super().__init__(parent)
        self._studio, self._kinds = studio, tuple(kinds)
        self._importer = Importer(studio, self)
        self._importer.finished.connect(self._imported)

    def take(self, payload: Payload) -> None:
        """Use assets of ours at once; bring everything else into the project first."""
        info, reader = self._studio.info, self._studio.reader
        if info is None or reader is None:
            return
        if payload.assets:
            found = [asset for id in payload.assets if (asset := reader.asset(id)) is not None]
            self._sort(found, fresh=False)
        elif info.read_only:
            self._studio.problem.emit(
                StudioError(N_("This project can only be read; nothing can be dropped into it."), code="read-only")
            )
        else:
            self._importer.take(payload)

    def _imported(self, report: ImportReport) -> None:
        self._sort(report.assets, fresh=True)
        if report.refused:
            self._studio.problem.emit(report.problem())

    def _sort(self, assets: Sequence[Asset], *, fresh: bool) -> None:
        suited = [asset for asset in assets if asset.kind in self._kinds]
        others = [asset for asset in assets if asset.kind not in self._kinds]
        if suited:
            self.arrived.emit(suited, fresh)
        if others and not suited and len(others) == 1:
            self.noticed.emit(tr(_UNSUITED[self._kinds[0]], title=others[0].title))
        elif others:
            self.noticed.emit(tr("{used} used here, {others} put into Assets.", used=len(suited), others=len(others)))
        elif len(suited) > 1:
            self.noticed.emit(tr("{count} came into the project; the first is shown.", count=len(suited)))

"""The recording whose voice speaks: dropped, chosen from the project or from a file, heard, taken away; and the
person's word that the voice may be used."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QHideEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.assets import Asset, AssetQuery
from aigc_studio.core.i18n import N_, tr
from aigc_studio.engines.speech.speakers import LONGEST_CLIP, SHORTEST_CLIP

from ..assets.model import shown_title
from ..dropping.desk import DropDesk
from ..dropping.payload import Payload, welcome
from ..i18n import Translated
from ..icons import icon
from ..studio import Studio
from ..theme import set_role
from ..widgets.elided_label import ElidedLabel
from ..widgets.player import Output, QtOutput
from ..widgets.waveform import clock

__all__ = ["ClipRow"]

_RECENT = 12
_SOUNDS = "*.wav *.flac *.ogg *.oga *.mp3 *.opus *.aiff *.aif"
_TICK_MS = 200


class ClipRow(Translated, QFrame):
    """One recording of the project, or none.

    changed: another recording was chosen, or the consent given or taken back. noticed: a sentence for the person.
    """

    changed = Signal()
    noticed = Signal(str)

    def __init__(self, studio: Studio, output: Output | None = None, parent: QWidget | None = None) -> None:
        """output: what plays; a test brings its own."""
        super().__init__(parent)
        self._studio = studio
        self._asset: Asset | None = None
        self._output = output if output is not None else QtOutput(self)
        self._opened: Path | None = None
        self._playing = False
        self._ticks = QTimer(self, interval=_TICK_MS)
        self._ticks.timeout.connect(self._tick)
        self._desk = DropDesk(studio, ("audio",), self)
        self._desk.arrived.connect(lambda assets, _fresh: self.show_asset(assets[0]))
        self._desk.noticed.connect(self.noticed)
        self.setProperty("role", "card")
        self.setAcceptDrops(True)
        self.play = self._button("play", N_("Listen to the recording"), self.toggle)
        self.remove = self._button("close", N_("Take the recording away"), lambda: self.show_asset(None))
        self.title = ElidedLabel(self)
        self.length = QLabel(self)
        self.length.setProperty("role", "faint")
        self.choose = self._button("microphone-outline", N_("Choose a recording…"), lambda: None)
        self.choose.setProperty("role", "chip")
        self.choose.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.choose.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.tr_bind(self.choose.setText, N_("Choose a recording…"))
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.choose.setMenu(self.menu)
        self.hint = QLabel(self, wordWrap=True)
        self.consent = QCheckBox(self)
        self.tr_bind(self.consent.setText, N_("I may use this voice"))
        self.consent.toggled.connect(self.changed)
        self._why = QLabel(self, wordWrap=True)
        self._why.setProperty("role", "faint")
        self.tr_bind(self._why.setText, N_("The person who is heard has agreed. This is kept with every take."))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.play)
        row.addWidget(self.title, 1)
        row.addWidget(self.length)
        row.addWidget(self.remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addLayout(row)
        for widget in (self.hint, self.choose, self.consent, self._why):
            column.addWidget(widget)
        studio.assetsChanged.connect(self._look_again)
        studio.projectClosed.connect(self._project_closed)
        self._show()

    def _button(self, picture: str, title: str, act) -> QToolButton:  # noqa: ANN001
        button = QToolButton(self, autoRaise=True)
        button.setIcon(icon(picture))
        button.setIconSize(QSize(18, 18))
        self.tr_bind(button.setToolTip, title)
        self.tr_bind(button.setAccessibleName, title)
        button.clicked.connect(lambda: act())
        return button

    @property
    def asset(self) -> Asset | None:
        """The recording."""
        return self._asset

    def show_asset(self, asset: Asset | None, *, consent: bool = False) -> None:
        """Take another recording, or none. What was said of one voice does not hold for another."""
        if asset is not None and self._asset is not None and asset.id == self._asset.id:
            consent = consent or self.consent.isChecked()
        self._stop()
        self._asset = asset
        self.consent.setChecked(asset is not None and consent)
        self._show()
        self.changed.emit()

    def show_id(self, id: str, *, consent: bool = False) -> None:
        """The same by the asset's id; none when it is not in the project any more."""
        reader = self._studio.reader
        asset = reader.asset(id) if reader is not None and id else None
        usable = asset is not None and asset.kind == "audio" and not asset.trashed
        self.show_asset(asset if usable else None, consent=consent)

    def _project_closed(self) -> None:
        self.show_asset(None)

    def _look_again(self, _change: object) -> None:
        reader = self._studio.reader
        if self._asset is None or reader is None:
            return
        asset = reader.asset(self._asset.id)
        if asset is None or asset.trashed:
            self.show_asset(None)
        elif asset != self._asset:
            self._asset = asset
            self._show()

    def _show(self) -> None:
        asset = self._asset
        for widget in (self.play, self.title, self.length, self.remove, self.consent, self._why):
            widget.setVisible(asset is not None)
        self.choose.setVisible(asset is None)
        self.tr_unbind(self.hint.setText)
        if asset is None:
            self.hint.show()
            set_role(self.hint, "faint")
            self.tr_bind(self.hint.setText, N_("Drop a recording here in which the voice speaks for 3 to 30 seconds."))
            return
        self.title.setText(shown_title(asset))
        self.title.setToolTip(shown_title(asset))
        self.length.setText(clock(asset.seconds))
        short, long = asset.seconds < SHORTEST_CLIP, asset.seconds > LONGEST_CLIP
        self.hint.setVisible(short or long)
        set_role(self.hint, "warning" if short else "faint")
        if short:
            self.tr_bind(self.hint.setText, N_("This is too short; the voice must speak for at least 3 seconds."))
        elif long:
            self.tr_bind(self.hint.setText, N_("Only the first 30 seconds are listened to."))

    # -- choosing ------------------------------------------------------------------------------------------------

    def _fill_menu(self) -> None:
        self.menu.clear()
        reader = self._studio.reader
        recent = reader.assets(AssetQuery(kinds=("audio",)), 0, _RECENT) if reader is not None else []
        for asset in recent:
            title = shown_title(asset)
            short = title if len(title) <= 40 else title[:39] + "…"
            action = self.menu.addAction(icon("waveform"), f"{short}   {clock(asset.seconds)}".replace("&", "&&"))
            action.triggered.connect(partial(self._chosen, asset))
        if recent:
            self.menu.addSeparator()
        self.menu.addAction(icon("folder-open-outline"), tr("From a file…")).triggered.connect(self._ask_file)

    def _chosen(self, asset: Asset, _checked: bool = False) -> None:
        self.show_asset(asset)

    def _ask_file(self) -> None:
        dialog = QFileDialog(self, tr("Choose a recording…"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([f"{tr('Sounds')} ({_SOUNDS})"])
        dialog.fileSelected.connect(lambda name: self.take(Payload(paths=(Path(name),))))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def take(self, payload: Payload) -> None:
        """Use a recording out of a drop; files come into the project first."""
        self._desk.take(payload)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files and assets may be recordings."""
        if welcome(event.mimeData(), pictures=False, words=False):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            set_role(self, "dropping")
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Look as before."""
        set_role(self, "card")

    def dropEvent(self, event: QDropEvent) -> None:
        """See `take`."""
        set_role(self, "card")
        payload = Payload.read(event.mimeData())
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.take(payload)

    # -- listening -----------------------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Listen to the recording, or stop."""
        if self._playing:
            self._stop()
            return
        reader = self._studio.reader
        if self._asset is None or reader is None:
            return
        if not self._output.available():
            self.noticed.emit(tr("No audio output found; the sound can be seen and exported."))
            return
        path = reader.path(self._asset)
        if path != self._opened:
            self._output.open(path)
            self._opened = path
        self._output.seek(0.0)
        self._output.play()
        self._playing = True
        self.play.setIcon(icon("stop"))
        self._ticks.start()

    def _tick(self) -> None:
        if self._output.ended() or self._output.problem():
            self._stop()

    def _stop(self) -> None:
        self._ticks.stop()
        if self._playing:
            self._output.pause()
        if self._opened is not None:
            self._output.open(None)  # Windows moves no file that is open
            self._opened = None
        self._playing = False
        self.play.setIcon(icon("play"))

    def hideEvent(self, event: QHideEvent) -> None:
        """Another panel or another voice comes: silence."""
        self._stop()
        super().hideEvent(event)

"""The sound of a script: wave, player and takes, and the bar that moves while one is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QProgressBar, QVBoxLayout, QWidget

from aigc_studio.core.i18n import N_

from ..i18n import Translated
from ..widgets.player import Output, PlayerBar
from ..widgets.waveform import Marker, Waveform
from .takes import ROW_HEIGHT, Take, TakeList

__all__ = ["SoundView", "markers_of"]


def markers_of(recipe: Mapping[str, Any] | None) -> list[Marker]:
    """The sentences a recipe names; none for another kind of recipe or a broken one."""
    info = (recipe or {}).get("info")
    segments = info.get("segments") if isinstance(info, Mapping) else None
    found: list[Marker] = []
    for part in segments if isinstance(segments, Sequence) and not isinstance(segments, str) else ():
        try:
            found.append(Marker(float(part["start"]), float(part["end"]), str(part["text"])))
        except (KeyError, TypeError, ValueError):
            continue
    return sorted(found, key=lambda marker: marker.start)


class SoundView(Translated, QFrame):
    """Hidden parts appear with the first take.

    sentenceChanged: number of the sentence that is heard, -1 for none.
    """

    sentenceChanged = Signal(int)

    def __init__(self, output: Output | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "footer")
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(4)
        self.progress.setRange(0, 1000)
        self.tr_bind(self.progress.setAccessibleName, N_("Progress"))
        self.hint = QLabel(self, wordWrap=True, alignment=Qt.AlignmentFlag.AlignCenter)
        self.hint.setProperty("role", "muted")
        self.hint.setMinimumHeight(72)
        self.tr_bind(self.hint.setText, N_("Press Ctrl+Enter to hear the script. Every take is kept here."))
        self.wave = Waveform(self)
        self.wave.setFixedHeight(104)
        self.tr_bind(self.wave.setAccessibleName, N_("Waveform"))
        self.player = PlayerBar(output, self)
        self.takes = TakeList(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(8)
        for widget in (self.progress, self.hint, self.wave, self.player, self.takes):
            column.addWidget(widget)
        self._sentence = -1
        self._play_when_loaded = False
        self.wave.seekRequested.connect(self.player.seek)
        self.wave.toggleRequested.connect(self.player.toggle)
        self.wave.loaded.connect(self.player.set_seconds)
        self.wave.failed.connect(self._failed)
        self.player.positionChanged.connect(self._moved)
        self.takes.playRequested.connect(self.player.toggle)
        self.show_progress(None)
        self.show_take(None, [])

    def show_take(self, take: Take | None, markers: Sequence[Marker], *, play: bool = False) -> None:
        """Get a take ready to be heard, or none; with `play` it begins at once."""
        self._tell(-1)
        self.hint.setVisible(take is None)
        for widget in (self.wave, self.player, self.takes):
            widget.setVisible(take is not None)
        if take is None:
            self.wave.clear()
            self.player.load(None, 0.0)
            return
        self.wave.load(Path(take.path), markers)
        self.player.load(Path(take.path), take.asset.seconds)
        if play:
            self.player.play()

    def show_takes(self, takes: Sequence[Take], chosen: str) -> None:
        """Show the list of takes: as high as they need, three rows at most."""
        self.takes.show_takes(takes, chosen)
        self.takes.setFixedHeight(ROW_HEIGHT * min(3, max(1, len(takes))) + 4)

    def set_low(self, low: bool) -> None:
        """Whether the window is so low that the words need the room more than the wave."""
        self.wave.setFixedHeight(76 if low else 104)

    def show_progress(self, fraction: float | None) -> None:
        """How much of a take is made, None when none is being made."""
        keep = self.progress.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(keep)
        self.progress.setVisible(fraction is not None)
        self.progress.setValue(round(1000 * (fraction or 0.0)))

    def _moved(self, seconds: float) -> None:
        self.wave.set_position(seconds, follow=self.player.playing)
        inside = self.player.playing or seconds > 0
        self._tell(self.wave.marker_at(seconds) if inside else -1)

    def _tell(self, sentence: int) -> None:
        if sentence != self._sentence:
            self._sentence = sentence
            self.sentenceChanged.emit(sentence)

    def _failed(self, reason: str) -> None:
        self.player.load(None, 0.0)
        self.player.tr_bind(self.player.note.setText, N_("This sound cannot be read ({reason})."), reason=reason)
        self.player.note.show()

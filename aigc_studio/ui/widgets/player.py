"""Playing one sound: play, pause, stop, seek, volume, loop. QtMultimedia is opened by the first sound, not before.

Without QtMultimedia or without an output device the bar says so and offers no play button; it never pretends.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QLoggingCategory, QObject, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from aigc_studio.core.i18n import N_

from ..i18n import Translated
from ..icons import icon
from .elided_label import ElidedLabel
from .waveform import clock

__all__ = ["Output", "PlayerBar", "QtOutput"]

log = logging.getLogger(__name__)

_TICK_MS = 33


class Output(Protocol):
    """What plays: the machine's sound output, or a test's."""

    def available(self) -> bool:
        """Whether anything would be heard."""
        ...

    def open(self, path: Path | None) -> None:
        """Get a file ready, None to let go of it."""
        ...

    def play(self) -> None:
        """Go on."""
        ...

    def pause(self) -> None:
        """Hold."""
        ...

    def seek(self, seconds: float) -> None:
        """To a place."""
        ...

    def position(self) -> float:
        """Seconds played."""
        ...

    def ended(self) -> bool:
        """Whether it came to the end by itself."""
        ...

    def set_volume(self, volume: float) -> None:
        """0 to 1, as loud as it is felt."""
        ...

    def problem(self) -> str:
        """Why it does not play, "" when all is well."""
        ...


class QtOutput(QObject):
    """QMediaPlayer, opened when it is first asked for something."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player: Any = None
        self._sound: Any = None
        self._media: Any = None
        self._volume = 1.0

    def available(self) -> bool:
        """Whether QtMultimedia is there and knows an output device."""
        media = self._modules()
        return media is not None and bool(media.QMediaDevices.audioOutputs())

    def _modules(self) -> Any:
        if self._media is None:
            # Its plugin logs from inside dlopen. A message handler written in Python then waits for the GIL with the
            # loader's lock held, while a thread that looks up a symbol (cffi, an import) waits the other way round:
            # the window stood still for ever. Filtered categories never reach the handler.
            QLoggingCategory.setFilterRules("qt.multimedia.*=false")
            try:
                from PySide6 import QtMultimedia  # its libraries are not on every machine, and cost 60 ms
            except ImportError as error:
                log.info("no QtMultimedia: %s", error)
                self._media = False
            else:
                self._media = QtMultimedia
        return self._media or None

    def _ready(self) -> Any:
        # Without a device a QAudioOutput is of no use, and making one has ended the process.
        if self._player is None and self.available():
            media = self._modules()
            self._sound = media.QAudioOutput(self)
            self._player = media.QMediaPlayer(self)
            self._player.setAudioOutput(self._sound)
            self.set_volume(self._volume)
        return self._player

    def open(self, path: Path | None) -> None:
        """See `Output`."""
        if path is None and self._player is None:
            return
        if (player := self._ready()) is not None:
            player.setSource(QUrl.fromLocalFile(str(path)) if path is not None else QUrl())

    def play(self) -> None:
        """See `Output`."""
        if (player := self._ready()) is not None:
            player.play()

    def pause(self) -> None:
        """See `Output`."""
        if self._player is not None:
            self._player.pause()

    def seek(self, seconds: float) -> None:
        """See `Output`."""
        if self._player is not None:
            self._player.setPosition(round(seconds * 1000))

    def position(self) -> float:
        """See `Output`."""
        return self._player.position() / 1000 if self._player is not None else 0.0

    def ended(self) -> bool:
        """See `Output`."""
        if self._player is None:
            return False
        return self._player.mediaStatus() == self._media.QMediaPlayer.MediaStatus.EndOfMedia

    def set_volume(self, volume: float) -> None:
        """See `Output`. The ear is logarithmic, QAudioOutput is not."""
        self._volume = volume
        if self._sound is not None:
            audio = self._media.QtAudio
            linear = audio.convertVolume(
                volume, audio.VolumeScale.LogarithmicVolumeScale, audio.VolumeScale.LinearVolumeScale
            )
            self._sound.setVolume(linear)

    def problem(self) -> str:
        """See `Output`."""
        return self._player.errorString() if self._player is not None else ""


class PlayerBar(Translated, QWidget):
    """Buttons, time and volume for one sound. `positionChanged` comes 30 times a second while it plays."""

    positionChanged = Signal(float)
    playingChanged = Signal(bool)

    def __init__(self, output: Output | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._output: Output = output if output is not None else QtOutput(self)
        self._path: Path | None = None
        self._seconds = self._position = 0.0
        self._playing = False
        self._opened = False
        self._tick = QTimer(self, interval=_TICK_MS)
        self._tick.timeout.connect(self._advance)
        self.play_button = self._button("play", N_("Play (Space)"), self.toggle, 22)
        self.stop_button = self._button("stop", N_("Stop and go back to the beginning"), self.stop)
        self.loop_button = self._button("repeat", N_("Repeat"), lambda: None)
        self.loop_button.setCheckable(True)
        self.time = QLabel(self)
        self.time.setProperty("role", "muted")
        self.note = ElidedLabel(self)
        self.note.setProperty("role", "faint")
        policy = self.note.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # it keeps the volume at the right edge
        self.note.setSizePolicy(policy)
        self.note.hide()
        self.mute_button = self._button("volume-high", N_("Mute"), self._mute)
        self.mute_button.setCheckable(True)
        self.volume = QSlider(Qt.Orientation.Horizontal, self)
        self.volume.setRange(0, 100)
        self.volume.setValue(80)
        self.volume.setMaximumWidth(96)
        self.volume.setMinimumWidth(48)
        self.tr_bind(self.volume.setAccessibleName, N_("Volume"))
        self.tr_bind(self.volume.setToolTip, N_("Volume"))
        self.volume.valueChanged.connect(self._volume_changed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget in (self.play_button, self.stop_button, self.loop_button):
            row.addWidget(widget)
        row.addSpacing(8)
        row.addWidget(self.time)
        row.addSpacing(8)
        row.addWidget(self.note, 1)
        row.addWidget(self.mute_button)
        row.addWidget(self.volume)
        self._output.set_volume(0.8)
        self._show()

    def _button(self, picture: str, title: str, act, size: int = 18) -> QToolButton:  # noqa: ANN001  Callable
        button = QToolButton(self, autoRaise=True)
        button.setIcon(icon(picture))
        button.setIconSize(QSize(size, size))
        self.tr_bind(button.setToolTip, title)
        self.tr_bind(button.setAccessibleName, title)
        button.clicked.connect(lambda: act())
        return button

    # -- what is played ------------------------------------------------------------------------------------------

    def load(self, path: Path | None, seconds: float) -> None:
        """Another sound, at its beginning; None for none. The file is opened when it is played."""
        self._halt()
        if self._opened:
            self._output.open(None)
        self._path, self._seconds, self._position, self._opened = path, seconds, 0.0, False
        self._show()
        self.positionChanged.emit(0.0)

    @property
    def playing(self) -> bool:
        """Whether it plays now."""
        return self._playing

    @property
    def position(self) -> float:
        """Where it is, in seconds."""
        return self._position

    def set_seconds(self, seconds: float) -> None:
        """The length, when it becomes known."""
        self._seconds = seconds
        self._show()

    # -- what a person does --------------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Play or pause."""
        if self._playing:
            self._halt()
        else:
            self.play()

    def play(self) -> None:
        """Play on from here; from the beginning when it is at its end. Nothing happens without an output."""
        if self._path is None or self._playing or not self._can_play():
            return
        if self._position >= self._seconds - 0.01:
            self._position = 0.0
        if not self._opened:
            self._output.open(self._path)
            self._opened = True
        self._output.seek(self._position)
        self._output.play()
        self._playing = True
        self._tick.start()
        self._show()
        self.playingChanged.emit(True)

    def pause(self) -> None:
        """Hold here."""
        self._halt()

    def stop(self) -> None:
        """Hold, and go back to the beginning."""
        self._halt()
        self.seek(0.0)

    def seek(self, seconds: float) -> None:
        """Go to a place, playing or not."""
        self._position = min(self._seconds, max(0.0, seconds))
        if self._opened:
            self._output.seek(self._position)
        self._show_time()
        self.positionChanged.emit(self._position)

    # -- inside --------------------------------------------------------------------------------------------------

    def _can_play(self) -> bool:
        available = self._output.available()
        if not available:
            self.tr_bind(self.note.setText, N_("No audio output found; the sound can be seen and exported."))
        self.note.setVisible(not available)
        self.mute_button.setVisible(available)
        self.volume.setVisible(available)
        self.play_button.setEnabled(available and self._path is not None)
        return available

    def _halt(self) -> None:
        self._tick.stop()
        if self._playing:
            self._output.pause()
            self._playing = False
            self._show()
            self.playingChanged.emit(False)

    def _advance(self) -> None:
        if self._output.ended():
            if self.loop_button.isChecked():
                self._output.seek(0.0)
                self._output.play()
                return
            self._position = self._seconds
            self._halt()
        elif problem := self._output.problem():
            self._halt()
            self.tr_bind(self.note.setText, N_("This sound cannot be played ({reason})."), reason=problem)
            self.note.show()
            return
        else:
            self._position = min(self._seconds, self._output.position())
        self._show_time()
        self.positionChanged.emit(self._position)

    def _volume_changed(self, value: int) -> None:
        self.mute_button.setChecked(value == 0)
        self._apply_volume()

    def _mute(self) -> None:
        self._apply_volume()

    def _apply_volume(self) -> None:
        muted = self.mute_button.isChecked()
        self._output.set_volume(0.0 if muted else self.volume.value() / 100)
        self.mute_button.setIcon(icon("volume-off" if muted else "volume-high"))

    def _show(self) -> None:
        if self._path is not None:
            self._can_play()
        else:
            self.note.hide()
            self.play_button.setEnabled(False)
        for button in (self.stop_button, self.loop_button):
            button.setEnabled(self._path is not None)
        self.play_button.setIcon(icon("pause" if self._playing else "play"))
        title = N_("Pause (Space)") if self._playing else N_("Play (Space)")
        self.tr_bind(self.play_button.setToolTip, title)
        self.tr_bind(self.play_button.setAccessibleName, title)
        self._show_time()

    def _show_time(self) -> None:
        self.time.setText(f"{clock(self._position)} / {clock(self._seconds)}")
        self.time.setMinimumWidth(self.time.fontMetrics().horizontalAdvance(self.time.text()))

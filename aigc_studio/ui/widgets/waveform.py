"""A sound as a picture one can point at: peaks, sentences, the place that is playing; seek, zoom, all by keyboard too.

It draws and reports; it does not play. Peaks are read from the file on a worker thread in blocks, so that an hour of
sound neither stalls the window nor fills the memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from PySide6.QtCore import QEvent, QLineF, QObject, QPointF, QRectF, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from aigc_studio.core import audio

from ..theme import theme_of

__all__ = ["Marker", "Peaks", "TimeScale", "Waveform", "clock", "read_peaks"]

_BUCKET = 128  # samples: 6 ms of speech, finer than a pixel at any zoom that is offered
_BLOCK = _BUCKET * 8192
_SHORTEST_SPAN = 0.25  # seconds across the widget at the closest zoom
_RULER = 18  # pixels below the wave for the times


@dataclass(frozen=True)
class Peaks:
    """low and high of each stretch of `_BUCKET` samples, float32 (n, 2); seconds: length of the sound."""

    values: np.ndarray
    seconds: float
    rate: int


@dataclass(frozen=True)
class Marker:
    """One sentence: where it lies (seconds) and its words."""

    start: float
    end: float
    text: str


def read_peaks(path: Path) -> Peaks:
    """The peaks of a sound file of any length. Raises soundfile.SoundFileError or OSError when it cannot be read."""
    parts: list[np.ndarray] = []
    frames = 0
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        while len(block := file.read(_BLOCK, dtype="float32")):
            frames += len(block)
            if left := -len(block) % _BUCKET:  # only the last block: repeat its last sample
                block = np.concatenate([block, np.repeat(block[-1:], left, axis=0)])
            parts.append(audio.peaks(block, len(block) // _BUCKET))
    values = np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)
    return Peaks(values, frames / rate, rate)


@dataclass(frozen=True)
class TimeScale:
    """Seconds to pixels and back. duration: of the sound; start, span: what is shown of it; width: pixels."""

    duration: float = 0.0
    start: float = 0.0
    span: float = 0.0
    width: int = 1

    def x(self, seconds: float) -> float:
        """The pixel of a time."""
        return (seconds - self.start) / self.span * self.width if self.span > 0 else 0.0

    def seconds(self, x: float) -> float:
        """The time at a pixel, within the sound."""
        return min(self.duration, max(0.0, self.start + x / max(1, self.width) * self.span))

    def fitted(self) -> TimeScale:
        """All of the sound."""
        return replace(self, start=0.0, span=self.duration)

    def zoomed(self, factor: float, x: float) -> TimeScale:
        """Closer by `factor` (less than 1: farther) around a pixel, which keeps its time."""
        if self.duration <= 0:
            return self
        span = min(self.duration, max(min(_SHORTEST_SPAN, self.duration), self.span / factor))
        share = x / max(1, self.width)
        start = self.start + share * (self.span - span)
        return replace(self, start=min(max(0.0, start), self.duration - span), span=span)

    def showing(self, seconds: float) -> TimeScale:
        """Moved so that a time is in view; unchanged when it is."""
        if self.start <= seconds <= self.start + self.span:
            return self
        return replace(self, start=min(max(0.0, seconds - 0.1 * self.span), max(0.0, self.duration - self.span)))

    def moved(self, by: float) -> TimeScale:
        """Scrolled by seconds."""
        return replace(self, start=min(max(0.0, self.start + by), max(0.0, self.duration - self.span)))


def clock(seconds: float, *, tenths: bool = True) -> str:
    """A place in a sound: 0:07.4."""
    whole = max(0.0, seconds)
    minutes, rest = divmod(int(whole * 10), 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{rest // 10:02}" if hours else f"{minutes}:{rest // 10:02}"
    return f"{text}.{rest % 10}" if tenths else text


class _Answer(QObject):
    done = Signal(int, object)
    failed = Signal(int, str)


class _Reading(QRunnable):
    def __init__(self, ticket: int, path: Path, answer: _Answer) -> None:
        super().__init__()
        self._ticket, self._path, self._answer = ticket, path, answer

    def run(self) -> None:
        """On a pool thread."""
        try:
            result: Peaks | None = read_peaks(self._path)
            reason = ""
        except (OSError, soundfile.SoundFileError, ValueError) as error:
            result, reason = None, str(error)
        try:
            if result is not None:
                self._answer.done.emit(self._ticket, result)
            else:
                self._answer.failed.emit(self._ticket, reason)
        except RuntimeError:
            return  # the window was closed meanwhile


class Waveform(QWidget):
    """The picture of one sound.

    seekRequested: seconds. loaded: the sound's seconds. failed: it could not be read.
    """

    seekRequested = Signal(float)
    loaded = Signal(float)
    failed = Signal(str)
    toggleRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self._answer = _Answer(self)
        self._answer.done.connect(self._arrived)
        self._answer.failed.connect(self._not_read)
        self._ticket = 0
        self._peaks: Peaks | None = None
        self._scale = TimeScale()
        self._markers: tuple[Marker, ...] = ()
        self._position = 0.0
        self._hover = -1.0
        self._cache: tuple[object, QPixmap, QPixmap] | None = None
        theme_of(self).changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Room for a wave and its ruler."""
        return QSize(400, 112)

    def minimumSizeHint(self) -> QSize:
        """Below this it tells nothing."""
        return QSize(160, 64)

    # -- contents ------------------------------------------------------------------------------------------------

    def load(self, path: Path, markers: Sequence[Marker] = ()) -> None:
        """Read a file in the background; `loaded` or `failed` follows. An earlier reading is forgotten."""
        self.clear()
        self._markers = tuple(markers)
        QThreadPool.globalInstance().start(_Reading(self._ticket, path, self._answer))

    def clear(self) -> None:
        """Show nothing."""
        self._ticket += 1
        self._peaks, self._markers, self._position, self._cache = None, (), 0.0, None
        self._scale = TimeScale(width=max(1, self.width()))
        self.update()

    @property
    def scale(self) -> TimeScale:
        """What is shown, and how far in."""
        return self._scale

    @property
    def peaks(self) -> Peaks | None:
        """The peaks, None while they are read."""
        return self._peaks

    @property
    def markers(self) -> tuple[Marker, ...]:
        """The sentences."""
        return self._markers

    def set_markers(self, markers: Sequence[Marker]) -> None:
        """The sentences, known later than the sound."""
        self._markers = tuple(markers)
        self.update()

    @property
    def position(self) -> float:
        """The place that plays, in seconds."""
        return self._position

    def set_position(self, seconds: float, *, follow: bool = False) -> None:
        """Show the place that plays; with `follow` keep it in view."""
        if seconds == self._position:
            return
        before, self._position = self._position, seconds
        shown = self._scale.showing(seconds) if follow else self._scale
        if shown != self._scale:
            self._scale = shown
            self.update()
            return
        low, high = sorted((self._scale.x(before), self._scale.x(seconds)))
        if self.marker_at(before) != self.marker_at(seconds):
            self.update()
        else:
            self.update(int(low) - 3, 0, int(high - low) + 7, self.height())

    def marker_at(self, seconds: float) -> int:
        """Number of the sentence at a time (the last one begun), -1 before the first."""
        return bisect_right(self._markers, seconds + 1e-6, key=lambda marker: marker.start) - 1

    def _arrived(self, ticket: int, peaks: Peaks) -> None:
        if ticket == self._ticket:
            self._peaks = peaks
            self._scale = TimeScale(peaks.seconds, 0.0, peaks.seconds, max(1, self.width()))
            self._cache = None
            self.update()
            self.loaded.emit(peaks.seconds)

    def _not_read(self, ticket: int, reason: str) -> None:
        if ticket == self._ticket:
            self.failed.emit(reason)

    # -- zoom and seek -------------------------------------------------------------------------------------------

    def zoom(self, factor: float, x: float | None = None) -> None:
        """Closer (factor above 1) or farther, around a pixel or the place that plays."""
        around = x if x is not None else min(max(0.0, self._scale.x(self._position)), float(self.width()))
        self._scale = self._scale.zoomed(factor, around)
        self.update()

    def fit(self) -> None:
        """Show all of it."""
        self._scale = self._scale.fitted()
        self.update()

    def _seek(self, seconds: float) -> None:
        if self._peaks is not None:
            seconds = min(self._peaks.seconds, max(0.0, seconds))
            self.set_position(seconds, follow=True)
            self.seekRequested.emit(seconds)

    def step_sentence(self, step: int) -> None:
        """To the sentence after this one, to the beginning of this one, or to the one before."""
        if not self._markers:
            return
        now = self.marker_at(self._position)
        if step < 0 and now >= 0 and self._position - self._markers[now].start > 0.8:
            step = 0
        target = min(len(self._markers) - 1, max(0, now + step))
        self._seek(self._markers[target].start)

    # -- Qt's events ---------------------------------------------------------------------------------------------

    def resizeEvent(self, event) -> None:  # noqa: ANN001  Qt's signature
        """The same stretch over another width."""
        self._scale = replace(self._scale, width=max(1, self.width()))
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Seek."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._seek(self._scale.seconds(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Seek while the button is down."""
        self._hover = event.position().x()
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._seek(self._scale.seconds(self._hover))
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """The hair line goes with the pointer."""
        self._hover = -1.0
        self.update()
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ctrl: zoom around the pointer; else scroll where there is something to scroll."""
        turn = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1.25 ** (turn / 120), event.position().x())
        elif self._scale.span < self._scale.duration:
            self._scale = self._scale.moved(-turn / 120 * 0.15 * self._scale.span)
            self.update()
        else:
            event.ignore()
            return
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows: a second (Shift: five; Ctrl: a sentence). Home, End, +, -, 0. Space: play or pause."""
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        seconds = 5.0 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0
        match event.key():
            case Qt.Key.Key_Left | Qt.Key.Key_Right as key:
                step = 1 if key == Qt.Key.Key_Right else -1
                if control:
                    self.step_sentence(step)
                else:
                    self._seek(self._position + step * seconds)
            case Qt.Key.Key_Home:
                self._seek(0.0)
            case Qt.Key.Key_End:
                self._seek(self._scale.duration)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(1.5)
            case Qt.Key.Key_Minus:
                self.zoom(1 / 1.5)
            case Qt.Key.Key_0:
                self.fit()
            case Qt.Key.Key_Space:
                self.toggleRequested.emit()
            case _:
                super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """The words under the pointer as a tool tip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            number = self.marker_at(self._scale.seconds(event.pos().x())) if self._peaks else -1
            if number >= 0:
                QToolTip.showText(event.globalPos(), self._markers[number].text, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    # -- drawing -------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Background, current sentence, wave, marks, ruler, place."""
        theme = theme_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wave = QRectF(0, 0, self.width(), max(1, self.height() - _RULER))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(wave, 6, 6)
        middle = wave.height() / 2
        if self._peaks is None or not len(self._peaks.values):
            painter.setPen(QPen(theme.color("line-strong"), 1))
            painter.drawLine(QPointF(12, middle), QPointF(self.width() - 12, middle))
            painter.end()
            return
        self._paint_sentences(painter, wave)
        plain, played = self._pixmaps(int(wave.height()))
        x = self._scale.x(self._position)
        painter.save()
        painter.setClipRect(QRectF(x, 0, max(0.0, self.width() - x), wave.height()))
        painter.drawPixmap(0, 0, plain)
        painter.setClipRect(QRectF(0, 0, max(0.0, x), wave.height()))
        painter.drawPixmap(0, 0, played)
        painter.restore()
        self._paint_ruler(painter, wave.height())
        if self._hover >= 0:
            painter.setPen(QPen(theme.color("line-strong"), 1))
            painter.drawLine(QLineF(self._hover, 0, self._hover, wave.height()))
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawLine(QLineF(x, 0, x, wave.height()))
        if self.hasFocus():
            painter.setPen(QPen(theme.color("focus"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(wave.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _paint_sentences(self, painter: QPainter, wave: QRectF) -> None:
        theme, current = theme_of(self), self.marker_at(self._position)
        for number, marker in enumerate(self._markers):
            left, right = self._scale.x(marker.start), self._scale.x(marker.end)
            if right < 0 or left > self.width():
                continue
            if number == current and len(self._markers) > 1:
                painter.fillRect(QRectF(left, 0, right - left, wave.height()), theme.color("accent-soft"))
            if number:
                painter.setPen(QPen(theme.color("line-strong"), 1, Qt.PenStyle.DotLine))
                painter.drawLine(QLineF(left, 4, left, wave.height() - 4))

    def _paint_ruler(self, painter: QPainter, top: float) -> None:
        step = next(
            (
                s
                for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
                if self._scale.x(self._scale.start + s) > 72
            ),
            1200,
        )
        painter.setPen(theme_of(self).color("text-faint"))
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        number = int(self._scale.start / step)
        while (seconds := number * step) <= self._scale.start + self._scale.span:
            x = self._scale.x(seconds)
            if x >= 0:
                painter.drawLine(QLineF(x, top + 2, x, top + 5))
                text = clock(seconds, tenths=step < 1)
                if x + 4 + painter.fontMetrics().horizontalAdvance(text) <= self.width():  # none that is cut off
                    painter.drawText(QPointF(x + 4, top + 14), text)
            number += 1

    def columns(self, width: int) -> np.ndarray:
        """low and high of each pixel column of what is shown, float32 (width, 2)."""
        assert self._peaks is not None
        values, per_second = self._peaks.values, self._peaks.rate / _BUCKET
        edges = (self._scale.start + np.arange(width + 1) / width * self._scale.span) * per_second
        first = np.clip(edges[:-1].astype(np.int64), 0, len(values) - 1)
        last = np.clip(np.maximum(np.ceil(edges[1:]).astype(np.int64), first + 1), 1, len(values))
        pairs = np.stack([first, last], axis=1).ravel()
        padded = np.concatenate([values, values[-1:]])  # reduceat needs every edge inside
        low = np.minimum.reduceat(padded[:, 0], pairs)[::2]
        high = np.maximum.reduceat(padded[:, 1], pairs)[::2]
        return np.stack([low, high], axis=1)

    def _pixmaps(self, height: int) -> tuple[QPixmap, QPixmap]:
        """The wave in its two colours; drawn anew only when what is shown changed."""
        theme, ratio = theme_of(self), self.devicePixelRatioF()
        colors = (theme.color("waveform"), theme.color("waveform-played"))
        key = (self._scale, height, ratio, colors[0].rgba(), colors[1].rgba())
        if self._cache is not None and self._cache[0] == key:
            return self._cache[1], self._cache[2]
        width, middle = max(1, round(self.width() * ratio)), height / 2
        columns = self.columns(width)
        reach = 0.92 * middle / max(0.05, float(np.abs(self._peaks.values).max()) if self._peaks else 1.0)
        tops = middle - columns[:, 1] * reach
        bottoms = np.maximum(middle - columns[:, 0] * reach, tops + 1)
        lines = [
            QLineF(i / ratio, t, i / ratio, b)
            for i, (t, b) in enumerate(zip(tops.tolist(), bottoms.tolist(), strict=True))
        ]
        made: list[QPixmap] = []
        for color in colors:
            pixmap = QPixmap(width, max(1, round(height * ratio)))
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            painter.setPen(QPen(color, 1 / ratio))
            painter.drawLines(lines)
            painter.end()
            made.append(pixmap)
        self._cache = (key, made[0], made[1])
        return made[0], made[1]

"""What a run made while it learned, through time: a slider, a film, play, and a look back while a key is down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.canvas.pyramid import PictureLoader, Pyramid
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.widgets.empty_state import EmptyState

from .film import Film
from .record import Shot
from .report_words import number_text
from .shot_view import ShotView

__all__ = ["SampleStrip"]

_PLAY_MS = 100
_FRAMES = 200
"""A run is played in so many frames at most: twenty seconds."""
_FILM_FROM = 300
"""Height from which there is room for the film."""
_KEYS = (Qt.Key.Key_Space, Qt.Key.Key_P, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)


class SampleStrip(Translated, QWidget):
    """Keys: left and right to the neighbours, Home and End, P plays, Space held compares, + - 0 1 zoom."""

    stepChanged = Signal(int)
    """The step of the sample on show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = Path()
        self._shots: tuple[Shot, ...] = ()
        self._place = 0
        self._held = False
        self._build()
        self._loader = PictureLoader(self)
        self._loader.loaded.connect(self._loaded)
        self._loader.failed.connect(self._failed)
        self._loading = ""
        self._broken: set[str] = set()
        self._player = QTimer(self, interval=_PLAY_MS)
        self._player.timeout.connect(self._play_on)

    # -- building
    def _build(self) -> None:
        self.view = ShotView(self)
        self.view.picture.installEventFilter(self)
        self.view.text.installEventFilter(self)
        self.film = Film(self)
        self.film.chosen.connect(self.show_place)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setPageStep(10)
        self.tr_bind(self.slider.setAccessibleName, N_("Time"))
        self.slider.valueChanged.connect(self.show_place)
        self.slider.installEventFilter(self)
        self.play_button = self._button("play", N_("Play (P)"))
        self.play_button.clicked.connect(self.toggle_play)
        self.step = QLabel(self)
        self.against = QComboBox(self)
        self.against.addItem("", "first")
        self.against.addItem("", "previous")
        self.tr_bind(lambda text: self.against.setItemText(0, text), N_("the first"))
        self.tr_bind(lambda text: self.against.setItemText(1, text), N_("the previous one"))
        self.tr_bind(self.against.setAccessibleName, N_("Compare with"))
        self.compare = QPushButton(self, autoDefault=False)
        self.compare.setIcon(icon("compare"))
        self.tr_bind(self.compare.setText, N_("Compare with"))
        self.tr_bind(self.compare.setToolTip, N_("Hold to see the other one in its place (Space)"))
        self.compare.pressed.connect(lambda: self.hold(True))
        self.compare.released.connect(lambda: self.hold(False))
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self.play_button)
        first.addWidget(self.slider, 1)
        second = QHBoxLayout()
        second.setSpacing(8)
        second.addWidget(self.step, 1)
        second.addWidget(self.compare)
        second.addWidget(self.against)
        foot = QFrame(self)
        foot.setProperty("role", "footer")
        below = QVBoxLayout(foot)
        below.setContentsMargins(12, 4, 12, 8)
        below.setSpacing(4)
        below.addWidget(self.film)
        below.addLayout(first)
        below.addLayout(second)
        page = QWidget(self)
        inside = QVBoxLayout(page)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addWidget(self.view, 1)
        inside.addWidget(foot)
        self.empty = EmptyState(
            "image-multiple-outline",
            N_("No samples yet"),
            N_("Every few steps the model shows what it can do, from the same beginnings each time."),
        )
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)
        self.setFocusProxy(self.slider)

    def _button(self, name: str, title: str) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(name))
        button.setIconSize(QSize(20, 20))
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.tr_bind(button.setToolTip, title)
        self.tr_bind(button.setAccessibleName, title)
        return button

    # -- what is shown
    def show_run(self, folder: Path | None) -> None:
        """Another run; its samples follow with `show_shots`."""
        self._player.stop()
        self._loader.forget()
        self._loading, self._broken = "", set()
        self.film.small.forget()
        self._folder = folder or Path()
        self._shots, self._place = (), 0
        self.view.picture.show_picture(None)
        self._say()

    def show_shots(self, shots: Sequence[Shot]) -> None:
        """All samples so far. Who looks at the newest one goes on to do so."""
        newest = not self._shots or self._place >= len(self._shots) - 1
        at = self.shot
        if at is not None and not newest and at not in shots:
            newest = True
        self._shots = tuple(shots)
        if newest:
            self._place = max(0, len(shots) - 1)
        elif at is not None:
            self._place = self._shots.index(at)
        self._say()

    @property
    def shots(self) -> tuple[Shot, ...]:
        """All of them."""
        return self._shots

    @property
    def shot(self) -> Shot | None:
        """The sample on show."""
        return self._shots[self._place] if self._place < len(self._shots) else None

    @property
    def place(self) -> int:
        """Which of the samples it is, from 0."""
        return self._place

    def show_place(self, place: int) -> None:
        """Show another one."""
        place = min(max(place, 0), max(0, len(self._shots) - 1))
        if place == self._place:
            return
        self._place = place
        self._show()

    def show_step(self, step: float) -> None:
        """Show the sample nearest to a step."""
        if self._shots:
            self.show_place(min(range(len(self._shots)), key=lambda place: abs(self._shots[place].step - step)))

    def _say(self) -> None:
        """The samples are others."""
        self.stack.setCurrentIndex(1 if self._shots else 0)
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(self._shots) - 1))
        self.slider.blockSignals(False)
        paths = [self._folder / shot.file if shot.file else None for shot in self._shots]
        tips = [tr("Step {step}", step=number_text(shot.step)) for shot in self._shots]
        self.film.show_paths(paths, tips, self._place)
        for widget in (self.play_button, self.slider, self.compare, self.against):
            widget.setEnabled(len(self._shots) > 1)
        self._room()
        self._show()

    def _show(self) -> None:
        """The one at the present place."""
        self.slider.blockSignals(True)
        self.slider.setValue(self._place)
        self.slider.blockSignals(False)
        self.film.set_current(self._place)
        shot = self._other() if self._held else self.shot
        if shot is None:
            return
        self._say_step(shot)
        if shot.texts:
            self.view.show_texts(shot.texts)
        else:
            self.view.setCurrentWidget(self.view.picture)
            self._read(shot)
        if not self._held:
            self.stepChanged.emit(shot.step)

    def _say_step(self, shot: Shot) -> None:
        words = tr("Step {step}", step=number_text(shot.step))
        if len(self._shots) > 1:
            place = number_text(self._shots.index(shot) + 1)
            words += "  ·  " + tr("{index} of {count}", index=place, count=number_text(len(self._shots)))
        self.step.setText(words)

    def _other(self) -> Shot | None:
        """What the present one is compared with."""
        if not self._shots:
            return None
        first = self.against.currentData() == "first"
        return self._shots[0 if first else max(0, self._place - 1)]

    # -- reading
    def _read(self, shot: Shot) -> None:
        """Show its picture, as soon as it is read; only one is read at a time, so that scrubbing does not queue up."""
        if (picture := self._loader.cached(shot.file)) is not None:
            self._put(picture)
            self._ahead()
        elif shot.file not in self._broken and not self._loading:
            self._loading = shot.file
            self._loader.load(shot.file, self._folder / shot.file)

    def _put(self, picture: Pyramid) -> None:
        if self._held:
            self.view.picture.hold(picture)
        else:
            self.view.picture.hold(None)
            self.view.picture.show_picture(picture)

    def _ahead(self) -> None:
        """What may be wanted next is read while there is time."""
        near = (self._other(), *self._shots[self._place + 1 : self._place + 2])
        for shot in near:
            wanted = shot is not None and shot.file and shot.file not in self._broken
            if wanted and shot is not None and not self._loading and self._loader.cached(shot.file) is None:
                self._loading = shot.file
                self._loader.load(shot.file, self._folder / shot.file)

    def _loaded(self, _key: str, _picture: Pyramid) -> None:
        self._loading = ""
        self._show_read()

    def _failed(self, key: str, _error: object) -> None:
        self._loading = ""
        self._broken.add(key)
        self._show_read()

    def _show_read(self) -> None:
        shot = self._other() if self._held else self.shot
        if shot is not None and not shot.texts:
            self._read(shot)

    # -- playing and comparing
    @property
    def playing(self) -> bool:
        """Whether it goes on by itself."""
        return self._player.isActive()

    def toggle_play(self) -> None:
        """Play from here, from the beginning when this is the end; or stop."""
        if self._player.isActive():
            self._player.stop()
        elif len(self._shots) > 1:
            if self._place >= len(self._shots) - 1:
                self.show_place(0)
            self._player.start()
        self._say_play()

    def _play_on(self) -> None:
        shot = self.shot
        waits = shot is not None and shot.file and shot.file not in self._broken
        if waits and shot is not None and self._loader.cached(shot.file) is None:
            return  # not seen yet
        self.show_place(self._place + max(1, len(self._shots) // _FRAMES))
        if self._place >= len(self._shots) - 1:
            self._player.stop()
            self._say_play()

    def _say_play(self) -> None:
        playing = self._player.isActive()
        self.play_button.setIcon(icon("pause" if playing else "play"))
        title = N_("Stop (P)") if playing else N_("Play (P)")
        self.tr_bind(self.play_button.setToolTip, title)
        self.tr_bind(self.play_button.setAccessibleName, title)

    def hold(self, on: bool) -> None:
        """Show the other one in the place of the present one, or not any more."""
        if on != self._held:
            self._held = on
            if not on:
                self.view.picture.hold(None)
            self._show()

    # -- events
    def eventFilter(self, watched, event: QEvent) -> bool:  # noqa: ANN001  QObject
        """Keys mean the same wherever one is in here; the run's own keys wait."""
        if isinstance(event, QKeyEvent):
            plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            mine = plain and event.key() in _KEYS and not self._pans(watched, event.key())
            if event.type() == QEvent.Type.ShortcutOverride and mine:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress and mine:
                return self._pressed(event)
            if event.type() == QEvent.Type.KeyRelease and event.key() == Qt.Key.Key_Space:
                if not event.isAutoRepeat():
                    self.hold(False)
                return True
        return super().eventFilter(watched, event)

    def _pans(self, watched: object, key: int) -> bool:
        """Whether the arrows move the picture, or the place in a text."""
        arrows = key in (Qt.Key.Key_Left, Qt.Key.Key_Right)
        picture = self.view.picture
        return arrows and watched is picture and picture.larger_than_view and not picture.transform.fitted

    def _pressed(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self.hold(True)
        elif key == Qt.Key.Key_P:
            self.toggle_play()
        elif key == Qt.Key.Key_Left:
            self.show_place(self._place - 1)
        elif key == Qt.Key.Key_Right:
            self.show_place(self._place + 1)
        else:
            self.show_place(0 if key == Qt.Key.Key_Home else len(self._shots) - 1)
        return True

    def retranslate(self) -> None:
        """Numbers, too."""
        super().retranslate()
        if hasattr(self, "_player"):
            self._say()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The film where there is room for it."""
        super().resizeEvent(event)
        self._room()

    def hideEvent(self, event) -> None:  # noqa: ANN001  QHideEvent
        """Nobody looks."""
        super().hideEvent(event)
        self._player.stop()
        self._say_play()

    def _room(self) -> None:
        pictures = any(shot.file for shot in self._shots)
        self.film.setVisible(pictures and len(self._shots) > 1 and self.height() >= _FILM_FROM)

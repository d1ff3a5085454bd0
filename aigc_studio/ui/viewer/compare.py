"""Two pictures compared: by a slider, side by side, by what differs, by blinking; and what their recipes say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.engines.reproduce import compare
from aigc_studio.ui.assets.model import shown_title
from aigc_studio.ui.canvas.pyramid import PictureLoader
from aigc_studio.ui.history.words import differences
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.studio import Studio

from .pair_view import MODES, PairView

__all__ = ["Compare"]

_TITLES = {
    "slider": (N_("Slider"), "arrow-split-vertical"),
    "side": (N_("Side by side"), "view-split-vertical"),
    "difference": (N_("Difference##compare"), "circle-half-full"),
    "blink": (N_("Blink"), "eye-outline"),
}
_HINTS = {
    "slider": N_("Move the line with the mouse or the arrow keys."),
    "side": N_("Both move together."),
    "difference": N_("Black is equal; what differs is light."),
    "blink": N_("Hold Space or the mouse button to see the other picture."),
}


class _Signals(QObject):
    found = Signal(object)


class _Measure(QRunnable):
    """Counts the pixels that differ, off the UI thread."""

    def __init__(self, paths: tuple[Path, Path], signals: _Signals) -> None:
        super().__init__()
        self._paths, self._signals = paths, signals

    def run(self) -> None:
        """(share, largest), or None when they cannot be read."""
        try:
            found = compare("image", *self._paths)
        except (OSError, ValueError, MemoryError):
            found = None
        try:
            self._signals.found.emit(found)
        except RuntimeError:  # the window closed meanwhile and took the receiver with it
            return


class Compare(Translated, QWidget):
    """A window of its own. names: what the two are called, e.g. when the second one is no asset.

    other: the second picture's file and recipe where it is no asset of the project.
    """

    def __init__(
        self,
        studio: Studio,
        one: Asset,
        two: Asset,
        parent: QWidget | None = None,
        *,
        other: Path | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._studio = studio
        self._assets = [one, two]
        self._other = other
        self._found: tuple[float, float] | None = None
        self._measured = False
        self._loader = PictureLoader(self)
        self._signals = _Signals(self)
        self._signals.found.connect(self._measured_now)
        self._build()
        self._loader.loaded.connect(lambda key, _picture: self._put(key))
        self._loader.failed.connect(lambda _key, error: self._failed(error))
        studio.projectClosed.connect(self.close)
        self._load()
        self.resize(1200, 800)
        self.tr_bind(self.setWindowTitle, N_("Compare"))
        self.view.setFocus()

    # -- building
    def _build(self) -> None:
        self.view = PairView()
        bar = QFrame()
        bar.setProperty("role", "toolbar")
        line = QHBoxLayout(bar)
        line.setContentsMargins(16, 8, 16, 8)
        line.setSpacing(4)
        self.modes = QButtonGroup(self)
        for number, mode in enumerate(MODES):
            title, name = _TITLES[mode]
            button = QPushButton(icon(name), "")
            button.setCheckable(True)
            button.setChecked(number == 0)
            button.setProperty("role", "segment")
            button.setShortcut(QKeySequence(f"Alt+{number + 1}"))
            self.tr_bind(button.setText, title)
            self.modes.addButton(button, number)
            line.addWidget(button)
        self.stronger = QPushButton(icon("contrast-circle"), "")
        self.stronger.setCheckable(True)
        self.stronger.setProperty("role", "segment")
        self.stronger.hide()
        self.tr_bind(self.stronger.setText, N_("Stronger"))
        line.addWidget(self.stronger)
        line.addStretch(1)
        self.zoom = QLabel()
        self.zoom.setProperty("role", "muted")
        line.addWidget(self.zoom)
        tools: tuple[tuple[str, str, str, Callable[[], object]], ...] = (
            (N_("Zoom out"), "magnify-minus-outline", "", lambda: self.view.zoom_step(-1)),
            (N_("Zoom in"), "magnify-plus-outline", "", lambda: self.view.zoom_step(1)),
            (N_("Fit"), "fit-to-page-outline", "", self.view.fit),
            (N_("Swap"), "swap-horizontal", "X", self.swap),
            (N_("Close"), "close", "Esc", self.close),
        )
        for title, name, key, call in tools:
            button = QToolButton()
            button.setIcon(icon(name))
            button.setIconSize(QSize(20, 20))
            self.tr_bind(button.setToolTip, title)
            self.tr_bind(button.setAccessibleName, title)
            button.clicked.connect(lambda _on=False, call=call: call())
            line.addWidget(button)
            if key:
                action = QAction(self)
                action.setShortcut(QKeySequence(key))
                action.triggered.connect(lambda _on=False, call=call: call())
                self.addAction(action)
        self.hint = QLabel()
        self.hint.setProperty("role", "faint")
        self.measure = QLabel()
        self.measure.setProperty("role", "muted")
        foot = QFrame()
        foot.setProperty("role", "footer")
        under = QHBoxLayout(foot)
        under.setContentsMargins(16, 6, 16, 6)
        under.addWidget(self.hint, 1)
        under.addWidget(self.measure)
        across = QHBoxLayout()
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self.view, 1)
        across.addWidget(self._build_list())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        column.addLayout(across, 1)
        column.addWidget(foot)
        self.modes.idClicked.connect(self._choose)
        self.stronger.toggled.connect(self.view.set_stronger)
        self.view.zoomChanged.connect(lambda scale: self.zoom.setText(f"{scale:.0%}"))

    def _build_list(self) -> QScrollArea:
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFixedWidth(280)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tr_bind(area.setAccessibleName, N_("What differs"))
        body = QWidget()
        body.setProperty("role", "panel")
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        heading = QLabel()
        heading.setProperty("role", "section")
        self.tr_bind(heading.setText, N_("What differs"))
        column.addWidget(heading)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(10)
        column.addLayout(self._rows)
        column.addStretch(1)
        area.setWidget(body)
        area.setProperty("role", "panel")
        return area

    # -- what is compared
    def _load(self) -> None:
        reader = self._studio.reader
        if reader is None:
            return
        for place, asset in enumerate(self._assets):
            path = self._other if place == 1 and self._other is not None else reader.path(asset)
            self._loader.load(self._key(place), path)
        paths = (reader.path(self._assets[0]), self._other or reader.path(self._assets[1]))
        QThreadPool.globalInstance().start(_Measure(paths, self._signals))
        self._say()

    def _key(self, place: int) -> str:
        return f"{self._assets[place].id}{'+' if place == 1 and self._other is not None else ''}"

    def _put(self, key: str) -> None:
        for place in (0, 1):
            if self._key(place) == key:
                self.view.set_picture(place, self._loader.cached(key))

    def _failed(self, error: StudioError) -> None:
        self.measure.setText(str(error))

    def swap(self) -> None:
        """The first becomes the second."""
        if self._other is not None:
            return
        self._assets.reverse()
        for place in (0, 1):
            self.view.set_picture(place, self._loader.cached(self._key(place)))
        self._say()

    def _choose(self, number: int) -> None:
        mode = MODES[number]
        self.view.set_mode(mode)
        self.stronger.setVisible(mode == "difference")
        self.view.setFocus()
        self._say()

    def rows(self) -> list[tuple[str, str, str]]:
        """What the two recipes say differently."""
        reader = self._studio.reader
        if reader is None or self._other is not None:
            return []
        one, two = (reader.recipe(asset.id) or {} for asset in self._assets)
        found = differences(one, two)
        a, b = (f"{asset.width} × {asset.height} px" for asset in self._assets)
        if a != b:
            found.insert(0, (tr("Pixels"), a, b))
        return found

    def _say(self) -> None:
        """Names, hint, figures and the list, in the person's language."""
        first, second = (shown_title(asset) for asset in self._assets)
        if self._other is not None:
            first, second = tr("Kept"), tr("Made again")
        elif first == second:
            first, second = f"A · {first}", f"B · {second}"
        self.view.set_names(_short(first), _short(second))
        self.tr_bind(self.hint.setText, _HINTS[self.view.mode])
        while (item := self._rows.takeAt(0)) is not None:
            if widget := item.widget():
                widget.deleteLater()
        found = self.rows()
        for title, one, two in found:
            self._rows.addWidget(_Row(title, one, two))
        if not found:
            same = QLabel(tr("The same recipe."), wordWrap=True)
            same.setProperty("role", "muted")
            self._rows.addWidget(same)
        self._say_measure()

    def _measured_now(self, found: tuple[float, float] | None) -> None:
        self._found, self._measured = found, True
        self._say_measure()

    def _say_measure(self) -> None:
        sizes = {(asset.width, asset.height) for asset in self._assets}
        if not self._measured:
            return
        if len(sizes) > 1 or self._found is None:
            self.measure.setText(tr("Different sizes: both are shown equally large.") if len(sizes) > 1 else "")
        elif self._found[0] == 0:
            self.measure.setText(tr("Every pixel is the same."))
        else:
            share, largest = self._found
            percent = f"{share:.1%}" if share >= 0.001 else "< 0.1%"
            self.measure.setText(
                tr(
                    "{percent} of the pixels differ, by {largest} of 255 at most.",
                    percent=percent,
                    largest=round(largest * 255),
                )
            )

    def retranslate(self) -> None:
        """All that is said."""
        super().retranslate()
        self._say()

    def closeEvent(self, event: QCloseEvent) -> None:
        """No reading goes on."""
        self._loader.wait()
        super().closeEvent(event)


class _Row(QWidget):
    """ "Steps  20 → 30", long texts one below the other."""

    def __init__(self, title: str, one: str, two: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        label = QLabel(title)
        label.setProperty("role", "label")
        long = len(one) + len(two) > 30
        text = QLabel(f"{one[:600]}\n→ {two[:600]}" if long else f"{one} → {two}", wordWrap=True)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setAccessibleName(f"{title}: {one} → {two}")
        column.addWidget(label)
        column.addWidget(text)


def _short(title: str) -> str:
    return title if len(title) <= 40 else title[:39].rstrip() + "…"

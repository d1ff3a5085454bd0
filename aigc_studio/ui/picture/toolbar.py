"""The bars around the canvas: tools and zoom above it, the selection's options below them, the candidate's on it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, QPoint, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QSlider, QToolButton, QWidget

from aigc_studio.core.brush import MAX_DIAMETER
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.canvas.view import Canvas
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.theme import set_role

__all__ = ["CandidateBar", "CanvasBar", "MaskBar"]

_ICON = QSize(20, 20)


def tool_button(action: QAction, parent: QWidget) -> QToolButton:
    """A flat button for an action."""
    button = QToolButton(parent)
    button.setDefaultAction(action)
    button.setIconSize(_ICON)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def divider(parent: QWidget) -> QFrame:
    """A thin vertical line."""
    line = QFrame(parent)
    line.setProperty("role", "vline")
    line.setFixedHeight(20)
    return line


class CanvasBar(Translated, QFrame):
    """Tools, undo, compare, zoom and the menu of the picture."""

    def __init__(self, actions: Mapping[str, QAction], tools: QActionGroup, menu: QMenu, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "toolbar")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(4)
        for action in tools.actions():
            row.addWidget(tool_button(action, self))
        row.addSpacing(4)
        row.addWidget(divider(self))
        row.addSpacing(4)
        for name in ("undo", "redo"):
            row.addWidget(tool_button(actions[name], self))
        row.addStretch(1)
        row.addWidget(tool_button(actions["compare"], self))
        row.addWidget(tool_button(actions["star"], self))
        row.addSpacing(4)
        row.addWidget(divider(self))
        row.addSpacing(4)
        row.addWidget(tool_button(actions["zoom_out"], self))
        self.zoom = QToolButton(self)
        self.zoom.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.zoom.setMinimumWidth(58)
        self.tr_bind(self.zoom.setToolTip, "Zoom")
        self.tr_bind(self.zoom.setAccessibleName, "Zoom")
        choices = QMenu(self.zoom)
        for name in ("fit", "zoom_50", "zoom_100", "zoom_200", "zoom_400"):
            choices.addAction(actions[name])
        self.zoom.setMenu(choices)
        row.addWidget(self.zoom)
        row.addWidget(tool_button(actions["zoom_in"], self))
        row.addSpacing(4)
        row.addWidget(divider(self))
        row.addSpacing(4)
        more = QToolButton(self)
        more.setIcon(icon("dots-horizontal"))
        more.setIconSize(_ICON)
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        more.setMenu(menu)
        self.tr_bind(more.setToolTip, "More")
        self.tr_bind(more.setAccessibleName, "More")
        row.addWidget(more)

    def show_zoom(self, scale: float) -> None:
        """The present zoom; 0 while there is no picture."""
        percent = scale * 100
        self.zoom.setText("–" if scale <= 0 else f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %")
        self.zoom.setEnabled(scale > 0)


class MaskBar(Translated, QFrame):
    """Brush size and softness, and what can be done with the selection as a whole."""

    def __init__(self, canvas: Canvas, actions: Mapping[str, QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self.setProperty("role", "toolbar")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 12, 4)
        row.setSpacing(8)
        self.size_slider = self._slider(row, N_("Size##brush"), 1, 1000, 110)
        self.size_label = QLabel(self)
        self.size_label.setProperty("role", "faint")
        self.size_label.setMinimumWidth(48)
        row.addWidget(self.size_label)
        self.softness_slider = self._slider(row, N_("Softness"), 0, 100, 80)
        self.size_slider.valueChanged.connect(lambda value: canvas.set_brush(diameter=_diameter(value)))
        self.softness_slider.valueChanged.connect(lambda value: canvas.set_brush(hardness=1 - value / 100))
        row.addStretch(1)
        for name in ("select_all", "invert", "clear"):
            row.addWidget(tool_button(actions[name], self))
        canvas.brushChanged.connect(self.show_brush)
        self.show_brush()

    def _slider(self, row: QHBoxLayout, title: str, low: int, high: int, width: int) -> QSlider:
        label = QLabel(self)
        label.setProperty("role", "label")
        self.tr_bind(label.setText, title)
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setRange(low, high)
        slider.setFixedWidth(width)
        self.tr_bind(slider.setAccessibleName, title)
        row.addWidget(label)
        row.addWidget(slider)
        return slider

    def show_brush(self) -> None:
        """The brush was changed by a key or the slider."""
        brush = self._canvas.brush
        with QSignalBlocker(self.size_slider), QSignalBlocker(self.softness_slider):
            self.size_slider.setValue(_position(brush.diameter))
            self.softness_slider.setValue(round((1 - brush.hardness) * 100))
        self.size_label.setText(f"{brush.diameter:.0f} px")


def _diameter(position: int) -> float:
    """The slider is finer for small brushes: a cube of its position, 1 to `MAX_DIAMETER`."""
    return float(max(1, round(MAX_DIAMETER * (position / 1000) ** 3)))


def _position(diameter: float) -> int:
    return round(1000 * (diameter / MAX_DIAMETER) ** (1 / 3))


class CandidateBar(Translated, QFrame):
    """Floats at the bottom of the canvas while a candidate is shown: which one, next, back, keep."""

    stepped = Signal(int)
    backWanted = Signal()
    keepWanted = Signal()

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.setProperty("role", "card")
        self.setCursor(Qt.CursorShape.ArrowCursor)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 6, 8, 6)
        row.setSpacing(4)
        self._number = 0, 0
        former = self._arrow("chevron-left", N_("Former candidate"), -1)
        self.label = QLabel(self)
        following = self._arrow("chevron-right", N_("Next candidate"), 1)
        self.back = QPushButton(self, autoDefault=False)
        set_role(self.back, "ghost")
        self.tr_bind(self.back.setText, "Back##to the former picture")
        self.tr_bind(self.back.setToolTip, "Show the picture this one would replace (Esc)")
        self.back.clicked.connect(self.backWanted)
        self.keep = QPushButton(self, autoDefault=False)
        set_role(self.keep, "primary")
        self.keep.setIcon(icon("check", "on-accent"))
        self.tr_bind(self.keep.setText, "Keep")
        self.tr_bind(self.keep.setToolTip, "Go on with this picture; Undo brings the former one back (Enter)")
        self.keep.clicked.connect(self.keepWanted)
        for widget in (former, self.label, following):
            row.addWidget(widget)
        row.addSpacing(8)
        row.addWidget(self.back)
        row.addWidget(self.keep)
        canvas.installEventFilter(self)
        self.setVisible(False)

    def _arrow(self, name: str, title: str, direction: int) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(name))
        button.setIconSize(_ICON)
        self.tr_bind(button.setToolTip, title)
        self.tr_bind(button.setAccessibleName, title)
        button.clicked.connect(lambda: self.stepped.emit(direction))
        return button

    def setVisible(self, visible: bool) -> None:
        """When it goes the canvas has the keyboard: Qt would hand it to a field of the form."""
        if not visible and (focus := self.focusWidget()) is not None and focus.hasFocus():
            self._canvas.setFocus()
        super().setVisible(visible)

    def show_number(self, number: int, count: int) -> None:
        """Which candidate of how many, from 1."""
        self._number = number, count
        self.label.setText(tr("{number} of {count}", number=number, count=count))
        self._place()

    def retranslate(self) -> None:
        """The number is composed."""
        super().retranslate()
        self.show_number(*self._number)

    def showEvent(self, event) -> None:
        """In its place from the first moment."""
        super().showEvent(event)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay at the bottom when the canvas is resized."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        self.adjustSize()
        area = self._canvas.size()
        self.move(QPoint(max(8, (area.width() - self.width()) // 2), area.height() - self.height() - 16))
        self.raise_()

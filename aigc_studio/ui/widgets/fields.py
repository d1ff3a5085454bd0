"""The controls a form is made of: each has `value()`, `set_value(value)` and the signal `changed`."""

from __future__ import annotations

import math
import os
from typing import Any

from PySide6.QtCore import QEvent, QLocale, QObject, QRectF, QRegularExpression, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QAction, QPainter, QPaintEvent, QRegularExpressionValidator
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.requests import MAX_SEED, new_seed
from aigc_studio.engines.base import Param
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.theme import theme_of

from .elided_combo import ElidedCombo

__all__ = [
    "ChoiceField",
    "Field",
    "NumberField",
    "SeedField",
    "SizeField",
    "Switch",
    "SwitchField",
    "TextField",
]

SIZES = (
    (N_("Square 1:1"), 1.0),
    (N_("Portrait 3:4"), 3 / 4),
    (N_("Landscape 4:3"), 4 / 3),
    (N_("Story 9:16"), 9 / 16),
    (N_("Wide 16:9"), 16 / 9),
    (N_("Banner 3:1"), 3.0),
)
"""Shapes people ask for, as width : height; the area stays that of the parameter's default."""


class _WheelGuard(QObject):
    """The wheel scrolls the form; it changes a value only where the user has put the focus."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


class Field(Translated, QWidget):
    """A control with its label. `changed` is emitted for changes by the user and by `set_value`, once per change."""

    changed = Signal()

    def __init__(self, param: Param, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.param = param
        self.label = QLabel(self)
        self.label.setProperty("role", "label")
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.tr_bind(self.label.setText, param.title)
        if param.help:
            self.tr_bind(self.setToolTip, param.help)
        self._guard = _WheelGuard(self)

    def value(self) -> Any:
        """The value, of JSON types."""
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        """Show `value`, which `param.check` has accepted."""
        raise NotImplementedError

    def refresh(self) -> None:
        """What there is to choose from may have changed."""

    def _name(self, *controls: QWidget) -> None:
        """Tell assistive technology what the controls are called, and keep the wheel off them."""
        for control in controls:
            self.tr_bind(control.setAccessibleName, self.param.title)
            if not isinstance(control, QAbstractButton):
                control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                control.installEventFilter(self._guard)
        self.label.setBuddy(controls[0])

    def _column(self) -> QVBoxLayout:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        return column

    def _labelled(self, control: QWidget) -> None:
        column = self._column()
        column.addWidget(self.label)
        column.addWidget(control)
        self._name(control)


class _Number(QDoubleSpinBox):
    """A number without trailing zeros and without group separators, wide ranges and fine steps alike."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(7)
        self.setLocale(QLocale(QLocale.Language.C))
        self.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setProperty("role", "value")

    def textFromValue(self, value: float) -> str:
        """Qt's request for the shown text."""
        return f"{value:.7f}".rstrip("0").rstrip(".") if self.decimals() else f"{value:.0f}"

    def sizeHint(self) -> QSize:
        """Room for the widest value in practice."""
        return QSize(72, super().sizeHint().height())


_MOST_PLACES = 1500
"""With more steps from end to end a slider goes by factors: no hand finds 8000 of five million."""

_WIDE_PLACES = 200
_AROUND = 100.0
"""A slider that goes by factors ends at so many times its default either way; what is beyond is typed."""


class _Even:
    """A slider of even steps from `low`."""

    def __init__(self, low: float, high: float, step: float) -> None:
        self._low, self._high, self._step = low, high, step
        self.places = min(100_000, max(1, round((high - low) / step)))

    def value(self, place: int) -> float:
        """The number at a place."""
        return min(self._high, self._low + place * self._step)

    def place(self, value: float) -> int:
        """The place of a number."""
        return min(self.places, max(0, round((value - self._low) / self._step)))


class _Wide:
    """A slider of even factors around the default, two digits each; its first place is 0 where 0 is allowed."""

    places = _WIDE_PLACES

    def __init__(self, low: float, high: float, step: float, default: float) -> None:
        middle = default if default > 0 else 10 * step
        self._zero = 1 if low == 0 else 0
        self._first = max(low, middle / _AROUND, step if low == 0 else 0.0)
        self._last = min(high, middle * _AROUND)
        self._range = math.log(self._last / self._first)

    def value(self, place: int) -> float:
        """The number at a place."""
        if place < self._zero:
            return 0.0
        share = (place - self._zero) / (self.places - self._zero)
        number = self._first * math.exp(self._range * share)
        return min(self._last, max(self._first, float(f"{number:.1e}")))

    def place(self, value: float) -> int:
        """The place of a number."""
        if value < self._first:
            return 0
        share = math.log(min(value, self._last) / self._first) / self._range
        return self._zero + round(share * (self.places - self._zero))


class NumberField(Field):
    """A whole or broken number: label and value on one line, a slider below. slider_high: where the slider ends."""

    def __init__(self, param: Param, parent: QWidget | None = None, *, slider_high: float | None = None) -> None:
        super().__init__(param, parent)
        self._whole = param.kind == "int"
        self._value: Any = param.default
        self.spin = _Number(self)
        self.spin.setDecimals(0 if self._whole else 7)
        low = param.low if math.isfinite(param.low) else -1e9
        high = param.high if math.isfinite(param.high) else 1e9
        self.spin.setRange(low, high)
        self.spin.setSingleStep(param.step)
        if param.unit:
            self.tr_bind(lambda text: self.spin.setSuffix(f" {text}"), param.unit)
        if param.least:
            self.tr_bind(self.spin.setSpecialValueText, param.least)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setProperty("balanced", low == -high)  # nought is in the middle, not at an end
        ends = min(high, slider_high if slider_high is not None else high)
        wide = low >= 0 and high < 1e9 and (ends - low) / param.step > _MOST_PLACES
        self._scale = _Wide(low, ends, param.step, param.default) if wide else _Even(low, ends, param.step)
        self.slider.setRange(0, self._scale.places)
        self.slider.setPageStep(max(1, self.slider.maximum() // 10))
        self.slider.setVisible(math.isfinite(param.low) and math.isfinite(param.high))
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.label, 1)
        line.addWidget(self.spin)
        column = self._column()
        column.setSpacing(0)
        column.addLayout(line)
        column.addWidget(self.slider)
        self._name(self.spin, self.slider)
        self._show(param.default)
        self.spin.valueChanged.connect(self._typed)
        self.slider.valueChanged.connect(self._slid)

    def value(self) -> Any:
        """An int for a whole number, else a float."""
        return self._value

    def set_value(self, value: Any) -> None:
        """Show a number; it is kept as given, not as rounded for the slider."""
        if value != self._value:
            self._value = value
            self._show(value)
            self.changed.emit()

    def _show(self, value: float) -> None:
        with QSignalBlocker(self.spin), QSignalBlocker(self.slider):
            self.spin.setValue(value)
            self.slider.setValue(self._scale.place(value))

    def _typed(self, value: float) -> None:
        self.set_value(round(value) if self._whole else value)

    def _slid(self, position: int) -> None:
        value = self._scale.value(position)
        self.set_value(round(value) if self._whole else round(value, 7))


class Switch(QCheckBox):
    """An on/off switch as it is known from phones: a check box with other looks, so keyboard and readers know it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(36, 22)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def hitButton(self, pos) -> bool:
        """All of it can be clicked."""
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, knob and focus ring in the theme's colours."""
        theme = theme_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(2, 3, 32, 16)
        on = self.isChecked()
        painter.setPen(Qt.PenStyle.NoPen)
        name = ("accent" if on else "line-strong") if self.isEnabled() else ("accent-disabled" if on else "line")
        painter.setBrush(theme.color(name))
        painter.drawRoundedRect(track, 8, 8)
        painter.setBrush(theme.color("on-accent" if self.isEnabled() else "on-accent-disabled"))
        painter.drawEllipse(QRectF(track.right() - 14 if on else track.left() + 2, track.top() + 2, 12, 12))
        if self.hasFocus():
            painter.setPen(theme.color("focus"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(track.adjusted(-1.5, -1.5, 1.5, 1.5), 9.5, 9.5)
        painter.end()


class SwitchField(Field):
    """On or off."""

    def __init__(self, param: Param, parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self.switch = Switch(self)
        self.switch.setChecked(param.default)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.label, 1)
        line.addWidget(self.switch)
        self._name(self.switch)
        self.switch.toggled.connect(lambda _on: self.changed.emit())

    def value(self) -> bool:
        """Whether it is on."""
        return self.switch.isChecked()

    def set_value(self, value: bool) -> None:
        """Switch it."""
        self.switch.setChecked(value)


class ChoiceField(Field):
    """One of several named values."""

    def __init__(self, param: Param, parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self.combo = ElidedCombo(self)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(8)
        for number, choice in enumerate(param.choices):
            self.combo.addItem("", choice.value)
            self.tr_bind(_ItemText(self.combo, number), choice.title)
        self.combo.setCurrentIndex(max(0, self.combo.findData(param.default)))
        self._labelled(self.combo)
        self.combo.currentIndexChanged.connect(lambda _index: self.changed.emit())

    def value(self) -> str:
        """The chosen value."""
        return self.combo.currentData()

    def set_value(self, value: str) -> None:
        """Choose a value."""
        self.combo.setCurrentIndex(self.combo.findData(value))


class _ItemText:
    """A setter for the text of one entry of a combo box; equal for the same entry, so that it can be bound again."""

    def __init__(self, combo: QComboBox, index: int) -> None:
        self.__self__, self._index = combo, index

    def __call__(self, text: str) -> None:
        self.__self__.setItemText(self._index, text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ItemText) and (other.__self__, other._index) == (self.__self__, self._index)

    def __hash__(self) -> int:
        return hash((id(self.__self__), self._index))


class TextField(Field):
    """A line of text; where it is the path of a file, with a button that chooses one."""

    def __init__(self, param: Param, parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self.edit = QLineEdit(str(param.default), self)
        self._labelled(self.edit)
        self.browse: QAction | None = None
        if param.file:
            self.browse = QAction(icon("folder-open-outline"), "", self.edit)
            self.tr_bind(self.browse.setText, N_("Choose a file…"))
            self.browse.triggered.connect(self._choose)
            self.edit.addAction(self.browse, QLineEdit.ActionPosition.TrailingPosition)
        self.edit.textChanged.connect(lambda _text: self.changed.emit())

    def value(self) -> str:
        """The text."""
        return self.edit.text()

    def set_value(self, value: str) -> None:
        """Show a text; a line field shows line breaks as spaces."""
        self.edit.setText(value)

    def _choose(self) -> None:
        now = self.edit.text().strip()
        place = os.path.dirname(now) or os.path.expanduser("~")
        if chosen := QFileDialog.getOpenFileName(self.window(), tr(self.param.title), place)[0]:
            self.edit.setText(chosen)


class SizeField(Field):
    """Width and height in pixels, with common shapes and a button that turns portrait into landscape.

    Shapes and arrow keys go by the step; a size that is typed stays as it is, for the engines work at any.
    """

    def __init__(self, param: Param, parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self._step = max(1, round(param.step))
        self.shape = QComboBox(self)
        for number, (title, ratio) in enumerate(SIZES):
            self.shape.addItem("", ratio)
            self.tr_bind(_ItemText(self.shape, number), title)
        self.shape.addItem("", 0.0)
        self.tr_bind(_ItemText(self.shape, len(SIZES)), N_("Own size"))
        self.width_spin, self.height_spin = QSpinBox(self), QSpinBox(self)
        for spin in (self.width_spin, self.height_spin):
            spin.setRange(round(param.low), round(param.high))
            spin.setSingleStep(self._step)
            spin.setKeyboardTracking(False)
            spin.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
            spin.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.swap = QToolButton(self)
        self.swap.setIcon(icon("swap-horizontal"))
        self.swap.setIconSize(QSize(18, 18))
        self.tr_bind(self.swap.setToolTip, N_("Swap width and height"))
        self.tr_bind(self.swap.setAccessibleName, N_("Swap width and height"))
        times = QLabel("×", self)
        times.setProperty("role", "muted")
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self.width_spin, 1)
        line.addWidget(times)
        line.addWidget(self.height_spin, 1)
        line.addWidget(self.swap)
        column = self._column()
        column.addWidget(self.label)
        column.addWidget(self.shape)
        column.addLayout(line)
        self._name(self.shape, self.width_spin, self.height_spin)
        self.tr_bind(self.width_spin.setAccessibleName, N_("Width in pixels"))
        self.tr_bind(self.height_spin.setAccessibleName, N_("Height in pixels"))
        self._put(*param.default)
        self.width_spin.valueChanged.connect(self._edited)
        self.height_spin.valueChanged.connect(self._edited)
        self.shape.activated.connect(self._shaped)
        self.swap.clicked.connect(lambda: self.set_value([self.height_spin.value(), self.width_spin.value()]))

    def value(self) -> list[int]:
        """[width, height]."""
        return [self.width_spin.value(), self.height_spin.value()]

    def set_value(self, value: Any) -> None:
        """Show (width, height)."""
        if list(value) != self.value():
            self._put(*value)
            self.changed.emit()

    def _put(self, width: int, height: int) -> None:
        with QSignalBlocker(self.width_spin), QSignalBlocker(self.height_spin):
            self.width_spin.setValue(width)
            self.height_spin.setValue(height)
        self._name_shape()

    def _edited(self) -> None:
        self._name_shape()
        self.changed.emit()

    def _side(self, wanted: float) -> int:
        low, high = (math.ceil(self.param.low / self._step), math.floor(self.param.high / self._step))
        return min(high, max(low, round(wanted / self._step))) * self._step

    def sides(self, ratio: float) -> list[int]:
        """Width and height of a shape: the default's area, multiples of the step, within the bounds."""
        area = self.param.default[0] * self.param.default[1]
        return [self._side(math.sqrt(area * ratio)), self._side(math.sqrt(area / ratio))]

    def _shaped(self, _index: int) -> None:
        if ratio := self.shape.currentData():
            self.set_value(self.sides(ratio))
        else:
            self.width_spin.setFocus()
            self.width_spin.selectAll()

    def _name_shape(self) -> None:
        """Name the shape that the sides have, whatever their area."""
        width, height = self.value()
        tolerance = 1.5 * self._step / max(1, min(width, height))
        near = [n for n, (_, ratio) in enumerate(SIZES) if abs(math.log(width / height / ratio)) < min(0.1, tolerance)]
        with QSignalBlocker(self.shape):
            self.shape.setCurrentIndex(near[0] if near else len(SIZES))


class SeedField(Field):
    """The number that chance starts from: unlocked, every generation draws a new one; locked, it stays."""

    def __init__(self, parent: QWidget | None = None) -> None:
        param = Param.int(
            "seed", N_("Seed"), 0, 0, MAX_SEED,
            help=N_("The number that chance starts from. The same seed with the same settings makes the same result."),
        )  # fmt: skip
        super().__init__(param, parent)
        self.edit = QLineEdit(self)
        self.edit.setValidator(QRegularExpressionValidator(QRegularExpression(r"\d{0,10}"), self))
        self.dice = QToolButton(self)
        self.dice.setIcon(icon("dice-5-outline"))
        self.lock = QToolButton(self)
        self.lock.setCheckable(True)
        for button in (self.dice, self.lock):
            button.setIconSize(QSize(18, 18))
        self.tr_bind(self.dice.setToolTip, N_("Draw a new seed"))
        self.tr_bind(self.dice.setAccessibleName, N_("Draw a new seed"))
        self.tr_bind(self.lock.setAccessibleName, N_("Keep this seed"))
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self.edit, 1)
        line.addWidget(self.dice)
        line.addWidget(self.lock)
        column = self._column()
        column.addWidget(self.label)
        column.addLayout(line)
        self._name(self.edit)
        self._value = new_seed()
        self.edit.setText(str(self._value))
        self._locked()
        self.edit.textEdited.connect(self._typed)
        self.edit.editingFinished.connect(lambda: self.edit.setText(str(self._value)))
        self.dice.clicked.connect(lambda: self.set_value(new_seed()))
        self.lock.toggled.connect(self._locked)

    def value(self) -> int:
        """The seed shown."""
        return self._value

    def set_value(self, value: int) -> None:
        """Show a seed, 0 to 2^32 - 1; more is cut."""
        value = min(MAX_SEED, max(0, int(value)))
        self.edit.setText(str(value))
        if value != self._value:
            self._value = value
            self.changed.emit()

    def keep(self, on: bool) -> None:
        """Lock or unlock it."""
        self.lock.setChecked(on)

    def take(self) -> int:
        """The seed for a generation that starts now: a new one unless it is locked. It stays shown."""
        if not self.lock.isChecked():
            self.set_value(new_seed())
        return self._value

    def retranslate(self) -> None:
        """Texts that depend on the state."""
        super().retranslate()
        self._locked()

    def _typed(self, text: str) -> None:
        self._value = min(MAX_SEED, int(text or 0))
        self.lock.setChecked(True)  # who types a seed wants that one
        self.changed.emit()

    def _locked(self) -> None:
        on = self.lock.isChecked()
        self.lock.setIcon(icon("lock-outline" if on else "lock-open-variant-outline"))
        self.lock.setToolTip(tr("The seed stays the same") if on else tr("Every generation draws a new seed"))

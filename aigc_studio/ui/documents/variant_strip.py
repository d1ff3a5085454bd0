"""The strip below a generated passage: which variant stands there, and what may be done with it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from aigc_studio.core.i18n import N_

from ..i18n import Translated
from ..icons import icon

__all__ = ["VariantStrip"]


class VariantStrip(Translated, QFrame):
    """Previous, next, keep, try again, remove; while the passage is being written: stop."""

    previous = Signal()
    next = Signal()
    keep = Signal()
    again = Signal()
    dismiss = Signal()
    stop = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("variantStrip")
        self.setProperty("role", "card")
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 4, 6, 4)
        row.setSpacing(4)
        self._back = self._tool("chevron-left", N_("Previous variant (Alt+Left)"), self.previous)
        self._number = QLabel(self)
        self._number.setProperty("role", "muted")
        self._forward = self._tool("chevron-right", N_("Next variant (Alt+Right)"), self.next)
        self._line = QFrame(self)
        self._line.setProperty("role", "vline")
        self._line.setFixedHeight(16)
        self._keep = self._button("check", N_("Keep##variant"), N_("Keep this text (Alt+Down)"), self.keep)
        self._again = self._button(
            "refresh", N_("Try again##variant"), N_("Write another variant (Alt+Up)"), self.again
        )
        self._remove = self._button("close", N_("Remove##variant"), N_("Take it out of the text"), self.dismiss)
        self._stop = self._button("stop", N_("Stop##writing"), N_("Stop and keep what is written (Esc)"), self.stop)
        for widget in (
            self._back,
            self._number,
            self._forward,
            self._line,
            self._keep,
            self._again,
            self._remove,
            self._stop,
        ):
            row.addWidget(widget)
        self._shown = (0, 0, False)
        self.show_state(-1, 0, writing=False)

    def _tool(self, picture: str, title: str, signal) -> QToolButton:  # noqa: ANN001  SignalInstance
        button = QToolButton(self, autoRaise=True)
        button.setIcon(icon(picture))
        button.setIconSize(QSize(16, 16))
        button.setProperty("role", "small")
        self.tr_bind(button.setToolTip, title)
        self.tr_bind(button.setAccessibleName, title)
        button.clicked.connect(lambda: signal.emit())
        return button

    def _button(self, picture: str, title: str, tip: str, signal) -> QPushButton:  # noqa: ANN001  SignalInstance
        button = QPushButton(icon(picture), "", self, autoDefault=False)
        button.setIconSize(QSize(14, 14))
        button.setProperty("role", "ghost")
        self.tr_bind(button.setText, title)
        self.tr_bind(button.setToolTip, tip)
        button.clicked.connect(lambda: signal.emit())
        return button

    def show_state(self, index: int, count: int, *, writing: bool, of: int = 0) -> None:
        """index: the variant in the text, -1 when it was edited; count: how many there are; of: how many will be."""
        several = count > 1
        for widget in (self._back, self._number, self._forward, self._line):
            widget.setVisible(several)
        self._back.setEnabled(index != 0)
        self._forward.setEnabled(index != count - 1)
        for widget in (self._keep, self._again, self._remove):
            widget.setVisible(not writing)
        self._stop.setVisible(writing)
        if index < 0:
            self.tr_bind(self._number.setText, N_("edited · {count}"), count=count)
        else:
            self.tr_bind(self._number.setText, N_("{index} of {count}"), index=index + 1, count=max(count, of))
        self.adjustSize()

"""Below the page: what a model made of a passage, to be taken, to be put beside it, or to be left."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import N_, tr

from ..events import Notice
from ..i18n import Translated
from ..icons import icon
from .diff_view import DiffView

__all__ = ["ResultCard"]


class ResultCard(Translated, QFrame):
    """Shows one result, which of several it is, and what it changes. It knows neither jobs nor documents."""

    accepted = Signal()
    bothKept = Signal()
    rejected = Signal()
    stopped = Signal()
    again = Signal()
    stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "footer")
        self.setMaximumHeight(340)
        self._old = self._new = ""
        self._running = False
        self._notices: list[Notice] = []
        self._titles: dict[QPushButton, str] = {}
        self._title = QLabel(self)
        self._title.setProperty("role", "section")
        self._places = QLabel(self)
        self._places.setProperty("role", "faint")
        self._back = self._tool("chevron-left", N_("Previous result (Alt+Left)"), -1)
        self._number = QLabel(self)
        self._number.setProperty("role", "muted")
        self._forward = self._tool("chevron-right", N_("Next result (Alt+Right)"), 1)
        self.compare = self._button("file-compare", N_("Differences"), N_("Show what changed (Ctrl+Alt+D)"))
        self.compare.setCheckable(True)
        self.compare.toggled.connect(self._show)
        top = QHBoxLayout()
        top.setSpacing(4)
        for widget in (self._title, self._back, self._number, self._forward, self._places):
            top.addWidget(widget)
        top.addStretch(1)
        top.addWidget(self.compare)
        self.view = DiffView(self)
        self.tr_bind(self.view.setAccessibleName, N_("Result"))
        self.view.setMinimumHeight(96)
        self._note = QLabel(self, wordWrap=True)
        self._note.setProperty("role", "warning")
        self.accept = self._button("check", N_("Replace##result"), N_("Put it in the passage's place (Alt+Down)"))
        self.accept.setProperty("role", "primary")
        self.accept.setIcon(icon("check", "on-accent"))
        self.both = self._button("text-box-plus-outline", N_("Keep both"), N_("Put it below the passage (Ctrl+Alt+B)"))
        self.reject = self._button("close", N_("Discard##result"), N_("Leave the passage as it was (Esc)"))
        self.redo = self._button("refresh", N_("Try again##variant"), N_("Make another one (Alt+Up)"))
        self.halt = self._button("stop", N_("Stop##writing"), N_("Stop and keep what is written (Esc)"))
        for button, signal in (
            (self.accept, self.accepted),
            (self.both, self.bothKept),
            (self.reject, self.rejected),
            (self.redo, self.again),
            (self.halt, self.stopped),
        ):
            button.clicked.connect(lambda _=False, signal=signal: signal.emit())
        bottom = QHBoxLayout()
        bottom.setSpacing(4)
        for widget in (self.accept, self.both, self.redo, self.halt):
            bottom.addWidget(widget)
        bottom.addStretch(1)
        bottom.addWidget(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.view, 1)
        column.addWidget(self._note)
        column.addLayout(bottom)
        self.hide()

    def _tool(self, picture: str, title: str, step: int) -> QToolButton:
        button = QToolButton(self, autoRaise=True)
        button.setIcon(icon(picture))
        button.setIconSize(QSize(16, 16))
        button.setProperty("role", "small")
        self.tr_bind(button.setToolTip, title)
        self.tr_bind(button.setAccessibleName, title)
        button.clicked.connect(lambda: self.stepped.emit(step))
        return button

    def _button(self, picture: str, title: str, tip: str) -> QPushButton:
        button = QPushButton(icon(picture), "", self, autoDefault=False)
        button.setIconSize(QSize(14, 14))
        button.setProperty("role", "ghost")
        button.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)  # words are not cut
        self._titles[button] = title
        self.tr_bind(button.setText, title)
        self.tr_bind(button.setToolTip, tip)
        self.tr_bind(button.setAccessibleName, title)
        return button

    # -- state ---------------------------------------------------------------------------------------------------

    def begin(self, title: str, old: str) -> None:
        """Another passage: nothing of its result is there yet. title: marked with N_(). old: the passage."""
        self._old, self._new = old, ""
        self._notices = []
        self.tr_bind(self._title.setText, title)
        self._note.hide()
        self.compare.setChecked(False)
        self.show_state(0, 0, 0, running=True)
        self.show_text("")
        self.show()

    def show_text(self, text: str) -> None:
        """The result as far as it is there."""
        self._new = text
        self._show()

    def show_state(self, index: int, count: int, of: int, *, running: bool) -> None:
        """index: of the result shown; count: how many there are; of: how many there will be."""
        self._running = running
        several = max(count, of) > 1
        for widget in (self._back, self._number, self._forward):
            widget.setVisible(several)
        self._back.setEnabled(index > 0)
        self._forward.setEnabled(index + 1 < count)
        self.tr_bind(self._number.setText, N_("{index} of {count}"), index=index + 1, count=max(count, of, 1))
        self.halt.setVisible(running)
        for button in (self.accept, self.both, self.redo):
            button.setVisible(not running)
        for button in (self.accept, self.both, self.compare):
            button.setEnabled(bool(count) and not running)
        self._fit()
        if running and self.compare.isChecked():
            self.compare.setChecked(False)
        self._show()

    def say(self, notice: Notice) -> None:
        """Something to know about the result."""
        if notice not in self._notices:
            self._notices.append(notice)
        self._tell()

    def _tell(self) -> None:
        self._note.setText("\n".join(map(str, self._notices)))
        self._note.setVisible(bool(self._notices))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is no room for all the words, the lesser buttons are pictures."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        lesser = (self.both, self.redo, self.reject)
        for button in lesser:
            button.setText(tr(self._titles[button]))
        shown = [button for button in (self.accept, *lesser) if not button.isHidden()]
        needed = sum(button.sizeHint().width() + 4 for button in shown) + 2 * 16
        for button in lesser if needed > self.width() else ():
            button.setText("")

    def retranslate(self) -> None:
        """Notices are said again."""
        super().retranslate()
        self._fit()
        self._tell()
        self._show()

    def _show(self) -> None:
        if not self.compare.isChecked():
            self.view.show_text(self._new)
            self._places.setText("")
            return
        count = self.view.show_difference(self._old, self._new)
        self._places.setText(tr(N_("No difference")) if not count else tr(N_("{count} places differ"), count=count))
        self._places.setAlignment(Qt.AlignmentFlag.AlignVCenter)

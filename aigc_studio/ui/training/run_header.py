"""The line above a run: what it is, how far it is, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.events import Progress
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.theme import set_role
from aigc_studio.ui.widgets.elided_label import ElidedLabel
from aigc_studio.ui.widgets.job_bar import time_text

from .run_list import fraction, step_text
from .run_source import RunItem
from .words import recipe_title, said_state, state_text

__all__ = ["RunHeader"]

_ROLES = {"running": "", "failed": "danger", "done": "success"}
_MAIN = {
    "resume": ("paused", "failed", "cancelled"),
    "pause": ("running", "pending"),
    "finish": ("running",),
    "use": ("done",),
    "round": ("done",),
    "stop": ("running", "pending", "paused"),
}
"""Actions that have a button of their own here, and the states in which it stands there. The others are in the menu."""


_ALWAYS = ("use", "resume", "finish")
"""Buttons that keep their words where there is little room."""
_NARROW = 520
"""Width from which all have them."""
_TIPS = {
    "finish": N_("Learns no further, and makes the model from what it has learned so far"),
    "stop": N_("Stop without making a model; what it has learned is kept"),
    "round": N_("Train on from here, with the samples that you kept"),
}


class RunHeader(Translated, QFrame):
    """acts: the panel's actions by id; the buttons are theirs, and show while their action is visible."""

    def __init__(self, acts: Mapping[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "toolbar")
        self._item: RunItem | None = None
        self._count = 1
        self._progress: Progress | None = None
        self.title = ElidedLabel(self)
        self.title.setProperty("role", "heading")
        self.state = QLabel(self)
        self.about = ElidedLabel(self)
        self.about.setProperty("role", "muted")
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        second = QHBoxLayout()
        second.setSpacing(8)
        second.addWidget(self.state)
        second.addWidget(self.about, 1)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addLayout(second)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addLayout(words, 1)
        self.buttons: dict[str, QPushButton] = {}
        for id in _MAIN:
            button = QPushButton(self, autoDefault=False)
            button.setIconSize(QSize(16, 16))
            if id == "use":
                button.setProperty("role", "primary")
            elif id == "stop":
                button.setProperty("role", "ghost")
                button.setFixedWidth(34)
            button.clicked.connect(acts[id].trigger)
            self.buttons[id] = button
            line.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        self._acts = acts
        self.more = QToolButton(self)
        self.more.setIcon(icon("dots-horizontal"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.tr_bind(self.more.setToolTip, N_("More"))
        self.tr_bind(self.more.setAccessibleName, N_("More"))
        self.menu = QMenu(self.more)
        self.more.setMenu(self.menu)
        line.addWidget(self.more, 0, Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 12, 8)
        column.setSpacing(6)
        column.addLayout(line)
        column.addWidget(self.bar)

    def show_run(self, item: RunItem | None, progress: Progress | None, count: int = 1) -> None:
        """Another run, or another state of the same. count: how many are chosen."""
        self._item, self._progress, self._count = item, progress, count
        self._say()

    def sync(self) -> None:
        """The actions were enabled and named anew."""
        state = self._item.state if self._item is not None and self._count == 1 else ""
        had = next((button for button in self.buttons.values() if button.hasFocus()), None)
        for id, button in self.buttons.items():
            action = self._acts[id]
            stays = id == "finish" and self._item is not None and self._item.finishing
            button.setVisible(state in _MAIN[id] and (action.isEnabled() or stays))
            button.setEnabled(action.isEnabled())
            button.setText(action.text() if id != "stop" and (id in _ALWAYS or not self._narrow) else "")
            button.setAccessibleName(action.text())
            button.setToolTip(tr(_TIPS[id]) if id in _TIPS else action.toolTip())
            name = str(action.data() or "")
            primary = id == "use"
            button.setIcon(icon(name, "on-accent", disabled="on-accent-disabled") if primary else icon(name))
        if had is not None and (had.isHidden() or not had.isEnabled()):
            self._pass_on_focus()

    @property
    def _narrow(self) -> bool:
        return self.width() < _NARROW

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Words have room, or not."""
        narrow = event.oldSize().width() < _NARROW
        super().resizeEvent(event)
        if narrow != self._narrow:
            self.sync()

    def _pass_on_focus(self) -> None:
        """The button that was pressed is gone, or answers no more. Not on to Cancel: a second press would end it."""
        shown = [
            button
            for id, button in self.buttons.items()
            if id != "stop" and not button.isHidden() and button.isEnabled()
        ]
        (shown[0] if shown else self.more).setFocus(Qt.FocusReason.OtherFocusReason)

    def retranslate(self) -> None:
        """All of it is composed here."""
        super().retranslate()
        if hasattr(self, "menu"):
            self._say()

    def _say(self) -> None:
        item, progress = self._item, self._progress
        if item is None:
            self.bar.hide()
            return
        if self._count > 1:
            self.title.setText(tr("{count} trainings side by side", count=self._count))
            self.state.setText("")
            self.about.setText(tr("Ctrl and a click in the list adds one or takes it away."))
            self.bar.hide()
            return
        self.title.setText("  ·  ".join(part for part in (item.title or recipe_title(item.recipe), item.apart) if part))
        running = item.state == "running"
        self.state.setText(state_text(said_state(item)))
        set_role(self.state, _ROLES.get(item.state, "muted"))
        parts = []
        parts.append(step_text(item, progress))
        if running and progress is not None and progress.eta_s is not None:
            parts.append(time_text(progress.eta_s))
        if item.state == "failed" and item.job is not None and item.job.error is not None:
            parts = [str(item.job.error)]
        parts.append(recipe_title(item.recipe))
        self.about.setText("  ·  ".join(part for part in parts if part))
        self.bar.setVisible(running or item.state == "paused")
        unknown = running and (progress is None or not progress.total)
        self.bar.setRange(0, 0 if unknown else 1000)
        if not unknown:
            self.bar.setValue(round(1000 * fraction(item, progress)))

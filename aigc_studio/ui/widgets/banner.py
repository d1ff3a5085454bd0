"""Sentences for the person at the top of the window: never a dialog, never in the way of the next click.

They lie over what is there, and move nothing: a click goes to what the pointer was over.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QFontMetrics, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

__all__ = ["Banner", "BannerArea"]

_ICONS = {
    "info": ("information-outline", "info"),
    "success": ("check-circle-outline", "success"),
    "warning": ("alert-outline", "warning"),
    "error": ("alert-circle-outline", "danger"),
    "task": ("progress-clock", "info"),
}
"""Level to icon and colour."""
Action = tuple[str, Callable[[], object]]
"""Title of a button, marked with N_(), and what it does."""

INFO_MS = 6000
MOST = 3
AGAIN_MS = 2000
"""News that is read, or has the keyboard, stays so much longer, and again."""
_SETTLE_MS = 400
"""What was aimed at something else a moment before is no answer to a banner's question."""
_WIDTH = (280, 820)
"""Least and most, pixels."""


class Banner(Translated, QFrame):
    """One sentence with an icon, at most one action button, and a button that closes it.

    level: "info", "success" (both go by themselves), "warning", "error" (stay until closed), or "task", which has a
    progress bar and stays until its work is over.
    """

    gone = Signal()
    """It was dismissed, or went by itself."""

    def __init__(self, level: str, parent: BannerArea) -> None:
        super().__init__(parent)
        self._area = parent
        self.level = level
        self.dismissed = False
        self.about = ""
        """Id of the job it speaks of: it goes when that job is tried again or gone."""
        self.error: StudioError | None = None
        """Shown in the current language."""
        self.setProperty("role", "banner")
        self.setProperty("level", level)
        self._icon = QLabel(self)
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.button = QPushButton(self, autoDefault=False)
        self.button.hide()
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(160)
        self.bar.setVisible(level == "task")
        self.close_button = QToolButton(self)
        self.close_button.setVisible(level != "task")
        self.close_button.setProperty("role", "small")
        self.close_button.setIcon(icon("close"))
        self.close_button.setIconSize(QSize(16, 16))
        self.tr_bind(self.close_button.setToolTip, N_("Dismiss"))
        self.tr_bind(self.close_button.setAccessibleName, N_("Dismiss"))
        self.close_button.clicked.connect(self.dismiss)
        self.close_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 6, 8, 6)
        line.setSpacing(8)
        line.addWidget(self._icon)
        line.addWidget(self.text, 1)
        line.addWidget(self.bar)
        line.addWidget(self.button)
        line.addWidget(self.close_button)
        self._draw()
        self.visited = self._settled = False
        QTimer.singleShot(_SETTLE_MS, self, self._settle)
        if level in ("info", "success"):
            self._timer = QTimer(self, singleShot=True)
            self._timer.timeout.connect(self._time_over)
            self._timer.start(INFO_MS)

    def add_action(self, title: str, call: Callable[[], object]) -> None:
        """Offer what to do about it; title marked with N_()."""
        self.tr_bind(self.button.setText, title)
        self.button.clicked.connect(lambda: (call(), self.dismiss()))
        self.button.show()

    @property
    def natural(self) -> int:
        """The width at which its sentence stands in one line, pixels."""
        self.ensurePolished()
        shown = [each for each in (self.bar, self.button, self.close_button) if not each.isHidden()]
        words = QFontMetrics(self.text.font()).horizontalAdvance(self.text.text())
        return 12 + 18 + 8 + words + 8 + sum(each.sizeHint().width() + 8 for each in shown) + 8

    def tell(self) -> None:
        """Have it read to who listens, wherever the keyboard is."""
        self.setAccessibleName(self.text.text())
        event = QAccessibleAnnouncementEvent(self, self.text.text())
        urgent = self.level in ("error", "warning")
        event.setPoliteness(
            QAccessible.AnnouncementPoliteness.Assertive if urgent else QAccessible.AnnouncementPoliteness.Polite
        )
        QAccessible.updateAccessibility(event)

    def set_fraction(self, fraction: float) -> None:
        """How far the task is, 0..1."""
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * fraction))

    def retranslate(self) -> None:
        """An error translates itself, with its fields."""
        super().retranslate()
        if self.error is not None:
            self.text.setText(str(self.error))
        self.setAccessibleName(self.text.text())

    def dismiss(self) -> None:
        """Take it away."""
        if self.dismissed:
            return
        self.dismissed = True
        self._area.give_back_focus(self)
        self.hide()
        self.gone.emit()
        self.deleteLater()

    def _settle(self) -> None:
        self._settled = True

    def _time_over(self) -> None:
        """Not while one reads it or is about to press its button: what lies below it would get the click."""
        if self._area.busy:
            self._timer.start(AGAIN_MS)
        else:
            self.dismiss()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A press in the moment in which it appeared was meant for something else."""
        if event.type() == QEvent.Type.FocusOut:
            self.visited = False
        elif event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            self.visited = True  # not for having the keyboard: a window that is shown gives it to any of its controls
        return event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick) and not self._settled

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc takes it away."""
        if event.key() == Qt.Key.Key_Escape and self.level != "task":
            self.dismiss()
            return
        super().keyPressEvent(event)

    def changeEvent(self, event) -> None:
        """The icon takes the new theme's colour."""
        super().changeEvent(event)
        if event.type() == event.Type.PaletteChange and hasattr(self, "level"):
            self._draw()

    def _draw(self) -> None:
        picture = icon(*_ICONS[self.level])
        self._icon.setPixmap(picture.pixmap(QSize(18, 18), self.devicePixelRatioF()))


class BannerArea(QWidget):
    """Holds the newest banners, at most three; the same sentence is not shown twice. It lies over its parent.

    room: where in the parent it may lie: left, top and width, and the height of what is empty there anyway; a single
    line stands in its middle. Default: the parent's top.
    """

    def __init__(self, parent: QWidget, *, room: Callable[[], QRect] | None = None) -> None:
        super().__init__(parent)
        self._around, self._room = parent, room
        self._before: QWidget | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self.hide()
        parent.installEventFilter(self)

    @property
    def busy(self) -> bool:
        """Whether the pointer is in it, or somebody came with the keyboard."""
        return self.underMouse() or any(each.visited for each in self.banners())

    def go_to(self) -> bool:
        """The keyboard to the newest banner; False where there is none. Who was there before gets it back."""
        banners = self.banners()
        if not banners:
            return False
        newest, focus = banners[-1], QApplication.focusWidget()
        if focus is not None and not self.isAncestorOf(focus):
            self._before = focus
        button = newest.close_button if newest.button.isHidden() else newest.button
        button.setFocus(Qt.FocusReason.ShortcutFocusReason)
        newest.visited = True
        return True

    def give_back_focus(self, banner: Banner) -> None:
        """A banner goes: the keyboard must not go to whatever Qt finds next."""
        focus = QApplication.focusWidget()
        if focus is None or not banner.isAncestorOf(focus):
            return
        others = [each for each in self.banners() if each is not banner]
        before = self._before
        if others:
            others[-1].close_button.setFocus(Qt.FocusReason.OtherFocusReason)
        elif before is not None and isValid(before) and before.isVisible():
            before.setFocus(Qt.FocusReason.OtherFocusReason)

    def place(self) -> None:
        """Lie where there is room, no wider than the sentences need."""
        banners = self.banners()
        if not banners:
            return
        room = self._room() if self._room is not None else self._around.rect().adjusted(12, 8, -12, 0)
        least, most = _WIDTH
        width = min(room.width(), most, max(least, *(each.natural for each in banners)))
        height = self._column.totalHeightForWidth(width)
        if height < 0:
            height = self._column.totalSizeHint().height()
        first = banners[0].heightForWidth(width) if len(banners) == 1 else height
        gap = max(0, (room.height() - first) // 2) if self._room is not None else 0
        place = QRect(room.left() + (room.width() - width) // 2, room.top() + gap, width, height)
        if place != self.geometry():
            self.setGeometry(place)

    def event(self, event: QEvent) -> bool:
        """A banner has another text."""
        if event.type() == QEvent.Type.LayoutRequest and self.isVisible():
            self.place()
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """What it lies over has another size."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest) and not self.isHidden():
            self.place()
        return False

    def banners(self) -> list[Banner]:
        """Those shown, oldest first."""
        return [child for child in self.findChildren(Banner) if not child.dismissed]

    def show_error(self, error: StudioError, action: Action | None = None, *, level: str = "error") -> Banner:
        """Show an error's sentence in the current language, and follow a switch."""
        banner = self._add(level)
        banner.error = error
        banner.retranslate()
        return self._finish(banner, action)

    def show_text(self, level: str, source: str, action: Action | None = None, /, **params: object) -> Banner:
        """Show a text marked with N_()."""
        banner = self._add(level)
        banner.tr_bind(banner.text.setText, source, **params)
        return self._finish(banner, action)

    def show_task(self, source: str, cancel: Callable[[], object], /, **params: object) -> Banner:
        """Show work under way, with a cancel button; `set_fraction` moves its bar, `dismiss` when it is over."""
        banner = self._add("task")
        banner.tr_bind(banner.text.setText, source, **params)
        banner.tr_bind(banner.button.setText, N_("Cancel"))
        banner.button.clicked.connect(lambda: (cancel(), banner.button.setEnabled(False)))
        banner.button.show()
        return self._finish(banner, None)

    def show_ready(self, level: str, text: str, action: Action | None = None) -> Banner:
        """Show a text that is already in the person's language."""
        banner = self._add(level)
        banner.text.setText(text)
        return self._finish(banner, action)

    def clear(self) -> None:
        """Dismiss all."""
        for banner in self.banners():
            banner.dismiss()

    def _add(self, level: str) -> Banner:
        return Banner(level, self)

    def _finish(self, banner: Banner, action: Action | None) -> Banner:
        if action is not None:
            banner.add_action(*action)
        for old in self.banners():
            if old is not banner and old.text.text() == banner.text.text():
                old.dismiss()
        for old in [each for each in self.banners() if each.level != "task"][:-MOST]:
            old.dismiss()
        self._column.addWidget(banner)
        for button in (banner.button, banner.close_button):
            button.installEventFilter(banner)
        banner.gone.connect(self._one_less)
        banner.show()  # now: Qt would show it an event later, and a banner that goes meanwhile would hide the area
        self.show()
        self.raise_()
        self.place()
        banner.tell()
        return banner

    def _one_less(self) -> None:
        self.setVisible(bool(self.banners()))
        self.place()

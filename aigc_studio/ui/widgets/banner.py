"""Sentences for the person at the top of the work area: never a dialog, never in the way of the next click."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
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


class Banner(Translated, QFrame):
    """One sentence with an icon, at most one action button, and a button that closes it.

    level: "info", "success" (both go by themselves), "warning", "error" (stay until closed), or "task", which has a
    progress bar and stays until its work is over.
    """

    gone = Signal()
    """It was dismissed, or went by itself."""

    def __init__(self, level: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
        self.button = QPushButton(self)
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
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 6, 8, 6)
        line.setSpacing(8)
        line.addWidget(self._icon)
        line.addWidget(self.text, 1)
        line.addWidget(self.bar)
        line.addWidget(self.button)
        line.addWidget(self.close_button)
        self._draw()
        if level in ("info", "success"):
            timer = QTimer(self)
            timer.setSingleShot(True)
            timer.timeout.connect(self.dismiss)
            timer.start(INFO_MS)

    def add_action(self, title: str, call: Callable[[], object]) -> None:
        """Offer what to do about it; title marked with N_()."""
        self.tr_bind(self.button.setText, title)
        self.button.clicked.connect(lambda: (call(), self.dismiss()))
        self.button.show()

    def set_fraction(self, fraction: float) -> None:
        """How far the task is, 0..1."""
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * fraction))

    def retranslate(self) -> None:
        """An error translates itself, with its fields."""
        super().retranslate()
        if self.error is not None:
            self.text.setText(str(self.error))

    def dismiss(self) -> None:
        """Take it away."""
        self.dismissed = True
        self.hide()
        self.gone.emit()
        self.deleteLater()

    def changeEvent(self, event) -> None:
        """The icon takes the new theme's colour."""
        super().changeEvent(event)
        if event.type() == event.Type.PaletteChange and hasattr(self, "level"):
            self._draw()

    def _draw(self) -> None:
        picture = icon(*_ICONS[self.level])
        self._icon.setPixmap(picture.pixmap(QSize(18, 18), self.devicePixelRatioF()))


class BannerArea(QWidget):
    """Holds the newest banners, at most three; the same sentence is not shown twice.

    inset: room around them, pixels: left, top, right, bottom.
    """

    def __init__(self, parent: QWidget | None = None, *, inset: tuple[int, int, int, int] = (12, 8, 12, 8)) -> None:
        super().__init__(parent)
        self._inset = inset
        self._column = QVBoxLayout(self)
        self._column.setSpacing(4)
        self.hide()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

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
        self._column.setContentsMargins(*self._inset)
        banner.gone.connect(self._hide_if_empty)
        banner.show()  # now: Qt would show it an event later, and a banner that goes meanwhile would hide the area
        self.show()
        return banner

    def _hide_if_empty(self) -> None:
        self.setVisible(bool(self.banners()))

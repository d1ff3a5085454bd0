"""The first thing a person sees: begin, open, try it, or go on with a project of last week."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QIcon, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import N_
from aigc_studio.core.paths import resources
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

from .recent_card import CARD, RecentCard

__all__ = ["StartPage"]

GAP = 16


class _ActionCard(Translated, QPushButton):
    """A large button with an icon, a title and a line about it."""

    def __init__(self, picture: str, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(96)
        self._picture = picture
        self._icon = QLabel(self)
        heading, line = QLabel(self), QLabel(self)
        heading.setProperty("role", "heading")
        line.setProperty("role", "faint")
        line.setWordWrap(True)
        line.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        for label in (self._icon, heading, line):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.tr_bind(heading.setText, title)
        self.tr_bind(line.setText, text)
        self.tr_bind(self.setAccessibleName, title)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(heading)
        words.addWidget(line, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 16, 16, 12)
        row.setSpacing(12)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        self._draw()

    def sizeHint(self) -> QSize:
        """From the labels inside, not from the button's own empty text."""
        inside = self.layout()
        return inside.sizeHint() if inside is not None else super().sizeHint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens it, as it opens a file; Qt's buttons know Space only."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event) -> None:
        """The icon takes the new theme's colour."""
        super().changeEvent(event)
        if event.type() == event.Type.PaletteChange and hasattr(self, "_icon"):
            self._draw()

    def _draw(self) -> None:
        self._icon.setPixmap(icon(self._picture, "accent-text").pixmap(QSize(24, 24), self.devicePixelRatioF()))


class StartPage(Translated, QFrame):
    """Signals only; the window does what is asked."""

    newWanted = Signal()
    openWanted = Signal()
    demoWanted = Signal()
    projectWanted = Signal(object)
    """Path of a project or a package."""
    forgetWanted = Signal(object)
    revealWanted = Signal(object)
    languageWanted = Signal()
    themeWanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "window")
        self.setAcceptDrops(True)
        self._columns = 0
        self.cards: list[RecentCard] = []
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(32, 16, 32, 32)
        column.setSpacing(0)
        column.addStretch(1)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addLayout(self._heading())
        middle.addSpacing(32)
        middle.addLayout(self._beginnings())
        middle.addSpacing(32)
        middle.addWidget(self._recent_part())
        self._middle = QWidget(page)
        self._middle.setLayout(middle)
        middle.setContentsMargins(0, 0, 0, 0)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(self._middle)
        across.addStretch(1)
        column.addLayout(across)
        column.addStretch(2)
        column.insertLayout(0, self._corner())  # made last: Tab comes to it last
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(page)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(scroll)

    def focus_first(self) -> None:
        """Put the keyboard on the first button. No focus proxy: Tab would never leave it."""
        self.new.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_recent(self, projects: Sequence[tuple[Path, str, list[str]]]) -> None:
        """Show the projects opened last: folder, name, thumbnail files."""
        for card in self.cards:
            self._grid.removeWidget(card)
            card.deleteLater()
        self.cards = []
        for folder, name, pictures in projects:
            card = RecentCard(folder, name, pictures, self._recent)
            card.clicked.connect(lambda _checked=False, folder=folder: self.projectWanted.emit(folder))
            card.forgotten.connect(self.forgetWanted)
            card.revealed.connect(self.revealWanted)
            self.cards.append(card)
        for before, after in pairwise([self.demo, *self.cards]):
            QWidget.setTabOrder(before, after)
        self._recent.setVisible(bool(self.cards))
        self._columns = 0
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many columns as there is room for, two to four."""
        super().resizeEvent(event)
        self._arrange()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A project's folder or a package may be dropped here."""
        if event.mimeData().hasUrls() and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.projectWanted.emit(Path(url.toLocalFile()))
                event.acceptProposedAction()
                return

    def _arrange(self) -> None:
        room = self.width() - 64
        columns = max(2, min(4, (room + GAP) // (CARD.width() + GAP)))
        if columns == self._columns:
            return
        self._columns = columns
        self._middle.setFixedWidth(columns * CARD.width() + (columns - 1) * GAP)
        for number, card in enumerate(self.cards):
            self._grid.addWidget(card, number // columns, number % columns)

    def _corner(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addStretch(1)
        for picture, tip, name, signal in (
            ("translate", N_("中文 / English"), N_("Switch language"), self.languageWanted),
            ("brightness-6", N_("Light or dark"), N_("Light or dark"), self.themeWanted),
        ):
            button = QToolButton(self)
            button.setIcon(icon(picture))
            button.setIconSize(QSize(20, 20))
            self.tr_bind(button.setToolTip, tip)
            self.tr_bind(button.setAccessibleName, name)
            button.clicked.connect(signal)
            line.addWidget(button)
        return line

    def _heading(self) -> QHBoxLayout:
        mark = QLabel(self)
        mark.setPixmap(QIcon(str(resources() / "icons" / "app.svg")).pixmap(QSize(56, 56), self.devicePixelRatioF()))
        name, line = QLabel("AIGC Studio", self), QLabel(self)
        name.setProperty("role", "display")
        line.setProperty("role", "muted")
        self.tr_bind(line.setText, N_("Copy, pictures and voice, made on your own computer, in one project."))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(name)
        words.addWidget(line)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(mark)
        row.addLayout(words, 1)
        return row

    def _beginnings(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(GAP)
        self.new = _ActionCard("plus", N_("New project"), N_("For copy, pictures and voice"), self)
        self.open = _ActionCard("folder-open-outline", N_("Open project"), N_("A project folder or a package"), self)
        self.demo = _ActionCard("creation-outline", N_("Try it"), N_("Make the demo project and watch"), self)
        for card, signal in ((self.new, self.newWanted), (self.open, self.openWanted), (self.demo, self.demoWanted)):
            card.clicked.connect(signal)
            row.addWidget(card, 1)
        return row

    def _recent_part(self) -> QWidget:
        self._recent = QWidget(self)
        column = QVBoxLayout(self._recent)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        title = QLabel(self)
        title.setProperty("role", "section")
        self.tr_bind(title.setText, N_("Recent projects"))
        column.addWidget(title)
        self._grid = QGridLayout()
        self._grid.setSpacing(GAP)
        self._grid.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        column.addLayout(self._grid)
        self._recent.hide()
        return self._recent

"""What the canvas shows while there is no picture: how to get one, with examples to click."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QToolButton, QWidget

from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.canvas.view import Canvas
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.widgets.empty_state import EmptyState

__all__ = ["EXAMPLES", "Welcome"]

EXAMPLES = (
    N_("calm blue waves, seamless"),
    N_("warm sunset stripes"),
    N_("wild neon marble"),
    N_("pastel clouds, soft and dreamy"),
    N_("gold and black mirror pattern"),
    N_("misty green mountains"),
)
"""Prompts that the abstract painter understands, in the language of the window."""


_WORDS = (
    N_("Describe a picture"),
    N_("Write what you want on the left, drop a picture here to change it, or start with one of these."),
)
_NO_WORDS = (
    N_("Make a picture"),
    N_("The chosen model needs no words: press the button on the left, or drop a picture here to start from it."),
)


class Welcome(Translated, QWidget):
    """Lies over an empty canvas and fills it; drops go through to the canvas."""

    chosen = Signal(str)

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        state = EmptyState("image-plus-outline", *_WORDS, parent=self)
        grid = QGridLayout()
        grid.setSpacing(8)
        self.examples: list[QToolButton] = []
        for number, text in enumerate(EXAMPLES):
            button = QToolButton(self)
            button.setProperty("role", "chip")
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            self.tr_bind(button.setText, text)
            button.clicked.connect(lambda _checked=False, text=text: self.chosen.emit(tr(text)))
            button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
            grid.addWidget(button, number // 2, number % 2)
            self.examples.append(button)
        layout = state.layout()
        assert layout is not None
        holder = QWidget(state)
        holder.setMaximumWidth(440)
        grid.setContentsMargins(0, 0, 0, 0)
        holder.setLayout(grid)
        layout.insertWidget(layout.count() - 1, holder, 0, Qt.AlignmentFlag.AlignHCenter)  # pyright: ignore[reportAttributeAccessIssue]
        self._state, self._holder, self._reader = state, holder, True
        canvas.installEventFilter(self)
        self.setCursor(Qt.CursorShape.ArrowCursor)

    def show_for(self, *, reader: bool) -> None:
        """Suit the chosen model. reader: whether it reads a prompt; without, there is nothing to try."""
        if reader != self._reader:
            self._reader = reader
            self._state.set_text(*(_WORDS if reader else _NO_WORDS))
            self._holder.setVisible(reader)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As large as the canvas."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self.setGeometry(self._canvas.rect())
        return False

    def resizeEvent(self, event) -> None:
        """The state fills it."""
        self._state.setGeometry(self.rect())

"""The word counter below a text: it counts in slices of a millisecond, so that a long text never holds up a key."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QLocale, QTimer
from PySide6.QtWidgets import QLabel, QWidget

from aigc_studio.core.i18n import N_, current_language
from aigc_studio.core.wordcount import Count, count, count_in_slices

from ..i18n import Translated
from .editor import PassageEditor

__all__ = ["WordCounter"]

_QUIET_MS = 250
_LONGEST_SELECTION = 100_000


class WordCounter(Translated, QLabel):
    """Words of an editor's text, or of its selection and the text."""

    def __init__(self, editor: PassageEditor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "faint")
        self._editor = editor
        self._counting: Iterator[Count] = iter(())
        self._total = Count()
        self._selected: Count | None = None
        self._quiet = QTimer(self, singleShot=True, interval=_QUIET_MS)
        self._quiet.timeout.connect(self.recount)
        self._slices = QTimer(self, interval=0)
        self._slices.timeout.connect(self._slice)
        editor.edited.connect(self._soon)
        editor.passages.loaded.connect(self._soon)
        editor.selectionChanged.connect(self._soon)

    def _soon(self) -> None:
        if not self._quiet.isActive():  # not started anew by every piece of a stream: the number moves along
            self._quiet.start()

    def recount(self) -> None:
        """Count from the beginning, now; a text that still comes, when it is there."""
        self._quiet.stop()
        if self._editor.passages.filling:
            return
        selected = self._editor.selected_text()
        self._selected = count(selected) if 0 < len(selected) < _LONGEST_SELECTION else None
        self._counting = count_in_slices(self._editor.passages.text(0, self._editor.passages.length()))
        self._slices.start()

    def _slice(self) -> None:
        total = next(self._counting, None)
        if total is not None:
            self._total = total
            return
        self._slices.stop()
        if self._selected is not None:
            part = self._selected.units
            self.tr_bind(
                self.setText,
                N_("{part} of {n} words"),
                part=lambda: _number(part),
                n=lambda: _number(self._total.units),
            )
        else:
            self.tr_bind(self.setText, N_("{n} words"), n=lambda: _number(self._total.units))
        self.tr_bind(
            self.setToolTip,
            N_("{characters} characters without spaces, {all} with"),
            characters=lambda: _number(self._total.characters),
            all=lambda: _number(self._total.all),
        )


def _number(value: int) -> str:
    return QLocale(current_language()).toString(value)

"""What is made of a passage: from which text, where its results go, and how the person decides.

A result never touches the text by itself. It is kept as a variant of its passage and shown in the card below the page;
taking it, or putting it beside the original, is one undo step.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QTextCursor

from aigc_studio.core.assets import Asset
from aigc_studio.core.documents import Variant
from aigc_studio.core.errors import StudioError

from ..events import Notice
from ..studio import Studio
from .continuation import Continuation
from .editor import PassageEditor
from .passages import Passage, clean
from .result_card import ResultCard

__all__ = ["Rewriter", "Rewriting", "Target"]


@dataclass(frozen=True)
class Target:
    """Where a text is taken from, in positions of the document. kind: "selection", "passage" or "whole"."""

    start: int
    end: int
    kind: str


class Rewriting(Continuation):
    """A job whose results become variants of a passage without being put into the text."""

    def _write(self, index: int, piece: str) -> None:
        self._variant(index).text += clean(piece)
        self.changed.emit()

    def _stored(self, index: int, asset: Asset, text: str) -> None:
        self._reading -= 1
        if self.running and (text := clean(text).strip()):
            self._variant(index).text = text
        self._link(index, asset)

    def _end(self, error: StudioError | None) -> None:
        for variant in self.passage.variants[self._first :]:
            variant.text = variant.text.strip()  # a part that was stopped; the passage has no white space at its ends
        super()._end(error)

    @property
    def results(self) -> list[Variant]:
        """What this job made so far."""
        return [variant for variant in self.passage.variants[self._first :] if variant.text]


class Rewriter(QObject):
    """The card, the job that fills it, and the passage it belongs to.

    ended: StudioError or None. decided: the person took or left the result, or it is not shown any more.
    """

    ended = Signal(object)
    decided = Signal()
    closed = Signal(str)

    def __init__(self, studio: Studio, editor: PassageEditor, card: ResultCard) -> None:
        super().__init__(card)
        self._studio, self._editor, self.card = studio, editor, card
        self.run: Rewriting | None = None
        self.passage: Passage | None = None
        self._range = QTextCursor()
        self._results: list[Variant] = []
        self._shown = 0
        self._job = ""
        card.accepted.connect(self.accept)
        card.bothKept.connect(self.keep_both)
        card.rejected.connect(self.reject)
        card.stepped.connect(self.browse)
        studio.jobNotice.connect(self._noticed)

    @property
    def open(self) -> bool:
        """Whether a result is shown, or being made."""
        return self.passage is not None

    @property
    def results(self) -> list[Variant]:
        """The results that the card shows."""
        return self._results

    def scope(self) -> str:
        """The kind of `target`, without looking at the text; "caret" where there is none."""
        if self._editor.textCursor().hasSelection():
            return "selection"
        if self._editor.current_passage() is not None:
            return "passage"
        return "whole" if self._editor.passages.length() else "caret"

    def target(self) -> Target:
        """The selection, else the passage under the caret, else the whole text; without white space at its ends."""
        cursor = self._editor.textCursor()
        if cursor.hasSelection():
            start, end = self._bare(cursor.selectionStart(), cursor.selectionEnd())
            if end > start:
                return Target(start, end, "selection")
        if (passage := self._editor.current_passage()) is not None:
            return Target(passage.start.position(), passage.end.position(), "passage")
        return Target(*self._bare(0, self._editor.passages.length()), "whole")

    def _bare(self, start: int, end: int) -> tuple[int, int]:
        """The same stretch without white space at its ends, each of which is one unit of Qt's positions."""
        text = self._editor.passages.text(start, end)
        if not text.strip():
            return start, start
        return start + len(text) - len(text.lstrip()), end - (len(text) - len(text.rstrip()))

    def text(self, target: Target) -> str:
        """The text of a target."""
        return self._editor.passages.text(target.start, target.end)

    def prepare(self, target: Target) -> Passage:
        """The passage that the results will belong to."""
        passage = self._editor.passages.wrap(target.start, target.end)
        self._range = QTextCursor(self._editor.document())
        self._range.setPosition(target.start)
        self._range.setPosition(target.end, QTextCursor.MoveMode.KeepAnchor)
        return passage

    def follow(self, passage: Passage, job_id: str, count: int, title: str) -> None:
        """Show what this job makes of the passage. title: of the card, marked with N_()."""
        self.passage, self._job, self._shown, self._results = passage, job_id, 0, []
        self.run = run = Rewriting(self._studio, self._editor, passage, job_id, count)
        self.card.begin(title, passage.text())
        self.card.show_state(0, 0, count, running=True)
        run.changed.connect(self._changed)
        run.ended.connect(self._ended)
        run.closed.connect(self.closed)

    def stop(self) -> None:
        """End the job; what is there stays in the card."""
        if self.run is not None:
            self.run.stop()

    def browse(self, step: int) -> None:
        """Show the result before or after this one."""
        self._shown = max(0, min(len(self._results) - 1, self._shown + step))
        self._refresh()

    # -- what the person decides ---------------------------------------------------------------------------------

    def accept(self) -> None:
        """The result takes the passage's place; one undo step."""
        if (found := self._decidable()) is None:
            return
        passage, variant = found
        self._editor.passages.swap(passage, passage.variants.index(variant))
        self._close()

    def keep_both(self) -> None:
        """The result is put below the passage; one undo step."""
        if (found := self._decidable()) is None:
            return
        passage, variant = found
        added = self._editor.passages.insert_after(passage, variant)
        self._close()
        cursor = self._editor.textCursor()
        cursor.setPosition(added.end.position())
        self._editor.setTextCursor(cursor)
        self._editor.ensureCursorVisible()

    def reject(self) -> None:
        """The passage stays as it was; the results stay among its variants."""
        self.stop()
        if self.passage is not None:
            self._close()

    def _decidable(self) -> tuple[Passage, Variant] | None:
        """(passage, result shown), once nothing is written any more and no input method is composing."""
        passage = self.passage
        if passage is None or self.run is not None or not self._results or self._editor.composing:
            return None
        if passage.empty and self._range.hasSelection():  # an undo took its mark away, the text is still there
            self._editor.passages.wrap(self._range.selectionStart(), self._range.selectionEnd(), passage)
        return passage, self._results[self._shown]

    def _close(self) -> None:
        passage, self.passage, self._results = self.passage, None, []
        self.card.hide()
        if passage is not None:
            self._editor.passages.keep(passage)
        self._editor.edited.emit()
        self._editor.setFocus()
        self.decided.emit()

    def forget(self) -> None:
        """Another document is shown."""
        self.stop()
        if self.passage is not None:
            self.passage, self._results = None, []
            self.card.hide()
            self.decided.emit()

    # -- what the job says ---------------------------------------------------------------------------------------

    def _changed(self) -> None:
        if self.run is not None:
            self._results = self.run.results
            self._refresh()

    def _ended(self, error: StudioError | None) -> None:
        run, self.run = self.run, None
        if run is not None:
            self._results = run.results
        if not self._results and self.passage is not None:
            self._close()
        else:
            self._refresh()
        self.ended.emit(error)

    def _refresh(self) -> None:
        if self.passage is None:
            return
        count = len(self._results)
        self._shown = max(0, min(self._shown, count - 1))
        of = self.run.count if self.run is not None else 0
        self.card.show_state(self._shown, count, of, running=self.run is not None)
        self.card.show_text(self._results[self._shown].text if count else "")

    def _noticed(self, job_id: str, notice: Notice) -> None:
        if job_id == self._job and self.passage is not None:
            self.card.say(notice)

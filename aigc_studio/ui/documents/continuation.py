"""One run of a text model, written into the editor as it comes: pieces, stop, variants, the stored results.

It listens to one job. The first result streams at the caret; further ones become variants of the same passage and
stream in place only while the person looks at them.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from aigc_studio.core.assets import Asset
from aigc_studio.core.documents import Variant
from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.metadata import read_text

from ..studio import Studio
from .editor import PassageEditor
from .passages import Passage, clean

__all__ = ["Continuation"]


class Continuation(QObject):
    """A job and the passage it writes. Ends by itself, by `stop()`, or when the person undoes what it wrote."""

    changed = Signal()
    """Another variant began, or one was stored."""
    ended = Signal(object)
    """StudioError when it failed, else None. The job may still be on its way to a halt; it writes nothing more."""

    closed = Signal(str)
    """Job id: nothing more is expected of it."""

    def __init__(self, studio: Studio, editor: PassageEditor, passage: Passage, job_id: str, count: int) -> None:
        super().__init__(editor)
        self._studio, self._editor, self.passage = studio, editor, passage
        self.job_id, self.count = job_id, count
        self._first = len(passage.variants)  # variants that an earlier run made come before ours
        self._again = bool(self._first)
        self._pending: list[Callable[[], None]] = []
        self._written = self.running = False
        self._revision = -1
        self._reading = 0
        self._outcome: Job | None = None
        self.running = True
        editor.set_writing(passage)
        editor.composed.connect(self._drain)
        studio.jobPartial.connect(self._partial)
        studio.jobOutput.connect(self._output)
        studio.jobFinished.connect(self._finished)
        studio.projectClosed.connect(self.deleteLater)

    @property
    def current(self) -> int:
        """Number of the variant being written, from 1."""
        return max(1, len(self.passage.variants) - self._first)

    def stop(self) -> None:
        """End now. What was written stays; nothing that comes later is added."""
        if self.running:
            self._drain()
            self._studio.cancel(self.job_id)
            self._end(None)

    # -- what the job says ---------------------------------------------------------------------------------------

    def _partial(self, job_id: str, index: int, piece: str) -> None:
        if job_id != self.job_id or not self.running or not piece:
            return
        self._pending.append(lambda: self._write(index, piece))
        self._drain()

    def _drain(self) -> None:
        """Write what waits, unless an input method is composing: the text must not move under it."""
        while self._pending and self.running and not self._editor.composing:
            self._pending.pop(0)()
        self._maybe_end()

    def _variant(self, index: int) -> Variant:
        variants = self.passage.variants
        while len(variants) <= self._first + index:
            variants.append(Variant())
            self.changed.emit()
        return variants[self._first + index]

    def _write(self, index: int, piece: str) -> None:
        passage, number = self.passage, self._first + index
        variant = self._variant(index)
        if self._written and passage.empty:
            self.stop()  # the person undid it while it was being written
            return
        begins = not variant.text
        variant.text += clean(piece)
        if begins and not self._written:
            self._begin(number, variant)
        elif passage.shown == number:
            revision = self._editor.document().revision()
            self._editor.append_piece(passage, piece, join=revision == self._revision)
            self._revision = self._editor.document().revision()

    def _begin(self, number: int, variant: Variant) -> None:
        """The first piece opens the undo step that all later ones join."""
        self._written = True
        if self._again:
            self._editor.passages.swap(self.passage, number)
        else:
            self.passage.shown = number
            self._editor.append_piece(self.passage, variant.text, join=self.passage.joins)
        self._editor.set_writing(self.passage)
        self._revision = self._editor.document().revision()

    def _output(self, job_id: str, index: int, asset: Asset) -> None:
        if job_id != self.job_id:
            return
        if not self.running:
            self._link(index, asset)  # the part kept after a stop is an asset as well
            return
        self._reading += 1

        def read(text: str) -> None:
            self._pending.append(lambda: self._stored(index, asset, text))
            self._drain()

        def failed(_: StudioError) -> None:
            self._reading -= 1
            self._link(index, asset)
            self._maybe_end()

        self._studio.store(lambda project: read_text(project.folder / asset.file), read, failed)

    def _stored(self, index: int, asset: Asset, text: str) -> None:
        """The stored text is the truth: beam search streams nothing, a stop string may have been streamed in part."""
        self._reading -= 1
        variant = self._variant(index) if self.running else None
        text = clean(text).strip("\n")
        if variant is not None and text and variant.text.strip("\n") != text:
            if not variant.text:
                self._write(index, text)
            else:
                stands = self._editor.passages.shown(self.passage) == self._first + index
                variant.text = text
                if stands:
                    self._editor.passages.swap(self.passage, self._first + index, join=True)
                    self._revision = self._editor.document().revision()
        self._link(index, asset)

    def _link(self, index: int, asset: Asset) -> None:
        number = self._first + index
        if number < len(self.passage.variants):
            self.passage.variants[number].asset_id = asset.id
            if self.passage.shown == number:
                self.passage.asset_id = asset.id
            self._editor.edited.emit()
            self.changed.emit()

    def _finished(self, job_id: str, job: Job) -> None:
        if job_id != self.job_id:
            return
        self._outcome = job
        if self.running:
            self._drain()
        else:
            self._close()  # stopped before; the part that was kept has been linked by now

    def _maybe_end(self) -> None:
        if self._outcome is None or self._reading or not self.running:
            return
        if self._pending:
            return  # a composition is under way; its end drains them
        failed = self._outcome.state is JobState.FAILED
        self._end(self._outcome.error if failed else None)

    def _end(self, error: StudioError | None) -> None:
        self.running = False
        self._pending.clear()
        self.passage.variants[:] = [variant for variant in self.passage.variants if variant.text]
        self._editor.set_writing(None)
        self._editor.passages.changed.emit()
        self.ended.emit(error)
        if self._outcome is not None:
            self._close()

    def _close(self) -> None:
        self.closed.emit(self.job_id)
        self.deleteLater()

"""The open document of a panel: read from the project, saved by itself, in order, on the storage thread.

At most one save is under way; what changes meanwhile is saved after it, so that a slow disk makes no queue of old
texts. The window never waits for any of this.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from shiboken6 import isValid

from aigc_studio.core.documents import Document, Segment
from aigc_studio.core.errors import StudioError

from ..studio import Studio

__all__ = ["DocumentSession", "SaveState"]

_QUIET_MS = 1000
"""A save waits for this long without a change ..."""
_LONGEST_MS = 3000
"""... but no longer than this while somebody types or a text streams."""
_RETRY_MS = 5000


class SaveState(StrEnum):
    """What the status line says about the open document."""

    SAVED = "saved"
    CHANGED = "changed"
    SAVING = "saving"
    FAILED = "failed"


class DocumentSession(QObject):
    """The one document a panel shows.

    collect: puts the text (and title) as they stand on the screen into the Document it is given. The panel calls
    `touch()` on every change and `flush()` when the text must be safe now (focus lost, another document, another panel,
    the window closes).
    """

    opened = Signal(object)
    """Document that is shown now, None when none is."""
    stateChanged = Signal(object)
    """SaveState."""

    def __init__(
        self, studio: Studio, kind: str, collect: Callable[[Document], None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._studio = studio
        self._kind = kind
        self._collect = collect
        self._document: Document | None = None
        self._state = SaveState.SAVED
        self._dirty = False
        self._saves = 0
        self._unsaved: dict[str, Document] = {}
        """Texts on their way to the disk, or refused by it: newer than what the reader would give."""
        self._refused: set[str] = set()
        self._coming = ""
        """Id of a large document that the storage thread reads to be shown next."""
        self._quiet = self._timer(_QUIET_MS)
        self._longest = self._timer(_LONGEST_MS)
        self._retry = self._timer(_RETRY_MS)

    def _timer(self, ms: int) -> QTimer:
        timer = QTimer(self, singleShot=True, interval=ms)
        timer.timeout.connect(self._autosave)
        return timer

    @property
    def document(self) -> Document | None:
        """The open document; its segments are those of the last load, the editor has the current ones."""
        return self._document

    @property
    def id(self) -> str:
        """Id of the open document, "" without one."""
        return self._document.id if self._document else ""

    @property
    def wanted(self) -> str:
        """Id of the document that is open, or about to be."""
        return self._coming or self.id

    @property
    def state(self) -> SaveState:
        """Whether the text on the screen is on the disk."""
        return self._state

    @property
    def read_only(self) -> bool:
        """Whether the project cannot be changed from this window."""
        info = self._studio.info
        return info is None or info.read_only

    def create(
        self,
        title: str = "",
        segments: list[Segment] | None = None,
        then: Callable[[], object] | None = None,
        *,
        meta: dict[str, Any] | None = None,
    ) -> None:
        """Show a new document at once and store it; `then` runs once it is shown. Nothing in a read-only project.

        meta: kept with it; {"titled": True} means that the title stays, otherwise it follows the first line.
        """
        if self.read_only:
            return
        self.flush()
        parts = segments or [Segment()]
        self._show(Document(kind=self._kind, title=title, segments=parts, modified=time.time(), meta=dict(meta or {})))
        self._dirty = True
        self.flush()
        if then:
            then()

    def open(self, id: str, then: Callable[[], object] | None = None) -> None:
        """Show another document of the project; the open one is saved first. `then` runs once it is shown.

        A large one is read by the storage thread; until it is there, the one before stays and may be written in.
        """
        if (reader := self._studio.reader) is None:
            return
        if id == self.id:
            self._coming = ""
            if then:
                then()
            return
        self.flush()
        if id not in self._unsaved and reader.is_large(id):
            self._coming = id
            self._studio.store(
                lambda project: project.documents.load(id), partial(self._arrived, then), partial(self._lost, id)
            )
            return
        try:
            document = self._unsaved[id].copy() if id in self._unsaved else reader.document(id)
        except StudioError as error:
            self._studio.problem.emit(error)
            return
        self._show(document)
        if then:
            then()

    def _arrived(self, then: Callable[[], object] | None, document: Document) -> None:
        if not isValid(self) or self._coming != document.id:
            return  # the window is gone, or shows another one by now
        self.flush()
        self._show(document)
        if then:
            then()

    def _lost(self, id: str, error: StudioError) -> None:
        if isValid(self) and self._coming == id:
            self._coming = ""
            self._studio.problem.emit(error)

    def forget(self) -> None:
        """Show none, without saving: the document was deleted."""
        self._stop()
        self._dirty = False
        self._coming = ""
        self._refused.discard(self.id)
        if self._document is not None:
            self._document = None
            self.opened.emit(None)
        self._set_state(SaveState.SAVED)

    def reset(self) -> None:
        """Forget everything: the project is closed, and another one may have documents of the same ids."""
        self._unsaved.clear()
        self._refused.clear()
        self.forget()

    def touch(self) -> None:
        """The text on the screen differs from the one on the disk."""
        if self._document is None or self.read_only:
            return
        self._dirty = True
        self._quiet.start()
        if not self._longest.isActive():
            self._longest.start()
        if self._state is SaveState.SAVED:
            self._set_state(SaveState.CHANGED)

    def flush(self) -> None:
        """Hand what is not saved to the storage thread now; nothing to do otherwise."""
        self._stop()
        for id in self._refused - {self.id}:
            if id in self._unsaved:
                self._save(self._unsaved[id])
        if self._dirty and self._document is not None and not self.read_only:
            self._dirty = False
            self._collect(self._document)
            self._set_state(SaveState.SAVING)
            self._save(self._document.copy())

    def _autosave(self) -> None:
        if self._saves == 0:  # `_saved` comes back here otherwise
            self.flush()

    def _save(self, document: Document) -> None:
        self._saves += 1
        self._unsaved[document.id] = document
        self._refused.discard(document.id)
        self._studio.store(
            lambda project: project.documents.save(document),
            lambda _: self._saved(document),
            lambda error: self._failed(document, error),
        )

    def _show(self, document: Document) -> None:
        self._stop()
        self._document, self._coming = document, ""
        self._dirty = document.id in self._refused
        self._set_state(SaveState.FAILED if self._dirty else SaveState.SAVED)
        self.opened.emit(document)

    def _saved(self, document: Document) -> None:
        if not isValid(self):
            return  # the window is gone; the text is on the disk
        self._saves -= 1
        if self._unsaved.get(document.id) is document:
            del self._unsaved[document.id]
        if document.id != self.id or self._saves:
            return
        if not self._dirty:
            self._set_state(SaveState.SAVED)
            return
        self._set_state(SaveState.CHANGED)
        if not self._quiet.isActive():
            self.flush()

    def _failed(self, document: Document, error: StudioError) -> None:
        if not isValid(self):
            return
        self._saves -= 1
        if self._unsaved.get(document.id) is document:
            self._refused.add(document.id)  # kept, shown again when it is opened, and tried again
        self._studio.problem.emit(error)
        if document.id == self.id:
            self._dirty = True
            self._set_state(SaveState.FAILED)
        self._retry.start()

    def _stop(self) -> None:
        for timer in (self._quiet, self._longest, self._retry):
            timer.stop()

    def _set_state(self, state: SaveState) -> None:
        if state is not self._state:
            self._state = state
            self.stateChanged.emit(state)

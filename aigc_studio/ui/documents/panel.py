"""What Write and Voice have in common: the list, the page with its title, saving, counting, history and export."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QHideEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.documents import Document, Revision, Segment
from aigc_studio.core.errors import OUR_NAMES, StudioError
from aigc_studio.core.i18n import N_, tr

from ..dropping.payload import Payload
from ..i18n import Translated
from ..icons import icon
from ..studio import Studio
from ..widgets.empty_state import EmptyState
from .counter import WordCounter
from .document_list import DocumentList
from .drops import DocumentDrops
from .editor import MARGIN, PassageEditor
from .find_bar import FindBar
from .history_dialog import HistoryDialog
from .inspector import TaskInspector
from .session import DocumentSession, SaveState
from .shelf import Shelf, first_line

__all__ = ["DocumentPanel"]

_STATES = {
    SaveState.SAVED: N_("Saved"),
    SaveState.CHANGED: N_("Edited"),
    SaveState.SAVING: N_("Saving…"),
    SaveState.FAILED: N_("Not saved; trying again"),
}
_TITLE_FROM = 4000  # characters at the beginning in which the first line is looked for


class DocumentPanel(Translated, QWidget):
    """Documents on the left, the page in the middle, the inspector on the right.

    A subclass builds its actions with `add_action`, then calls `lay_out`; it says what a document's segments are
    (`segments`, `show_segments`) and what else happens when one is shown (`document_shown`). For what the window calls
    see `ui/panels/__init__.py`.
    """

    handOver = Signal(str, object)
    noticed = Signal(str)
    undoOffered = Signal(str, object)
    installRequested = Signal()
    drop_kinds: tuple[str, ...] = ("text",)
    """Kinds of assets that can be dropped here."""

    def __init__(self, studio: Studio, kind: str, heading: str, new: str, parent: QWidget | None = None) -> None:
        """kind: of the documents. heading, new: of the list, marked with N_()."""
        super().__init__(parent)
        self.studio = studio
        self._loading = False
        self._actions: dict[str, QAction] = {}
        self.session = DocumentSession(studio, kind, self._collect, self)
        self.list = DocumentList(heading, new, self)
        self.shelf = Shelf(studio, self.list, self.session, kind, self)
        self.shelf.noticed.connect(self.noticed)
        self.shelf.undoOffered.connect(self.undoOffered)
        self.title = QLineEdit(self)
        self.title.setProperty("role", "title")
        self.title.setMaxLength(200)
        self.tr_bind(self.title.setPlaceholderText, N_("Title"))
        self.tr_bind(self.title.setAccessibleName, N_("Title"))
        self.editor = PassageEditor(self)
        self.tr_bind(self.editor.setAccessibleName, N_("Text"))
        self.counter = WordCounter(self.editor, self)
        self.saved, self.message = QLabel(self), QLabel(self)
        for label in (self.saved, self.message):
            label.setProperty("role", "faint")
        self.add_action(
            "larger", N_("Larger text"), "Ctrl+= Ctrl++", "format-font-size-increase", lambda: self._zoom(1)
        )
        self.add_action("smaller", N_("Smaller text"), "Ctrl+-", "format-font-size-decrease", lambda: self._zoom(-1))
        self.add_action("history", N_("History…"), "Ctrl+Alt+H", "history", self.show_history)
        self.finder = FindBar(self.editor, self)
        self.add_action("find_words", N_("Find…"), "Ctrl+F", "magnify", self._find)
        self.add_action("replace_words", N_("Replace…"), "Ctrl+H", "find-replace", lambda: self._find(replace=True))
        self.add_action("export", N_("Export…"), "Ctrl+Shift+E", "export-variant", self._export)

    # -- building ------------------------------------------------------------------------------------------------

    def add_action(self, id: str, title: str, keys: str, picture: str, act: Callable[[], object]) -> QAction:
        """An action of this panel; its shortcut works wherever the focus is inside it. title is marked with N_()."""
        action = QAction(icon(picture), "", self)
        action.setObjectName(id)
        action.setShortcuts([QKeySequence(key) for key in keys.split()])
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.tr_bind(action.setText, title)
        action.triggered.connect(lambda _=False: act())
        self.addAction(action)
        self._actions[id] = action
        return action

    def toolbar(self, with_text: tuple[str, ...], plain: tuple[str, ...]) -> QFrame:
        """The bar above the page: saved or not on the left, actions on the right."""
        bar = QFrame(self)
        bar.setProperty("role", "toolbar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 6, 12, 6)
        row.setSpacing(4)
        row.addWidget(self.saved)
        row.addStretch(1)
        for id in (*with_text, *plain):
            button = QToolButton(bar, autoRaise=True)
            button.setDefaultAction(self._actions[id])
            button.setIconSize(QSize(18, 18))
            if id in with_text:
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            row.addWidget(button)
        return bar

    def lay_out(
        self, toolbar: QWidget, empty: EmptyState, inspector: TaskInspector, below: QWidget | None = None
    ) -> None:
        """Put it together. below: what stands under the text."""
        self.empty, self.inspector = empty, inspector
        inspector.setFixedWidth(300)
        self._heading = QHBoxLayout()
        self._heading.addWidget(self.title)
        self.editor.columnMoved.connect(self._align_title)
        self._align_title(0, 0)
        footer = QFrame(self)
        footer.setProperty("role", "footer")
        foot = QHBoxLayout(footer)
        foot.setContentsMargins(16, 6, 16, 6)
        foot.addWidget(self.message, 1)
        foot.addWidget(self.counter)
        page = QWidget(self)
        page.setProperty("role", "panel")
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(toolbar)
        column.addWidget(self.finder)
        column.addLayout(self._heading)
        column.addWidget(self.editor, 1)
        if below is not None:
            column.addWidget(below)
        column.addWidget(footer)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(page)
        self.pages.addWidget(empty)
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        for widget in (self.list, self.pages, inspector):
            self.splitter.addWidget(widget)
        self.list.setMinimumWidth(168)
        self.pages.setMinimumWidth(320)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([224, 800, 300])
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.splitter)
        self._connect()
        if self.studio.info is not None:
            self.project_opened()
        else:
            self.project_closed()

    def _align_title(self, left: int, right: int) -> None:
        """Title and text begin at the same place; a line edit keeps two pixels before its text."""
        self._heading.setContentsMargins(left + MARGIN - 2, 16, right + MARGIN, 0)

    def _connect(self) -> None:
        self.studio.projectOpened.connect(lambda _: self.project_opened())
        self.studio.projectClosed.connect(self.project_closed)
        self.studio.documentsChanged.connect(self._documents_changed)
        self.session.opened.connect(self._document_opened)
        self.session.stateChanged.connect(self._show_state)
        self.title.textEdited.connect(self._title_edited)
        self.title.returnPressed.connect(self.editor.setFocus)
        self.list.renamed.connect(self._renamed_in_list)
        self.editor.edited.connect(self._edited)
        self.drops = DocumentDrops(self.studio, self.shelf.import_files, self._write_words, self.drop_kinds, self)
        self.drops.noticed.connect(self.noticed)
        self.editor.dropped.connect(self.drops.take)
        self.list.dropped.connect(self._dropped_on_list)
        self.editor.installEventFilter(self)
        self.inspector.installRequested.connect(self.installRequested)

    # -- for a subclass ------------------------------------------------------------------------------------------

    def segments(self) -> list[Segment]:
        """The document as it stands on the screen."""
        return self.editor.segments()

    def show_segments(self, segments: list[Segment]) -> None:
        """Put a document's segments on the screen."""
        self.editor.load(segments)

    def document_shown(self, document: Document | None, writable: bool) -> None:
        """Another document (or none) is on the screen."""

    def stop(self) -> None:
        """End what is being made into the open document; what is there stays."""

    # -- project and document ------------------------------------------------------------------------------------

    def project_opened(self) -> None:
        """Show the document changed last."""
        self.shelf.refresh()
        documents = self.shelf.documents()
        if documents:
            self.session.open(documents[0].id)
        else:
            self._document_opened(None)

    def project_closed(self) -> None:
        """Show nothing."""
        self.stop()
        self.session.reset()
        self.shelf.refresh()
        self._document_opened(None)

    def _documents_changed(self) -> None:
        if not self.session.wanted and (documents := self.shelf.documents()):
            self.session.open(documents[0].id)

    def _document_opened(self, document: Document | None) -> None:
        self.stop()
        self.say("")
        self._loading = True
        self.title.setText(document.title if document and document.meta.get("titled") else "")
        self.show_segments(document.segments if document else [])
        self._loading = False
        writable = document is not None and not self.session.read_only
        self.editor.setReadOnly(not writable)
        self.title.setReadOnly(not writable)
        self.inspector.set_usable(writable)
        self.pages.setCurrentIndex(0 if document else 1)
        info = self.studio.info
        self.empty.setEnabled(info is not None and not info.read_only)
        for id in ("history", "export"):
            self._actions[id].setEnabled(document is not None)
        self._show_title()
        self._show_state(self.session.state)
        self.counter.recount()
        self.document_shown(document, writable)

    def _collect(self, document: Document) -> None:
        document.segments = self.segments()
        typed = self.title.text().strip()
        document.title = typed or self._first_line()
        document.meta = {**document.meta, "titled": bool(typed)}

    def _first_line(self) -> str:
        return first_line(self.editor.passages.opening(_TITLE_FROM))

    def take_drop(self, payload: Payload) -> None:
        """What was dropped on the window while this panel is in front."""
        self.drops.take(payload)

    def _dropped_on_list(self, payload: Payload) -> None:
        """The list makes documents: words too."""
        if payload.text.strip():
            self.begin_with(payload.text)
        else:
            self.drops.take(payload)

    def _write_words(self, text: str) -> None:
        """Into the page that is open, else into a new document."""
        if self.session.id and not self.session.read_only:
            self.editor.insert_words(text)
        else:
            self.begin_with(text)

    def begin_with(self, text: str, **meta: Any) -> None:
        """A new document with this text. meta: what is kept with it (JSON types)."""
        self.session.create(first_line(text), [Segment(text=text)], self.editor.setFocus, meta=meta)

    def _zoom(self, step: int) -> None:
        self.editor.set_text_size(self.editor.text_size + step)

    def _title_edited(self) -> None:
        self._show_title()
        self.session.touch()

    def _renamed_in_list(self, id: str, title: str) -> None:
        if id == self.session.id:
            self.title.setText(title)
            self._title_edited()

    def _show_title(self) -> None:
        """The list shows the title while it is typed, and the first line while there is none."""
        if self.session.id:
            self.list.set_title(self.session.id, self.title.text().strip() or self._first_line())

    def _edited(self) -> None:
        if not self._loading and self.session.id:
            self.session.touch()
            if not self.title.text():
                self._show_title()

    def _show_state(self, state: SaveState) -> None:
        read_only = self.studio.info is not None and self.session.read_only
        self.tr_bind(self.saved.setText, N_("Read only") if read_only else _STATES[state])
        self.saved.setVisible(bool(self.session.id))

    def flush(self) -> None:
        """Save now: another panel comes, the window loses the focus or closes."""
        self.session.flush()

    def say(self, text: str, **params: object) -> None:
        """A quiet line below the text, marked with N_(); "" takes it away."""
        self.tr_unbind(self.message.setText)
        if text:
            self.tr_bind(self.message.setText, text, **params)
        else:
            self.message.clear()

    def say_error(self, error: StudioError) -> None:
        """What went wrong, in the same place."""
        if error.code == "engine-missing":
            self.inspector.check_engine()
        named = {key: partial(tr, str(value)) for key, value in error.params.items() if key in OUR_NAMES}
        self.say(error.source, **{**error.params, **named})

    # -- history and export --------------------------------------------------------------------------------------

    def show_history(self) -> None:
        """Let the person look at earlier versions and bring one back."""
        if not (id := self.session.id):
            return
        self.flush()

        def load(revision: int, then: Callable[[str], None]) -> None:
            self.studio.store(lambda project: project.documents.revision(id, revision).text(), then)

        def show(revisions: list[Revision]) -> None:
            if id != self.session.id:
                return
            if not revisions:
                self.say(N_("There is no earlier version yet; one is kept about every minute of writing."))
                return
            dialog = HistoryDialog(self.title.text(), revisions, load, self)
            dialog.accepted.connect(lambda: dialog.chosen is not None and self.restore_revision(id, dialog.chosen.id))
            dialog.open()

        self.studio.store(lambda project: project.documents.history(id), show)

    def restore_revision(self, id: str, revision: int) -> None:
        """Put an earlier version's text in the place of the present one, as one undo step."""

        def restore(old: Document) -> None:
            self.stop()
            if not self.session.read_only and self.session.id == id:
                self.editor.replace_all(old.segments)

        self.studio.store(lambda project: project.documents.revision(id, revision), restore)

    def _find(self, *, replace: bool = False) -> None:
        if self.session.id:
            self.finder.open_bar(replace=replace)

    def _export(self) -> None:
        if self.session.id:
            self.shelf.export(self.session.id)

    # -- what the window calls -----------------------------------------------------------------------------------

    def actions(self) -> list[QAction]:
        """For the window's menu."""
        return list(self._actions.values())

    def receive(self, payload: dict[str, Any]) -> None:
        """Text from another panel becomes a document."""
        source = {key: str(payload[key]) for key in ("document", "segment") if payload.get(key)}
        self.begin_with(str(payload.get("text", "")), source=source)

    def save_state(self) -> dict[str, Any]:
        """The open document, the caret, the sizes."""
        return {
            "document": self.session.id,
            "position": self.editor.textCursor().position(),
            "text_size": self.editor.text_size,
            "splitter": self.splitter.sizes(),
        }

    def restore_state(self, state: dict[str, Any]) -> None:
        """The inverse of `save_state`; what does not fit any more is left out."""
        self.editor.set_text_size(int(state.get("text_size", self.editor.text_size)))
        sizes = state.get("splitter", [])
        if len(sizes) == self.splitter.count():
            self.splitter.setSizes([int(size) for size in sizes])
        id = state.get("document", "")
        if any(info.id == id for info in self.shelf.documents()):
            position = max(0, int(state.get("position", 0)))
            self.session.open(id, lambda: self.editor.place_caret(position))

    def showEvent(self, event: QShowEvent) -> None:
        """Begin where one goes on: in the text, or at what an empty project offers."""
        super().showEvent(event)
        QTimer.singleShot(0, self, self._take_focus)

    def _take_focus(self) -> None:
        inside = self.focusWidget()
        if self.isVisible() and (inside is None or inside is self.list.new_button):
            (self.editor if self.session.id else self.empty.buttons[0]).setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        """Another panel comes: save."""
        self.flush()
        super().hideEvent(event)

    def eventFilter(self, watched, event: QEvent) -> bool:  # noqa: ANN001  Qt's signature
        """The editor lost the focus: save."""
        if watched is self.editor and event.type() == QEvent.Type.FocusOut:
            self.flush()
        return super().eventFilter(watched, event)

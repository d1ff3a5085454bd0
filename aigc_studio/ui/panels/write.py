"""Write: documents on the left, the text in the middle, on the right what the model is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QEvent, QLocale, QSize, Qt, QTimer, Signal
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

from aigc_studio.core.assets import Asset
from aigc_studio.core.documents import Document, Revision, Segment, Variant
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, current_language
from aigc_studio.core.metadata import read_text
from aigc_studio.core.requests import Request
from aigc_studio.core.wordcount import Count, count, count_in_slices

from ..documents.continuation import Continuation
from ..documents.document_list import DocumentList
from ..documents.editor import COLUMN, PassageEditor
from ..documents.history_dialog import HistoryDialog
from ..documents.passages import Passage
from ..documents.session import DocumentSession, SaveState
from ..documents.shelf import Shelf, first_line
from ..documents.variant_strip import VariantStrip
from ..documents.write_inspector import WriteInspector
from ..i18n import Translated
from ..icons import icon
from ..studio import Studio
from ..widgets.empty_state import EmptyState

__all__ = ["WritePanel"]

PROMPT_LIMIT = 16_000
"""Characters before the caret that a model is given; it takes from their end what its context holds."""

EXAMPLES = ("春眠不觉晓，", "A hungry Fox saw some fine ripe grapes hanging high upon a vine, and")
"""First lines to try: of a Tang poem and of a fable, each in its own language whatever the window's is."""

_STATES = {
    SaveState.SAVED: N_("Saved"),
    SaveState.CHANGED: N_("Edited"),
    SaveState.SAVING: N_("Saving…"),
    SaveState.FAILED: N_("Not saved; trying again"),
}


class WritePanel(Translated, QWidget):
    """The panel "write"; see `ui/panels/__init__.py` for what the window calls."""

    handOver = Signal(str, object)
    noticed = Signal(str)
    undoOffered = Signal(str, object)
    installRequested = Signal()

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._run: Continuation | None = None
        self._own_jobs: set[str] = set()
        self._opening: Document | None = None
        self.session = DocumentSession(studio, "text", self._collect, self)
        self.list = DocumentList(N_("Documents"), N_("New document (Ctrl+Shift+N)"), self)
        self.shelf = Shelf(studio, self.list, self.session, "text", self)
        self.shelf.noticed.connect(self.noticed)
        self.shelf.undoOffered.connect(self.undoOffered)
        self.inspector = WriteInspector(studio, self)
        self.inspector.setFixedWidth(300)
        self._build_page()
        self._actions = self._make_actions()
        self._build_toolbar()
        self._lay_out()
        self._connect()
        self._project_opened() if studio.info else self._project_closed()

    # -- what it is made of --------------------------------------------------------------------------------------

    def _build_page(self) -> None:
        self.title = QLineEdit(self)
        self.title.setObjectName("documentTitle")
        self.title.setProperty("role", "title")
        self.title.setMaxLength(200)
        self.title.setMaximumWidth(COLUMN)
        self.tr_bind(self.title.setPlaceholderText, N_("Title"))
        self.tr_bind(self.title.setAccessibleName, N_("Title"))
        self.editor = PassageEditor(self)
        self.tr_bind(self.editor.setAccessibleName, N_("Text"))
        self.tr_bind(
            self.editor.setPlaceholderText,
            N_("Write the first words, then press Ctrl+Enter: the model goes on from there."),
        )
        self.strip = VariantStrip(self.editor)
        self.strip.hide()
        self.counter = QLabel(self)
        self.saved = QLabel(self)
        self.message = QLabel(self)
        for label in (self.counter, self.saved, self.message):
            label.setProperty("role", "faint")
        self._recount = QTimer(self, singleShot=True, interval=250)
        self._slices = QTimer(self, interval=0)
        self._counting: Iterator[Count] = iter(())
        self._total, self._selected = Count(), None

    def _make_actions(self) -> dict[str, QAction]:
        made: dict[str, QAction] = {}
        for id, title, keys, picture, act in (
            ("new", N_("New document"), "Ctrl+Shift+N", "file-plus-outline", lambda: self.session.create()),
            ("continue", N_("Continue"), "Ctrl+Return", "creation-outline", self.continue_text),
            ("stop", N_("Stop##writing"), "Esc", "stop", self.stop),
            ("previous", N_("Previous variant"), "Alt+Left", "chevron-left", lambda: self.browse(-1)),
            ("next", N_("Next variant"), "Alt+Right", "chevron-right", lambda: self.browse(1)),
            ("again", N_("Write another variant"), "Alt+Up", "refresh", self.try_again),
            ("keep", N_("Keep this variant"), "Alt+Down", "check", self.keep),
            ("speak", N_("Speak this"), "Ctrl+Alt+V", "microphone-outline", lambda: self.hand_over("voice")),
            ("picture", N_("Picture from this"), "Ctrl+Alt+P", "image-outline", lambda: self.hand_over("picture")),
            ("history", N_("History…"), "Ctrl+Alt+H", "history", self.show_history),
            ("export", N_("Export…"), "Ctrl+Shift+E", "export-variant", self._export),
        ):
            action = QAction(icon(picture), "", self)
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            self.tr_bind(action.setText, title)
            action.triggered.connect(lambda _=False, act=act: act())
            self.addAction(action)
            made[id] = action
        made["continue"].setShortcuts([QKeySequence("Ctrl+Return"), QKeySequence("Ctrl+Enter")])
        return made

    def _build_toolbar(self) -> None:
        self.toolbar = QFrame(self)
        self.toolbar.setProperty("role", "toolbar")
        row = QHBoxLayout(self.toolbar)
        row.setContentsMargins(16, 6, 12, 6)
        row.setSpacing(4)
        row.addWidget(self.saved)
        row.addStretch(1)
        for id in ("speak", "picture", "history", "export"):
            button = QToolButton(self.toolbar, autoRaise=True)
            button.setDefaultAction(self._actions[id])
            button.setIconSize(QSize(18, 18))
            if id in ("speak", "picture"):
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            row.addWidget(button)

    def _lay_out(self) -> None:
        heading = QHBoxLayout()
        heading.setContentsMargins(24, 24, 28, 4)
        heading.addStretch(1)
        heading.addWidget(self.title, 100)
        heading.addStretch(1)
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
        column.addWidget(self.toolbar)
        column.addLayout(heading)
        column.addWidget(self.editor, 1)
        column.addWidget(footer)
        self.empty = EmptyState(
            "text-box-edit-outline",
            N_("Nothing written yet"),
            N_("Start with an empty page, or with the first words of one of these and let the model go on."),
            [
                (N_("New document"), lambda: self.session.create(then=self.editor.setFocus)),
                (N_("A Tang poem"), lambda: self._begin_with(EXAMPLES[0])),
                (N_("A fable"), lambda: self._begin_with(EXAMPLES[1])),
            ],
        )
        self.pages = QStackedWidget(self)
        self.pages.addWidget(page)
        self.pages.addWidget(self.empty)
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        for widget in (self.list, self.pages, self.inspector):
            self.splitter.addWidget(widget)
        self.list.setMinimumWidth(168)
        self.pages.setMinimumWidth(320)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([224, 800, 300])
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.splitter)

    def _connect(self) -> None:
        studio, editor, strip = self._studio, self.editor, self.strip
        studio.projectOpened.connect(lambda _: self._project_opened())
        studio.projectClosed.connect(self._project_closed)
        studio.documentsChanged.connect(self._documents_changed)
        studio.jobOutput.connect(self._late_output)
        self.session.opened.connect(self._document_opened)
        self.session.stateChanged.connect(self._show_state)
        self.title.textEdited.connect(self._title_edited)
        self.title.returnPressed.connect(editor.setFocus)
        self.list.renamed.connect(self._renamed_in_list)
        editor.edited.connect(self._edited)
        editor.passageChanged.connect(self._place_strip)
        editor.verticalScrollBar().valueChanged.connect(self._place_strip)
        editor.filesDropped.connect(self.shelf.import_files)
        editor.installEventFilter(self)
        editor.selectionChanged.connect(self._recount.start)
        self._recount.timeout.connect(self._count)
        self._slices.timeout.connect(self._count_slice)
        strip.previous.connect(lambda: self.browse(-1))
        strip.next.connect(lambda: self.browse(1))
        strip.keep.connect(self.keep)
        strip.again.connect(self.try_again)
        strip.dismiss.connect(self.dismiss)
        strip.stop.connect(self.stop)
        self.inspector.continueRequested.connect(self.continue_text)
        self.inspector.stopRequested.connect(self.stop)
        self.inspector.installRequested.connect(self.installRequested)

    # -- project and document ------------------------------------------------------------------------------------

    def _project_opened(self) -> None:
        self.shelf.refresh()
        documents = self.shelf.documents()
        if documents:
            self.session.open(documents[0].id)
        else:
            self._document_opened(None)

    def _project_closed(self) -> None:
        self.stop()
        self.session.forget()
        self.shelf.refresh()
        self._document_opened(None)

    def _documents_changed(self) -> None:
        if not self.session.id and (documents := self.shelf.documents()):
            self.session.open(documents[0].id)

    def _document_opened(self, document: Document | None) -> None:
        self.stop()
        self.message.clear()
        self._opening = document
        self.title.setText(document.title if document and document.meta.get("titled") else "")
        self.editor.load(document.segments if document else [])
        self._opening = None
        writable = document is not None and not self.session.read_only
        self.editor.setReadOnly(not writable)
        self.title.setReadOnly(not writable)
        self.inspector.set_usable(writable)
        self.pages.setCurrentIndex(0 if document else 1)
        self.empty.setEnabled(self._studio.info is not None and not self._studio.info.read_only)
        for id in ("speak", "picture", "history", "export", "again", "keep", "previous", "next"):
            self._actions[id].setEnabled(document is not None)
        self._show_title()
        self._show_state(self.session.state)
        self._count()
        self._place_strip()

    def _collect(self, document: Document) -> None:
        document.segments = self.editor.segments()
        typed = self.title.text().strip()
        document.title = typed or first_line(self.editor.passages.text(0, 4000))
        document.meta = {**document.meta, "titled": bool(typed)}

    def _begin_with(self, text: str) -> None:
        self.session.create(first_line(text), [Segment(text=text)], self.editor.setFocus)

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
            title = self.title.text().strip() or first_line(self.editor.passages.text(0, 4000))
            self.list.set_title(self.session.id, title)

    def _edited(self) -> None:
        if self._opening is None and self.session.id:
            self.session.touch()
            self._recount.start()
            if not self.title.text():
                self._show_title()

    def _show_state(self, state: SaveState) -> None:
        read_only = self._studio.info is not None and self.session.read_only
        self.tr_bind(self.saved.setText, N_("Read only") if read_only else _STATES[state])
        self.saved.setVisible(bool(self.session.id))

    def flush(self) -> None:
        """Save now: another panel comes, the window loses the focus or closes."""
        self.session.flush()

    # -- continuing ----------------------------------------------------------------------------------------------

    def continue_text(self) -> None:
        """Let the model go on from the caret."""
        if self._run is not None or not self.session.id or self.session.read_only:
            return
        if not (prompt := self.editor.text_before(PROMPT_LIMIT)).strip():
            self._say(N_("Write the first words; the model goes on from them."))
            self.editor.setFocus()
            return
        passage = self.editor.current_passage()
        if passage is not None and self.editor.insert_position() == passage.end.position():
            self.editor.passages.keep(passage)  # going on from a variant is choosing it
        self._start(prompt, None)

    def try_again(self) -> None:
        """Write another variant of the passage under the caret."""
        passage = self.editor.current_passage()
        if passage is None or self._run is not None or self.session.read_only:
            return
        start = passage.start.position()
        prompt = self.editor.passages.text(max(0, start - 2 * PROMPT_LIMIT), start)[-PROMPT_LIMIT:]
        if prompt.strip():
            self._start(prompt, passage)

    def _start(self, prompt: str, passage: Passage | None) -> None:
        if not self.inspector.check_engine():
            return
        position = self.editor.insert_position()
        try:
            request = self.inspector.request(prompt, {"document": self.session.id}, count=1 if passage else 0)
        except StudioError as error:
            self._say_error(error)
            return
        cursor = self.editor.textCursor()
        cursor.setPosition(position)
        if not self.editor.composing:
            self.editor.setTextCursor(cursor)
        passage = passage or self.editor.passages.begin(position)
        request = request.changed(context={**request.context, "segment": passage.id})
        job_id = self._studio.submit(request)
        self._own_jobs.add(job_id)
        self._run = run = Continuation(self._studio, self.editor, passage, job_id, request.count)
        run.changed.connect(self._place_strip)
        run.ended.connect(self._run_ended)
        self.inspector.show_running(True)
        self._say(N_("Writing…"))
        self._place_strip()

    def stop(self) -> None:
        """End the writing under way; what is there stays."""
        if self._run is not None:
            self._run.stop()

    def _run_ended(self, error: StudioError | None) -> None:
        self._run = None
        self.inspector.show_running(False)
        self.tr_unbind(self.message.setText)
        self.message.clear()
        if error is not None:
            self._say_error(error)
        self.session.touch()
        self._place_strip()

    def _late_output(self, job_id: str, index: int, asset: Asset) -> None:
        """A result of a job from before a restart: it becomes a variant of the passage it was made for."""
        job = self._studio.job(job_id)
        if job_id in self._own_jobs or job is None or job.request.kind != "text":
            return
        document, segment = job.request.context.get("document", ""), job.request.context.get("segment", "")
        if not document or not segment or self.session.read_only:
            return

        def read(text: str) -> None:
            variant = Variant(text=text.strip("\n"), asset_id=asset.id)
            if document != self.session.id:
                self._studio.store(lambda project: _add_variant(project, document, segment, variant))
            elif (passage := self.editor.passages.get(segment)) is not None:
                passage.variants.append(variant)
                passage.kept = False
                self._place_strip()
                self.session.touch()

        self._studio.store(lambda project: read_text(project.folder / asset.file), read)

    # -- variants ------------------------------------------------------------------------------------------------

    def _passage(self) -> Passage | None:
        return self._run.passage if self._run is not None else self.editor.current_passage()

    def browse(self, step: int) -> None:
        """Show the variant before or after the one in the text."""
        passage = self._passage()
        if passage is None or len(passage.variants) < 2 or self.editor.composing or self.session.read_only:
            return
        now = passage.shown if self._run is not None else self.editor.passages.shown(passage)
        index = min(len(passage.variants) - 1, max(0, now + step)) if now >= 0 else passage.shown
        if index != now:
            self.editor.passages.swap(passage, index)
            self._caret_to(passage)

    def keep(self) -> None:
        """Choose what stands in the text."""
        if self._run is None and (passage := self.editor.current_passage()) is not None:
            self.editor.passages.keep(passage)
            self.session.touch()
            self.editor.setFocus()

    def dismiss(self) -> None:
        """Take the passage out of the text; undo brings it back."""
        if self._run is None and (passage := self.editor.current_passage()) is not None and not self.session.read_only:
            self.editor.passages.dismiss(passage)
            self.editor.setFocus()

    def _caret_to(self, passage: Passage) -> None:
        cursor = self.editor.textCursor()
        cursor.setPosition(passage.end.position())
        self.editor.setTextCursor(cursor)

    def _place_strip(self) -> None:
        """Below the passage where nothing is written yet, else at the lower edge: it must not cover the text."""
        passage = self._passage()
        if passage is None or self.session.read_only or (passage.empty and self._run is None):
            self.strip.hide()
            return
        run = self._run
        index = passage.shown if run is not None else self.editor.passages.shown(passage)
        of = run.count if run is not None and len(passage.variants) <= run.count else 0
        self.strip.show_state(index, len(passage.variants), writing=run is not None, of=of)
        view = self.editor.viewport().geometry()
        end = self.editor.cursorRect(passage.end)
        last = passage.end.position() >= self.editor.passages.length()
        lowest = view.bottom() - self.strip.height() - 12
        top = view.top() + end.bottom() + 10 if last else lowest
        self.strip.move(view.left() + 24, max(view.top() + 4, min(top, lowest)))
        self.strip.show()
        self.strip.raise_()

    # -- counting ------------------------------------------------------------------------------------------------

    def _count(self) -> None:
        """Count the selection at once, the whole text in slices: a long one must not hold up the keys."""
        selected = self.editor.selected_text()
        self._counting = count_in_slices(self.editor.passages.text(0, self.editor.passages.length()))
        self._selected = count(selected) if 0 < len(selected) < 100_000 else None
        self._slices.start()

    def _count_slice(self) -> None:
        total = next(self._counting, None)
        if total is None:
            self._slices.stop()
            self._show_count(self._total)
        else:
            self._total = total

    def _show_count(self, total: Count) -> None:
        def n(value: int) -> str:
            return QLocale(current_language()).toString(value)

        if self._selected is not None:
            self.tr_bind(
                self.counter.setText,
                N_("{part} of {n} words"),
                part=lambda: n(self._selected.units if self._selected else 0),
                n=lambda: n(total.units),
            )
        else:
            self.tr_bind(self.counter.setText, N_("{n} words"), n=lambda: n(total.units))
        self.tr_bind(
            self.counter.setToolTip,
            N_("{characters} characters without spaces, {all} with"),
            characters=lambda: n(total.characters),
            all=lambda: n(total.all),
        )

    # -- further actions -----------------------------------------------------------------------------------------

    def hand_over(self, panel: str) -> None:
        """Take the selection (or the paragraph under the caret) to the Voice or the Picture panel."""
        text = self.editor.selected_text().strip() or self.editor.textCursor().block().text().strip()
        if not text:
            self._say(N_("Select the words to take along first."))
            return
        passage = self.editor.current_passage()
        self.handOver.emit(
            panel, {"text": text, "document": self.session.id, "segment": passage.id if passage is not None else ""}
        )

    def receive(self, payload: dict[str, Any]) -> None:
        """Text from another panel becomes a document."""
        self._begin_with(str(payload.get("text", "")))

    def reuse(self, recipe: dict[str, Any]) -> None:
        """Fill the form from a recipe; its prompt becomes a document."""
        request = Request.from_json(recipe["request"])
        self.inspector.show_request(request)
        self._begin_with(request.prompt)

    def open_asset(self, asset: Asset) -> None:
        """Open a text of the project: the document it was made for, else as a new document."""
        reader = self._studio.reader
        recipe = reader.recipe(asset.id) if reader is not None else None
        document = ((recipe or {}).get("request", {}).get("context") or {}).get("document", "")
        if document and any(info.id == document for info in self.shelf.documents()):
            self.session.open(document)
            return
        self._studio.store(lambda project: read_text(project.folder / asset.file), self._begin_with)

    def show_history(self) -> None:
        """Let the person look at earlier versions and bring one back."""
        if not (id := self.session.id):
            return
        self.flush()

        def load(revision: int, then: Callable[[str], None]) -> None:
            self._studio.store(lambda project: project.documents.revision(id, revision).text(), then)

        def show(revisions: list[Revision]) -> None:
            if id != self.session.id:
                return
            if not revisions:
                self._say(N_("There is no earlier version yet; one is kept about every minute of writing."))
                return
            dialog = HistoryDialog(self.title.text(), revisions, load, self)
            dialog.accepted.connect(lambda: dialog.chosen is not None and self._restore_revision(id, dialog.chosen.id))
            dialog.open()

        self._studio.store(lambda project: project.documents.history(id), show)

    def _restore_revision(self, id: str, revision: int) -> None:
        self._studio.store(lambda project: project.documents.revision(id, revision), self._restore)

    def _restore(self, old: Document) -> None:
        self.stop()
        if not self.session.read_only and self.session.id == old.id:
            self.editor.replace_all(old.segments)

    def _export(self) -> None:
        if self.session.id:
            self.shelf.export(self.session.id)

    def _say(self, text: str) -> None:
        self.tr_bind(self.message.setText, text)

    def _say_error(self, error: StudioError) -> None:
        if error.code == "engine-missing":
            self.inspector.check_engine()
        self.tr_bind(self.message.setText, error.source, **error.params)

    # -- what the window calls -----------------------------------------------------------------------------------

    def actions(self) -> list[QAction]:
        """For the window's menu."""
        return list(self._actions.values())

    def save_state(self) -> dict[str, Any]:
        """The open document, the caret, the sizes."""
        cursor = self.editor.textCursor()
        return {
            "document": self.session.id,
            "position": cursor.position(),
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
            self.session.open(id)
            cursor = self.editor.textCursor()
            cursor.setPosition(min(int(state.get("position", 0)), self.editor.passages.length()))
            self.editor.setTextCursor(cursor)
            self.editor.ensureCursorVisible()

    def showEvent(self, event: QShowEvent) -> None:
        """The text engine may have been installed meanwhile."""
        super().showEvent(event)
        self.inspector.check_engine()
        self._place_strip()

    def hideEvent(self, event: QHideEvent) -> None:
        """Another panel comes: save."""
        self.flush()
        super().hideEvent(event)

    def eventFilter(self, watched, event: QEvent) -> bool:  # noqa: ANN001  Qt's signature
        """The editor lost the focus: save; it was resized: the strip moves along."""
        if watched is self.editor:
            if event.type() == QEvent.Type.FocusOut:
                self.flush()
            elif event.type() == QEvent.Type.Resize:
                QTimer.singleShot(0, self, self._place_strip)
        return super().eventFilter(watched, event)


def _add_variant(project, document_id: str, segment_id: str, variant: Variant) -> None:  # noqa: ANN001  Project
    """On the storage thread: another variant for a document that is not open."""
    document = project.documents.load(document_id)
    for segment in document.segments:
        if segment.id == segment_id:
            segment.variants.append(variant)
            segment.locked = False
            project.documents.save(document)

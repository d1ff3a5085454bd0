"""Write: documents on the left, the text in the middle, on the right what the model is asked for."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QShowEvent, QTextCursor
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from aigc_studio.core import catalogue
from aigc_studio.core.assets import Asset
from aigc_studio.core.documents import Document, Segment, Variant
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.instructions import compose, text_of
from aigc_studio.core.metadata import read_text
from aigc_studio.core.requests import Request

from ..documents.continuation import Continuation
from ..documents.inspector import TaskInspector, TaskTexts
from ..documents.instruction_field import InstructionField
from ..documents.panel import DocumentPanel
from ..documents.passages import Passage
from ..documents.result_card import ResultCard
from ..documents.rewriting import Rewriter
from ..documents.task_switch import TaskSwitch
from ..documents.variant_strip import VariantStrip
from ..events import Notice, Progress
from ..models.words import declared
from ..studio import Studio
from ..widgets.empty_state import EmptyState

__all__ = ["WritePanel"]

PROMPT_LIMIT = 16_000
"""Characters before the caret that a model is given; it takes from their end what its context holds."""

_IN_PARTS = {
    "Translating": N_("Translating part {done} of {total}…"),
    "Summarising": N_("Summarising part {done} of {total}…"),
}
"""What is said while a long text goes through in parts, by the engine's stage."""

EXAMPLES = ("春眠不觉晓，", "A hungry Fox saw some fine ripe grapes hanging high upon a vine, and")
"""First lines to try: of a Tang poem and of a fable, each in its own language whatever the window's is."""

_MISSING = N_("This model needs the engine for large models, which is not installed yet. You can write all the same.")
_TEXTS = {
    "continue": TaskTexts(
        heading=N_("Continue the text"),
        start=N_("Continue"),
        icon="creation-outline",
        no_model=N_("No text model was found; install one first."),
        missing=N_(
            "Continuing needs the engine for large models, which is not installed yet. You can write all the same."
        ),
    ),
    "chat": TaskTexts(
        heading=N_("Follow an instruction"),
        start=N_("Follow the instruction"),
        icon="message-text-outline",
        no_model=N_("No model here follows instructions. Add the folder of one, such as Qwen, Llama or Gemma."),
        missing=_MISSING,
    ),
    "translate": TaskTexts(
        heading=N_("Translate"),
        start=N_("Translate"),
        icon="translate",
        no_model=N_("No model here translates. Add the folder of one, such as Marian (opus-mt), NLLB or M2M100."),
        missing=_MISSING,
    ),
    "summarise": TaskTexts(
        heading=N_("Summarise"),
        start=N_("Summarise"),
        icon="text-short",
        no_model=N_("No model here summarises. Add the folder of one, such as BART, Pegasus or mT5."),
        missing=_MISSING,
    ),
}
_RESULTS = {"chat": N_("Result"), "translate": N_("Translation"), "summarise": N_("Summary")}


class WritePanel(DocumentPanel):
    """The panel "write"."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(studio, "text", N_("Documents"), N_("New document (Ctrl+Shift+N)"), parent)
        self._run: Continuation | None = None
        self._followed: set[str] = set()
        self.tr_bind(
            self.editor.setPlaceholderText,
            N_("Write the first words, then press Ctrl+Enter: the model goes on from there."),
        )
        self.strip = VariantStrip(self.editor)
        self.strip.hide()
        self._make_actions()
        empty = EmptyState(
            "text-box-edit-outline",
            N_("Nothing written yet"),
            N_("Start with an empty page, or with the first words of one of these and let the model go on."),
            [
                (N_("New document"), self._new),
                (N_("A Tang poem"), lambda: self.begin_with(EXAMPLES[0])),
                (N_("A fable"), lambda: self.begin_with(EXAMPLES[1])),
            ],
        )
        inspector = TaskInspector(studio, "text", "continue", _TEXTS["continue"], parent=self)
        inspector.startRequested.connect(self.start)
        inspector.stopRequested.connect(self.stop)
        self.switch = TaskSwitch(self)
        self.switch.chosen.connect(self.show_task)
        self.instruction = InstructionField(studio.settings, self)
        self.instruction.passage = lambda: self.rewriter.text(self.rewriter.target())[:400]
        self.instruction.hide()
        inspector.put_on_top(self.switch, self.instruction)
        self.card = ResultCard(self)
        self.rewriter = Rewriter(studio, self.editor, self.card)
        self.rewriter.ended.connect(self._rewritten)
        self.rewriter.decided.connect(self._decided)
        self.rewriter.closed.connect(self._followed.discard)
        self.card.stopped.connect(self.stop)
        self.card.again.connect(self.try_again)
        studio.jobOutput.connect(self._late_output)
        studio.jobProgress.connect(self._progress)
        studio.jobNotice.connect(self._noticed)
        studio.modelsChanged.connect(self._models_changed)
        self.editor.passageChanged.connect(self._place_strip)
        self.editor.verticalScrollBar().valueChanged.connect(self._place_strip)
        self.editor.selectionChanged.connect(self._show_scope)
        self.editor.passageChanged.connect(self._show_scope)
        self.lay_out(self.toolbar(("speak", "picture"), ("history", "export")), empty, inspector, self.card)
        self._models_changed()

    def _make_actions(self) -> None:
        for id, title, keys, picture, act in (
            ("new", N_("New document"), "Ctrl+Shift+N", "file-plus-outline", self._new),
            ("continue", N_("Continue"), "Ctrl+Return Ctrl+Enter", "creation-outline", self.start),
            ("stop", N_("Stop##writing"), "Esc", "stop", self.leave),
            ("previous", N_("Previous variant"), "Alt+Left", "chevron-left", lambda: self.browse(-1)),
            ("next", N_("Next variant"), "Alt+Right", "chevron-right", lambda: self.browse(1)),
            ("again", N_("Write another variant"), "Alt+Up", "refresh", self.try_again),
            ("keep", N_("Keep this variant"), "Alt+Down", "check", self.keep),
            ("both", N_("Keep both"), "Ctrl+Alt+B", "text-box-plus-outline", lambda: self.rewriter.keep_both()),
            ("compare", N_("Differences"), "Ctrl+Alt+D", "file-compare", lambda: self.card.compare.click()),
            ("speak", N_("Speak this"), "Ctrl+Alt+V", "microphone-outline", lambda: self.hand_over("voice")),
            ("picture", N_("Picture from this"), "Ctrl+Alt+P", "image-outline", lambda: self.hand_over("picture")),
        ):
            self.add_action(id, title, keys, picture, act)
        self.strip.previous.connect(lambda: self.browse(-1))
        self.strip.next.connect(lambda: self.browse(1))
        self.strip.keep.connect(self.keep)
        self.strip.again.connect(self.try_again)
        self.strip.dismiss.connect(self.dismiss)
        self.strip.stop.connect(self.stop)

    def _new(self) -> None:
        self.session.create(then=self.editor.setFocus)

    def document_shown(self, document: Document | None, writable: bool) -> None:
        """See `DocumentPanel`."""
        for id in ("speak", "picture"):
            self._actions[id].setEnabled(document is not None)
        for id in ("continue", "again", "keep", "both", "previous", "next"):
            self._actions[id].setEnabled(writable)
        self.rewriter.forget()
        self._place_strip()
        self._show_scope()

    # -- tasks ---------------------------------------------------------------------------------------------------

    def show_task(self, task: str) -> None:
        """What the model is asked for: "continue", "chat", "translate" or "summarise"."""
        self.switch.show_task(task)
        self.inspector.show_task(task, _TEXTS[task])
        self.tr_bind(self._actions["continue"].setText, _TEXTS[task].start)
        if task != "chat" and self.instruction.lines.hasFocus():
            self.editor.setFocus()  # Qt would give it to any button
        self.instruction.setVisible(task == "chat")
        if task == "chat" and self.isVisible():
            self.instruction.setFocus()
        self._show_scope()

    def _models_changed(self) -> None:
        entries = (entry for entry in catalogue.models("text") if entry.problem is None)
        families = (declared(entry) for entry in entries)
        self.switch.show_possible({task.id for family in families if family is not None for task in family.tasks})

    def _show_scope(self) -> None:
        if self.editor.passages.filling:
            return
        scope = "caret" if self.inspector.task == "continue" else self.rewriter.scope()
        self.switch.show_scope(scope)

    def start(self) -> None:
        """Let the model do what the switch says."""
        if self.inspector.task == "continue":
            self.continue_text()
        else:
            self.rewrite()

    def rewrite(self) -> None:
        """Let the model make something of the selection, the passage at the caret, or the whole text."""
        if self.busy or not self.session.id or self.session.read_only:
            return
        if self.inspector.entry() is None:
            self.say(_TEXTS[self.inspector.task].no_model)
            return
        prompt = text = self.rewriter.text(target := self.rewriter.target())
        context = {"document": self.session.id}
        if self.inspector.task == "chat":
            if not (instruction := self.instruction.text()):
                self.say(N_("Write what the model should do with the text."))
                self.instruction.setFocus()
                return
            prompt, context["instruction"] = compose(instruction, text), instruction
            self.instruction.remember(instruction)
            if not text.strip():
                self._start(prompt, None)
                return
        elif not text.strip():
            self.say(N_("There is no text yet; write or paste some first."))
            self.editor.setFocus()
            return
        if not self.inspector.check_engine():
            return
        try:
            request = self.inspector.request(prompt, context)
        except StudioError as error:
            self.say_error(error)
            return
        self.rewriter.forget()
        passage = self.rewriter.prepare(target)
        request = request.changed(context={**request.context, "segment": passage.id})
        job_id = self.studio.submit(request)
        self._followed.add(job_id)
        self.rewriter.follow(passage, job_id, request.count, _RESULTS[request.task])
        self.inspector.show_running(True)
        self.say(N_("Waiting for the model…"))
        self._place_strip()

    @property
    def busy(self) -> bool:
        """Whether a model is writing."""
        return self._run is not None or self.rewriter.run is not None

    def _rewritten(self, error: StudioError | None) -> None:
        self.inspector.show_running(False)
        self.say("")
        if error is not None:
            self.say_error(error)
        self.session.touch()
        self._place_strip()

    def _decided(self) -> None:
        self.session.touch()
        self._place_strip()
        self._show_scope()

    def _noticed(self, job_id: str, notice: Notice) -> None:
        if self._run is not None and self._run.job_id == job_id:
            self.say(notice.source, **notice.params)

    # -- continuing ----------------------------------------------------------------------------------------------

    def continue_text(self) -> None:
        """Let the model go on from the caret."""
        if self.busy or not self.session.id or self.session.read_only:
            return
        if not (prompt := self.editor.text_before(PROMPT_LIMIT)).strip():
            self.say(N_("Write the first words; the model goes on from them."))
            self.editor.setFocus()
            return
        passage = self.editor.current_passage()
        if passage is not None and self.editor.insert_position() == passage.end.position():
            self.editor.passages.keep(passage)  # going on from a variant is choosing it
        self._start(prompt, None)

    def try_again(self) -> None:
        """Write another variant of the passage under the caret, or another result for the card."""
        passage = self.rewriter.passage
        if passage is not None and not self.busy and not self.session.read_only:
            cursor = self.editor.textCursor()
            cursor.setPosition(passage.start.position())
            cursor.setPosition(passage.end.position(), QTextCursor.MoveMode.KeepAnchor)
            self.editor.setTextCursor(cursor)
            self.rewrite()
            return
        passage = self.editor.current_passage()
        if passage is None or self.busy or self.session.read_only:
            return
        if self.inspector.task != "continue":
            self.rewrite()
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
            self.say_error(error)
            return
        if not self.editor.composing:
            cursor = self.editor.textCursor()
            cursor.setPosition(position)
            self.editor.setTextCursor(cursor)
        passage = passage or self.editor.passages.begin(position)
        request = request.changed(context={**request.context, "segment": passage.id})
        job_id = self.studio.submit(request)
        self._followed.add(job_id)
        self._run = run = Continuation(self.studio, self.editor, passage, job_id, request.count)
        run.changed.connect(self._run_changed)
        run.ended.connect(self._run_ended)
        run.closed.connect(self._followed.discard)
        self.inspector.show_running(True)
        self.say(N_("Waiting for the model…"))
        self._place_strip()

    def _progress(self, job_id: str, progress: Progress) -> None:
        """Say what goes on before the first word comes: a large model takes its time to load."""
        rewriting = self.rewriter.run
        if rewriting is not None and rewriting.job_id == job_id and progress.stage:
            if progress.total > 1 and progress.stage in _IN_PARTS:
                self.say(_IN_PARTS[progress.stage], done=min(progress.done + 1, progress.total), total=progress.total)
            else:
                self.say(progress.stage)
        if self._run is not None and self._run.job_id == job_id and progress.stage and not self._run.passage.variants:
            self.say(progress.stage)

    def stop(self) -> None:
        """End the writing under way; what is there stays."""
        if self._run is not None:
            self._run.stop()
        self.rewriter.stop()

    def leave(self) -> None:
        """Escape: end the writing under way, else take the card away and leave the passage as it was."""
        if self.busy:
            self.stop()
        elif self.rewriter.open:
            self.rewriter.reject()

    def _run_changed(self) -> None:
        if self._run is not None and self._run.running:
            self.say(N_("Writing…"))
        self._place_strip()

    def _run_ended(self, error: StudioError | None) -> None:
        self._run = None
        self.inspector.show_running(False)
        self.say("")
        if error is not None:
            self.say_error(error)
        self.session.touch()
        self._place_strip()

    def _late_output(self, job_id: str, index: int, asset: Asset) -> None:
        """A result that nobody waits for (its job was paused, retried, or is from before a restart) becomes a variant
        of the passage it was made for."""
        job = self.studio.job(job_id)
        if job_id in self._followed or job is None or job.request.kind != "text":
            return
        document, segment = job.request.context.get("document", ""), job.request.context.get("segment", "")
        if not document or not segment or self.session.read_only:
            return

        def read(text: str) -> None:
            variant = Variant(text=text.strip("\n"), asset_id=asset.id)
            if document == self.session.id:
                self._add_variant(segment, variant)
            else:
                self.studio.store(
                    lambda project: _store_variant(project, document, segment, variant),
                    lambda _: isValid(self) and document == self.session.id and self._add_variant(segment, variant),
                )

        self.studio.store(lambda project: read_text(project.folder / asset.file), read)

    def _add_variant(self, segment: str, variant: Variant) -> None:
        passage = self.editor.passages.get(segment)
        if passage is not None and all(variant.asset_id != known.asset_id for known in passage.variants):
            passage.variants.append(variant)
            passage.kept = False
            self._place_strip()
            self.session.touch()

    # -- variants ------------------------------------------------------------------------------------------------

    def _passage(self) -> Passage | None:
        return self._run.passage if self._run is not None else self.editor.current_passage()

    def browse(self, step: int) -> None:
        """Show the variant before or after the one in the text, or another result in the card."""
        if self.rewriter.open:
            self.rewriter.browse(step)
            return
        passage = self._passage()
        if passage is None or len(passage.variants) < 2 or self.editor.composing or self.session.read_only:
            return
        now = passage.shown if self._run is not None else self.editor.passages.shown(passage)
        index = min(len(passage.variants) - 1, max(0, now + step)) if now >= 0 else passage.shown
        if index != now:
            self.editor.passages.swap(passage, index)
            cursor = self.editor.textCursor()
            cursor.setPosition(passage.end.position())
            self.editor.setTextCursor(cursor)

    def keep(self) -> None:
        """Choose what stands in the text, or the result in the card."""
        if self.rewriter.open:
            self.rewriter.accept()
        elif self._run is None and (passage := self.editor.current_passage()) is not None:
            self.editor.passages.keep(passage)
            self.session.touch()
            self.editor.setFocus()

    def dismiss(self) -> None:
        """Take the passage out of the text; undo brings it back."""
        if self._run is None and (passage := self.editor.current_passage()) is not None and not self.session.read_only:
            self.editor.passages.dismiss(passage)
            self.editor.setFocus()

    def _place_strip(self) -> None:
        """Below the passage where nothing is written yet, else at the lower edge: it must not cover the text."""
        if self.editor.passages.filling:  # comes again when the whole text is there
            self.strip.hide()
            return
        passage, run = self._passage(), self._run
        if passage is None or self.session.read_only or self.rewriter.open or (passage.empty and run is None):
            self.strip.hide()
            return
        index = passage.shown if run is not None else self.editor.passages.shown(passage)
        of = run.count if run is not None and len(passage.variants) <= run.count else 0
        self.strip.show_state(index, len(passage.variants), writing=run is not None, of=of)
        view = self.editor.viewport().geometry()
        end = self.editor.cursorRect(passage.end)
        last = passage.end.position() >= self.editor.passages.length()
        lowest = view.bottom() - self.strip.height() - 12
        top = view.top() + end.bottom() + 10 if last else lowest
        left = min(view.left() + 24, self.editor.width() - self.strip.width() - 16)
        self.strip.move(max(4, left), max(view.top() + 4, min(top, lowest)))
        self.strip.show()
        self.strip.raise_()

    # -- to and from other panels --------------------------------------------------------------------------------

    def hand_over(self, panel: str) -> None:
        """Take the selection (or the paragraph under the caret) to the Voice or the Picture panel."""
        text = self.editor.selected_text().strip() or self.editor.textCursor().block().text().strip()
        if not text:
            self.say(N_("Select the words to take along first."))
            return
        passage = self.editor.current_passage()
        segment = passage.id if passage is not None else ""
        self.handOver.emit(panel, {"text": text, "document": self.session.id, "segment": segment})

    def reuse(self, recipe: dict[str, Any]) -> None:
        """Fill the form from a recipe; its prompt becomes a document. "use": what of it is wanted, all without."""
        request = Request.from_json(recipe["request"])
        self.show_task(request.task if request.task in _TEXTS else "continue")
        use = recipe.get("use") or ("prompt", "seed", "settings")
        self.inspector.use(request.changed(seed=int(recipe.get("seed", request.seed))), use)
        if "prompt" in use:
            instruction = str(request.context.get("instruction", ""))
            if instruction:
                self.instruction.set_text(instruction)
            self.begin_with(text_of(request.prompt, instruction))

    def open_asset(self, asset: Asset) -> None:
        """Open a text of the project: the document it was made for, else as a new document."""
        reader = self.studio.reader
        recipe = reader.recipe(asset.id) if reader is not None else None
        document = ((recipe or {}).get("request", {}).get("context") or {}).get("document", "")
        if document and any(info.id == document for info in self.shelf.documents()):
            self.session.open(document)
            return
        self.studio.store(lambda project: read_text(project.folder / asset.file), self.begin_with)

    def showEvent(self, event: QShowEvent) -> None:
        """The engine for large models may have been installed meanwhile."""
        super().showEvent(event)
        self.inspector.check_engine()
        self._place_strip()

    def eventFilter(self, watched, event: QEvent) -> bool:  # noqa: ANN001  Qt's signature
        """The editor was resized: the strip moves along."""
        if watched is self.editor and event.type() == QEvent.Type.Resize:
            QTimer.singleShot(0, self, self._place_strip)
        return super().eventFilter(watched, event)


def _store_variant(project, document_id: str, segment_id: str, variant: Variant) -> None:  # noqa: ANN001  Project
    """On the storage thread: another variant for a document that is not open."""
    document = project.documents.load(document_id)
    segment: Segment | None = next((part for part in document.segments if part.id == segment_id), None)
    if segment is not None:
        segment.variants.append(variant)
        segment.locked = False
        project.documents.save(document)

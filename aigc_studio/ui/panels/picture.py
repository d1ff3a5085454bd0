"""The Picture panel: describe, generate, compare, decide; paint over a part and change only that."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QImage, QKeySequence, QPixmap, QUndoStack
from PySide6.QtWidgets import QFrame, QSplitter, QVBoxLayout, QWidget

from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import StudioError
from aigc_studio.core.foreign import ForeignRecipe
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import Job
from aigc_studio.core.requests import Request, new_seed
from aigc_studio.ui.assets.thumbnails import ThumbnailLoader
from aigc_studio.ui.canvas.pyramid import PictureLoader, Pyramid
from aigc_studio.ui.canvas.view import Canvas, mask_bounds
from aigc_studio.ui.dropping.payload import Payload
from aigc_studio.ui.events import Notice
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.models.words import kept_params, makes_the_same, model_does
from aigc_studio.ui.picture import recipes
from aigc_studio.ui.picture.actions import PictureActions
from aigc_studio.ui.picture.inspector import Inspector, progress_text, waiting_text
from aigc_studio.ui.picture.modes import MODES, usual_mode
from aigc_studio.ui.picture.session import PictureSession
from aigc_studio.ui.picture.strip import CandidateStrip
from aigc_studio.ui.picture.toolbar import CandidateBar, CanvasBar, MaskBar
from aigc_studio.ui.picture.transfer import PictureTransfer
from aigc_studio.ui.picture.welcome import Welcome
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.viewer.reel import ListReel
from aigc_studio.ui.widgets.notice_line import NoticeLine

__all__ = ["PicturePanel"]

_UNDO_STEPS = 100


class PicturePanel(Translated, QWidget):
    """Form on the left; canvas with tools above and candidates below on the right."""

    viewRequested = Signal(object, int)
    """A Reel and the row to look at over the whole screen."""
    compareRequested = Signal(object, object, object)
    """Two picture assets; None: both are the project's."""
    noticed = Signal(str)
    """A sentence for the person that is no error."""
    undoOffered = Signal(str, object)
    """A sentence about what was just done, and the function that takes it back."""
    installRequested = Signal()
    """The engine for large models is wanted."""
    offered = Signal(str, str, object)
    """A sentence, the title of a button (marked with N_()), and what the button does."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.undo_stack = QUndoStack(self)
        self.undo_stack.setUndoLimit(_UNDO_STEPS)
        self._loader = PictureLoader(self)
        self._thumbnails = ThumbnailLoader(self._thumbnail_path, studio.thumbnail, self, kept=200)
        self._watched = ""
        """Job whose picture is shown in the making."""
        self._box_of = ("", QRect())
        self._view: dict[str, Any] | None = None
        self._build()
        self.session = PictureSession(studio, self.canvas.selection, self.undo_stack, self)
        self.files = PictureTransfer(studio, self.session, self)
        self.files.noticed.connect(self.noticed)
        self.files.undoOffered.connect(self.undoOffered)
        self.files.howMade.connect(self._offer_how_made)
        self._connect()
        self._project_opened()

    # -- building
    def _build(self) -> None:
        self.inspector = Inspector(self._studio, self)
        self._work = QWidget(self)
        self.canvas = Canvas(self.undo_stack, self._work)
        self.acts = PictureActions(self, self._work, self.undo_stack)
        self.bar = CanvasBar(self.acts, self.acts.tools, self.acts.menu, self._work)
        self.mask_bar = MaskBar(self.canvas, self.acts, self._work)
        self.strip = CandidateStrip(self._studio, self._thumbnails, self._work)
        self._foot = QFrame(self._work)
        self._foot.setProperty("role", "footer")
        foot = QVBoxLayout(self._foot)
        foot.setContentsMargins(8, 4, 8, 0)
        foot.addWidget(self.strip)
        self.notices = NoticeLine(self._work)
        self.welcome = Welcome(self.canvas)
        self.candidate_bar = CandidateBar(self.canvas)
        column = QVBoxLayout(self._work)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.bar, self.mask_bar, self.canvas, self.notices, self._foot):
            column.addWidget(widget, int(widget is self.canvas))
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.addWidget(self.inspector)
        self.splitter.addWidget(self._work)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setSizes([320, 900])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)

    @property
    def first_focus(self) -> QWidget:
        """Where the keyboard begins; a focus proxy would hide all before it from Tab."""
        return self.inspector.prompt.edit if self.inspector.family.prompt else self.inspector.model

    def _connect(self) -> None:
        studio, canvas, session = self._studio, self.canvas, self.session
        studio.projectOpened.connect(self._project_opened)
        studio.projectClosed.connect(self._project_closed)
        self._loader.loaded.connect(self._picture_ready)
        self._loader.failed.connect(self._picture_failed)
        session.shownChanged.connect(self._show)
        session.candidatesChanged.connect(self._list)
        session.jobChanged.connect(self._job_changed)
        session.jobEnded.connect(self._job_ended)
        studio.jobNotice.connect(self._job_noticed)
        canvas.maskBegun.connect(session.keep)
        canvas.selection.emptied.connect(self._mask_emptied)
        canvas.zoomChanged.connect(self.bar.show_zoom)
        canvas.toolChanged.connect(self._tool_changed)
        canvas.compareChanged.connect(self._sync)
        canvas.dropped.connect(self.files.take)
        canvas.menuWanted.connect(self.acts.menu.popup)
        self.inspector.submitted.connect(self.generate)
        self.inspector.cancelled.connect(session.cancel)
        self.inspector.modeChanged.connect(self._mode_changed)
        self.inspector.form.changed.connect(self._sync)
        self.inspector.modelChanged.connect(self._sync)
        self.inspector.installRequested.connect(self.installRequested)
        self.welcome.chosen.connect(self._example)
        self.candidate_bar.stepped.connect(session.step)
        self.candidate_bar.backWanted.connect(session.back)
        self.candidate_bar.keepWanted.connect(session.keep)
        self.strip.showWanted.connect(self._choose)
        self.strip.selectionModel().selectionChanged.connect(self._sync)
        self.strip.keepWanted.connect(lambda asset: (self._choose(asset), session.keep()))
        self.strip.trashWanted.connect(self.files.trash)
        self.strip.menuWanted.connect(lambda asset, point: (self._choose(asset), self.acts.menu.popup(point)))
        self.acts.tools.triggered.connect(self._take_tool)
        for id, slot in {
            "swap": self._swap,
            "larger": lambda: canvas.resize_brush(1),
            "smaller": lambda: canvas.resize_brush(-1),
            "select_all": self._edit_mask(canvas.selection.select_all),
            "invert": self._edit_mask(canvas.selection.invert),
            "clear": canvas.selection.clear,
            "compare": lambda: canvas.set_slider(not canvas.slider),
            "view": self._look,
            "compare_two": lambda: self.compareRequested.emit(*self.strip.chosen_assets(), None),
            "fit": canvas.fit,
            "zoom_50": lambda: canvas.zoom(0.5),
            "zoom_100": lambda: canvas.zoom(1.0),
            "zoom_200": lambda: canvas.zoom(2.0),
            "zoom_400": lambda: canvas.zoom(4.0),
            "zoom_in": lambda: canvas.zoom_step(1),
            "zoom_out": lambda: canvas.zoom_step(-1),
            "next": lambda: session.step(1),
            "former": lambda: session.step(-1),
            "keep": session.keep,
            "back": self._escape,
            "star": self.files.star,
            "variation": self._variation,
            "start": lambda: self.inspector.set_mode(self.inspector.start_mode()),
            "use_prompt": lambda: self._reuse_shown(prompt=True),
            "use_seed": lambda: self._reuse_shown(seed=True),
            "use_all": lambda: self._reuse_shown(prompt=True, seed=True, settings=True),
            "copy": lambda: self.files.copy(canvas.picture),
            "paste": self.files.paste,
            "open": self.files.choose_file,
            "export": self.files.export,
            "trash": lambda: self.files.trash(session.shown),
        }.items():
            self.acts[id].triggered.connect(lambda _checked=False, slot=slot: slot())
        generate = QAction(self)
        generate.setShortcuts([QKeySequence("Ctrl+Return"), QKeySequence("Ctrl+Enter")])
        generate.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        generate.triggered.connect(self._submit_key)
        self.addAction(generate)
        self.addAction(self.acts["back"])  # Esc stops what runs wherever in the panel the keyboard is
        canvas.choose_tool("hand")
        self.bar.show_zoom(0.0)
        self._mode_changed(self.inspector.mode)

    # -- what the main window may call
    def actions(self) -> list[QAction]:
        """For the window's menu and its list of keys: all of them, in groups."""
        return self.acts.listed()

    def open_asset(self, asset: Asset) -> None:
        """Show a picture of the project for editing."""
        if asset.kind == "image":
            self.session.open(asset)

    def reuse(self, recipe: dict[str, Any]) -> None:
        """Take prompt, seed and settings from a recipe. "use": what of it is wanted, all without."""
        use = recipe.get("use") or ("prompt", "seed", "settings")
        recipes.use(self.inspector, recipe, prompt="prompt" in use, seed="seed" in use, settings="settings" in use)

    def receive(self, payload: dict[str, Any]) -> None:
        """A text handed over from another panel becomes the prompt."""
        self.inspector.take_prompt(str(payload.get("text", "")))
        self.inspector.prompt.edit.setFocus()

    def save_state(self) -> dict[str, Any]:
        """What to remember for this project."""
        session = self.session
        return {
            "inspector": self.inspector.state_now(),
            "base": session.base.id if session.base else "",
            "shown": session.shown.id if session.shown else "",
            "candidates": [asset.id for asset in session.candidates][-48:],
            "view": self.canvas.view_state(),
            "mask": session.mask_text(),
            "tool": self.canvas.tool.id,
            "brush": [self.canvas.brush.diameter, self.canvas.brush.hardness],
            "splitter": self.splitter.sizes(),
        }

    def restore_state(self, state: dict[str, Any]) -> None:
        """The inverse of `save_state`; what does not fit any more is left out."""
        inspector = state.get("inspector") or {}
        self.inspector.restore(inspector)
        if len(brush := state.get("brush") or []) == 2:
            self.canvas.set_brush(diameter=brush[0], hardness=brush[1])
        if len(sizes := state.get("splitter") or []) == 2:
            self.splitter.setSizes(sizes)
        self._view = state.get("view") or None
        if self._studio.reader is not None and state.get("base"):
            self.session.restore(str(state.get("base", "")), str(state.get("shown", "")), state.get("candidates") or [])
            if self.session.base is not None and self.session.base.id == state["base"]:
                self.session.restore_mask(str(state.get("mask", "")))
        if inspector.get("mode") in dict(MODES):
            self.inspector.set_mode(inspector["mode"])  # after the mask, which asks for "change part"
        if state.get("tool") in self.canvas.tools:
            self.canvas.choose_tool(state["tool"])  # after the mode, which asks for a brush

    # -- project
    def _project_opened(self, *_: object) -> None:
        """The window may have restored the panel's state before this is heard: nothing is reset here."""
        if self._studio.info is not None:
            self.session.adopt()
            self.session.recent()
        self._list()

    def _project_closed(self) -> None:
        self._thumbnails.forget()
        self._loader.forget()
        self._watched, self._view = "", None
        self.session.close()
        self.canvas.set_preview(QImage())
        self.canvas.set_working("")
        self.inspector.set_mode(usual_mode(self.inspector.family))
        self.canvas.choose_tool("hand")

    def _thumbnail_path(self, id: str) -> Path | None:
        reader = self._studio.reader
        return reader.thumbnail_path(id) if reader is not None else None

    # -- showing
    def _show(self) -> None:
        """The picture on show is another one, or its title or star changed."""
        asset = self.session.shown
        if asset is not None:
            self._watched = ""
        if not self._watched:
            self._display(asset)
        self._mark()
        self._sync()

    def _choose(self, asset: Asset) -> None:
        """Show a picture of the strip, even while another one is watched in the making."""
        watched, self._watched = self._watched, ""
        self.session.choose(asset)
        if watched:
            self._display(self.session.shown)
            self._job_changed()
            self._sync()

    def _display(self, asset: Asset | None) -> None:
        canvas, reader = self.canvas, self._studio.reader
        recipe = reader.recipe(asset.id) if asset is not None and reader is not None else None
        self.notices.show_notices(Notice.of_recipe(recipe))
        if asset is None or reader is None:
            canvas.set_picture(None)
            canvas.set_before(None)
            return
        size = QSize(asset.width, asset.height)
        ready = self._loader.cached(asset.id)
        if ready is not None:
            if canvas.picture is not ready:
                canvas.set_picture(ready, keep_view=True)
        else:
            thumb = self._thumbnails.pixmap(asset.id) or QPixmap()
            canvas.set_placeholder(thumb.toImage(), size, keep_view=True)
            self._loader.load(asset.id, reader.path(asset))
        self._display_before()
        if self._view is not None:
            canvas.restore_view(self._view)
            self._view = None
        canvas.show_mask(not self.session.proposing)

    def _display_before(self) -> None:
        session, reader = self.session, self._studio.reader
        base, shown = session.base, session.shown
        alike = base and shown and (base.width, base.height) == (shown.width, shown.height)
        if not (session.proposing and alike and base and reader):
            self.canvas.set_before(None)
            return
        ready = self._loader.cached(base.id)
        self.canvas.set_before(ready)
        if ready is None:
            self._loader.load(base.id, reader.path(base))

    def _picture_ready(self, key: str, picture: Pyramid) -> None:
        shown, base = self.session.shown, self.session.base
        if shown is not None and key == shown.id and not self._watched:
            self.canvas.set_picture(picture, keep_view=True)
            self._display_before()
        elif base is not None and key == base.id:
            self._display_before()
        self._sync()

    def _picture_failed(self, key: str, error: StudioError) -> None:
        if self.session.shown is not None and key == self.session.shown.id:
            self._studio.problem.emit(error)

    def _list(self) -> None:
        self.strip.set_assets(self.session.candidates, self.session.pending_results())
        self._foot.setVisible(bool(self.session.candidates) or self.session.pending_results() > 0)
        self._mark()
        self._sync()

    def _mark(self) -> None:
        session = self.session
        self.strip.mark(session.shown.id if session.shown else "", session.base.id if session.base else "")

    def _sync(self, *_: object) -> None:
        """Enable what can be done now, and say why the rest cannot."""
        session, canvas = self.session, self.canvas
        info = self._studio.info
        writable = info is not None and not info.read_only
        shown = session.shown
        self.welcome.show_for(reader=self.inspector.family.prompt)
        self.welcome.setVisible(shown is None and not self._watched)
        if self.welcome.isVisible():
            self.welcome.raise_()
        self.candidate_bar.setVisible(session.proposing and not self._watched)
        ids = [asset.id for asset in session.candidates]
        if shown is not None and shown.id in ids:
            self.candidate_bar.show_number(ids.index(shown.id) + 1, len(ids))
        canvas.editable = writable and shown is not None
        for tool in self.acts.tools.actions():
            tool.setEnabled(shown is not None)
        made = shown is not None and shown.origin == "generated"
        for id, on in {
            "select_all": canvas.editable,
            "invert": canvas.editable,
            "clear": not canvas.selection.empty and not session.proposing,
            "compare": canvas.can_compare,
            "next": len(ids) > 1,
            "former": len(ids) > 1,
            "keep": session.proposing,
            "star": shown is not None and writable,
            "view": shown is not None,
            "compare_two": len(self.strip.chosen_assets()) == 2,
            "fit": shown is not None,
            "zoom_in": shown is not None,
            "zoom_out": shown is not None,
            "variation": made and writable,
            "start": shown is not None and writable and bool(self.inspector.start_mode()),
            "use_prompt": made,
            "use_seed": made,
            "use_all": made,
            "copy": canvas.picture is not None,
            "paste": writable,
            "open": writable,
            "export": shown is not None,
            "trash": shown is not None and writable,
        }.items():
            self.acts[id].setEnabled(on)
        self.acts["compare"].setChecked(canvas.slider)
        starred = bool(shown and shown.starred)
        self.acts["star"].setChecked(starred)
        self.acts["star"].setIcon(icon("star", "star", on="star") if starred else icon("star-outline"))
        self.inspector.block(self._why_not())

    def _why_not(self) -> str:
        info, inspector = self._studio.info, self.inspector
        if info is None:
            return tr("Open or make a project first.")
        if info.read_only:
            return tr("This project is open in another window or cannot be written; nothing can be made here.")
        if reason := inspector.why_not():
            return reason
        if inspector.from_picture and self.session.shown is None:
            return tr("Make or open a picture first.")
        if inspector.mode == "inpaint" and self.canvas.selection.empty:
            return tr("Paint over the part that shall change.")
        return ""

    # -- making
    def generate(self) -> None:
        """Start what the form says."""
        if self._why_not():
            return
        request = self.inspector.request()
        shown = self.session.shown
        if request.task == "inpaint":
            self.session.submit_with_mask(request)
            self.canvas.setFocus()
        elif self.inspector.from_picture and shown is not None:
            self._submit_from(shown, request)
        else:
            self._watch(self.session.submit(request), request)

    def _submit_key(self) -> None:
        if not self._why_not():
            self.generate()

    def _example(self, prompt: str) -> None:
        self.inspector.take_prompt(prompt)
        self.generate()

    def _watch(self, job: str, request: Request) -> None:
        """Show a picture in the making in the place it will have, until it is there or another one is chosen."""
        self._watched = job
        self.notices.show_notices(())
        self.canvas.set_before(None)
        self.canvas.show_mask(False)
        self.canvas.set_placeholder(QImage(), self.inspector.expected_size(request))
        self._job_changed()
        self._sync()

    def _variation(self) -> None:
        """One relative of the picture on show, at once: by its family's own task, else the same with another seed."""
        asset, reader = self.session.shown, self._studio.reader
        recipe = reader.recipe(asset.id) if asset is not None and reader is not None else None
        if recipe is None or asset is None:
            return
        former = Request.from_json(recipe["request"])
        if makes_the_same(former):
            self.noticed.emit(tr("This model makes the same of the same picture; there is no other variation."))
        elif model_does(former, "variation"):
            kept = kept_params(former, "variation")
            self._submit_from(asset, former.changed(task="variation", params=kept, seed=new_seed(), count=1))
        else:
            request = former.changed(seed=new_seed(), count=1)
            job = self.session.submit(request)
            if not request.inputs:
                self._watch(job, request)

    def _submit_from(self, asset: Asset, request: Request) -> None:
        """Queue a request that starts from a picture."""
        inputs = {"image": asset.id}
        if request.task == "morph" and len(pair := self.strip.chosen_assets()) == 2:
            # The one on show comes first; when it is none of the two, the one on the left does.
            first, second = (pair[1], pair[0]) if pair[1].id == asset.id else (pair[0], pair[1])
            inputs = {"image": first.id, "other": second.id}
        self.session.submit(request.changed(inputs=inputs))

    def _job_changed(self) -> None:
        session = self.session
        job, progress = session.job, session.progress
        self.inspector.show_running(job is not None, progress, session.waiting, session.begun)
        if job is None:
            self.canvas.set_working("")
            self.canvas.set_preview(QImage())
            return
        edits = session.edits(job.id)
        here = job.id == self._watched or (edits and not session.proposing and self._base_of(job))
        if here:
            self.canvas.set_working(
                progress_text(progress, 0, session.begun), progress.fraction if progress is not None else 0.0
            )
        elif ahead := session.ahead(self._watched):
            now = progress_text(progress, 0, True) if session.begun else ""
            self.canvas.set_working(waiting_text(ahead, now))
        else:
            self.canvas.set_working("")
        if not here:
            self.canvas.set_preview(QImage())
        elif progress is not None and progress.preview is not None:
            preview, shape = progress.preview, self.canvas.picture_size
            if (
                job.id == self._watched
                and abs(preview.width() * shape.height() / (preview.height() * shape.width()) - 1) > 0.1
            ):
                self.canvas.set_placeholder(QImage(), preview.size())  # its shape was not known before
            self.canvas.set_preview(preview, self._edit_box(job) if edits else None)

    def _base_of(self, job: Job) -> bool:
        return self.session.base is not None and job.request.inputs.get("image") == self.session.base.id

    def _edit_box(self, job: Job) -> QRect:
        """The part that a job paints; found once, as it takes a look at every pixel."""
        if self._box_of[0] != job.id:
            self._box_of = (job.id, mask_bounds(self.canvas.selection.pixels))
        return self._box_of[1]

    def _job_noticed(self, id: str, notice: Notice) -> None:
        """Under the picture in the making; when it is there, its recipe has it."""
        if id == self._watched or (self.session.job is not None and self.session.job.id == id):
            self.notices.add(notice)

    def _job_ended(self, job: Job) -> None:
        if job.id == self._watched:
            self._watched = ""
            self._display(self.session.shown)
            self._sync()

    # -- mask
    def _edit_mask(self, change) -> Any:
        """A change of the whole mask, on the picture on show."""

        def run() -> None:
            self.session.keep()
            change()
            if not self.canvas.tool.edits:
                self.canvas.choose_tool("brush")

        return run

    def _swap(self) -> None:
        self.canvas.choose_tool("brush" if self.canvas.tool.id == "eraser" else "eraser")

    def _take_tool(self, action: QAction) -> None:
        """A person chose a tool: its keys ([ and ] for the brush) must reach the canvas, not the prompt."""
        self.canvas.choose_tool(action.data())
        self.canvas.setFocus()

    def _tool_changed(self, id: str) -> None:
        self.acts[id].setChecked(True)
        self.mask_bar.setVisible(self.canvas.tool.edits)

    def _mask_emptied(self, empty: bool) -> None:
        if not empty:
            self.inspector.set_mode("inpaint")
        self._sync()

    def _mode_changed(self, mode: str) -> None:
        if mode == "inpaint" and not self.canvas.tool.edits and self.session.shown is not None:
            self.canvas.choose_tool("brush")
        self._sync()

    def _look(self) -> None:
        """The picture on show over the whole screen, its candidates beside it."""
        shown, assets = self.session.shown, self.strip.assets
        if shown is None:
            return
        places = [place for place, asset in enumerate(assets) if asset.id == shown.id]
        self.viewRequested.emit(ListReel(assets if places else [shown]), places[0] if places else 0)

    def _escape(self) -> None:
        if self.canvas.cancel_gesture():
            return
        if self.session.job is not None:
            self.session.cancel()
        else:
            self.session.back()

    # -- recipes
    def _reuse_shown(self, *, prompt: bool = False, seed: bool = False, settings: bool = False) -> None:
        asset, reader = self.session.shown, self._studio.reader
        recipe = reader.recipe(asset.id) if asset is not None and reader is not None else None
        if recipe is not None:
            recipes.use(self.inspector, recipe, prompt=prompt, seed=seed, settings=settings)

    def take_drop(self, payload: Payload) -> None:
        """What was dropped on the window while this panel is in front; words are a prompt."""
        if payload.text.strip() and not payload.pictured:
            self.inspector.take_prompt(payload.text.strip(), mode="")
            self.inspector.prompt.edit.setFocus()
        else:
            self.files.take_drop(payload)

    def _offer_how_made(self, recipe: Mapping[str, Any] | ForeignRecipe) -> None:
        """A picture came in that says how it was made: show its prompt and offer to use it."""
        if found := recipes.offer(self.inspector, recipe):
            text, take = found
            self.offered.emit(text, N_("Use prompt and settings"), take)

"""Voice: scripts on the left, the words and their sound in the middle, on the right the voice that speaks them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent, QTextCursor, QTextDocument
from PySide6.QtWidgets import QFileDialog, QFrame, QVBoxLayout, QWidget
from shiboken6 import isValid

from aigc_studio.core.assets import Asset
from aigc_studio.core.documents import Document, Segment, Variant
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request
from aigc_studio.core.sound_export import SOUND_SUFFIXES, export_sound
from aigc_studio.engines.base import Understanding
from aigc_studio.engines.engine import missing_input
from aigc_studio.engines.speech.speakers import CLIP, FILE, consent_missing

from ..assets.actions import AssetActions
from ..documents.inspector import TaskInspector, TaskTexts
from ..documents.panel import DocumentPanel
from ..events import AssetsChange, Progress
from ..studio import Studio
from ..voice.clip import ClipRow
from ..voice.sound_view import SoundView, markers_of
from ..voice.takes import Take
from ..voice.words import runs_in_words, voice_words
from ..widgets.elided_label import ElidedLabel
from ..widgets.empty_state import EmptyState
from ..widgets.player import Output

__all__ = ["VoicePanel"]

EXAMPLES = ("床前明月光，疑是地上霜。\n举头望明月，低头思故乡。", "Hello! 你好，欢迎来到 AIGC Studio。")
"""Scripts to try: one in Chinese, one in both languages."""

_TEXTS = TaskTexts(
    heading=N_("Voice"),
    start=N_("Speak"),
    icon="microphone-outline",
    no_model=N_("No voice was found; install one first."),
    missing=N_(
        "This voice needs the engine for large models, which is not installed yet. The basic voice works without it."
    ),
    install=N_("Install the engine…"),
)

_PREVIEW_MS = 300
_PREVIEW_CHARACTERS = 4000


class VoicePanel(DocumentPanel):
    """The panel "voice". output, clip_output: what plays takes and recordings; a test brings its own."""

    drop_kinds = ("text", "audio")

    def __init__(
        self,
        studio: Studio,
        parent: QWidget | None = None,
        *,
        output: Output | None = None,
        clip_output: Output | None = None,
    ) -> None:
        super().__init__(studio, "script", N_("Scripts"), N_("New script (Ctrl+Shift+N)"), parent)
        self._job = ""
        self._wanted: Request | None = None  # waits for what its voice says of its words
        self._asked = self._ask_again = False
        self._segment = Segment()
        self._recipes: dict[str, dict[str, Any] | None] = {}
        self._shown: str | None = None
        """Id of the take that is heard, "" for none, None when that must be shown anew."""
        self._places: list[QTextCursor | None] | None = None
        self.tr_bind(
            self.editor.setPlaceholderText, N_("Write or drop what is to be spoken. Chinese and English may be mixed.")
        )
        self.assets = AssetActions(studio, self)
        self.assets.undoOffered.connect(self.undoOffered)
        self.preview = ElidedLabel(self)
        self.preview.setProperty("role", "faint")
        self._preview_timer = QTimer(self, singleShot=True, interval=_PREVIEW_MS)
        self._preview_timer.timeout.connect(self._show_preview)
        self.sound = SoundView(output, self)
        for id, title, keys, picture, act in (
            ("new", N_("New script"), "Ctrl+Shift+N", "file-plus-outline", self._new),
            ("speak", N_("Speak"), "Ctrl+Return Ctrl+Enter", "microphone-outline", self.speak),
            ("stop", N_("Stop##writing"), "Esc", "stop", self.cancel_or_pause),
            ("play", N_("Play or pause"), "F8", "play-pause", self.sound.player.toggle),
            ("from_here", N_("Play from the caret"), "Shift+F8", "play-circle-outline", self.play_from_caret),
            ("export_sound", N_("Export the take…"), "Ctrl+Alt+E", "export", self._export_current),
        ):
            self.add_action(id, title, keys, picture, act)
        self._actions["export"].setShortcuts([])  # the sound is what one exports here; the words have the menu
        empty = EmptyState(
            "microphone-outline",
            N_("Nothing to speak yet"),
            N_("Write a script, or try one of these. The basic voice speaks at once, in Chinese and English."),
            [
                (N_("New script"), self._new),
                (N_("A Tang poem"), lambda: self.begin_with(EXAMPLES[0])),
                (N_("Both languages"), lambda: self.begin_with(EXAMPLES[1])),
            ],
        )
        inspector = TaskInspector(studio, "speech", "speak", _TEXTS, seed=None, count=None, parent=self)
        inspector.startRequested.connect(self.speak)
        inspector.stopRequested.connect(self.cancel_or_pause)
        inspector.form.changed.connect(self._preview_timer.start)
        self.clip = ClipRow(studio, clip_output, inspector)
        self.clip.noticed.connect(self.noticed)
        self._listen()
        self.lay_out(self.toolbar((), ("from_here", "export_sound", "history")), empty, inspector, self._below())
        self.drops.arrived.connect(self._recording_dropped)
        inspector.form.changed.connect(self._place_clip)
        self.clip.changed.connect(self._place_clip)
        self._place_clip()

    def _below(self) -> QFrame:
        below = QFrame(self)
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.preview.setContentsMargins(16, 0, 16, 0)
        column.addWidget(self.preview)
        column.addWidget(self.sound)
        return below

    def _listen(self) -> None:
        studio, takes = self.studio, self.sound.takes
        studio.jobProgress.connect(self._progress)
        studio.jobOutput.connect(self._output)
        studio.jobFinished.connect(self._finished)
        studio.assetsChanged.connect(self._assets_changed)
        self.editor.edited.connect(self._preview_timer.start)
        self.editor.edited.connect(self._forget_places)
        self.editor.passages.loaded.connect(self._forget_places)
        self.editor.passages.loaded.connect(self._preview_timer.start)
        takes.chosen.connect(self._choose)
        takes.starRequested.connect(lambda take: self.assets.star([take.asset]))
        takes.trashRequested.connect(self._trash)
        takes.exportRequested.connect(self._export_take)
        takes.scriptRequested.connect(self._take_words)
        self.sound.sentenceChanged.connect(self._sentence_changed)

    # -- documents -----------------------------------------------------------------------------------------------

    def _new(self) -> None:
        self.session.create(then=self.editor.setFocus)

    def segments(self) -> list[Segment]:
        """One segment: all the words, with the takes as its variants."""
        self._segment.text = self.editor.passages.text(0, self.editor.passages.length())
        return [self._segment]

    def show_segments(self, segments: list[Segment]) -> None:
        """See `DocumentPanel`. Several segments (a script made elsewhere) become its lines."""
        first = segments[0] if segments else Segment()
        self._segment = Segment(
            id=first.id,
            text="\n".join(segment.text for segment in segments),
            variants=[variant for segment in segments for variant in segment.variants],
            asset_id=next((segment.asset_id for segment in segments if segment.asset_id), ""),
            meta=first.meta,
        )
        self.editor.load([Segment(text=self._segment.text)])

    def document_shown(self, document: Document | None, writable: bool) -> None:
        """See `DocumentPanel`."""
        self._shown = None
        self._actions["speak"].setEnabled(writable)
        self._refresh_takes()
        self._show_preview()

    # -- whose voice ---------------------------------------------------------------------------------------------

    def _place_clip(self) -> None:
        """The recording stands below the field that asks for it; the consent is part of it."""
        fields = self.inspector.form.fields
        speaker, consent, vector = (fields.get(id) for id in ("speaker", "consent", "vector"))
        takes_one = speaker is not None and consent is not None
        body = speaker.parentWidget() if speaker is not None else None
        layout = body.layout() if body is not None else None
        if takes_one and isinstance(layout, QVBoxLayout) and speaker is not None:
            if self.clip.parentWidget() is not body:
                layout.insertWidget(layout.indexOf(speaker) + 1, self.clip)
        elif self.clip.parentWidget() is not self.inspector:
            self.clip.setParent(self.inspector)  # the form it was part of is about to be deleted
        value = speaker.value() if speaker is not None else ""
        self.clip.setVisible(takes_one and value == CLIP)
        if consent is not None:
            consent.hide()
            consent.set_value(self.clip.consent.isChecked())
        if vector is not None:
            vector.setVisible(value == FILE)

    def _recording_dropped(self, assets: list[Asset], _fresh: bool) -> None:
        """A recording dropped anywhere on the panel is whose voice is wanted, where the model can take one."""
        fields = self.inspector.form.fields
        if "consent" in fields and "speaker" in fields:
            self.inspector.form.set_values({"speaker": CLIP})
            self.clip.show_asset(assets[0])
        else:
            self.noticed.emit(tr("This voice takes no recording; “{title}” is in Assets.", title=assets[0].title))

    def _with_recording(self, request: Request) -> Request:
        """The request with the recording it asks for. StudioError when it or the consent is missing."""
        if self.clip.isHidden():
            return request
        if self.clip.asset is None:
            raise missing_input("voice")
        if not self.clip.consent.isChecked():
            raise consent_missing()
        return request.changed(inputs={"voice": self.clip.asset.id})

    # -- speaking ------------------------------------------------------------------------------------------------

    def speak(self) -> None:
        """Make a take of the selection, or of the whole script."""
        if self._job or self._wanted is not None or not self.session.id or self.session.read_only:
            return
        if not self.inspector.check_engine():
            return
        text = self.editor.selected_text() or self.editor.passages.text(0, self.editor.passages.length())
        if not text.strip():
            self.say(N_("Write what is to be spoken first."))
            self.editor.setFocus()
            return
        try:
            request = self.inspector.request(text, {"document": self.session.id, "segment": self._segment.id})
            self._wanted = self._with_recording(request)
        except StudioError as error:
            self.say_error(error)
            return
        self.sound.player.pause()
        self.inspector.show_running(True)
        self.studio.understand_later(self._wanted, self._words_checked)

    def _words_checked(self, found: Understanding | None) -> None:
        """Speak what is wanted; not a text of which the voice knows no character: no model is loaded for it."""
        request, self._wanted = self._wanted, None
        if request is None or request.context.get("document") != self.session.id:
            self.inspector.show_running(bool(self._job))
        elif found is not None and not found.understood and found.ignored:
            self.inspector.show_running(False)
            self.say_error(
                StudioError(
                    N_("This voice knows none of these characters ({characters}); choose another voice."),
                    code="text-unknown",
                    characters=" ".join(found.ignored[:12]),
                )
            )
        else:
            self._job = self.studio.submit(request)
            self.sound.show_progress(0.0)
            self.say(N_("Speaking…"))

    def cancel_or_pause(self) -> None:
        """Stop making a take; when none is made, stop listening."""
        if self._job:
            self.studio.cancel(self._job)
        elif self._wanted is not None:
            self._wanted = None
            self.inspector.show_running(False)
        else:
            self.sound.player.pause()

    def _progress(self, job_id: str, progress: Progress) -> None:
        if job_id == self._job:
            self.sound.show_progress(progress.fraction)
            if progress.total > 1:
                now = min(progress.done + 1, progress.total)
                self.say(N_("Speaking sentence {done} of {total}"), done=now, total=progress.total)
            elif not progress.total and progress.stage:
                self.say(progress.stage)

    def _output(self, job_id: str, index: int, asset: Asset) -> None:
        job = self.studio.job(job_id)
        document = job.request.context.get("document", "") if job is not None else ""
        if job is None or job.request.kind != "speech" or not document or self.session.read_only:
            return
        variant = Variant(text=job.request.prompt, asset_id=asset.id)
        play = job_id == self._job and self.isVisible()
        if document == self.session.id:
            self._add_take(variant, play=play)
            return

        def stored(_: object) -> None:
            if isValid(self) and document == self.session.id:  # opened meanwhile, read before the take was there
                self._add_take(variant, play=False)

        self.studio.store(partial(_store_take, document_id=document, variant=variant), stored)

    def _add_take(self, variant: Variant, *, play: bool) -> None:
        if all(take.asset_id != variant.asset_id for take in self._segment.variants):
            self._segment.variants.append(variant)
            self._segment.asset_id = variant.asset_id
            self.session.touch()
            self._refresh_takes(play=play)

    def _finished(self, job_id: str, job: Job) -> None:
        if job_id != self._job:
            return
        self._job = ""
        self.inspector.show_running(False)
        self.sound.show_progress(None)
        self.say("")
        if job.state is JobState.FAILED and job.error is not None:
            self.say_error(job.error)
        elif job.state is JobState.CANCELLED:
            self.say(N_("Stopped; no take was made."))

    # -- takes ---------------------------------------------------------------------------------------------------

    def _recipe(self, asset_id: str) -> dict[str, Any] | None:
        if asset_id not in self._recipes and (reader := self.studio.reader) is not None:
            self._recipes[asset_id] = reader.recipe(asset_id)
        return self._recipes.get(asset_id)

    def _takes(self) -> list[Take]:
        """The takes whose sound is in the project, newest first; those in the trash are left out."""
        reader = self.studio.reader
        if reader is None:
            return []
        found: list[Take] = []
        for number, variant in enumerate(self._segment.variants, 1):
            asset = reader.asset(variant.asset_id) if variant.asset_id else None
            if asset is not None and not asset.trashed:
                found.append(Take(asset, number, voice_words(self._recipe(asset.id)), str(reader.path(asset))))
        return found[::-1]

    def _refresh_takes(self, *, play: bool = False) -> None:
        takes = self._takes()
        wanted = next((take for take in takes if take.asset.id == self._segment.asset_id), takes[0] if takes else None)
        self.sound.show_takes(takes, wanted.asset.id if wanted is not None else "")
        self._actions["export_sound"].setEnabled(wanted is not None)
        self._actions["play"].setEnabled(wanted is not None)
        self._actions["from_here"].setEnabled(wanted is not None)
        heard = wanted.asset.id if wanted is not None else ""
        if heard != self._shown or play:
            self._shown = heard
            self._forget_places()
            self.sound.show_take(wanted, markers_of(self._recipe(heard)) if heard else [], play=play)

    def _choose(self, take: Take) -> None:
        self._segment.asset_id = take.asset.id
        self.session.touch()
        self._refresh_takes()

    def _assets_changed(self, change: AssetsChange) -> None:
        ours = {variant.asset_id for variant in self._segment.variants}
        if ours.intersection((*change.added, *change.removed, *change.changed)):
            self._refresh_takes()

    def _trash(self, take: Take) -> None:
        if take.asset.id == self._shown:
            self.sound.player.load(None, 0.0)  # Windows moves no file that is open
            self._shown = None
        self.assets.trash([take.asset])

    def _take_words(self, take: Take) -> None:
        words = next((v.text for v in self._segment.variants if v.asset_id == take.asset.id), "")
        if words and not self.session.read_only:
            self.editor.replace_all([Segment(text=words)])

    def _export_current(self) -> None:
        if (take := self.sound.takes.current()) is not None:
            self._export_take(take)

    def _export_take(self, take: Take) -> None:
        names = {
            ".wav": "WAV (*.wav)",
            ".flac": "FLAC (*.flac)",
            ".ogg": "OGG (*.ogg)",
            ".mp3": "MP3 (*.mp3)",
            ".opus": "Opus (*.opus)",
        }
        dialog = QFileDialog(self, tr("Export the take…"), Path(take.path).stem + ".wav")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([names[suffix] for suffix in SOUND_SUFFIXES])
        dialog.setDefaultSuffix("wav")
        suffixes = {name: suffix for suffix, name in names.items()}
        dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix(suffixes[chosen][1:]))
        dialog.fileSelected.connect(lambda name: self.export_take(take, Path(name)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def export_take(self, take: Take, target: Path) -> None:
        """Write a take to a file of any format; its recipe goes along."""
        source, recipe = Path(take.path), self._recipe(take.asset.id)
        self.studio.store(
            lambda _: export_sound(source, target, recipe),
            lambda _: self.noticed.emit(tr("Saved as {file}", file=target.name)),
        )

    # -- reading along -------------------------------------------------------------------------------------------

    def _sentences(self) -> list[QTextCursor | None]:
        """Where each sentence of the take stands in the script; None for one whose words were changed since."""
        if self._places is None:
            document, cursor = self.editor.document(), QTextCursor(self.editor.document())
            self._places = []
            for marker in self.sound.wave.markers:
                found = document.find(marker.text, cursor, QTextDocument.FindFlag.FindCaseSensitively)
                self._places.append(None if found.isNull() else found)
                cursor = cursor if found.isNull() else found
        return self._places

    def _forget_places(self) -> None:
        self._places = None

    def _sentence_changed(self, number: int) -> None:
        places = self._sentences() if number >= 0 else []
        self.editor.mark_spoken(places[number] if 0 <= number < len(places) else None)

    def play_from_caret(self) -> None:
        """Listen from the sentence the caret is in."""
        position = self.editor.textCursor().position()
        before = [
            marker.start
            for marker, place in zip(self.sound.wave.markers, self._sentences(), strict=True)
            if place is not None and place.selectionStart() <= position
        ]
        self.sound.player.seek(before[-1] if before else 0.0)
        self.sound.player.play()

    # -- what will be spoken -------------------------------------------------------------------------------------

    def _show_preview(self) -> None:
        if self._asked:  # one question at a time: the answer may come from a slow disk
            self._ask_again = True
            return
        text = self.editor.passages.opening(_PREVIEW_CHARACTERS)
        if not text.strip() or (entry := self.inspector.entry()) is None:
            self._preview_this(None)
            return
        self._asked = True
        params = self.inspector.form.values()
        self.studio.understand_later(
            Request(kind="speech", task="speak", family=entry.family, model=entry.id, prompt=text, params=params),
            self._preview_asked,
        )

    def _preview_asked(self, found: Understanding | None) -> None:
        again, self._asked, self._ask_again = self._ask_again, False, False
        if again:
            self._show_preview()
        else:
            self._preview_this(found)

    def _preview_this(self, found: Understanding | None) -> None:
        """What will be said, below the script; None: nothing is known of it."""
        if found is not None and not (found.understood or found.ignored):
            found = None
        self.preview.setVisible(found is not None)
        self.editor.mark_unsaid(() if found is None else [sign for sign in found.ignored if not sign.startswith("U+")])
        if found is None:
            return
        runs = runs_in_words(found.understood)
        line = "  ·  ".join(runs) or tr("nothing")
        said = f"{tr('Spoken as:')} {line}"
        if found.ignored:  # first: the end of a long line is cut off
            said = f"{tr('not spoken: {signs}', signs=' '.join(found.ignored))}   {said}"
        self.preview.setText(said)
        self.preview.setToolTip("\n".join(runs))

    def retranslate(self) -> None:
        """The preview and the takes are made of words."""
        super().retranslate()
        if hasattr(self, "inspector"):
            self._show_preview()
            self._refresh_takes()

    # -- to and from other panels --------------------------------------------------------------------------------

    def reuse(self, recipe: dict[str, Any]) -> None:
        """Fill the form from a recipe; its words become a script. "use": what of it is wanted, all without."""
        request = Request.from_json(recipe["request"])
        use = recipe.get("use") or ("prompt", "seed", "settings")
        if "settings" in use and (voice := request.inputs.get("voice")):
            self.clip.show_id(voice, consent=request.params.get("consent") is True)
        self.inspector.use(request.changed(seed=int(recipe.get("seed", request.seed))), use)
        if "prompt" in use:
            self.begin_with(request.prompt)

    def open_asset(self, asset: Asset) -> None:
        """Listen to a sound of the project: in the script it was made for, else in a new one."""
        request = (self._recipe(asset.id) or {}).get("request", {})
        document = (request.get("context") or {}).get("document", "")
        if document and any(info.id == document for info in self.shelf.documents()):
            self.session.open(document, lambda: self._show_take_of(asset) or self._script_of(asset))
        else:
            self._script_of(asset)

    def _show_take_of(self, asset: Asset) -> bool:
        """Show a take of the open script; False when it is none of its takes."""
        if all(variant.asset_id != asset.id for variant in self._segment.variants):
            return False
        self._segment.asset_id = asset.id
        self._refresh_takes()
        return True

    def _script_of(self, asset: Asset) -> None:
        """A new script with a sound as its take."""
        words = str((self._recipe(asset.id) or {}).get("request", {}).get("prompt", ""))
        take = Variant(text=words, asset_id=asset.id)
        self.session.create(
            asset.title, [Segment(text=words, variants=[take], asset_id=asset.id)], meta={"titled": True}
        )

    def save_state(self) -> dict[str, Any]:
        """Also the recording; that its voice may be used is asked anew."""
        return {**super().save_state(), "clip": self.clip.asset.id if self.clip.asset is not None else ""}

    def restore_state(self, state: dict[str, Any]) -> None:
        """The inverse of `save_state`."""
        super().restore_state(state)
        if isinstance(clip := state.get("clip"), str) and clip:
            self.clip.show_id(clip)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A low window keeps its room for the words."""
        self.sound.set_low(event.size().height() < 680)
        super().resizeEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Another panel comes: silence."""
        self.sound.player.pause()
        super().hideEvent(event)


def _store_take(project, *, document_id: str, variant: Variant) -> None:  # noqa: ANN001  Project
    """On the storage thread: a take for a script that is not open."""
    document = project.documents.load(document_id)
    if document.kind != "script":
        return  # spoken from a text: its wordings are not takes
    first = document.segments[0] if document.segments else Segment()
    if all(variant.asset_id != known.asset_id for segment in document.segments for known in segment.variants):
        first.variants.append(variant)
        first.asset_id = variant.asset_id
        document.segments = document.segments or [first]
        project.documents.save(document)

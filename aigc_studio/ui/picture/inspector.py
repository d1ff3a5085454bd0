"""The left column: what to make. Task, prompt, model, parameters, and the button that starts and stops."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QElapsedTimer, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.errors import StudioError
from aigc_studio.core.foreign import ForeignRecipe
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.requests import MAX_SEED, Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Family, Understanding
from aigc_studio.engines.interpreter import missing_engine
from aigc_studio.ui.events import Progress
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.models.engine_note import EngineNote
from aigc_studio.ui.models.picker import ModelPicker
from aigc_studio.ui.models.words import declared, subtitle
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import set_role
from aigc_studio.ui.widgets.elided_label import ElidedLabel
from aigc_studio.ui.widgets.form import ParamForm

from .modes import ModeSwitch, action_text, cannot, does, hint, needs_picture, usual_mode
from .prompt import PromptBox

__all__ = ["Inspector", "duration"]

_DOUBLE_CLICK_MS = 400
"""The button that starts turns into the one that cancels: a double click must not do both."""


class Inspector(Translated, QFrame):
    """What the person wants. It builds requests but sends none: `submitted` and `cancelled` say what was pressed."""

    submitted = Signal()
    cancelled = Signal()
    modeChanged = Signal(str)
    modelChanged = Signal()
    installRequested = Signal()

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.setProperty("role", "inspector")
        self.setMinimumWidth(280)
        self._running = False
        self._started = QElapsedTimer()
        self._blocked = ""
        self._entry_id = ""
        self.model = ModelPicker(studio, "image", parent=self)
        self._family = self.model.family or registry.families("image")[0]
        self._build()
        self.model.entryChanged.connect(self._model_changed)
        studio.modelsChanged.connect(self.form.refresh)
        self.form.fileDropped.connect(studio.models.partOffered)
        self._describe()
        self._sync()

    # -- building
    def _build(self) -> None:
        self.switch = ModeSwitch(self)
        self.modes = self.switch.buttons
        self.switch.chosen.connect(self._mode_chosen)
        self.hint = QLabel(self, wordWrap=True)
        self.hint.setProperty("role", "muted")
        self.prompt = PromptBox(self.understanding, self)
        self.prompt.submitted.connect(self._pressed)
        self.prompt.changed.connect(self._sync)
        self.prompt.modelWanted.connect(self.choose_model)
        model_label = QLabel(self)
        model_label.setProperty("role", "label")
        self.tr_bind(model_label.setText, "Model")
        model_label.setBuddy(self.model)
        self.about = QLabel(self, wordWrap=True)
        self.about.setProperty("role", "faint")
        self.engine_note = EngineNote(
            N_("This model needs the engine for large models, which is not installed yet."), self
        )
        self.engine_note.installRequested.connect(self.installRequested)
        self.form = ParamForm(self.family, "generate", memory=self._studio.settings, seed=True, count=True, parent=self)
        self.form.changed.connect(self._form_changed)

        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.switch)
        column.addWidget(self.prompt)
        column.addWidget(self.hint)  # below: the prompt stays where it is when the task changes
        line = QVBoxLayout()
        line.setSpacing(4)
        line.addWidget(model_label)
        line.addWidget(self.model)
        line.addWidget(self.about)
        line.addWidget(self.engine_note)
        column.addLayout(line)
        column.addWidget(self.form)
        column.addStretch(1)
        self.setTabOrder(self.prompt.edit, self.model)  # as they stand: the picker was made first
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        bar = scroll.verticalScrollBar()

        def keep_the_right_edge(_low: int, high: int) -> None:
            # The bar, when there is one, stands in the right margin: fields keep their width and stay aligned.
            column.setContentsMargins(16, 16, 16 - bar.sizeHint().width() if high > 0 else 16, 16)

        bar.rangeChanged.connect(keep_the_right_edge)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scroll, 1)
        outer.addWidget(self._build_foot())

    def _build_foot(self) -> QWidget:
        foot = QFrame(self)
        foot.setProperty("role", "footer")
        self.state = ElidedLabel(foot)
        self.state.setProperty("role", "faint")
        self.bar = QProgressBar(foot)
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.go = QPushButton(foot, autoDefault=False)
        self.go.setProperty("role", "primary")
        self.go.clicked.connect(self._pressed)
        self.more = QPushButton(foot, autoDefault=False)
        self.tr_bind(self.more.setText, "Add to queue")
        self.tr_bind(self.more.setToolTip, "Make this after what is running now (Ctrl+Enter)")
        self.more.clicked.connect(self.submitted)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.go, 1)
        row.addWidget(self.more)
        column = QVBoxLayout(foot)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.state)
        column.addWidget(self.bar)
        column.addLayout(row)
        return foot

    # -- what is chosen
    @property
    def family(self) -> Family:
        """What the chosen model's family declares for it."""
        return self._family

    @property
    def mode(self) -> str:
        """The task: one of `modes.MODES`."""
        return self.switch.mode

    def set_mode(self, task: str) -> None:
        """Choose the task."""
        self.switch.set_mode(task)

    def can(self, task: str) -> bool:
        """Whether the chosen model does this task."""
        return does(self.family, task)

    @property
    def from_picture(self) -> bool:
        """Whether what is chosen starts from the picture on the canvas."""
        return needs_picture(self.family, self.mode)

    def why_not(self) -> str:
        """Why the chosen model cannot do what is chosen now, "" when it can."""
        if self.model.problem is not None:
            return str(self.model.problem)
        if not self.engine_note.isHidden():
            return tr("Install the engine for large models first.")
        return "" if self.can(self.mode) else self._cannot(self.mode)

    def request(self, *, take_seed: bool = True) -> Request:
        """What the form says; without inputs. take_seed: draw a new seed where it is not locked."""
        seed_field = self.form.seed_field
        seed = self.form.take_seed() if take_seed else (seed_field.value() if seed_field else 0)
        return Request(
            kind="image",
            task=self.mode,
            family=self.family.id,
            model=self.model.entry.id if self.model.entry is not None else "",
            prompt=self.prompt.text() if self.family.prompt else "",
            params=self.form.values(),
            seed=seed,
            count=self.form.count(),
        )

    def understanding(self) -> Understanding | None:
        """What the model makes of the prompt."""
        return self._studio.understand(self.request(take_seed=False))

    def use(self, request: Request, *, prompt: bool = True, settings: bool = True, seed: int | None = None) -> None:
        """Take over parts of a former request. An unknown model leaves the chosen one."""
        if settings:
            known = (entry.id for entry in self.model.entries() if entry.family == request.family)
            self.model.choose(request.model or next(known, ""))
            if self.family.id == request.family:
                if not self.family.prompt and self.can(request.task):
                    self.set_mode(request.task)  # its values are of a form of their own
                self.form.set_values(request.params)
            if self.form.count_field is not None:
                self.form.count_field.set_value(min(self.family.max_count, max(1, request.count)))
        if seed is not None and self.form.seed_field is not None:
            self.form.seed_field.set_value(seed)
            self.form.seed_field.keep(True)
        if prompt:
            self.prompt.set_text(request.prompt)

    def take_prompt(self, text: str, mode: str = "generate") -> None:
        """Words that came from elsewhere become the prompt: of the chosen model, or of the first one that reads one.

        mode: to be chosen with it, "" for the present one.
        """
        if not self.family.prompt:
            readers = (
                entry for entry in self.model.entries() if (found := declared(entry)) is not None and found.prompt
            )
            if (entry := next(readers, None)) is not None:
                self.model.choose(entry.id)
        if mode:
            self.set_mode(mode)
        self.prompt.set_text(text)

    def start_mode(self) -> str:
        """The mode that makes another picture of the one on the canvas, "" where the model has none."""
        return next((task for task in ("variation", "reconstruct") if self.can(task)), "")

    def expected_size(self, request: Request) -> QSize:
        """Of a request's pictures in pixels: as it says, else as the chosen model makes them."""
        side = self.model.entry.facts.get("size") if self.model.entry is not None else None
        usual = [side, side] if isinstance(side, int) and 0 < side <= 4096 else [1024, 1024]
        return QSize(*(self.family.values(request.task, request.params).get("size") or usual))

    def use_foreign(self, recipe: ForeignRecipe) -> None:
        """As much of another program's recipe as the chosen model's form has a place for."""
        self.take_prompt(recipe.prompt)
        values = {
            "negative": recipe.negative,
            "steps": recipe.steps,
            "guidance": recipe.guidance,
            "scheduler": recipe.scheduler,
            "size": [recipe.width, recipe.height],
        }
        known = {"negative": recipe.negative is not None, "size": bool(recipe.width and recipe.height)}
        self.form.set_values({id: value for id, value in values.items() if known.get(id, bool(value))})
        seed_field = self.form.seed_field
        if seed_field is not None and recipe.seed is not None and 0 <= recipe.seed <= MAX_SEED:
            seed_field.set_value(recipe.seed)
            seed_field.keep(True)

    def choose_model(self) -> None:
        """Open the list of models."""
        self.model.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.model.showPopup()

    def state_now(self) -> dict[str, Any]:
        """Remembered between runs."""
        entry = self.model.entry
        model = entry.id if entry is not None else ""
        return {"prompt": self.prompt.edit.toPlainText(), "model": model, "mode": self.mode}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state_now`."""
        self.model.choose(str(state.get("model", "")))
        self.prompt.set_text(str(state.get("prompt", "")))

    # -- running
    def block(self, reason: str) -> None:
        """Why nothing can be started now (shown on the button), "" when it can."""
        self._blocked = reason
        self._sync()

    def show_running(self, running: bool, progress: Progress | None, waiting: int, begun: bool = False) -> None:
        """Show the state of the job being waited for. begun: whether its turn has come."""
        if running and not self._running:
            self._started.start()
        self._running = running
        self.bar.setVisible(running)
        self.state.setVisible(running)
        self.more.setVisible(running)
        if running:
            self.bar.setValue(round(progress.fraction * 1000) if progress else 0)
            self.state.setWordWrap(False)  # the button below must not move while one aims at it
            self.state.setText(progress_text(progress, waiting, begun))
        self._sync()

    def _sync(self) -> None:
        told = hint(self.family, self.mode)
        self.hint.setVisible(bool(told))
        self.hint.setText(told)
        text, name = action_text(self.family, self.mode, self.form.count())
        if self._running:
            text, name = tr("Cancel"), "close"
        ready = not self._blocked
        self.go.setText(text)
        set_role(self.go, "" if self._running else "primary")
        self.go.setIcon(icon(name) if self._running else icon(name, "on-accent", disabled="on-accent-disabled"))
        self.go.setEnabled(self._running or ready)
        self.go.setToolTip(self._blocked or (tr("Stop (Esc)") if self._running else tr("Start (Ctrl+Enter)")))
        self.more.setEnabled(ready)
        if not self._running:
            self.state.setWordWrap(True)
            self.state.setText(self._blocked)
            self.state.setVisible(bool(self._blocked))

    def _pressed(self) -> None:
        if self._running and self.sender() is self.go:
            if self._started.elapsed() > _DOUBLE_CLICK_MS:
                self.cancelled.emit()
        elif not self._blocked:
            self.submitted.emit()

    def _mode_chosen(self) -> None:
        if self.can(self.mode):
            self.form.show_task(self.family, self.mode)
        self._offer_modes()
        self._sync()
        self.modeChanged.emit(self.mode)

    def _form_changed(self) -> None:
        self._sync()

    def _model_changed(self) -> None:
        """Another model, or another state of the same one."""
        entry = self.model.entry
        if entry is not None and entry.id != self._entry_id:
            self._entry_id = entry.id
            self.form.forget_passing()
        if self.model.family is not None and self.model.family != self._family:
            self._family = self.model.family
            if not self.can(self.mode):
                self.set_mode(usual_mode(self._family))
            self.form.show_task(self._family, self.mode)
        self._describe()
        self.prompt.look()
        self._sync()
        self.modelChanged.emit()

    def _describe(self) -> None:
        """What the model is, or what is wrong with it; what it cannot do."""
        entry, problem = self.model.entry, self.model.problem
        note = entry.note if entry is not None else ""
        self.about.setText(
            str(problem) if problem is not None else note or (subtitle(entry) if entry is not None else "")
        )
        set_role(self.about, "warning" if problem is not None else "faint")
        self.check_engine()
        self._offer_modes()
        self.prompt.setVisible(self.family.prompt)
        built_in = entry is None or (entry.folder is None and entry.file is None)
        self.prompt.show_example(
            N_("Describe colours, mood and pattern, in English or Chinese")
            if built_in
            else N_("Describe the picture: what is in it, where, in which light and style")
        )

    def check_engine(self) -> None:
        """The note about the missing engine comes and goes with the model, and with the engine."""
        needs = self.family.needs
        self.engine_note.setVisible(bool(needs) and missing_engine(needs) is not None)

    def _cannot(self, task: str) -> str:
        return cannot(task, self._title())

    def _title(self) -> str:
        return self.model.entry.title if self.model.entry is not None else ""

    def _offer_modes(self) -> None:
        self.switch.show_family(self.family, self._title())

    def retranslate(self) -> None:
        """What is composed here."""
        super().retranslate()
        self._describe()
        self._sync()


def progress_text(progress: Progress | None, waiting: int, begun: bool = False) -> str:
    """ "Picture 2 of 4 · Painting · 12 s left · 1 more waiting". begun: its turn has come, its engine is starting."""
    parts = []
    if progress is None:
        parts.append(tr("Starting") if begun else tr("Waiting for its turn"))
    else:
        if progress.count > 1:
            parts.append(tr("Picture {number} of {count}", number=progress.index + 1, count=progress.count))
        if progress.stage:
            parts.append(tr(progress.stage))
        if progress.eta_s is not None:
            parts.append(tr("{time} left", time=duration(progress.eta_s)))
    if waiting:
        parts.append(tr("{count} more waiting", count=waiting))
    return " · ".join(parts)


def waiting_text(ahead: int, now: str) -> str:
    """ "Waiting for its turn · 2 before it · now: Painting".

    ahead: jobs before it. now: what the first of them does, "" when none has begun.
    """
    parts = [tr("Waiting for its turn"), tr("{count} before it##jobs in line", count=ahead)]
    if now:
        parts.append(tr("now: {state}", state=now))
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """ "12 s", "3 min"."""
    whole = max(1, round(seconds))
    return tr("{count} s", count=whole) if whole < 100 else tr("{count} min", count=round(whole / 60))


def blocked(error: StudioError | None) -> str:
    """A StudioError as a reason for `Inspector.block`."""
    return str(error) if error is not None else ""

"""What a model of the Write or Voice panel is asked for: which one, with which values; the button that starts it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.interpreter import missing_engine

from ..i18n import Translated
from ..icons import icon
from ..models.picker import ModelPicker
from ..models.words import subtitle
from ..studio import Studio
from ..theme import set_role
from ..widgets.form import ParamForm

__all__ = ["TaskInspector", "TaskTexts"]


@dataclass(frozen=True)
class TaskTexts:
    """What the inspector says, marked with N_(). start, icon: of the button; missing: where the engine is missing, and
    install: on the button below it."""

    heading: str
    start: str
    icon: str
    no_model: str
    missing: str = ""
    install: str = N_("Install the engine for large models…")


class TaskInspector(Translated, QFrame):
    """Model, form and the button that starts and stops; a calm note where the engine group is missing."""

    startRequested = Signal()
    stopRequested = Signal()
    installRequested = Signal()

    def __init__(
        self,
        studio: Studio,
        kind: str,
        task: str,
        texts: TaskTexts,
        *,
        seed: bool | None = True,
        count: bool | None = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._studio, self._kind, self._task, self._texts = studio, kind, task, texts
        self.setProperty("role", "panel")
        self._heading = heading = QLabel(self)
        heading.setProperty("role", "heading")
        self.tr_bind(heading.setText, texts.heading)
        self._note = QLabel(self, wordWrap=True)
        self._note.setProperty("role", "faint")
        model_label = QLabel(self)
        model_label.setProperty("role", "label")
        self.tr_bind(model_label.setText, N_("Model"))
        self.model = ModelPicker(studio, kind, task, self)
        model_label.setBuddy(self.model)
        family = self.model.family or registry.families(kind)[0]
        self.form = ParamForm(family, task, memory=studio.settings, seed=seed, count=count)
        self._missing = self._missing_note()
        self.library = QPushButton(icon("folder-plus-outline"), "", self, autoDefault=False)
        self.library.setIconSize(QSize(16, 16))
        self.tr_bind(self.library.setText, N_("Open the model library…"))
        self.library.clicked.connect(studio.models.managerWanted)
        self.go = QPushButton(self, autoDefault=False)
        self.go.setProperty("role", "primary")
        self.go.setMinimumHeight(32)
        self.go.clicked.connect(self._pressed)
        self._key = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter)
        self._key.setProperty("role", "faint")
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        column.addWidget(heading)
        column.addSpacing(4)
        for widget in (model_label, self.model, self._note, self.library, self._missing):
            column.addWidget(widget)
        self._column = column
        column.addSpacing(8)
        column.addWidget(self.form)
        column.addStretch(1)
        scroll = QScrollArea(self, widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        below = QFrame(self)
        below.setProperty("role", "footer")
        foot = QVBoxLayout(below)
        foot.setContentsMargins(16, 12, 16, 12)
        foot.setSpacing(4)
        foot.addWidget(self.go)
        foot.addWidget(self._key)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addWidget(below)
        self._running = self._usable = False
        self.model.entryChanged.connect(self._model_chosen)
        studio.modelsChanged.connect(self.form.refresh)
        self.form.fileDropped.connect(studio.models.partOffered)
        self._model_chosen()
        self.show_running(False)

    def _missing_note(self) -> QFrame:
        note = QFrame(self)
        note.setProperty("role", "banner")
        self._missing_text = text = QLabel(note, wordWrap=True)
        self.tr_bind(text.setText, self._texts.missing)
        button = QPushButton(icon("download-outline"), "", note, autoDefault=False)
        button.setIconSize(QSize(16, 16))
        self.tr_bind(button.setText, self._texts.install)
        button.clicked.connect(self.installRequested)
        row = QHBoxLayout()
        row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(note)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addWidget(text)
        column.addLayout(row)
        note.hide()
        return note

    # -- state ---------------------------------------------------------------------------------------------------

    @property
    def task(self) -> str:
        """What the model is asked for."""
        return self._task

    def put_on_top(self, switch: QWidget, below: QWidget) -> None:
        """`switch` in the heading's place, `below` under it."""
        self._heading.hide()
        self._column.insertWidget(0, switch)
        self._column.insertWidget(1, below)

    def show_task(self, task: str, texts: TaskTexts | None = None) -> None:
        """Another task of this kind: the models that do it, and its form. texts: what is said of it."""
        if texts is not None:
            self._texts = texts
            self.tr_bind(self._heading.setText, texts.heading)
            self.tr_bind(self._missing_text.setText, texts.missing)
        if task != self._task:
            self._task = task
            self.model.show_task(task)
            self._model_chosen()
        self.show_running(self._running)

    def entry(self) -> Entry | None:
        """The chosen model."""
        return self.model.entry

    def check_engine(self) -> bool:
        """Whether the chosen model can run now; the note about the missing text engine comes and goes with it."""
        family = self.model.family
        needs = family.needs if family is not None else ""
        missing = bool(needs) and missing_engine(needs) is not None
        self._missing.setVisible(missing)
        return not missing

    def show_running(self, running: bool) -> None:
        """The button starts, or stops."""
        self._running = running
        self.go.setIcon(icon("stop", "on-accent") if running else icon(self._texts.icon, "on-accent"))
        self.tr_bind(self.go.setText, N_("Stop##writing") if running else self._texts.start)
        self._key.setText("Esc" if running else "Ctrl+Enter")
        self._enable()

    def set_usable(self, usable: bool) -> None:
        """Whether there is a text that may be changed."""
        self._usable = usable
        self._enable()

    def _enable(self) -> None:
        self.go.setEnabled(self._running or (self._usable and self.entry() is not None))

    def _pressed(self) -> None:
        (self.stopRequested if self._running else self.startRequested).emit()

    def _model_chosen(self) -> None:
        self._describe()
        entry = self.entry()
        self.library.setVisible(entry is None)
        self.form.setVisible(entry is not None)
        if entry is None:
            self._missing.hide()
            self._enable()
            return
        family = self.model.family
        if family is not None and (family, self._task) != (self.form.family, self.form.task):
            self.form.show_task(family, self._task)
        self.check_engine()
        self._enable()

    def retranslate(self) -> None:
        """Models have notes in both languages."""
        super().retranslate()
        self._describe()

    def _describe(self) -> None:
        """What the model is, or why it cannot be used."""
        entry, problem = self.entry(), self.model.problem
        if entry is None:
            self._note.setText(tr(self._texts.no_model))
        else:
            self._note.setText(str(problem) if problem is not None else entry.note or subtitle(entry))
        set_role(self._note, "warning" if problem is not None else "faint")

    # -- requests ------------------------------------------------------------------------------------------------

    def request(self, prompt: str, context: dict[str, str], *, count: int = 0) -> Request:
        """The job for `prompt`. StudioError when the model's files are missing."""
        entry = self.entry()
        if entry is None:
            raise StudioError(self._texts.no_model, code="no-model")
        if self.model.problem is not None:
            raise self.model.problem
        return Request(
            kind=self._kind,
            task=self._task,
            family=entry.family,
            model=entry.id,
            prompt=prompt,
            params=self.form.values(),
            seed=self.form.take_seed(),
            count=count or self.form.count(),
            context=context,
        )

    def use(self, request: Request, what: Collection[str] = ("seed", "settings")) -> None:
        """Fill the form from a recipe: its "settings", and its "seed", which is kept then."""
        if "settings" in what:
            self.model.choose(request.model)
            self.form.set_values(request.params)
            if self.form.count_field is not None:
                self.form.count_field.set_value(request.count)
        if "seed" in what and self.form.seed_field is not None:
            self.form.seed_field.set_value(request.seed)
            self.form.seed_field.keep(True)

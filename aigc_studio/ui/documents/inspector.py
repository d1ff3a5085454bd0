"""What a model of the Write or Voice panel is asked for: which one, with which values; the button that starts it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.interpreter import missing_engine

from ..i18n import Translated
from ..icons import icon
from ..studio import Studio
from ..widgets.form import ParamForm

__all__ = ["TaskInspector", "TaskTexts"]


@dataclass(frozen=True)
class TaskTexts:
    """What the inspector says, marked with N_(). start, icon: of the button; missing: where the engine is missing."""

    heading: str
    start: str
    icon: str
    no_model: str
    missing: str = ""


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
        seed: bool = True,
        count: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._studio, self._kind, self._task, self._texts = studio, kind, task, texts
        self.setProperty("role", "panel")
        self._entries: tuple[catalogue.Entry, ...] = ()
        heading = QLabel(self)
        heading.setProperty("role", "heading")
        self.tr_bind(heading.setText, texts.heading)
        self._note = QLabel(self, wordWrap=True)
        self._note.setProperty("role", "faint")
        model_label = QLabel(self)
        model_label.setProperty("role", "label")
        self.tr_bind(model_label.setText, N_("Model"))
        self.model = QComboBox(self)
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.model.setMinimumContentsLength(12)
        self.tr_bind(self.model.setAccessibleName, N_("Model"))
        model_label.setBuddy(self.model)
        family = registry.families(kind)[0]
        self.form = ParamForm(family, task, memory=studio.settings, seed=seed, count=count)
        self._missing = self._missing_note()
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
        for widget in (model_label, self.model, self._note, self._missing):
            column.addWidget(widget)
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
        self.model.currentIndexChanged.connect(self._model_chosen)
        self.reload_models()
        self.show_running(False)

    def _missing_note(self) -> QFrame:
        note = QFrame(self)
        note.setProperty("role", "banner")
        text = QLabel(note, wordWrap=True)
        self.tr_bind(text.setText, self._texts.missing)
        button = QPushButton(icon("download-outline"), "", note, autoDefault=False)
        button.setIconSize(QSize(16, 16))
        self.tr_bind(button.setText, N_("Install the text engine…"))
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

    def reload_models(self) -> None:
        """Read the catalogue again; the chosen model stays chosen."""
        chosen = self.model.currentData() or self._remembered()
        self._entries = catalogue.models(self._kind)
        self.model.blockSignals(True)
        self.model.clear()
        for entry in self._entries:
            self.model.addItem(entry.title, entry.id)
        self.model.setCurrentIndex(max(0, self.model.findData(chosen)))
        self.model.blockSignals(False)
        self._model_chosen()

    def _remembered(self) -> str:
        settings = self._studio.settings
        return str(settings.state(f"{self._kind}/model", "")) if settings is not None else ""

    def entry(self) -> catalogue.Entry | None:
        """The chosen model."""
        index = self.model.currentIndex()
        return self._entries[index] if 0 <= index < len(self._entries) else None

    def check_engine(self) -> bool:
        """Whether the chosen model can run now; the note about the missing text engine comes and goes with it."""
        entry = self.entry()
        needs = registry.family(entry.family).needs if entry is not None else ""
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
        entry = self.entry()
        if entry is None:
            self.tr_bind(self._note.setText, self._texts.no_model)
            return
        if self._studio.settings is not None:
            self._studio.settings.set_state(f"{self._kind}/model", entry.id)
        problem = entry.problem
        self.tr_bind(
            self._note.setText, problem.source if problem else entry.note, **(problem.params if problem else {})
        )
        if entry.family != self.form.family.id:
            self.form.show_task(registry.family(entry.family), self._task)
        if (forms := self.form.fields.get("form")) is not None:
            forms.setVisible(bool(entry.facts.get("forms")))
        self.check_engine()
        self._enable()

    def retranslate(self) -> None:
        """Models have titles and notes in both languages."""
        super().retranslate()
        if (chosen := self.entry()) is not None and chosen.problem is None:
            self._note.setText(chosen.note)
        for index, entry in enumerate(self._entries):
            self.model.setItemText(index, entry.title)

    # -- requests ------------------------------------------------------------------------------------------------

    def request(self, prompt: str, context: dict[str, str], *, count: int = 0) -> Request:
        """The job for `prompt`. StudioError when the model's files are missing."""
        entry = self.entry()
        if entry is None:
            raise StudioError(self._texts.no_model, code="no-model")
        if entry.problem is not None:
            raise entry.problem
        params = self.form.values()
        if not entry.facts.get("forms"):
            params.pop("form", None)  # chosen for another model, and not shown
        return Request(
            kind=self._kind,
            task=self._task,
            family=entry.family,
            model=entry.id,
            prompt=prompt,
            params=params,
            seed=self.form.take_seed(),
            count=count or self.form.count(),
            context=context,
        )

    def show_request(self, request: Request) -> None:
        """Fill the form from a recipe."""
        self.model.setCurrentIndex(max(0, self.model.findData(request.model)))
        self.form.set_values(request.params)
        if self.form.seed_field is not None:
            self.form.seed_field.set_value(request.seed)
        if self.form.count_field is not None:
            self.form.count_field.set_value(request.count)

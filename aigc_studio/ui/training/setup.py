"""The left column of the Train panel: what to make, how it is called, from which data, with which values; Start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunInfo
from aigc_studio.engines.base import Family, Param
from aigc_studio.engines.interpreter import missing_engine
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.models.engine_note import EngineNote
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.widgets.elided_combo import ElidedCombo
from aigc_studio.ui.widgets.folder_field import FolderField
from aigc_studio.ui.widgets.form import ParamForm
from aigc_studio.ui.widgets.part_fields import fitting

from .recipes import RecipePicker
from .words import duration, folder_params, recipe_title, when

__all__ = ["OWN", "SetupColumn"]

OWN = ("name", "data", "data_b", "start", "licence")
"""Parameters that have their own place here; the form shows the others."""

LICENCES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "OFL-1.1", "Apache-2.0", "MIT")
"""Licences of data, as SPDX names them; any other can be typed."""

_OWN_WORK = N_("My own work")

_FREE = {
    *("steps", "minutes", "rate", "beta", "sample_every", "samples", "validation", "patience", "ema", "wandb"),
    *("flip", "upside", "turn", "rotate", "zoom", "shift", "colour"),
    *("prompts", "trigger", "captions", "token", "begin", "subject"),
}
"""Parameters that hardly change how long a step takes."""
_ENGINE_MS = 1500
_SURE_STEPS = 20
"""A run of so many steps tells how long one takes."""


class SetupColumn(Translated, QFrame):
    """It builds requests and starts nothing: `startWanted` says that the button was pressed."""

    startWanted = Signal()
    installRequested = Signal()
    recipeChanged = Signal()
    dataChanged = Signal()
    """Another folder, or another kind of data."""
    changed = Signal()
    """Any value."""
    noticed = Signal(str)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.setProperty("role", "panel")
        self.setMinimumWidth(280)
        self.zones: dict[str, FolderField] = {}
        self._engine_timer = QTimer(self, interval=_ENGINE_MS)  # it may be installed from anywhere in the window
        self._engine_timer.timeout.connect(self.check_engine)
        self._runs: Sequence[RunInfo] = ()
        self._params: Mapping[str, Mapping[str, Any]] = {}
        self._blocked = self._named = ""
        self._data_problem = self._data_hint = ""
        self._kept: dict[str, dict[str, str]] = {}
        """Recipe to its name, folders and licence, as they were left."""
        self._shown = ""
        """Recipe whose form this is."""
        self.recipe = RecipePicker(self)
        self._build()
        self.recipe.changed.connect(self._recipe_changed)
        self.form.changed.connect(self._form_changed)
        self.form.fileDropped.connect(studio.models.partOffered)
        studio.modelsChanged.connect(self._models_changed)
        studio.devices.changed.connect(self._sync)
        self._recipe_changed()

    # -- building
    def _build(self) -> None:
        self.name = QLineEdit(self)
        self.tr_bind(self.name.setAccessibleName, N_("Name of the model"))
        self.name.setMaxLength(80)
        self.name.textEdited.connect(self._renamed)
        self._name_label = self._label(N_("Name of the model"), self.name)
        self._zones_box = QVBoxLayout()
        self._zones_box.setSpacing(12)
        self.licence = QComboBox(self, editable=True)
        self.licence.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.licence.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.licence.setMinimumContentsLength(8)
        self.tr_bind(self.licence.setAccessibleName, N_("Licence of the data"))
        self._licence_label = self._label(N_("Licence of the data"), self.licence)
        self.tr_bind(
            self.licence.setToolTip,
            N_("Under which terms you may use these files. It is written into the card of the model."),
        )
        self.start = ElidedCombo(self)
        self.start.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.start.setMinimumContentsLength(8)
        self.tr_bind(self.start.setAccessibleName, N_("Begin from"))
        self._start_label = self._label(N_("Begin from"), self.start)
        self.tr_bind(
            self.start.setToolTip,
            N_("Go on from what an earlier training learned. Samples that you kept there join the data."),
        )
        self.engine_note = EngineNote(
            N_("Training needs the engine for large models, which is not installed yet."), self
        )
        self.engine_note.installRequested.connect(self.installRequested)
        family = self.recipe.family
        self.form = ParamForm(
            family or _NOTHING, "train", memory=self._studio.settings, seed=True, without=OWN, parent=self
        )
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.recipe)
        column.addWidget(self.engine_note)
        column.addLayout(self._zones_box)
        for label, field in (
            (self._name_label, self.name),
            (self._licence_label, self.licence),
            (self._start_label, self.start),
        ):
            line = QVBoxLayout()
            line.setSpacing(4)
            line.addWidget(label)
            line.addWidget(field)
            column.addLayout(line)
        column.addWidget(self.form)
        column.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        bar = scroll.verticalScrollBar()
        bar.rangeChanged.connect(
            lambda _low, high: column.setContentsMargins(16, 16, 16 - bar.sizeHint().width() if high > 0 else 16, 16)
        )
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addWidget(self._build_foot())
        self._fill_licences()
        self.licence.editTextChanged.connect(lambda _text: self.changed.emit())
        self.start.currentIndexChanged.connect(lambda _index: self._sync())

    def _build_foot(self) -> QFrame:
        foot = QFrame(self)
        foot.setProperty("role", "footer")
        self.state = QLabel(foot, wordWrap=True)
        self.state.setProperty("role", "faint")
        self.go = QPushButton(foot, autoDefault=False)
        self.go.setProperty("role", "primary")
        self.go.setMinimumHeight(32)
        self.go.setIcon(icon("play", "on-accent", disabled="on-accent-disabled"))
        self.tr_bind(self.go.setText, N_("Start training"))
        self.go.clicked.connect(self.startWanted)
        self.hint = QLabel(foot, wordWrap=True)
        self.hint.setProperty("role", "warning")
        self.hint.hide()
        column = QVBoxLayout(foot)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.hint)
        column.addWidget(self.state)
        column.addWidget(self.go)
        return foot

    def _label(self, text: str, buddy: QWidget) -> QLabel:
        label = QLabel(self)
        label.setProperty("role", "label")
        label.setBuddy(buddy)
        self.tr_bind(label.setText, text)
        return label

    # -- what is chosen
    @property
    def family(self) -> Family | None:
        """The chosen recipe."""
        return self.recipe.family

    def values(self) -> dict[str, Any]:
        """All parameters of the recipe."""
        family = self.family
        own: dict[str, Any] = {
            "name": self.title(),
            "licence": self.licence.currentText().strip(),
            "start": self.start.currentData() or "",
            **{id: zone.value() for id, zone in self.zones.items()},
        }
        known = {param.id for param in family.params} if family is not None else set()
        return {**self.form.values(), **{id: value for id, value in own.items() if id in known}}

    def title(self) -> str:
        """The name of the model that is to be made; never empty."""
        return self.name.text().strip() or self.name.placeholderText()

    def request(self) -> Request:
        """The job. The name is also its prompt: Queue, History and messages call it so."""
        family = self.family
        assert family is not None
        return Request(
            kind="training",
            task="train",
            family=family.id,
            prompt=self.title(),
            params=self.values(),
            seed=self.form.take_seed(),
        )

    def folders(self) -> dict[str, str]:
        """Parameter to the path of its folder, "" for none."""
        return {id: zone.value() for id, zone in self.zones.items()}

    def take_folder(self, folder: Path) -> bool:
        """Use a dropped folder: the first that is still missing, else the first. False: the recipe takes none."""
        empty = [zone for zone in self.zones.values() if not zone.value()]
        for zone in [*empty, *self.zones.values()][:1]:
            zone.set_value(str(folder))
            return True
        return False

    def focus_data(self) -> None:
        """The keyboard to where the data is chosen."""
        zone = next((zone for zone in self.zones.values() if not zone.value()), None)
        (zone.browse if zone is not None else self.name).setFocus()

    def use(self, request: Request, *, seed: int | None = None) -> None:
        """Fill everything from a former run."""
        if not self.recipe.choose(request.family):
            return
        params = dict(request.params)
        self.form.set_values(params)
        self.name.setText(str(params.get("name", "")))
        self.licence.setEditText(str(params.get("licence", "")))
        for id, zone in self.zones.items():
            zone.set_value(str(params.get(id, "")))
        self.choose_start(str(params.get("start", "")))
        if seed is not None:
            self.use_seed(seed)

    def use_seed(self, seed: int) -> None:
        """Take this seed, and keep it."""
        if self.form.seed_field is not None:
            self.form.seed_field.set_value(seed)
            self.form.seed_field.keep(True)

    def choose_start(self, id: str) -> None:
        """Begin from an earlier run, "" for none."""
        place = self.start.findData(id)
        if place < 0 and id:
            self.start.addItem(tr("{run} (not here any more)", run=id[:8]), id)
            place = self.start.count() - 1
        self.start.setCurrentIndex(max(0, place))

    # -- what is known from elsewhere
    def show_runs(self, runs: Sequence[RunInfo], params: Mapping[str, Mapping[str, Any]]) -> None:
        """The project's runs: what one may begin from, and how fast they were. params: id to what they were given."""
        self._runs, self._params = runs, params
        self._fill_starts()
        self._sync()

    def block(self, reason: str) -> None:
        """Why nothing can be started at all ("" when it can)."""
        self._blocked = reason
        self._sync()

    def show_data_problem(self, text: str, hint: str = "") -> None:
        """What is wrong with the folder that is chosen, "" for nothing. hint: what should be known of it."""
        self._data_problem, self._data_hint = text, hint
        self._sync()

    def why_not(self) -> str:
        """Why training cannot start now, "" when it can."""
        family = self.family
        if self._blocked or family is None:
            return self._blocked or tr("This version has no recipes.")
        if not self.engine_note.isHidden():
            return tr("Install the engine for large models first.")
        for id, zone in self.zones.items():
            if not zone.value() and (id == "data" or not zone.param.advanced):
                return tr("Choose a folder for “{field}” first.", field=tr(zone.param.title))
        folders = [zone.value() for zone in self.zones.values()]
        if len(folders) > 1 and len(set(folders)) == 1:
            return tr("The two folders are the same; choose two different ones.")
        for param in family.params:
            if _wanted(param) and not self.form.values().get(param.id):
                return tr("Choose “{field}” first.", field=tr(param.title))
        return self._data_problem

    # -- remembered
    def state_now(self) -> dict[str, Any]:
        """What to remember for this project."""
        self._keep()
        family = self.family
        return {"recipe": family.id if family is not None else "", "kept": self._kept}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse; wrong types are ignored."""
        kept = state.get("kept")
        self._kept = {}
        if isinstance(kept, Mapping):
            self._kept = {
                str(id): {str(key): str(value) for key, value in values.items()}
                for id, values in kept.items()
                if isinstance(values, Mapping)
            }
        self._shown = ""  # what is shown now belongs to another project
        self._drop_zones()
        self.recipe.choose(str(state.get("recipe", "")))
        self._recipe_changed()

    # -- inside
    def _keep(self) -> None:
        if self._shown:
            own = {"name": self.name.text(), "licence": self.licence.currentText(), **self.folders()}
            self._kept[self._shown] = {id: value for id, value in own.items() if value}

    def _recipe_changed(self) -> None:
        """Another recipe: its form, and what was said of its data before; folders go along to one that takes such."""
        family = self.family
        before = {zone.param.of: zone.value() for zone in self.zones.values() if zone.param.id == "data"}
        self._keep()
        if family is None:
            self._sync()
            return
        kept = self._kept.get(family.id, {})
        if self._shown != family.id:
            licence = self.licence.currentText() if self._shown else ""
            self._shown = family.id
            self.form.show_task(family, "train")
            self._choose_bases()
            self._make_zones(family, kept, before)
            for edit in self.findChildren(QLineEdit):
                edit.setAcceptDrops(False)  # a folder dropped on a line is data, too, and no text
            self.name.setText(kept.get("name", ""))
            self.licence.setEditText(kept.get("licence", licence))
        has = {param.id for param in family.params}
        for id, *widgets in (("licence", self._licence_label, self.licence), ("name", self._name_label, self.name)):
            for widget in widgets:
                widget.setVisible(id in has)
        self._fill_starts()
        self.check_engine()
        self._name_it()
        self.recipeChanged.emit()
        self.dataChanged.emit()

    def _drop_zones(self) -> None:
        for zone in self.zones.values():
            self._zones_box.removeWidget(zone)
            zone.hide()
            zone.deleteLater()
        self.zones = {}

    def _make_zones(self, family: Family, kept: Mapping[str, str], before: Mapping[tuple[str, ...], str]) -> None:
        self._drop_zones()
        for param in folder_params(family):
            zone = FolderField(param, self)
            value = kept.get(param.id, "") or (before.get(param.of, "") if param.id == "data" else "")
            zone.set_value(value)
            zone.changed.connect(self._data_changed)
            zone.refused.connect(self.noticed)
            self._zones_box.addWidget(zone)
            self.zones[param.id] = zone
        above: QWidget = self.recipe.combo
        for zone in self.zones.values():  # as they stand: they are made later than what is below them
            for control in (zone.browse, zone.clear):
                QWidget.setTabOrder(above, control)
                above = control
        QWidget.setTabOrder(above, self.name)

    def _choose_bases(self) -> None:
        """What a recipe cannot do without is chosen where there is something to choose."""
        for param in self.form.family.params:
            if _wanted(param) and (field := self.form.fields.get(param.id)) is not None and not field.value():
                entries = fitting(param.of)
                if entries:
                    field.set_value(entries[0].id)

    def _models_changed(self) -> None:
        self.form.refresh()
        self._choose_bases()
        self._sync()

    def _data_changed(self) -> None:
        self._name_it()
        self.dataChanged.emit()
        self.changed.emit()
        self._sync()

    def _form_changed(self) -> None:
        self.changed.emit()
        self._sync()

    def _renamed(self) -> None:
        self.changed.emit()
        self._sync()

    def _name_it(self) -> None:
        """Without a name the model is called after its data."""
        family = self.family
        folder = next((zone.value() for zone in self.zones.values() if zone.value()), "")
        name = Path(folder).name if folder else ""
        self.name.setPlaceholderText(name or (tr(family.title) if family is not None else ""))

    def _fill_licences(self) -> None:
        text = self.licence.currentText()
        with QSignalBlocker(self.licence):
            self.licence.clear()
            self.licence.addItems([tr(_OWN_WORK), *LICENCES])
            self.licence.setEditText(text)
        edit = self.licence.lineEdit()
        if edit is not None:
            edit.setPlaceholderText(tr("Not said"))

    def _fill_starts(self) -> None:
        family = self.family
        chosen = self.start.currentData() or ""
        usable = [run for run in self._runs if family is not None and run.recipe == family.id and run.step > 0]
        with QSignalBlocker(self.start):
            self.start.clear()
            self.start.addItem(tr("Nothing: learn from the start"), "")
            for run in usable:
                name = run.title or recipe_title(run.recipe)
                self.start.addItem(" · ".join(part for part in (name, when(run.created)) if part), run.id)
            place = self.start.findData(chosen)
            self.start.setCurrentIndex(max(0, place))
        has = family is not None and any(param.id == "start" for param in family.params)
        for widget in (self._start_label, self.start):
            widget.setVisible(has and self.start.count() > 1)

    def check_engine(self) -> None:
        """The note about the missing engine comes and goes."""
        family = self.family
        needs = family.needs if family is not None else ""
        missing = bool(needs) and missing_engine(needs) is not None
        self.engine_note.setVisible(missing)
        if missing != self._engine_timer.isActive():
            self._engine_timer.start() if missing else self._engine_timer.stop()
        self._sync()

    def estimate(self) -> str:
        """How long it will take as far as one can know: by the time limit, and by the last such run here."""
        family, values = self.family, self.form.values()
        minutes = values.get("minutes", 0)
        limit = tr("Ends after {time} at the latest.", time=duration(60 * minutes)) if minutes else ""
        speed = self._speed(family.id, values) if family is not None else 0.0
        steps = values.get("steps", 0)
        if not speed or not steps:
            device = self._studio.devices.current
            slow = device is not None and device.kind == "cpu" and not limit
            return tr("Runs on the processor: the first steps will show how long it takes.") if slow else limit
        wanted = steps * speed
        if minutes and wanted >= 60 * minutes:
            return limit
        return tr("About {time}, as fast as the last one here.", time=duration(wanted))

    def _speed(self, recipe: str, values: Mapping[str, Any]) -> float:
        """Seconds a step took in the newest run that was as much work; 0 when there is none."""
        for run in self._runs:
            if run.recipe == recipe and run.seconds > 0 and run.step >= _SURE_STEPS:
                former = self._params.get(run.id, {})
                if all(former.get(id, value) == value for id, value in values.items() if id not in _FREE):
                    return run.seconds / run.step
        return 0.0

    def _sync(self) -> None:
        if not hasattr(self, "go"):
            return
        reason = self.why_not()
        self.go.setEnabled(not reason)
        self.go.setToolTip(reason or tr("Start (Ctrl+Enter)"))
        text = reason or self.estimate()
        self.hint.setText(self._data_hint)
        self.hint.setVisible(bool(self._data_hint) and not reason)
        self.state.setText(text)
        self.state.setVisible(bool(text))

    def retranslate(self) -> None:
        """Lists, and what is composed here."""
        super().retranslate()
        if hasattr(self, "go"):
            self._fill_licences()
            self._fill_starts()
            self._name_it()
            self._sync()


def _wanted(param: Param) -> bool:
    """Whether the recipe cannot do without a model here."""
    return param.kind == "model" and not param.advanced and all(choice.value for choice in param.choices)


_NOTHING = Family("", "training", "", "", ())

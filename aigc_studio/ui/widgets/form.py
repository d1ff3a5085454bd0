"""The form of a family, built from its declared parameters; nothing here knows any family."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Family, Param
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

from .fields import ChoiceField, Field, NumberField, SeedField, SizeField, SwitchField, TextField
from .folder_field import FolderField
from .part_fields import LinesField, LorasField, ModelField

__all__ = ["Memory", "ParamForm", "field_for"]

_FIELDS: dict[str, type[Field]] = {
    "int": NumberField,
    "float": NumberField,
    "bool": SwitchField,
    "choice": ChoiceField,
    "text": TextField,
    "lines": LinesField,
    "size": SizeField,
    "model": ModelField,
    "loras": LorasField,
    "folder": FolderField,
}


def field_for(param: Param, parent: QWidget | None = None) -> Field:
    """The field for a parameter, by its kind."""
    return _FIELDS[param.kind](param, parent)


class Memory(Protocol):
    """Where a form keeps its values between runs: `core.settings.Settings`."""

    def state(self, key: str, default: Any = None) -> Any:
        """What was kept under `key`."""

    def set_state(self, key: str, value: Any) -> None:
        """Keep a value of JSON types."""


class ParamForm(Translated, QWidget):
    """Fields for the parameters of one task of a family; those marked advanced are in a drawer.

    memory: keeps the values per family ("form/<family>"), shared by its tasks and its models: what a person chose goes
    along to another model of the family unless that one has a default of its own there (a distilled model's steps).
    without: ids of parameters that whoever shows the form asks for elsewhere; they have no field and no value here.
    seed, count: also show those fields; None shows them for families with a network, in which chance has a part. Where
    a family says that chance has none, or makes one result only, they are never shown.
    `changed` is emitted after every change; `values()` are of JSON types and always pass `family.values()`.
    """

    changed = Signal()
    fileDropped = Signal(object, object)
    """LorasField, Path: a file that is in no list yet was dropped on it."""

    def __init__(
        self,
        family: Family,
        task: str,
        *,
        memory: Memory | None = None,
        seed: bool | None = False,
        count: bool | None = False,
        without: Collection[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._memory, self._with_seed, self._with_count = memory, seed, count
        self._without = frozenset(without)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(12)
        self._body: QWidget | None = None
        self._loading = False
        self.show_task(family, task)

    def show_task(self, family: Family, task: str) -> None:
        """Show the parameters of another task, family or model. Values that both have are kept within one family, but
        not where the other model has another default."""
        kept: dict[str, Any] = {}
        if self._body is not None and self.family.id == family.id:
            before = {id: field.param.default for id, field in self.fields.items()}
            same = {
                param.id
                for param in self._params(family, task)
                if before.get(param.id) == param.default and (param.lasting or family == self.family)
            }
            kept = {id: value for id, value in self.values().items() if id in same}
        if self._body is not None:
            self._column.removeWidget(self._body)
            self._body.hide()
            self._body.deleteLater()
        self.family, self.task = family, task
        self.fields: dict[str, Field] = {}
        self._body = QWidget(self)
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(12)
        params = self._params(family, task)
        for param in params:
            if not param.advanced:
                self._add(param, body)
        self.count_field: NumberField | None = None
        chance = bool(family.needs)
        if (chance if self._with_count is None else self._with_count) and family.max_count > 1:
            title = Param.int("count", N_("How many"), 1, 1, family.max_count)
            self.count_field = NumberField(title, self._body, slider_high=min(12, family.max_count))
            self.count_field.changed.connect(self._changed)
            body.addWidget(self.count_field)
        self.seed_field: SeedField | None = None
        if (chance if self._with_seed is None else self._with_seed) and family.chance:
            self.seed_field = SeedField(self._body)
            self.seed_field.changed.connect(self._changed)
            body.addWidget(self.seed_field)
        self._add_drawer([param for param in params if param.advanced], body)
        self._column.addWidget(self._body)
        self._load(kept)

    def values(self) -> dict[str, Any]:
        """Every parameter of the task by its id, of JSON types."""
        return {id: field.value() for id, field in self.fields.items()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values from a recipe or from memory. Unknown names and values that do not fit are left out."""
        for id, value in values.items():
            if field := self.fields.get(id):
                try:
                    checked = field.param.check(value)
                except StudioError:
                    continue  # from another version; the field keeps what it shows
                field.set_value(list(checked) if field.param.kind == "size" else checked)

    def refresh(self) -> None:
        """Models have come or gone: fields that choose among them read again what there is."""
        for field in self.fields.values():
            field.refresh()

    def forget_passing(self) -> None:
        """Another model of the family: what meant something to the former one alone goes back to its default."""
        self.set_values({id: field.param.default for id, field in self.fields.items() if not field.param.lasting})

    def reset(self) -> None:
        """Every parameter to its default."""
        self.set_values({id: field.param.default for id, field in self.fields.items()})

    def count(self) -> int:
        """How many results are wanted; 1 without the field."""
        return self.count_field.value() if self.count_field else 1

    def take_seed(self) -> int:
        """The seed for a generation that starts now; 0 without the field. See `SeedField.take`."""
        return self.seed_field.take() if self.seed_field else 0

    def _params(self, family: Family, task: str) -> list[Param]:
        return [param for param in family.task_params(task) if param.id not in self._without]

    def _add(self, param: Param, layout: QVBoxLayout) -> None:
        field = field_for(param, self)
        self.fields[param.id] = field
        field.changed.connect(self._changed)
        if isinstance(field, LorasField):
            field.fileDropped.connect(lambda path: self.fileDropped.emit(field, path))
        layout.addWidget(field)

    def _add_drawer(self, params: list[Param], body: QVBoxLayout) -> None:
        self.drawer_button: QPushButton | None = None
        if not params:
            return
        self.drawer_button = button = QPushButton(self)
        button.setCheckable(True)
        button.setAutoDefault(False)
        button.setProperty("role", "drawer")
        button.setIconSize(QSize(16, 16))
        self.tr_bind(button.setText, N_("Advanced"))
        drawer = QWidget(self)
        inside = QVBoxLayout(drawer)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(12)
        for param in params:
            self._add(param, inside)
        reset = QPushButton(self)
        reset.setAutoDefault(False)
        reset.setProperty("role", "link")
        self.tr_bind(reset.setText, N_("Reset to defaults"))
        reset.clicked.connect(self.reset)
        inside.addWidget(reset)
        body.addWidget(button)
        body.addWidget(drawer)

        def show(on: bool) -> None:
            drawer.setVisible(on)
            button.setIcon(icon("chevron-down" if on else "chevron-right", on="icon"))
            if self._memory and not self._loading:
                self._memory.set_state(f"drawer/{self.family.id}", on)

        button.toggled.connect(show)
        self._loading = True
        button.setChecked(bool(self._memory and self._memory.state(f"drawer/{self.family.id}", False)))
        show(button.isChecked())
        self._loading = False

    def _load(self, kept: Mapping[str, Any]) -> None:
        self._loading = True
        self.set_values(self._remembered())
        self.set_values(kept)
        self._loading = False
        self.changed.emit()

    def _remembered(self) -> dict[str, Any]:
        """What was chosen before, but for parameters whose default was another one then."""
        values, defaults = self._kept("form"), self._kept("form-defaults")
        found = {}
        for id, field in self.fields.items():
            key, now = self._key(id), _plain(field.param.default)
            if field.param.lasting and key in values and defaults.get(key, now) == now:
                found[id] = values[key]
        return found

    def _key(self, id: str) -> str:
        """The name a value is remembered by; of its own where tasks of the family mean different things by it."""
        alone = sum(param.id == id for param in self.family.params) == 1
        return id if alone else f"{id}@{self.task}"

    def _kept(self, what: str) -> dict[str, Any]:
        known = self._memory.state(f"{what}/{self.family.id}", {}) if self._memory else {}
        return dict(known) if isinstance(known, dict) else {}

    def _changed(self) -> None:
        if self._loading:
            return
        if self._memory:
            values, defaults = self._kept("form"), self._kept("form-defaults")
            for id, field in self.fields.items():
                key = self._key(id)
                values.pop(key, None)
                defaults.pop(key, None)
                default = _plain(field.param.default)
                if field.param.lasting and (value := field.value()) != default:
                    values[key], defaults[key] = value, default
            self._memory.set_state(f"form/{self.family.id}", values)
            self._memory.set_state(f"form-defaults/{self.family.id}", defaults)
        self.changed.emit()


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value

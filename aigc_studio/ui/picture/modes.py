"""What can be made of the Picture panel: its modes, what is said of them, and the switch that chooses among those that
a model has."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QGridLayout, QPushButton, QWidget

from aigc_studio.core.i18n import N_, tr
from aigc_studio.engines.base import Family
from aigc_studio.ui.i18n import Translated

__all__ = ["MODES", "ModeSwitch", "action_text", "cannot", "does", "hint", "needs_picture", "usual_mode"]

MODES = (
    ("generate", N_("New##picture task")),
    ("inpaint", N_("Change part")),
    ("variation", N_("Vary##picture task")),
    ("reconstruct", N_("Reconstruct")),
    ("interpolate", N_("Between seeds")),
    ("morph", N_("Morph")),
)
"""Task id and the name of its button."""

_USUAL = ("generate", "inpaint", "variation")
"""Shown for every model that reads a prompt, whether it can do them or not; the others only where it can."""

_IN_A_ROW = 3

_HINTS = {
    "inpaint": N_("Paint over what you want to change and say what should be there. Only that part is made anew."),
    "variation": N_("Makes relatives of the picture on the canvas."),
    "reconstruct": N_("Makes the picture on the canvas again, from what the model has learned."),
    "interpolate": N_("A film strip from the picture of one seed to that of another."),
    "morph": N_(
        "A film strip from the picture on the canvas to another: choose both in the strip below (Ctrl+click), or it "
        "ends at the picture of the seed."
    ),
}

_RESTYLE = N_("Redraws the picture on the canvas as the other kind of picture that the model knows.")

_CANNOT = {
    "inpaint": N_('"{model}" cannot change a part of a picture; choose another model for that.'),
    "variation": N_('"{model}" cannot vary a picture; choose another model for that.'),
}
_CANNOT_OTHER = N_('"{model}" cannot do that; choose another model for it.')


def does(family: Family, task: str) -> bool:
    """Whether a family has this task."""
    return any(known.id == task for known in family.tasks)


def needs_picture(family: Family, task: str) -> bool:
    """Whether the task starts from the picture on the canvas."""
    return task == "inpaint" or any(known.id == task and "image" in known.inputs for known in family.tasks)


def usual_mode(family: Family) -> str:
    """What to begin with: the first mode that the family has."""
    return next((task for task, _ in MODES if does(family, task)), "generate")


def hint(family: Family, task: str) -> str:
    """A sentence below the prompt, "" where nothing needs to be said."""
    if task == "variation" and not family.chance:
        return tr(_RESTYLE)
    return tr(_HINTS[task]) if task in _HINTS else ""


def cannot(task: str, model: str) -> str:
    """Why a model cannot be used for a mode."""
    return tr(_CANNOT.get(task, _CANNOT_OTHER), model=model)


def action_text(family: Family, task: str, count: int) -> tuple[str, str]:
    """What the button that starts says, and its icon."""
    if task == "inpaint":
        return tr("Change this part"), "auto-fix"
    if task in ("interpolate", "morph"):
        return tr("Make {count} film strips", count=count) if count > 1 else tr("Make a film strip"), "creation"
    if task == "reconstruct":
        return tr("Reconstruct"), "creation"
    if task == "variation":
        if not family.chance:
            return tr("Restyle"), "creation"
        return tr("Make {count} variations", count=count) if count > 1 else tr("Make a variation"), "creation"
    return tr("Generate {count} pictures", count=count) if count > 1 else tr("Generate"), "creation"


class ModeSwitch(Translated, QFrame):
    """One button for each mode that the model has; hidden where there is no choice."""

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "sunken")
        self._grid = QGridLayout(self)
        self._grid.setSpacing(2)
        self._grid.setContentsMargins(2, 2, 2, 2)
        self.buttons = QButtonGroup(self)
        for number, (_, title) in enumerate(MODES):
            button = QPushButton(self)
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setProperty("role", "segment")
            button.setChecked(number == 0)
            self.tr_bind(button.setText, title)
            self.buttons.addButton(button, number)
        self.buttons.idToggled.connect(lambda _id, on: self.chosen.emit() if on else None)

    @property
    def mode(self) -> str:
        """The task that is chosen."""
        return MODES[self.buttons.checkedId()][0]

    def set_mode(self, task: str) -> None:
        """Choose a task, which a person may or may not have a button for."""
        self.buttons.button([id for id, _ in MODES].index(task)).setChecked(True)

    def show_family(self, family: Family, model: str) -> None:
        """Offer what a family does; what it cannot is disabled and says why. model: its name."""
        shown = []
        for number, (task, title) in enumerate(MODES):
            button = self.buttons.button(number)
            able = does(family, task)
            button.setEnabled(able)
            button.setToolTip("" if able else cannot(task, model))
            own = next((known.title for known in family.tasks if known.id == task), title)
            self.tr_bind(button.setText, title if family.prompt else own)
            if able or button.isChecked() or (family.prompt and task in _USUAL):
                shown.append(button)
        self._arrange(shown)

    def _arrange(self, shown: list) -> None:
        columns = _IN_A_ROW if len(shown) <= _IN_A_ROW else 2
        for button in self.buttons.buttons():
            self._grid.removeWidget(button)
            button.setVisible(button in shown)
        for place, button in enumerate(shown):
            self._grid.addWidget(button, *divmod(place, columns))
        for column in range(_IN_A_ROW):
            wide = 3 if column == 1 and len(shown) == _IN_A_ROW else 2  # the middle one has the longest name
            self._grid.setColumnStretch(column, wide if column < min(columns, len(shown)) else 0)
        self.setVisible(len(shown) > 1)

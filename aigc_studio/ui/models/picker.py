"""Which model: a box that shows the chosen one and how it stands, and opens the list of all that suit."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.engines.base import Family
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.studio import Studio

from .picker_list import ModelList
from .rows import Listed
from .words import declared, subtitle

__all__ = ["ModelPicker"]


class ModelPicker(Translated, QComboBox):
    """Models of one kind, for one task where `show_task` named one. The choice is remembered per kind and task.

    entryChanged: another model is chosen, or what is known of the chosen one changed (it vanished, came back).
    """

    entryChanged = Signal()

    def __init__(self, studio: Studio, kind: str, task: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio, self._kind, self._task = studio, kind, task
        self._entry: Entry | None = None
        self._problem: StudioError | None = None
        self._list: ModelList | None = None
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setIconSize(QSize(16, 16))
        self.addItem("")
        self.tr_bind(self.setAccessibleName, N_("Model"))
        studio.modelsChanged.connect(self.refresh)
        self.refresh()

    # -- what is chosen
    @property
    def entry(self) -> Entry | None:
        """The chosen model, also one that vanished or cannot be used; None when there is none at all."""
        return self._entry

    @property
    def problem(self) -> StudioError | None:
        """Why the chosen model cannot be used now; None when it can, or none is chosen."""
        return self._problem

    @property
    def family(self) -> Family | None:
        """What the chosen model's family declares for it."""
        return declared(self._entry) if self._entry is not None else None

    def entries(self) -> list[Entry]:
        """The models that suit, in the catalogue's order."""
        return [entry for entry, _ in self._listed()]

    def show_task(self, task: str) -> None:
        """Offer the models that do this task, and choose the one chosen last for it."""
        if task == self._task:
            return
        self._task = task
        wanted = self._remembered()
        here = {entry.id: entry for entry in self.entries()}
        if wanted in here:
            self._put(here[wanted])
        else:
            self.refresh()

    def choose(self, id: str) -> bool:
        """Choose a model by its id and remember it; False when it is not here or does not suit."""
        entry = next((entry for entry in self.entries() if entry.id == id), None)
        if entry is None:
            return False
        self._remember(id)
        self._put(entry)
        return True

    def refresh(self) -> None:
        """Read the catalogue again. The chosen model stays chosen, also when it has vanished."""
        listed = self._listed()
        wanted = self._entry.id if self._entry is not None else self._remembered()
        here = {entry.id: entry for entry, _ in listed}
        if wanted in here:
            self._put(here[wanted])
        elif self._entry is not None and self._suits(self._entry):
            self._put(self._entry)  # it says itself that its files are gone
        else:
            usable = [entry for entry, problem in listed if problem is None]
            self._put(next(iter(usable), next(iter(here.values()), None)))

    # -- the list
    def showPopup(self) -> None:
        """Open the list."""
        if self._list is None:
            self._list = ModelList(self.parentWidget() or self)  # below a combo box its style sheet rules would hold
            self._list.chosen.connect(lambda entry: self.choose(entry.id))
            self._list.folderWanted.connect(self._studio.models.folderWanted)
            self._list.managerWanted.connect(self._studio.models.managerWanted)
        self._list.open(self._listed(), self._entry.id if self._entry is not None else "", self)

    def hidePopup(self) -> None:
        """Close it."""
        if self._list is not None:
            self._list.close()
        super().hidePopup()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys open the list; none of them changes the model unseen, as loading one takes long."""
        opens = (
            Qt.Key.Key_Space,
            Qt.Key.Key_Return,
            Qt.Key.Key_Enter,
            Qt.Key.Key_F4,
            Qt.Key.Key_Up,
            Qt.Key.Key_Down,
        )
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if event.key() in opens and not control:
            self.showPopup()
        else:
            event.ignore()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel scrolls the form."""
        event.ignore()

    def showEvent(self, event: QShowEvent) -> None:
        """Folders come and go while another panel is in front."""
        super().showEvent(event)
        self.refresh()

    def retranslate(self) -> None:
        """Titles have two languages."""
        super().retranslate()
        if hasattr(self, "_problem"):
            self._show()

    # -- inside
    def _listed(self) -> Sequence[Listed]:
        here = catalogue.models(self._kind)
        found = [entry for entry in here if self._suits(entry)]
        chosen = self._entry
        if chosen is not None and self._suits(chosen) and all(each.id != chosen.id for each in found):
            found.append(chosen)
        return [(entry, _problem_of(entry, here)) for entry in found]

    def _suits(self, entry: Entry) -> bool:
        family = declared(entry)
        return not self._task or family is None or any(task.id == self._task for task in family.tasks)

    def _put(self, entry: Entry | None) -> None:
        problem = _problem_of(entry, catalogue.models(self._kind)) if entry is not None else None
        same = entry == self._entry and str(problem or "") == str(self._problem or "")
        self._entry, self._problem = entry, problem
        self._show()
        if not same:
            self.entryChanged.emit()

    def _show(self) -> None:
        entry = self._entry
        self.setItemText(0, entry.title if entry is not None else tr("No model"))
        self.setItemIcon(0, icon("alert-outline", "warning") if self._problem is not None else icon(_ICONS[self._kind]))
        tip = (subtitle(entry), str(self._problem or "")) if entry is not None else ()
        self.setToolTip("\n".join(part for part in tip if part))

    def _remembered(self) -> str:
        return str(self._studio.settings.state(self._key(), ""))

    def _remember(self, id: str) -> None:
        self._studio.settings.set_state(self._key(), id)

    def _key(self) -> str:
        return f"{self._kind}/model/{self._task}" if self._task else f"{self._kind}/model"


_ICONS = {"image": "image-outline", "text": "text-box-outline", "speech": "microphone-outline"}


def _problem_of(entry: Entry, here: Sequence[Entry]) -> StudioError | None:
    """Why a model cannot be used: its own word, or that it is on no list any more."""
    if declared(entry) is None:
        return StudioError(N_("This version has no engine for this type of model."), code="family")
    if entry.problem is not None:
        return entry.problem
    if all(each.id != entry.id for each in here):
        return StudioError(
            N_('"{model}" is in none of the model folders any more; choose another one or put it back.'),
            code="model-gone",
            model=entry.title,
        )
    return None

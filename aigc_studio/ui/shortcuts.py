"""Which keys belong to which action: what the code gives them, and what the person has chosen instead.

An action takes part when it has an object name; its id here is "<group>.<object name>", where the group is "window" or
the id of a panel. Chosen keys are remembered by the settings under "shortcuts"; defaults are not, so that a later
version may better them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence

from aigc_studio.core.settings import Settings

__all__ = ["WINDOW", "Bound", "ShortcutBook", "typed"]

WINDOW = "window"
"""The group whose keys work everywhere."""

TEXT_GROUPS = frozenset({WINDOW, "write", "voice"})
"""Where a key without Ctrl or Alt would be taken away from typing."""

_STATE = "shortcuts"
_FREE = {Qt.Key.Key_Escape, *(Qt.Key(Qt.Key.Key_F1 + number) for number in range(35))}


@dataclass
class Bound:
    """One action with its keys. keys, default: portable texts ("Ctrl+Shift+P"), the first is the one shown."""

    id: str
    group: str
    action: QAction
    default: tuple[str, ...]
    keys: tuple[str, ...] = field(default=())

    @property
    def title(self) -> str:
        """What it does, in the current language, without the menu's mark."""
        return self.action.text().replace("&", "")


class ShortcutBook(QObject):
    """All actions whose keys can be changed. One per window.

    `changed` is emitted after any key changed, `adopted` when actions were added.
    """

    changed = Signal()
    adopted = Signal()

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._bound: dict[str, Bound] = {}

    def adopt(self, group: str, actions: Iterable[QAction]) -> None:
        """Take actions in and give them the keys the person has chosen."""
        chosen = self._chosen()
        new: list[Bound] = []
        for action in actions:
            name = action.objectName()
            if not name or action.isSeparator() or action.menu() is not None:
                continue
            default = _texts(action.shortcuts())
            bound = Bound(f"{group}.{name}", group, action, default, default)
            self._bound[bound.id] = bound
            new.append(bound)
            action.destroyed.connect(lambda _=None, id=bound.id: self._bound.pop(id, None))
            kept = chosen.get(bound.id)
            if isinstance(kept, list) and all(isinstance(key, str) for key in kept):
                self._give(bound, tuple(kept))
        for bound in new:
            self._yield(bound, chosen)
        self.adopted.emit()

    def _yield(self, bound: Bound, chosen: Mapping[str, object]) -> None:
        """A default gives way to a choice that was made while this action was not there."""
        if bound.id in chosen:
            return
        taken = {key for other in self.conflicts(bound.id, bound.keys) if other.id in chosen for key in other.keys}
        if taken.intersection(bound.keys):
            self._give(bound, tuple(key for key in bound.keys if key not in taken))

    def __iter__(self) -> Iterator[Bound]:
        return iter(list(self._bound.values()))

    def __getitem__(self, id: str) -> Bound:
        return self._bound[id]

    def conflicts(self, id: str, keys: Sequence[str]) -> list[Bound]:
        """Other actions that have one of these keys where this one has them: in its panel, or in the whole window."""
        ours = self._bound[id]
        wanted = set(keys)
        return [
            other
            for other in self
            if other.id != id
            and wanted.intersection(other.keys)
            and (other.group == ours.group or WINDOW in (other.group, ours.group))
        ]

    def assign(self, id: str, keys: Sequence[str]) -> None:
        """Give an action its keys, () for none; taken from the others that have them."""
        for other in self.conflicts(id, keys):
            self._give(other, tuple(key for key in other.keys if key not in keys))
            self._remember(other)
        self._give(self._bound[id], tuple(keys))
        self._remember(self._bound[id])
        self.changed.emit()

    def reset(self, id: str) -> None:
        """The keys the code gives it."""
        self.assign(id, self._bound[id].default)

    def reset_all(self) -> None:
        """Forget everything that was chosen, also for panels that are not built."""
        self._settings.set_state(_STATE, {})
        for bound in self:
            self._give(bound, bound.default)
        self.changed.emit()

    def _chosen(self) -> dict[str, list[str]]:
        kept = self._settings.state(_STATE, {})
        return kept if isinstance(kept, dict) else {}

    def _give(self, bound: Bound, keys: tuple[str, ...]) -> None:
        bound.keys = keys
        bound.action.setShortcuts([QKeySequence(key, QKeySequence.SequenceFormat.PortableText) for key in keys])

    def _remember(self, bound: Bound) -> None:
        chosen = dict(self._chosen())
        if bound.keys == bound.default:
            chosen.pop(bound.id, None)
        else:
            chosen[bound.id] = list(bound.keys)
        self._settings.set_state(_STATE, chosen)


def typed(group: str, key: str) -> bool:
    """Whether this key would be typed into a text of the group: a letter alone belongs to the writer."""
    sequence = QKeySequence(key, QKeySequence.SequenceFormat.PortableText)
    if group not in TEXT_GROUPS or sequence.isEmpty():
        return False
    first = sequence[0]  # pyright: ignore[reportIndexIssue]  the stubs leave it out
    held = first.keyboardModifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    return not held and first.key() not in _FREE


def _texts(sequences: Sequence[QKeySequence]) -> tuple[str, ...]:
    return tuple(each.toString(QKeySequence.SequenceFormat.PortableText) for each in sequences if not each.isEmpty())

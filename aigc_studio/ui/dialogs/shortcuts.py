"""All shortcuts on one page: search them, change them, see at once whom a key would be taken from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.icons import icon
from aigc_studio.ui.panels import PANELS
from aigc_studio.ui.shortcuts import WINDOW, Bound, ShortcutBook, typed

from .dialog import StudioDialog

__all__ = ["ShortcutsDialog"]

_GROUPS = {WINDOW: N_("Everywhere"), **{panel.id: panel.title for panel in PANELS}}
_ID = Qt.ItemDataRole.UserRole


class ShortcutsDialog(StudioDialog):
    """A list of what can be done with its keys, and below it the field where new keys are pressed.

    waiting: calls that build the panels not shown yet, so that their actions come in; one is made at a time.
    """

    def __init__(
        self, book: ShortcutBook, waiting: Sequence[Callable[[], object]] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(N_("Keyboard shortcuts"), parent, width=600)
        self._book = book
        self._waiting = list(waiting)
        self.search = QLineEdit(self)
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition)
        self.tr_bind(self.search.setPlaceholderText, N_("Search by name or key"))
        self.tr_bind(self.search.setAccessibleName, N_("Search by name or key"))
        self.search.textChanged.connect(self._filter)
        self.list = QTreeWidget(self)
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setIndentation(8)
        self.list.setUniformRowHeights(True)
        self.list.setProperty("role", "list")
        self.list.setMinimumHeight(360)
        self.tr_bind(self.list.setAccessibleName, N_("Keyboard shortcuts"))
        self.list.currentItemChanged.connect(lambda item, _former: self._chosen(item))
        self.list.itemActivated.connect(lambda _item, _column: self.keys.setFocus())
        self.keys = QKeySequenceEdit(self)
        self.keys.setMaximumSequenceLength(1)
        self.keys.setClearButtonEnabled(True)
        self.tr_bind(self.keys.setAccessibleName, N_("New keys"))
        self.keys.keySequenceChanged.connect(lambda _keys: self._consider())
        label = QLabel(self)
        label.setProperty("role", "label")
        self.tr_bind(label.setText, N_("New keys"))
        label.setBuddy(self.keys)
        self.assign = self._button(N_("Assign"), self._assign)
        self.remove = self._button(N_("No keys"), lambda: self._give(()))
        self.default = self._button(N_("Default"), self._reset)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(label)
        row.addWidget(self.keys, 1)
        for button in (self.assign, self.remove, self.default):
            row.addWidget(button)
        self.hint = QLabel(self, wordWrap=True)
        self.hint.setProperty("role", "muted")
        self.hint.setMinimumHeight(self.hint.fontMetrics().height() * 2)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.body.addWidget(self.search)
        self.body.addWidget(self.list, 1)
        self.body.addLayout(row)
        self.body.addWidget(self.hint)
        everything = self.add_button(N_("Reset all"))
        everything.clicked.connect(self._reset_all)
        close = self.add_button(N_("Close"), "primary")
        close.setAutoDefault(False)
        close.setDefault(False)
        close.clicked.connect(self.accept)
        self._items: dict[str, QTreeWidgetItem] = {}
        self._heads: list[QTreeWidgetItem] = []
        self._fill()
        book.adopted.connect(self._fill)
        book.changed.connect(self._show_keys)
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._build_one)
        self._timer.start()
        self.search.setFocus()

    def retranslate(self) -> None:
        """Names of groups and actions too."""
        super().retranslate()
        if hasattr(self, "_items"):
            self._fill()

    # -- the list
    def _fill(self) -> None:
        kept = self._current_id()
        self.list.blockSignals(True)
        self.list.clear()
        self._items.clear()
        self._heads.clear()
        for group, title in _GROUPS.items():
            members = [bound for bound in self._book if bound.group == group and bound.title]
            if not members:
                continue
            head = QTreeWidgetItem([tr(title), ""])
            head.setFlags(Qt.ItemFlag.ItemIsEnabled)
            font = self.font()
            font.setBold(True)
            head.setFont(0, font)
            self.list.addTopLevelItem(head)
            self._heads.append(head)
            for bound in members:
                item = QTreeWidgetItem([bound.title, ""])
                item.setData(0, _ID, bound.id)
                head.addChild(item)
                self._items[bound.id] = item
            head.setExpanded(True)
        self.list.blockSignals(False)
        self.list.setColumnWidth(0, 340)
        self._show_keys()
        self._filter(self.search.text())
        wanted = self._items.get(kept) or next(iter(self._items.values()), None)
        if wanted is not None:
            self.list.setCurrentItem(wanted)

    def _show_keys(self) -> None:
        for id, item in self._items.items():
            bound = self._book[id]
            item.setText(1, _native(bound.keys))
            font = self.font()
            font.setItalic(bound.keys != bound.default)
            item.setFont(1, font)
        self._chosen(self.list.currentItem())

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        for item in self._items.values():
            names = f"{item.text(0)} {item.text(1)}".casefold()
            item.setHidden(not all(word in names for word in words))
        for head in self._heads:
            head.setHidden(all(item.isHidden() for item in self._items.values() if item.parent() is head))
        if (now := self.list.currentItem()) is not None and now.isHidden():
            seen = next((item for item in self._items.values() if not item.isHidden()), None)
            if seen is not None:
                self.list.setCurrentItem(seen)

    def _build_one(self) -> None:
        """The panels that were not shown yet, one at a time: the page is there at once."""
        if self._waiting:
            self._waiting.pop(0)()
        else:
            self._timer.stop()

    # -- one action
    def _current_id(self) -> str:
        item = self.list.currentItem()
        return str(item.data(0, _ID) or "") if item is not None else ""

    def _bound(self) -> Bound | None:
        id = self._current_id()
        return self._book[id] if id in self._items else None

    def _chosen(self, _item: QTreeWidgetItem | None) -> None:
        bound = self._bound()
        self.keys.blockSignals(True)
        self.keys.setKeySequence(_sequence(bound.keys[0]) if bound is not None and bound.keys else QKeySequence())
        self.keys.blockSignals(False)
        self._consider()

    def _pressed(self) -> str:
        return self.keys.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _consider(self) -> None:
        """Say what pressing "Assign" would do."""
        bound, key = self._bound(), self._pressed()
        changed = bound is not None and bool(key) and key not in bound.keys
        hint = tr("Choose a line, then press the new keys in the field.")
        if bound is not None and changed:
            taken = self._book.conflicts(bound.id, (key,))
            if typed(bound.group, key):
                changed = False
                hint = tr("This key is needed for typing; hold Ctrl or Alt as well.")
            elif taken:
                names = ", ".join(f"{other.title} ({tr(_GROUPS.get(other.group, other.group))})" for other in taken)
                hint = tr(
                    "{keys} belongs to: {names}. Assigning takes it from there.", keys=_native((key,)), names=names
                )
            else:
                hint = tr("{keys} is free.", keys=_native((key,)))
        self.hint.setText(hint)
        self.assign.setEnabled(changed)
        self.remove.setEnabled(bound is not None and bool(bound.keys))
        self.default.setEnabled(bound is not None and bound.keys != bound.default)

    def _assign(self) -> None:
        if key := self._pressed():
            self._give((key,))

    def _give(self, keys: tuple[str, ...]) -> None:
        if (bound := self._bound()) is not None:
            self._book.assign(bound.id, keys)
            self.list.setFocus()

    def _reset(self) -> None:
        if (bound := self._bound()) is not None:
            self._book.reset(bound.id)
            self.list.setFocus()

    def _reset_all(self) -> None:
        self._book.reset_all()

    def _button(self, title: str, call: Callable[[], object]) -> QPushButton:
        button = QPushButton(self)
        button.setAutoDefault(False)
        self.tr_bind(button.setText, title)
        button.clicked.connect(lambda _on=False: call())
        return button


def _sequence(key: str) -> QKeySequence:
    return QKeySequence(key, QKeySequence.SequenceFormat.PortableText)


def _native(keys: Sequence[str]) -> str:
    return "   ".join(_sequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)

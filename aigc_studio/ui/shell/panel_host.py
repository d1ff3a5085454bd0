"""Holds the panels: builds each on first show, remembers its state per project, and connects what panels share."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from PySide6.QtCore import QByteArray, Qt, Signal
from PySide6.QtGui import QUndoGroup, QUndoStack
from PySide6.QtWidgets import QApplication, QSplitter, QStackedWidget, QWidget

from aigc_studio.core.errors import StudioError, describe
from aigc_studio.ui.panels import PANELS, PanelInfo
from aigc_studio.ui.studio import Studio

__all__ = ["PanelHost", "available_panels"]

log = logging.getLogger(__name__)

_KIND_PANEL = {
    "image": "picture",
    "mask": "picture",
    "audio": "voice",
    "speech": "voice",
    "text": "write",
    "training": "train",
    "captions": "train",
}
"""Kind of an asset or a request to the panel that works on it."""


def available_panels() -> tuple[PanelInfo, ...]:
    """The panels whose module is there."""
    return tuple(panel for panel in PANELS if find_spec(panel.module) is not None)


class PanelHost(QStackedWidget):
    """One page per panel of `PANELS`.

    A panel may have, besides what `ui/panels` says: the signals noticed(str), undoOffered(str, function),
    offered(str, str, function), openRequested(asset), showRequested(asset), reuseRequested(recipe),
    viewRequested(reel, row), compareRequested(asset, asset, file or None), handOver(panel id, payload),
    installRequested(); the methods receive(payload), reuse(recipe), flush(); and undo_stack, a QUndoStack.
    """

    shown = Signal(str)
    """Panel id: it is in front now."""
    noticed = Signal(str)
    undoOffered = Signal(str, object)
    offered = Signal(str, str, object)
    installRequested = Signal()
    viewRequested = Signal(object, int)
    compareRequested = Signal(object, object, object)
    built = Signal(str, QWidget)
    """Panel id and panel, when it is made."""
    problem = Signal(object)
    """StudioError: a panel could not be built."""

    def __init__(self, studio: Studio, undo: QUndoGroup, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._undo = undo
        self._infos = {panel.id: panel for panel in available_panels()}
        self._built: dict[str, QWidget] = {}
        self._current = ""
        self._kept: dict[str, Any] = {}
        """State of panels that are not built yet, from the open project."""

    @property
    def current(self) -> str:
        """Id of the panel in front, "" while none is."""
        return self._current

    def retranslate(self) -> None:
        """Let every panel name its actions anew: their keys have changed."""
        for widget in self._built.values():
            if callable(again := getattr(widget, "retranslate", None)):
                again()

    def ids(self) -> list[str]:
        """The panels there are, in order."""
        return list(self._infos)

    def panel(self, id: str) -> QWidget | None:
        """The panel with this id, built now if it was not; None when it is not there or cannot be built."""
        if id in self._built:
            return self._built[id]
        info = self._infos.get(id)
        if info is None:
            return None
        try:
            widget = getattr(import_module(info.module), info.cls)(self._studio)
        except Exception as error:
            log.exception("panel %s cannot be built", id)
            self.problem.emit(describe(error))
            return None
        self._built[id] = widget
        self.addWidget(widget)
        self._connect(widget)
        self._restore(id, widget)
        self.built.emit(id, widget)
        return widget

    def show_panel(self, id: str) -> QWidget | None:
        """Bring a panel to the front."""
        widget = self.panel(id)
        if widget is None:
            return None
        kept = widget.focusWidget()  # asked before: the stack itself puts the keyboard on some first control
        self.setCurrentWidget(widget)
        self._current = id
        stack = getattr(widget, "undo_stack", None)
        self._undo.setActiveStack(stack if isinstance(stack, QUndoStack) else None)  # pyright: ignore[reportArgumentType]
        self._focus(widget, kept)
        self.shown.emit(id)
        return widget

    def step(self, by: int) -> None:
        """Show the next (1) or previous (-1) panel, round and round."""
        ids = self.ids()
        if ids:
            self.show_panel(ids[(ids.index(self._current) + by) % len(ids)] if self._current in ids else ids[0])

    def flush(self) -> None:
        """Let every panel hand what is not saved to the studio."""
        for widget in self._built.values():
            if callable(flush := getattr(widget, "flush", None)):
                flush()

    def save_state(self) -> dict[str, Any]:
        """The state of every panel and its splitters, by panel id; JSON types."""
        states = dict(self._kept)
        for id, widget in self._built.items():
            state: dict[str, Any] = {}
            if callable(save := getattr(widget, "save_state", None)):
                state["panel"] = save()
            state["splitters"] = {
                splitter.objectName() or str(number): bytes(splitter.saveState().data()).hex()
                for number, splitter in enumerate(widget.findChildren(QSplitter))
            }
            states[id] = state
        return states

    def restore_state(self, states: Mapping[str, Any]) -> None:
        """Give every panel its state from the project that was opened; panels built later get it then."""
        self._kept = dict(states) if isinstance(states, Mapping) else {}
        for id, widget in self._built.items():
            self._restore(id, widget)

    def open_asset(self, asset: Any) -> None:
        """Show an asset in the panel that works on its kind."""
        widget = self.show_panel(_KIND_PANEL.get(asset.kind, "assets"))
        if callable(show := getattr(widget, "open_asset", None)):
            show(asset)

    def show_asset(self, asset: Any) -> None:
        """Show an asset among the others."""
        widget = self.show_panel("assets")
        if callable(show := getattr(widget, "open_asset", None)):
            show(asset)

    def viewed(self, id: str) -> None:
        """A viewer closed that was opened from the panel in front: a list goes to what was seen last."""
        reader = self._studio.reader
        asset = reader.asset(id) if reader is not None and id else None
        if asset is not None and not asset.trashed and self._current in ("assets", "history"):
            self._built[self._current].open_asset(asset)  # pyright: ignore[reportAttributeAccessIssue]

    def reuse(self, recipe: Mapping[str, Any]) -> None:
        """Use the settings of a recipe again, in the panel for its kind."""
        widget = self.show_panel(_KIND_PANEL.get(recipe.get("request", {}).get("kind", ""), ""))
        if callable(reuse := getattr(widget, "reuse", None)):
            reuse(recipe)

    def hand_over(self, id: str, payload: Any) -> None:
        """Give what one panel made to another one: show it and let it receive the payload."""
        widget = self.show_panel(id)
        if callable(receive := getattr(widget, "receive", None)):
            receive(payload)

    def _focus(self, widget: QWidget, kept: QWidget | None) -> None:
        """Put the keyboard where it was in this panel (`kept`), where the panel wants it, or on its first control."""
        focused = QApplication.focusWidget()
        if kept is not None and focused is not None and widget.isAncestorOf(focused):
            return
        target = kept or getattr(widget, "first_focus", None) or widget.focusProxy()
        child = widget.nextInFocusChain()
        while target is None and child is not None and child is not widget and widget.isAncestorOf(child):
            if child.focusPolicy() & Qt.FocusPolicy.TabFocus and child.isEnabled() and child.isVisibleTo(widget):
                target = child
            child = child.nextInFocusChain()
        (target or widget).setFocus(Qt.FocusReason.OtherFocusReason)

    def _connect(self, widget: QWidget) -> None:
        for name, slot in (
            ("noticed", self.noticed),
            ("undoOffered", self.undoOffered),
            ("offered", self.offered),
            ("installRequested", self.installRequested),
            ("openRequested", self.open_asset),
            ("showRequested", self.show_asset),
            ("viewRequested", self.viewRequested),
            ("compareRequested", self.compareRequested),
            ("reuseRequested", self.reuse),
            ("handOver", self.hand_over),
        ):
            if (signal := getattr(widget, name, None)) is not None:
                signal.connect(slot)
        stack = getattr(widget, "undo_stack", None)
        if isinstance(stack, QUndoStack):
            self._undo.addStack(stack)

    def _restore(self, id: str, widget: QWidget) -> None:
        state = self._kept.pop(id, None)
        if not isinstance(state, dict):
            return
        splitters = state.get("splitters", {})
        for number, splitter in enumerate(widget.findChildren(QSplitter)):
            data = splitters.get(splitter.objectName() or str(number)) if isinstance(splitters, dict) else None
            if isinstance(data, str):
                splitter.restoreState(QByteArray.fromHex(data.encode("ascii", "ignore")))
        if callable(restore := getattr(widget, "restore_state", None)) and isinstance(state.get("panel"), dict):
            try:
                restore(state["panel"])
            except (StudioError, KeyError, TypeError, ValueError, AttributeError):
                log.exception("the state of panel %s does not fit", id)

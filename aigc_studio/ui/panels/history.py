"""The History panel: everything that was generated, newest first, with how; to use, remix, compare or make again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from aigc_studio.core.assets import Asset
from aigc_studio.core.generations import GenerationQuery
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.requests import Request, new_seed
from aigc_studio.engines.reproduce import Reproduction
from aigc_studio.ui.assets.actions import AssetActions
from aigc_studio.ui.assets.thumbnails import ThumbnailLoader
from aigc_studio.ui.history.actions import HistoryActions
from aigc_studio.ui.history.again import Again
from aigc_studio.ui.history.filters import FilterBar
from aigc_studio.ui.history.model import GenerationModel
from aigc_studio.ui.history.recipe_view import RecipeView
from aigc_studio.ui.history.timeline import Timeline
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import set_role
from aigc_studio.ui.viewer.reel import ListReel
from aigc_studio.ui.widgets.empty_state import EmptyState
from aigc_studio.ui.widgets.player import Output

__all__ = ["HistoryPanel"]

_REFRESH_MS = 50
_VIEWED = 400
"""So many results around the chosen one can be gone through in the viewer."""


class HistoryPanel(Translated, QWidget):
    """The timeline on the left, the recipe of what is chosen on the right. output: what plays sounds, for tests."""

    noticed = Signal(str)
    """A sentence for the person that is no error."""
    undoOffered = Signal(str, object)
    """A sentence about what was just done, and the function that takes it back."""
    openRequested = Signal(object)
    """An Asset to be opened in the panel that suits it."""
    showRequested = Signal(object)
    """An Asset to be shown among the others."""
    reuseRequested = Signal(object)
    """A recipe to be used again; its "use" says what of it ("prompt", "seed", "settings"), all without."""
    viewRequested = Signal(object, int)
    """A Reel and the row to look at over the whole screen."""
    compareRequested = Signal(object, object, object)
    """Two picture assets to compare, and the second one's file where it is no asset of the project, else None."""

    def __init__(self, studio: Studio, parent: QWidget | None = None, *, output: Output | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._loader = ThumbnailLoader(self._locate, studio.thumbnail, self)
        self._model = GenerationModel(self)
        self._doing = AssetActions(studio, self)
        self._again = Again(studio, self)
        self._keep = ""
        """Job whose row keeps the keyboard while other rows are asked for."""
        self._build(output)
        self.first_focus = self._list
        """Where the window puts the keyboard when the panel is shown for the first time."""
        self._connect()
        self._project_changed()

    # -- building
    def _build(self, output: Output | None) -> None:
        self.filters = FilterBar()
        self._list = Timeline(self._loader)
        self._list.setModel(self._model)
        self.tr_bind(self._list.setAccessibleName, N_("History"))
        self._empty = EmptyState(
            "history",
            N_("Nothing was generated yet"),
            N_("Whatever you make in Write, Picture or Voice is listed here with its recipe."),
        )
        self._nothing = EmptyState(
            "magnify",
            N_("Nothing found"),
            N_("Try fewer or other words, another model or a longer time."),
            ((N_("Show all"), self.filters.clear),),
        )
        self._stack = QStackedWidget()
        for page in (self._list, self._empty, self._nothing):
            self._stack.addWidget(page)
        work = QWidget()
        column = QVBoxLayout(work)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.filters)
        column.addWidget(self._stack, 1)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self.acts = HistoryActions(self, self._list)
        self.details = RecipeView(self.acts, self._loader, output)
        self._splitter.addWidget(work)
        self._splitter.addWidget(self.details)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setStretchFactor(1, 0)
        self._splitter.setSizes([720, 340])
        self._splitter.setChildrenCollapsible(False)
        work.setMinimumWidth(420)
        self.details.setMinimumWidth(280)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._splitter)

    def _connect(self) -> None:
        studio = self._studio
        self._refreshing = QTimer(self, singleShot=True, interval=_REFRESH_MS)
        self._refreshing.timeout.connect(self._refresh)
        studio.projectOpened.connect(self._project_changed)
        studio.projectClosed.connect(self._project_changed)
        studio.assetsChanged.connect(self._assets_changed)
        studio.jobFinished.connect(self._job_finished)
        self.filters.changed.connect(self._ask)
        self.filters.left.connect(self._list.setFocus)
        self._list.selectionModel().selectionChanged.connect(self._selection_changed)
        self._list.selectionModel().currentChanged.connect(self._selection_changed)
        self._list.resultChosen.connect(self._selection_changed)
        self._list.opened.connect(self._view)
        self._list.menuRequested.connect(self._menu)
        self._model.modelReset.connect(self._rows_changed)
        self._model.rowsInserted.connect(self._rows_changed)
        self._model.dataChanged.connect(self._selection_changed)
        self.details.viewRequested.connect(self._view)
        self.details.assetChosen.connect(self.show_asset)
        for signal in ("noticed", "undoOffered"):
            getattr(self._doing, signal).connect(getattr(self, signal))
        self._again.changed.connect(self._enable)
        self._again.finished.connect(self._made_again)
        self._again.failed.connect(lambda error: self._studio.problem.emit(error))
        for id, call in {
            "find": lambda: (self.filters.search.setFocus(), self.filters.search.selectAll()),
            "use_all": lambda: self._reuse(),
            "remix": self._remix,
            "use_prompt": lambda: self._reuse("prompt"),
            "use_seed": lambda: self._reuse("seed"),
            "again": self._make_again,
            "view": self._view,
            "open": lambda: (asset := self.details.asset) and self.openRequested.emit(asset),
            "show": lambda: (asset := self.details.asset) and self.showRequested.emit(asset),
            "compare": self._compare,
            "copy_recipe": self._copy_recipe,
            "copy": self._copy,
            "star": lambda: self._doing.star(self._results(trashed=False)),
            "restore": lambda: self._doing.restore(self._results(trashed=True)),
            "trash": lambda: self._doing.trash(self._results(trashed=False)),
        }.items():
            self.acts[id].triggered.connect(lambda _on=False, call=call: call())

    # -- what the main window may call
    def actions(self) -> list[QAction]:
        """For the window's menu and its list of keys."""
        return self.acts.listed()

    def open_asset(self, asset: Asset) -> None:
        """Show what made an asset."""
        self.show_asset(asset)

    def save_state(self) -> dict[str, Any]:
        """Sizes, not what was searched."""
        return {"splitter": self._splitter.sizes()}

    def restore_state(self, state: dict[str, Any]) -> None:
        """The inverse; wrong types are ignored."""
        sizes = state.get("splitter")
        if isinstance(sizes, list) and len(sizes) == 2 and all(isinstance(size, int) and size > 0 for size in sizes):
            self._splitter.setSizes(sizes)

    # -- the project
    def _locate(self, id: str) -> Path | None:
        return self._studio.reader.thumbnail_path(id) if self._studio.reader else None

    def _project_changed(self, *_: object) -> None:
        self._loader.wait()
        self._loader.forget()
        self._list.forget()
        self.details.loader.wait()
        reader = self._studio.reader
        self.details.set_reader(reader)
        self._model.set_reader(reader)
        self.filters.set_models(reader.models_used() if reader else [])
        self._rows_changed()

    def _assets_changed(self, change: Any) -> None:
        if change.changed:
            self._loader.forget(*change.changed)
        if not self._refreshing.isActive():
            self._refreshing.start()

    def _job_finished(self, _id: str, _job: object) -> None:
        self._refreshing.start()  # its state is part of the row

    def _refresh(self) -> None:
        reader = self._studio.reader
        if reader is None:
            return
        row = self._list.current_row()
        self._model.refresh()
        self.filters.set_models(reader.models_used())
        if row is not None and not self._list.currentIndex().isValid():
            self._go_to(row.generation.job_id)
        self._rows_changed()
        self._selection_changed()

    # -- what is shown
    def _ask(self) -> None:
        row, query = self._list.current_row(), self.filters.query()
        self._keep = row.generation.job_id if row is not None and not query.text else ""
        self._model.set_query(query)
        self._keep = ""
        if self._list.currentIndex().row() <= 0:
            self._list.scrollToTop()

    def _go_to(self, job_id: str) -> bool:
        """Put the keyboard on a generation; False when it is not among those shown."""
        number = self._model.number_of(job_id)
        if 0 <= number < self._model.rowCount():
            self._list.setCurrentIndex(self._model.index(number, 0))
            return True
        return False

    def show_asset(self, asset: Asset) -> None:
        """Show the generation that made an asset; one that nothing made is shown among the assets."""
        reader = self._studio.reader
        generation = reader.generation(asset.job_id) if reader is not None and asset.job_id else None
        if generation is None:
            self.showRequested.emit(asset)
            return
        if not self._go_to(generation.job_id):
            self.filters.clear()
            self._go_to(generation.job_id)
        row = self._list.current_row()
        if row is not None and row.generation.job_id == generation.job_id:
            self._list.choose_result(row, asset)

    def _rows_changed(self, *_: object) -> None:
        count = self._model.rowCount()
        page = self._list if count else self._nothing if self._model.query != GenerationQuery() else self._empty
        self._stack.setCurrentWidget(page)
        set_role(self._list, "plain")
        if not count:
            self.details.show_nothing()
        elif not self._list.currentIndex().isValid() and not (self._keep and self._go_to(self._keep)):
            self._list.setCurrentIndex(self._model.index(0, 0))
        self._enable()

    def _selection_changed(self, *_: object) -> None:
        rows = self._list.selectionModel().selection()
        count = sum(rows.at(place).height() for place in range(rows.count()))
        row = self._list.current_row()
        asset = self._list.result_of(row) if row is not None else None
        if count > 1 or row is None or asset is None:
            self.details.show_nothing(count)
        else:
            self.details.show_result(row.generation, asset)
        self._enable()

    def _pair(self) -> list[Asset]:
        """The two pictures that can be compared: of two chosen rows, or this result and what it was made from."""
        rows = self._list.chosen_rows(3)
        if len(rows) == 2:
            found = [asset for row in rows if (asset := self._list.result_of(row)) and asset.kind == "image"]
            return found[::-1] if len(found) == 2 else []  # the older one first
        asset, reader = self.details.asset, self._studio.reader
        if len(rows) != 1 or asset is None or asset.kind != "image" or reader is None:
            return []
        for id in reader.parents(asset.id):
            other = reader.asset(id)
            if other is not None and other.kind == "image":
                return [other, asset]
        others = [each for each in rows[0].generation.assets if each.id != asset.id and not each.trashed]
        return [asset, others[0]] if others else []

    def _results(self, *, trashed: bool) -> list[Asset]:
        """What the actions on files work on: the result looked at, or all of several chosen generations."""
        rows = self._list.chosen_rows()
        if len(rows) == 1 and self.details.asset is not None:
            return [self.details.asset] if self.details.asset.trashed == trashed else []
        return [asset for row in rows for asset in row.generation.assets if asset.trashed == trashed]

    def _enable(self) -> None:
        info = self._studio.info
        writable = info is not None and not info.read_only
        asset, recipe = self.details.asset, self.details.recipe
        made = bool(recipe and recipe.get("request"))
        training = made and recipe is not None and recipe["request"].get("kind") == "training"
        there, gone = bool(self._results(trashed=False)), bool(self._results(trashed=True))
        for id, on in {
            "use_all": made,
            "use_prompt": made and not training,
            "use_seed": made,
            "remix": made and writable and not training,  # hours of work want to be started on purpose
            "again": made and not training and asset is not None and not asset.trashed and not self._again.running,
            "view": asset is not None,
            "open": asset is not None and not asset.trashed,
            "show": asset is not None,
            "compare": len(self._pair()) == 2,
            "copy_recipe": bool(recipe),
            "copy": there,
            "star": there and writable,
            "restore": gone and writable,
            "trash": there and writable,
        }.items():
            self.acts[id].setEnabled(on)
        self.acts["again"].setText(tr("Making again…") if self._again.running else tr("Make again and compare"))

    def retranslate(self) -> None:
        """Rows are words."""
        super().retranslate()
        self._model.say_again()
        self._enable()

    # -- doing
    def _reuse(self, *use: str) -> None:
        recipe = self.details.recipe
        if recipe is not None and recipe.get("request"):
            self.reuseRequested.emit({**recipe, "use": list(use)} if use else dict(recipe))

    def _remix(self) -> None:
        """The same again with another seed, at once."""
        recipe = self.details.recipe or {}
        try:
            request = Request.from_json(recipe["request"])
        except (KeyError, TypeError, ValueError):
            return
        self._studio.submit(request.changed(seed=new_seed()))
        self.noticed.emit(tr("Remix is in the queue, with a new seed."))

    def _make_again(self) -> None:
        asset, recipe = self.details.asset, self.details.recipe
        if asset is not None and recipe is not None:
            self.details.say(tr("Making it again, beside the queue…"))
            self._again.start(asset, str(recipe.get("request", {}).get("kind", "")))
            if not self._again.running:
                self.details.say("")

    def _made_again(self, made: Reproduction) -> None:
        if made.same:
            text = tr("Made again: exactly the same.")
        elif made.changed:
            text = tr(
                "Made again: not the same. Changed since then: {changed}.", changed=", ".join(sorted(made.changed)[:6])
            )
        else:
            text = tr("Made again: not the same. This device does not promise the same result.")
        here = self.details.asset is not None and self.details.asset.id == made.asset.id
        if here:
            self.details.say(text)
        else:
            self.noticed.emit(text)
        if made.asset.kind == "image" and made.file is not None and not made.same:
            self.compareRequested.emit(made.asset, made.asset, made.file)

    def _view(self) -> None:
        """Over the whole screen: the results of this row, then of those below and above, as far as one goes."""
        row, asset = self._list.current_row(), self.details.asset
        if row is None or asset is None:
            return
        number = self._list.currentIndex().row()
        assets: list[Asset] = []
        first = max(0, number - 60)
        for place in range(first, min(self._model.rowCount(), number + 120)):
            near = self._model.row(place)
            results = near.generation.assets if near is not None else ()
            assets += [each for each in results if not each.trashed or each.id == asset.id]
            if len(assets) > _VIEWED and place > number:
                break
        places = [place for place, each in enumerate(assets) if each.id == asset.id]
        if places:
            self.viewRequested.emit(ListReel(assets), places[0])

    def _compare(self) -> None:
        pair = self._pair()
        if len(pair) == 2:
            self.compareRequested.emit(pair[0], pair[1], None)

    def _copy_recipe(self) -> None:
        if self.details.recipe:
            QGuiApplication.clipboard().setText(json.dumps(self.details.recipe, ensure_ascii=False, indent=2))
            self.noticed.emit(tr("Recipe copied."))

    def _copy(self) -> None:
        assets = self._results(trashed=False)
        if assets:
            QGuiApplication.clipboard().setMimeData(self._model.mime_of(assets))

    def _menu(self, point: QPoint) -> None:
        self._enable()
        menu = QMenu(self)
        groups = (
            ("use_all", "remix", "use_prompt", "use_seed", "again"),
            ("view", "open", "show", "compare"),
            ("copy", "copy_recipe", "star"),
            ("restore", "trash"),
        )
        for group in groups:
            menu.addActions([self.acts[id] for id in group if self.acts[id].isEnabled()])
            menu.addSeparator()
        menu.exec(point)
        menu.deleteLater()

"""The right side while something new is set up: all recipes as cards, or what is in the chosen folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.i18n import tr
from aigc_studio.engines.base import Family
from aigc_studio.ui.studio import Studio

from .data_report import DataReport
from .recipes import RecipeGallery
from .report_words import usable_pictures
from .words import few_pictures, folder_params, group_of, learns_words

__all__ = ["SetupStage"]


class SetupStage(QStackedWidget):
    """Recipes while there is no folder; then a report for each folder of the recipe. `changed`: one knows more."""

    recipeChosen = Signal(str)
    changed = Signal()

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.reports: dict[str, DataReport] = {}
        self._shown: tuple[str, ...] = ()
        self._recipe = ""
        self.gallery = RecipeGallery(self)
        self.gallery.chosen.connect(self.recipeChosen)
        inside = QWidget(self)
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(24, 20, 24, 24)
        self._column.setSpacing(32)
        self._column.addStretch(1)
        self.page = QScrollArea(self)
        self.page.setWidgetResizable(True)
        self.page.setFrameShape(QFrame.Shape.NoFrame)
        self.page.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.page.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.page.setWidget(inside)
        self.addWidget(self.gallery)
        self.addWidget(self.page)

    def show_data(self, family: Family | None, folders: Mapping[str, str]) -> None:
        """Look at these folders for this recipe; a report of the same folder for the same kind of data is kept."""
        self._recipe = family.id if family is not None else ""
        self.gallery.mark(self._recipe)
        params = folder_params(family) if family is not None else ()
        kind = group_of(family) if family is not None else ""
        wanted = tuple(f"{kind}/{param.id}/{param.title}" for param in params)
        if wanted != self._shown:
            self._shown = wanted
            for report in self.reports.values():
                report.close_look()
                self._column.removeWidget(report)
                report.hide()
                report.deleteLater()
            self.reports = {}
            for place, param in enumerate(params):
                of = "texts" if "texts" in param.of else "images"
                report = DataReport(self._studio, param.title, of, self, compact=len(params) > 1)
                report.changed.connect(self.changed)
                self._column.insertWidget(place, report)
                self.reports[param.id] = report
        for id, report in self.reports.items():
            path = folders.get(id, "")
            report.setVisible(bool(path))
            report.show_words(family is not None and learns_words(family))
            report.show_folder(Path(path) if path else None)
        self.setCurrentWidget(self.page if any(folders.values()) else self.gallery)

    def show_values(self, values: Mapping[str, Any]) -> None:
        """The recipe's values are others: how pictures are varied."""
        augment = Augment.of(values)
        for report in self.reports.values():
            report.show_augment(augment, adaptive=bool(values.get("adaptive")))

    @property
    def has_captions(self) -> bool:
        """Whether there are pictures whose captions can be edited."""
        return self._with_captions() is not None

    def edit_captions(self) -> None:
        """Open the captions of the first folder of pictures."""
        if (report := self._with_captions()) is not None:
            report.edit_captions()

    def _with_captions(self) -> DataReport | None:
        if self.currentWidget() is not self.page:
            return None
        return next((report for report in self.reports.values() if report.has_captions), None)

    def hint(self) -> str:
        """What should be known of the folders before one waits for hours, "" for nothing."""
        if self.currentWidget() is not self.page:
            return ""
        for report in self.reports.values():
            count = usable_pictures(report.report) if report.folder is not None else None
            if count is not None and 0 < count < few_pictures(self._recipe):
                return tr("Only few pictures ({count}): the model will mostly repeat them.", count=count)
        return ""

    def problem(self) -> str:
        """Why nothing can be learned from the folders, "" when something can."""
        return next((text for report in self.reports.values() if report.folder and (text := report.problem())), "")

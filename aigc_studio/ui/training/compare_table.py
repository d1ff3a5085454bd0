"""Runs beside each other: how they went, the settings in which they differ, what was measured of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.engines import registry
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon

from .curve_words import COLOURS, curve_title, held_out, value_text
from .figure_words import rows_of
from .record import Record
from .report_words import number_text
from .words import duration, recipe_title

__all__ = ["CompareTable", "Compared", "differences"]

_LEAST = 110
"""Width of a column in pixels."""
_LEFT_OUT = ("name", "start", "wandb", "licence")


@dataclass(frozen=True)
class Compared:
    """One run: its title, run.json, and what its log says."""

    title: str
    info: Mapping[str, Any]
    record: Record


def differences(infos: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Any]]]:
    """(setting, its value in each run) of those that differ, in the order of the first run; None where it has none."""
    settings = [_settings(info) for info in infos]
    keys = dict.fromkeys(key for each in settings for key in each)
    return [
        (key, [each.get(key) for each in settings])
        for key in keys
        if any(each.get(key) != settings[0].get(key) for each in settings)
    ]


def _settings(info: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run, those that were left as they are included."""
    request = info.get("request")
    params = request.get("params") if isinstance(request, Mapping) else None
    found: dict[str, Any] = {}
    recipe = str(info.get("recipe", ""))
    try:
        found = {param.id: param.default for param in registry.family(recipe).params if param.id not in _LEFT_OUT}
    except StudioError:
        pass
    if isinstance(params, Mapping):
        found |= {str(key): value for key, value in params.items() if key not in _LEFT_OUT}
    if isinstance(request, Mapping):
        found["seed"] = request.get("seed", 0)
    return {"recipe": recipe, **found}


class CompareTable(Translated, QWidget):
    """One column for each run, in the colour of its curve."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs: list[Compared] = []
        self.table = QTableWidget(self)
        self.table.setProperty("role", "plain")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.horizontalHeader().setHighlightSections(False)
        self.tr_bind(self.table.setAccessibleName, N_("Comparison of the trainings"))
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addWidget(self.table)
        self.setFocusProxy(self.table)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def show_runs(self, runs: Sequence[Compared]) -> None:
        """Others, or others' figures."""
        self._runs = list(runs)
        self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Columns that were made narrow may be wide again."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self._fill()

    def retranslate(self) -> None:
        """All of it is words."""
        super().retranslate()
        if hasattr(self, "table"):
            self._fill()

    def rows(self) -> list[list[str]]:
        """What is shown, a list for each line, the first cell its name."""
        table = self.table
        return [
            [
                item.text() if (item := table.item(row, column)) is not None else ""
                for column in range(table.columnCount())
            ]
            for row in range(table.rowCount())
        ]

    def _fill(self) -> None:
        sections = (
            (tr("How it went"), self._went()),
            (tr("Settings that differ"), self._settings()),
            (tr("Measured"), self._measured()),
        )
        table = self.table
        table.setColumnCount(1 + len(self._runs))
        table.setRowCount(sum(1 + len(rows) for _, rows in sections if rows))
        table.setHorizontalHeaderItem(0, QTableWidgetItem(""))
        for place, run in enumerate(self._runs):
            head = QTableWidgetItem(icon("circle", COLOURS[place % len(COLOURS)]), run.title)
            table.setHorizontalHeaderItem(1 + place, head)
        line = 0
        for title, rows in sections:
            if not rows:
                continue
            self._section(line, title)
            line += 1
            for row in rows:
                for place, text in enumerate(row):
                    item = QTableWidgetItem(text)
                    item.setToolTip(text if len(text) > 14 else "")
                    table.setItem(line, place, item)
                line += 1
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        table.resizeColumnsToContents()
        for place in range(table.columnCount()):
            table.setColumnWidth(place, min(260, max(_LEAST, table.columnWidth(place))))
        self._narrow()

    def _narrow(self) -> None:
        """A little too wide: the columns of the runs get narrower before one has to scroll."""
        table, count = self.table, len(self._runs)
        widths = [table.columnWidth(1 + place) for place in range(count)]
        room = table.viewport().width() - table.columnWidth(0)
        if count and sum(widths) > room >= count * _LEAST:
            for place in range(count):
                table.setColumnWidth(1 + place, min(widths[place], room // count))

    def _section(self, line: int, title: str) -> None:
        for place in range(1 + len(self._runs)):
            item = QTableWidgetItem(title if not place else "")
            font = item.font()
            font.setBold(True)
            item.setFont(font)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(line, place, item)

    def _went(self) -> list[list[str]]:
        rows = [[tr("Recipe"), *(recipe_title(str(run.info.get("recipe", ""))) for run in self._runs)]]
        rows.append([tr("Steps"), *(number_text(run.record.last) for run in self._runs)])
        spent = [float(run.record.clock.values[-1]) if len(run.record.clock) else 0.0 for run in self._runs]
        rows.append([tr("Time spent learning"), *(duration(seconds) if seconds else "—" for seconds in spent)])
        names = dict.fromkeys(name for run in self._runs for name in run.record.series if "loss" in name.split("/")[-1])
        for name in sorted(names, key=held_out):
            least = [run.record.series.get(name) for run in self._runs]
            title = tr("{curve}, at the end", curve=curve_title(name))
            rows.append([title, *(value_text(name, float(each.values[-1])) if each else "—" for each in least)])
            if held_out(name):
                title = tr("{curve}, at its best", curve=curve_title(name))
                rows.append([title, *(value_text(name, float(each.values.min())) if each else "—" for each in least)])
        return rows

    def _settings(self) -> list[list[str]]:
        rows = []
        for key, values in differences([run.info for run in self._runs]):
            if key != "recipe":
                rows.append([self._title_of(key), *(_said(value, key) for value in values)])
        return rows

    def _title_of(self, key: str) -> str:
        if key == "seed":
            return tr("Seed")
        for run in self._runs:
            try:
                params = registry.family(str(run.info.get("recipe", ""))).params
            except StudioError:
                continue
            for param in params:
                if param.id == key:
                    return tr(param.title)
        return key

    def _measured(self) -> list[list[str]]:
        tables = [
            {row.key: row for row in rows_of(figures)} if isinstance(figures := run.info.get("figures"), dict) else {}
            for run in self._runs
        ]
        titles = {key: row.title for table in tables for key, row in table.items()}
        return [
            [title, *(table[key].value if key in table else "—" for table in tables)] for key, title in titles.items()
        ]


def _said(value: Any, key: str) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, int) and key != "seed":
        return number_text(value)
    return f"{value:g}" if isinstance(value, float) else str(value)

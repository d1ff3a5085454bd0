"""Rows of models: what has the same name is told apart by where it lies."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget
from pytestqt.qtbot import QtBot

from aigc_studio.core.catalogue import Entry
from aigc_studio.ui.models.rows import fill


def entry(id: str, title: str, folder: Path | None = None, file: Path | None = None) -> Entry:
    """A model of a family that this list knows."""
    return Entry(id, "stable-diffusion", "image", {"en": title}, folder, facts={"bytes": 2_000_000}, file=file)


def test_two_of_one_name_say_where_they_lie_and_others_do_not(qtbot: QtBot) -> None:
    view = QListWidget()
    qtbot.addWidget(view)
    listed = [
        (entry("a", "tiny", folder=Path("/models/work/tiny")), None),
        (entry("b", "tiny", file=Path("/models/tiny.safetensors")), None),
        (entry("c", "other", folder=Path("/models/other")), None),
    ]
    fill(view, [("Pictures", listed)], "c")
    said = [view.item(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(1, view.count())]
    assert "work/tiny" in said[0]
    assert "tiny.safetensors" in said[1]
    assert "models" not in said[2]

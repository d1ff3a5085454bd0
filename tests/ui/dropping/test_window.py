"""Drops on the window itself: projects and packages open, the rest goes to the panel in front or to Assets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.foreign import ForeignRecipe
from aigc_studio.core.project import Project
from aigc_studio.core.settings import Settings
from aigc_studio.ui.dropping.payload import Payload
from aigc_studio.ui.main_window import MainWindow
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import theme_of


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[MainWindow]:
    settings = Settings(tmp_path / "settings")
    theme = theme_of()
    theme.choose("light")
    studio = Studio(settings)
    window = MainWindow(studio, settings, theme)
    window.show()
    yield window
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    studio.shutdown()
    window.deleteLater()


def opened(qtbot: QtBot, window: MainWindow, folder: Path) -> MainWindow:
    with qtbot.waitSignal(window.studio.projectOpened):
        window.studio.create_project(folder, "Spring")
    return window


def drop(window: MainWindow, data: QMimeData, *, native: bool = False) -> QDropEvent:
    event = QDropEvent(
        QPointF(200, 200), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    event.ignore()
    if native:
        QApplication.sendEvent(window.windowHandle(), event)
    else:
        window.dropEvent(event)
    return event


def files(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def count(window: MainWindow, kind: str) -> int:
    return window.studio.reader.count(AssetQuery(kinds=(kind,))) if window.studio.reader else 0


def test_a_project_dropped_over_any_panel_is_opened(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    Project.create(tmp_path / "other", "Other").close()
    opened(qtbot, window, tmp_path / "project")
    window.show_panel("picture")
    with qtbot.waitSignal(window.studio.projectOpened):
        event = drop(window, files(tmp_path / "other"), native=True)
    assert event.isAccepted()
    assert window.studio.info is not None
    assert window.studio.info.name == "Other"


def test_a_picture_on_the_queue_goes_to_assets(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    Image.new("RGB", (12, 9)).save(tmp_path / "a.png")
    opened(qtbot, window, tmp_path / "project").show_panel("queue")
    drop(window, files(tmp_path / "a.png"))
    qtbot.waitUntil(lambda: count(window, "image") == 1)
    assert window.panels.current == "assets"


@pytest.mark.parametrize("panel", ["write", "voice"])
def test_words_become_a_document_and_a_picture_beside_them_goes_to_assets(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, panel: str
) -> None:
    Image.new("RGB", (12, 9)).save(tmp_path / "a.png")
    (tmp_path / "b.txt").write_text("春眠不觉晓", encoding="utf-8")
    widget: Any = opened(qtbot, window, tmp_path / "project").show_panel(panel)
    drop(window, files(tmp_path / "a.png", tmp_path / "b.txt"))
    qtbot.waitUntil(lambda: count(window, "image") == 1)
    qtbot.waitUntil(lambda: "春眠不觉晓" in widget.editor.toPlainText())
    data = QMimeData()
    data.setText("处处闻啼鸟")
    drop(window, data)
    qtbot.waitUntil(lambda: "处处闻啼鸟" in widget.editor.toPlainText())


def test_words_dropped_beside_the_canvas_are_a_prompt(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    panel: Any = opened(qtbot, window, tmp_path / "project").show_panel("picture")
    window.drops.take(Payload(text=" a red door "))
    assert panel.inspector.prompt.text() == "a red door"


def test_a_model_dropped_over_any_panel_is_asked_about_and_the_rest_is_imported(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("aigc_studio.ui.dropping.window.offer", lambda _window, paths: asked.extend(paths))
    model = tmp_path / "sdxl"
    (model / "unet").mkdir(parents=True)
    (model / "model_index.json").write_text("{}", encoding="utf-8")
    Image.new("RGB", (12, 9)).save(tmp_path / "a.png")
    opened(qtbot, window, tmp_path / "project").show_panel("picture")
    event = drop(window, files(model, tmp_path / "a.png"), native=True)
    assert event.isAccepted()
    assert asked == [model]
    qtbot.waitUntil(lambda: count(window, "image") == 1)


def test_without_a_project_a_file_is_answered_with_a_sentence(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    drop(window, files(tmp_path / "a.png"))
    assert any("Open or make a project first" in banner.text.text() for banner in window.banners.banners())


def test_a_picture_of_another_program_offers_its_prompt(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = ForeignRecipe("A1111", "a fox in snow", negative="blurry", seed=77, width=512, height=768)
    monkeypatch.setattr("aigc_studio.ui.picture.transfer.read_foreign", lambda path: recipe)
    Image.new("RGB", (16, 24)).save(tmp_path / "a.png")
    panel: Any = opened(qtbot, window, tmp_path / "project").show_panel("picture")
    drop(window, files(tmp_path / "a.png"))

    def offer():
        return [each for each in window.banners.banners() if "a fox in snow" in each.text.text()]

    qtbot.waitUntil(lambda: bool(offer()))
    offer()[0].button.click()
    inspector = panel.inspector
    assert inspector.prompt.text() == "a fox in snow"
    assert inspector.form.values()["size"] == [512, 768]
    assert inspector.form.seed_field.value() == 77

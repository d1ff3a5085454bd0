"""The window and models: the Models page by its key, banners about memory and notices, drops, what the bar tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QLineEdit, QWidget

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request
from aigc_studio.core.settings import Settings
from aigc_studio.engines import registry
from aigc_studio.engines.base import Choice, Param
from aigc_studio.ui.events import Notice
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.main_window import MainWindow
from aigc_studio.ui.models.import_dialog import ImportDialog
from aigc_studio.ui.models.library_dialog import LibraryDialog
from aigc_studio.ui.panels.picture import PicturePanel
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import theme_of
from tests.ui.models.test_desk import make_writer


@pytest.fixture
def window(qtbot, qapp: QApplication, tmp_path: Path) -> Iterator[MainWindow]:
    """A window with an open project."""
    settings = Settings(tmp_path / "config")
    studio = Studio(settings)
    window = MainWindow(studio, settings, theme_of())
    window.show()
    with qtbot.waitSignal(studio.projectOpened, timeout=20_000):
        studio.create_project(tmp_path / "project", "Test")
    yield window
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    studio.shutdown()
    window.deleteLater()
    switch_language(qapp, "en")
    qapp.processEvents()


def said(window: MainWindow) -> list[str]:
    """What the banners say."""
    return [banner.text.text() for banner in window.banners.banners()]


def drop(window: MainWindow, path: Path) -> bool:
    """Drop a path on the window, as the window system does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    actions, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(400, 300), actions, data, button, keys)
    event.setAccepted(False)
    QApplication.sendEvent(window.windowHandle(), event)
    return event.isAccepted()


def test_the_models_page_has_a_key_and_comes_once(window: MainWindow) -> None:
    """It stays open beside the window and goes with it."""
    action = window.actions_table["app.models"]
    assert action.shortcut().toString() == "Ctrl+Shift+M"
    action.trigger()
    action.trigger()
    (page,) = [page for page in window.findChildren(LibraryDialog) if page.isVisible()]
    assert not page.isModal()
    window.studio.models.folderWanted.disconnect()
    page.close()


def test_a_model_dropped_on_the_window_is_asked_about(window: MainWindow, qtbot, tmp_path: Path) -> None:
    """Whatever panel is in front; then the panel for it has it. A picture goes the usual way."""
    model = make_writer(tmp_path / "downloads" / "my-writer")
    window.show_panel("picture")
    assert drop(window, model)
    qtbot.waitUntil(lambda: any(dialog.isVisible() for dialog in window.findChildren(ImportDialog)))
    window.findChildren(ImportDialog)[-1].use.click()
    qtbot.waitUntil(lambda: window.panels.current == "write", timeout=10_000)
    assert any("my-writer" in text for text in said(window))
    picture = tmp_path / "picture.png"
    picture.touch()
    assert not window.drops.take_first([picture])


def test_less_memory_is_offered_in_the_banner(window: MainWindow, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """It submits the same once more, one step lower."""
    family = registry.family("painter")
    choices = tuple(Choice(value, value) for value in ("auto", "full", "low", "lowest"))
    sparing = replace(family, params=(*family.params, Param.choice("memory", "Memory", "auto", choices)))
    monkeypatch.setattr(registry, "declared", lambda _id, _facts: sparing)
    request = Request("image", "generate", "painter", "painter", "waves")
    job = Job("b" * 32, request, JobState.FAILED, 1.0, error=StudioError("Too large.", code="memory"))
    submitted: list[Request] = []
    monkeypatch.setattr(window.studio, "submit", submitted.append)
    monkeypatch.setattr(window.studio, "jobs", lambda: [job])
    window.studio.jobFinished.emit(job.id, job)
    (banner,) = window.banners.banners()
    assert banner.button.text() == "Retry with less memory"
    banner.button.click()
    assert [each.params["memory"] for each in submitted] == ["low"]
    assert window.banners.banners() == []


def test_what_is_no_error_is_said_calmly(window: MainWindow, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the picture that is being made; of a text or a voice in the banner area."""
    panel = window.show_panel("picture")
    assert isinstance(panel, PicturePanel)
    jobs = [
        Job(id * 32, Request(kind, "x", "y"), JobState.RUNNING, 1.0) for id, kind in (("c", "image"), ("d", "text"))
    ]
    monkeypatch.setattr(window.studio, "jobs", lambda: jobs)
    monkeypatch.setattr(panel, "_watched", jobs[0].id)
    window.studio.jobNotice.emit(jobs[0].id, Notice("{size} free", {"size": "3 GB"}))
    assert panel.notices.text.text() == "3 GB free"
    assert said(window) == []
    window.studio.jobNotice.emit(jobs[1].id, Notice("{size} free", {"size": "4 GB"}))
    assert said(window) == ["4 GB free"]


def test_the_pages_of_models_leave_no_english(window: MainWindow, qtbot, qapp: QApplication, tmp_path: Path) -> None:
    """Every label, button, tip and choice of the Models page and of the question about a model."""
    folder = tmp_path / "shelf"
    model = make_writer(folder / "完整")
    catalogue.add_folder(folder)
    done: list[bool] = []
    window.studio.models.rescan(lambda: done.append(True))
    qtbot.waitUntil(lambda: bool(done))
    window.models_desk.show_library()
    page = window.findChild(LibraryDialog)
    assert page is not None
    question = ImportDialog(window.studio.models, model, catalogue.inspect(model), window)
    switch_language(qapp, "zh_CN")
    qapp.processEvents()
    qtbot.waitUntil(question.copy.isEnabled)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # rows of before, which nobody sees
    left = []
    for root in (page, question):
        for widget in [root, *root.findChildren(QWidget)]:
            texts = [widget.toolTip(), widget.accessibleName()]
            if isinstance(widget, QLabel | QAbstractButton):
                texts.append(widget.text())
            if isinstance(widget, QLineEdit):
                texts.append(widget.placeholderText())
            if isinstance(widget, QComboBox):
                texts.append(widget.itemText(0))
            left += [text for text in texts if re.search(r"\b[a-z]{3,} [a-z]{3,}\b", re.sub(r"[/\\]\S+", "", text))]
    assert not left
    question.reject()
    page.close()

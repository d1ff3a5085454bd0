"""From the data report to the captions and back: what is saved is what the report shows and what a training learns."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QWidget

from aigc_studio.training.images import prepare
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.training.captions.dialog import CaptionDialog
from aigc_studio.ui.training.data_report import DataReport
from aigc_studio.ui.training.look import ImageFacts
from aigc_studio.ui.training.report_words import concerns


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (40, 48), (80 * number, 90, 100)).save(folder / f"{number:03}.png")
    return folder


def facts(report: DataReport) -> ImageFacts:
    assert isinstance(report.report, ImageFacts)
    return report.report


def test_what_is_saved_is_in_the_report_and_in_the_next_training(
    qtbot, studio: Studio, folder: Path, tmp_path: Path
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    report = DataReport(studio, "Pictures", "images", window)
    window.resize(600, 500)
    window.show()
    assert not report.has_captions
    report.edit_captions()
    assert report.editor is None
    report.show_folder(folder)
    qtbot.waitUntil(lambda: report.has_captions)
    assert facts(report).summary["captions"] == 0
    report.show_words(False)  # a recipe that learns pictures alone
    assert not report.has_captions
    assert report.captions.isHidden()
    report.show_words(True)
    report.captions.click()
    page = report.editor
    assert isinstance(page, CaptionDialog)
    report.edit_captions()
    assert report.editor is page  # one is enough
    qtbot.waitUntil(lambda: not page.desk.busy)
    qtbot.keyClicks(page.field.edit, "black square")
    page.save.click()
    qtbot.waitUntil(lambda: report.has_captions and facts(report).summary["captions"] == 1)
    page.reject()
    assert report.editor is None
    data = prepare(tmp_path / "run", folder, side=32, validation=0.0)
    assert sorted(data.captions) == [(), (), ("black square",)]


def test_what_is_left_for_later_is_told_of_until_it_is_saved(qtbot, studio: Studio, folder: Path) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    report = DataReport(studio, "Pictures", "images", window)
    window.resize(600, 500)
    window.show()
    report.show_folder(folder)
    for button, words, left in (("later", "half", 1), ("discard", " a word", 0), ("later", "x", 1), ("save", "y", 0)):
        qtbot.waitUntil(lambda: report.has_captions)
        report.edit_captions()
        page = report.editor
        assert isinstance(page, CaptionDialog)
        qtbot.waitUntil(lambda page=page: not page.desk.busy)
        qtbot.keyClicks(page.field.edit, words)
        page.reject()
        assert page.leaving is not None
        page.leaving.buttons[button].click()
        qtbot.waitUntil(lambda left=left: report.has_captions and facts(report).unsaved == left)
        told = [concern.text for concern in concerns(report.report) if "not saved" in concern.text]
        assert len(told) == left
    assert (folder / "000.txt").read_text() == "xy\n"

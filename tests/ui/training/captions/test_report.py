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
    qtbot.waitUntil(lambda: report.editor is None)
    data = prepare(tmp_path / "run", folder, side=32, validation=0.0)
    assert sorted(data.captions) == [(), (), ("black square",)]

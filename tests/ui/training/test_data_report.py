"""What is said of a folder before it is learned."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QLabel, QWidget

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.training.data_report import DataReport


@pytest.mark.parametrize(
    ("augment", "adaptive", "said"),
    [
        (Augment(), False, "Not at all: every picture is shown to the model as it is."),
        (Augment(), True, "As they are at first; more and more once the model knows them by heart."),
        (Augment(flip=True), True, "The framed picture is the original; the model sees a new variation each time."),
    ],
)
def test_how_pictures_are_varied_is_said(
    qtbot, studio: Studio, tmp_path: Path, augment: Augment, adaptive: bool, said: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for grey in (10, 200):
        Image.new("RGB", (40, 48), (grey, 90, 100)).save(folder / f"{grey}.png")
    window = QWidget()
    qtbot.addWidget(window)
    report = DataReport(studio, "Pictures", "images", window)
    window.show()
    report.show_augment(augment, adaptive=adaptive)
    report.show_folder(folder)
    qtbot.waitUntil(lambda: report.has_captions)
    assert said in [label.text() for label in report.findChildren(QLabel) if not label.isHidden()]

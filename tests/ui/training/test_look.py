"""Looking at data in another thread: order, cancelling, what comes back; and how walls of pictures are laid out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.datasets.images import ImageFile
from aigc_studio.ui.training.look import DataLook, Glimpse, TextFacts, qimage, spread
from aigc_studio.ui.training.report_words import concerns, empty_reason, figures
from aigc_studio.ui.training.wall import Wall


@given(st.integers(0, 400), st.integers(2, 60))
def test_some_are_taken_evenly_from_first_to_last(count: int, most: int) -> None:
    items = list(range(count))
    chosen = spread(items, most)
    assert len(chosen) == min(count, most)
    assert chosen == sorted(set(chosen))
    if count:
        assert (chosen[0], chosen[-1]) == (items[0], items[-1])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_pixels_survive(mode: str) -> None:
    rng = np.random.default_rng(0)
    bands = len(Image.new(mode, (1, 1)).getbands())
    data = rng.integers(0, 256, (7, 5, bands), dtype=np.uint8)
    image = Image.fromarray(data[..., 0] if bands == 1 else data)
    shown = qimage(image)
    wanted = image.convert("RGBA")
    for x in range(5):
        for y in range(7):
            colour = shown.pixelColor(x, y)
            assert (colour.red(), colour.green(), colour.blue(), colour.alpha()) == wanted.getpixel((x, y))


@pytest.fixture
def look(qtbot, studio) -> DataLook:
    return DataLook(studio, QObject(studio))


def test_a_scan_that_is_given_up_answers_once_with_nothing(qtbot, look: DataLook, tmp_path: Path) -> None:
    for number in range(30):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(tmp_path / f"{number}.png")
    ends: list[Any] = []
    look.failed.connect(ends.append)
    look.found.connect(ends.append)
    look.scan(tmp_path, "images")
    look.stop()
    assert ends == [None]
    assert not look.busy
    look.scan(tmp_path, "images")
    qtbot.waitUntil(lambda: len(ends) == 2)
    assert len(ends[1].files) == 30


def test_pictures_come_a_few_at_a_time_upright_and_without_the_broken(qtbot, look: DataLook, tmp_path: Path) -> None:
    files = []
    for number in range(20):
        exif = Image.Exif()
        exif[0x0112] = 6  # a quarter turn
        Image.new("RGB", (64, 32), (10 * number, 0, 0)).save(tmp_path / f"{number}.jpg", exif=exif)
        files.append(ImageFile(f"{number}.jpg", 32, 64, 1, 1, False, "", (f"picture {number}",)))
    (tmp_path / "3.jpg").write_bytes(b"no picture")
    found: list[list[Glimpse]] = []
    look.glimpsed.connect(found.append)
    look.glimpse(tmp_path, files)
    qtbot.waitUntil(lambda: sum(map(len, found)) == 20)
    assert len(found) > 1
    glimpses = [glimpse for part in found for glimpse in part]
    assert [glimpse.words for glimpse in glimpses] == [f"picture {number}" for number in range(20)]
    assert glimpses[3].image.isNull()
    assert (glimpses[4].image.width(), glimpses[4].image.height()) == (32, 64)


def test_variations_are_those_of_the_training(qtbot, look: DataLook, tmp_path: Path) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8))
    picture.save(tmp_path / "a.png")
    files = [ImageFile("a.png", 24, 24, 1, 1, False, "")]
    augment = Augment(flip=True, rotate=20.0)
    with qtbot.waitSignal(look.varied) as varied:
        look.vary(tmp_path, files, augment, seed=3)
    (row,) = varied.args[0]
    rng = np.random.default_rng((3, 0))
    wanted = [qimage(picture), *(qimage(augment.apply(picture, rng)) for _ in range(len(row) - 1))]
    assert row == wanted


def test_texts_are_kept_as_figures_only(qtbot, look: DataLook, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(9):
        (folder / f"{number}.txt").write_text(f"Story {number}. " * 2000, encoding="utf-8")
    (folder / "copy.txt").write_text("Story 0. " * 2000, encoding="utf-8")
    with qtbot.waitSignal(look.found) as found:
        look.scan(folder, "texts")
    (facts,) = found.args
    assert isinstance(facts, TextFacts)
    assert len(facts.first) == 6
    assert all(len(words) < 300 for _, words in facts.first)
    assert figures(facts)[0][0] == "9"
    assert [concern.text for concern in concerns(facts)] == ["Copies of other texts, left out: 1"]
    assert empty_reason(facts) == ""


@given(st.integers(0, 70), st.integers(40, 1200), st.integers(0, 5))
@pytest.mark.usefixtures("qapp")
def test_no_picture_of_a_wall_is_lost_or_over_another(count: int, width: int, rows: int) -> None:
    wall = Wall()
    wall.resize(width, 100)
    wall.add([Glimpse(f"{number}.png", "", QImage()) for number in range(count)])
    wall.show_rows(rows)
    shown = [wall.cell(number) for number in range(count - wall.hidden())]
    assert all(not a.intersects(b) for place, a in enumerate(shown) for b in shown[place + 1 :])
    assert all(cell.bottom() < wall.heightForWidth(width) for cell in shown)
    assert width < 72 or all(cell.right() < width for cell in shown)
    assert rows == 0 or len({cell.top() for cell in shown}) <= rows
    wall.deleteLater()

"""What suits a panel comes back to it; the rest is in Assets, and the person is told."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QObject
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QSignalSpy
from pytestqt.qtbot import QtBot

from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.settings import Settings
from aigc_studio.ui.dropping.desk import DropDesk
from aigc_studio.ui.dropping.payload import Payload
from aigc_studio.ui.studio import Studio


@pytest.fixture
def studio(qtbot: QtBot, tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(Settings())
    with qtbot.waitSignal(studio.projectOpened):
        studio.create_project(tmp_path / "project", "Spring")
    yield studio
    with qtbot.waitSignal(studio.projectClosed):
        studio.close_project()
    studio.shutdown()


def files(folder: Path) -> list[Path]:
    folder.mkdir()
    for number in range(2):
        Image.new("RGB", (12, 9), (number * 90, 0, 0)).save(folder / f"{number}.png")
    (folder / "words.txt").write_text("春天", encoding="utf-8")
    (folder / "broken.png").write_bytes(b"no picture")
    return [folder]


def stored(studio: Studio, kind: str) -> int:
    assert studio.reader is not None
    return studio.reader.count(AssetQuery(kinds=(kind,)))


def test_a_folder_is_sorted_and_told_of(qtbot: QtBot, studio: Studio, tmp_path: Path) -> None:
    owner = QObject()
    desk = DropDesk(studio, ("image",), owner)
    arrived, noticed, problems = QSignalSpy(desk.arrived), QSignalSpy(desk.noticed), QSignalSpy(studio.problem)
    desk.take(Payload(paths=tuple(files(tmp_path / "in"))))
    qtbot.waitUntil(lambda: arrived.count() == 1 and problems.count() == 1)
    assets, fresh = arrived.at(0)
    assert [asset.kind for asset in assets] == ["image", "image"]
    assert fresh is True
    assert noticed.at(0)[0] == "2 used here, 1 put into Assets."
    assert "broken.png" in str(problems.at(0)[0])
    assert (stored(studio, "image"), stored(studio, "text")) == (2, 1)


def test_an_empty_folder_is_answered(qtbot: QtBot, studio: Studio, tmp_path: Path) -> None:
    """Silence would look as if the drop had missed."""
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    owner = QObject()
    desk = DropDesk(studio, ("image",), owner)
    with qtbot.waitSignal(studio.problem) as told:
        desk.take(Payload(paths=(tmp_path / "empty",)))
    assert told.args is not None
    assert told.args[0].code == "import-empty"
    assert "empty" in str(told.args[0])


def test_an_asset_of_ours_is_used_as_it_is_and_another_kind_is_left(
    qtbot: QtBot, studio: Studio, tmp_path: Path
) -> None:
    owner = QObject()
    made: list[Any] = []
    studio.store(lambda project: project.import_file(files(tmp_path / "in")[0] / "words.txt"), made.append)
    qtbot.waitUntil(lambda: bool(made))
    pictures, texts = DropDesk(studio, ("image",), owner), DropDesk(studio, ("text",), owner)
    noticed, arrived = QSignalSpy(pictures.noticed), QSignalSpy(texts.arrived)
    pictures.take(Payload(assets=(made[0].id, "gone")))
    assert noticed.at(0)[0] == "Only pictures can be used here; “words” stays in Assets."
    texts.take(Payload(assets=(made[0].id,)))
    assert arrived.at(0) == [made, False]
    assert stored(studio, "text") == 1


def test_pixels_and_words_without_a_file_become_assets(qtbot: QtBot, studio: Studio) -> None:
    owner = QObject()
    desk = DropDesk(studio, ("image", "text"), owner)
    arrived = QSignalSpy(desk.arrived)
    picture = QImage(12, 9, QImage.Format.Format_ARGB32)
    picture.fill(QColor(10, 200, 30, 128))
    desk.take(Payload(image=picture))
    qtbot.waitUntil(lambda: arrived.count() == 1)
    asset = (arrived.at(0) or [[None]])[0][0]
    assert (asset.width, asset.height) == (12, 9)
    assert studio.reader is not None
    with Image.open(studio.reader.path(asset)) as kept:
        assert kept.getpixel((3, 2)) == (10, 200, 30, 128)
    desk.take(Payload(text="春风又绿江南岸\n明月何时照我还"))
    qtbot.waitUntil(lambda: arrived.count() == 2)
    words = arrived.at(1)[0][0]
    assert words.title == "春风又绿江南岸"
    assert "明月何时照我还" in studio.reader.path(words).read_text(encoding="utf-8")


def test_an_address_of_the_web_is_answered(qtbot: QtBot, studio: Studio) -> None:
    owner = QObject()
    desk = DropDesk(studio, ("image",), owner)
    with qtbot.waitSignal(studio.problem) as problem:
        desk.take(Payload(links=("https://example.org/a.png",)))
    assert str((problem.args or [""])[0]).startswith("This program does not use the network")


def test_a_picture_written_out_in_an_address_is_looked_at_like_a_file(qtbot: QtBot, studio: Studio) -> None:
    owner = QObject()
    desk = DropDesk(studio, ("image",), owner)
    arrived = QSignalSpy(desk.arrived)
    buffer = io.BytesIO()
    Image.new("RGB", (14, 9), (9, 90, 200)).save(buffer, "WEBP", lossless=True)
    desk.take(Payload(inline="data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()))
    qtbot.waitUntil(lambda: arrived.count() == 1)
    asset = (arrived.at(0) or [[None]])[0][0]
    assert (asset.width, asset.height, asset.title) == (14, 9, "Pasted picture")
    for broken in ("data:image/png;base64,!!!", "data:image/png;base64,", "data:image/png,abc", "data:image/x-none,a"):
        with qtbot.waitSignal(studio.problem) as problem:
            desk.take(Payload(inline=broken))
        assert "Pasted picture" in str((problem.args or [None])[0])

"""Pictures are painted as they are: without seams, turned and coloured as meant, and read off the UI thread."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, QRect, QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from aigc_studio.core.errors import StudioError
from aigc_studio.ui.canvas import pyramid
from aigc_studio.ui.canvas.pyramid import PictureLoader, build, read_image


def gradient(width: int, height: int) -> np.ndarray:
    """A smooth picture, uint8 (height, width, 3): any seam would show as a jump."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], -1).astype(np.uint8)


def as_qimage(pixels: np.ndarray) -> QImage:
    """uint8 (h, w, 3) as a picture of its own."""
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, width * 3, QImage.Format.Format_RGB888).copy()


def as_array(image: QImage) -> np.ndarray:
    """uint8 (h, w, 3)."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    data = np.frombuffer(bytes(image.constBits()), np.uint8).reshape(image.height(), image.bytesPerLine())
    return data[:, : image.width() * 3].reshape(image.height(), image.width(), 3)


def painted(picture: pyramid.Pyramid, target: QRectF, size: QSize) -> np.ndarray:
    """What a view of `size` shows."""
    image = QImage(size, QImage.Format.Format_RGB32)
    image.fill(QColor("magenta"))
    painter = QPainter(image)
    picture.paint(painter, target, QRect(0, 0, size.width(), size.height()))
    painter.end()
    return as_array(image)


def test_at_full_size_every_pixel_is_itself(qtbot: QtBot) -> None:
    """Over several tiles, at an offset, bit for bit."""
    pixels = gradient(1300, 700)
    shown = painted(build(as_qimage(pixels)), QRectF(-400, -50, 1300, 700), QSize(800, 600))
    assert (shown == pixels[50:650, 400:1200]).all()


@pytest.mark.parametrize("scale", [0.11, 0.3, 0.5, 0.77, 0.99, 1.37, 1.9])
def test_there_are_no_seams_between_tiles(qtbot: QtBot, scale: float) -> None:
    """A gradient stays one at every zoom: no neighbouring pixels differ by more than its slope."""
    picture = build(as_qimage(gradient(2300, 1700)))
    shown = painted(picture, QRectF(-7, -13, 2300 * scale, 1700 * scale), QSize(900, 700))
    rows, columns = min(700, int(1700 * scale) - 14), min(900, int(2300 * scale) - 8)
    inside = shown[:rows, :columns].astype(int)
    assert np.abs(np.diff(inside, axis=0)).max() <= 4 / scale * 0.5 + 3
    assert np.abs(np.diff(inside, axis=1)).max() <= 4 / scale * 0.5 + 3


def test_far_in_pixels_are_squares(qtbot: QtBot) -> None:
    """Eight times enlarged, each pixel is an 8 x 8 square of its own colour."""
    pixels = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
    shown = painted(build(as_qimage(pixels)), QRectF(0, 0, 320, 240), QSize(320, 240))
    assert (shown == pixels.repeat(8, 0).repeat(8, 1)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (513, 511), (3, 2)])
def test_any_shape_can_be_shown(qtbot: QtBot, size: tuple[int, int]) -> None:
    """One pixel, one column, one more than a tile."""
    picture = build(as_qimage(gradient(*size)))
    assert picture.size == QSize(*size)
    painted(picture, QRectF(0, 0, size[0] / 3, size[1] / 3), QSize(50, 50))
    assert picture.color_at(QPointF(size[0] - 0.5, size[1] - 0.5)) is not None
    assert picture.color_at(QPointF(size[0], 0)) is None


def test_a_region_is_cut_out_exactly(qtbot: QtBot) -> None:
    """Across tile borders, at full resolution."""
    pixels = gradient(1200, 800)
    cut = as_array(build(as_qimage(pixels)).region(QRect(400, 450, 700, 200)))
    assert (cut == pixels[450:650, 400:1100]).all()


def test_files_are_shown_as_they_are_meant(qtbot: QtBot, tmp_path: Path) -> None:
    """Turned by EXIF, CMYK, 16 bit, transparent, with a wrong suffix."""
    pixels = Image.fromarray(gradient(60, 40))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate 90 degrees clockwise to view
    pixels.save(tmp_path / "turned.jpg", exif=exif)
    assert build(read_image(tmp_path / "turned.jpg")).size == QSize(40, 60)
    pixels.convert("CMYK").save(tmp_path / "cmyk.jpg")
    assert build(read_image(tmp_path / "cmyk.jpg")).size == QSize(60, 40)
    Image.fromarray(np.full((10, 20), 40_000, np.uint16)).save(tmp_path / "deep.png")
    color = QColor(build(read_image(tmp_path / "deep.png")).color_at(QPointF(3, 3)) or 0)
    assert abs(color.red() - 40_000 / 257) <= 1
    pixels.convert("RGBA").save(tmp_path / "clear.png")
    assert build(read_image(tmp_path / "clear.png")).transparent
    pixels.save(tmp_path / "really.webp", "PNG")
    assert not build(read_image(tmp_path / "really.webp")).transparent


def test_what_is_no_picture_is_answered_with_a_sentence(qtbot: QtBot, tmp_path: Path) -> None:
    """Empty, text, cut off."""
    Image.fromarray(gradient(300, 300)).save(tmp_path / "whole.png")
    for name, data in (
        ("empty.png", b""),
        ("text.jpg", b"hello"),
        ("cut.png", (tmp_path / "whole.png").read_bytes()[:300]),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(StudioError):
            read_image(tmp_path / name)


def test_the_loader_reads_elsewhere_and_keeps_what_it_read(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never on the UI thread; asked again it answers at once; a broken file is reported."""
    threads: list[int] = []
    original = pyramid.read_image
    monkeypatch.setattr(pyramid, "read_image", lambda path: (threads.append(threading.get_ident()), original(path))[1])
    Image.fromarray(gradient(300, 200)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no")
    loader = PictureLoader()
    with qtbot.waitSignal(loader.loaded) as loaded:
        loader.load("a", tmp_path / "a.png")
    assert loaded.args is not None
    assert loader.cached("a") is loaded.args[1]
    with qtbot.waitSignal(loader.failed) as failed:
        loader.load("b", tmp_path / "b.png")
    assert failed.args is not None
    assert isinstance(failed.args[1], StudioError)
    assert threading.get_ident() not in threads
    loader.forget()
    assert loader.cached("a") is None
    loader.wait()


def test_the_loader_forgets_the_oldest_when_pictures_are_large(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are always kept: the one on show and the one it is compared with."""
    monkeypatch.setattr(pyramid, "CACHE_BYTES", 1)
    loader = PictureLoader()
    for name in "abc":
        Image.fromarray(gradient(64, 64)).save(tmp_path / f"{name}.png")
        with qtbot.waitSignal(loader.loaded):
            loader.load(name, tmp_path / f"{name}.png")
    assert loader.cached("a") is None
    assert loader.cached("b") is not None
    assert loader.cached("c") is not None
    loader.wait()

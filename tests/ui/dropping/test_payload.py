"""Drops as real programs make them: browsers, file managers, office programs, our own panels."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMimeData, QUrl
from PySide6.QtGui import QColor, QImage

from aigc_studio.ui.assets.model import ASSET_MIME
from aigc_studio.ui.dropping.payload import Payload, welcome


def image() -> QImage:
    made = QImage(5, 3, QImage.Format.Format_RGB32)
    made.fill(QColor(200, 30, 60))
    return made


def png() -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image().save(buffer, "PNG")  # pyright: ignore[reportCallIssue, reportArgumentType]
    return bytes(buffer.data().data())


def drag(**parts: object) -> QMimeData:
    data = QMimeData()
    for name, value in parts.items():
        getattr(data, f"set{name.capitalize()}")(value)
    return data


def test_files_and_folders_of_a_file_manager(tmp_path: Path) -> None:
    names = [tmp_path / "图 一.png", tmp_path / "folder"]
    data = drag(urls=[QUrl.fromLocalFile(str(name)) for name in names], text="\n".join(map(str, names)))
    assert Payload.read(data) == Payload(paths=tuple(names))


def test_assets_of_ours_come_without_their_files(tmp_path: Path) -> None:
    data = drag(urls=[QUrl.fromLocalFile(str(tmp_path / "a.png"))])
    data.setData(ASSET_MIME, QByteArray(b'["aa", "bb"]'))
    assert Payload.read(data) == Payload(assets=("aa", "bb"))


def test_a_browser_picture_with_its_pixels_is_a_picture(qapp: object) -> None:
    address = "https://example.org/cat.png"
    data = drag(urls=[QUrl(address)], text=address, html=f'<img src="{address}">')
    data.setImageData(image())
    found = Payload.read(data)
    assert found.image is not None
    assert (found.text, found.links) == ("", ())


def test_a_browser_picture_that_is_only_an_address_stays_one(qapp: object) -> None:
    address = "https://example.org/cat.png?size=1&b=2"
    data = drag(
        urls=[QUrl(address)], text=address, html='<meta charset="utf-8"><img src="https://cdn.example.org/1.png">'
    )
    found = Payload.read(data)
    assert found.links == (address, "https://cdn.example.org/1.png")
    assert (found.image, found.text, found.paths) == (None, "", ())


def test_a_picture_written_out_in_html_is_taken_along() -> None:
    source = "data:image/png;base64," + base64.b64encode(png()).decode()
    found = Payload.read(drag(html=f"<p><IMG alt='x' SRC='{source}'></p>"))
    assert found == Payload(inline=source)
    assert found.pictured


@pytest.mark.parametrize("source", ["data:text/html,<b>", "data:", "x", ""])
def test_what_is_no_picture_in_html_is_none(source: str) -> None:
    assert not Payload.read(drag(html=f'<img src="{source}">'))


def test_files_named_in_html_are_files(tmp_path: Path) -> None:
    name = tmp_path / "a b.png"
    found = Payload.read(drag(html=f'<img src="{QUrl.fromLocalFile(str(name)).toString()}">'))
    assert found.paths == (name,)


def test_words_of_an_office_program_come_with_a_picture_of_them(qapp: object) -> None:
    data = drag(text="Spring sale", html="<b>Spring sale</b>")
    data.setImageData(image())
    found = Payload.read(data)
    assert found.text == "Spring sale"
    assert found.image is not None


def test_what_is_welcome_is_seen_from_the_formats(qapp: object) -> None:
    words, picture, files = drag(text="a"), QMimeData(), drag(urls=[QUrl("https://a.b/c")])
    picture.setImageData(image())
    assert [welcome(data) for data in (words, picture, files, QMimeData())] == [True, True, True, False]
    assert [welcome(data, words=False) for data in (words, picture, files)] == [False, True, True]
    assert not welcome(picture, pictures=False, words=False)


@given(st.text(max_size=300), st.text(max_size=300))
def test_nothing_a_program_drags_raises(text: str, html: str) -> None:
    data = QMimeData()
    data.setText(text.encode("utf-8", "replace").decode())
    data.setHtml(html.encode("utf-8", "replace").decode())
    found = Payload.read(data)
    assert not found.assets
    assert isinstance(bool(found), bool)

"""Reads what is dragged or pasted into plain values, whatever program it comes from.

Browsers drag a picture as an address, a piece of HTML and sometimes its pixels; file managers drag addresses of files;
our own panels drag ids of assets beside the files. Reading never touches the network: an address stays an address.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMimeData, QUrl
from PySide6.QtGui import QImage, QImageReader

from aigc_studio.ui.assets.model import ASSET_MIME, asset_ids_of

__all__ = ["Payload", "welcome"]

MAX_INLINE_BYTES = 64 << 20
"""Of a picture written out in HTML; larger ones come as files."""

MAX_TEXT_CHARACTERS = 2_000_000
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
_DATA = re.compile(r"data:image/[\w.+-]+((?:;[\w.+=-]+)*),", re.IGNORECASE)


@dataclass(frozen=True)
class Payload:
    """What was dropped: `assets` of ours, else local `paths`, else an `image`, `text` or both, else `links`.

    Office programs give words and a picture of them: whoever takes both decides. links: addresses that are not files of
    this machine. A drag of ours carries the files as well; they are left out.
    """

    assets: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    image: QImage | None = None
    text: str = ""
    links: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.assets or self.paths or self.image or self.text.strip() or self.links)

    @classmethod
    def read(cls, data: QMimeData) -> Payload:
        """Take everything out of a drop; the data itself is gone after it."""
        if ids := asset_ids_of(data):
            return cls(assets=tuple(ids))
        paths, links = _addresses(data.urls())
        sources = _pictures(data.html()) if data.hasHtml() else []
        paths += _addresses([QUrl(source) for source in sources if source[:5] == "file:"])[0]
        if paths:
            return cls(paths=tuple(dict.fromkeys(paths)))
        image = _pixels(data) or next((found for source in sources if (found := _inline(source))), None)
        text = data.text()[:MAX_TEXT_CHARACTERS] if data.hasText() else ""
        links += [source for source in sources if source[:5] in ("http:", "https")]
        if text.strip() in ("", *links) or (image is not None and _ADDRESS.fullmatch(text.strip())):
            text = ""  # the address once more
        return cls(image=image, text=text, links=() if text or image is not None else tuple(dict.fromkeys(links)))


def welcome(data: QMimeData, *, files: bool = True, pictures: bool = True, words: bool = True) -> bool:
    """Whether there is something in a drag that one of these could take; looks at the formats only."""
    if data.hasFormat(ASSET_MIME) or data.hasUrls():
        return files
    return (pictures and (data.hasImage() or "<img" in data.html().lower()[:4096])) or (words and data.hasText())


def _addresses(urls: list[QUrl]) -> tuple[list[Path], list[str]]:
    paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile() and url.toLocalFile()]
    return paths, [url.toString() for url in urls if not url.isLocalFile() and url.scheme() not in ("", "data")]


def _pixels(data: QMimeData) -> QImage | None:
    if not data.hasImage():
        return None
    found = data.imageData()
    return found if isinstance(found, QImage) and not found.isNull() else None


def _inline(source: str) -> QImage | None:
    """The picture in a "data:" address (RFC 2397); None when it is none, too large or damaged."""
    head = _DATA.match(source[:200])
    if head is None or len(source) > MAX_INLINE_BYTES * 4 // 3:
        return None
    body = unquote_to_bytes(source[head.end() :])
    if ";base64" in head.group(1).lower():
        try:
            body = base64.b64decode(body)
        except (binascii.Error, ValueError):
            return None
    buffer = QBuffer()
    buffer.setData(QByteArray(body))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    reader.setAutoTransform(True)
    image = reader.read()
    return None if image.isNull() else image


class _Sources(HTMLParser):
    """Collects the src of every picture."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        if tag == "img":
            self.found += [value for name, value in attrs if name == "src" and value]


def _pictures(html: str) -> list[str]:
    parser = _Sources()
    parser.feed(html[: MAX_INLINE_BYTES * 4 // 3])
    parser.close()
    return parser.found

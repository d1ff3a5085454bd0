"""Reads what is dragged or pasted into plain values, whatever program it comes from.

Browsers drag a picture as an address, a piece of HTML and sometimes its pixels; file managers drag addresses of files;
our own panels drag ids of assets beside the files. Reading never touches the network: an address stays an address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QImage

from aigc_studio.ui.assets.model import ASSET_MIME, asset_ids_of

__all__ = ["Payload", "welcome"]

MAX_TEXT_CHARACTERS = 2_000_000

MAX_HTML_CHARACTERS = 1_000_000
"""Of what is looked through for addresses; a picture written out in it may be longer."""

MAX_INLINE_CHARACTERS = 90_000_000
"""Of a picture written out in HTML: 64 MB; larger ones come as files."""

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
_INLINE = re.compile(r"<img\b[^>]{0,2000}?\ssrc\s*=\s*[\"'](data:image/[^\"']+)", re.IGNORECASE)


@dataclass(frozen=True)
class Payload:
    """What was dropped: `assets` of ours, else local `paths`, else an `image`, `text` or both, else `links`.

    Office programs give words and a picture of them: whoever takes both decides. inline: instead of an image, the
    address in which one is written out (RFC 2397); decoding it takes long and is the importer's work. links: addresses
    that are not files of this machine. A drag of ours carries the files as well; they are left out.
    """

    assets: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    image: QImage | None = None
    inline: str = ""
    text: str = ""
    links: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.assets or self.paths or self.pictured or self.text.strip() or self.links)

    @property
    def pictured(self) -> bool:
        """Whether there is a picture that is no file."""
        return self.image is not None or bool(self.inline)

    @classmethod
    def read(cls, data: QMimeData) -> Payload:
        """Take everything out of a drop; the data itself is gone after it."""
        if ids := asset_ids_of(data):
            return cls(assets=tuple(ids))
        paths, links = _addresses(data.urls())
        html = data.html() if data.hasHtml() else ""
        sources = _pictures(html)
        paths += _addresses([QUrl(source) for source in sources if source[:5] == "file:"])[0]
        if paths:
            return cls(paths=tuple(dict.fromkeys(paths)))
        image = _pixels(data)
        found = _INLINE.search(html, 0, MAX_INLINE_CHARACTERS) if image is None else None
        inline = found.group(1) if found is not None else ""
        text = data.text()[:MAX_TEXT_CHARACTERS] if data.hasText() else ""
        links += [source for source in sources if source[:5] in ("http:", "https")]
        pictured = image is not None or bool(inline)
        if text.strip() in ("", *links) or (pictured and _ADDRESS.fullmatch(text.strip())):
            text = ""  # the address once more
        links = [] if text or pictured else list(dict.fromkeys(links))
        return cls(image=image, inline=inline, text=text, links=tuple(links))


def welcome(data: QMimeData, *, files: bool = True, pictures: bool = True, words: bool = True) -> bool:
    """Whether there is something in a drag that one of these could take; looks at the formats only."""
    if data.hasFormat(ASSET_MIME) or data.hasUrls():
        return files
    if pictures and (data.hasImage() or b"<img" in bytes(data.data("text/html").left(8192).data()).lower()):
        return True
    return words and data.hasText()


def _addresses(urls: list[QUrl]) -> tuple[list[Path], list[str]]:
    paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile() and url.toLocalFile()]
    return paths, [url.toString() for url in urls if not url.isLocalFile() and url.scheme() not in ("", "data")]


def _pixels(data: QMimeData) -> QImage | None:
    if not data.hasImage():
        return None
    found = data.imageData()
    return found if isinstance(found, QImage) and not found.isNull() else None


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
    parser.feed(html[:MAX_HTML_CHARACTERS])
    parser.close()
    return parser.found

"""Icons by name, drawn from QtAwesome's Material Design font in the colours of the theme.

The font and its character map are read straight from the installed QtAwesome package: its own loader opens all twelve
of its fonts and qtpy, 170 ms of a start that has one second; this takes 3 ms. An icon asks for its colour each time it
is painted, so a theme switch recolours every icon without anybody setting it again.
Names: https://pictogrammers.com/library/mdi/ (version 6), for instance "image", "folder-open-outline".
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontDatabase, QIcon, QIconEngine, QPainter, QPixmap

from .theme import theme_of

__all__ = ["icon", "paint_icon"]


def _fonts() -> Path:
    spec = find_spec("qtawesome")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("qtawesome")
    return Path(spec.submodule_search_locations[0]) / "fonts"


@lru_cache(maxsize=1)
def _characters() -> dict[str, str]:
    found = next(_fonts().glob("materialdesignicons6-webfont-charmap-*.json"))
    return {name: chr(int(code, 16)) for name, code in json.loads(found.read_text(encoding="utf-8")).items()}


@lru_cache(maxsize=1)
def _family() -> str:
    number = QFontDatabase.addApplicationFont(str(next(_fonts().glob("materialdesignicons6-webfont-*.ttf"))))
    return QFontDatabase.applicationFontFamilies(number)[0]


def paint_icon(painter: QPainter, rect: QRect | QRectF, name: str, color: str = "icon") -> None:
    """Draw icon `name` centred in `rect`, in the theme's colour `color`."""
    rect = QRectF(rect)
    font = QFont(_family())
    font.setPixelSize(max(1, round(min(rect.width(), rect.height()))))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    painter.setFont(font)
    painter.setPen(theme_of().color(color))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, _characters()[name])
    painter.restore()


class _Glyph(QIconEngine):
    """One character of the icon font. off, on, disabled: names of theme colours."""

    def __init__(self, name: str, off: str, on: str, disabled: str) -> None:
        super().__init__()
        self._name, self._off, self._on, self._disabled = name, off, on, disabled

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Qt's request to draw; the colour is the theme's at this moment."""
        color = self._on if state == QIcon.State.On else self._off
        paint_icon(painter, rect, self._name, self._disabled if mode == QIcon.Mode.Disabled else color)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Qt's request for pixels, in device pixels: crisp at every scale."""
        if size.isEmpty():  # Qt asks so while a button has no room yet
            return QPixmap()
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        """A copy, for Qt when an icon is detached."""
        return _Glyph(self._name, self._off, self._on, self._disabled)


@lru_cache(maxsize=512)
def icon(name: str, color: str = "icon", *, on: str = "", disabled: str = "icon-disabled") -> QIcon:
    """The icon `name` in the theme's colour `color`; `on` where a checkable control is on (default "accent-text").

    On a `role="primary"` button use `color="on-accent"`. KeyError for a name that the font does not have.
    """
    _characters()[name]
    theme_of()  # not first while it is painted: a new theme replaces the style under the painter's feet
    return QIcon(_Glyph(name, color, on or ("accent-text" if color == "icon" else color), disabled))

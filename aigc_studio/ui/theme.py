"""Colours have names; widgets never have colours.

`resources/themes/{light,dark}.json` name the colours, `resources/styles/base.qss` is the one style sheet, written with
`@name` where a colour goes and `@svg(chevron-down, text-muted)` where a small drawing goes. A widget chooses its look
by the dynamic property `role` ("primary", "ghost", "danger", "title", "muted", ...), listed in `base.qss`. A painter
asks `theme_of(widget).color("accent")`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory, QWidget

from aigc_studio.core.paths import cache_dir, resources

__all__ = ["FONT_FAMILIES", "THEMES", "Palette", "Theme", "load_palette", "set_role", "theme_of"]

THEMES = ("system", "light", "dark")
"""What a person can choose."""

FONT_FAMILIES = (
    "Inter", "Segoe UI", ".AppleSystemUIFont", "Noto Sans", "Source Sans 3", "Cantarell", "Ubuntu",
    "PingFang SC", "Microsoft YaHei UI", "Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "DejaVu Sans",
)  # fmt: skip
"""Tried in this order for every character: a Latin face first, a Simplified Chinese one next, so that a mixed line uses
one Chinese face (without a named one, fontconfig may pick the Japanese forms of the same characters)."""

_PROPERTY = "aigc-theme"


@dataclass(frozen=True)
class Palette:
    """One theme file: `name`, whether it is `dark`, and its named `colors` ("#rrggbb" or "#aarrggbb")."""

    name: str
    dark: bool
    colors: dict[str, str]


@lru_cache(maxsize=4)
def load_palette(name: str) -> Palette:
    """The theme file `name` ("light" or "dark")."""
    data = json.loads((resources() / "themes" / f"{name}.json").read_text(encoding="utf-8"))
    return Palette(data["name"], data["dark"], data["colors"])


class Theme(QObject):
    """The application's look. One per QApplication; `changed` is emitted after the style sheet was replaced."""

    changed = Signal()

    def __init__(self, app: QApplication, preference: str = "system") -> None:
        super().__init__(app)
        self._app = app
        self._colors: dict[str, QColor] = {}
        self._preference = ""
        self.palette = load_palette("light")
        app.setProperty(_PROPERTY, self)
        app.setStyle(QStyleFactory.create("Fusion"))
        font = QFont(app.font())
        font.setFamilies(list(FONT_FAMILIES))
        font.setPixelSize(13)
        app.setFont(font)
        app.styleHints().colorSchemeChanged.connect(self._system_changed)
        self.choose(preference)

    @property
    def preference(self) -> str:
        """What the person chose: one of `THEMES`."""
        return self._preference

    @property
    def dark(self) -> bool:
        """Whether the colours shown are dark."""
        return self.palette.dark

    def choose(self, preference: str) -> None:
        """Show one of `THEMES` from now on; anything else means "system"."""
        preference = preference if preference in THEMES else "system"
        if preference == self._preference:
            return
        self._preference = preference
        hints = self._app.styleHints()
        scheme = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}.get(preference, Qt.ColorScheme.Unknown)
        hints.setColorScheme(scheme)  # window frames and native dialogs follow where the platform can
        self._show(preference if preference != "system" else _system_scheme())

    def color(self, name: str) -> QColor:
        """The colour called `name`; KeyError for one that no theme has. Do not change the returned object."""
        if name not in self._colors:
            self._colors[name] = QColor(self.palette.colors[name])
        return self._colors[name]

    def _system_changed(self) -> None:
        if self._preference == "system":
            self._show(_system_scheme())

    def _show(self, name: str) -> None:
        self.palette = load_palette(name)
        self._colors.clear()
        self._app.setPalette(self._qt_palette())
        self._app.setStyleSheet(style_sheet(self.palette))
        self.changed.emit()

    def _qt_palette(self) -> QPalette:
        """For what no style sheet reaches: item views' alternate rows, placeholder text, links."""
        palette = QPalette()
        roles = {
            QPalette.ColorRole.Window: "window",
            QPalette.ColorRole.WindowText: "text",
            QPalette.ColorRole.Base: "panel",
            QPalette.ColorRole.AlternateBase: "sunken",
            QPalette.ColorRole.Text: "text",
            QPalette.ColorRole.PlaceholderText: "text-faint",
            QPalette.ColorRole.Button: "panel",
            QPalette.ColorRole.ButtonText: "text",
            QPalette.ColorRole.Highlight: "selection",
            QPalette.ColorRole.HighlightedText: "on-selection",
            QPalette.ColorRole.Link: "accent-text",
            QPalette.ColorRole.ToolTipBase: "tooltip",
            QPalette.ColorRole.ToolTipText: "on-tooltip",
            QPalette.ColorRole.Accent: "accent",
        }
        for role, name in roles.items():
            palette.setColor(role, self.color(name))
        disabled = QPalette.ColorGroup.Disabled
        for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
            palette.setColor(disabled, role, self.color("text-disabled"))
        return palette


def theme_of(widget: QWidget | None = None) -> Theme:  # noqa: ARG001  all widgets share the application's
    """The theme that `widget` is shown in. One is made for an application that has none (a panel alone in a test)."""
    app = cast("QApplication", QApplication.instance())
    theme = app.property(_PROPERTY)
    return theme if isinstance(theme, Theme) else Theme(app)


def set_role(widget: QWidget, role: str) -> None:
    """Give `widget` a role of `base.qss` and show it at once."""
    if widget.property("role") == role:
        return
    widget.setProperty("role", role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def style_sheet(palette: Palette) -> str:
    """`base.qss` with the colours of `palette`; KeyError when it names a colour that the theme does not have."""
    template = (resources() / "styles" / "base.qss").read_text(encoding="utf-8")
    template = re.sub(r"/\*.*?\*/", "", template, flags=re.DOTALL)  # its explanations name no colours
    text = re.sub(r"@svg\(([\w-]+), ([\w-]+)\)", lambda found: _drawing(found[1], palette.colors[found[2]]), template)
    return re.sub(r"@([a-z][\w-]*)", lambda found: _css(palette.colors[found[1]]), text)


def _css(color: str) -> str:
    """A colour as Qt style sheets read it: "#aarrggbb" becomes rgba()."""
    value = QColor(color)
    return color if value.alpha() == 255 else f"rgba({value.red()}, {value.green()}, {value.blue()}, {value.alpha()})"


def _drawing(name: str, color: str) -> str:
    """A style sheet's `url(...)` of `resources/styles/<name>.svg` in one colour, kept in the cache."""
    source = (resources() / "styles" / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", color)
    key = hashlib.sha256(source.encode()).hexdigest()[:12]
    file: Path = cache_dir() / f"{name}-{key}.svg"
    if not file.is_file():
        file.write_text(source, encoding="utf-8")
    return f'url("{file.as_posix()}")'


def _system_scheme() -> str:
    return "dark" if QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark else "light"

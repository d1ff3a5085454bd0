"""Themes: complete, legible, switchable; icons take their colours."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from aigc_studio.core.paths import resources
from aigc_studio.ui.icons import icon
from aigc_studio.ui.theme import load_palette, set_role, style_sheet, theme_of

LIGHT, DARK = load_palette("light"), load_palette("dark")


@pytest.fixture(autouse=True)
def light_again(qapp: QApplication):
    """Every test starts and ends in the light theme."""
    theme_of().choose("light")
    yield
    theme_of().choose("light")


def luminance(color: str) -> float:
    """Relative luminance as WCAG defines it."""
    channels = [part / 255 for part in QColor(color).getRgb()[:3]]  # pyright: ignore[reportOptionalSubscript, reportIndexIssue]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """WCAG contrast ratio."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_both_themes_name_the_same_colours() -> None:
    """And every one is a colour."""
    assert LIGHT.colors.keys() == DARK.colors.keys()
    for palette in (LIGHT, DARK):
        assert [name for name, value in palette.colors.items() if not QColor(value).isValid()] == []


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda each: each.name)
@pytest.mark.parametrize(
    ("text", "ground", "least"),
    [
        ("text", "window", 7),
        ("text", "panel", 7),
        ("text", "field", 7),
        ("text-muted", "panel", 4.5),
        ("text-muted", "window", 4.5),
        ("text-muted", "rail", 4.5),
        ("text-faint", "panel", 4.5),
        ("on-accent", "accent", 4.0),
        ("accent-text", "accent-soft", 4.5),
        ("accent-text", "panel", 4.5),
        ("danger", "panel", 4.5),
        ("text", "danger-soft", 7),
        ("text", "info-soft", 7),
        ("on-tooltip", "tooltip", 7),
        ("focus", "panel", 3),
        ("focus", "window", 3),
        ("icon", "panel", 3),
    ],
)
def test_text_can_be_read_on_its_ground(palette, text: str, ground: str, least: float) -> None:
    """WCAG AA for text, 3:1 for what is not text."""
    assert contrast(palette.colors[text], palette.colors[ground]) >= least


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda each: each.name)
def test_the_style_sheet_names_only_colours_that_exist(palette) -> None:
    """Nothing is left of the template's own signs."""
    text = style_sheet(palette)
    assert "@" not in text
    assert "url(" in text


def test_no_widget_has_a_colour_or_a_style_sheet_of_its_own(checkout) -> None:
    """Colours have names, everywhere under ui/."""
    wrong = []
    for path in sorted((checkout / "aigc_studio" / "ui").rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            inline = "setStyleSheet(" in line and path.name != "theme.py"
            named = re.search(r"""["']#[0-9a-fA-F]{6,8}["']""", line)
            rgb = re.search(r"QColor\((\d+), (\d+), (\d+)", line)
            # black, white and grey on top of pictures are the same in both themes
            colourful = rgb is not None and max(map(int, rgb.groups())) - min(map(int, rgb.groups())) > 12
            if inline or named or colourful:
                wrong.append(f"{path.name}:{number} {line.strip()[:80]}")
    assert not wrong, "\n".join(wrong)


def test_the_switch_reaches_widgets_icons_and_listeners(qtbot) -> None:
    """Without anybody setting anything again."""
    button = QPushButton("Go")
    button.setIcon(icon("image-outline"))
    qtbot.addWidget(button)
    theme = theme_of(button)
    light = _ink(button.icon())
    with qtbot.waitSignal(theme.changed):
        theme.choose("dark")
    assert theme.dark
    assert button.palette().buttonText().color() == QColor(DARK.colors["text"])
    assert _ink(button.icon()) == QColor(DARK.colors["icon"])
    assert light == QColor(LIGHT.colors["icon"])
    theme.choose("system")
    assert theme.preference == "system"
    theme.choose("no such theme")
    assert theme.preference == "system"


def test_a_role_counts_at_once(qtbot) -> None:
    """A label that becomes a title has the title's size."""
    label = QLabel("x")
    qtbot.addWidget(label)
    label.show()
    set_role(label, "title")
    assert label.font().pixelSize() == 20


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_icons_are_drawn_at_the_size_that_is_asked(qapp: QApplication, scale: float) -> None:
    """Not enlarged from a small one: crisp at 200 %."""
    pixmap = icon("image-outline").pixmap(QSize(24, 24), scale)
    assert pixmap.size() == QSize(round(24 * scale), round(24 * scale))
    assert pixmap.devicePixelRatio() == scale


def test_an_icon_that_does_not_exist_is_a_mistake(qapp: QApplication) -> None:
    """At once, not as an empty square later."""
    with pytest.raises(KeyError):
        icon("no-such-icon")


def test_disabled_and_chosen_icons_look_so(qapp: QApplication) -> None:
    """By their colour."""
    picture = icon("image-outline")
    disabled = picture.pixmap(QSize(24, 24), 1.0, QIcon.Mode.Disabled)
    assert _darkest(disabled.toImage()) == QColor(LIGHT.colors["icon-disabled"])
    chosen = picture.pixmap(QSize(24, 24), 1.0, QIcon.Mode.Normal, QIcon.State.On)
    assert _darkest(chosen.toImage()) == QColor(LIGHT.colors["accent-text"])


def test_the_drawings_of_the_style_sheet_exist() -> None:
    """Each @svg(...) names a file."""
    template = (resources() / "styles" / "base.qss").read_text(encoding="utf-8")
    for name in set(re.findall(r"@svg\(([\w-]+), ", re.sub(r"/\*.*?\*/", "", template, flags=re.DOTALL))):
        assert (resources() / "styles" / f"{name}.svg").is_file()


def _ink(picture: QIcon) -> QColor:
    return _darkest(picture.pixmap(QSize(32, 32), 1.0).toImage())


def _darkest(image) -> QColor:
    """The colour of the most opaque pixel."""
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    best = max(pixels, key=lambda color: color.alpha())
    return QColor(best.red(), best.green(), best.blue())

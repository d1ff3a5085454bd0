"""What is missing is named with the line to type."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from aigc_studio.core import system
from aigc_studio.core.errors import StudioError


@pytest.mark.parametrize(
    ("variables", "name", "expected"),
    [
        ({}, "linux", ""),
        ({"DISPLAY": ":0"}, "linux", "xcb"),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "linux", "wayland"),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux", "offscreen"),
        ({"QT_QPA_PLATFORM": "wayland;xcb"}, "linux", "wayland"),
        ({"QT_QPA_PLATFORM": "offscreen:size=800x600", "DISPLAY": ":0"}, "linux", "offscreen"),
        ({}, "win32", "native"),
        ({}, "darwin", "native"),
    ],
)
def test_how_a_window_would_be_shown(variables: dict[str, str], name: str, expected: str) -> None:
    """What the user names comes first, then Wayland, then X."""
    assert system.window_platform(variables, name) == expected


def test_a_display_that_is_gone_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """DISPLAY may outlive its server."""
    monkeypatch.setenv("DISPLAY", ":9876")
    assert not system.display_answers("xcb")
    assert not system.display_answers("")
    assert system.display_answers("offscreen")


def test_missing_libraries_are_found_for_the_platform() -> None:
    """X needs more than a window without a screen; other systems bring their own."""
    gone = {"libxcb-cursor.so.0", "libGL.so.1"}
    loads = lambda file: file not in gone  # noqa: E731
    assert [library.file for library in system.missing_libraries("xcb", "linux", loads)] == [
        "libGL.so.1",
        "libxcb-cursor.so.0",
    ]
    assert [library.file for library in system.missing_libraries("offscreen", "linux", loads)] == ["libGL.so.1"]
    assert system.missing_libraries("native", "win32", loads) == ()


@pytest.mark.parametrize(
    ("manager", "admin", "expected"),
    [
        ("apt", False, "sudo apt-get install -y libgl1 libxcb-cursor0"),
        ("apt", True, "apt-get install -y libgl1 libxcb-cursor0"),
        ("dnf", False, "sudo dnf install -y libglvnd-glx xcb-util-cursor"),
        ("pacman", False, "sudo pacman -S --needed libglvnd xcb-util-cursor"),
        ("", False, "libgl1 libxcb-cursor0"),
    ],
)
def test_the_line_to_type(manager: str, admin: bool, expected: str) -> None:
    """In the words of the system's package manager, each package once."""
    gone = system.missing_libraries("xcb", "linux", lambda file: file not in ("libxcb-cursor.so.0", "libGL.so.1"))
    assert system.install_line([*gone, gone[0]], manager, admin=admin) == expected


def test_every_library_has_a_package_in_every_manager() -> None:
    """No line has a hole."""
    everything = system.missing_libraries("xcb", "linux", lambda file: False)
    everything += system.missing_libraries("wayland", "linux", lambda file: False)
    for library in (*everything, system._FONT):
        assert all((library.apt, library.dnf, library.pacman, library.zypper)), library


@pytest.mark.skipif(not sys.platform.startswith("linux") or not shutil.which("apt-cache"), reason="Debian's names")
def test_the_names_are_debians() -> None:
    """apt knows each of them (where its lists are there)."""
    names = {library.apt for library in system.missing_libraries("xcb", "linux", lambda file: False)}
    names |= {library.apt for library in system.missing_libraries("wayland", "linux", lambda file: False)}
    known = subprocess.run(["apt-cache", "pkgnames"], capture_output=True, text=True, check=False).stdout.split()
    if len(known) < 5000:
        pytest.skip("apt has no lists here")
    assert names <= {name.removesuffix("t64") for name in known} | set(known)


def test_the_window_is_refused_with_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, before Qt would end the process."""
    library = system._XCB[1]
    monkeypatch.setattr(system, "missing_libraries", lambda platform: (library,))
    monkeypatch.setattr(system, "package_manager", lambda: "apt")
    with pytest.raises(StudioError) as caught:
        system.require_window()
    assert "apt-get install -y libxcb-cursor0" in str(caught.value)


def test_a_missing_chinese_font_is_advice(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """fontconfig answers with nothing: the line that installs one; with a font, no advice."""
    program = tmp_path / "fc-list"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setattr(system.shutil, "which", lambda name: str(program) if name == "fc-list" else None)
    assert system.missing_font("linux")
    assert not system.missing_font("darwin")
    program.write_text("#!/bin/sh\necho /usr/share/fonts/x.ttc:\n")
    assert not system.missing_font("linux")
    monkeypatch.setattr(system, "missing_font", lambda: True)
    monkeypatch.setattr(system, "package_manager", lambda: "apt")
    advice = system.font_advice()
    assert advice is not None
    assert "fonts-noto-cjk" in str(advice)

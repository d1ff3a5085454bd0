"""What the window needs of the operating system, asked before Qt is: a display that answers, libraries, a Chinese font.

Qt ends the process when its platform plugin lacks a library, with a message about plugins; we look first and say the
line to type.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import StudioError
from .i18n import N_

__all__ = [
    "Library",
    "display_answers",
    "font_advice",
    "install_line",
    "missing_font",
    "missing_libraries",
    "package_manager",
    "require_window",
    "window_platform",
]


@dataclass(frozen=True)
class Library:
    """A shared library and the package that holds it, for each package manager that we can name a line for."""

    file: str
    apt: str
    dnf: str
    pacman: str = ""
    zypper: str = ""


_QT = (
    Library("libglib-2.0.so.0", "libglib2.0-0", "glib2", "glib2", "libglib-2_0-0"),
    Library("libGL.so.1", "libgl1", "libglvnd-glx", "libglvnd", "libglvnd"),
    Library("libEGL.so.1", "libegl1", "libglvnd-egl", "libglvnd", "libglvnd"),
    Library("libfontconfig.so.1", "libfontconfig1", "fontconfig", "fontconfig", "libfontconfig1"),
    Library("libfreetype.so.6", "libfreetype6", "freetype", "freetype2", "libfreetype6"),
    Library("libxkbcommon.so.0", "libxkbcommon0", "libxkbcommon", "libxkbcommon", "libxkbcommon0"),
    Library("libdbus-1.so.3", "libdbus-1-3", "dbus-libs", "dbus", "libdbus-1-3"),
    Library("libpulse.so.0", "libpulse0", "pulseaudio-libs", "libpulse", "libpulse0"),
)
_XCB = (
    Library(
        "libxkbcommon-x11.so.0", "libxkbcommon-x11-0", "libxkbcommon-x11", "libxkbcommon-x11", "libxkbcommon-x11-0"
    ),
    Library("libxcb-cursor.so.0", "libxcb-cursor0", "xcb-util-cursor", "xcb-util-cursor", "libxcb-cursor0"),
    Library("libxcb-icccm.so.4", "libxcb-icccm4", "xcb-util-wm", "xcb-util-wm", "libxcb-icccm4"),
    Library("libxcb-image.so.0", "libxcb-image0", "xcb-util-image", "xcb-util-image", "libxcb-image0"),
    Library("libxcb-keysyms.so.1", "libxcb-keysyms1", "xcb-util-keysyms", "xcb-util-keysyms", "libxcb-keysyms1"),
    Library("libxcb-randr.so.0", "libxcb-randr0", "libxcb", "libxcb", "libxcb-randr0"),
    Library(
        "libxcb-render-util.so.0",
        "libxcb-render-util0",
        "xcb-util-renderutil",
        "xcb-util-renderutil",
        "libxcb-render-util0",
    ),
    Library("libxcb-shape.so.0", "libxcb-shape0", "libxcb", "libxcb", "libxcb-shape0"),
    Library("libxcb-xkb.so.1", "libxcb-xkb1", "libxcb", "libxcb", "libxcb-xkb1"),
)
_WAYLAND = (
    Library("libwayland-client.so.0", "libwayland-client0", "libwayland-client", "wayland", "libwayland-client0"),
    Library("libwayland-cursor.so.0", "libwayland-cursor0", "libwayland-cursor", "wayland", "libwayland-cursor0"),
    Library("libwayland-egl.so.1", "libwayland-egl1", "libwayland-egl", "wayland", "libwayland-egl1"),
)
_FONT = Library("", "fonts-noto-cjk", "google-noto-sans-cjk-fonts", "noto-fonts-cjk", "noto-sans-cjk-fonts")

_MANAGERS = {
    "apt": "apt-get install -y",
    "dnf": "dnf install -y",
    "zypper": "zypper install -y",
    "pacman": "pacman -S --needed",
}


def window_platform(environ: Mapping[str, str] = os.environ, system: str = sys.platform) -> str:
    """How a window would come on the screen: "native", "xcb", "wayland", a platform the user names, "" for none."""
    named = environ.get("QT_QPA_PLATFORM", "").partition(":")[0].partition(";")[0]
    if named:
        return named
    if system in ("win32", "darwin"):
        return "native"
    if environ.get("WAYLAND_DISPLAY"):
        return "wayland"
    return "xcb" if environ.get("DISPLAY") else ""


def display_answers(platform: str) -> bool:
    """Whether there is a display behind the platform: an X server may have gone, or refuse us."""
    if platform != "xcb":
        return bool(platform)
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # a missing library is another matter, with an answer of its own
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    answered = xcb.xcb_connection_has_error(connection) == 0
    xcb.xcb_disconnect(connection)
    return answered


def _loads(file: str) -> bool:
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


def missing_libraries(
    platform: str, system: str = sys.platform, loads: Callable[[str], bool] = _loads
) -> tuple[Library, ...]:
    """What Qt would not find here. Empty on Windows and macOS, where the wheels bring everything."""
    if not system.startswith("linux"):
        return ()
    wanted = _QT + {"xcb": _XCB, "wayland": _WAYLAND}.get(platform, ())
    return tuple(library for library in wanted if not loads(library.file))


def missing_font(system: str = sys.platform) -> bool:
    """Whether Chinese would be shown as boxes. Asked of fontconfig on Linux; the other systems have such fonts."""
    if not system.startswith("linux"):
        return False
    program = shutil.which("fc-list")
    if program:
        try:
            answer = subprocess.run(
                [program, ":lang=zh-cn", "file"], capture_output=True, stdin=subprocess.DEVNULL, timeout=20, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return answer.returncode == 0 and not answer.stdout.strip()
    names = (
        "*CJK*",
        "wqy-*",
        "DroidSansFallback*",
        "SourceHan*",
        "uming*",
        "ukai*",
        "simsun*",
        "msyh*",
        "*NotoSansSC*",
    )
    folders = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
    return not any(True for folder in folders for name in names for _ in folder.rglob(name))


def package_manager() -> str:
    """The system's package manager, of those in whose words we can name packages; "" for another."""
    programs = {"apt": "apt-get", "dnf": "dnf", "zypper": "zypper", "pacman": "pacman"}
    return next((name for name, program in programs.items() if shutil.which(program)), "")


def install_line(libraries: Iterable[Library], manager: str, *, admin: bool | None = None) -> str:
    """The line to type that installs the packages of these libraries; with another package manager just their names."""
    packages = dict.fromkeys(getattr(library, manager or "apt") for library in libraries)
    names = " ".join(packages)
    if not manager:
        return names
    if admin is None:
        admin = getattr(os, "geteuid", lambda: 0)() == 0
    return f"{'' if admin else 'sudo '}{_MANAGERS[manager]} {names}"


def require_window() -> None:
    """StudioError when a window could not be shown here although there is a display."""
    lacking = missing_libraries(window_platform())
    if lacking:
        raise StudioError(
            N_("The window needs system libraries that are not installed. Type: {line}"),
            code="libraries",
            line=install_line(lacking, package_manager()),
            detail=", ".join(library.file for library in lacking),
        )


def font_advice() -> StudioError | None:
    """What to do about a missing Chinese font; None when there is one. The window opens all the same."""
    if not missing_font():
        return None
    return StudioError(
        N_("No Chinese font is installed, so Chinese text would show as boxes. Type: {line}"),
        code="font",
        line=install_line((_FONT,), package_manager()),
    )

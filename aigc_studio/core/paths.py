"""Where things are: our resources, and the user's folders for settings, caches and data.

`AIGC_STUDIO_HOME` puts the user's folders under one folder (tests, portable use).
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import platformdirs

__all__ = ["cache_dir", "config_dir", "data_dir", "log_dir", "resources"]

_APP = "aigc-studio"


@lru_cache(maxsize=1)
def resources() -> Path:
    """The `resources` folder: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_resources"
    return inside if inside.is_dir() else package.parent / "resources"


def _user_folder(name: str, fallback: str) -> Path:
    home = os.environ.get("AIGC_STUDIO_HOME")
    path = Path(home) / name if home else Path(fallback)
    path.mkdir(parents=True, exist_ok=True)
    return path


def config_dir() -> Path:
    """Settings and window layout."""
    return _user_folder("config", platformdirs.user_config_dir(_APP, appauthor=False))


def cache_dir() -> Path:
    """Things that may be deleted at any time."""
    return _user_folder("cache", platformdirs.user_cache_dir(_APP, appauthor=False))


def data_dir() -> Path:
    """Models and other things the user would miss."""
    return _user_folder("data", platformdirs.user_data_dir(_APP, appauthor=False))


def log_dir() -> Path:
    """Log files."""
    return _user_folder("log", platformdirs.user_log_dir(_APP, appauthor=False))

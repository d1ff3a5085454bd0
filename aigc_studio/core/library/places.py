"""Where models are looked for: the studio's own folder, folders a person added, and the cache of Hugging Face."""

from __future__ import annotations

import os
from pathlib import Path

from ..paths import data_dir
from ..settings import stored

__all__ = ["default_folder", "hub_cache", "own_folder", "same_place"]


def default_folder() -> Path:
    """Where new models are put: the folder chosen in the settings, else one of the studio's; it may not exist yet."""
    chosen = stored("models_folder")
    return Path(chosen) if chosen else own_folder()


def own_folder() -> Path:
    """The studio's own place for models, used until another is chosen; it may not exist."""
    return data_dir() / "models"


def hub_cache() -> Path | None:
    """The cache that Hugging Face's programs share, None when this machine has none."""
    told = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if not told:
        home = os.environ.get("HF_HOME")
        if not home:
            caches = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
            home = os.path.join(caches, "huggingface")
        told = os.path.join(home, "hub")
    path = Path(os.path.expandvars(told)).expanduser()
    return path if path.is_dir() else None


def same_place(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same folder."""
    try:
        return one.samefile(other)
    except OSError:
        return os.path.normcase(os.path.abspath(one)) == os.path.normcase(os.path.abspath(other))

"""What was dropped and looks like a model, told by names alone; what it is, is read later and not in the UI thread."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication, QWidget

from aigc_studio.core.library.single import SUFFIXES

if TYPE_CHECKING:
    from aigc_studio.ui.main_window import MainWindow
    from aigc_studio.ui.widgets.part_fields import LorasField

__all__ = ["candidates", "offer"]

_WEIGHTS = (".safetensors", ".ckpt", ".bin", ".pt", ".pth", ".gguf")
"""Beside a config.json they mean a model, whether or not it can be read."""

_MOST_NAMES = 400
_DEEPEST = 2
_MOST_FOLDERS = 64


def candidates(paths: Iterable[Path]) -> list[Path]:
    """Those that look like a model, or like a folder of models. Names only, a few hundred at most: quick."""
    return [path for path in paths if _looks_like_a_model(path)]


def offer(window: MainWindow, paths: Sequence[Path]) -> None:
    """Ask what shall become of dropped models. A LoRA dropped on a form's list of LoRAs goes there."""
    field = _field_below(QApplication.widgetAt(QCursor.pos()))
    files = [path for path in paths if path.suffix.lower() == ".safetensors"]
    if field is not None and field.isVisible() and len(files) == len(paths):
        field.take(files)
    else:
        window.models_desk.offer(paths)


def _field_below(widget: QWidget | None) -> LorasField | None:
    from aigc_studio.ui.widgets.part_fields import LorasField  # with the first form, not with the window

    while widget is not None and not isinstance(widget, LorasField):
        widget = widget.parentWidget()
    return widget


def _looks_like_a_model(path: Path) -> bool:
    if path.suffix.lower() in SUFFIXES:
        return path.is_file()
    return _folder_of_models(path, _DEEPEST, [_MOST_FOLDERS]) if path.is_dir() else False


def _folder_of_models(folder: Path, deepest: int, left: list[int]) -> bool:
    """left: how many folders may still be looked into, for the whole drop."""
    left[0] -= 1
    names, folders = _names(folder)
    if "model_index.json" in names:
        return True
    weights = any(name.lower().endswith(_WEIGHTS) for name in names)
    if weights and ("config.json" in names or any(name.lower().endswith(SUFFIXES) for name in names)):
        return True
    if deepest == 0 or "project.aigc" in names:
        return False
    return any(left[0] > 0 and _folder_of_models(folder / name, deepest - 1, left) for name in folders)


def _names(folder: Path) -> tuple[frozenset[str], list[str]]:
    """Names of files, and of folders, in a folder; of a very full one only the first few hundred."""
    files: set[str] = set()
    folders: list[str] = []
    try:
        with os.scandir(folder) as found:
            for number, item in enumerate(found):
                if number >= _MOST_NAMES:
                    break
                if item.is_dir():
                    folders.append(item.name)
                else:
                    files.add(item.name)
    except OSError:
        pass  # not ours to read; whoever uses it says so
    return frozenset(files), sorted(folders)

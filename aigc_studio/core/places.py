"""Places on this machine in what is passed on: where people keep their files is their own business."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

__all__ = ["names_only"]


def names_only(value: Any) -> Any:
    """JSON types with every full path, of whatever system, replaced by its last part; all else as it is."""
    match value:
        case str():
            return _name(value)
        case Mapping():
            return {key: names_only(each) for key, each in value.items()}
        case list() | tuple():
            return [names_only(each) for each in value]
    return value


def _name(text: str) -> str:
    """A text of one part, like "/imagine a cat", tells of no place, and may be no path at all."""
    if "\n" in text:
        return text
    for path in (PurePosixPath(text), PureWindowsPath(text)):
        if path.is_absolute() and len(path.parts) > 2:
            return path.name
    return text

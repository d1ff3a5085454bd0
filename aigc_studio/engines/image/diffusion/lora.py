"""LoRA files on a loaded model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aigc_studio.engines.base import Context

    from .spec import Loaded

__all__ = ["apply"]


def apply(loaded: Loaded, pipe: Any, loras: list[Any], ctx: Context) -> dict[str, Any]:
    """What the recipe keeps of them."""
    return {}

"""Where the components of a model are while it works."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing import Any

    from aigc_studio.engines.base import Context

    from .spec import Loaded

__all__ = ["arrange", "decoded"]

T = TypeVar("T")


def arrange(loaded: Loaded, mode: str, ctx: Context) -> None:
    """Put the model onto its device, if it is not there."""
    if loaded.state.get("memory") != "full":
        loaded.pipe.to(loaded.placement.device)
        loaded.state["memory"] = "full"


def decoded(loaded: Loaded, pipe: Any, decode: Callable[[], T], ctx: Context) -> T:
    """What `decode` returns."""
    return decode()

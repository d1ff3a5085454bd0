"""What our own picture networks have in common: sizes that are checked and remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import nn

from .bounds import check

__all__ = ["Network"]


class Network(nn.Module):
    """A network that is built from whole numbers alone, each within its bounds; ValueError otherwise."""

    BOUNDS: ClassVar[Mapping[str, tuple[int, int]]] = {}
    """Least and most of every argument of the constructor."""
    BEFORE: ClassVar[Mapping[str, int]] = {}
    """What arguments that came later were before, in files that do not name them."""

    def __init__(self, **sizes: int) -> None:
        super().__init__()
        self._config = check(self.BOUNDS, **sizes)

    def config(self) -> dict[str, int]:
        """What the constructor was given."""
        return dict(self._config)

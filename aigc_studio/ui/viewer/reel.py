"""The row of results that a viewer goes through: any list of assets, read one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aigc_studio.core.assets import Asset

__all__ = ["ListReel", "ModelReel", "Reel"]


class Reel(Protocol):
    """Rows from 0 to `count() - 1`. It may grow and shrink while it is looked at."""

    def count(self) -> int:
        """How many there are now."""
        ...

    def asset(self, row: int) -> Asset | None:
        """The asset of a row, None when it has gone."""
        ...


class ListReel:
    """A few assets, as they were when the viewer was opened."""

    def __init__(self, assets: Sequence[Asset]) -> None:
        self._assets = list(assets)

    def count(self) -> int:
        """See `Reel`."""
        return len(self._assets)

    def asset(self, row: int) -> Asset | None:
        """See `Reel`."""
        return self._assets[row] if 0 <= row < len(self._assets) else None


class _Rows(Protocol):
    def rowCount(self) -> int: ...

    def asset(self, row: int) -> Asset | None: ...


class ModelReel:
    """All the rows of a list of assets, however many: they are read as they are come to."""

    def __init__(self, model: _Rows) -> None:
        self._model = model

    def count(self) -> int:
        """See `Reel`."""
        return self._model.rowCount()

    def asset(self, row: int) -> Asset | None:
        """See `Reel`."""
        return self._model.asset(row)

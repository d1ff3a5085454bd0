"""A shelf of models of the test's own, and a studio without a project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aigc_studio.core.settings import Settings
from aigc_studio.ui.studio import Studio

from .entries import Shelf, stock


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shelf:
    """What is built in, and what the test adds."""
    return stock(monkeypatch, tmp_path / "models")


@pytest.fixture
def quiet_studio(qapp, tmp_path: Path) -> Iterator[Studio]:
    """A Studio without a project."""
    studio = Studio(Settings(tmp_path / "config"))
    yield studio
    studio.shutdown()

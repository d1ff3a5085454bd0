"""A real Studio on a real project, with a text engine that streams what a test wants: its own child, without torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aigc_studio.core import catalogue
from aigc_studio.core.settings import Settings
from aigc_studio.engines import registry
from aigc_studio.ui.studio import Studio


@pytest.fixture
def echo_writer(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> Iterator[None]:
    """Puts `echo_family` in the place of the causal language models, here and in child processes."""
    families = [name for name in registry.FAMILIES if "causal_lm" not in name]
    monkeypatch.setenv("AIGC_STUDIO_FAMILIES", " ".join([*families, "tests.ui.echo_family"]))
    monkeypatch.chdir(checkout)  # the child finds `tests` there
    monkeypatch.setattr(catalogue.Entry, "problem", None)  # it needs no files, although its model's may be missing
    registry._modules.cache_clear()
    yield
    registry._modules.cache_clear()


@pytest.fixture
def studio(qtbot, tmp_path: Path) -> Iterator[Studio]:
    """A Studio with an open, empty project."""
    studio = Studio(Settings(tmp_path / "config"))
    with qtbot.waitSignal(studio.projectOpened, timeout=10_000):
        studio.create_project(tmp_path / "project", "Test")
    yield studio
    studio.shutdown()

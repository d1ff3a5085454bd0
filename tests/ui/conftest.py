"""A real Studio on a real project, with a text engine that streams what a test wants: its own child, without torch."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from aigc_studio.core import catalogue
from aigc_studio.core.settings import Settings
from aigc_studio.engines import registry
from aigc_studio.ui import collector
from aigc_studio.ui.studio import Studio
from tests.ui.kept_engines import Keeper

LIMIT = 60_000
"""Least time in milliseconds that a test waits for what must come: on a loaded machine all of it comes late, and a test
in which it never comes fails in any case."""


class PatientBot(QtBot):
    """Its waits end when what they wait for has come; their limits only say when to give up."""

    def waitSignal(self, signal: Any, *, timeout: int = LIMIT, **given: Any) -> Any:
        if given.get("raising") is not False:  # else it is to see that nothing comes
            timeout = max(timeout, LIMIT)
        return super().waitSignal(signal, timeout=timeout, **given)

    def waitUntil(self, callback: Any, *, timeout: int = LIMIT) -> None:
        super().waitUntil(callback, timeout=max(timeout, LIMIT))

    def waitActive(self, widget: Any, *, timeout: int = LIMIT) -> Any:
        return super().waitActive(widget, timeout=max(timeout, LIMIT))

    def waitExposed(self, widget: Any, *, timeout: int = LIMIT) -> Any:
        return super().waitExposed(widget, timeout=max(timeout, LIMIT))


@pytest.fixture
def qtbot(qapp: Any, request: pytest.FixtureRequest) -> QtBot:
    """The plugin's, with time."""
    return PatientBot(request)


@pytest.fixture(scope="session")
def _keeper() -> Iterator[Keeper]:
    keeper = Keeper()
    yield keeper
    keeper.close()


@pytest.fixture(autouse=True)
def keep_engines(_keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Engine processes are used again by later tests; a module that is about processes has a fixture of this name."""
    _keeper.install(monkeypatch)


@pytest.fixture(autouse=True)
def keep_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Studio that closes collects what its test made, and not all that the libraries of all tests have made."""
    calls = {"freeze": lambda: None, "unfreeze": lambda: None}
    monkeypatch.setattr(collector, "gc", SimpleNamespace(**(vars(gc) | calls)))


@pytest.fixture
def echo_writer(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    """Puts `echo_family` in the place of the causal language models, here and in child processes."""
    families = [name for name in registry.FAMILIES if "causal_lm" not in name]
    monkeypatch.setenv("AIGC_STUDIO_FAMILIES", " ".join([*families, "tests.ui.echo_family"]))
    monkeypatch.chdir(checkout)  # the child finds `tests` there
    monkeypatch.setattr(catalogue.Entry, "problem", None)  # it needs no files, although its model's may be missing


@pytest.fixture
def studio(qtbot, tmp_path: Path) -> Iterator[Studio]:
    """A Studio with an open, empty project."""
    studio = Studio(Settings(tmp_path / "config"))
    with qtbot.waitSignal(studio.projectOpened, timeout=10_000):
        studio.create_project(tmp_path / "project", "Test")
    yield studio
    studio.shutdown()

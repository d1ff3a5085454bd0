"""Slow work beside the window: one answer, and an end that waits for nobody who never answers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from PySide6.QtCore import QObject
from shiboken6 import isValid

from aigc_studio.core.errors import StudioError
from aigc_studio.engines.interpreter import child_environment
from aigc_studio.ui.background import PATIENCE_S, Background
from aigc_studio.ui.models import scan
from aigc_studio.ui.models.scan import ModelScan


def begun(work: Any, parent: QObject) -> tuple[Background, list[tuple[str, Any, bool]]]:
    """The work under way, and what it tells: the kind, the value, and whether that came in this thread."""
    background = Background("test", work, parent)
    heard: list[tuple[str, Any, bool]] = []
    here = threading.current_thread()
    background.done.connect(lambda value: heard.append(("done", value, threading.current_thread() is here)))
    background.failed.connect(lambda error: heard.append(("failed", error, threading.current_thread() is here)))
    background.start()
    return background, heard


def test_the_answer_comes_in_the_windows_thread_and_it_deletes_itself(qtbot) -> None:
    owner = QObject()
    background, heard = begun(lambda _check, tell: (tell(1, 2), 7)[1], owner)
    qtbot.waitUntil(lambda: not isValid(background))
    assert heard == [("done", 7, True)]


@pytest.mark.parametrize("error", [StudioError("No.", code="no"), ValueError("odd")])
def test_a_failure_is_a_sentence(qtbot, error: Exception) -> None:
    def work(*_: Any) -> None:
        raise error

    owner = QObject()
    _, heard = begun(work, owner)
    qtbot.waitUntil(lambda: bool(heard))
    ((kind, told, here),) = heard
    assert (kind, here) == ("failed", True)
    assert isinstance(told, StudioError)


def test_work_that_listens_has_ended_when_stop_returns(qtbot) -> None:
    started = threading.Event()

    def work(check: Any, _tell: Any) -> None:
        started.set()
        while not threading.Event().wait(0.001):
            check()

    owner = QObject()
    background, heard = begun(work, owner)
    assert started.wait(10)
    assert background.stop()
    qtbot.waitUntil(lambda: heard == [("failed", None, True)])


@pytest.mark.allow_log("WARNING")
def test_work_that_never_answers_is_left_behind_and_tells_nothing(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a folder on a dead network drive; several of them cost no more than one."""
    monkeypatch.setattr(scan, "PATIENCE_S", 0.05)
    dead, heard = threading.Event(), []
    models = ModelScan()
    for _ in range(3):
        models.run("dead drive", lambda _check, tell: (dead.wait(30), tell(1, 1)), heard.append, heard.append)
    before = time.monotonic()
    models.close()
    assert time.monotonic() - before < 1.0
    assert len(models.left) == 3
    models.deleteLater()
    qtbot.waitUntil(lambda: not isValid(models))
    assert all(background.isRunning() for background in models.left)
    dead.set()
    assert all(background.wait(10_000) for background in models.left)
    qtbot.wait(1)
    assert heard == []


_PROGRAM = """
import os, sys, threading
import aigc_studio.ui
from PySide6.QtCore import QCoreApplication
from aigc_studio.ui.models import scan
application = QCoreApplication([])
scan.PATIENCE_S = 0.05
models = scan.ModelScan()
models.run("dead drive", lambda *_: threading.Event().wait(), print, print)
models.close()
assert models.left
os._exit(3)
"""


def test_a_program_ends_although_a_folder_never_answers() -> None:
    """As `ui.app.run` does it: anything else would wait, or be a crash."""
    command = [sys.executable, "-P", "-c", _PROGRAM]
    ended = subprocess.run(command, env=child_environment(), capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (3, ""), ended.stderr


def test_a_window_is_closed_within_two_seconds() -> None:
    assert PATIENCE_S < 2.0

"""Engine processes that outlive the test that started them: most of what a test with a real engine costs is its start.

What a test sees is a child without a loaded model, as after a start. A child that died, was killed or had a job left is
not kept; nor is one given to a test with other variables.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aigc_studio.engines import child
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.protocol import Frame

_OF_EACH_TEST = frozenset({"AIGC_STUDIO_HOME", "PYTEST_CURRENT_TEST"})
"""Variables that an engine has no use for: what it works with stands in its orders."""
_MOST = 4
"""Processes that wait, of all kinds."""


class Keeper:
    """Takes the process of an engine that is closed, and gives it to the next one that would start the same."""

    def __init__(self) -> None:
        self._start = child._Process
        self._idle: list[child._Process] = []
        self._kinds: dict[child._Process, Any] = {}
        self._lock = threading.Lock()  # lanes open and close their engines in threads of their own
        self._starter = ThreadPoolExecutor(1)  # the system ends a child with the thread that started it

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """For one test."""
        close = ChildEngine.close
        keep = self._keep

        def closed(engine: ChildEngine) -> None:
            if engine._process is not None and keep(engine._process):
                engine._process = None
            close(engine)

        monkeypatch.setattr(ChildEngine, "close", closed)
        monkeypatch.setattr(child, "_Process", self._given)

    def end_all(self) -> None:
        """End those that wait."""
        with self._lock:
            while self._idle:
                self._idle.pop().kill()

    def close(self) -> None:
        """At the end of all tests."""
        self.end_all()
        self._starter.shutdown()

    def _given(self, lane: str, environment: Mapping[str, str]) -> child._Process:
        variables = {name: value for name, value in os.environ.items() if name not in _OF_EACH_TEST}
        kind = (lane, os.getcwd(), frozenset(variables.items()), frozenset(environment.items()))
        with self._lock:
            for process in [process for process in self._idle if self._kinds[process] == kind]:
                self._idle.remove(process)
                if process.alive:
                    process.events = queue.SimpleQueue()
                    return process
                process.kill()
            process = self._starter.submit(self._start, lane, environment).result()
            self._kinds[process] = kind
            return process

    def _keep(self, process: child._Process) -> bool:
        if process not in self._kinds or not process.alive:
            return False
        try:
            process.send(Frame("unload"))
        except OSError:
            return False
        with self._lock:
            self._idle.append(process)
            if len(self._idle) > _MOST:
                self._idle.pop(0).kill()
        return True

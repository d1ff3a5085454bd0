"""Garbage goes, in the UI thread only, without a stall that grows with the window."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from aigc_studio.ui.collector import GarbageCollector


class Knot:
    """An object that only the collector can take away."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def keep_frozen() -> None:
    """Here it is the real one."""


@pytest.fixture
def collector(qtbot: QtBot) -> Iterator[GarbageCollector]:
    collector = GarbageCollector()
    collector._timer.stop()  # the tests tick
    yield collector
    collector.close()


def knots(count: int) -> list[weakref.ref[Knot]]:
    return [weakref.ref(Knot()) for _ in range(count)]


def test_young_garbage_goes_with_a_tick_and_not_before(collector: GarbageCollector) -> None:
    made = knots(5000)  # more than Python would have let lie
    assert all(knot() is not None for knot in made)
    collector.tick()
    assert not any(knot() is not None for knot in made)


def test_other_threads_collect_nothing(collector: GarbageCollector) -> None:
    threads: set[int] = set()

    def told(phase: str, info: dict) -> None:
        threads.add(threading.get_ident())

    gc.callbacks.append(told)
    worker = threading.Thread(target=lambda: knots(50_000))
    worker.start()
    worker.join()
    assert threads == set()
    collector.tick()
    gc.callbacks.remove(told)
    assert threads == {threading.get_ident()}


def test_what_survives_is_frozen_and_a_sweep_still_finds_it(collector: GarbageCollector) -> None:
    kept = Knot()
    seen = weakref.ref(kept)
    for _ in range(120):
        collector.tick()
    assert gc.get_freeze_count() > 0
    del kept
    gc.collect()
    assert seen() is not None
    collector.sweep()
    assert seen() is None


def test_python_has_its_collection_back_at_the_end(qtbot: QtBot) -> None:
    collector = GarbageCollector()
    assert not gc.isenabled()
    collector.sweep()
    collector.close()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0

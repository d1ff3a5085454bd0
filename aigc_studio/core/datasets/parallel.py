"""The same work for many files: a few at once, results in order, little waiting, stopped at once by a cancel."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ..errors import Cancelled, StudioError
from .problem import Check

__all__ = ["in_order"]

T = TypeVar("T")
R = TypeVar("R")

_ASKED_S = 0.1
"""How often a stop is asked for while a long piece of work goes on."""


def in_order(
    work: Callable[[T, Check], R],
    items: Iterable[T],
    check: Check,
    known: Callable[[T], R | StudioError | None] = lambda item: None,
) -> Iterator[tuple[T, R | StudioError]]:
    """(item, what `work` returns or the StudioError it raises) for every item, in their order.

    `work` runs in threads (decoding pictures and reading files leave Python's lock), `check` in the caller's; `work`
    gets a check of its own, which raises Cancelled as soon as nobody waits for it any more. However
    many items there are, some twenty are held at a time. known: the result of an item that needs no work, else None.
    """
    workers = max(1, min(4, os.cpu_count() or 1))
    waiting: deque[tuple[T, R | StudioError | Future[R | StudioError]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="dataset")

    over = threading.Event()

    def wanted() -> None:
        if over.is_set():
            raise Cancelled

    def attempt(item: T) -> R | StudioError:
        try:
            return work(item, wanted)
        except StudioError as error:
            return error

    try:
        for item in items:
            check()
            before = known(item)
            waiting.append((item, pool.submit(attempt, item) if before is None else before))
            if len(waiting) > 4 * workers:
                first, result = waiting.popleft()
                yield first, _awaited(result, check) if isinstance(result, Future) else result
        while waiting:
            check()
            first, result = waiting.popleft()
            yield first, _awaited(result, check) if isinstance(result, Future) else result
    finally:
        over.set()
        pool.shutdown(cancel_futures=True)


def _awaited(future: Future[T], check: Check) -> T:
    """The result, waited for with an ear for the caller's wish to stop."""
    while True:
        try:
            return future.result(_ASKED_S)
        except TimeoutError:
            if future.done():  # it is the work's own
                raise
            check()

"""Ctrl-C and the system's request to end: the job stops within a step, and what it made is kept."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from aigc_studio.engines.engine import CancelToken

__all__ = ["stoppable"]


@contextlib.contextmanager
def stoppable() -> Iterator[CancelToken]:
    """A token that Ctrl-C and SIGTERM cancel; a second one ends the process as Python does, with KeyboardInterrupt.

    The token is cancelled in a thread of its own: the handler may run while the engine, in the same thread, holds the
    token's lock.
    """
    token = CancelToken()
    if threading.current_thread() is not threading.main_thread():
        yield token
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        if token.cancelled:
            raise KeyboardInterrupt
        threading.Thread(target=token.cancel, name="stop", daemon=True).start()

    numbers = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield token
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Keeps a broken PySide6 build from ending the process.

PySide6 6.12.0 on Python before 3.12 drops one reference of None with every void call and one of True with every signal;
when the count reaches zero, Python aborts. Our requirements exclude that build there, but an environment of the user's
own may hold it. From Python 3.12 on these objects are immortal.
"""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_constants"]

_RESERVE = 1 << 60


def keep_constants() -> None:
    """Give None, True, False, NotImplemented and Ellipsis more references than any session can drop. Before PySide6."""
    if sys.version_info >= (3, 12) or sys.implementation.name != "cpython" or sys.maxsize < 2**32:
        return
    if sys.getrefcount(None) > _RESERVE // 2:
        return
    for constant in (None, True, False, NotImplemented, Ellipsis):
        ctypes.c_ssize_t.from_address(id(constant)).value += _RESERVE

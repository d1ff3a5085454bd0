"""A cancel that takes effect while one large part of a model is read: the libraries themselves never ask."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["stoppable"]

_ASKED = frozenset({"copy_", "detach", "empty", "to"})
"""What is done to every weight that is read. Not asked at switches of torch's own, such as the one for gradients: an
exception would leave them as they are."""


@contextlib.contextmanager
def stoppable(check: Callable[[], None]) -> Iterator[None]:
    """Inside, `check` is called for each weight that is made, moved or converted in this thread, and may raise.

    torch's default number format is put back whatever happens: diffusers changes it while it builds a model, and would
    leave it changed for the whole process.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class Asking(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if getattr(func, "__name__", "") in _ASKED:
                check()
            return func(*args, **(kwargs or {}))

    own = torch.get_default_dtype()
    try:
        with Asking():
            yield
    finally:
        torch.set_default_dtype(own)

"""Who may keep a model in memory: before a job runs, idle lanes give theirs back when the job's model would not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aigc_studio.core.hardware import Device
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import Order

__all__ = ["MemoryArbiter", "needed"]

GROWTH = 1.25
"""What weights take when they are loaded, with what a run makes beside them."""

BESIDE = 1_500_000_000
"""Bytes that the library, its kernels and one picture take, whatever the model."""


def needed(order: Order, loaded: Model | None = None) -> int:
    """Bytes that must be free for an order to run; 0 when nothing is known of its model.

    loaded: what its lane holds already; the same model needs no room for its weights again.
    """
    weights = _bytes(order.model) + sum(_bytes(part) for part in order.parts.values())
    if weights == 0:
        return 0
    again = weights if loaded is not None and order.model is not None and loaded.id == order.model.id else 0
    return round(weights * GROWTH) + BESIDE - again


class MemoryArbiter:
    """The studio's `Arbiter`. current: the device that models run on now, None while that is not known."""

    def __init__(self, current: Callable[[], Device | None]) -> None:
        self._current = current

    def __call__(self, order: Order, loaded: Model | None, idle: Sequence[str]) -> Sequence[str]:
        """The idle lanes that should unload: all of them when the order does not fit, else none.

        A lane's former model goes by itself when another one is loaded, so that its bytes count as free.
        """
        if order.request.kind == "training":
            return tuple(idle)  # it takes what there is, for hours; whoever is idle loads again in seconds
        wanted = needed(order, loaded)
        device = self._current() if wanted else None
        if device is None:
            return ()
        own = _bytes(loaded) if order.model is None or loaded is None or loaded.id != order.model.id else 0
        return tuple(idle) if device.free + own < wanted else ()


def _bytes(model: Model | None) -> int:
    count = model.facts.get("bytes", 0) if model is not None else 0
    return int(count) if isinstance(count, int | float) else 0

"""What the trainer keeps beside the weights: figures since the log's last line, and how things were before a step."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

from .learner import Batch, Learner

if TYPE_CHECKING:
    import torch

__all__ = ["Before", "Figures", "Undo", "memory_mb", "on_a_full_disk", "pieces"]


class Before:
    """What a forward pass changes by itself (running statistics, codebooks, a learner's state), as before the step."""

    def __init__(self, learner: Learner) -> None:
        import torch

        self._buffers = [buffer for module in learner.modules.values() for buffer in module.buffers()]
        self._copies = [torch.empty_like(buffer) for buffer in self._buffers]
        self._state: Mapping[str, Any] = {}

    def take(self, learner: Learner) -> None:
        """Remember."""
        for copied, buffer in zip(self._copies, self._buffers, strict=True):
            copied.copy_(buffer)
        self._state = learner.state()

    def restore(self, learner: Learner) -> None:
        """Put it back."""
        for copied, buffer in zip(self._copies, self._buffers, strict=True):
            buffer.data.copy_(copied)
        learner.restore(self._state)


class Undo:
    """An optimiser's weights and memory (tensors, as Adam's) as they were, to be put back. Copied where they are, in a
    few calls for all of them; meant for small networks."""

    def __init__(self, optimiser: torch.optim.Optimizer) -> None:
        self._optimiser = optimiser
        self._weights = [weight.data for group in optimiser.param_groups for weight in group["params"]]
        self._copies: list[torch.Tensor] = []
        self._fresh = True

    def take(self) -> None:
        """Remember."""
        import torch

        now = self._weights + self._memory()
        self._fresh = len(now) == len(self._weights)
        if len(self._copies) != len(now):
            self._copies = [torch.empty_like(tensor) for tensor in now]
        torch._foreach_copy_(self._copies, now)  # pyright: ignore[reportPrivateImportUsage]

    def undo(self) -> None:
        """Put it back."""
        import torch

        if self._fresh:
            self._optimiser.state.clear()
        now = self._weights + self._memory()
        torch._foreach_copy_(now, self._copies)  # pyright: ignore[reportPrivateImportUsage]

    def _memory(self) -> list[torch.Tensor]:
        """The optimiser's tensors, in an order that stays."""
        groups = self._optimiser.param_groups
        states = [self._optimiser.state.get(weight, {}) for group in groups for weight in group["params"]]
        return [value for state in states for value in state.values() if hasattr(value, "copy_")]


class Figures:
    """Losses since the last line, summed where they are, so that no step waits for the card."""

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.clear()

    def clear(self) -> None:
        """Forget them."""
        self._sums: dict[str, Any] = {}
        self._steps: dict[str, int] = {}
        self._units = 0

    def add(self, losses: Mapping[str, Any], units: int) -> None:
        """The losses of one step (numbers, or tensors of one number) and the pictures or tokens it learned from."""
        for name, value in losses.items():
            value = value.detach() if hasattr(value, "detach") else value
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._steps[name] = self._steps.get(name, 0) + 1
        self._units += units

    def take(self, unit: str, now: float) -> dict[str, float]:
        """Their means, and units a second; nothing is left."""
        values = {name: float(value) / self._steps[name] for name, value in self._sums.items()}
        if self._units:
            values[f"{unit}_per_second"] = round(self._units / max(1e-6, now - self.since), 2)
        self.clear()
        self.since = now
        return values


def pieces(batch: Batch, count: int) -> list[Batch]:
    """The batch in `count` pieces of nearly the same length, none empty."""
    whole = len(next(iter(batch.values())))
    if count <= 1 or whole <= 1:
        return [batch]
    edges = [whole * index // count for index in range(count + 1)]
    return [{name: value[start:end] for name, value in batch.items()} for start, end in pairwise(edges) if end > start]


def memory_mb(device: str) -> float:
    """Megabytes that this process holds, on the card where it learns on one."""
    import psutil
    import torch

    if device.startswith("cuda"):
        return round(torch.cuda.max_memory_allocated(device) / 2**20)
    return round(psutil.Process().memory_info().rss / 2**20)


@contextlib.contextmanager
def on_a_full_disk() -> Iterator[None]:
    """An OSError while the record is written, as a sentence."""
    try:
        yield
    except OSError as error:
        raise StudioError(
            N_(
                "The state of the training could not be written ({reason}); make room on the disk and go on: "
                "the former state is kept."
            ),
            code="disk",
            reason=error.strerror or str(error),
        ) from error

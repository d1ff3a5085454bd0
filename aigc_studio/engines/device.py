"""Where a model runs and in which number format: one rule for every family that uses torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["Placement", "choose", "go_offline"]


@dataclass(frozen=True)
class Placement:
    """device: a torch device string. dtype: a torch dtype's name ("float32", "bfloat16", "float16")."""

    device: str
    dtype: str

    def torch_dtype(self) -> torch.dtype:
        """The dtype itself."""
        import torch

        return getattr(torch, self.dtype)


def choose() -> Placement:
    """The fastest device at hand: CUDA in bfloat16 (float16 where the card has none), Apple's MPS in float16, else the
    CPU in float32. `AIGC_STUDIO_DEVICE=cpu` forces the CPU. Asked when a model is loaded, never at import."""
    import torch

    forced = os.environ.get("AIGC_STUDIO_DEVICE", "")
    if forced != "cpu":
        if torch.cuda.is_available():
            native = torch.cuda.get_device_capability()[0] >= 8
            return Placement("cuda", "bfloat16" if native else "float16")
        if torch.backends.mps.is_available():
            return Placement("mps", "float16")
    return Placement("cpu", "float32")


def go_offline() -> None:
    """Tell the hub's libraries to stay on this machine; to be called before they are imported."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

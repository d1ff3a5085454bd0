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
    CPU in float32. Asked when a model is loaded, never at import.

    `AIGC_STUDIO_DEVICE` ("cpu", "cuda:1", "mps") chooses another one, as `core.hardware` names them; one that is not
    here is ignored. A card that is chosen becomes torch's current one.
    """
    import torch

    wanted = os.environ.get("AIGC_STUDIO_DEVICE", "")
    if wanted == "cpu":
        return Placement("cpu", "float32")
    if torch.backends.mps.is_available() and (wanted == "mps" or not torch.cuda.is_available()):
        return Placement("mps", "float16")
    if not torch.cuda.is_available():
        return Placement("cpu", "float32")
    device, number = "cuda", wanted.removeprefix("cuda:")
    if wanted.startswith("cuda:") and number.isdecimal() and int(number) < torch.cuda.device_count():
        device = wanted
        torch.cuda.set_device(int(number))
    native = torch.cuda.get_device_capability()[0] >= 8
    return Placement(device, "bfloat16" if native else "float16")


def go_offline() -> None:
    """Tell the hub's libraries to stay on this machine; to be called before they are imported.

    Cards are numbered as their driver numbers them, not by speed: "cuda:1" is the card that the window names so.
    """
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

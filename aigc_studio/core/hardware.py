"""What this machine can run models on, and how much memory each has free: asked of the driver, without torch.

The numbers of NVIDIA's cards are those of PCI order with `CUDA_VISIBLE_DEVICES` applied; torch counts so, too, in
processes with `CUDA_DEVICE_ORDER=PCI_BUS_ID`.
"""

from __future__ import annotations

import logging
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psutil

__all__ = ["Card", "Device", "devices"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Device:
    """Something a model can run on. id: as torch names it ("cuda:0", "mps", "cpu"). kind: "cuda", "mps" or "cpu".

    total, free: bytes of its memory; of the machine's where a device shares it.
    """

    id: str
    name: str
    kind: str
    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card as its driver tells it. total 0: it shares the machine's memory."""

    index: int
    uuid: str
    name: str
    total: int
    free: int


def devices(
    cards: Callable[[], Sequence[Card]] | None = None,
    memory: Callable[[], tuple[int, int]] | None = None,
    system: str = "",
) -> tuple[Device, ...]:
    """Every device, the best first; the CPU is always there, as the last. The first call takes some tens of ms.

    cards, memory (total and free bytes), system ("platform machine", as "darwin arm64"): asked of the machine when
    they are not given.
    """
    total, free = (memory or _memory)()
    found = [
        Device(f"cuda:{number}", card.name, "cuda", card.total or total, card.free if card.total else free)
        for number, card in enumerate(_visible((cards or _nvidia_cards)(), os.environ.get("CUDA_VISIBLE_DEVICES")))
    ]
    name = _processor()
    if (system or f"{sys.platform} {platform.machine()}") == "darwin arm64":
        found.append(Device("mps", name, "mps", total, free))
    return (*found, Device("cpu", name, "cpu", total, free))


def _visible(cards: Sequence[Card], chosen: str | None) -> list[Card]:
    """The cards that CUDA shows a process, in its order: by numbers or UUIDs, up to the first unknown one."""
    if chosen is None:
        return list(cards)
    found: list[Card] = []
    for word in chosen.split(","):
        word = word.strip()
        match = [
            card
            for card in cards
            if word == str(card.index) or (word.startswith("GPU-") and card.uuid.startswith(word))
        ]
        if len(match) != 1 or match[0] in found:
            break
        found.append(match[0])
    return found


def _memory() -> tuple[int, int]:
    state = psutil.virtual_memory()
    return state.total, state.available


@lru_cache(maxsize=1)
def _nvml() -> Any:
    """NVIDIA's management library, ready; None without one of its drivers. Once for the process: it takes 20 ms."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception as error:  # noqa: BLE001  no driver, no package, a driver of another version: no such cards
        log.info("no NVIDIA cards: %s", error)
        return None
    return pynvml


def _nvidia_cards() -> list[Card]:
    library = _nvml()
    if library is None:
        return []
    cards = []
    try:
        for index in range(library.nvmlDeviceGetCount()):
            handle = library.nvmlDeviceGetHandleByIndex(index)
            total = free = 0
            with suppress(library.NVMLError_NotSupported):
                state = library.nvmlDeviceGetMemoryInfo(handle)
                total, free = int(state.total), int(state.free)
            name, uuid = library.nvmlDeviceGetName(handle), library.nvmlDeviceGetUUID(handle)
            cards.append(Card(index, _text(uuid), _text(name), total, free))
    except library.NVMLError as error:  # a card fell off the bus: those before it are still there
        log.info("NVIDIA's driver: %s", error)
    return cards


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@lru_cache(maxsize=1)
def _processor() -> str:
    """The processor's name as people know it."""
    name = ""
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        if sys.platform == "linux":
            with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
                name = next((line.partition(":")[2] for line in file if line.startswith("model name")), "")
        elif sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            name = subprocess.run(command, capture_output=True, text=True, timeout=2, check=True).stdout
        elif sys.platform == "win32":
            import winreg

            place = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
                name = str(winreg.QueryValueEx(key, "ProcessorNameString")[0])
    return " ".join(name.split()) or platform.processor() or platform.machine() or "CPU"

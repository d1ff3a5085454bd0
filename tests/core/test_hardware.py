"""What models can run on: the order, the numbers, machines of other kinds, drivers that fail."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

import pytest

from aigc_studio.core import hardware
from aigc_studio.core.hardware import Card, devices

CARDS = (
    Card(0, "GPU-aaa1", "RTX 4090", 24 << 30, 20 << 30),
    Card(1, "GPU-bbb2", "RTX 3060", 12 << 30, 1 << 30),
    Card(2, "GPU-bbc3", "GB10", 0, 0),
)


def memory() -> tuple[int, int]:
    """64 GiB, half of it free."""
    return 64 << 30, 32 << 30


def ids(visible: str | None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Id and name of what is found with these cards."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = devices(lambda: CARDS, memory, "linux x86_64")
    assert found[-1].id == "cpu"
    return [(device.id, device.name) for device in found[:-1]]


def test_cards_come_first_and_the_processor_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card without memory of its own shares the machine's."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = devices(lambda: CARDS, memory, "linux x86_64")
    assert [device.kind for device in found] == ["cuda", "cuda", "cuda", "cpu"]
    assert (found[1].total, found[1].free) == (12 << 30, 1 << 30)
    assert (found[2].total, found[2].free) == (found[3].total, found[3].free) == memory()


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, [("cuda:0", "RTX 4090"), ("cuda:1", "RTX 3060"), ("cuda:2", "GB10")]),
        ("1", [("cuda:0", "RTX 3060")]),
        ("1, 0", [("cuda:0", "RTX 3060"), ("cuda:1", "RTX 4090")]),
        ("GPU-aaa", [("cuda:0", "RTX 4090")]),
        ("GPU-bb", []),
        ("0,7,1", [("cuda:0", "RTX 4090")]),
        ("0,0", [("cuda:0", "RTX 4090")]),
        ("", []),
        ("-1", []),
    ],
)
def test_cuda_hides_cards(
    visible: str | None, expected: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CUDA's variable says, which numbers what is left anew."""
    assert ids(visible, monkeypatch) == expected


def test_apple_silicon_shares_its_memory() -> None:
    """The graphics part of the chip is a device of its own."""
    found = devices(lambda: (), memory, "darwin arm64")
    assert [device.id for device in found] == ["mps", "cpu"]
    assert found[0].free == found[1].free
    assert [device.id for device in devices(lambda: (), memory, "darwin x86_64")] == ["cpu"]


def test_this_machine() -> None:
    """Whatever it is, it has a processor with a name and memory; asking again is quick."""
    found = devices()
    assert found[-1].kind == "cpu"
    assert found[-1].name
    assert 0 < found[-1].free <= found[-1].total
    started = time.perf_counter()
    for _ in range(10):
        devices()
    assert time.perf_counter() - started < 0.5


class _Refused(Exception):
    """An error of the driver."""


class _NotSupported(_Refused):
    """A question it does not answer."""


def library(count: int, lost: int = -1, shared: int = -1) -> SimpleNamespace:
    """A driver with `count` cards, of which one does not answer and one has no memory of its own."""

    def handle(index: int) -> int:
        if index == lost:
            raise _Refused("GPU is lost")
        return index

    def state(index: int) -> SimpleNamespace:
        if index == shared:
            raise _NotSupported
        return SimpleNamespace(total=8 << 30, free=index)

    return SimpleNamespace(
        NVMLError=_Refused,
        NVMLError_NotSupported=_NotSupported,
        nvmlDeviceGetCount=lambda: count,
        nvmlDeviceGetHandleByIndex=handle,
        nvmlDeviceGetMemoryInfo=state,
        nvmlDeviceGetName=lambda index: f"Card {index}".encode(),
        nvmlDeviceGetUUID=lambda index: f"GPU-{index}",
    )


def test_a_card_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those before it are still there; one without memory of its own is no error."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(hardware, "_nvml", lambda: library(3, lost=2, shared=0))
    found = devices(memory=memory, system="linux x86_64")
    assert [(device.id, device.name) for device in found[:-1]] == [("cuda:0", "Card 0"), ("cuda:1", "Card 1")]
    assert found[0].total == 64 << 30
    assert found[1].free == 1


def test_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package, no driver: no card, no error."""
    monkeypatch.setitem(sys.modules, "pynvml", None)
    hardware._nvml.cache_clear()
    assert [device.kind for device in devices(memory=memory, system="linux x86_64")] == ["cpu"]
    hardware._nvml.cache_clear()

"""The rule for device and number format, on machines this one is not."""

from __future__ import annotations

import pytest

from aigc_studio.engines import device

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("cuda", "capability", "mps", "forced", "expected"),
    [
        (True, (8, 0), False, "", ("cuda", "bfloat16")),
        (True, (7, 5), False, "", ("cuda", "float16")),
        (True, (9, 0), False, "cpu", ("cpu", "float32")),
        (False, (0, 0), True, "", ("mps", "float16")),
        (False, (0, 0), True, "cpu", ("cpu", "float32")),
        (False, (0, 0), False, "", ("cpu", "float32")),
        (True, (9, 0), False, "cuda:1", ("cuda:1", "bfloat16")),
        (True, (9, 0), False, "cuda:2", ("cuda", "bfloat16")),
        (True, (9, 0), False, "cuda:x", ("cuda", "bfloat16")),
        (True, (9, 0), True, "mps", ("mps", "float16")),
        (False, (0, 0), False, "cuda:1", ("cpu", "float32")),
        (False, (0, 0), False, "mps", ("cpu", "float32")),
    ],
)
def test_the_rule(
    monkeypatch: pytest.MonkeyPatch,
    cuda: bool,
    capability: tuple[int, int],
    mps: bool,
    forced: str,
    expected: tuple[str, str],
) -> None:
    """CUDA before MPS before the CPU; bfloat16 only where the card computes it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setenv("AIGC_STUDIO_DEVICE", forced)
    placement = device.choose()
    assert (placement.device, placement.dtype) == expected
    assert chosen == ([1] if expected[0] == "cuda:1" else [])
    assert placement.torch_dtype() is getattr(torch, expected[1])


def test_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's libraries are told to stay here, whatever was set."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "0")
    device.go_offline()
    import os

    assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"

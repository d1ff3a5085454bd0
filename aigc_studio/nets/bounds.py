"""What sizes a network may have: a config from anywhere must not ask for more than a machine could ever hold."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["check", "doublings", "widths"]


def check(bounds: Mapping[str, tuple[int, int]], **given: int) -> dict[str, int]:
    """`given`, when every value is a whole number within its bounds; ValueError otherwise."""
    for name, value in given.items():
        low, high = bounds[name]
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{name} is {str(value)[:40]}, not a whole number from {low} to {high}")
    return given


def doublings(size: int, start: int) -> int:
    """How often `start` is doubled until it is `size`; ValueError when it never is."""
    count = (size // start).bit_length() - 1
    if start << count != size:
        raise ValueError(f"size is {size}, not {start} doubled a few times")
    return count


def widths(width: int, widest: int, halvings: int) -> list[int]:
    """Channels at the full size and after each halving: doubled every time, up to `widest`."""
    if widest < width:
        raise ValueError(f"widest is {widest}, less than width, {width}")
    return [min(widest, width << step) for step in range(halvings + 1)]

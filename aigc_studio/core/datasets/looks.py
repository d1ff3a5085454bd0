"""Which pictures look alike: a difference hash and a tiny coloured copy of each, compared among those equally bright.

dHash (Neal Krawetz, "Kind of Like That", 2013) has one bit for each pair of neighbouring grey cells. Copies that were
saved again, resized or recoloured a little share most of them. Icons on one ground do so as well, which the colours of
the cells tell apart.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from .problem import Check, nobody_asks

__all__ = ["Look", "alike", "look_of"]

Look = tuple[int, bytes]
"""(64 bits of dHash, 8 x 8 cells of RGB over grey)"""

_BITS = 12
_MEAN = 3.0
_MOST = 16
"""Alike: at most so many different bits, so much mean difference of the cells and so much in any of them (of 255)."""

_AT_ONCE = 1 << 20
"""Pairs that are compared in one step, some 20 MB."""


def look_of(image: Image.Image) -> Look:
    """Of a picture of any size and mode "L", "RGB" or "RGBA"."""
    small = image.resize((32, 32), Image.Resampling.BILINEAR, reducing_gap=2.0) if image.size != (32, 32) else image
    if small.mode == "RGBA":
        ground = Image.new("RGBA", small.size, (128, 128, 128, 255))
        ground.alpha_composite(small)
        small = ground
    small = small.convert("RGB")
    grey = np.asarray(small.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = np.packbits((grey[:, 1:] > grey[:, :-1]).ravel())
    return int.from_bytes(bits.tobytes(), "big"), small.resize((8, 8), Image.Resampling.BOX).tobytes()


def alike(looks: list[Look], check: Check = nobody_asks) -> list[list[int]]:
    """Groups of two and more indices of pictures that look like one of their group, ascending.

    Each picture is in one group at most. No chains: the last picture of a slow change is not that of the first.
    """
    first: dict[Look, int] = {}
    leader = [first.setdefault(look, index) for index, look in enumerate(looks)]
    different = list(first.values())
    followed = _followed([looks[index] for index in different], check)
    groups: dict[int, list[int]] = {}
    whom = {index: different[place] for index, place in zip(different, followed)}
    for index, same in enumerate(leader):
        groups.setdefault(whom[same], []).append(index)
    return sorted(group for group in groups.values() if len(group) > 1)


def _followed(looks: list[Look], check: Check) -> list[int]:
    """For each look the index of the one that it follows, its own for one that follows none. No two are equal."""
    if not looks:
        return []
    cells = np.frombuffer(b"".join(cells for _, cells in looks), dtype=np.uint8).reshape(len(looks), -1)
    means = cells.mean(axis=1, dtype=np.float32)
    order = np.argsort(means, kind="stable")  # alike ones are equally bright, and so near each other
    hashes = np.array([bits for bits, _ in looks], dtype=np.uint64)[order]
    cells, means = cells[order], means[order]
    ends = np.searchsorted(means, means + _MEAN, side="right")
    colours = cells.reshape(len(cells), 64, 3).mean(axis=1, dtype=np.float32)
    leader, leads = np.arange(len(looks)), np.zeros(len(looks), dtype=bool)
    start = 0
    while start < len(looks):
        check()
        rows = _rows(start, ends)
        alone = np.flatnonzero(leader[start : start + rows] == np.arange(start, start + rows)) + start
        columns = np.arange(start, ends[start + rows - 1])
        columns = columns[leader[columns] == columns]
        near = np.bitwise_count(hashes[alone, None] ^ hashes[columns]) <= _BITS
        near &= columns > alone[:, None]
        one, other = np.nonzero(near)
        one, other = alone[one], columns[other]
        for part in range(0, len(one), 1 << 14):
            pairs = slice(part, part + (1 << 14))
            _compare(one[pairs], other[pairs], cells, colours, leader, leads)
        start += rows
    followed = np.empty(len(looks), dtype=np.int64)
    followed[order] = order[leader]
    return followed.tolist()


def _rows(start: int, ends: np.ndarray) -> int:
    """How many looks from `start` on can be compared with those after them at once."""
    rows = max(1, _AT_ONCE // max(1, int(ends[start]) - start))
    while rows > 1 and rows * (int(ends[min(start + rows, len(ends)) - 1]) - start) > 2 * _AT_ONCE:
        rows //= 2
    return min(rows, len(ends) - start)


def _compare(
    one: np.ndarray, other: np.ndarray, cells: np.ndarray, colours: np.ndarray, leader: np.ndarray, leads: np.ndarray
) -> None:
    """Let `other` follow `one` where the cells of a pair are alike and neither follows or leads another already."""
    free = (leader[one] == one) & (leader[other] == other) & ~leads[other]
    free &= (np.abs(colours[one] - colours[other]) <= 3 * _MEAN).all(axis=1)  # of many even areas few are left
    one, other = one[free], other[free]
    difference = np.abs(cells[one].astype(np.int16) - cells[other].astype(np.int16))
    close = (difference.mean(axis=1) <= _MEAN) & (difference.max(axis=1) <= _MOST)
    for first, second in zip(one[close].tolist(), other[close].tolist()):
        if leader[first] == first and leader[second] == second and not leads[second]:
            leader[second] = first
            leads[first] = True

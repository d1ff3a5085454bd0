"""Which pictures look alike: a difference hash to find candidates, a tiny coloured copy to be sure of them.

dHash (Neal Krawetz, "Kind of Like That", 2013): one bit for each pair of neighbouring grey cells. It finds copies that
were saved again, resized or recoloured a little; icons on one ground share hashes, which the colours tell apart.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from .problem import Check, nobody_asks

__all__ = ["Look", "alike", "look_of"]

Look = tuple[int, bytes]
"""(64 bits of dHash, 8 x 8 cells of RGB over grey)"""

_BITS = 4
_MEAN = 3.0
_MOST = 24
"""Alike: at most so many different bits, so much mean difference of the cells and so much in any of them (of 255)."""

_BANDS = tuple((np.uint64(13 * band), np.uint64((1 << (13 if band < 4 else 12)) - 1)) for band in range(5))
"""(shift, mask): of two hashes that differ in 4 bits at least one of five parts is equal."""


def look_of(image: Image.Image) -> Look:
    """Of a picture of any size and mode "L", "RGB" or "RGBA"."""
    small = image.resize((32, 32), Image.Resampling.BOX, reducing_gap=1.0) if image.size != (32, 32) else image
    if small.mode == "RGBA":
        ground = Image.new("RGBA", small.size, (128, 128, 128, 255))
        ground.alpha_composite(small)
        small = ground
    small = small.convert("RGB")
    grey = np.asarray(small.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = np.packbits((grey[:, 1:] > grey[:, :-1]).ravel())
    return int.from_bytes(bits.tobytes(), "big"), small.resize((8, 8), Image.Resampling.BOX).tobytes()


def alike(looks: list[Look], check: Check = nobody_asks) -> list[list[int]]:
    """Groups of two and more indices of pictures that look like the first of their group, ascending.

    Each picture is in one group at most. No chains: the last picture of a slow change is not that of the first.
    """
    if len(looks) < 2:
        return []
    hashes = np.array([bits for bits, _ in looks], dtype=np.uint64)
    cells = np.frombuffer(b"".join(cells for _, cells in looks), dtype=np.uint8).reshape(len(looks), -1)
    leading = _Leading(hashes, cells)
    for shift, mask in _BANDS:
        part = (hashes >> shift) & mask
        order = np.argsort(part, kind="stable")
        ends = np.flatnonzero(np.diff(part[order])) + 1
        for start, end in zip([0, *ends], [*ends, len(order)]):
            if end - start > 1:
                leading.gather(order[start:end], check)
    groups: dict[int, list[int]] = {}
    for index, first in enumerate(leading.leader.tolist()):
        groups.setdefault(first, []).append(index)
    return [group for group in groups.values() if len(group) > 1]


class _Leading:
    """Who follows whom: each picture itself or a former one that it looks like."""

    def __init__(self, hashes: np.ndarray, cells: np.ndarray) -> None:
        self.hashes = hashes
        self.cells = cells
        self.means = cells.reshape(len(cells), 64, 3).mean(axis=1, dtype=np.float32)
        self.leader = np.arange(len(hashes))
        self.followed = np.zeros(len(hashes), dtype=bool)

    def gather(self, members: np.ndarray, check: Check) -> None:
        """Let those of `members` (ascending) that neither follow nor lead follow the first that they look like."""
        for place in range(len(members) - 1):
            if place % 256 == 0:
                check()
            index = members[place]
            if self.leader[index] != index:
                continue
            near = members[place + 1 :]
            near = near[np.bitwise_count(self.hashes[near] ^ self.hashes[index]) <= _BITS]
            if near.size:  # the mean colour first: of a hundred thousand even areas few are left to compare
                near = near[(np.abs(self.means[near] - self.means[index]) <= _MEAN).all(axis=1)]
            near = near[(self.leader[near] == near) & ~self.followed[near]]
            if not near.size:
                continue
            difference = np.abs(self.cells[near].astype(np.int16) - self.cells[index].astype(np.int16))
            near = near[(difference.mean(axis=1) <= _MEAN) & (difference.max(axis=1) <= _MOST)]
            self.leader[near] = index
            self.followed[index] |= bool(near.size)

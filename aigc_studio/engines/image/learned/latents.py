"""Points in the space that a network paints from: drawn from seeds, between each other, moved by sliders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import MAX_SEED

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["between", "drawn", "end_seed", "moved", "path", "seeds"]


def drawn(seed: int, length: int) -> Tensor:
    """float32 (length,), standard normal: the same on every device."""
    import torch

    return torch.randn(length, generator=torch.Generator("cpu").manual_seed(seed))


def seeds(first: int, count: int) -> list[int]:
    """`count` seeds: the first as given, the others drawn from it. Neighbours are left to other results."""
    import torch

    draws = torch.Generator("cpu").manual_seed(first)
    return [first, *torch.randint(MAX_SEED + 1, (count - 1,), generator=draws).tolist()]


def end_seed(text: str) -> int | None:
    """The seed that a person typed, None for none; StudioError for what is no seed."""
    if not text.strip():
        return None
    try:
        seed = int(text)
    except ValueError:
        seed = -1
    if not 0 <= seed <= MAX_SEED:
        raise StudioError(
            N_('"{text}" is no seed; give a whole number from 0 to {most}, or nothing.'),
            code="param",
            text=text.strip()[:40],
            most=MAX_SEED,
        )
    return seed


def between(one: Tensor, other: Tensor, share: float) -> Tensor:
    """Along the arc from one point to another, share 0 to 1 (Shoemake 1985): on the way the length stays what points
    drawn from a normal have, which a straight line would leave."""
    import torch

    if share <= 0 or share >= 1:
        return (one if share <= 0 else other).clone()
    a, b = one.double(), other.double()
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=0).clamp(-1, 1)
    angle = torch.arccos(cosine)
    sine = torch.sin(angle)
    if float(sine) < 1e-4:  # nearly the same direction, or opposite ones
        return torch.lerp(one, other, share)
    return ((torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / sine).float()


def path(points: Sequence[Tensor], frames: int, *, loop: bool = False, straight: bool = False) -> list[Tensor]:
    """`frames` points evenly from the first to the last; loop: and on towards the first again."""
    import torch

    legs = len(points) if loop else len(points) - 1
    steps = max(1, frames if loop else frames - 1)
    found = []
    for frame in range(frames):
        leg, share = divmod(frame * legs, steps)
        one, other = points[leg % len(points)], points[(leg + 1) % len(points)]
        found.append(torch.lerp(one, other, share / steps) if straight else between(one, other, share / steps))
    return found


def moved(point: Tensor, values: Mapping[str, Any], directions: Tensor, scales: Tensor) -> Tensor:
    """The point (length,) moved by the form's sliders: each in standard deviations along one of `directions`
    (count, length)."""
    for number, (direction, scale) in enumerate(zip(directions, scales, strict=True), 1):
        if amount := values.get(f"direction_{number}", 0.0):
            point = point + float(amount) * scale * direction
    return point

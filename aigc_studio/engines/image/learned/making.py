"""The loop that the families of our own networks share: one result after the other, each from its own seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from aigc_studio.core.i18n import N_
from aigc_studio.core.imaging import open_image
from aigc_studio.engines.base import Context

from .pictures import Sheet, fitted, numbers, picture

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from aigc_studio.core.requests import Request

    from .own import Own

__all__ = ["each", "pixels_of", "sheet_of"]


def each(request: Request, ctx: Context) -> Iterator[tuple[int, int]]:
    """(index, seed) of every result that is still to be made."""
    for index in range(ctx.start, request.count):
        if ctx.wants(index):
            ctx.check()
            yield index, request.item_seed(index)


def sheet_of(
    own: Own, points: Sequence[Tensor], columns: int, paint: Callable[[Tensor], Tensor], ctx: Context
) -> Image:
    """One picture of all `points`, in rows. paint: (1, length) -> (1, channels, side, side), on the network's device.

    One at a time, so that a picture does not depend on what is made beside it.
    """
    import torch

    sheet = Sheet(own.net.config()["size"], len(points), columns, ctx.values)
    for number, point in enumerate(points, 1):
        ctx.check()
        with torch.inference_mode():
            sheet.add(picture(paint(point[None].to(own.device))[0]))
        ctx.progress(number, len(points), N_("Painting"), sheet.preview())
    return sheet.picture


def pixels_of(own: Own, role: str, ctx: Context) -> Tensor:
    """An input picture as the network takes it, (1, channels, side, side), on its device."""
    config = own.net.config()
    ctx.progress(0, 0, N_("Reading the picture"))
    image = open_image(ctx.input(role))
    ctx.check()
    square = fitted(image, config["size"], ctx.values.get("fit", "crop"))
    return numbers(square, config["channels"]).to(own.device)

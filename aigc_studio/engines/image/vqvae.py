"""Pictures from a vector-quantised autoencoder of our own: its prior writes them code by code, or goes on where a
person's picture ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Context, Family, Model, Param

from .learned import latents
from .learned.making import each, pixels_of
from .learned.own import Own, load_own, warm
from .learned.params import DELIVERY, FIT, GENERATE, RECONSTRUCT, SEVERAL, TEMPERATURE, fit_form
from .learned.pictures import Sheet, broken, picture, preview

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "facts", "fitted", "load", "run", "warm"]

FAMILY = Family(
    id="vqvae",
    kind="image",
    title=N_("VQ-VAE"),
    summary=N_("Pictures like those it was trained on, put together of a few hundred learned pieces."),
    tasks=(GENERATE, RECONSTRUCT),
    params=(
        SEVERAL,
        FIT,
        Param.int(
            "keep",
            N_("Keep of the picture"),
            100,
            0,
            100,
            5,
            unit="%",
            help=N_("From the top. What comes below is made up, another way for every seed."),
            tasks=("reconstruct",),
        ),
        TEMPERATURE,
        Param.int(
            "top",
            N_("Choices"),
            0,
            0,
            1024,
            help=N_("Only so many of the likeliest pieces are chosen from; 0: all."),
            advanced=True,
        ),
        *DELIVERY,
    ),
    needs="torch",
    prompt=False,
)


def fitted(facts: Mapping[str, Any]) -> Family:
    """The family for one model."""
    return fit_form(FAMILY, facts)


def load(model: Model, ctx: Context) -> Own:
    """Read a folder."""
    return load_own(model, ctx, "AIGCStudioVQVAE")


def run(loaded: Own, request: Request, ctx: Context) -> None:
    """Make the results of `request`."""
    given = None
    if request.task == "reconstruct":
        import torch

        with torch.inference_mode():
            given = loaded.net.encode(pixels_of(loaded, "image", ctx))[0].cpu()
        given, side = given.clone(), loaded.net.side
        given[round(side * ctx.values["keep"] / 100) * side :] = -1
    for index, seed in each(request, ctx):
        columns = ctx.values.get("sheet", 1)
        seeds = latents.seeds(seed, columns**2)
        sheet = Sheet(loaded.net.config()["size"], len(seeds), columns, ctx.values)
        for number, each_seed in enumerate(seeds):
            sheet.add(_written(loaded, each_seed, given, ctx, number, len(seeds)))
        ctx.save_image(index, sheet.picture, **loaded.titled(seed), seeds=seeds)


def _written(own: Own, seed: int, given: Tensor | None, ctx: Context, number: int, count: int) -> Image.Image:
    """Picture `number` of `count` of one result, with a look at it after every row of codes."""
    import torch

    net = own.net
    side, whole = net.side, net.side**2
    codes = given
    if given is None or bool((given < 0).any()):
        draws = torch.Generator("cpu").manual_seed(seed)
        values = ctx.values
        writing = net.prior.draw(draws, temperature=values["temperature"], top=values["top"], given=given)
        try:
            for place, codes in enumerate(writing, 1):
                ctx.check()
                small = None
                if place % side == 0 and place < whole and count == 1:
                    small = _half_done(own, codes, place // side)
                ctx.progress(number * whole + place, count * whole, N_("Painting"), small)
        except ValueError as error:
            raise broken() from error
    if codes is None:
        raise ValueError("no codes")
    with torch.inference_mode():
        made = picture(net.decode(codes[None].to(own.device))[0])
    ctx.progress((number + 1) * whole, count * whole, N_("Painting"), preview(made))
    return made


def _half_done(own: Own, codes: Tensor, rows: int) -> Image.Image:
    """The picture as far as its codes are written, grey below."""
    import torch

    with torch.inference_mode():
        pixels = np.array(picture(own.net.decode(codes.clamp(min=0)[None].to(own.device))[0]))
    pixels[len(pixels) * rows // own.net.side :] = 128
    return preview(Image.fromarray(pixels))


def facts(loaded: Own) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return loaded.recipe()

"""Pictures from a variational autoencoder of our own: new ones, a person's own through its eyes, and what lies between
them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Context, Family, Model, Param

from .learned import latents
from .learned.making import each, pixels_of, sheet_of
from .learned.own import Own, load_own, warm
from .learned.params import DELIVERY, FIT, GENERATE, INTERPOLATE, MORPH, RECONSTRUCT, SEVERAL, WALK, fit_form

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "facts", "fitted", "load", "run", "warm"]

FAMILY = Family(
    id="vae",
    kind="image",
    title=N_("VAE"),
    summary=N_("Soft pictures like those it was trained on, your own through its eyes, and all that lies between."),
    tasks=(GENERATE, RECONSTRUCT, INTERPOLATE, MORPH),
    params=(
        SEVERAL,
        *WALK,
        FIT,
        Param.float(
            "truncation",
            N_("Variety"),
            0.9,
            0.0,
            1.5,
            help=N_("Truncation: low values give usual pictures, high ones rare ones, 1 what was learned."),
            tasks=("generate", "interpolate"),
        ),
        Param.float(
            "amount",
            N_("Difference"),
            0.0,
            0.0,
            2.0,
            help=N_("How far the result may move away from the picture; more results then differ."),
            tasks=("reconstruct",),
        ),
        *DELIVERY,
    ),
    needs="torch",
    prompt=False,
)


def fitted(facts: Mapping[str, Any]) -> Family:
    """The family for one model, with its sliders."""
    return fit_form(FAMILY, facts, ("generate", "reconstruct", "interpolate", "morph"))


def load(model: Model, ctx: Context) -> Own:
    """Read a folder."""
    return load_own(model, ctx, "AIGCStudioVAE")


def run(loaded: Own, request: Request, ctx: Context) -> None:
    """Make the results of `request`."""
    make = {"generate": _new, "interpolate": _walk, "reconstruct": _again, "morph": _morph}[request.task]
    for index, seed in each(request, ctx):
        points, columns, info = make(loaded, request, seed, ctx)
        directions, scales = _directions(loaded)
        points = [latents.moved(point, ctx.values, directions, scales) for point in points]
        ctx.save_image(index, sheet_of(loaded, points, columns, loaded.net.decode, ctx), **loaded.titled(seed), **info)


Made = tuple[list["Tensor"], int, dict[str, Any]]
"""Points to paint, how many in a row, and what the recipe keeps."""


def _new(own: Own, _request: Request, seed: int, ctx: Context) -> Made:
    seeds = latents.seeds(seed, ctx.values["sheet"] ** 2)
    return (
        [_at(own, latents.drawn(each_seed, own.net.latent), ctx) for each_seed in seeds],
        ctx.values["sheet"],
        {"seeds": seeds},
    )


def _walk(own: Own, _request: Request, seed: int, ctx: Context) -> Made:
    values = ctx.values
    seeds = latents.seeds(seed, values["stops"])
    if (end := latents.end_seed(values["end"])) is not None:
        seeds[-1] = end
    centre = own.extra.get("mean", 0.0)
    stops = [_at(own, latents.drawn(each_seed, own.net.latent), ctx) - centre for each_seed in seeds]
    points = [point + centre for point in latents.path(stops, values["frames"], loop=values["loop"])]
    return points, values["columns"], {"seeds": seeds}


def _again(own: Own, _request: Request, seed: int, ctx: Context) -> Made:
    """The picture as the network sees it; away from it, as far as it is unsure itself, by "amount"."""
    mean, deviation = _seen(own, "image", ctx)
    return [mean + ctx.values["amount"] * deviation * latents.drawn(seed, own.net.latent)], 1, {}


def _morph(own: Own, request: Request, seed: int, ctx: Context) -> Made:
    """From one picture to another, or to that of the seed where there is no other."""
    one = _seen(own, "image", ctx)[0]
    if "other" in request.inputs:
        other = _seen(own, "other", ctx)[0]
    else:
        other = _centred(own, latents.drawn(seed, own.net.latent))
    return latents.path([one, other], ctx.values["frames"], straight=True), ctx.values["columns"], {}


def _at(own: Own, e: Tensor, ctx: Context) -> Tensor:
    """Standard normal (latent,) -> where the pictures that it was trained on lie."""
    return _centred(own, ctx.values["truncation"] * e)


def _centred(own: Own, e: Tensor) -> Tensor:
    from aigc_studio.nets.latents import placed

    return placed(own.extra, e)


def _seen(own: Own, role: str, ctx: Context) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of what the encoder makes of an input picture, each (latent,), on the CPU."""
    import torch

    with torch.inference_mode():
        mean, logvar = own.net.encode(pixels_of(own, role, ctx))
    return mean[0].cpu(), (logvar[0] / 2).exp().cpu()


def _directions(own: Own) -> tuple[Tensor, Tensor]:
    """Unit vectors (count, latent) of the entries that tell most, and how far each one goes."""
    import torch

    dims = own.extra.get("dims")
    if dims is None or "scales" not in own.extra:
        return torch.zeros(0, own.net.latent), torch.zeros(0)
    return torch.eye(own.net.latent)[dims], own.extra["scales"]


def facts(loaded: Own) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return loaded.recipe()

"""Pictures from a generative adversarial network of our own: from a seed, moved along what it has learned, and walks
from one picture to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Context, Family, Model, Param

from .learned import latents
from .learned.making import each, sheet_of
from .learned.own import Own, load_own, warm
from .learned.params import DELIVERY, GENERATE, INTERPOLATE, SEVERAL, WALK, fit_form

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "facts", "fitted", "load", "run", "warm"]

FAMILY = Family(
    id="gan",
    kind="image",
    title=N_("GAN"),
    summary=N_("Pictures like those it was trained on, at once; sliders for what it has learned, walks between seeds."),
    tasks=(GENERATE, INTERPOLATE),
    params=(
        SEVERAL,
        *WALK,
        Param.float(
            "truncation",
            N_("Variety"),
            0.8,
            0.0,
            1.5,
            help=N_("Truncation: low values give usual pictures, high ones rare ones, 1 what was learned."),
        ),
        *DELIVERY,
    ),
    needs="torch",
    prompt=False,
)


def fitted(facts: Mapping[str, Any]) -> Family:
    """The family for one model, with its sliders."""
    return fit_form(FAMILY, facts, ("generate", "interpolate"))


def load(model: Model, ctx: Context) -> Own:
    """Read a folder; what was not measured when it was saved is measured now."""
    own = load_own(model, ctx, "AIGCStudioGAN")
    if not {"mean", "directions", "scales"} <= own.extra.keys():
        from aigc_studio.nets.latents import of_gan

        own.extra = {**own.extra, **of_gan(own.net)}
    return own


def run(loaded: Own, request: Request, ctx: Context) -> None:
    """Make the results of `request`."""
    values, net = ctx.values, loaded.net
    for index, seed in each(request, ctx):
        if request.task == "interpolate":
            seeds = latents.seeds(seed, values["stops"])
            if (end := latents.end_seed(values["end"])) is not None:
                seeds[-1] = end
            columns = values["columns"]
            stops = [latents.drawn(each_seed, net.latent) for each_seed in seeds]
            points = latents.path(stops, values["frames"], loop=values["loop"])
        else:
            columns = values["sheet"]
            seeds = latents.seeds(seed, columns**2)
            points = [latents.drawn(each_seed, net.latent) for each_seed in seeds]
        made = sheet_of(loaded, points, columns, lambda z: net.paint(_moved(loaded, z, values)), ctx)
        ctx.save_image(index, made, **loaded.titled(seed), seeds=seeds)


def _moved(own: Own, z: Tensor, values: Mapping[str, Any]) -> Tensor:
    """z (1, latent) -> w (1, latent): nearer to the mean by the truncation, then along the sliders' directions."""
    extra = own.extra
    w = own.net.map(z)[0].cpu()
    w = extra["mean"] + values["truncation"] * (w - extra["mean"])
    return latents.moved(w, values, extra["directions"], extra["scales"])[None].to(own.device)


def facts(loaded: Own) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return loaded.recipe()

"""Pictures from a generative adversarial network of our own: from a seed, moved along what it has learned, walks from
one picture to another, and neighbours of a picture that it made: its recipe says where that lies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.metadata import read_recipe
from aigc_studio.engines.base import Context, Family, Model, Param, Task

from .learned import latents
from .learned.making import each, sheet_of
from .learned.own import Own, load_own, warm
from .learned.params import DELIVERY, GENERATE, INTERPOLATE, MORPH, SEVERAL, WALK, fit_form

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "facts", "fitted", "load", "run", "warm"]

FAMILY = Family(
    id="gan",
    kind="image",
    title=N_("GAN"),
    summary=N_("Pictures like those it was trained on, at once; sliders for what it has learned, walks between seeds."),
    tasks=(GENERATE, Task("variation", N_("Variation"), ("image",)), INTERPOLATE, MORPH),
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
        Param.float(
            "amount",
            N_("Difference"),
            0.35,
            0.02,
            1.0,
            help=N_("How far the variation moves away from the picture."),
            tasks=("variation",),
        ),
        *DELIVERY,
    ),
    needs="torch",
    prompt=False,
)


def fitted(facts: Mapping[str, Any]) -> Family:
    """The family for one model, with its sliders."""
    return fit_form(FAMILY, facts, ("generate", "variation", "interpolate", "morph"))


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
    given = [_origin(loaded, ctx.input(role)) for role in ("image", "other") if role in _roles(request)]
    for index, seed in each(request, ctx):
        if request.task == "interpolate":
            seeds = latents.seeds(seed, values["stops"])
            if (end := latents.end_seed(values["end"])) is not None:
                seeds[-1] = end
            columns = values["columns"]
            points = latents.path(_drawn(loaded, seeds), values["frames"], loop=values["loop"])
        elif request.task == "morph":
            seeds = [seed] if len(given) == 1 else []
            columns = values["columns"]
            points = latents.path([*given, *_drawn(loaded, seeds)], values["frames"])
        else:
            columns = values["sheet"]
            seeds = latents.seeds(seed, columns**2)
            points = _drawn(loaded, seeds)
            if given:
                points = [latents.between(given[0], point, values["amount"]) for point in points]
        made = sheet_of(loaded, points, columns, lambda z: net.paint(_moved(loaded, z, values)), ctx)
        info = {"latent": _kept(loaded, points[0])} if len(points) == 1 else {}
        ctx.save_image(index, made, **loaded.titled(seed), seeds=seeds, **info)


def _roles(request: Request) -> set[str]:
    """Inputs that the task looks at: what it needs, and for a walk the other end where it was given."""
    return {*FAMILY.task(request.task).inputs} | (
        {"other"} & request.inputs.keys() if request.task == "morph" else set()
    )


def _drawn(own: Own, seeds: Sequence[int]) -> list[Tensor]:
    return [latents.drawn(seed, own.net.latent) for seed in seeds]


def _kept(own: Own, z: Tensor) -> dict[str, Any]:
    """Where a picture lies, for the recipe: of which weights, and z to six digits."""
    return {"model": own.digest, "z": [round(number, 6) for number in z.tolist()]}


def _origin(own: Own, path: Path) -> Tensor:
    """Where a picture lies that this model made, (latent,); StudioError for any other picture."""
    import torch

    info = (read_recipe(path) or {}).get("info")
    kept = info.get("latent") if isinstance(info, Mapping) else None
    if isinstance(kept, Mapping) and kept.get("model") == own.digest:
        z = kept.get("z")
        if isinstance(z, list) and len(z) == own.net.latent and all(_usual(number) for number in z):
            return torch.tensor(z, dtype=torch.float32)
    raise StudioError(
        N_('Only single pictures that "{model}" made itself can be varied by it; make one first, or open one.'),
        code="image-origin",
        model=own.title,
    )


def _usual(number: object) -> bool:
    return isinstance(number, float | int) and math.isfinite(number) and abs(number) < 100


def _moved(own: Own, z: Tensor, values: Mapping[str, Any]) -> Tensor:
    """z (1, latent) -> w (1, latent): nearer to the mean by the truncation, then along the sliders' directions."""
    extra = own.extra
    w = own.net.map(z)[0].cpu()
    w = extra["mean"] + values["truncation"] * (w - extra["mean"])
    return latents.moved(w, values, extra["directions"], extra["scales"])[None].to(own.device)


def facts(loaded: Own) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return loaded.recipe()

"""Named schedulers: a class of diffusers and the settings that make it the method people know by that name.

A fresh one is made for every run: schedulers keep the state of the last one, and pipelines made from one another share
theirs.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Choice, Param

if TYPE_CHECKING:
    from .spec import Loaded

__all__ = ["AS_MADE", "FLOW", "NOISE", "Sampler", "choice", "described", "fresh"]

AS_MADE = "model"
"""The scheduler that the model came with."""


@dataclass(frozen=True)
class Sampler:
    """id: in recipes. title: the name people use everywhere. scheduler: class in diffusers. settings: laid over the
    model's own (its noise levels, its kind of prediction)."""

    id: str
    title: str
    scheduler: str
    settings: Mapping[str, Any] = field(default_factory=dict)


_KARRAS: dict[str, Any] = {"use_karras_sigmas": True}
_PLAIN: dict[str, Any] = {"use_karras_sigmas": False}
_DDIM: dict[str, Any] = {"clip_sample": False, "set_alpha_to_one": False}
_MULTISTEP = "DPMSolverMultistepScheduler"

NOISE = (
    Sampler("euler", "Euler", "EulerDiscreteScheduler", _PLAIN),
    Sampler("euler-a", "Euler a", "EulerAncestralDiscreteScheduler"),
    Sampler("dpmpp-2m", "DPM++ 2M", _MULTISTEP, _PLAIN | {"algorithm_type": "dpmsolver++"}),
    Sampler("dpmpp-2m-karras", "DPM++ 2M Karras", _MULTISTEP, _KARRAS | {"algorithm_type": "dpmsolver++"}),
    Sampler("dpmpp-2m-sde", "DPM++ 2M SDE", _MULTISTEP, _PLAIN | {"algorithm_type": "sde-dpmsolver++"}),
    Sampler("dpmpp-2m-sde-karras", "DPM++ 2M SDE Karras", _MULTISTEP, _KARRAS | {"algorithm_type": "sde-dpmsolver++"}),
    Sampler("dpmpp-sde", "DPM++ SDE", "DPMSolverSinglestepScheduler", _PLAIN | {"algorithm_type": "sde-dpmsolver++"}),
    Sampler("unipc", "UniPC", "UniPCMultistepScheduler"),
    Sampler("ddim", "DDIM", "DDIMScheduler", _DDIM),
    Sampler("heun", "Heun", "HeunDiscreteScheduler", _PLAIN),
    Sampler("pndm", "PNDM", "PNDMScheduler", {"skip_prk_steps": True, "set_alpha_to_one": False}),
    Sampler("deis", "DEIS", "DEISMultistepScheduler", _PLAIN | {"algorithm_type": "deis"}),
    Sampler("lcm", "LCM", "LCMScheduler", {"clip_sample": False}),
    Sampler("tcd", "TCD", "TCDScheduler", {"clip_sample": False}),
)
"""For models that were taught to predict noise, velocity or the picture at discrete noise levels."""

FLOW = (
    Sampler("flow-euler", "Euler", "FlowMatchEulerDiscreteScheduler", _PLAIN | {"stochastic_sampling": False}),
    Sampler("flow-euler-karras", "Euler Karras", "FlowMatchEulerDiscreteScheduler", _KARRAS),
    Sampler("flow-euler-a", "Euler a", "FlowMatchEulerDiscreteScheduler", _PLAIN | {"stochastic_sampling": True}),
    Sampler("flow-lcm", "LCM", "FlowMatchLCMScheduler"),
)
"""For models that were taught by flow matching."""


def choice(samplers: tuple[Sampler, ...]) -> Param:
    """The form's field."""
    return Param.choice(
        "scheduler",
        N_("Sampler"),
        AS_MADE,
        (Choice(AS_MADE, N_("As the model was made")), *(Choice(item.id, item.title) for item in samplers)),
        help=N_("How the noise is taken away step by step."),
        advanced=True,
    )


def fresh(loaded: Loaded, id: str, generators: Sequence[Any] = ()) -> Any:
    """A new scheduler with the model's own settings, of the named kind.

    generators: of the pictures to be made, one each. What the scheduler draws in its steps is drawn from them: the
    pipelines of flow models do not pass theirs on, and torch's global generator would make another picture each time.
    """
    import diffusers

    name, settings = loaded.scheduler
    changes: Mapping[str, Any] = {}
    if id != AS_MADE:
        sampler = next(item for item in loaded.spec.samplers if item.id == id)
        name, changes = sampler.scheduler, sampler.settings
    kind: Any = getattr(diffusers, name)
    known = kind._get_init_keys(kind)
    made = kind.from_config(dict(settings), **{key: value for key, value in changes.items() if key in known})
    if generators and "generator" in inspect.signature(made.step).parameters:
        made.step = functools.partial(made.step, generator=list(generators))  # a pipeline that gives its own goes first
    return made


_TELLING = (
    "algorithm_type",
    "prediction_type",
    "rescale_betas_zero_snr",
    "shift",
    "solver_order",
    "stochastic_sampling",
    "timestep_spacing",
    "use_dynamic_shifting",
    "use_karras_sigmas",
)


def described(scheduler: Any) -> dict[str, Any]:
    """What a recipe says of a scheduler: its class and the settings that change the picture."""
    config = scheduler.config
    settings = {key: config[key] for key in _TELLING if config.get(key) is not None}
    return {"class": type(scheduler).__name__, **settings}

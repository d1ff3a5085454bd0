"""What differs between families of diffusion models, and a loaded one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aigc_studio.engines.device import Placement

from .preview import Previewer
from .schedulers import NOISE, Sampler

__all__ = ["Arguments", "Loaded", "Spec", "guided"]

Arguments = Callable[["Loaded", str, Mapping[str, Any]], dict[str, Any]]
"""(model, task, checked values) -> arguments of the pipeline's call; those its class does not take are left out."""


def guided(loaded: Loaded, task: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Classifier-free guidance: a scale, and a negative prompt where the scale has an effect."""
    given: dict[str, Any] = {"guidance_scale": values["guidance"]}
    if values["guidance"] > 1 and values.get("negative", "").strip():
        given["negative_prompt"] = values["negative"]
    return given


@dataclass(frozen=True)
class Spec:
    """How one family runs: constants, and the few calls that are its own.

    side: native width and height in pixels. samplers: the schedulers that suit it. arguments: see `Arguments`.
    long_text: component name of a tokenizer to the most tokens the pipeline lets it read, where that is not the
    tokenizer's own length. unused: components of a folder that no task here needs. plain: whether latents are decoded
    here; else the pipeline does it, which for some is more than decoding. step: both sides of a picture must be a
    multiple of it, whatever the components say. readers: class of a component, as the folder names it, to a class
    of ours that stands for it.
    """

    side: int
    samplers: tuple[Sampler, ...] = NOISE
    arguments: Arguments = guided
    long_text: Callable[[Loaded], Mapping[str, int]] = lambda _: {}
    unused: tuple[str, ...] = ("safety_checker", "feature_extractor", "image_encoder")
    plain: bool = True
    step: int = 1
    readers: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Loaded:
    """A model in memory.

    pipe: as the folder or file says. pipes: one for each task that was asked for, all with the same components.
    scheduler: class name and settings that the model came with. facts: what the catalogue knows of it.
    state: of the modules that change the model between runs (memory, LoRA). previewer: shows latents.
    """

    spec: Spec
    pipe: Any
    placement: Placement
    digest: str
    scheduler: tuple[str, Mapping[str, Any]]
    facts: Mapping[str, Any] = field(default_factory=dict)
    pipes: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    previewer: Previewer = field(init=False)

    def __post_init__(self) -> None:
        self.previewer = Previewer(self.pipe)

    @property
    def side(self) -> int:
        """Native side in pixels: the checkpoint's own where it is known."""
        return int(self.facts.get("size") or self.spec.side)

    @property
    def network(self) -> Any:
        """The part that takes the noise away."""
        return getattr(self.pipe, "unet", None) or getattr(self.pipe, "transformer", None)

    @property
    def fills(self) -> bool:
        """Whether it was made for inpainting: beside the latents its input has a masked picture's and the mask."""
        vae = getattr(self.pipe, "vae", None)
        channels = getattr(getattr(vae, "config", None), "latent_channels", 0)
        return bool(channels) and getattr(self.network.config, "in_channels", 0) == 2 * channels + 1

    def recipe(self) -> dict[str, Any]:
        """What a recipe says about where it ran and what it was."""
        return {
            "device": self.placement.device,
            "dtype": self.placement.dtype,
            "pipeline": type(self.pipe).__name__,
            "model": {"digest": self.digest},
        }

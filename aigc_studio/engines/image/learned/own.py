"""Reading a folder of one of our own networks, and what a loaded one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.reading import damaged
from aigc_studio.core.library.weights import identity
from aigc_studio.engines import device
from aigc_studio.engines.base import Context, Model

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Own", "load_own", "warm"]


@dataclass
class Own:
    """A network in memory, in float32 on every device: they are small.

    name: of its class in config.json. title: of the model. net: the module, on `device`. labels, extra: see
    `nets.files.Loaded`; on the CPU.
    """

    name: str
    title: str
    net: Any
    labels: tuple[str, ...]
    extra: Mapping[str, Tensor]
    device: str
    digest: str

    def titled(self, seed: int | None = None) -> dict[str, str]:
        """What the recipe of a result gives as its title, where no prompt does."""
        return {"title": self.title if seed is None else f"{self.title} {seed}"}

    def recipe(self) -> dict[str, Any]:
        """What a recipe says about where it ran and what it was."""
        return {"device": self.device, "dtype": "float32", "pipeline": self.name, "model": {"digest": self.digest}}


def warm() -> None:
    """Import what loading and running need."""
    import torch  # noqa: F401

    from aigc_studio.nets import files  # noqa: F401


def load_own(model: Model, ctx: Context, name: str) -> Own:
    """Read a folder whose class is `name`; StudioError for anything else and for what is damaged."""
    from aigc_studio.nets import files, latents

    ctx.progress(0, 0, N_("Loading the model"))
    ctx.check()
    if model.folder is None:
        raise StudioError(N_("No picture model is chosen; choose one."), code="model-missing")
    weights = model.folder / "model.safetensors"
    try:
        loaded = files.load(model.folder)
        if not isinstance(loaded.net, files.CLASSES[name]):
            raise ValueError(f"{type(loaded.net).__name__} is no {name}")
        if isinstance(latent := getattr(loaded.net, "latent", None), int):
            latents.compared(loaded.extra, latent)
    except (ValueError, OSError) as error:
        raise damaged(weights, repr(error)[:500]) from error
    ctx.check()
    place = device.choose().device
    return Own(name, model.title, loaded.net.to(place), loaded.labels, loaded.extra, place, identity([weights]))

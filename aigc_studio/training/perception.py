"""How differently two pictures look to an encoder that was trained by the recipe of `masked`: an error to be lowered.

Errors of pixels are blind to what makes a picture sharp or a face a face; features know (Zhang et al. 2018,
arXiv:1801.03924). The encoder stands still and need not have seen the same pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_studio.core.i18n import N_
from aigc_studio.core.library.reading import damaged
from aigc_studio.engines.base import Context, Param

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ENCODER", "PART", "Perception"]

PART = "encoder:pictures"
"""Type of the encoder among the catalogue's parts."""

ENCODER = Param.model(
    "encoder",
    N_("Judged by an encoder"),
    (PART,),
    advanced=True,
    help=N_("An encoder you trained compares pictures as well, beside their pixels: sharper results, slower steps."),
)
_WEIGHT = 0.2


class Perception:
    """A frozen encoder. net: `nets.masked.Encoder` on the device of the training."""

    def __init__(self, net: Any) -> None:
        self._net = net.requires_grad_(False).eval()

    @classmethod
    def chosen(cls, values: Mapping[str, Any], ctx: Context, device: str) -> Perception | None:
        """The encoder that the parameter names, None for none. StudioError when it is damaged or not here."""
        if not values.get("encoder"):
            return None
        from aigc_studio.nets import files
        from aigc_studio.nets.masked import Encoder

        part = ctx.part(values["encoder"])
        if part.folder is None:
            raise ValueError("an encoder without a folder")
        try:
            net = files.load(part.folder).net
            if not isinstance(net, Encoder):
                raise ValueError(f"{type(net).__name__} is no encoder")
        except (ValueError, OSError) as error:
            raise damaged(part.folder / "model.safetensors", repr(error)[:500]) from error
        return cls(net.to(device))

    def distance(self, images: Tensor, others: Tensor) -> Tensor:
        """One number: what to add to an error of pixels of (n, c, h, w) in [-1, 1]."""
        return self._net.distance(images, others).mean() * _WEIGHT

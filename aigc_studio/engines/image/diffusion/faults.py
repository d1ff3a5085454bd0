"""Pictures that are none: broken numbers, and nothing but black."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

if TYPE_CHECKING:
    from aigc_studio.engines.base import Context

__all__ = ["checked", "mended", "whole"]

_DARK = 1.5 / 255
"""Brightness below which a picture counts as black."""


def mended(pipe: Any, pixels: np.ndarray, latents: Any, decode: Callable[[], np.ndarray]) -> np.ndarray:
    """`pixels`, float32 (n, height, width, 3), or where they are broken but the latents are not, `decode()` with the
    autoencoder in float32: in half precision some overflow.

    StudioError code "nan" when the model itself made broken numbers, or they stay broken.
    """
    import torch

    if np.isfinite(pixels).all():
        return pixels
    vae: Any = getattr(pipe, "vae", None) or getattr(pipe, "movq", None)
    own = vae.dtype
    if bool(torch.isfinite(latents).all()) and own != torch.float32:
        try:
            vae.to(dtype=torch.float32)
            pixels = decode()
        finally:
            vae.to(dtype=own)
        if np.isfinite(pixels).all():
            return pixels
    raise _broken()


def whole(pixels: Any) -> np.ndarray:
    """Pixels that a pipeline decoded itself, as float32; StudioError code "nan" when they are broken."""
    pixels = np.asarray(pixels, np.float32)
    if not np.isfinite(pixels).all():
        raise _broken()
    return pixels


def _broken() -> StudioError:
    return StudioError(
        N_("The model gives only broken numbers (NaN); choose another sampler, no LoRA, or another model."), code="nan"
    )


def checked(pixels: np.ndarray, ctx: Context) -> None:
    """Tell when one of `pixels`, float32 (n, height, width, 3) in 0 to 1, is black all over: often a sign that model
    and settings do not fit, but it may be meant."""
    if any(float(picture.max(initial=0)) < _DARK for picture in pixels):
        ctx.notice(N_("The picture is black all over; if that is not meant, try another sampler, seed or model."))

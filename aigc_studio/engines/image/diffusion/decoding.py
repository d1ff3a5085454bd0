"""From latents to pixels: a step of its own, so that it can be tried again without painting again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import torch

__all__ = ["decoded", "pictures", "scaled", "unpacked"]


def unpacked(pipe: Any, latents: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Latents as (n, channels, h, w), or (n, channels, frames, h, w) for an autoencoder of videos; `size` in pixels."""
    if latents.ndim != 3:
        return latents
    return pipe._unpack_latents(latents, size[1], size[0], pipe.vae_scale_factor)


def scaled(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Unpacked latents as the autoencoder was taught them: its own mean, deviation, factor and shift taken back."""
    import torch

    config = vae.config
    factor = getattr(config, "scaling_factor", None) or 1.0
    mean, deviation = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is not None and deviation is not None:
        shape = (1, -1) + (1,) * (latents.ndim - 2)
        mean, deviation = (torch.tensor(list(item)).view(shape).to(latents) for item in (mean, deviation))
        return latents * deviation / factor + mean
    return latents / factor + (getattr(config, "shift_factor", None) or 0.0)


def decoded(pipe: Any, latents: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
    """float32 (n, height, width, 3) in 0 to 1, NaN where the model made NaN; `size` is (width, height) in pixels.

    In float16 an autoencoder that overflows (`force_upcast`, SDXL's) works in float32.
    """
    import torch

    vae = pipe.vae
    own = vae.dtype
    upcast = own == torch.float16 and bool(getattr(vae.config, "force_upcast", False))
    try:
        if upcast:
            vae.to(dtype=torch.float32)
        with torch.no_grad():
            ready = scaled(vae, unpacked(pipe, latents, size).to(torch.float32))
            pixels = vae.decode(ready.to(vae.dtype), return_dict=False)[0]
            if pixels.ndim == 5:
                pixels = pixels[:, :, 0]
            pixels = (pixels.float() / 2 + 0.5).clamp(0, 1)
            return pixels.permute(0, 2, 3, 1).cpu().numpy()
    finally:
        if upcast:
            vae.to(dtype=own)


def pictures(pixels: np.ndarray) -> list[Image.Image]:
    """uint8 "RGB" pictures of what `decoded` returns."""
    whole = np.rint(pixels * 255).astype(np.uint8)
    return [Image.fromarray(np.ascontiguousarray(picture)) for picture in whole]

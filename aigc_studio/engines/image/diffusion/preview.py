"""What a picture will look like, while it is still latents: a linear map from the autoencoder's channels to red, green
and blue, which costs next to nothing.

No tables of numbers for some autoencoders: the map is fitted once for each loaded model, by letting its own autoencoder
encode a chart of known colours. That works for every autoencoder, also those nobody has made a table for.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .decoding import scaled, unpacked

if TYPE_CHECKING:
    import torch

__all__ = ["Previewer", "chart"]

log = logging.getLogger(__name__)

INTERVAL = 0.1
"""Least time between two previews in seconds."""
SHARE = 0.02
"""Most of the time that previews may take: after one that took 1 ms, none for 50 ms."""
SIDE = 512
"""Longer side of a preview in pixels, at most."""
_CELLS = 12
"""Cells of the chart along each side, one latent pixel each where the chart may be that large."""
_CHART_SIDE = 256
_RIDGE = 1e-4
"""Keeps the fit finite where channels say nothing about colour, as a part of their mean square."""


def chart(side: int, cell: int, seed: int = 7) -> np.ndarray:
    """A colour chart: float32 (side, side, 3) in 0 to 1. Flat squares of 2 x 2 cells over all hues and greys, on the
    lower half blended into one another; `cell` is the size in pixels of what becomes one latent pixel."""
    count = max(2, side // (2 * cell))
    draw = np.random.default_rng(seed)
    colours = draw.uniform(0, 1, (count, count, 3))
    colours[::3, ::2] = colours[::3, ::2, :1]  # greys
    colours.flat[:24] = [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1][: colours.size]
    small = Image.fromarray(np.rint(colours * 255).astype(np.uint8))
    flat = np.asarray(small.resize((side, side), Image.Resampling.NEAREST), np.float32) / 255
    blended = np.asarray(small.resize((side, side), Image.Resampling.BILINEAR), np.float32) / 255
    half = side // 2
    return np.concatenate([flat[:half], blended[half:]])


class Previewer:
    """Previews for one loaded model. `pipe` must have an autoencoder (`vae` or `movq`), else there are none.

    interval: least time between two in seconds. share: most of the time that they may take, 0 to 1. Both can be set.
    """

    def __init__(self, pipe: Any, interval: float = INTERVAL, share: float = SHARE) -> None:
        self._pipe = pipe
        self.interval, self.share = interval, share
        self._weights: np.ndarray | None = None
        self._tensor: torch.Tensor | None = None
        self._fitted = False
        self._at = self._cost = 0.0

    @property
    def autoencoder(self) -> Any:
        """The part that turns latents into pixels, None where a pipeline has none."""
        return getattr(self._pipe, "vae", None) or getattr(self._pipe, "movq", None)

    def fit(self) -> None:
        """Find the map; once. To be called before parts of the model are moved off their device.

        A model whose autoencoder cannot do it runs without previews: that is no reason to fail.
        """
        vae = self.autoencoder
        if self._fitted or vae is None or not hasattr(vae, "encode"):
            return
        weights = None
        try:
            weights = _fit(vae)
        except Exception:  # noqa: BLE001 - whatever autoencoders nobody has tried may raise
            log.warning("no previews for %s", type(vae).__name__, exc_info=True)
        self._fitted = True
        if weights is None:
            return
        if np.isfinite(weights).all():
            self._weights = weights
        else:
            log.warning("no previews for %s: it does not encode a chart", type(vae).__name__)

    def picture(self, latents: torch.Tensor, size: tuple[int, int]) -> Image.Image | None:
        """The first of `latents`, as the pipeline's step callback gives them, as an RGB picture of at most 512 px;
        None while none is due. size: (width, height) in pixels of the picture that is being made."""
        now = time.monotonic()
        if now - self._at < max(self.interval, self._cost / self.share):
            return None
        self.fit()
        if self._weights is None:
            return None
        try:
            image = self.drawn(latents, size)
        except Exception:  # noqa: BLE001 - latents in an order of their own: no reason to fail
            log.warning("no previews of %s", tuple(latents.shape), exc_info=True)
            self._weights = None
            return None
        self._at = time.monotonic()
        self._cost = self._at - now
        return image

    def drawn(self, latents: torch.Tensor, size: tuple[int, int]) -> Image.Image:
        """The preview, due or not; the map must have been fitted."""
        import torch

        with torch.no_grad():
            made_at = _packed_size(self._pipe, latents, size)
            plain = scaled(self.autoencoder, unpacked(self._pipe, latents[:1], made_at).to(torch.float32))[0]
            if plain.ndim == 4:  # a video's frames: the first
                plain = plain[:, 0]
            weights = self._on(plain.device)
            colours = torch.tensordot(weights[:, :-1], plain, 1) + weights[:, -1, None, None]
            if not torch.isfinite(colours).all():
                colours = torch.nan_to_num(colours)
            pixels = (colours.clamp(0, 1) * 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        image = Image.fromarray(np.ascontiguousarray(pixels))
        ratio = min(1.0, SIDE / max(size))
        shown = (max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio)))
        return image.resize(shown, Image.Resampling.BILINEAR)

    def _on(self, device: torch.device) -> torch.Tensor:
        import torch

        if self._tensor is None or self._tensor.device != device:
            self._tensor = torch.from_numpy(self._weights).to(device)
        return self._tensor


def _packed_size(pipe: Any, latents: torch.Tensor, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height in pixels that packed latents stand for: editing models work at a size of their own, of the
    same shape as `size`."""
    if latents.ndim != 3:
        return size
    cell, count = 2 * pipe.vae_scale_factor, latents.shape[1]
    if (size[0] // cell) * (size[1] // cell) == count:
        return size
    across = round((count * size[0] / size[1]) ** 0.5)
    for distance in range(count):
        for wide in (across - distance, across + distance):
            if wide > 0 and count % wide == 0:
                return wide * cell, count // wide * cell
    return size


def _fit(vae: Any) -> np.ndarray:
    """float32 (3, channels + 1): how much each channel of the autoencoder's own latents says about each colour, and the
    constant. Least squares over the chart."""
    import torch

    weight = next(vae.parameters())
    own = weight.dtype  # the parameter's changes with it
    upcast = own == torch.float16 and bool(getattr(vae.config, "force_upcast", False))
    factor = _factor(vae)
    side = min(_CHART_SIDE, _CELLS * factor)
    known = chart(side, factor)
    try:
        if upcast:
            vae.to(dtype=torch.float32)
        picture = torch.from_numpy(known).permute(2, 0, 1)[None] * 2 - 1
        if _takes_frames(vae):
            picture = picture[:, :, None]
        with torch.no_grad():
            found = _latents(vae.encode(picture.to(weight.device, torch.float32 if upcast else own)))
        plain = found.float().cpu().numpy()[0]
    finally:
        if upcast:
            vae.to(dtype=own)
    if plain.ndim == 4:
        plain = plain[:, 0]
    channels, height, width = plain.shape
    small = Image.fromarray(np.rint(known * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    wanted = np.asarray(small, np.float64).reshape(-1, 3) / 255
    given = np.concatenate([plain.reshape(channels, -1).T, np.ones((height * width, 1))], 1, dtype=np.float64)
    ridge = _RIDGE * np.eye(channels + 1) * (given**2).mean() * len(given)
    ridge[-1, -1] = 0
    return np.linalg.solve(given.T @ given + ridge, given.T @ wanted).T.astype(np.float32)


def _factor(vae: Any) -> int:
    """Pixels along each side of one latent pixel."""
    config = vae.config
    for name in ("spatial_compression_ratio", "scale_factor_spatial"):
        value = getattr(vae, name, None) or getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    blocks = getattr(config, "block_out_channels", None) or getattr(config, "encoder_block_out_channels", None)
    if blocks:
        return 2 ** (len(blocks) - 1)
    stages = getattr(config, "temperal_downsample", None)
    return 2 ** len(stages) if stages else 8


def _takes_frames(vae: Any) -> bool:
    """Whether it is an autoencoder of videos, to which a picture is one frame."""
    import torch

    first = next((part for part in vae.modules() if isinstance(part, torch.nn.Conv2d | torch.nn.Conv3d)), None)
    return isinstance(first, torch.nn.Conv3d)


def _latents(encoded: Any) -> torch.Tensor:
    """The latents out of whatever an autoencoder's `encode` returns, without chance."""
    if hasattr(encoded, "latent_dist"):
        return encoded.latent_dist.mode()
    for name in ("latent", "latents"):
        if hasattr(encoded, name):
            return getattr(encoded, name)
    return encoded[0]

"""A picture model that is taught something more: what it is, how it reads words, and what it must predict.

Stable Diffusion, SDXL and Flux differ in their text encoders, in how latents are laid out and in what noise is; what a
LoRA or an inversion has to know of that is here. The model is read as the Picture panel reads it, with the same checks,
and stays as it is.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.engines import registry
from aigc_studio.engines.image.diffusion import sizes
from aigc_studio.engines.image.diffusion.spec import Loaded

from .bookkeeping import on_a_full_disk

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor

    from aigc_studio.engines.base import Context, Model

    from .images import PreparedImages

__all__ = ["BASES", "BaseModel", "Latents", "open_base", "paint_with"]

BASES = ("model:stable-diffusion", "model:sdxl", "model:flux")
"""What a LoRA can be made for."""


def open_base(model: Model, ctx: Context, device: str) -> BaseModel:
    """The model, read from its folder or file. StudioError for everything that can be wrong with it."""
    kind = {"stable-diffusion": _Stable, "sdxl": _XL, "flux": _Flux}.get(model.family)
    if kind is None:
        raise StudioError(
            N_('"{model}" cannot be taught like this; choose a model of Stable Diffusion, SDXL or Flux.'),
            code="base",
            model=model.title,
        )
    loaded: Loaded = registry.module(model.family).load(model, ctx)
    if loaded.fills:
        raise StudioError(
            N_('"{model}" is made for changing parts of pictures; choose its ordinary sister to teach.'),
            code="base",
            model=model.title,
        )
    return kind(loaded, device, str(model.facts.get("type") or ""))


class BaseModel:
    """One model. Words are dicts of tensors whose first dimension is the batch, as the network's call wants them.

    type: "sd1", "sd2", "sdxl" or "flux". network: what takes the noise away, in evaluation mode, its weights fixed.
    encoders: names of the text encoders. layers, wide_layers: names of the layers that a LoRA changes.
    """

    type = "sd1"
    part = "unet"
    architecture = "stable-diffusion-v1"
    version = "sd_v1"
    encoders: tuple[str, ...] = ("text_encoder",)
    layers: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0")
    wide_layers: tuple[str, ...] = ("proj_in", "proj_out", "ff.net.0.proj", "ff.net.2")

    def __init__(self, loaded: Loaded, device: str, type: str) -> None:
        self.loaded, self.pipe, self.device = loaded, loaded.pipe, device
        self.type = type or self.type
        for part in self.pipe.components.values():
            if hasattr(part, "requires_grad_"):
                part.requires_grad_(False)
        self.network: torch.nn.Module = getattr(self.pipe, self.part)
        self.dtype = loaded.placement.torch_dtype()
        if loaded.placement.dtype == "float16":  # in which small gradients vanish
            self._in_32_bits()

    def _in_32_bits(self) -> None:
        import torch

        self.dtype = torch.float32
        for part in self.pipe.components.values():
            if isinstance(part, torch.nn.Module):
                part.to(torch.float32)

    @property
    def step(self) -> int:
        """Sides of pictures are multiples of it."""
        return sizes.step_of(self.pipe)

    @property
    def side(self) -> int:
        """Native side in pixels."""
        return self.loaded.side

    @contextlib.contextmanager
    def on_device(self, *names: str) -> Iterator[None]:
        """Parts of the model on the device for a while; they wait in main memory before and after."""
        parts = [part for name in names if (part := getattr(self.pipe, name, None)) is not None]
        try:
            for part in parts:
                part.to(self.device)
            yield
        finally:
            if self.device != "cpu":
                for part in parts:
                    part.to("cpu")

    # -- pictures

    def encode(self, pictures: Tensor) -> Tensor:
        """The moments of pictures float32 (n, 3, h, w) in [-1, 1]; the autoencoder must be on the device."""
        import torch

        with torch.no_grad():
            return self.pipe.vae.encode(pictures.to(self.device, self.dtype)).latent_dist.parameters.float()

    def latents(self, moments: Tensor) -> Tensor:
        """Latents drawn from their moments, scaled as the network knows them."""
        import torch

        mean, spread = moments.float().chunk(2, 1)
        drawn = mean + torch.exp(0.5 * spread.clamp(-30, 20)) * torch.randn_like(mean)
        config = self.pipe.vae.config
        return (drawn - (getattr(config, "shift_factor", None) or 0.0)) * config.scaling_factor

    # -- words

    def read(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """What the text encoders make of texts; they must be on the device. Gradients flow through them."""
        raise NotImplementedError

    def painting(self, words: Mapping[str, Tensor], without: Mapping[str, Tensor] | None) -> dict[str, Any]:
        """Words as arguments of the pipeline; without: those of the empty text, where guidance compares with them."""
        given = {"prompt_embeds": words["words"]}
        return given if without is None else given | {"negative_prompt_embeds": without["words"]}

    # -- learning

    def error(self, latents: Tensor, words: Mapping[str, Tensor], size: tuple[int, int], gamma: float) -> Tensor:
        """The loss of each picture, (n,), at noise levels and with noise from torch's global generator.

        latents: (n, channels, h, w). size: (width, height) of the pictures in pixels. gamma: of min-SNR, 0 for none.
        """
        raise NotImplementedError


class _Stable(BaseModel):
    """Stable Diffusion 1 and 2."""

    def __init__(self, loaded: Loaded, device: str, type: str) -> None:
        super().__init__(loaded, device, type)
        from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

        from aigc_studio.nets.diffusion import Noise

        if self.type == "sd2":
            self.architecture, self.version = "stable-diffusion-v2", "sd_v2"
        name, settings = loaded.scheduler
        scheduler: Any = DDPMScheduler.from_config(dict(settings))
        if scheduler.config.prediction_type not in ("epsilon", "v_prediction"):
            raise StudioError(
                N_("This model was taught in a way that is not known here ({reason}); choose another one."),
                code="base",
                reason=f"{name}: {scheduler.config.prediction_type}",
            )
        self.noise = Noise(scheduler).to(device)

    def read(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """See `BaseModel`."""
        words, _ = self.pipe.encode_prompt(list(texts), self.device, 1, False)
        return {"words": words}

    def error(self, latents: Tensor, words: Mapping[str, Tensor], size: tuple[int, int], gamma: float) -> Tensor:
        """See `BaseModel`."""
        import torch

        times = self.noise.times(len(latents))
        noisy, wanted = self.noise.add(latents, torch.randn_like(latents), times)
        guess = self._guess(noisy.to(self.dtype), times, words, size)
        apart = (guess.float() - wanted).square().flatten(1).mean(1)
        return apart * self.noise.weights(times, gamma) if gamma else apart

    def _guess(self, noisy: Tensor, times: Tensor, words: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
        return self.network(noisy, times, words["words"].to(noisy.dtype)).sample


class _XL(_Stable):
    """SDXL: two encoders, and sizes as conditions."""

    type, architecture, version = "sdxl", "stable-diffusion-xl-v1-base", "sdxl_base_v1-0"
    encoders = ("text_encoder", "text_encoder_2")

    def read(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """See `BaseModel`."""
        found = self.pipe.encode_prompt(
            list(texts), device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        return {"words": found[0], "pooled": found[2]}

    def painting(self, words: Mapping[str, Tensor], without: Mapping[str, Tensor] | None) -> dict[str, Any]:
        """See `BaseModel`."""
        given = super().painting(words, without) | {"pooled_prompt_embeds": words["pooled"]}
        return given if without is None else given | {"negative_pooled_prompt_embeds": without["pooled"]}

    def _guess(self, noisy: Tensor, times: Tensor, words: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
        import torch

        # Original size, cropping, target size: a picture of this very size, not cropped.
        told = torch.tensor([size[1], size[0], 0, 0, size[1], size[0]], device=noisy.device).expand(len(noisy), 6)
        more = {"text_embeds": words["pooled"].to(noisy.dtype), "time_ids": told.to(noisy.dtype)}
        return self.network(noisy, times, words["words"].to(noisy.dtype), added_cond_kwargs=more).sample


class _Flux(BaseModel):
    """Flux: latents in packs of 2 x 2, taught by flow matching (Esser et al. 2024)."""

    type, part, architecture, version = "flux", "transformer", "flux-1-dev", "flux"
    encoders = ("text_encoder", "text_encoder_2")
    layers = (
        *(f"attn.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0")),
        *(f"attn.{name}" for name in ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")),
    )
    wide_layers = ("ff.net.0.proj", "ff.net.2", "ff_context.net.0.proj", "ff_context.net.2", "proj_mlp", "proj_out")

    def read(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """See `BaseModel`."""
        longest = self.loaded.spec.long_text(self.loaded)["tokenizer_2"]
        words, pooled, _ = self.pipe.encode_prompt(
            list(texts), prompt_2=None, device=self.device, max_sequence_length=longest
        )
        return {"words": words, "pooled": pooled}

    def painting(self, words: Mapping[str, Tensor], without: Mapping[str, Tensor] | None) -> dict[str, Any]:
        """See `BaseModel`."""
        return {"prompt_embeds": words["words"], "pooled_prompt_embeds": words["pooled"]}

    def error(self, latents: Tensor, words: Mapping[str, Tensor], size: tuple[int, int], gamma: float) -> Tensor:
        """See `BaseModel`. Levels are drawn where they teach most: about the middle, moved as the model's own are."""
        import torch

        count, channels, height, width = latents.shape
        level = torch.sigmoid(torch.randn(count, device=latents.device))
        settings = self.loaded.scheduler[1]
        shift = 1.0 if settings.get("use_dynamic_shifting") else float(settings.get("shift") or 1.0)
        level = shift * level / (1 + (shift - 1) * level)
        noise = torch.randn_like(latents)
        share = level.view(-1, 1, 1, 1)
        noisy = (1 - share) * latents + share * noise
        packed = self.pipe._pack_latents(noisy, count, channels, height, width).to(self.dtype)
        places = self.pipe._prepare_latent_image_ids(count, height // 2, width // 2, self.device, self.dtype)
        guided = bool(getattr(self.network.config, "guidance_embeds", False))  # pyright: ignore[reportAttributeAccessIssue]
        text = words["words"].to(self.dtype)
        guess = self.network(
            hidden_states=packed,
            timestep=level.to(self.dtype),
            guidance=torch.ones(count, device=packed.device) if guided else None,
            pooled_projections=words["pooled"].to(self.dtype),
            encoder_hidden_states=text,
            txt_ids=torch.zeros(text.shape[1], 3, device=packed.device, dtype=self.dtype),
            img_ids=places,
            return_dict=False,
        )[0]
        wanted = self.pipe._pack_latents(noise - latents, count, channels, height, width)
        return (guess.float() - wanted).square().flatten(1).mean(1)


class Latents:
    """What the autoencoder makes of prepared pictures, made once each and kept in a folder, float16: the autoencoder is
    large and does not change. Mirrored pictures have their own."""

    def __init__(self, base: BaseModel, data: PreparedImages, folder: Path) -> None:
        self._base, self._data, self._folder = base, data, folder

    def prepare(self, indices: Sequence[int], flip: bool, check: Callable[[], None], progress: Any) -> None:
        """Make those that are missing."""
        missing = [
            (index, mirrored)
            for index in indices
            for mirrored in ((False, True) if flip else (False,))
            if not self._path(index, mirrored).exists()
        ]
        if not missing:
            return
        with on_a_full_disk():
            self._folder.mkdir(parents=True, exist_ok=True)
        with self._base.on_device("vae"):
            for done, (index, mirrored) in enumerate(missing):
                check()
                progress(done, len(missing), N_("Packing the pictures"))
                picture = self._data.batch([index])
                self._write(index, mirrored, self._base.encode(picture.flip(3) if mirrored else picture))

    def moments(self, indices: Sequence[int], mirrored: Sequence[bool]) -> Tensor:
        """float32 (n, 2 x channels, h, w) of pictures of one size, on the CPU."""
        import numpy as np
        import torch

        rows = [np.load(self._path(index, turned)) for index, turned in zip(indices, mirrored, strict=True)]
        return torch.from_numpy(np.stack(rows)).float()

    def _path(self, index: int, mirrored: bool) -> Path:
        name = hashlib.blake2b(f"{self._data.hashes[index]}{mirrored}".encode(), digest_size=12).hexdigest()
        return self._folder / f"{name}.npy"

    def _write(self, index: int, mirrored: bool, moments: Tensor) -> None:
        import numpy as np

        path = self._path(index, mirrored)
        part = path.with_suffix(".part")
        with on_a_full_disk():
            with open(part, "wb") as file:
                np.save(file, moments[0].cpu().numpy().astype(np.float16))
            os.replace(part, path)


def paint_with(
    base: BaseModel,
    words: Mapping[str, Tensor],
    without: Mapping[str, Tensor],
    seed: int,
    size: tuple[int, int],
    check: Callable[[], None],
) -> Image:
    """One picture from words that are read already. The network must be on the device, the autoencoder may wait."""
    import torch

    facts = base.loaded.facts

    def stepped(_pipe: Any, _step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        check()
        return tensors

    guidance = float(facts.get("guidance", 5.0))
    # Without the encoders, which wait in main memory: a pipeline works where its first part is.
    pipe = copy.copy(base.pipe)
    for name in base.encoders:
        setattr(pipe, name, None)
    pipe.scheduler = type(base.pipe.scheduler).from_config(dict(base.loaded.scheduler[1]))
    with base.on_device("vae"), torch.no_grad():
        return pipe(
            **base.painting(words, without if guidance > 1 else None),
            num_inference_steps=min(30, int(facts.get("steps", 28))),
            guidance_scale=guidance,
            width=size[0],
            height=size[1],
            generator=torch.Generator("cpu").manual_seed(seed),
            callback_on_step_end=stepped,
        ).images[0]

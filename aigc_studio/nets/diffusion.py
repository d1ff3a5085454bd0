"""Latent diffusion from scratch: an autoencoder, a text encoder and a U-Net of diffusers' and transformers' own classes
in small sizes, the noise they learn to take away, and the losses.

Rombach et al. 2022 (latent diffusion); Nichol & Dhariwal 2021 (cosine schedule); Salimans & Ho 2022 (v-prediction);
Lin et al. 2024 (zero terminal SNR); Hang et al. 2023 (min-SNR weighting). The finished parts are saved as an ordinary
StableDiffusionPipeline, so that every program that runs one runs these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel

__all__ = [
    "SHAPES",
    "Noise",
    "Shape",
    "make_autoencoder",
    "make_scheduler",
    "make_text_encoder",
    "make_unet",
    "normalise_latents",
    "picture_loss",
    "set_scaling_factor",
]


@dataclass(frozen=True)
class Shape:
    """Sizes of the networks. factor: pixels along a side of one latent pixel (4 or 8). vae: channels at the finest
    level. unet: channels of each level. layers: residual blocks of a level of the U-Net. head: channels of an attention
    head. text, text_layers: width and layers of the text encoder. latents: channels of the latents.
    """

    factor: int
    vae: int
    vae_layers: int
    unet: tuple[int, ...]
    layers: int
    head: int
    text: int
    text_layers: int
    latents: int = 4


SHAPES: Mapping[str, Shape] = {
    "tiny": Shape(4, 16, 1, (32, 64), 1, 16, 48, 1),
    "small": Shape(4, 32, 1, (64, 128, 192), 1, 32, 128, 2),
    "icon": Shape(4, 32, 2, (96, 160, 224), 2, 32, 256, 3),
    "medium": Shape(4, 48, 2, (128, 256, 384), 2, 32, 256, 4),
    "large": Shape(8, 64, 2, (192, 384, 576), 2, 64, 384, 6),
}
"""Name to sizes: tiny for tests, small for a CPU, icon for the starter pack, medium and large for a graphics card."""


def make_autoencoder(shape: Shape, side: int) -> AutoencoderKL:
    """An autoencoder for pictures of `side` pixels: 3 channels in [-1, 1] to `shape.latents` and back."""
    levels = round(math.log2(shape.factor)) + 1
    channels = tuple(shape.vae * min(4, 2**level) for level in range(levels))
    make: Any = AutoencoderKL  # whose annotations know tuples of one only
    vae = make(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=channels,
        layers_per_block=shape.vae_layers,
        latent_channels=shape.latents,
        norm_num_groups=_groups(channels),
        sample_size=side,
        scaling_factor=1.0,
    )
    with torch.no_grad():
        vae.quant_conv.bias[
            shape.latents :
        ] = -4.0  # latents begin with little noise, which hides what is learned first
    return vae


def _groups(channels: tuple[int, ...]) -> int:
    """Groups of 16 channels for normalisation. A group of one has no mean left, and with it go the colours of plain
    grounds: after 250 steps on drawings of 64 px the error was 0.81 with such groups and 0.44 with larger ones."""
    return max(1, math.gcd(*channels) // 16)


def make_text_encoder(shape: Shape, tokenizer: Any) -> CLIPTextModel:
    """A text encoder for the tokenizer's words."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.text,
            intermediate_size=4 * shape.text,
            projection_dim=shape.text,
            num_hidden_layers=shape.text_layers,
            num_attention_heads=max(1, shape.text // 64),
            max_position_embeddings=tokenizer.model_max_length,
            hidden_act="gelu",
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            initializer_factor=1.0,
        )
    )


def make_unet(shape: Shape, side: int) -> UNet2DConditionModel:
    """The network that takes the noise away, for pictures of `side` pixels. The finest level has no attention where it
    has more than 16 x 16 latent pixels."""
    latent = side // shape.factor
    levels = len(shape.unet)
    attends = [latent // 2**level <= 16 or level == levels - 1 for level in range(levels)]
    # What the class calls the size of an attention head is the number of heads.
    heads = tuple(max(1, channels // shape.head) for channels in shape.unet)
    make: Any = UNet2DConditionModel
    return make(
        sample_size=latent,
        in_channels=shape.latents,
        out_channels=shape.latents,
        down_block_types=tuple("CrossAttnDownBlock2D" if each else "DownBlock2D" for each in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if each else "UpBlock2D" for each in reversed(attends)),
        block_out_channels=shape.unet,
        layers_per_block=shape.layers,
        norm_num_groups=_groups(shape.unet),
        cross_attention_dim=shape.text,
        attention_head_dim=heads,
    )


def make_scheduler(prediction: str = "v_prediction") -> DDIMScheduler:
    """The noise levels, as the finished model names them.

    The cosine schedule suits small pictures: the linear ones of large models would spend most steps in pure noise.
    It ends in pure noise (its last alpha is 1e-9, and the flag makes it exactly none), and sampling begins there
    ("trailing"): a schedule that stops short of it leaves a trace of the picture's mean colour to learn from, which is
    missing when a picture is made, so that plain backgrounds come out grey. Pure noise says nothing about the noise
    that was added, hence velocity; with "epsilon" the last level keeps a rest of the picture. Samplers that do not
    know the flag get the plain cosine, which differs from it by less than 1e-4.
    """
    velocity = prediction == "v_prediction"
    make: Any = DDIMScheduler
    return make(
        beta_schedule="squaredcos_cap_v2" if velocity else "scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type=prediction,
        rescale_betas_zero_snr=velocity,
        timestep_spacing="trailing" if velocity else "leading",
        steps_offset=0 if velocity else 1,
        clip_sample=False,
        set_alpha_to_one=velocity,
    )


class Noise(nn.Module):
    """Adding noise and knowing what is to be predicted; levels as a scheduler of diffusers has them."""

    alphas: Tensor

    def __init__(self, scheduler: Any) -> None:
        """scheduler: with `alphas_cumprod` and a prediction type of "epsilon" or "v_prediction"."""
        super().__init__()
        self.prediction: str = scheduler.config.prediction_type
        self.register_buffer("alphas", scheduler.alphas_cumprod.to(torch.float32), persistent=False)

    @property
    def levels(self) -> int:
        """How many noise levels there are."""
        return len(self.alphas)

    def times(self, count: int) -> Tensor:
        """int64 (count,): one level out of each of `count` equal shares of all, in random order, so that every batch
        sees the whole range (Kingma et al. 2021). Drawn from torch's global generator."""
        device = self.alphas.device
        spread = (torch.randperm(count, device=device) + torch.rand(count, device=device)) / count
        return (spread * self.levels).long().clamp_(max=self.levels - 1)

    def add(self, latents: Tensor, noise: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """(noisy latents, what the network is to predict), float32."""
        alpha = self.alphas[times].view(-1, *[1] * (latents.ndim - 1))
        signal, rest = alpha.sqrt(), (1 - alpha).sqrt()
        noisy = signal * latents + rest * noise
        return noisy, noise if self.prediction == "epsilon" else signal * noise - rest * latents

    def weights(self, times: Tensor, gamma: float = 5.0) -> Tensor:
        """float32 (n,): how much each level counts.

        Hang et al. weigh the error of the clean picture with min(SNR, gamma). Velocity's squared error is that of the
        picture times SNR + 1, the noise's is that times SNR. At pure noise their weight is none, and nothing would be
        learned where the picture's colours are decided, so that for velocity it is min(SNR + 1, gamma).
        """
        alpha = self.alphas[times]
        ratio = alpha / (1 - alpha).clamp_min(1e-8)
        whole = ratio + 1 if self.prediction == "v_prediction" else ratio.clamp_min(1e-8)
        return (gamma / whole).clamp(max=1.0)

    def clean(self, noisy: Tensor, predicted: Tensor, times: Tensor) -> Tensor:
        """The picture's latents that a prediction stands for."""
        alpha = self.alphas[times].view(-1, *[1] * (noisy.ndim - 1))
        signal, rest = alpha.sqrt(), (1 - alpha).sqrt()
        if self.prediction == "epsilon":
            return (noisy - rest * predicted) / signal.clamp_min(1e-4)
        return signal * noisy - rest * predicted


def picture_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """How far pictures are apart, (n,): absolute and squared differences on four scales, and those of their edges.

    A plain difference forgives soft edges, which drawings are made of. Coarser scales keep flat colours right; squares
    are what finds them at all, since an absolute difference pulls as hard at a small error as at a large one.
    """
    total = made.new_zeros(len(made))
    for level in range(4):
        difference = made - wanted
        apart = (difference.abs() + difference.square()).flatten(1).mean(1)
        total = total + apart * (1.0 if level == 0 else 0.25)
        if level < 2:
            across = (difference[..., 1:] - difference[..., :-1]).abs().flatten(1).mean(1)
            down = (difference[..., 1:, :] - difference[..., :-1, :]).abs().flatten(1).mean(1)
            total = total + 0.5 * (across + down)
        if min(made.shape[-2:]) < 4:
            break
        made, wanted = functional.avg_pool2d(made, 2), functional.avg_pool2d(wanted, 2)
    return total


@torch.no_grad()
def normalise_latents(vae: AutoencoderKL, mean: Tensor, spread: Tensor) -> None:
    """Fold the channels' mean and spread, (channels,) float32, into the 1 x 1 convolutions around the latents.

    Then every channel of the latents has mean 0 and the same spread as all others, which is what noise has; what the
    autoencoder makes of a picture stays the same. A pipeline only knows one number for all (`set_scaling_factor`).
    """
    first, last = vae.quant_conv, vae.post_quant_conv
    if not isinstance(first, nn.Conv2d) or not isinstance(last, nn.Conv2d):
        raise ValueError("this autoencoder has no convolutions around its latents")
    assert first.bias is not None
    assert last.bias is not None
    channels = len(mean)
    common = spread.square().mean().sqrt()
    factor = (common / spread.clamp_min(1e-6)).to(first.weight)
    middle = mean.to(first.weight)
    first.weight[:channels] *= factor[:, None, None, None]
    first.bias[:channels] = (first.bias[:channels] - middle) * factor
    first.bias[channels:] += 2 * factor.log()  # the logarithm of the variance
    last.bias += last.weight[:, :, 0, 0] @ middle
    last.weight /= factor[None, :, None, None]


def set_scaling_factor(vae: AutoencoderKL, spread: float) -> None:
    """Let latents of this spread be scaled to 1, as the pipelines of diffusers do it."""
    vae.register_to_config(scaling_factor=1.0 / max(1e-6, spread))

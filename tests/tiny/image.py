"""Tiny random picture models of diffusers' classes, saved as real folders: seeded weights in safetensors, tokenizers
built here. Each `make_*` writes one model into a folder and returns it: 64 px native, a picture in 0.1 s.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["MAKERS", "make_flux", "make_sd1", "make_sd2", "make_sd3", "make_sd_inpaint", "make_sdxl"]

_WORDS = ("a", "red", "blue", "green", "fox", "cat", "house", "on", "the", "in", "of", "snow", "sea", "night", "photo")
_WIDTH = 16
"""Hidden size of the text encoders."""


def _diffusers() -> Any:
    """The library, whose lazy names no type checker sees."""
    import diffusers

    return diffusers


def _seeded(build: Callable[[], Any], seed: int) -> Any:
    """What `build` makes with random weights of its own seed; the caller's random state is left alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build().eval()


def clip_tokenizer(length: int = 77) -> Any:
    """A CLIP tokenizer with all bytes and a few words merged."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    pieces = [*letters, *(letter + "</w>" for letter in letters)]
    merges: list[tuple[str, str]] = []
    for word in _WORDS:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            if (pair := (parts[0], parts[1])) not in merges:
                merges.append(pair)
                pieces.append("".join(pair))
            parts[:2] = ["".join(pair)]
    pieces = list(dict.fromkeys(pieces))
    vocab = {piece: id for id, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=length)  # pyright: ignore[reportArgumentType]


def t5_tokenizer() -> Any:
    """A T5 tokenizer of single characters and a few words."""
    from transformers import T5Tokenizer

    letters = [chr(code) for code in range(33, 127)]
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocab += [(letter, -6.0) for letter in letters] + [("▁" + word, -3.0) for word in _WORDS]
    return T5Tokenizer(vocab=vocab, extra_ids=0, model_max_length=512)  # pyright: ignore[reportArgumentType]


def clip_encoder(tokenizer: Any, seed: int, *, projected: bool = False, width: int = _WIDTH) -> Any:
    """A CLIP text model that fits the tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    kind = CLIPTextModelWithProjection if projected else CLIPTextModel
    return _seeded(lambda: kind(config), seed)


def t5_encoder(tokenizer: Any, seed: int) -> Any:
    """The encoder of a T5 that fits the tokenizer."""
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=len(tokenizer), d_model=_WIDTH, d_kv=8, d_ff=2 * _WIDTH, num_layers=1, num_heads=2, is_decoder=False
    )
    return _seeded(lambda: T5EncoderModel(config), seed)


def vae(seed: int, channels: int = 4, **config: Any) -> Any:
    """An image autoencoder that makes an eighth of each side, as the real ones."""
    return _seeded(
        lambda: _diffusers().AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(4, 8, 8, 8),
            layers_per_block=1,
            latent_channels=channels,
            norm_num_groups=4,
            sample_size=64,
            **config,
        ),
        seed,
    )


def unet(seed: int, channels: int = 4, **config: Any) -> Any:
    """A conditional UNet of two levels."""
    given: dict[str, Any] = {"cross_attention_dim": _WIDTH, "attention_head_dim": 4} | config
    return _seeded(
        lambda: _diffusers().UNet2DConditionModel(
            sample_size=8,
            in_channels=channels,
            out_channels=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            **given,
        ),
        seed,
    )


def _scheduler(**changes: Any) -> Any:
    """The scheduler that SD 1.x folders come with."""
    return _diffusers().PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        steps_offset=1,
        skip_prk_steps=True,
        **changes,
    )


def _save(pipeline: Any, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def make_sd1(folder: Path, seed: int = 1) -> Path:
    """Stable Diffusion 1.x: one CLIP encoder, predicts the noise."""
    tokenizer = clip_tokenizer()
    return _save(_sd(_diffusers().StableDiffusionPipeline, tokenizer, seed, unet(seed + 1), _scheduler()), folder)


def make_sd2(folder: Path, seed: int = 21) -> Path:
    """Stable Diffusion 2.x: predicts the velocity, linear projections."""
    scheduler = _diffusers().DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    network = unet(seed + 1, use_linear_projection=True, attention_head_dim=(4, 4))
    return _save(_sd(_diffusers().StableDiffusionPipeline, clip_tokenizer(), seed, network, scheduler), folder)


def make_sd_inpaint(folder: Path, seed: int = 41) -> Path:
    """Stable Diffusion for inpainting: nine channels in."""
    network = unet(seed + 1, channels=9)
    return _save(
        _sd(_diffusers().StableDiffusionInpaintPipeline, clip_tokenizer(), seed, network, _scheduler()), folder
    )


def _sd(kind: Any, tokenizer: Any, seed: int, network: Any, scheduler: Any) -> Any:
    return kind(
        vae=vae(seed),
        text_encoder=clip_encoder(tokenizer, seed + 2),
        tokenizer=tokenizer,
        unet=network,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def make_sdxl(folder: Path, seed: int = 61) -> Path:
    """SDXL: two CLIP encoders, sizes as conditions."""
    tokenizer, second = clip_tokenizer(), clip_tokenizer()
    ids = 8
    network = unet(
        seed + 1,
        cross_attention_dim=2 * _WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=ids,
        projection_class_embeddings_input_dim=6 * ids + _WIDTH,
        use_linear_projection=True,
        transformer_layers_per_block=(1, 1),
        attention_head_dim=(4, 4),
    )
    scheduler = _diffusers().EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        steps_offset=1,
        timestep_spacing="leading",
    )
    pipeline = _diffusers().StableDiffusionXLPipeline(
        vae=vae(seed, scaling_factor=0.13025, force_upcast=True),
        text_encoder=clip_encoder(tokenizer, seed + 2),
        text_encoder_2=clip_encoder(second, seed + 3, projected=True),
        tokenizer=tokenizer,
        tokenizer_2=second,
        unet=network,
        scheduler=scheduler,
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )
    return _save(pipeline, folder)


def _flow_vae(seed: int) -> Any:
    return vae(
        seed,
        16,
        scaling_factor=1.5,
        shift_factor=0.06,
        use_quant_conv=False,
        use_post_quant_conv=False,
        mid_block_add_attention=True,
    )


def make_sd3(folder: Path, seed: int = 81) -> Path:
    """Stable Diffusion 3: a diffusion transformer, two CLIP encoders and T5, flow matching."""
    first, second, third = clip_tokenizer(), clip_tokenizer(), t5_tokenizer()
    network = _seeded(
        lambda: _diffusers().SD3Transformer2DModel(
            sample_size=8,
            patch_size=2,
            in_channels=16,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=2 * _WIDTH,
            caption_projection_dim=16,
            pooled_projection_dim=2 * _WIDTH,
            out_channels=16,
            pos_embed_max_size=24,
        ),
        seed + 1,
    )
    wide = _seeded(lambda: _wide_t5(third), seed + 4)
    pipeline = _diffusers().StableDiffusion3Pipeline(
        transformer=network,
        scheduler=_diffusers().FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_flow_vae(seed),
        text_encoder=clip_encoder(first, seed + 2, projected=True),
        tokenizer=first,
        text_encoder_2=clip_encoder(second, seed + 3, projected=True),
        tokenizer_2=second,
        text_encoder_3=wide,
        tokenizer_3=third,
    )
    return _save(pipeline, folder)


def _wide_t5(tokenizer: Any) -> Any:
    """T5 as wide as both CLIP encoders of SD3 together."""
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=len(tokenizer), d_model=2 * _WIDTH, d_kv=8, d_ff=32, num_layers=1, num_heads=2, is_decoder=False
    )
    return T5EncoderModel(config)


def make_flux(folder: Path, seed: int = 101, *, guided: bool = False) -> Path:
    """Flux: packed latents, CLIP and T5. guided: takes the guidance as an input ("dev"), else distilled ("schnell")."""
    first, second = clip_tokenizer(), t5_tokenizer()
    network = _seeded(
        lambda: _diffusers().FluxTransformer2DModel(
            patch_size=1,
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=_WIDTH,
            pooled_projection_dim=_WIDTH,
            guidance_embeds=guided,
            axes_dims_rope=(4, 6, 6),
        ),
        seed + 1,
    )
    scheduler = (
        _diffusers().FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
        if guided
        else _diffusers().FlowMatchEulerDiscreteScheduler(shift=1.0)
    )
    pipeline = _diffusers().FluxPipeline(
        scheduler=scheduler,
        vae=_flow_vae(seed),
        text_encoder=clip_encoder(first, seed + 2),
        tokenizer=first,
        text_encoder_2=t5_encoder(second, seed + 3),
        tokenizer_2=second,
        transformer=network,
    )
    return _save(pipeline, folder)


def make_flux_dev(folder: Path) -> Path:
    """Flux with guidance as an input."""
    return make_flux(folder, 121, guided=True)


MAKERS: dict[str, Callable[[Path], Path]] = {
    "sd1": make_sd1,
    "sd2": make_sd2,
    "sd-inpaint": make_sd_inpaint,
    "sdxl": make_sdxl,
    "sd3": make_sd3,
    "flux-schnell": make_flux,
    "flux-dev": make_flux_dev,
}
"""Name to maker, for those who want them all."""

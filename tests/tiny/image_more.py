"""Tiny random picture models of the families beyond Stable Diffusion and Flux, saved as real folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.tiny.image import (
    _diffusers,
    _flow_vae,
    _save,
    _sd,
    _seeded,
    clip_tokenizer,
    make_sd1,
    t5_encoder,
    t5_tokenizer,
    unet,
    vae,
)

__all__ = [
    "MAKERS",
    "make_lcm",
    "make_pixart",
    "make_qwen_image",
    "make_qwen_image_edit",
    "make_sana",
    "make_sd1_pag",
    "make_z_image",
]

_WIDTH = 16
_CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def qwen_tokenizer(length: int = 1024) -> Any:
    """A Qwen tokenizer of single bytes, with the chat template's frame."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2Tokenizer

    vocab = {letter: id for id, letter in enumerate(sorted(ByteLevel.alphabet()))}
    given: dict[str, Any] = {"vocab": vocab, "merges": []}
    tokenizer = Qwen2Tokenizer(
        **given,
        unk_token="<|endoftext|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"],
        model_max_length=length,
    )
    tokenizer.chat_template = _CHAT
    return tokenizer


def make_z_image(folder: Path, seed: int = 141) -> Path:
    """Z-Image: one stream of text and picture, a Qwen3 as text encoder."""
    from transformers import Qwen3Config, Qwen3Model

    tokenizer = qwen_tokenizer()
    text: Any = {"hidden_size": _WIDTH, "intermediate_size": 32, "num_hidden_layers": 2, "head_dim": 8}
    config = Qwen3Config(
        vocab_size=len(tokenizer), num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=1024, **text
    )
    network = _seeded(
        lambda: _diffusers().ZImageTransformer2DModel(
            in_channels=16,
            dim=32,
            n_layers=1,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=_WIDTH,
            axes_dims=[4, 6, 6],
            axes_lens=[1024, 64, 64],
        ),
        seed + 1,
    )
    pipeline = _diffusers().ZImagePipeline(
        scheduler=_diffusers().FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_flow_vae(seed),
        text_encoder=_seeded(lambda: Qwen3Model(config), seed + 2),
        tokenizer=tokenizer,
        transformer=network,
    )
    return _save(pipeline, folder)


def _qwen_parts(seed: int) -> dict[str, Any]:
    """The components of Qwen-Image: packed latents, an autoencoder of videos, Qwen2.5-VL as text encoder."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    tokenizer = qwen_tokenizer()
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("image_pad", "vision_start", "vision_end")}
    config = Qwen2_5_VLConfig(
        text_config={
            "hidden_size": _WIDTH,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0},
        },
        vision_config={"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16},
        image_token_id=ids["image_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
    )
    network = _seeded(
        lambda: _diffusers().QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=64,
            out_channels=16,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=_WIDTH,
            axes_dims_rope=(4, 6, 6),
        ),
        seed + 1,
    )
    autoencoder = _seeded(
        lambda: _diffusers().AutoencoderKLQwenImage(base_dim=4, z_dim=16, dim_mult=[1, 2, 2, 2], num_res_blocks=1), seed
    )
    return {
        "scheduler": _diffusers().FlowMatchEulerDiscreteScheduler(shift=1.0, use_dynamic_shifting=True),
        "vae": autoencoder,
        "text_encoder": _seeded(lambda: Qwen2_5_VLForConditionalGeneration(config), seed + 2),
        "tokenizer": tokenizer,
        "transformer": network,
    }


def make_qwen_image(folder: Path, seed: int = 161) -> Path:
    """Qwen-Image: packed latents, an autoencoder of videos, Qwen2.5-VL as text encoder."""
    return _save(_diffusers().QwenImagePipeline(**_qwen_parts(seed)), folder)


def make_qwen_image_edit(folder: Path, seed: int = 221) -> Path:
    """Qwen-Image-Edit: changes a picture as the prompt says; its text encoder sees the picture."""
    from transformers import Qwen2VLImageProcessor

    parts = _qwen_parts(seed)
    _save(_diffusers().QwenImagePipeline(**parts), folder)
    parts["tokenizer"].save_pretrained(folder / "processor")
    pictures: Any = Qwen2VLImageProcessor
    pictures(max_pixels=28 * 28 * 16, min_pixels=28 * 28).save_pretrained(folder / "processor")
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    index |= {"_class_name": "QwenImageEditPipeline", "processor": ["transformers", "Qwen2VLProcessor"]}
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def make_pixart(folder: Path, seed: int = 181) -> Path:
    """PixArt Sigma: a diffusion transformer with T5 that still tells its steps the old way."""
    tokenizer = t5_tokenizer()
    network = _seeded(
        lambda: _diffusers().PixArtTransformer2DModel(
            sample_size=8,
            num_layers=1,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=2,
            caption_channels=_WIDTH,
            in_channels=4,
            out_channels=8,
            cross_attention_dim=16,
            use_additional_conditions=False,
        ),
        seed + 1,
    )
    pipeline = _diffusers().PixArtSigmaPipeline(
        tokenizer=tokenizer,
        text_encoder=t5_encoder(tokenizer, seed + 2),
        vae=vae(seed),
        transformer=network,
        scheduler=_diffusers().DPMSolverMultistepScheduler(),
    )
    return _save(pipeline, folder)


def make_sana(folder: Path, seed: int = 201) -> Path:
    """Sana: linear attention, an autoencoder that makes little of each side, Gemma as text encoder."""
    from transformers import Gemma2Config, Gemma2Model

    tokenizer = qwen_tokenizer(300)
    text: Any = {"hidden_size": _WIDTH, "intermediate_size": 32, "num_hidden_layers": 1, "head_dim": 8}
    config = Gemma2Config(vocab_size=len(tokenizer), num_attention_heads=2, num_key_value_heads=1, **text)
    network = _seeded(
        lambda: _diffusers().SanaTransformer2DModel(
            patch_size=1,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_attention_heads=2,
            attention_head_dim=4,
            num_cross_attention_heads=2,
            cross_attention_head_dim=4,
            cross_attention_dim=8,
            caption_channels=_WIDTH,
            sample_size=8,
        ),
        seed + 1,
    )
    autoencoder = _seeded(
        lambda: _diffusers().AutoencoderDC(
            in_channels=3,
            latent_channels=4,
            attention_head_dim=2,
            encoder_block_types=("ResBlock", "EfficientViTBlock"),
            decoder_block_types=("ResBlock", "EfficientViTBlock"),
            encoder_block_out_channels=(8, 8),
            decoder_block_out_channels=(8, 8),
            encoder_qkv_multiscales=((), (5,)),
            decoder_qkv_multiscales=((), (5,)),
            encoder_layers_per_block=(1, 1),
            decoder_layers_per_block=(1, 1),
            downsample_block_type="conv",
            upsample_block_type="interpolate",
            decoder_norm_types="rms_norm",
            decoder_act_fns="silu",
            scaling_factor=0.41407,
        ),
        seed,
    )
    pipeline = _diffusers().SanaPipeline(
        tokenizer=tokenizer,
        text_encoder=_seeded(lambda: Gemma2Model(config), seed + 2),
        vae=autoencoder,
        transformer=network,
        scheduler=_diffusers().FlowMatchEulerDiscreteScheduler(shift=7.0),
    )
    return _save(pipeline, folder)


def make_lcm(folder: Path, seed: int = 241) -> Path:
    """A latent consistency model: Stable Diffusion 1 that takes its guidance as an input and needs four steps."""
    scheduler = _diffusers().LCMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
    )
    network = unet(seed + 1, time_cond_proj_dim=32)
    _save(_sd(_diffusers().StableDiffusionPipeline, clip_tokenizer(), seed, network, scheduler), folder)
    return _renamed(folder, "LatentConsistencyModelPipeline")


def make_sd1_pag(folder: Path) -> Path:
    """Stable Diffusion 1 whose folder asks for perturbed-attention guidance."""
    return _renamed(make_sd1(folder), "StableDiffusionPAGPipeline")


def _renamed(folder: Path, pipeline: str) -> Path:
    """The folder as one of another pipeline class with the same components."""
    path = folder / "model_index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(index | {"_class_name": pipeline}), encoding="utf-8")
    return folder


MAKERS: dict[str, Callable[[Path], Path]] = {
    "z-image": make_z_image,
    "qwen-image": make_qwen_image,
    "qwen-image-edit": make_qwen_image_edit,
    "pixart": make_pixart,
    "sana": make_sana,
    "lcm": make_lcm,
    "sd1-pag": make_sd1_pag,
}
"""Name to maker, for those who want them all."""
